"""What the axes of a new grid begin with: what a preset says, what an older grid varied, or what suits the form."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assets.models import ModelFile
from engine.limits import MAX_SEED, MAX_STEPS

from . import adapter_choice, starting
from .fitting import fits
from .grids import ADAPTER, CHOSEN, NOTHING, REPLACE, SIDES, WEIGHT, WORDS, Axis

SWEEP = "0.5-0.9 (+0.1)"
FEW, SEVERAL = 4, 10


def preset_values(name: str, values: Mapping[str, Any], shelf: starting.Shelf) -> starting.Values:
    """Return the axes of a preset: `weights` sweeps an adapter's weight, `models` compares models and VAEs.

    Each model is drawn with each VAE, so these are the ones that fit the form's model and adapters, and each other.
    """
    if name == "weights":
        return axis_values("x", WEIGHT, [SWEEP])
    if name == "models":
        models = fitting_models(values, shelf)[:SEVERAL]
        vaes = [vae for vae in shelf.vaes if all(fits(vae, model) for model in models)]
        across = axis_values("x", "base_model", ids_of(models))
        return across | (axis_values("y", "vae", ["", *ids_of(vaes)][:SEVERAL]) if vaes else {})
    return {}


def fitting_models(values: Mapping[str, Any], shelf: starting.Shelf) -> list[ModelFile]:
    """Return the models of the kind that the form has chosen which its VAE and adapters fit, the chosen one first."""
    chosen = shelf.find_model(values.get("base_model")) or shelf.usual_model
    adapters = shelf.find_adapters(adapter_choice.chosen_in(values)).values()
    files = [*filter(None, [shelf.find_vae(values.get("vae"))]), *adapters]
    found = [
        model
        for model in shelf.models
        if chosen is not None and model.architecture == chosen.architecture and all(fits(file, model) for file in files)
    ]
    return sorted(found, key=lambda model: model != chosen)


def fitting_vaes(values: Mapping[str, Any], shelf: starting.Shelf) -> list[ModelFile]:
    """Return the VAEs that fit the model of the form."""
    model = shelf.find_model(values.get("base_model"))
    return [vae for vae in shelf.vaes if model is None or fits(vae, model)]


def ids_of(files: Iterable[ModelFile]) -> list[str]:
    """Return files as a form names them."""
    return [str(file.id) for file in files]


def values_of_axes(axes: Sequence[Axis]) -> starting.Values:
    """Return axes as a form sends them."""
    values: starting.Values = {}
    for side, axis in zip(SIDES, axes, strict=False):
        values |= axis_values(
            side, axis.kind, [each.text if axis.kind not in CHOSEN else each.key for each in axis.values]
        )
    return values


def axis_values(side: str, kind: str, values: Sequence[Any]) -> starting.Values:
    """Return one axis as a form sends it."""
    both = {f"{side}-kind": kind, f"{side}-shown": kind}
    if kind in CHOSEN:
        return {**both, f"{side}-chosen": list(values)}
    lines = [" ".join(str(value).splitlines()) or NOTHING for value in values]
    return {**both, f"{side}-typed": "\n".join(lines) if kind in WORDS else ", ".join(lines)}


def follow_axes(values: starting.Values, shelf: starting.Shelf) -> tuple[starting.Values, list[str]]:
    """Offer something to begin with where a person has chosen another thing to vary. Returns the sides that changed."""
    changed = [side for side in SIDES if values.get(f"{side}-kind", "") != values.get(f"{side}-shown", "")]
    for side in changed:
        kind = values.get(f"{side}-kind", "")
        values = {name: value for name, value in values.items() if name != f"{side}-chosen"}
        values |= axis_values(side, kind, first_values(kind, values, shelf))
    return values, changed


def first_values(kind: str, values: Mapping[str, Any], shelf: starting.Shelf) -> list[str]:
    """Return what an axis begins with: values around those of the form, or all of a few files that fit."""
    if kind in (WEIGHT, "guidance_scale"):
        return [SWEEP if kind == WEIGHT else "3-9 (+2)"]
    if kind == "num_inference_steps":
        steps = as_number(values.get(kind), 20)
        return list(map(str, sorted({max(steps // 2, 1), steps, min(steps * 2, MAX_STEPS)})))
    if kind == "seed":
        seed = min(as_number(values.get("seed"), as_number(values.get("next_seed"), 1)), MAX_SEED - 2)
        return [f"{seed}-{seed + 2}"]
    if kind == ADAPTER:
        return ["", *adapter_choice.chosen_in(values)]
    if kind in ("base_model", "vae"):
        found = ids_of((fitting_models if kind == "base_model" else fitting_vaes)(values, shelf))
        return [*([""] if kind == "vae" else []), *found] if len(found) <= FEW else [str(values.get(kind, ""))]
    return [] if kind == REPLACE else [str(values.get(kind, ""))]


def as_number(value: Any, usual: int) -> int:
    """Return a whole number that a form sent, or the usual one where it sent none."""
    text = str(value or "")
    return int(text) if text.isdecimal() and len(text) < 17 else usual
