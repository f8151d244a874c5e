"""Compute versions from versions, and write what comes out into files of the library."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone
from safetensors.torch import load_file

from assets.licensing import Decision, obligations_text
from assets.model_kinds import Examined
from assets.models import ModelFile
from engine import adapter_math
from engine.adapter_bases import read_base
from engine.adapter_conversion import to_lora
from engine.adapter_facts import DerivedFacts, Source
from engine.adapter_files import check_hash, read_adapter, write_adapter
from engine.adapter_headers import build_derived_header
from engine.adapter_layers import split_layers
from engine.adapter_names import LAYERS_PER_BLOCK
from engine.errors import ModelError
from engine.headers import read_header
from engine.specs import AdapterKind, Resolve

from .adapter_cards import base_of
from .adapter_headers import is_plain_lora
from .models import AdapterJob, AdapterJobInput
from .recipes import RECOMMENDED_WEIGHTS
from .services.reworks import CONVERSION, words_of
from .tasks_weights import layers_per_block, new_file, prediction_of, settle


@dataclass(frozen=True, slots=True, kw_only=True)
class Reworked:
    """A file that was computed from versions, and what was measured while it was."""

    examined: Examined
    kind: AdapterKind
    scores: Mapping[str, Any]


def rework_weights(job: AdapterJob, resolve: Resolve, on_layer: adapter_math.OnLayer) -> Reworked:
    """Compute what a job asks for, write it under MODELS_ROOT, and return what it is. Raises ModelError."""
    inputs = list(job.inputs.select_related("version__file", "version__adapter").order_by("position"))
    weights, scores = COMPUTE[job.kind](job, inputs, resolve, on_layer)
    base = base_of(inputs[0].version.file)
    header = build_derived_header(derived_facts(job, inputs, weights, base))
    architecture: Any = inputs[0].version.file.architecture
    with new_file() as path:
        write_adapter(
            path,
            "lora",
            weights,
            header,
            architecture=architecture,
            layers_per_block=layers_per_block(base) if base else LAYERS_PER_BLOCK,
        )
        return Reworked(examined=settle(path, architecture), kind="lora", scores=scores)


def merge(
    job: AdapterJob, inputs: list[AdapterJobInput], resolve: Resolve, on_layer: adapter_math.OnLayer
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the weighted sum of several LoRAs, exactly, and what is left of those that had to become LoRAs first."""
    read, kept = [], []
    for done, each in enumerate(inputs, start=1):
        file = each.version.file
        if is_plain_lora(file):
            weights: Mapping[str, Any] = read_adapter(resolve(file.sha256)).weights
        else:
            turned = turn_into_lora(file, resolve, **{**CONVERSION, **job.options.get("convert", {})})
            weights = turned.weights
            kept.append(kept_share(turned))
        read.append((weights, None, each.weight))
        on_layer(done, len(inputs))
    least = min(kept, key=lambda share: share["retained"], default={})
    return adapter_math.merge(read), least


def resize(
    job: AdapterJob, inputs: list[AdapterJobInput], resolve: Resolve, on_layer: adapter_math.OnLayer
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a LoRA of lower ranks, and how much of it is kept."""
    file, size = inputs[0].version.file, {"rank": job.options.get("rank"), "energy": job.options.get("energy")}
    if is_plain_lora(file):
        reduced = adapter_math.resize(read_adapter(resolve(file.sha256)).weights, **size, on_layer=on_layer)
    else:
        reduced = turn_into_lora(file, resolve, **size, on_layer=on_layer)
    return reduced.weights, kept_share(reduced)


def turn_into_lora(file: ModelFile, resolve: Resolve, **size: Any) -> adapter_math.Reduced:
    """Return a LoHa, LoKr or DoRA as the nearest LoRA of a size. Raises ModelError."""
    base, path = base_of(file), resolve(file.sha256)
    if base is None:
        raise ModelError("base_unknown", "Nobody has said what this was trained on.", file=file.name)
    check_hash(path)
    return to_lora(
        load_file(path),
        read_header(path).metadata,
        read_base(resolve(base.sha256), tokenizers=Path(settings.TOKENIZERS_ROOT)),
        layers_per_block=layers_per_block(base),
        **size,
    )


def extract(
    job: AdapterJob, inputs: list[AdapterJobInput], resolve: Resolve, on_layer: adapter_math.OnLayer
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the LoRA that leads from a base model to a DreamBooth, and how much of the way it goes."""
    file = inputs[0].version.file
    base = base_of(file)
    if base is None:
        raise ModelError("base_unknown", "Nobody has said what this was trained on.", file=file.name)
    tuned = read_adapter(resolve(file.sha256)).weights
    reduced = adapter_math.extract(
        read_base(resolve(base.sha256), tokenizers=Path(settings.TOKENIZERS_ROOT)),
        tuned,
        rank=job.options.get("rank"),
        energy=job.options.get("energy"),
        with_conv=bool(job.options.get("with_conv")),
        on_layer=on_layer,
    )
    return reduced.weights, kept_share(reduced)


COMPUTE: Mapping[str, Any] = {"merge": merge, "resize": resize, "extract": extract}


def kept_share(reduced: adapter_math.Reduced) -> dict[str, Any]:
    """Return the mean share of the layers' energy that is left, and the ranks."""
    shares = list(reduced.retained.values())
    ranks = sorted(set(reduced.ranks.values()))
    return {"retained": sum(shares) / max(len(shares), 1), "ranks": ranks, "left_out": len(reduced.left_out)}


def derived_facts(
    job: AdapterJob, inputs: list[AdapterJobInput], weights: Mapping[str, Any], base: ModelFile | None
) -> DerivedFacts:
    """Return what the header of a computed LoRA says."""
    decision, kind = Decision.from_dict(job.decision), job.kind
    ranks = {layer.rank for layer in split_layers(weights).values()}
    return DerivedFacts(
        operation=kind,  # type: ignore[arg-type]  # the kinds of jobs are operations
        architecture=inputs[0].version.file.architecture,  # type: ignore[arg-type]  # a word of the database
        sources=[
            Source(title=str(each.version), sha256=each.version.file.sha256, weight=each.weight) for each in inputs
        ],
        title=job.adapter.name,
        finished_at=timezone.now(),
        rank=ranks.pop() if len(ranks) == 1 else None,
        has_conv=any(layer.down.ndim == 4 and layer.down.shape[-1] > 1 for layer in split_layers(weights).values()),
        author=job.project.name,
        prediction_type=prediction_of(base) if base else "epsilon",
        base_model_name=base.name if base else "",
        base_model_sha256=base.sha256 if base else "",
        effective_license=decision.effective_license,
        attribution=obligations_text(decision, "en").splitlines(),
        trigger_words=words_of(job),
        recommended_weight=RECOMMENDED_WEIGHTS[job.adapter.method],
    )
