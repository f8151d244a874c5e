"""What the Studio's form holds when it opens, and what changes in it when a template or a model is chosen.

Values are plain: names of form fields to what a browser would send for them.
"""

import uuid
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from assets.models import ModelFile, Rights
from engine.limits import MAX_GUIDANCE, MAX_SEED, MAX_SIDE, MAX_STEPS, MIN_SIDE
from engine.schedulers import usual_scheduler
from projects.access import find_one, get_in_project, usable_in
from projects.models import Campaign, Project, User

from . import adapter_choice, prompts
from .expansion import keep_literal
from .models import Generation, Output, PromptTemplate, TemplateAlias, TemplateVersion
from .services.generations import any_seed

Values = dict[str, Any]
SETTINGS = ("width", "height", "num_inference_steps", "guidance_scale", "scheduler")
VARIABLE_PREFIX = "var_"
MAX_ADAPTERS_OFFERED = 200
QUALITY_STEPS = {Generation.Quality.DRAFT: 0.6, Generation.Quality.FINAL: 1.4}


class Shelf:
    """What a project offers to make pictures with; each kind is read at most once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.found: dict[str, TemplateVersion | None] = {}

    @cached_property
    def files(self) -> list[ModelFile]:
        """The base models and VAEs that can be chosen, by name."""
        kinds = (ModelFile.Kind.BASE, ModelFile.Kind.VAE)
        rows = usable_in(self.project, ModelFile.objects.filter(kind__in=kinds, removed_at=None))
        return sorted(rows.select_related("rights__evidence").order_by(), key=lambda file: (file.name, file.id))

    @property
    def models(self) -> list[ModelFile]:
        """The base models."""
        return [file for file in self.files if file.kind == ModelFile.Kind.BASE]

    @property
    def vaes(self) -> list[ModelFile]:
        """The VAEs."""
        return [file for file in self.files if file.kind == ModelFile.Kind.VAE]

    @property
    def adapters(self) -> QuerySet[ModelFile]:
        """The adapters that can be chosen: only what is asked of them is read, because there may be thousands."""
        return usable_in(self.project, ModelFile.objects.filter(kind=ModelFile.Kind.ADAPTER, removed_at=None))

    def adapter_names(self) -> dict[str, str]:
        """Return the newest adapters' names by id."""
        newest = self.adapters.order_by("-registered_at", "id")[:MAX_ADAPTERS_OFFERED]
        rows = newest.values_list("id", "name", "method")
        return {str(key): adapter_choice.label(name, method) for key, name, method in rows}

    def usual_weight(self, file_id: str) -> float:
        """Return the weight that an adapter is used at, by the id that a form sent."""
        file = self.find_adapters([file_id]).get(file_id)
        return adapter_choice.usual_weight(file) if file else adapter_choice.USUAL_WEIGHT

    def find_adapters(self, ids: Iterable[Any]) -> dict[str, ModelFile]:
        """Return the adapters that a form names, by id, however old they are; those that are none are left out."""
        keys = list(filter(None, map(as_key, ids)))
        rows = self.adapters.select_related("rights__evidence", "adapter_version")
        found = rows.filter(id__in=keys) if keys else ()
        return {str(file.id): file for file in found}

    @cached_property
    def campaigns(self) -> list[Campaign]:
        """The project's campaigns."""
        return list(self.project.campaigns.all())

    @property
    def usual_model(self) -> ModelFile | None:
        """The model that the form starts with: the first whose rights are cleared, else the first."""
        cleared = [model for model in self.models if model.rights.state == Rights.State.CLEARED]
        return next(iter(cleared or self.models), None)

    def find_version(self, version_id: Any) -> TemplateVersion | None:
        """Return a template version by the id that a form sent, or None."""
        key = str(version_id or "")
        if key not in self.found:
            self.found[key] = find_version(self.project, key)
        return self.found[key]

    @cached_property
    def aliases(self) -> list[TemplateAlias]:
        """What the aliases of the project's templates point at, template by template, production first."""
        rows = TemplateAlias.objects.filter(template__project=self.project, template__archived_at=None)
        rows = rows.select_related("template", "version").order_by("template__name", "template_id", "-name")
        return list(rows.only("name", "version__number", "template__name", "template__name_ja"))

    def usual_version(self, user: User) -> TemplateVersion | None:
        """Return the production version of the template that this person used last here, else of the first one."""
        production = {
            alias.template_id: alias.version_id for alias in self.aliases if alias.name == TemplateAlias.Name.PRODUCTION
        }
        last = self.last_template(user, production) if len(production) > 1 else None
        return self.find_version(production.get(last) or next(iter(production.values()), None))

    def last_template(self, user: User, among: Iterable[uuid.UUID]) -> uuid.UUID | None:
        """Return which of these templates the person used last in the project, or None."""
        used = Generation.objects.filter(project=self.project, requested_by=user)
        used = used.filter(template_version__template__in=list(among)).order_by("-queued_at")
        return used.values_list("template_version__template", flat=True).first()

    def find_model(self, model_id: Any) -> ModelFile | None:
        """Return a base model by the id that a form sent, or None."""
        return next((model for model in self.models if str(model.id) == str(model_id)), None)

    def find_vae(self, vae_id: Any) -> ModelFile | None:
        """Return a VAE by the id that a form sent, or None."""
        return next((vae for vae in self.vaes if str(vae.id) == str(vae_id)), None)

    def find_campaign(self, campaign_id: Any) -> Campaign | None:
        """Return a campaign by the id that a form sent, or None."""
        return next((campaign for campaign in self.campaigns if str(campaign.id) == str(campaign_id)), None)


