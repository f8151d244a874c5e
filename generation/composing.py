"""From what a person filled in to the recipe, the translation and the rights, before anything is written.

The Studio's preview, the API's `compose` and the submission all come through `compose`, so what was shown
is what is made.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from assets.licensing import Action, Decision, Profile, Verdict
from assets.models import ModelFile
from assets.services import decide_about, explain_here
from assets.services.decisions import Sources, own_profiles_in, waivers_of
from engine.limits import check_spec
from engine.schedulers import SCHEDULERS, usual_scheduler
from engine.specs import AdapterRef, ImageSpec
from projects.models import Campaign, Project
from projects.problems import Problem

from . import prompts
from .fitting import check_files, check_withdrawn
from .models import Generation, TemplateVersion
from .sentences import sentence
from .token_meter import notices_of, tokens_of
from .tokens import TokenCount
from .translation import Translation, Vocabulary, translate
from .vocabularies import vocabulary_of

# The same words come at every key that is pressed in the Studio, and in every cell of a grid.
translate_once = lru_cache(maxsize=512)(translate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """An adapter that was chosen, with the weight at which it is applied (1.0 = as trained)."""

    file: ModelFile
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRequest:
    """What a person asks for. Sizes in pixels; slots may be Japanese or English.

    A slot that is left out, and a negative of None, take the template's default; an empty one stays empty.
    """

    base_model: ModelFile
    template_version: TemplateVersion | None = None
    slots: Mapping[str, str] = field(default_factory=dict)
    negative: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    vae: ModelFile | None = None
    width: int | None = None
    height: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    scheduler: str = ""
    clip_skip: int = 0
    seed: int = 0
    count: int = 1
    quality: str = Generation.Quality.DRAFT
    campaign: Campaign | None = None
    adapters: tuple[Adapter, ...] = ()

    @property
    def files(self) -> list[ModelFile]:
        """Return every model file that the picture is made with."""
        return [*filter(None, (self.base_model, self.vae)), *self.adapter_files]

    @property
    def adapter_files(self) -> list[ModelFile]:
        """Return the adapters' files in their order."""
        return [each.file for each in self.adapters]

    @property
    def trigger_words(self) -> list[str]:
        """Return the words that the adapters listen to."""
        return [word for each in self.adapters for word in each.file.defaults.get("trigger_words", ())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """The recipe of the first picture, with everything that led to it."""

    spec: ImageSpec
    compiled: prompts.Compiled
    translations: Mapping[str, Translation]
    counts: tuple[TokenCount, ...]
    notices: tuple[prompts.Notice, ...]
    generate: Decision
    publish: Decision

    @property
    def tokens(self) -> TokenCount | None:
        """Return the count of the encoder that reads most, None where no tokenizer can be read."""
        return self.counts[-1] if self.counts else None

    @property
    def unknown_words(self) -> list[str]:
        """List the words that the vocabulary does not know, in order, each once."""
        return list(dict.fromkeys(word for piece in self.translations.values() for word in piece.unknown))

    def translation_record(self) -> dict[str, Any]:
        """Return source, result and vocabulary version per slot, as the ledger keeps them."""
        return {
            name: {"source": each.source, "result": each.result, "vocabulary_version": each.vocabulary_version}
            for name, each in self.translations.items()
        }


class Judge:
    """Say what the generate and the publish gate answer about pictures that are made with some of these files.

    Everything below the files is read once, and files that are used together are asked about once.
    """

    def __init__(self, project: Project, files: Iterable[ModelFile]) -> None:
        self.project, self.sources = project, Sources(files)
        self.waivers = waivers_of(project, *Action)
        self.own: Mapping[str, Profile] = {}
        self.known: dict[frozenset[UUID], tuple[Decision, Decision]] = {}

    def decide(self, files: Sequence[ModelFile]) -> tuple[Decision, Decision]:
        """Return what may be done with files that are used together: generate, publish."""
        key = frozenset(file.id for file in files)
        if key not in self.known:
            inputs = self.sources.inputs_of(files)
            self.own = self.own or own_profiles_in(self.project, inputs)
            generate, publish = (
                decide_about(self.project, action, inputs, waivers=self.waivers, own=self.own)
                for action in (Action.GENERATE, Action.PUBLISH)
            )
            self.known[key] = generate, publish
        return self.known[key]


def compose(
    project: Project, request: PictureRequest, vocabulary: Vocabulary | None = None, judge: Judge | None = None
) -> Composed:
    """Compile, translate, count and judge a request. Raises Problem with the field that must change.

    Whoever composes often gives the `vocabulary` and a `judge` of all the files; otherwise they are read here.
    """
    vocabulary = vocabulary or vocabulary_of(project)
    compiled = compile_request(request, vocabulary)
    spec = build_spec(request, compiled)
    counts = tokens_of(request.base_model, spec.prompt)
    generate, publish = (judge or Judge(project, request.files)).decide(request.files)
    if generate.verdict is Verdict.ALLOW:
        check_withdrawn(project, request.adapter_files)
    return Composed(
        spec=spec,
        compiled=compiled,
        translations={name: translate_once(text, vocabulary, name) for name, text in compiled.sources.items()},
        counts=counts,
        notices=(*compiled.warnings, *notices_of(request.base_model, spec, counts)),
        generate=generate,
        publish=publish,
    )


def compile_request(request: PictureRequest, vocabulary: Vocabulary) -> prompts.Compiled:
    """Return the prompt that a request becomes. Raises Problem."""
    try:
        return prompts.compile_prompt(
            body_of(request),
            slots=request.slots,
            negative=request.negative,
            variables=request.variables,
            seed=request.seed,
            trigger_words=request.trigger_words,
            translate=lambda text, slot: translate_once(text, vocabulary, slot).result,
        )
    except prompts.PromptError as error:
        raise problem_of(error) from error


def body_of(request: PictureRequest) -> prompts.TemplateBody:
    """Return the template's body, or an empty one when no template was chosen."""
    if request.template_version is None:
        return prompts.TemplateBody()
    return request.template_version.parsed


def build_spec(request: PictureRequest, compiled: prompts.Compiled) -> ImageSpec:
    """Fill the model's defaults in, and check the limits and that the files fit. Raises Problem naming the fields."""
    check_files(request.base_model, request.vae, request.adapter_files)
    model, defaults = request.base_model, request.base_model.defaults
    scheduler = request.scheduler or defaults.get("scheduler", usual_scheduler(model.architecture))
    info = SCHEDULERS.get(scheduler)
    steps = request.num_inference_steps
    if steps is None:
        steps = defaults.get("steps", 20)
    guidance = request.guidance_scale
    if guidance is None:
        guidance = defaults.get("guidance_scale", 7.0)
    spec = ImageSpec(
        architecture=model.architecture,
        base_model=model.sha256,
        vae=request.vae.sha256 if request.vae else None,
        prompt=compiled.prompt,
        negative_prompt=compiled.negative_prompt,
        seed=request.seed,
        scheduler=scheduler,
        scheduler_config={**(info.config if info else {}), **chosen_prediction(defaults)},
        num_inference_steps=steps,
        guidance_scale=float(guidance),
        width=model.native_width if request.width is None else request.width,
        height=model.native_height if request.height is None else request.height,
        clip_skip=request.clip_skip,
        adapters=tuple(map(ref_of, request.adapters)),
    )
    errors = check_spec(spec)
    if errors:
        raise Problem(
            errors[0].code,
            sentence(errors[0].code, errors[0].params),
            fields={error.params["field"]: sentence(error.code, error.params) for error in errors},
        )
    return spec


def ref_of(adapter: Adapter) -> AdapterRef:
    """Return an adapter as a recipe names it; an embedding is called by the first of its trigger words."""
    file, words = adapter.file, adapter.file.defaults.get("trigger_words") or ()
    word = words[0] if words and file.method == ModelFile.Method.TEXTUAL_INVERSION else ""
    return AdapterRef(kind=file.method, sha256=file.sha256, weight=adapter.weight, word=word)


def chosen_prediction(defaults: Mapping[str, Any]) -> dict[str, str]:
    """Return how a person said that a model predicts, as a scheduler's setting; nothing where the file says it."""
    chosen = defaults.get("prediction_type", "")
    return {"prediction_type": chosen} if chosen else {}


def problem_of(error: prompts.PromptError) -> Problem:
    """Turn a prompt's mistake into a sentence beside its slot, its variable or the seed."""
    message = sentence(error.code, error.params)
    place = "seed" if error.code == "seed_out_of_range" else error.params.get("slot") or error.params.get("name")
    return Problem(error.code, message, fields={str(place or "subject"): message})


def refuse(decision: Decision) -> Problem:
    """Return the problem that a blocked decision is, with its reasons."""
    reasons = explain_here(decision)
    return Problem(
        "rights_blocked",
        reasons[0] if reasons else _("The licence does not allow this."),
        status=409,
        details={"reasons": reasons, "decision": decision.as_dict()},
    )
