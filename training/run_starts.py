"""What the form of a run holds when it opens, and what follows when purpose, method, preset, set or model change.

Values are plain: names of form fields to what a browser would send for them.
"""

import uuid
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from django.db import models

from assets.manifests import ManifestItem
from assets.models import DatasetVersion, ModelFile, Rights
from assets.services import reading_language
from assets.services.exports import manifest_in
from engine.specs import SamplePrompt
from engine.words import says
from projects.access import usable_in
from projects.models import Project

from . import recipes
from .access import RUNS
from .field_words import knows
from .material import MaterialChoice
from .models import Adapter, Method, TrainingRun
from .small_models import SMALL, is_small
from .starting import PRESETS, samples_for, suited_values
from .values import DEFAULTS

Values = dict[str, Any]
Row = TypeVar("Row", bound=models.Model)
OTHER = "other"
PURPOSES = (*recipes.PURPOSES, OTHER)
AS_BEFORE = "before"
RUNS_OFFERED = 60
VERSIONS_OFFERED = 200
# What a preset says nothing about, because it is about these pictures, not about how to learn.
PERSONS = frozenset(("trigger_word", "class_word", "seed", "sample_prompts"))
REGULARIZED = ("with_prior_preservation", "prior_mode")
LOOKED_AT = 2


class Offer:
    """What a project offers to train with; each kind is read at most once."""

    def __init__(self, project: Project) -> None:
        self.project = project

    @cached_property
    def files(self) -> list[ModelFile]:
        """The base models and VAEs that can be chosen, by name."""
        kinds = (ModelFile.Kind.BASE, ModelFile.Kind.VAE)
        rows = usable_in(self.project, ModelFile.objects.filter(kind__in=kinds, removed_at=None))
        return list(rows.select_related("rights__evidence").order_by("name", "id"))

    @property
    def bases(self) -> list[ModelFile]:
        """The base models."""
        return [file for file in self.files if file.kind == ModelFile.Kind.BASE]

    @property
    def vaes(self) -> list[ModelFile]:
        """The VAEs."""
        return [file for file in self.files if file.kind == ModelFile.Kind.VAE]

    @cached_property
    def versions(self) -> list[DatasetVersion]:
        """The newest frozen versions of datasets in use, set by set."""
        rows = DatasetVersion.objects.filter(dataset__project=self.project, dataset__archived_at=None)
        rows = rows.select_related("dataset__project").defer("decision")
        return list(rows.order_by("dataset__name", "dataset_id", "-number")[:VERSIONS_OFFERED])

    @cached_property
    def adapters(self) -> list[Adapter]:
        """The adapters that can get another version."""
        return list(Adapter.objects.filter(project=self.project, archived_at=None).select_related("project"))

    @cached_property
    def runs(self) -> list[TrainingRun]:
        """The newest runs to compare with."""
        return list(RUNS.filter(project=self.project)[:RUNS_OFFERED])

    def find_base(self, key: Any) -> ModelFile | None:
        """Return a base model by the id that a form sent, or None."""
        return find(self.bases, key)

    def find_vae(self, key: Any) -> ModelFile | None:
        """Return a VAE by the id that a form sent, or None."""
        return find(self.vaes, key)

    def find_version(self, key: Any) -> DatasetVersion | None:
        """Return a version by the id that a form sent, or None."""
        return find(self.versions, key)

    def find_adapter(self, key: Any) -> Adapter | None:
        """Return an adapter by the id that a form sent, or None."""
        return find(self.adapters, key)

    def find_run(self, key: Any) -> TrainingRun | None:
        """Return a run by the id that a form sent, however old it is, or None."""
        known = find(self.runs, key)
        return known or RUNS.filter(project=self.project, id=as_key(key)).first()

    @property
    def usual_base(self) -> ModelFile | None:
        """The model that the form starts with: the first whose rights are cleared, else the first."""
        cleared = [each for each in self.bases if each.rights.state == Rights.State.CLEARED]
        return next(iter(cleared or self.bases), None)


def find(rows: Sequence[Row], key: Any) -> Row | None:
    """Return the row with an id as a form sent it, or None."""
    return next((row for row in rows if str(row.pk) == str(key)), None)


def as_key(key: Any) -> uuid.UUID | None:
    """Return an id that a browser sent, None when it is none."""
    try:
        return uuid.UUID(str(key))
    except ValueError:
        return None


def opening_values(offer: Offer, asked: Mapping[str, str]) -> Values:
    """Return what the form holds when it opens: an older run with `like`, else the advice for a `version`."""
    run = offer.find_run(asked.get("like"))
    if run is not None:
        return values_of_run(run)
    versions = offer.versions
    version = offer.find_version(asked.get("version")) or next(iter(versions), None)
    base = offer.usual_base
    values = {
        "purpose": asked.get("purpose", ""),
        "preset": SMALL if base and is_small(base.native_width) else "balanced",
        "dataset_version": str(version.id) if version else "",
        "base_model": str(base.id) if base else "",
    }
    return follow_choices(values, offer)


