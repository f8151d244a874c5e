"""A1111's hypernetworks: small networks that change what attention reads, one pair for each width of its input.

y = x + strength x F(x), before `to_k` and `to_v` only. F is a row of linear layers whose numbers count every module of
the row, so that a file of A1111's fits as it is. Several work one after the other, in their order.
"""

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from engine.errors import ModelError

# A1111's own names, and those of torch.nn.modules.activation that look at one number at a time.
ACTIVATIONS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {
        "relu": nn.ReLU,
        "leakyrelu": nn.LeakyReLU,
        "elu": nn.ELU,
        "swish": nn.Hardswish,
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
        **{
            cls.__name__.lower(): cls
            for cls in (
                *(nn.CELU, nn.GELU, nn.Hardshrink, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh, nn.LogSigmoid, nn.Mish),
                *(nn.PReLU, nn.RReLU, nn.ReLU6, nn.SELU, nn.SiLU, nn.Softplus, nn.Softshrink, nn.Softsign),
                nn.Tanhshrink,
            )
        },
    }
)
DROPOUT = 0.3
INITIAL_DEVIATION = 0.01
MAX_LAYERS = 64
_NAME = re.compile(r"(?P<width>[1-9]\d{0,4})\.(?P<side>[kv])\.linear\.(?P<index>\d{1,3})\.(?:weight|bias)")
_TRUE = ("true", "1")


class Residual(nn.Module):
    """Hold F of one side; calling it returns F(x), which whoever applies it weighs and adds."""

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.linear = nn.Sequential(*layers)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.linear(inputs)


class Hypernetwork(nn.Module):
    """Hold a pair (k, v) of residual networks for each width, shared by all layers that read this width."""

    def __init__(
        self,
        pairs: Mapping[str, nn.ModuleDict],
        *,
        layer_structure: Sequence[float],
        activation_func: str,
        is_layer_norm: bool,
        use_dropout: bool,
        activate_output: bool,
    ) -> None:
        super().__init__()
        self.pairs = nn.ModuleDict(pairs)
        self.layer_structure = tuple(layer_structure)
        self.activation_func = activation_func
        self.is_layer_norm = is_layer_norm
        self.use_dropout = use_dropout
        self.activate_output = activate_output

    def change(self, inputs: torch.Tensor, side: str, strength: float) -> torch.Tensor:
        """Return what a layer reads instead of `inputs` [..., width]; the same tensor where no pair has its width."""
        width = str(inputs.shape[-1])
        if width not in self.pairs:
            return inputs
        residual = self.pairs[width][side]
        exact = inputs.to(residual.linear[0].weight.dtype)
        return (exact + residual(exact) * strength).to(inputs.dtype)


def build_hypernetwork(
    widths: Sequence[int],
    *,
    layer_structure: Sequence[float] = (1, 2, 1),
    activation_func: str = "linear",
    is_layer_norm: bool = False,
    use_dropout: bool = False,
    activate_output: bool = True,
) -> Hypernetwork:
    """Make a fresh hypernetwork that changes next to nothing: weights from N(0, 0.01), biases 0. Raises ModelError."""
    structure = check_structure(layer_structure)
    drops = (use_dropout,) * (len(structure) - 2)
    options = {"activation_func": activation_func, "is_layer_norm": is_layer_norm, "activate_output": activate_output}
    hypernetwork = _assemble(sorted(set(widths)), structure, drops, use_dropout=use_dropout, **options)
    for module in hypernetwork.modules():
        # The norms begin small too, as A1111's: a weight of 1 would add noise of full size at the first step.
        if isinstance(module, nn.Linear | nn.LayerNorm):
            nn.init.normal_(module.weight, std=INITIAL_DEVIATION)
            nn.init.zeros_(module.bias)
    return hypernetwork


def widths_of(unet: Any) -> tuple[int, ...]:
    """Return the widths that attention reads in this UNet, those of its own channels and that of the text, sorted."""
    modules = (unet.get_submodule(name.removesuffix(".processor")) for name in unet.attn_processors)
    return tuple(sorted({module.to_k.in_features for module in modules}))


def attach(unet: Any, stack: Sequence[tuple[Hypernetwork, float]]) -> None:
    """Let exactly these hypernetworks work in a UNet, in order; those of strength 0 are left out altogether."""
    detach(unet)
    active = tuple((hypernetwork, strength) for hypernetwork, strength in stack if strength != 0)
    if active:
        processors = unet.attn_processors.items()
        unet.set_attn_processor({name: HypernetworkProcessor(active, previous) for name, previous in processors})