def base_models(project: Project) -> QuerySet[ModelFile]:
    """Return the base models that the project can use, by name."""
    rows = ModelFile.objects.filter(kind=ModelFile.Kind.BASE, removed_at=None)
    return usable_in(project, rows).order_by("name", "id")


def versions(project: Project) -> QuerySet[TemplateVersion]:
    """Return the template versions that the project can use."""
    return TemplateVersion.objects.filter(template__project=project, template__archived_at=None).select_related(
        "template"
    )


def find_version(project: Project, version_id: Any) -> TemplateVersion | None:
    """Return a version by the id that a form sent, or None."""
    key = as_key(version_id)
    return find_one(versions(project).filter(id=key)) if key else None


def as_key(text: Any) -> uuid.UUID | None:
    """Return the id that a form sent, or None when it is none."""
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None


def version_by_name(project: Project, slug: str, name: str) -> TemplateVersion:
    """Return a version by number, or by alias (production unless said otherwise). Raises Http404."""
    template = get_in_project(project, PromptTemplate.objects.filter(archived_at=None), slug=slug)
    rows = template.versions.select_related("template")
    if name.isdecimal() and len(name) < 10:
        return get_object_or_404(rows, number=int(name))
    alias = name if name in TemplateAlias.Name.values else TemplateAlias.Name.PRODUCTION
    return rows.filter(aliases__name=alias).first() or get_object_or_404(rows.order_by("-number")[:1])


def body_of(version: TemplateVersion | None) -> prompts.TemplateBody:
    """Return a version's body, or the empty one."""
    return version.parsed if version else prompts.TemplateBody()


def opening_values(shelf: Shelf, version: TemplateVersion | None, quality: str = Generation.Quality.DRAFT) -> Values:
    """Return the form as it is when a template is opened: the template's defaults and the usual model's settings."""
    model = shelf.usual_model
    values = {
        **template_values(version, model),
        **model_values(model, quality),
        "base_model": str(model.id) if model else "",
        "quality": quality,
        "count": 1,
        "clip_skip": 0,
        "adapter_weight": adapter_choice.USUAL_WEIGHT,
    }
    return with_marks(values)


def template_values(version: TemplateVersion | None, model: ModelFile | None = None) -> Values:
    """Return the slots, negatives and variables that a template begins with."""
    body = body_of(version)
    own_negative = model.defaults.get("negative_prompt", "") if model and version is None else ""
    return {
        **{slot.name: slot.default for slot in body.slots},
        **{VARIABLE_PREFIX + name: spec.default for name, spec in body.variables.items()},
        "negative": body.negative or own_negative,
        "template_version": str(version.id) if version else "",
    }


def model_values(model: ModelFile | None, quality: str) -> Values:
    """Return the settings that a model likes."""
    if model is None:
        return dict.fromkeys(SETTINGS, "")
    defaults = model.defaults
    return {
        "width": model.native_width,
        "height": model.native_height,
        "num_inference_steps": usual_steps(defaults, quality),
        "guidance_scale": defaults.get("guidance_scale", 7.0),
        "scheduler": defaults.get("scheduler", usual_scheduler(model.architecture)),
    }


def usual_steps(defaults: Mapping[str, Any], quality: str) -> int:
    """Return the model's steps for this quality: a draft takes fewer, a final more."""
    named = defaults.get(f"{quality}_steps")
    return named if named else round(defaults.get("steps", 20) * QUALITY_STEPS.get(quality, 1.0))


def fresh_key() -> str:
    """Return a key under which pictures are asked for once, however often the button is pressed."""
    return str(uuid.uuid4())


