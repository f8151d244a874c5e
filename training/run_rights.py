"""What the rights say of a training before it starts and afterwards: question by question, reasons item by item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from assets.library import Answer, answer_of
from assets.licensing import Action, Decision, Input, license_name
from assets.overrides import waivers_behind
from assets.services import decide_about, reading_language
from assets.services.decisions import own_profiles_in, waivers_of
from projects.models import Project

TRAIN = _("Train on these pictures")
QUESTIONS: Sequence[tuple[Action, Any]] = (
    (Action.GENERATE, _("Make pictures with what comes of it")),
    (Action.PUBLISH, _("Publish those pictures")),
    (Action.WEIGHTS, _("Give the file away")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRights:
    """The answers about a training and what comes of it: the first is whether it may be trained at all."""

    answers: Sequence[Answer]
    license: str

    @property
    def train(self) -> Answer:
        """Whether it may be trained."""
        return self.answers[0]

    @property
    def lines(self) -> list[tuple[Answer, bool]]:
        """Each answer, and whether it has the same reasons as the one before it, so that nobody reads them twice."""
        before = [None, *(each.reasons for each in self.answers)]
        return [
            (each, bool(each.reasons) and each.reasons == last)
            for each, last in zip(self.answers, before, strict=False)
        ]


def rights_of(project: Project, train: Decision, inputs: Sequence[Input]) -> TrainingRights:
    """Return the train gate's answer, and what may be done with what is learned from these things."""
    waivers = waivers_of(project, *(action for action, _question in QUESTIONS))
    own = own_profiles_in(project, inputs)
    later = [decide_about(project, action, inputs, waivers=waivers, own=own) for action, _question in QUESTIONS]
    known = waivers_behind(train, *later)
    asked = [(TRAIN, train), *zip((question for _action, question in QUESTIONS), later, strict=True)]
    return TrainingRights(
        answers=[answer_of(question, decision, known) for question, decision in asked],
        license=license_name(later[1], reading_language()),
    )


def stored_answer(decision: dict[str, Any]) -> Answer | None:
    """Return a stored answer of the train gate in words, None where none was stored."""
    return answer_of(TRAIN, Decision.from_dict(decision)) if decision else None
