"""3x3 convolutions of many channels in a quarter of the multiplications: minimal filtering F(4x4, 3x3) on the CPU.

A 4x4 tile of the output comes from a 6x6 window; window, kernel and tile are transformed along both axes, and between
the transforms stand 36 products of matrices (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016).
Results differ from ``torch.nn.functional.conv2d`` by the rounding of float32, some ten times as much as those of two
direct convolutions do.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_weight

from . import native
from .native import Impl

_KERNEL = torch.tensor(
    (
        (1 / 4, 0, 0),
        (-1 / 6, -1 / 6, -1 / 6),
        (-1 / 6, 1 / 6, -1 / 6),
        (1 / 24, 1 / 12, 1 / 6),
        (1 / 24, -1 / 12, 1 / 6),
        (0, 0, 1),
    )
)
"""What a kernel's three samples become along one axis."""
_WINDOW = torch.tensor(
    (
        (4.0, 0, -5, 0, 1, 0),
        (0, -4, -4, 1, 1, 0),
        (0, 4, -4, -1, 1, 0),
        (0, -2, -1, 2, 1, 0),
        (0, 2, -1, -2, 1, 0),
        (0, 4, 0, -5, 0, 1),
    )
)
"""What a window's six samples become along one axis."""
_TILE = torch.tensor(((1.0, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)))
"""The tile's four samples, of the six products along one axis."""


def transform_kernel(weight: Tensor) -> Tensor:
    """(O, I, 3, 3) float32 -> (36, I, O), as :func:`winograd_conv` takes it."""
    both = torch.kron(_KERNEL, _KERNEL)
    return (both @ weight.detach().permute(2, 3, 1, 0).reshape(9, -1)).view(36, weight.shape[1], weight.shape[0])


def turned(weight: Tensor) -> Tensor:
    """The kernel (I, O, 3, 3) whose convolution is the gradient of that with ``weight`` (O, I, 3, 3) to its input."""
    return weight.detach().flip(2, 3).transpose(0, 1)


def kernel_gradient(
    features: Tensor, gradient: Tensor, *, impl: Impl = "auto", threads: int | None = None, level: int = 0
) -> Tensor:
    """Gradient of a 3x3 convolution with zero padding to its weights.

    :param features: (N, I, H, W) float32 in channels_last memory, what was convolved.
    :param gradient: (N, O, H, W) likewise, the loss's gradient to the result.
    :param impl:     see :data:`~vs_tecogan.ops.native.Impl`.
    :return:         (O, I, 3, 3).
    """
    n, inputs, h, w = features.shape
    outputs = gradient.shape[1]
    if not native.chosen(impl, features):
        result: Tensor = conv2d_weight(features, (outputs, inputs, 3, 3), gradient, padding=1)  # type: ignore[no-untyped-call]
        return result
    transformed = torch.empty(36, inputs, outputs)
    native.call(
        "winograd_gradient",
        (
            _address("features", features, (n, inputs, h, w)),
            _address("gradient", gradient, (n, outputs, h, w)),
            transformed.data_ptr(),
            *(n, h, w, inputs, outputs),
        ),
        threads,
        level,
    )
    both = torch.kron(_KERNEL, _KERNEL)
    return (both.T @ transformed.view(36, -1)).view(3, 3, inputs, outputs).permute(3, 2, 0, 1)


def winograd_conv(
    features: Tensor,
    kernel: Tensor,
    bias: Tensor | None = None,
    *,
    addend: Tensor | None = None,
    relu: bool = False,
    mask: Tensor | None = None,
    output: Tensor | None = None,
    impl: Impl = "auto",
    threads: int | None = None,
    level: int = 0,
) -> Tensor:
    """3x3 convolution with zero padding and what follows it in a residual block, in one pass; no gradient.

    :param features: (N, I, H, W) float32 on the CPU in channels_last memory.
    :param kernel:   of :func:`transform_kernel`.
    :param bias:     (O,) float32.
    :param addend:   (N, O, H, W), channels_last, added before the ReLU.
    :param relu:     whether negative results become zero.
    :param mask:     (N, O, H, W), channels_last: where it is not above zero the result is zero, as in the gradient of a
                     ReLU whose result it is.
    :param output:   where the result goes, likewise; ``addend`` may be the same tensor. Default: a new one.
    :param impl:     see :data:`~vs_tecogan.ops.native.Impl`.
    :return:         (N, O, H, W) float32, channels_last.
    :raises ValueError: a tensor of another shape, type or memory layout.
    """
    n, inputs, h, w = features.shape
    outputs = kernel.shape[2]
    if output is None:
        output = torch.empty(n, h, w, outputs).permute(0, 3, 1, 2)
    if inputs % native.WIDE or outputs % native.WIDE or tuple(kernel.shape) != (36, inputs, outputs):
        raise ValueError(
            f"kernel is {tuple(kernel.shape)} for features of {inputs} channels; expected (36, {inputs}, O), both "
            f"multiples of {native.WIDE}; pad them, or use torch's conv2d"
        )
    if not native.chosen(impl, features):
        return output.copy_(_torch(features, kernel, bias, addend, relu, mask))
    maps = [
        0 if x is None else _address(name, x, (n, outputs, h, w)) for name, x in (("addend", addend), ("mask", mask))
    ]
    native.call(
        "winograd",
        (
            _address("features", features, (n, inputs, h, w)),
            native.address("kernel", kernel, (36, inputs, outputs)),
            0 if bias is None else native.address("bias", bias, (outputs,)),
            *maps,
            _address("output", output, (n, outputs, h, w)),
            *(n, h, w, inputs, outputs, relu),
        ),
        threads,
        level,
    )
    return output


def _torch(
    features: Tensor, kernel: Tensor, bias: Tensor | None, addend: Tensor | None, relu: bool, mask: Tensor | None
) -> Tensor:
    n, _, h, w = features.shape
    rows, columns = -(-h // 4), -(-w // 4)
    padded = F.pad(features, (1, 4 * columns + 1 - w, 1, 4 * rows + 1 - h))
    windows = padded.unfold(2, 6, 4).unfold(3, 6, 4)  # (N, I, rows, columns, 6, 6)
    transformed = torch.einsum("ua,vb,nirxab->uvnrxi", _WINDOW, _WINDOW, windows)
    products = torch.einsum("uvnrxi,uvio->uvnrxo", transformed, kernel.view(6, 6, *kernel.shape[1:]))
    tiles = torch.einsum("yu,zv,uvnrxo->noryxz", _TILE, _TILE, products)
    result = tiles.reshape(n, -1, 4 * rows, 4 * columns)[:, :, :h, :w]
    result = result + (0 if bias is None else bias[:, None, None]) + (0 if addend is None else addend)
    result = result.relu() if relu else result
    return result if mask is None else torch.where(mask > 0, result, 0.0)


def _address(name: str, features: Tensor, shape: tuple[int, ...]) -> Any:
    n, c, h, w = shape
    return native.address(name, features.detach().permute(0, 2, 3, 1), (n, h, w, c))
