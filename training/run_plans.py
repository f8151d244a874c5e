"""What the form shows beside itself before anything starts: readiness, costs, rights, and what differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from projects.models import Project

from . import recipes
from .gates import inputs_of
from .requests import Plan, TrainingRequest
from .run_comparing import DifferenceWords, names_in, words_of_changes
from .run_rights import TrainingRights, rights_of
from .run_words import duration_words, memory_words
from .sentences import sentence

PARTS = {
    "runtime": gettext_lazy("PyTorch itself"),
    "weights": gettext_lazy("Weights of the model"),
    "adapter": gettext_lazy("What is learned"),
    "gradients": gettext_lazy("Gradients"),
    "optimizer": gettext_lazy("Optimiser"),
    "activations": gettext_lazy("Pictures in a batch"),
    "caches": gettext_lazy("Encoded pictures and captions"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing about the set before a training, with its mark."""

    mark: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """A plan as the form shows it; `refusals` are why it cannot start, empty when it can."""

    plan: Plan
    remarks: Sequence[Remark]
    length: str
    sides: str
    time: str
    memory: str
    there: str
    parts: Sequence[tuple[Any, str]]
    rights: TrainingRights
    changes: Sequence[DifferenceWords]
    refusals: Sequence[str]

    @property
    def changes_several(self) -> bool:
        """Would nobody know which change helped?"""
        return len(self.changes) > 1

    @property
    def machine(self) -> str:
        """What the workers train on."""
        return self.plan.machine.name

    @property
    def share(self) -> int:
        """How much of the machine's memory is needed, in per cent."""
        return round(100 * self.plan.estimate.memory_bytes / max(self.plan.machine.memory_bytes, 1))


def view_of(project: Project, request: TrainingRequest, plan: Plan) -> PlanView:
    """Return a plan as the form shows it."""
    things = [request, *([request.compared_with] if request.compared_with else [])]
    rights = rights_of(project, plan.decision, inputs_of(plan.spec, request.files, request.dataset_version))
    estimate = plan.estimate
    return PlanView(
        plan=plan,
        remarks=[Remark(mark=each.level, words=sentence(each.code, each.params)) for each in plan.readiness],
        length=length_words(plan),
        sides=sides_words(plan),
        time=duration_words(estimate.seconds),
        memory=memory_words(estimate.memory_bytes),
        there=memory_words(plan.machine.memory_bytes),
        parts=[(PARTS[name], memory_words(count)) for name, count in estimate.parts.items() if count],
        rights=rights,
        changes=words_of_changes(plan.changes, names_in(*things)),
        refusals=refusals_of(plan, rights),
    )


def refusals_of(plan: Plan, rights: TrainingRights) -> list[str]:
    """Return why a training cannot start, as the start itself would say it."""
    said = [] if plan.decision.allowed else (rights.train.reasons or [_("The licence does not allow this.")])
    said = [*said, *(sentence(each.code, each.params) for each in plan.readiness if each.level == "stop")]
    return [*said, *(sentence(code, params) for code, _field, params in plan.misfits())]


def length_words(plan: Plan) -> str:
    """Say how many steps there are, and how often every picture is seen."""
    spec, pictures = plan.spec, len(plan.material.train)
    seen = recipes.epochs_of(
        spec.max_train_steps,
        pictures=pictures,
        batch_size=spec.train_batch_size,
        accumulation=spec.gradient_accumulation_steps,
    )
    said = ngettext(
        "%(steps)d step: every picture is seen about %(times)s times.",
        "%(steps)d steps: every picture is seen about %(times)s times.",
        spec.max_train_steps,
    )
    return said % {"steps": spec.max_train_steps, "times": f"{seen:.3g}"}


def sides_words(plan: Plan) -> str:
    """Say how many pictures are learned from and how many are held out."""
    if plan.spec.folds:
        return _("%(count)d parts take turns in being held out; then all pictures are learned from.") % {
            "count": plan.spec.folds
        }
    counts = {"train": len(plan.material.train), "held": len(plan.material.validation)}
    if not counts["held"]:
        return _("%(train)d pictures to learn from; none is held out, so nothing is measured.") % counts
    return _("%(train)d pictures to learn from, %(held)d held out to measure with.") % counts
