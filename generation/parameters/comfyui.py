"""Reads ComfyUI's `prompt`: the graph that was run, as node id → class and inputs, where a link is `[id, slot]`.

The walk goes from the sampler backwards, visits a node once per question, and so ends on cycles and on huge graphs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generation.parameters.claims import MAX_LORAS, Claims, LoraClaim, as_mapping, make_claims, read_integer, read_lora
from generation.parameters.names import name_comfy

MAX_NODES = 5_000
MAX_VISITS = 500
MAX_ASKED = 32
SAVERS = ("SaveImage", "PreviewImage", "SaveAnimatedWEBP")
TEXT_INPUTS = ("text", "text_g", "text_l", "t5xxl", "clip_l", "prompt", "positive_prompt")
SCALAR_INPUTS = ("value", "int", "float", "number", "seed", "noise_seed", "string", "text", "String", "Value")
MODEL_INPUTS = ("model", "unet", "model1", "anything")
LATENT_INPUTS = ("latent_image", "latent", "samples", "samples_to", "latents", "pixels", "image", "images")
CONDITIONING_INPUTS = (
    "conditioning",
    "conditioning_1",
    "conditioning_to",
    "conditioning_2",
    "conditioning_from",
    "anything",
)
MODEL_NAMES = ("ckpt_name", "unet_name", "model_name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Hold one node of the graph: its class and its inputs."""

    id: str
    kind: str
    inputs: Mapping[str, Any]


Graph = Mapping[str, Node]


def read_comfyui(data: Mapping[str, Any], raw: str) -> Claims | None:
    """Return what a ComfyUI graph says about its first sampler, or None when no node is a node."""
    graph = _nodes(data)
    if not graph:
        return None
    samplers = _samplers(graph)
    if not samplers:
        return make_claims("comfyui", raw, {}, warnings=["sampler_missing"])
    sampler = samplers[0]
    warnings = ["several_samplers"] if len(samplers) > 1 else []
    return make_claims("comfyui", raw, _values(graph, sampler), loras=_loras(graph, sampler), warnings=warnings)


def _values(graph: Graph, sampler: Node) -> Mapping[str, Any]:
    guide = _linked(graph, sampler, "guider") or sampler
    sigmas = _linked(graph, sampler, "sigmas") or sampler
    noise = _linked(graph, sampler, "noise") or sampler
    choice = _linked(graph, sampler, "sampler") or sampler
    latent = _first(graph, [sampler], LATENT_INPUTS, lambda node: {"width", "height"} <= node.inputs.keys())
    positive = _conditioning(graph, guide, "positive") or _conditioning(graph, guide, "conditioning")
    schedule = _scalar(graph, sigmas, "scheduler") or _scheduler_class(sigmas)
    clip = _clip_layer(graph, positive)
    model = _first(graph, [guide, sampler], MODEL_INPUTS, lambda node: any(name in node.inputs for name in MODEL_NAMES))
    return {
        "prompt": _text(graph, positive),
        "negative_prompt": _text(graph, _conditioning(graph, guide, "negative")),
        "seed": _scalar(graph, noise, "seed", "noise_seed"),
        "num_inference_steps": _scalar(graph, sigmas, "steps"),
        "guidance_scale": _scalar(graph, guide, "cfg"),
        **name_comfy(_scalar(graph, choice, "sampler_name"), schedule),
        "width": _scalar(graph, latent, "width"),
        "height": _scalar(graph, latent, "height"),
        "clip_skip": None if clip is None else -clip - 1,
        "strength": _scalar(graph, sigmas, "denoise"),
        "model_name": _scalar(graph, model, *MODEL_NAMES),
        "vae_name": _vae_name(graph),
    }


def _nodes(data: Mapping[str, Any]) -> Graph:
    nodes: dict[str, Node] = {}
    for key, value in list(data.items())[:MAX_NODES]:
        kind, inputs = as_mapping(value).get("class_type"), as_mapping(value).get("inputs")
        if isinstance(kind, str) and isinstance(inputs, dict):
            nodes[key] = Node(id=key, kind=kind, inputs=inputs)
    return nodes


def _samplers(graph: Graph) -> list[Node]:
    """Return the samplers that lead to a saved picture, the one that began from an empty latent first."""
    savers = [node for node in graph.values() if node.kind in SAVERS]
    reached = [node for node in _walk(graph, savers, None) if _is_sampler(node)]
    found = (reached or [node for node in graph.values() if _is_sampler(node)])[:MAX_ASKED]
    return sorted(found, key=lambda node: sum(map(_is_sampler, _walk(graph, [node], LATENT_INPUTS))))


