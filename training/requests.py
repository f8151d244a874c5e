"""From what a person asks for to the recipe, the split, the rights and the costs, before anything is written.

The form's preview, the API and the start of a run all come through `plan`, so what was shown is what is trained.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from assets.licensing import Decision
from assets.models import DatasetVersion, ModelFile
from assets.splits import join_clusters
from engine.errors import ModelError
from engine.specs import TrainingSpec
from engine.training.limits import TRAINABLE, check_training
from engine.training.values import Material
from projects.models import Project
from projects.problems import Problem

from . import recipes
from .devices import known_machine
from .gates import decide_training
from .material import FrozenPictures, MaterialChoice, Words, check_material
from .model_sizes import sizes_of
from .models import Adapter, TrainingRun
from .paces import measured_pace
from .sentences import sentence
from .values import clean_values


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRequest:
    """What a person asks for. `values` are fields of a TrainingSpec that a person may choose.

    Without `adapter` a new one is opened under `adapter_name`. A run that is compared with another one of the same
    set keeps its split.
    """

    method: str
    dataset_version: DatasetVersion
    base_model: ModelFile
    vae: ModelFile | None = None
    adapter: Adapter | None = None
    adapter_name: str = ""
    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    material: MaterialChoice = field(default_factory=MaterialChoice)
    compared_with: TrainingRun | None = None
    notes: str = ""

    @property
    def files(self) -> list[ModelFile]:
        """Return the model files that are trained with."""
        return list(filter(None, (self.base_model, self.vae)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that follows from a request, before it is written."""

    spec: TrainingSpec
    split: Mapping[str, Any]
    material: Material
    decision: Decision
    estimate: recipes.Estimate
    machine: recipes.Machine
    readiness: Sequence[recipes.Readiness]
    changes: tuple[recipes.Difference, ...]

    @property
    def changes_several(self) -> bool:
        """Would nobody know which change helped?"""
        return len(self.changes) > 1

    def misfits(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield what this machine cannot do: a code, the field to change, and the values of the sentence."""
        if self.spec.optimizer == "adamw_8bit" and self.machine.kind == "cpu":
            yield "optimizer_needs_gpu", "optimizer", {}
        if not self.estimate.fits:
            params = {"needed": self.estimate.memory_bytes, "there": self.machine.memory_bytes}
            yield "training_too_large", "train_batch_size", params


def plan(project: Project, request: TrainingRequest) -> Plan:
    """Part, caption, check, judge and estimate what was asked for. Raises Problem naming the field that must change.

    What the rights or the machine's memory forbid is in the plan, and raises nothing.
    """
    request = dataclasses.replace(request, values=clean_values(request.values))
    check_request(project, request)
    frozen = FrozenPictures(request.dataset_version)
    sides = split_for(request, frozen)
    words = Words(trigger_word=request.values.get("trigger_word", ""), class_word=request.values.get("class_word", ""))
    material = frozen.material(sides, request.material, words)
    spec = build_spec(request, material)
    machine, pictures = known_machine(), len(material.train)
    return Plan(
        spec=spec,
        split=sides,
        material=material,
        decision=decide_training(project, spec, request.files, request.dataset_version),
        estimate=estimate_of(spec, request.base_model, pictures, machine),
        machine=machine,
        readiness=readiness_of(request, frozen, spec),
        changes=changes_of(request, spec),
    )


def check_request(project: Project, request: TrainingRequest) -> None:
    """Raise Problem for parts that do not fit together or do not belong to the project."""
    check_material(request.material)
    if request.dataset_version.dataset.project_id != project.id:
        raise Problem("dataset_unknown", _("This dataset is not in the project."), status=404)
    if request.base_model.kind != ModelFile.Kind.BASE or request.base_model.removed_at is not None:
        raise Problem("base_unfit", sentence("base_unfit"), fields={"base_model": sentence("base_unfit")})
    if request.base_model.architecture not in TRAINABLE:
        message = sentence("training_architecture_unfit")
        raise Problem("training_architecture_unfit", message, fields={"base_model": message})
    vae = request.vae
    if vae is not None and (vae.kind != ModelFile.Kind.VAE or vae.architecture != request.base_model.architecture):
        raise Problem("vae_unfit", sentence("vae_unfit"), fields={"vae": sentence("vae_unfit")})
    adapter = request.adapter
    if adapter is not None and (adapter.project_id, adapter.archived_at) != (project.id, None):
        raise Problem("adapter_closed", sentence("adapter_closed"), fields={"adapter": sentence("adapter_closed")})
    if adapter is not None and adapter.method != request.method:
        message = sentence("adapter_method_differs", {"method": adapter.get_method_display()})
        raise Problem("adapter_method_differs", message, fields={"method": message})


def split_for(request: TrainingRequest, frozen: FrozenPictures) -> Mapping[str, Any]:
    """Return who is on which side. Folds learn from all pictures in the end, so nothing is held out for good."""
    if request.values.get("folds"):
        return {"train": [item.number for item in frozen.items], "validation": [], "seed": 0, "share": 0.0}
    other = request.compared_with
    if other is not None and other.dataset_version_id == request.dataset_version.id:
        choice = MaterialChoice.from_dict(other.material)
        is_same = (choice.validation_share, choice.split_seed) == (
            request.material.validation_share,
            request.material.split_seed,
        )
        if is_same and not other.spec.get("folds"):
            return dict(other.split)
    return frozen.part(request.material)


def build_spec(request: TrainingRequest, material: Material) -> TrainingSpec:
    """Return the recipe, checked. Raises Problem naming the fields."""
    spec = TrainingSpec(
        method=request.method,  # type: ignore[arg-type]  # checked below, with everything else
        architecture=request.base_model.architecture,  # type: ignore[arg-type]
        base_model=request.base_model.sha256,
        prediction_type=request.base_model.defaults.get("prediction_type") or None,
        vae=request.vae.sha256 if request.vae else None,
        dataset=request.dataset_version.merkle_root,
        split=material.split(),
        **request.values,
    )
    errors = check_training(spec, with_class_pictures(spec, material))
    if errors:
        said = {error.params.get("field", "spec"): sentence(error.code, error.params) for error in errors}
        raise Problem(errors[0].code, sentence(errors[0].code, errors[0].params), fields=said)
    return spec


def with_class_pictures(spec: TrainingSpec, material: Material) -> Material:
    """Return the material as it will be once the worker has drawn class pictures, to check a spec with."""
    is_drawn_later = spec.with_prior_preservation and spec.prior_mode == "class_pictures" and spec.num_class_images > 0
    return dataclasses.replace(material, class_pictures=material.train[:1]) if is_drawn_later else material


def estimate_of(spec: TrainingSpec, base_model: ModelFile, pictures: int, machine: recipes.Machine) -> recipes.Estimate:
    """Return what the training needs on the worker's machine. Raises Problem for a model that cannot be read."""
    try:
        sizes = sizes_of(base_model)
    except ModelError as error:
        message = sentence(error.code, error.params)
        raise Problem(error.code, message, fields={"base_model": message}) from error
    pace = measured_pace(spec, machine)
    return recipes.estimate(spec, sizes, pictures=pictures, machine=machine, pictures_per_second=pace)


def readiness_of(request: TrainingRequest, frozen: FrozenPictures, spec: TrainingSpec) -> Sequence[recipes.Readiness]:
    """Say what stands against a training with these pictures."""
    keys = [item.pixels_sha256 for item in frozen.items]
    return recipes.judge_readiness(
        spec.method,
        pictures=len(keys),
        captioned=frozen.captioned(request.material.language),
        clusters=len(join_clusters(keys, frozen.clusters())),
        trigger_word=spec.trigger_word,
    )


def changes_of(request: TrainingRequest, spec: TrainingSpec) -> tuple[recipes.Difference, ...]:
    """Return what differs from the run that the request is compared with."""
    other = request.compared_with
    if other is None:
        return ()
    before = {**other.spec, **other.material}
    return recipes.differences(before, {**spec.as_dict(), **request.material.as_dict()})
