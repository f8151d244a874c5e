"""Ask the gates that training, merging and using an adapter pass."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from assets.licensing import Action, Decision, Edge, Input
from assets.models import DatasetVersion, ModelFile, Waiver
from assets.services import decide_about, decide_use, explain_here
from assets.services.decisions import Sources, lessons_of
from engine.specs import TrainingSpec
from projects.models import Project
from projects.problems import Problem

from .models import AdapterVersion, TrainingRun


def decide_training(
    project: Project,
    spec: TrainingSpec,
    files: Iterable[ModelFile],
    version: DatasetVersion,
    *,
    at: datetime | None = None,
    waivers: Sequence[Waiver] | None = None,
) -> Decision:
    """Ask the train gate about the models that are trained with and everything that is learned from."""
    return decide_about(project, Action.TRAIN, inputs_of(spec, files, version), at=at, waivers=waivers)


def inputs_of(spec: TrainingSpec, files: Iterable[ModelFile], version: DatasetVersion) -> list[Input]:
    """Return what a training is made from. Class pictures are the base model's own outputs, which it learns from."""
    used = list(files)
    sources = Sources(used)
    inputs = [*sources.inputs_of(used), *lessons_of(version)]
    if spec.with_prior_preservation and spec.prior_mode == "class_pictures":
        bases = [file for file in used if file.kind == ModelFile.Kind.BASE]
        inputs += sources.inputs_of(bases, edge=Edge.OUTPUT_TO_DATASET)
    return list({(each.ref, each.edge, each.heightened): each for each in inputs}.values())


def decide_run(run: TrainingRun, *, at: datetime | None = None, waivers: Sequence[Waiver] | None = None) -> Decision:
    """Ask the train gate about a run, as everything stands now."""
    return decide_training(run.project, run.recipe, run.files(), run.dataset_version, at=at, waivers=waivers)


def decide_version(version: AdapterVersion, action: Action) -> Decision:
    """Ask a gate about a version and everything that it was made from, as the rights stand now."""
    return decide_use(version.adapter.project, action, [version.file])


def check_usable(version: AdapterVersion) -> None:
    """Raise Problem for a version that was taken back, as it stands now."""
    if AdapterVersion.objects.filter(pk=version.pk).exclude(withdrawn_at=None).exists():
        raise Problem("version_withdrawn", _("This version was taken back. Choose another one."), status=409)


def require(decision: Decision) -> Decision:
    """Return a decision that allows. Raises Problem with the reasons for any other."""
    if decision.allowed:
        return decision
    reasons = explain_here(decision)
    raise Problem(
        "rights_blocked",
        reasons[0] if reasons else _("The licence does not allow this."),
        status=409,
        details={"reasons": reasons, "decision": decision.as_dict()},
    )
