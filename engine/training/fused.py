"""Compute LoRA layers with fewer operations than peft does, to the same results, where a float32 model learns on a CPU.

A layer answers W x + s B A x. With many rows of x it is cheaper to form W + s B A first, since B A is small; with few
rows the short way through the rank is. Both ways save the copies that adding and scaling whole outputs make. In half
precision the sum would round B A away, so there peft's own way stays; so it does for DoRA and dropout.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from peft.tuners.lora.layer import Conv2d as LoraConv2d
from peft.tuners.lora.layer import Linear as LoraLinear
from torch import Tensor, nn
from torch.nn import functional

from engine.training.frozen import (
    TURNED_BYTES,
    Forward,
    freeze_conv,
    freeze_pointwise,
    is_frozen,
    is_pointwise,
    is_turnable,
    last_channels,
)

# One large product beats four thin ones up to about this many times their operations.
THIN_PENALTY = 2


class FusedLora(torch.autograd.Function):
    """The answer of one layer over rows [..., in], without forming the gradient of its frozen weight."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float
    ) -> Tensor:
        flat = rows.reshape(-1, rows.shape[-1])
        ctx.is_summed = is_sum_cheaper(len(flat), weight)
        ctx.scale = scale
        if ctx.is_summed:
            ctx.save_for_backward(rows, weight, down, up)
            return functional.linear(rows, torch.addmm(weight, up, down, alpha=scale), bias)
        short = torch.mm(flat, down.t())
        ctx.save_for_backward(rows, weight, down, up, short)
        answer = functional.linear(flat, weight, bias).addmm_(short, up.t(), alpha=scale)
        return answer.view(*rows.shape[:-1], len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        rows, weight, down, up, *shorts = ctx.saved_tensors
        flat = rows.reshape(-1, rows.shape[-1])
        gradient = gradients[0].reshape(-1, len(weight))
        asked = ctx.needs_input_grad[0]
        if ctx.is_summed and is_whole_cheaper(weight, len(down)):
            whole = torch.mm(gradient.t(), flat)
            of_down = torch.mm(up.t(), whole).mul_(ctx.scale)
            of_up = torch.mm(whole, down.t()).mul_(ctx.scale)
            of_rows = torch.mm(gradient, torch.addmm(weight, up, down, alpha=ctx.scale)) if asked else None
        else:
            back = torch.mm(gradient, up).mul_(ctx.scale)
            of_down = torch.mm(back.t(), flat)
            of_up = torch.mm(gradient.t(), shorts[0] if shorts else torch.mm(flat, down.t())).mul_(ctx.scale)
            of_rows = torch.mm(gradient, weight).addmm_(back, down) if asked else None
        return of_rows.view(rows.shape) if of_rows is not None else None, None, None, of_down, of_up, None


def is_sum_cheaper(rows: int, weight: Tensor) -> bool:
    """Does W + s B A for all rows take fewer operations than going through the rank row by row?"""
    height, width = weight.shape
    return height * width < rows * (height + width)


def is_whole_cheaper(weight: Tensor, rank: int) -> bool:
    """Is the whole weight's gradient so small that the adapter's are best taken from it?"""
    height, width = weight.shape
    return height * width <= THIN_PENALTY * rank * (height + width)


def fuse_layer(layer: LoraLinear | LoraConv2d) -> Forward:
    """Return a forward for an adapted layer; a 1 x 1 convolution is a linear layer over the channels of every point."""
    [name] = [name for name in layer.active_adapters if name in layer.lora_A]
    base, down, up = layer.base_layer, layer.lora_A[name], layer.lora_B[name]
    if isinstance(layer, LoraLinear):
        return lambda rows: FusedLora.apply(rows, base.weight, base.bias, down.weight, up.weight, layer.scaling[name])

    def forward(planes: Tensor) -> Tensor:
        matrices = base.weight.flatten(1), base.bias, down.weight.flatten(1), up.weight.flatten(1)
        return FusedLora.apply(planes.permute(0, 2, 3, 1), *matrices, layer.scaling[name]).permute(0, 3, 1, 2)

    return forward


@contextmanager
def fuse_layers(model: nn.Module) -> Iterator[int]:
    """Let a model that learns compute its LoRA layers and its frozen convolutions in quicker ways inside.

    Yields how many LoRA layers are fused; afterwards the model is as before, to the bit.
    """
    with ExitStack() as stack:
        room, fused = TURNED_BYTES, 0
        for layer in model.modules():
            if is_frozen(layer):
                stack.enter_context(last_channels(layer))
                if is_pointwise(layer):
                    stack.enter_context(replaced_forward(layer, freeze_pointwise(layer)))
                elif is_turnable(layer) and layer.weight.nbytes <= room:
                    room -= layer.weight.nbytes
                    stack.enter_context(replaced_forward(layer, freeze_conv(layer)))
            if isinstance(layer, LoraLinear | LoraConv2d) and can_fuse(layer):
                stack.enter_context(replaced_forward(layer, fuse_layer(layer)))
                fused += 1
        yield fused


def can_fuse(layer: LoraLinear | LoraConv2d) -> bool:
    """Is a layer plain LoRA with one adapter, without dropout, in full precision on the CPU?"""
    base, names = layer.base_layer, [name for name in layer.active_adapters if name in layer.lora_A]
    if len(names) != 1 or layer.merged or layer.lora_variant or not isinstance(base, nn.Linear | nn.Conv2d):
        return False
    if isinstance(base, nn.Conv2d) and not is_pointwise(base):
        return False
    matrices = (base, layer.lora_A[names[0]], layer.lora_B[names[0]])
    is_plain = isinstance(layer.lora_dropout[names[0]], nn.Identity) and layer.lora_B[names[0]].bias is None
    return is_plain and all(
        each.weight.dtype is torch.float32 and each.weight.device.type == "cpu" for each in matrices
    )


@contextmanager
def replaced_forward(layer: nn.Module, fused: Forward) -> Iterator[None]:
    """Let a layer answer in one go inside, or in its own way under autocast and while its adapter is off."""
    plain, kept = layer.forward, layer.__dict__.get("forward")

    def forward(rows: Tensor, *others: Any, **options: Any) -> Tensor:
        is_off = isinstance(layer, LoraLinear | LoraConv2d) and (layer.disable_adapters or layer.merged)
        is_other = is_off or others or options or torch.is_autocast_enabled("cpu")
        return plain(rows, *others, **options) if is_other else fused(rows)

    layer.forward = forward
    try:
        yield
    finally:
        del layer.forward
        if kept is not None:
            layer.forward = kept
