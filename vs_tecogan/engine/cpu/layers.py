"""Convolutions prepared once for many frames: cast, packed and fused with what follows them.

On the CPU these are oneDNN's convolutions with the activation, and the sum of a residual block, in the same pass.
Torch reaches them through ``torch.ops.mkldnn``, which is not a promised interface: without it plain operators run.
In float32 the project's own are faster inside the residual blocks (:mod:`vs_tecogan.ops.winograd`) and for transposed
convolutions (:mod:`vs_tecogan.ops.deconv`).
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...ops import deconv, native, winograd

Activation = Literal["none", "relu", "leaky_relu"]
LEAK = 0.2


def fused_operators(dtype: torch.dtype) -> Any | None:
    """``torch.ops.mkldnn`` if it has everything used here, for this type on this CPU, else None.

    Without AVX-512 or its like oneDNN refuses bfloat16 there, where torch's plain operators still compute it.
    """
    names = (
        "_convolution_pointwise",
        "_convolution_pointwise_",
        "_convolution_transpose_pointwise",
        "_reorder_convolution_weight",
        "_reorder_convolution_transpose_weight",
    )
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return None
    space = torch.ops.mkldnn
    if dtype == torch.bfloat16 and not _takes_bf16(space):
        return None
    return space if all(hasattr(space, name) for name in names) else None


def _takes_bf16(space: Any) -> bool:
    # A torch that cannot tell may refuse later, with the model loaded: rather the plain way.
    return hasattr(space, "_is_mkldnn_bf16_supported") and bool(space._is_mkldnn_bf16_supported())


def activate(features: Tensor, activation: Activation) -> Tensor:
    """The activation, in place."""
    if activation == "relu":
        return F.relu_(features)
    return F.leaky_relu_(features, LEAK) if activation == "leaky_relu" else features


class Conv:
    """A 3x3 convolution of stride 1 and padding 1 with its activation.

    :param layer: weights, copied.
    :param dtype: of weights, input and output.
    """

    def __init__(self, layer: nn.Conv2d, dtype: torch.dtype, activation: Activation = "none") -> None:
        assert layer.bias is not None
        self._fused = fused_operators(dtype)
        self._activation: Activation = activation
        self._scalars = [LEAK] if activation == "leaky_relu" else []
        self._bias = layer.bias.detach().to(dtype)
        self._weight = layer.weight.detach().to(dtype).contiguous(memory_format=torch.channels_last)
        if self._fused is not None:
            self._weight = self._fused._reorder_convolution_weight(self._weight, [1, 1], [1, 1], [1, 1], 1)

    def __call__(self, features: Tensor) -> Tensor:
        """(1, inputs, H, W) channels_last -> (1, outputs, H, W)."""
        if self._fused is None:
            return activate(F.conv2d(features, self._weight, self._bias, padding=1), self._activation)
        result: Tensor = self._fused._convolution_pointwise(
            features, self._weight, self._bias, [1, 1], [1, 1], [1, 1], 1, self._activation, self._scalars, ""
        )
        return result

    def add_to(self, target: Tensor, features: Tensor) -> Tensor:
        """``target`` += convolution, activated; returns ``target``."""
        if self._fused is None:
            return activate(target.add_(F.conv2d(features, self._weight, self._bias, padding=1)), self._activation)
        unary = None if self._activation == "none" else self._activation
        result: Tensor = self._fused._convolution_pointwise_.binary(
            target, features, self._weight, self._bias, [1, 1], [1, 1], [1, 1], 1, "add", 1.0, unary, self._scalars, ""
        )
        return result


class WinogradConv:
    """As :class:`Conv`, of many channels to many in float32, by minimal filtering."""

    def __init__(self, layer: nn.Conv2d, activation: Literal["none", "relu"] = "none") -> None:
        assert layer.bias is not None
        self._kernel = winograd.transform_kernel(layer.weight.float())
        self._bias = layer.bias.detach().float().contiguous()
        self._relu = activation == "relu"

    def __call__(self, features: Tensor) -> Tensor:
        """See :class:`Conv`."""
        return winograd.winograd_conv(features, self._kernel, self._bias, relu=self._relu)

    def add_to(self, target: Tensor, features: Tensor) -> Tensor:
        """See :class:`Conv`."""
        return winograd.winograd_conv(features, self._kernel, self._bias, addend=target, relu=self._relu, output=target)


def block_conv(layer: nn.Conv2d, dtype: torch.dtype, activation: Literal["none", "relu"]) -> Conv | WinogradConv:
    """The faster of the two for a convolution of a residual block."""
    if dtype == torch.float32 and native.takes_wide(layer.weight):
        return WinogradConv(layer, activation)
    return Conv(layer, dtype, activation)


class Deconv:
    """A transposed 3x3 convolution of stride 2 with ReLU, in bands of rows.

    ``layer.padding`` tells the two alignments apart. 1: output row 2i gets the kernel's centre row from input row i
    (TecoGAN-PyTorch). 0: its first row (TensorFlow's SAME, the last row and column cut off).
    """

    def __init__(self, layer: nn.ConvTranspose2d, dtype: torch.dtype) -> None:
        assert layer.bias is not None
        self._fused = fused_operators(dtype)
        self._same = layer.padding[0] == 0
        self._bias = layer.bias.detach().to(dtype)
        self._weight = layer.weight.detach().to(dtype).contiguous(memory_format=torch.channels_last)
        self._packed: dict[tuple[int, int], Tensor] = {}
        self._kernel: Tensor | None = None
        if dtype == torch.float32 and native.takes_wide(self._weight):
            self._kernel = deconv.pack_kernel(self._weight)
        elif self._fused is not None:
            for rows, extra in ((0, 0), (1, 0), (1, 1), (2, 1)):
                self._packed[rows, extra] = self._fused._reorder_convolution_transpose_weight(
                    self._weight, [rows, self._side], [extra, self._side], [2, 2], [1, 1], 1
                )

    @property
    def _side(self) -> int:
        return 0 if self._same else 1

    def __call__(self, band: Tensor, *, first: bool, last: bool, overlap: bool) -> Tensor:
        """Rows of the output that a band of input rows a..b determines.

        Bands share their outermost rows: the next one begins at b. Their outputs join without gaps; with ``overlap``
        each output begins with the last row of the one before, so that outputs are bands again.

        :param band:  (1, C, b - a + 1, W) channels_last; at least two rows unless it is the whole image.
        :param first: a is the image's first row; :param last: b is its last.
        :return:      (1, C', rows, 2 W) channels_last.
        """
        if self._same:
            return self._same_rows(band, first, overlap)
        if first or last or overlap:
            out = self._run(band, 1, 1 if last else 0)
            return out if first or overlap else out[:, :, 1:]
        return self._run(band, 2, 1)

    def _same_rows(self, band: Tensor, first: bool, overlap: bool) -> Tensor:
        """Rows 0..2b+1 of the first band, then 2a+2..2b+1, or 2a+1..2b+1 with ``overlap``."""
        padding, extra = (0, 0) if first else (1, 0) if overlap else (2, 1)
        out = self._run(band, padding, extra)
        return out[:, :, : -1 if first else None, :-1].contiguous(memory_format=torch.channels_last)

    def _run(self, band: Tensor, padding: int, extra: int) -> Tensor:
        side = self._side
        if self._kernel is not None:
            return deconv.deconv_relu(band, self._kernel, self._bias, (padding, side), (extra, side))
        if self._fused is None:
            return F.relu_(
                F.conv_transpose2d(band, self._weight, self._bias, 2, (padding, side), output_padding=(extra, side))
            )
        result: Tensor = self._fused._convolution_transpose_pointwise(
            band, self._packed[padding, extra], self._bias, [padding, side], [extra, side], [2, 2], [1, 1], 1,
            "relu", [], "",
        )  # fmt: skip
        return result