def with_marks(values: Values) -> Values:
    """Return the values with a fresh key, the seed that an empty box stands for, and marks of their origin."""
    return {
        **values,
        "idempotency_key": fresh_key(),
        "next_seed": any_seed(),
        "slots_from": values.get("template_version", ""),
        "settings_from": f"{values.get('base_model', '')} {values.get('quality', '')}",
    }


def values_of_output(shelf: Shelf, output: Output, keep: str) -> Values:
    """Return the form that made a picture, what was left to its template too: `keep` is all, noseed or prompt."""
    generation, spec = output.generation, output.spec
    version = generation.template_version
    values = {
        **opening_values(shelf, version, generation.quality),
        **template_values(version),
        **generation.slots,
        **{VARIABLE_PREFIX + name: value for name, value in generation.variables.items()},
    }
    is_gone = version is not None and version.template.archived_at is not None
    if is_gone:
        values |= decided_texts(generation, keeps_template=False)
    if keep != "prompt":
        values |= {name: spec.get(name, "") for name in (*SETTINGS, "clip_skip")}
        values |= {"base_model": str(generation.base_model_id), "vae": str(generation.vae_id or "")}
        values |= {"campaign": str(generation.campaign_id or "")}
        values |= adapter_choice.values_of((each.file_id, each.weight) for each in generation.chosen_adapters)
    if keep == "all":
        values["seed"] = output.seed
        if generation.choices and output.seed != generation.spec["seed"] and not is_gone:
            values |= decided_texts(generation, keeps_template=True)
    return with_marks(values)


def decided_texts(generation: Generation, *, keeps_template: bool) -> Values:
    """Return the slots as the choices fell, since the seed of a later picture would draw others.

    The template may stay when it adds nothing of its own; otherwise the slots say what it added.
    """
    body = body_of(generation.template_version)
    texts = {name: keep_literal(each["source"]) for name, each in generation.translation.items()}
    if keeps_template and body.adds_nothing:
        return texts
    if body.separator != prompts.TemplateBody().separator:
        texts |= dict.fromkeys(prompts.SLOT_NAMES, "") | {"subject": keep_literal(generation.spec["prompt"])}
    return texts | {"template_version": ""}


def values_of_claims(shelf: Shelf, claimed: Mapping[str, Any]) -> Values:
    """Return the form that another tool's picture claims, with our own settings where it says nothing."""
    values = opening_values(shelf, None) | dict.fromkeys((*prompts.SLOT_NAMES, "negative"), "")
    model = shelf.find_model(claimed.get("base_model"))
    if model is not None:
        values |= model_values(model, values["quality"])
    said = {name: fit(name, value) for name, value in claimed.items()}
    return with_marks(values | {name: value for name, value in said.items() if value not in (None, "")})


def fit(name: str, value: Any) -> Any:
    """Return a claimed value as the engine takes it: sizes in steps of 8, numbers in bounds; None when it cannot."""
    if name in ("width", "height"):
        return min(max(round(value / 8) * 8, MIN_SIDE), MAX_SIDE)
    if name == "num_inference_steps":
        return min(value, MAX_STEPS)
    if name == "guidance_scale":
        return min(value, MAX_GUIDANCE)
    return None if name == "seed" and value > MAX_SEED else value


def refill(shelf: Shelf, sent: Mapping[str, Any]) -> tuple[Values, bool, bool]:
    """Follow a change of template, model or quality: what still is as it was filled in changes with it.

    Returns the values, and whether slots and settings were filled in anew. What a person typed stays.
    """
    values = dict(sent.items())
    has_slots = values.get("slots_from", "") != values.get("template_version", "")
    chosen = f"{values.get('base_model', '')} {values.get('quality', '')}"
    has_settings = values.get("settings_from", "") != chosen
    if has_slots:
        old = template_values(shelf.find_version(values.get("slots_from")))
        values = follow(values, old, template_values(shelf.find_version(values["template_version"])))
        values["slots_from"] = values["template_version"]
    if has_settings:
        model_id, _space, quality = values.get("settings_from", "").partition(" ")
        old = model_values(shelf.find_model(model_id), quality)
        new = model_values(shelf.find_model(values.get("base_model")), values.get("quality", ""))
        values = follow(values, old, new)
        values["settings_from"] = chosen
    return values, has_slots, has_settings


def follow(values: Values, old: Values, new: Values) -> Values:
    """Return the values with every one that is empty or as `old` had it taken from `new`."""
    untouched = {name for name in new if str(values.get(name) or "").strip() in ("", str(old.get(name, "")))}
    return values | {name: new[name] for name in untouched}
