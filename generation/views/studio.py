"""The Studio: fill a template, see what it becomes and what the licence says, ask for pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from assets.licensing import Verdict
from assets.models import Term
from engine.limits import SIZE_FACTORS
from projects.access import get_in_project, get_project, usable_in
from projects.models import Project, Role, User
from projects.problems import Problem

from .. import starting
from ..adapter_choice import rearrange
from ..adapter_starts import with_adapter
from ..composing import Composed, compose
from ..forms import TEXT_FIELDS, StudioForm
from ..models import Generation, Output, TemplateVersion
from ..sentences import sentence
from ..services.generations import submit_generation
from ..strips import RightsStrip, describe_rights
from ..token_meter import runs_of
from ..translation import Vocabulary
from ..vocabularies import SLOT_TERMS, words_of
from .jobs import cards_of, recent_generations
from .reader import reading_in_hand

FOUND_WORDS = 60
RATIOS = ((1, 1), (4, 5), (2, 3), (9, 16), (5, 4), (3, 2), (16, 9))
KEEP = ("all", "noseed", "prompt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What the form becomes: the recipe and its rights, or nothing while something must be mended."""

    composed: Composed | None = None
    rights: RightsStrip | None = None

    @property
    def warnings(self) -> list[str]:
        """Return what a person should know, in sentences."""
        notices = self.composed.notices if self.composed else ()
        return [sentence(notice.code, notice.params) for notice in notices]

    @property
    def is_blocked(self) -> bool:
        """Say whether the licence forbids to generate."""
        return self.rights is not None and self.rights.generate.verdict != Verdict.ALLOW

    @property
    def weights(self) -> list[tuple[str, float]]:
        """Return the prompt in runs of equal weight."""
        spec = self.composed.spec if self.composed else None
        return runs_of(spec.architecture, spec.prompt) if spec else []

    @property
    def negative_weights(self) -> list[tuple[str, float]]:
        """Return the negatives in runs of equal weight."""
        spec = self.composed.spec if self.composed else None
        return runs_of(spec.architecture, spec.negative_prompt) if spec else []


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotBox:
    """One slot as the Studio shows it: its field, what surrounds it, and words to click."""

    field: Any
    prefix: str
    suffix: str
    locked: bool
    words: Sequence[Term]
    translation: Any


@login_required
@require_GET
@never_cache
def studio(request: HttpRequest, slug: str) -> HttpResponse:
    """Open the Studio with a template, a picture's recipe, or another tool's claims."""
    project = get_project(request.user, slug)
    shelf = starting.Shelf(project)
    reading = reading_in_hand(request, shelf) if request.GET.get("from") == "reading" else None
    form = StudioForm(opening(request, shelf, reading), shelf=shelf)
    context = form_context(project, form) | {"unsure": reading["unsure"] if reading else ()}
    return render(request, "generation/studio.html", context)


