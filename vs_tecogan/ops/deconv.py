"""Transposed 3x3 convolutions of stride 2 with their ReLU, and their gradients, in float32 on the CPU.

Torch's own were slow at these, and at their gradients, on a processor without AVX-512.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from . import native
from .native import Impl


def pack_kernel(weight: Tensor) -> Tensor:
    """(I, O, 3, 3) float32 -> (9, I, O), as :func:`deconv_relu` takes it."""
    inputs, outputs = weight.shape[:2]
    return weight.detach().permute(2, 3, 0, 1).reshape(9, inputs, outputs).contiguous()


def deconv_relu(
    features: Tensor,
    kernel: Tensor,
    bias: Tensor,
    padding: tuple[int, int],
    output_padding: tuple[int, int],
    *,
    impl: Impl = "auto",
    threads: int | None = None,
    level: int = 0,
) -> Tensor:
    """relu(conv_transpose2d(features, weight, bias, 2, padding, output_padding)); no gradient.

    :param features: (N, I, H, W) float32 on the CPU in channels_last memory.
    :param kernel:   of :func:`pack_kernel`.
    :param bias:     (O,) float32.
    :param impl:     see :data:`~vs_tecogan.ops.native.Impl`.
    :return:         (N, O, 2H + 1 - 2 p + e, 2W + 1 - 2 p' + e') float32, channels_last.
    :raises ValueError: a tensor of another shape, type or memory layout.
    """
    n, inputs, h, w = features.shape
    outputs = kernel.shape[2]
    if inputs % native.WIDE or outputs % native.WIDE or tuple(kernel.shape) != (9, inputs, outputs):
        raise ValueError(
            f"kernel is {tuple(kernel.shape)} for features of {inputs} channels; expected (9, {inputs}, O), both "
            f"multiples of {native.WIDE}; use torch's conv_transpose2d"
        )
    if not native.chosen(impl, features):
        weight = kernel.view(3, 3, inputs, outputs).permute(2, 3, 0, 1)
        return F.conv_transpose2d(features.detach(), weight, bias, 2, padding, output_padding).relu_()
    height, width = (
        2 * side + 1 - 2 * p + extra for side, p, extra in zip((h, w), padding, output_padding, strict=True)
    )
    output = torch.empty(n, height, width, outputs)
    addresses = (
        native.address("features", features.detach().permute(0, 2, 3, 1), (n, h, w, inputs)),
        native.address("kernel", kernel, (9, inputs, outputs)),
        native.address("bias", bias, (outputs,)),
        output.data_ptr(),
    )
    native.call("deconv", (*addresses, n, h, w, inputs, outputs, *padding, height, width), threads, level)
    return output.permute(0, 3, 1, 2)


def deconv_backward(
    features: Tensor,
    weight: Tensor,
    gradient: Tensor,
    *,
    with_input: bool = True,
    impl: Impl = "auto",
    threads: int | None = None,
    level: int = 0,
) -> tuple[Tensor | None, Tensor]:
    """Gradients of ``conv_transpose2d(features, weight, None, 2, 1, output_padding=1)``.

    :param features: (N, I, H, W) float32 in channels_last memory.
    :param weight:   (I, O, 3, 3).
    :param gradient: (N, O, 2H, 2W) in channels_last memory.
    :param impl:     see :data:`~vs_tecogan.ops.native.Impl`.
    :return:         to the features, (N, I, H, W) channels_last, or None; to the weight, (I, O, 3, 3).
    """
    n, inputs, h, w = features.shape
    outputs = weight.shape[1]
    if not native.chosen(impl, features):
        wanted, sides = (with_input, True, False), ((2, 2), (1, 1), (1, 1))
        backward = torch.ops.aten.convolution_backward
        to_input, to_weight, _ = backward(gradient, features, weight, None, *sides, True, (1, 1), 1, wanted)
        return to_input, to_weight
    turned = weight.detach().permute(2, 3, 1, 0).reshape(9, outputs, inputs).contiguous()
    d_features = torch.empty(n, h, w, inputs) if with_input else None
    d_kernel = torch.empty(9, inputs, outputs)
    addresses = (
        native.address("features", features.detach().permute(0, 2, 3, 1), (n, h, w, inputs)),
        native.address("gradient", gradient.detach().permute(0, 2, 3, 1), (n, 2 * h, 2 * w, outputs)),
        turned.data_ptr(),
        0 if d_features is None else d_features.data_ptr(),
        d_kernel.data_ptr(),
    )
    native.call("deconv_backward", (*addresses, n, h, w, inputs, outputs), threads, level)
    d_weight = d_kernel.view(3, 3, inputs, outputs).permute(2, 3, 0, 1)
    return None if d_features is None else d_features.permute(0, 3, 1, 2), d_weight