def detach(unet: Any) -> None:
    """Put the previous attention processors back."""
    processors = unet.attn_processors
    if any(isinstance(each, HypernetworkProcessor) for each in processors.values()):
        unet.set_attn_processor({name: getattr(each, "previous", each) for name, each in processors.items()})


def state(hypernetwork: Hypernetwork) -> dict[str, torch.Tensor]:
    """Return the weights as `<width>.<k|v>.linear.<idx>.<weight|bias>`, float32 on the CPU."""
    return {
        name.removeprefix("pairs."): tensor.detach().to("cpu", torch.float32).contiguous()
        for name, tensor in hypernetwork.state_dict().items()
    }


def describe(hypernetwork: Hypernetwork) -> dict[str, str]:
    """Return the structure as a file's header says it; `from_state` reads it back."""
    return {
        "layer_structure": json.dumps(list(hypernetwork.layer_structure)),
        "activation_func": hypernetwork.activation_func,
        "is_layer_norm": json.dumps(hypernetwork.is_layer_norm),
        "use_dropout": json.dumps(hypernetwork.use_dropout),
        "activate_output": json.dumps(hypernetwork.activate_output),
        "weight_initialization": "Normal",
    }


def from_state(tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> Hypernetwork:
    """Read a hypernetwork back; what its header leaves out is what A1111 takes. Raises ModelError."""
    structure = _read_structure(metadata.get("layer_structure", "[1, 2, 1]"))
    options = {
        "activation_func": metadata.get("activation_func") or "linear",
        "is_layer_norm": metadata.get("is_layer_norm", "false").lower() in _TRUE,
        "use_dropout": metadata.get("use_dropout", "false").lower() in _TRUE,
        "activate_output": metadata.get("activate_output", "true").lower() in _TRUE,
    }
    widths = sorted({int(match["width"]) for match in map(_NAME.fullmatch, tensors) if match})
    drops = _find_dropouts(tensors, structure, **options)
    # On no device at all: a header must not make us allocate what the file does not hold.
    with torch.device("meta"):
        hypernetwork = _assemble(widths, structure, drops, **options)
    expected = {name.removeprefix("pairs."): tensor.shape for name, tensor in hypernetwork.state_dict().items()}
    if not widths or expected != {name: tensor.shape for name, tensor in tensors.items()}:
        raise _broken("Its layers are not those that its header describes.")
    # A copy: two hypernetworks from one mapping must not share memory, nor with the file's own.
    copies = {f"pairs.{name}": tensor.to(torch.float32, copy=True) for name, tensor in tensors.items()}
    hypernetwork.load_state_dict(copies, assign=True)
    return hypernetwork.eval()


def check_structure(structure: Sequence[float]) -> tuple[float, ...]:
    """Return a row of layer sizes, as factors of the width: it begins and ends with 1. Raises ModelError."""
    row = tuple(structure)
    is_row = 2 <= len(row) <= MAX_LAYERS and row[0] == row[-1] == 1
    if not is_row or any(isinstance(size, bool) or not 0 < size <= MAX_LAYERS for size in row):
        raise _broken("Its layer structure must begin and end with 1.")
    return row


class HypernetworkProcessor:
    """Attend as diffusers' AttnProcessor2_0 does, with keys and values read through hypernetworks.

    `previous` is the processor that this one stands in for.
    """

    def __init__(self, stack: Sequence[tuple[Hypernetwork, float]], previous: Any) -> None:
        self.stack = tuple(stack)
        self.previous = previous

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        temb: torch.Tensor | None = None,
        **_: Any,
    ) -> torch.Tensor:
        residual = hidden_states
        hidden_states = _as_rows(attn, hidden_states, temb)
        context = hidden_states
        if encoder_hidden_states is not None:
            is_normed = attn.norm_cross
            context = attn.norm_encoder_hidden_states(encoder_hidden_states) if is_normed else encoder_hidden_states
        mask = _prepare_mask(attn, attention_mask, context)
        attended = self._attend(attn, hidden_states, context, mask)
        hidden_states = attn.to_out[1](attn.to_out[0](attended))
        if residual.ndim == 4:
            hidden_states = hidden_states.transpose(-1, -2).reshape(residual.shape)
        if attn.residual_connection:
            hidden_states = hidden_states + residual
        return hidden_states / attn.rescale_output_factor

    def _attend(
        self, attn: Any, hidden_states: torch.Tensor, context: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        query = _part_heads(attn, attn.to_q(hidden_states))
        key = _part_heads(attn, attn.to_k(self._change(context, "k")))
        value = _part_heads(attn, attn.to_v(self._change(context, "v")))
        query = query if attn.norm_q is None else attn.norm_q(query)
        key = key if attn.norm_k is None else attn.norm_k(key)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return attended.transpose(1, 2).flatten(2).to(query.dtype)

    def _change(self, context: torch.Tensor, side: str) -> torch.Tensor:
        for hypernetwork, strength in self.stack:
            context = hypernetwork.change(context, side, strength)
        return context


def _as_rows(attn: Any, hidden_states: torch.Tensor, temb: torch.Tensor | None) -> torch.Tensor:
    """Return [batch, positions, channels], normed as this layer wants it."""
    if attn.spatial_norm is not None:
        hidden_states = attn.spatial_norm(hidden_states, temb)
    if hidden_states.ndim == 4:
        hidden_states = hidden_states.flatten(2).transpose(1, 2)
    if attn.group_norm is not None:
        hidden_states = attn.group_norm(hidden_states.transpose(1, 2)).transpose(1, 2)
    return hidden_states


def _prepare_mask(attn: Any, mask: torch.Tensor | None, context: torch.Tensor) -> torch.Tensor | None:
    if mask is None:
        return None
    batch, length, _ = context.shape
    mask = attn.prepare_attention_mask(mask, length, batch)
    return mask.view(batch, attn.heads, -1, mask.shape[-1])


def _part_heads(attn: Any, projected: torch.Tensor) -> torch.Tensor:
    return projected.unflatten(-1, (attn.heads, -1)).transpose(1, 2)


def _assemble(
    widths: Iterable[int],
    structure: tuple[float, ...],
    drops: Sequence[bool],
    *,
    activation_func: str,
    is_layer_norm: bool,
    use_dropout: bool,
    activate_output: bool,
) -> Hypernetwork:
    make_activation = _activation(activation_func)

    def build_side(width: int) -> Residual:
        sizes = [max(1, int(width * factor)) for factor in structure]
        layers: list[nn.Module] = []
        for index, (into, out) in enumerate(itertools.pairwise(sizes)):
            is_last = index == len(sizes) - 2
            layers.append(nn.Linear(into, out))
            if make_activation is not None and (activate_output or not is_last):
                layers.append(make_activation())
            if is_layer_norm:
                layers.append(nn.LayerNorm(out))
            if not is_last and drops[index]:
                layers.append(nn.Dropout(DROPOUT))
        return Residual(layers)

    return Hypernetwork(
        {str(width): nn.ModuleDict({side: build_side(width) for side in ("k", "v")}) for width in widths},
        layer_structure=structure,
        activation_func=activation_func,
        is_layer_norm=is_layer_norm,
        use_dropout=use_dropout,
        activate_output=activate_output,
    )


def _activation(name: str) -> type[nn.Module] | None:
    if name in ("linear", "None"):
        return None
    if name not in ACTIVATIONS:
        raise _broken(f"Its activation {name[:40]!r} is not known.")
    return ACTIVATIONS[name]


def _read_structure(text: str) -> tuple[float, ...]:
    try:
        row = json.loads(text)
        return check_structure([float(size) if isinstance(size, float) else size for size in row])
    except (ValueError, TypeError, RecursionError) as error:
        raise _broken("Its layer structure is not readable.") from error


def _find_dropouts(
    tensors: Mapping[str, torch.Tensor],
    structure: tuple[float, ...],
    *,
    activation_func: str,
    is_layer_norm: bool,
    use_dropout: bool,
    **_: Any,
) -> tuple[bool, ...]:
    """Return after which hidden layers a dropout takes a number; A1111's versions differ in where they put it."""
    between = 1 + (activation_func not in ("linear", "None")) + is_layer_norm
    first = next((match["width"] for match in map(_NAME.fullmatch, tensors) if match), "")
    matrices = [name for name, tensor in tensors.items() if name.startswith(f"{first}.k.") and tensor.ndim == 2]
    numbers = sorted(int(match["index"]) for match in map(_NAME.fullmatch, matrices) if match)
    gaps = [after - before - between for before, after in itertools.pairwise(numbers)]
    if len(numbers) != len(structure) - 1 or any(gap not in ((0, 1) if use_dropout else (0,)) for gap in gaps):
        raise _broken("Its layers are not those that its header describes.")
    return tuple(gap == 1 for gap in gaps)


def _broken(reason: str) -> ModelError:
    return ModelError("hypernetwork_invalid", f"This hypernetwork cannot be used. {reason}")
