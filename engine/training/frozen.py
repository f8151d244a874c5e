"""Compute frozen convolutions as a float32 model on a CPU does best: with channels last, and backwards as forwards.

The gradient of a 3 x 3 convolution's input is a convolution again, with the kernels turned around and inputs and
outputs exchanged. PyTorch takes half as long again for the former, and keeps the input, which a frozen layer needs not.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Forward = Callable[[Tensor], Tensor]
# Turned kernels are a second copy: beyond this share of memory PyTorch's own way back is taken.
TURNED_BYTES = 512 * 2**20


class FrozenConv(torch.autograd.Function):
    """A convolution of stride 1 whose weights do not learn. Planes are [b, c, h, w], `turned` is [in, out, kh, kw]."""

    @staticmethod
    def forward(
        ctx: Any, planes: Tensor, weight: Tensor, bias: Tensor | None, turned: Tensor, padding: tuple[int, int]
    ) -> Tensor:
        ctx.save_for_backward(turned)
        ctx.padding = padding
        return functional.conv2d(planes, weight, bias, padding=padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        [turned] = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        back = tuple(side - 1 - padding for side, padding in zip(turned.shape[2:], ctx.padding, strict=True))
        return functional.conv2d(gradient, turned, padding=back), None, None, None, None


def is_frozen(layer: nn.Module) -> bool:
    """Is a layer a convolution that stays as it is, in full precision on the CPU?"""
    if not isinstance(layer, nn.Conv2d) or layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        return False
    weight = layer.weight
    return not weight.requires_grad and weight.dtype is torch.float32 and weight.device.type == "cpu"


def is_pointwise(layer: nn.Conv2d) -> bool:
    """Does a convolution see one point at a time?"""
    return (layer.kernel_size, layer.stride, layer.padding, layer.groups) == ((1, 1), (1, 1), (0, 0), 1)


def is_turnable(layer: nn.Conv2d) -> bool:
    """Is the way back through a convolution a plain convolution too?"""
    sides = zip(layer.kernel_size, layer.padding, strict=True)
    is_plain = (layer.stride, layer.dilation, layer.groups) == ((1, 1), (1, 1), 1)
    return is_plain and all(padding < side for side, padding in sides)  # type: ignore[operator]


def freeze_pointwise(layer: nn.Conv2d) -> Forward:
    """Return a forward for a frozen 1 x 1 convolution: a linear layer over channels, which one thread does faster."""
    weight, bias = layer.weight, layer.bias
    return lambda planes: functional.linear(planes.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2)


def freeze_conv(layer: nn.Conv2d) -> Forward:
    """Return a forward for a frozen convolution that keeps its kernels turned for the way back."""
    turned = layer.weight.detach().flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)
    return lambda planes: FrozenConv.apply(planes, layer.weight, layer.bias, turned, layer.padding)


@contextmanager
def last_channels(layer: nn.Conv2d) -> Iterator[None]:
    """Lay a convolution's weight out with channels last inside, and so all that comes out of it."""
    kept = layer.weight.data
    layer.weight.data = kept.contiguous(memory_format=torch.channels_last)
    try:
        yield
    finally:
        layer.weight.data = kept
