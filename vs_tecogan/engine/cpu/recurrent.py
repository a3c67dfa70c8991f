"""RecurrentSR's step on the CPU: fused convolutions, and the extension's operators between them."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...networks import Alignment, RecurrentSR
from ...networks.srnet import ResidualBlock
from ...ops import depth_to_space, native
from ...ops.recurrent_input import recurrent_input
from ...ops.resample import Grid, cubic_taps
from ..base import Memory
from ..device import Device
from ..recurrent import PlainGuide, input_order
from .layers import Conv, WinogradConv, block_conv


class NativeRecurrent(PlainGuide):
    """A step on the CPU. See :class:`~vs_tecogan.engine.base.NetworkStep`.

    Convolutions run in ``precision``; flow, coordinates, warps, the skip and the memory are float32.

    :param device:    the CPU.
    :param precision: "fp32" or "bf16".
    """

    def __init__(self, network: RecurrentSR, device: Device, precision: str) -> None:
        super().__init__(network, device, precision, "native")
        spec = network.spec
        order = input_order(spec)
        first, last = _padded(network.conv_in, order), _padded(network.conv_out, None)
        self._spare = first.in_channels - len(order)
        self._conv_in = block_conv(first, self._dtype, "relu")
        self._conv_out = block_conv(last, self._dtype, "none")
        self._trunk = [_layers(module, self._dtype) for module in network.trunk if not isinstance(module, nn.ReLU)]
        self._cubic = cubic_kernel(spec.scale)

    def step(self, memory: Memory, lr: Tensor, guide: Tensor | None) -> Memory:
        """See :class:`~vs_tecogan.engine.base.NetworkStep`."""
        assert guide is not None
        spec = self._spec
        # Nothing else holds the input or the features: at 1920x1080 each takes a gigabyte.
        outputs = self._conv_out(self._through_trunk(self._conv_in(self._input(memory, lr, guide))))
        return self._picture(outputs[:, : spec.folded].float(), lr), _features(outputs, spec.folded, spec.channels)

    def _input(self, memory: Memory, lr: Tensor, guide: Tensor) -> Tensor:
        """All that the first convolution sees, channels last."""
        spec, (height, width) = self._spec, lr.shape[2:]
        count = 3 * (spec.window - 1)
        picture, features = memory or (None, lr.new_zeros(1, spec.channels, height, width))
        flow = None
        if picture is not None:
            flow = guide.new_zeros(1, 2, height, width)
            if spec.alignment is Alignment.FLOW:
                flow = guide[:, -2:].contiguous()
                features = self._net.warp(features, flow)
        recur = recurrent_input(
            lr, picture, flow, scale=self.scale, grid=Grid.BICUBIC_LEGACY, dtype=self._dtype, impl="native"
        )
        return _joined((recur, guide[:, :count], features), self._spare, self._dtype)

    def _through_trunk(self, features: Tensor) -> Tensor:
        for first, second in self._trunk:
            features = first(features) if second is None else second.add_to(features, first(features))
        return features

    def _picture(self, residual: Tensor, lr: Tensor) -> Tensor:
        """Residual and skip, both folded, as an image."""
        around = F.pad(lr, (1, 2, 1, 2), mode="replicate")
        skip = F.conv2d(around, self._cubic, groups=3)
        # The convolution gives each colour's pixels; folded channels are (pixel, colour).
        n, _, h, w = skip.shape
        skip = skip.view(n, 3, -1, h, w).transpose(1, 2).reshape(n, -1, h, w)
        return depth_to_space(residual + skip, self.scale).contiguous()


def cubic_kernel(scale: int) -> Tensor:
    """Bicubic enlargement on the legacy grid as a convolution: (3 * scale^2, 1, 4, 4) for three groups."""
    taps = torch.tensor([cubic_taps(k / scale) for k in range(scale)], dtype=torch.float32)
    both = torch.einsum("ya,xb->yxab", taps, taps).reshape(scale * scale, 1, 4, 4)
    return both.repeat(3, 1, 1, 1)


def _joined(parts: tuple[Tensor, ...], spare: int, dtype: torch.dtype) -> Tensor:
    """Parts (1, C, H, W) as one, channels last, and ``spare`` channels of zeros behind them; none is copied twice."""
    _, _, height, width = parts[0].shape
    joined = torch.empty(1, height, width, sum(part.shape[1] for part in parts) + spare, dtype=dtype)
    begin = 0
    for part in parts:
        end = begin + part.shape[1]
        joined[..., begin:end] = part.permute(0, 2, 3, 1)
        begin = end
    joined[..., begin:] = 0
    return joined.permute(0, 3, 1, 2)


def _features(outputs: Tensor, first: int, count: int) -> Tensor:
    """The next features, (1, count, H, W) float32, planes one after the other, as warps take them."""
    return F.relu(outputs[:, first : first + count].float()).contiguous()


def _padded(layer: nn.Conv2d, order: list[int] | None) -> nn.Conv2d:
    """The layer with its inputs in another order, and as many channels as the extension wants where they are wide.

    Channels that are added have weights of zero.
    """
    assert layer.bias is not None
    weight = layer.weight.detach().float()
    weight = weight if order is None else weight[:, order]
    outputs, inputs = (_up(count) for count in weight.shape[:2])
    wide = nn.Conv2d(inputs, outputs, 3, padding=1).requires_grad_(False)
    wide.weight.zero_()
    wide.weight[: weight.shape[0], : weight.shape[1]] = weight
    assert wide.bias is not None
    wide.bias.zero_()
    wide.bias[: weight.shape[0]] = layer.bias.detach().float()
    return wide


def _up(channels: int) -> int:
    """The next multiple of what the extension takes; small numbers, of which most would be padding, as they are."""
    return -(-channels // native.WIDE) * native.WIDE if channels > native.WIDE // 2 else channels


Layer = Conv | WinogradConv


def _layers(module: nn.Module, dtype: torch.dtype) -> tuple[Layer, Layer | None]:
    """A residual block as two convolutions, or a plain convolution with its ReLU."""

    def conv(layer: nn.Module, activation: Literal["none", "relu"]) -> Layer:
        assert isinstance(layer, nn.Conv2d)
        return block_conv(layer, dtype, activation)

    if isinstance(module, ResidualBlock):
        return conv(module.conv[0], "relu"), conv(module.conv[2], "none")
    return conv(module, "relu"), None
