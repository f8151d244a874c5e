"""May I use this? The things that a question is about, and the gate's answer in Japanese and English."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from projects.models import Project

from . import licensing
from .library import MARKS
from .licensing import Action, Decision, Edge, Verdict
from .models import Dataset, ModelFile, Picture
from .review_pages import Thing, ids_in, rights_in, thing_of
from .services import reading_language
from .services.decisions import Sources, heightened_by, inputs_about, lessons_from
from .services.questions import Answer

INPUTS_SHOWN = 24
ANSWERS = {
    Verdict.ALLOW: gettext_lazy("Yes"),
    Verdict.REVIEW: gettext_lazy("Ask first"),
    Verdict.BLOCK: gettext_lazy("No"),
}
# What somebody means to do: the words, the gate, and how a picture is in what is made then.
USES: Mapping[str, tuple[Any, Action, Edge | None]] = {
    "made": (gettext_lazy("Publish what is made with it"), Action.PUBLISH, None),
    "itself": (gettext_lazy("Publish it unchanged"), Action.PUBLISH, Edge.ITSELF),
    "train": (gettext_lazy("Train on it"), Action.TRAIN, None),
    "weights": (gettext_lazy("Pass the weights on"), Action.WEIGHTS, None),
    "host": (gettext_lazy("Offer it as a service"), Action.HOST, None),
    "result": (gettext_lazy("Publish it"), Action.PUBLISH, None),
}
FOR_MODELS = ("made", "train", "weights", "host")
FOR_PICTURES = ("made", "itself", "train")
FOR_BOTH = ("made", "train")
FOR_OUTPUTS = ("result",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One thing that a question is about, as the address names it; a dataset stands for its pictures."""

    name: str
    kind: Any
    license: str
    url: str
    field: str
    value: str
    thumbnail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an address asks about: the things, and the models and pictures that they are.

    `aims_at_work` is False where every dataset among them says that it aims at no person, character or work.
    """

    subjects: Sequence[Subject]
    files: Sequence[ModelFile]
    pictures: Sequence[Picture]
    learned: Sequence[Picture]
    aims_at_work: bool

    @property
    def uses(self) -> tuple[str, ...]:
        """Return what can be done with all of it."""
        has_pictures = bool(self.pictures or self.learned)
        if self.files and has_pictures:
            return FOR_BOTH
        return FOR_PICTURES if has_pictures else FOR_MODELS

    def inputs(self, use: str) -> list[licensing.Input]:
        """Return what the algebra is asked about, for one of `uses`."""
        _words, action, edge = USES[use]
        kind = "training_picture" if action is Action.TRAIN else "input_picture"
        drawn = inputs_about(action, self.pictures, kind, edge=edge)
        if edge is None:
            taught = lessons_from(self.learned, heightened_by(len(self.learned), self.aims_at_work))
        else:
            taught = inputs_about(action, self.learned, "training_picture", edge=edge)
        return [*Sources(self.files).inputs_of(self.files), *drawn, *taught]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """An answer in one language: the sentence, every reason with item and clause, what is owed, what is ruled out."""

    language: str
    name: str
    answer: str
    license: str
    reasons: Sequence[str]
    owed: str
    rules: Sequence[str]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPage:
    """The gate's answer to a question, the reader's language first."""

    word: Any
    mark: str
    changes: str
    ends_at: datetime | None
    spoken: Sequence[Spoken]
    items: Sequence[tuple[str, str]]
    more_items: int


def read_asked(project: Project, query: Any) -> Asked:
    """Return what an address asks about; ids of what is not there are passed over."""
    pictures = things(project, "picture", ids_in(query.getlist("picture")))
    models = things(project, "model_file", ids_in(query.getlist("model")))
    datasets = list(
        Dataset.objects.filter(project=project, id__in=ids_in(query.getlist("dataset"))).select_related("project")
    )
    learned = Picture.objects.filter(project=project, items__dataset__in=datasets).select_related("rights__evidence")
    return Asked(
        subjects=[
            *(subject_of(each, "picture") for each in pictures),
            *(subject_of(each, "model") for each in models),
            *(dataset_subject(each) for each in datasets),
        ],
        files=[each.holder for each in models],
        pictures=[each.holder for each in pictures],
        learned=list(learned.distinct()),
        aims_at_work=any(each.aims_at_work is not False for each in datasets),
    )


def things(project: Project, field: str, ids: list[UUID]) -> list[Thing]:
    """Return pictures or models of the project."""
    rows = rights_in(project).filter(**{f"{field}__in": ids}) if ids else ()
    return [thing_of(project, each) for each in rows]


def subject_of(thing: Thing, field: str) -> Subject:
    """Return a picture or model as the question names it."""
    return Subject(
        name=thing.name,
        kind=thing.kind,
        license=thing.license,
        url=thing.url,
        thumbnail=thing.thumbnail,
        field=field,
        value=str(thing.holder.id),
    )


def dataset_subject(dataset: Dataset) -> Subject:
    """Return a dataset as the question names it."""
    return Subject(
        name=str(dataset),
        kind=_("Dataset"),
        license="",
        url=dataset.get_absolute_url(),
        field="dataset",
        value=str(dataset.id),
    )


def answer_page(answer: Answer) -> AnswerPage:
    """Return an answer in words."""
    decision, own = answer.decision, reading_language()
    languages = sorted(("ja", "en"), key=lambda each: each != own)
    items = [(each.item, license_of(each, own)) for each in decision.inputs]
    return AnswerPage(
        word=ANSWERS[decision.verdict],
        mark=MARKS[decision.verdict.value],
        changes=changes_in(answer),
        ends_at=decision.terms.expires_at,
        spoken=[spoken_in(decision, each) for each in languages],
        items=items[:INPUTS_SHOWN],
        more_items=max(len(items) - INPUTS_SHOWN, 0),
    )


def changes_in(answer: Answer) -> str:
    """Say how the answer changes between now and the day that was asked about; nothing when it does not."""
    if answer.now.verdict is answer.until.verdict:
        return ""
    return _("Now: %(now)s. On the last day: %(then)s.") % {
        "now": ANSWERS[answer.now.verdict],
        "then": ANSWERS[answer.until.verdict],
    }


def license_of(given: licensing.Input, language: str) -> str:
    """Return the declared licence of one thing in words."""
    declared = given.facts.branch or given.facts.expression
    return licensing.label("licenses", declared, language) if declared else _("unknown licence")


def spoken_in(decision: Decision, language: str) -> Spoken:
    """Return an answer in one language."""
    return Spoken(
        language=language,
        name={"ja": "日本語", "en": "English"}[language],
        answer=licensing.answer(decision, language),
        license=licensing.license_name(decision, language),
        reasons=licensing.explain(decision, language),
        owed=licensing.obligations_text(decision, language),
        rules=licensing.restrictions_text(decision, language),
        labels=labels_in(language),
    )


def labels_in(language: str) -> dict[str, str]:
    """Return what stands beside an answer, in its own language whatever the page's is."""
    with override(language):
        return {"license": _("Licence"), "owed": _("Owed"), "nothing": _("nothing"), "rules": _("Rules on use")}