@login_required
@require_POST
def studio_compose(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what the form becomes, without writing anything. Without htmx, show the whole page again."""
    project = get_project(request.user, slug)
    shelf = starting.Shelf(project)
    values, new_slots, new_settings = starting.refill(shelf, request.POST)
    values, new_adapters = rearrange(values, is_whole_page=not request.htmx, usual=shelf.usual_weight)
    form = StudioForm(values, shelf=shelf)
    if not request.htmx:
        return render(request, "generation/studio.html", form_context(project, form))
    context = form_context(project, form, has_words=new_slots)
    context |= {"oob": True, "new_slots": new_slots, "new_settings": new_settings}
    context["new_adapters"] = new_adapters and not new_settings
    return render(request, "generation/studio.html#composed", context)


@login_required
@require_POST
def studio_generate(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for pictures. The form comes back as it was, with sentences, when something is wrong."""
    project = get_project(request.user, slug, Role.EDITOR)
    form = StudioForm(request.POST, shelf=starting.Shelf(project))
    generation = ask(request.user, project, form)
    if generation is None:
        return refused(request, project, form)
    if not request.htmx:
        return redirect("generation", slug=slug, generation_id=generation.id)
    context = {"project": project, "card": cards_of([generation])[0], "can_make": True}
    response = render(request, "generation/studio.html#made", context | {"next": starting.with_marks({})})
    if generation.choices and form.cleaned_data["seed"] is None:
        # The next seed draws other choices: the form asks what it becomes now.
        response.headers["HX-Trigger-After-Settle"] = "change"
    return response


@login_required
@require_GET
def studio_words(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the words of the vocabulary that fit a slot and what was typed to find them."""
    project = get_project(request.user, slug)
    slot = request.GET.get("slot", "")
    slot = slot if slot in SLOT_TERMS else Term.Slot.SUBJECT
    words = find_words(project, slot, request.GET.get("q", "")[:80].strip())
    return render(request, "generation/studio/words.html", {"words": words, "slot": slot, "project": project})


@login_required
@require_GET
@never_cache
def studio_recent(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what this person asked for lately: the Studio fetches it once the form is on screen."""
    project = get_project(request.user, slug)
    cards = cards_of(recent_generations(project, request.user))
    context = {"project": project, "cards": cards, "can_make": project.role.includes(Role.EDITOR)}
    return render(request, "generation/studio/recent.html", context)


def opening(request: HttpRequest, shelf: starting.Shelf, reading: Mapping[str, Any] | None) -> starting.Values:
    """Return what the form opens with, as the address says; `reading` is the picture that was read last."""
    project, source = shelf.project, request.GET.get("from", "")
    if source == "reading":
        return starting.values_of_claims(shelf, reading.get("values", {}) if reading else {})
    if source:
        rows = Output.objects.select_related("project", "generation__template_version__template")
        keep = request.GET.get("keep", "all")
        output = get_in_project(project, rows, id=as_uuid(source))
        return starting.values_of_output(shelf, output, keep if keep in KEEP else "all")
    version = shelf.usual_version(request.user) if "template" not in request.GET else named_version(request, project)
    values = starting.opening_values(shelf, version)
    return with_adapter(values, shelf, request.GET["adapter"]) if request.GET.get("adapter") else values


def named_version(request: HttpRequest, project: Project) -> TemplateVersion | None:
    """Return the version of a template that the address names; none where it names none. Raises Http404."""
    slug = request.GET["template"]
    return starting.version_by_name(project, slug, request.GET.get("version", "")) if slug else None


def ask(user: User, project: Project, form: StudioForm) -> Generation | None:
    """Submit a valid form, or put the reasons into it and return nothing."""
    if not form.is_valid():
        return None
    try:
        return submit_generation(user, project, form.picture_request(), key=form.cleaned_data["idempotency_key"])
    except Problem as problem:
        form.add_problem(problem)
        return None


def refused(request: HttpRequest, project: Project, form: StudioForm) -> HttpResponse:
    """Show the form again with what must be mended."""
    context = form_context(project, form)
    if not request.htmx:
        return render(request, "generation/studio.html", context, status=422)
    response = render(request, "generation/studio.html#form", context, status=422)
    response.headers["HX-Retarget"] = "#studio-form"
    response.headers["HX-Reswap"] = "outerHTML"
    return response


def form_context(project: Project, form: StudioForm, *, has_words: bool = True) -> dict[str, Any]:
    """Return what the form shows. Errors of the recipe are put beside their fields."""
    words = words_of(project)
    preview = preview_of(project, form, words.vocabulary)
    return {
        "project": project,
        "form": form,
        "preview": preview,
        "slots": slot_boxes(form, preview, words.first if has_words else {}),
        "ratios": ratios_of(form),
        "can_make": project.role.includes(Role.EDITOR),
    }


def preview_of(project: Project, form: StudioForm, vocabulary: Vocabulary) -> Preview:
    """Compose the form as it is."""
    if not form.is_valid():
        return Preview()
    try:
        composed = compose(project, form.picture_request(), vocabulary)
    except Problem as problem:
        form.add_problem(problem)
        return Preview()
    return Preview(composed=composed, rights=describe_rights(project, composed.generate, composed.publish))


def slot_boxes(form: StudioForm, preview: Preview, words: Mapping[str, Sequence[Term]]) -> list[SlotBox]:
    """Return the five text boxes in order, each with words of the vocabulary and its translation."""
    translations = preview.composed.translations if preview.composed else {}
    slots = {slot.name: slot for slot in form.body.slots}
    boxes = []
    for name in TEXT_FIELDS:
        slot = slots.get(name)
        boxes.append(
            SlotBox(
                field=form[name],
                prefix=slot.prefix if slot else form.body.negative_locked,
                suffix=slot.suffix if slot else "",
                locked=bool(slot and slot.locked),
                words=words.get(name, ()),
                translation=translations.get(name),
            )
        )
    return boxes


def find_words(project: Project, slot: str, text: str) -> list[Term]:
    """Return the words of a slot that hold this text, in Japanese, its reading or English."""
    terms = usable_in(project, Term.objects.filter(slot__in=SLOT_TERMS[Term.Slot(slot)]))
    if text:
        terms = terms.filter(Q(ja__icontains=text) | Q(reading__icontains=text) | Q(en__icontains=text))
    return list(terms.order_by("reading" if get_language() == "ja" else "en", "id")[:FOUND_WORDS])


def ratios_of(form: StudioForm) -> list[dict[str, Any]]:
    """Return sizes of about the model's native area, one per ratio, in steps that the model can draw."""
    if form.model is None:
        return []
    factor = SIZE_FACTORS.get(form.model.architecture, 8)
    area = form.model.native_width * form.model.native_height
    return [
        {
            "label": f"{across}:{down}",
            "name": f"{across}-{down}",
            "width": max(64, round((area * across / down) ** 0.5 / factor) * factor),
            "height": max(64, round((area * down / across) ** 0.5 / factor) * factor),
        }
        for across, down in RATIOS
    ]


def as_uuid(text: str) -> Any:
    """Return the id that an address names. Raises Http404 when it is none."""
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None