def follow_choices(values: Mapping[str, Any], offer: Offer) -> Values:
    """Return the form with what follows from its choices: another method or preset brings its own values."""
    purpose = values.get("purpose", "") if values.get("purpose") in PURPOSES else ""
    methods = methods_for(purpose)
    method = values.get("method") if values.get("method") in methods else next(iter(methods), "")
    version, base = offer.find_version(values.get("dataset_version")), offer.find_base(values.get("base_model"))
    material = texts_of(MaterialChoice(language=reading_language()).as_dict())
    begun = {"seed": "0", **material, **values}
    followed = {**begun, "purpose": purpose, "method": method, "idempotency_key": str(uuid.uuid4())}
    if not method or version is None or base is None:
        return followed
    followed["preset"] = fitting_preset(followed.get("preset", ""), base)
    if values.get("words_from") != str(version.id):
        followed |= words_of(version, followed)
    mark = "|".join((purpose, method, followed["preset"], str(version.id), str(base.id)))
    if values.get("settings_from") == mark:
        return followed
    if followed["preset"] != AS_BEFORE:
        followed |= suggested_values(followed, version, base)
    return {**followed, "settings_from": mark}


def fitting_preset(preset: str, base: ModelFile) -> str:
    """Return a preset that is there for this model."""
    offered = (*PRESETS, AS_BEFORE, *((SMALL,) if is_small(base.native_width) else ()))
    return preset if preset in offered else "balanced"


def methods_for(purpose: str) -> tuple[str, ...]:
    """Return the ways to learn for a purpose, the advised one first; all of them for anything else."""
    if purpose == OTHER:
        return tuple(Method.values)
    return tuple(each.method for each in recipes.methods_for(purpose)) if purpose else ()  # type: ignore[arg-type]


def suggested_values(values: Mapping[str, Any], version: DatasetVersion, base: ModelFile) -> Values:
    """Return every field that the method knows with what the preset says, or its usual value."""
    method, purpose = values["method"], "object" if values["purpose"] == OTHER else values["purpose"]
    said = suited_values(version, base, method=method, purpose=purpose, preset=values["preset"])
    looks, negative = samples_for(base, "", ""), base.defaults.get("negative_prompt", "")
    usual = {name: value for name, value in DEFAULTS.items() if name not in PERSONS and knows(method, name)}
    texts = texts_of({**usual, **looks, **said})
    return {
        **texts,
        "regularization": regularization_of(said),
        "length_unit": "steps",
        "sample_negative": values.get("sample_negative") or negative,
    }


def regularization_of(values: Mapping[str, Any]) -> str:
    """Return how the class is kept: one choice for two fields of the recipe."""
    return values.get("prior_mode", "class_pictures") if values.get("with_prior_preservation") else ""


def words_of(version: DatasetVersion, values: Mapping[str, Any]) -> Values:
    """Return what a set says about itself: its trigger word, and captions to draw samples from."""
    items = manifest_in(version).items
    prompts = sample_lines(items, values.get("language", "en"), version.trigger)
    return {"trigger_word": version.trigger, "sample_lines": "\n".join(prompts), "words_from": str(version.id)}


def sample_lines(items: Sequence[ManifestItem], language: str, trigger: str) -> list[str]:
    """Return a few captions of the set, apart from each other, with the trigger word in front where it is missing."""
    found = list(dict.fromkeys(filter(None, (each.captions.get(language, "") for each in items))))
    chosen = [found[place * len(found) // LOOKED_AT] for place in range(min(LOOKED_AT, len(found)))]
    said = [each if not trigger or says(each, trigger) else f"{trigger}, {each}" for each in chosen]
    return said or ([trigger] if trigger else [])


def values_of_run(run: TrainingRun) -> Values:
    """Return the form as it was for a run, to be compared with it."""
    version, base = str(run.dataset_version_id), str(run.base_model_id)
    kept = {name: value for name, value in run.recipe.as_dict().items() if name in DEFAULTS}
    prompts: Sequence[SamplePrompt] = run.recipe.sample_prompts
    choices = {"purpose": purpose_of(run.method), "method": run.method, "preset": AS_BEFORE}
    return {
        **texts_of({**kept, **run.material}),
        **choices,
        "dataset_version": version,
        "base_model": base,
        "vae": str(run.vae_id or ""),
        "adapter": str(run.adapter_id),
        "compared_with": str(run.id),
        "sample_lines": "\n".join(each.prompt for each in prompts),
        "sample_negative": prompts[0].negative_prompt if prompts else "",
        "regularization": regularization_of(kept),
        "length_unit": "steps",
        "words_from": version,
        "settings_from": "|".join((*choices.values(), version, base)),
        "idempotency_key": str(uuid.uuid4()),
    }


def purpose_of(method: str) -> str:
    """Return a purpose for which a method is offered."""
    return next((each for each in recipes.PURPOSES if method in methods_for(each)), OTHER)


def texts_of(values: Mapping[str, Any]) -> Values:
    """Return values as a browser would send them; what is off is not sent."""
    found: Values = {}
    for name, value in values.items():
        if isinstance(value, bool):
            found[name] = "on" if value else ""
        elif name != "sample_prompts":
            found[name] = as_text(value)
    return found


def as_text(value: Any) -> str:
    """Return one value as it stands in a box."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(f"{each:g}" for each in value)
    return f"{value:.12g}" if isinstance(value, float) else str(value)