def _is_sampler(node: Node) -> bool:
    inputs = node.inputs
    guided = "guider" in inputs or {"positive", "negative"} <= inputs.keys()
    seeded = any(name in inputs for name in ("seed", "noise_seed", "noise"))
    return guided and seeded and any(name in inputs for name in LATENT_INPUTS)


def _walk(graph: Graph, starts: Sequence[Node | None], through: tuple[str, ...] | None) -> Iterator[Node]:
    """Yield nodes backwards from some, nearest first, each once, through named inputs or through all."""
    waiting = [node for node in starts if node is not None]
    seen = {node.id for node in waiting}
    for _ in range(MAX_VISITS):
        if not waiting:
            return
        node = waiting.pop(0)
        yield node
        names = node.inputs.keys() if through is None else through
        for name in names:
            target = _linked(graph, node, name)
            if target is not None and target.id not in seen:
                seen.add(target.id)
                waiting.append(target)


def _first(
    graph: Graph, starts: Sequence[Node | None], through: tuple[str, ...], fits: Callable[[Node], bool]
) -> Node | None:
    return next((node for node in _walk(graph, starts, through) if fits(node)), None)


def _linked(graph: Graph, node: Node, name: str) -> Node | None:
    link = node.inputs.get(name)
    if isinstance(link, list) and len(link) == 2 and isinstance(link[0], str | int):
        return graph.get(str(link[0]))
    return None


def _scalar(graph: Graph, node: Node | None, *names: str) -> Any:
    """Return a node's own value under one of these names, or that of the primitive node that it is linked to."""
    if node is None:
        return None
    for name in names:
        value = node.inputs.get(name)
        if isinstance(value, str | int | float):
            return value
        primitives = _walk(graph, [_linked(graph, node, name)], SCALAR_INPUTS)
        values = (primitive.inputs.get(key) for primitive in primitives for key in (name, *SCALAR_INPUTS))
        found = next((each for each in values if isinstance(each, str | int | float)), None)
        if found is not None:
            return found
    return None


def _conditioning(graph: Graph, node: Node, side: str) -> Node | None:
    """Return the text encoder that a sampler's positive or negative input comes from."""
    inner = (*CONDITIONING_INPUTS, "positive", "negative") if side == "conditioning" else (side, *CONDITIONING_INPUTS)
    return _first(graph, [_linked(graph, node, side)], inner, _is_text)


def _is_text(node: Node) -> bool:
    return any(name in node.inputs for name in TEXT_INPUTS)


def _text(graph: Graph, node: Node | None) -> Any:
    values = (_scalar(graph, node, name) for name in TEXT_INPUTS)
    return next((value for value in values if isinstance(value, str)), None)


def _clip_layer(graph: Graph, encoder: Node | None) -> int | None:
    layer = _first(graph, [encoder], ("clip",), lambda node: "stop_at_clip_layer" in node.inputs)
    return read_integer(_scalar(graph, layer, "stop_at_clip_layer"), -24, -1)


def _scheduler_class(node: Node) -> str | None:
    """Return the schedule that a node's class stands for, as in `KarrasScheduler`."""
    name = node.kind.removesuffix("Scheduler").lower()
    return name if node.kind.endswith("Scheduler") and name in ("karras", "exponential") else None


def _vae_name(graph: Graph) -> Any:
    decoders = [node for node in graph.values() if node.kind.startswith("VAEDecode")]
    loaders = (_linked(graph, node, "vae") for node in decoders)
    return next((name for loader in list(loaders)[:MAX_ASKED] if (name := _scalar(graph, loader, "vae_name"))), None)


def _loras(graph: Graph, sampler: Node) -> list[LoraClaim]:
    """Return the chain of LoRA loaders before a sampler, in the order in which they apply."""
    guide = _linked(graph, sampler, "guider") or sampler
    loaders = [node for node in _walk(graph, [guide], MODEL_INPUTS) if "lora_name" in node.inputs]
    found = [_lora(graph, node) for node in loaders[:MAX_LORAS]]
    return [lora for lora in reversed(found) if lora]


def _lora(graph: Graph, node: Node) -> LoraClaim | None:
    strength = _scalar(graph, node, "strength_model")
    return read_lora(_scalar(graph, node, "lora_name"), 1.0 if strength is None else strength)
