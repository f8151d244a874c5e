"""The cards at the top of the form: purposes, ways to learn with their reasons, and presets that explain themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assets.models import DatasetVersion

from . import recipes
from .models import Method
from .recipes.methods import PICTURES
from .run_starts import AS_BEFORE, OTHER, PURPOSES, Offer, fitting_preset, methods_for
from .sentences import sentence
from .small_models import SMALL, is_small
from .starting import PRESETS

PURPOSE_WORDS: Mapping[str, tuple[Any, Any]] = {
    "character": (gettext_lazy("A character"), gettext_lazy("One figure that is to be recognised everywhere")),
    "style": (gettext_lazy("A style"), gettext_lazy("How pictures look, whatever they show")),
    "object": (gettext_lazy("A new object"), gettext_lazy("A thing that the model has never seen")),
    OTHER: (gettext_lazy("Something else"), gettext_lazy("Choose freely among all ways to learn")),
}
METHOD_WORDS: Mapping[str, Any] = {
    Method.LORA: gettext_lazy("A small file beside the model, for almost everything. Start here when in doubt."),
    Method.DREAMBOOTH: gettext_lazy("Trains the whole model: the closest likeness, for much memory and large files."),
    Method.DREAMBOOTH_LORA: gettext_lazy("As LoRA, and holds on to what the wider class looks like."),
    Method.TEXTUAL_INVERSION: gettext_lazy("One new word for what the model can draw already. A file of kilobytes."),
    Method.HYPERNETWORK: gettext_lazy("Bends everything a little. It wants hundreds of pictures."),
}
PRESET_WORDS: Mapping[str, Any] = {
    "quick": gettext_lazy("Quick look"),
    "balanced": gettext_lazy("Balanced"),
    "careful": gettext_lazy("Careful"),
    SMALL: gettext_lazy("Small model"),
    AS_BEFORE: gettext_lazy("As before"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One thing to choose: what a browser sends for it, its name, and why one would take it."""

    value: str
    title: str
    words: str
    is_chosen: bool
    is_advised: bool = False
    remark: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The cards of the form."""

    purposes: Sequence[Card]
    methods: Sequence[Card]
    presets: Sequence[Card]


def choices_of(values: Mapping[str, Any], offer: Offer) -> Choices:
    """Return the cards with what is chosen."""
    purpose, version = values.get("purpose", ""), offer.find_version(values.get("dataset_version"))
    return Choices(
        purposes=[
            Card(value=each, title=str(title), words=str(words), is_chosen=each == purpose)
            for each, (title, words) in PURPOSE_WORDS.items()
            if each in PURPOSES
        ],
        methods=method_cards(purpose, values.get("method", ""), version),
        presets=preset_cards(values, offer),
    )


def method_cards(purpose: str, chosen: str, version: DatasetVersion | None) -> list[Card]:
    """Return the ways to learn for a purpose, each with its reason and what it thinks of the number of pictures."""
    reasons: dict[str, str] = {each: str(words) for each, words in METHOD_WORDS.items()}
    if purpose in recipes.PURPOSES:
        reasons |= {each.method: sentence(each.reason) for each in recipes.methods_for(purpose)}  # type: ignore[arg-type]
    return [
        Card(
            value=method,
            title=str(Method(method).label),
            words=reasons[method],
            is_chosen=method == chosen,
            is_advised=not place and purpose != OTHER,
            **count_remark(method, version),
        )
        for place, method in enumerate(methods_for(purpose))
    ]


def count_remark(method: str, version: DatasetVersion | None) -> dict[str, str]:
    """Say how many pictures a method works well with, marked by whether the set has them."""
    usual = PICTURES[method]  # type: ignore[index]
    said = _("%(least)d–%(most)d pictures") % {"least": usual.usual_from, "most": usual.usual_to}
    if version is None:
        return {"remark": said}
    is_usual = usual.usual_from <= version.count <= usual.usual_to
    return {"remark": said, "mark": "ok" if is_usual else "warn"}


def preset_cards(values: Mapping[str, Any], offer: Offer) -> list[Card]:
    """Return the presets that there are for the chosen model; an older run is one too."""
    base = offer.find_base(values.get("base_model"))
    chosen = fitting_preset(values.get("preset", ""), base) if base else values.get("preset", "")
    run = offer.find_run(values.get("compared_with")) if chosen == AS_BEFORE else None
    said = {name: sentence(name) for name in PRESETS}
    if base is not None and is_small(base.native_width):
        words = _("Values that were measured on models of %(side)d pixels, such as this one.")
        said = {SMALL: words % {"side": base.native_width}, **said}
    if chosen == AS_BEFORE:
        before = _("Every value of %(run)s; change one, and the two can be compared.")
        said = {AS_BEFORE: before % {"run": run.name if run else _("the run before")}, **said}
    return [
        Card(value=name, title=str(PRESET_WORDS[name]), words=words, is_chosen=name == chosen)
        for name, words in said.items()
    ]
