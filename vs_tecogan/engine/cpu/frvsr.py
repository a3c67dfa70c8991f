"""FRVSR's step on the CPU: oneDNN's convolutions, and the extension's operators for everything between them."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...networks import Dialect, Generator
from ...networks.fnet import MAX_FLOW, FNet
from ...networks.generator import FNET_STRIDE, pad_flow
from ...networks.srnet import ResidualBlock
from ...ops import refine_flow
from ...ops.double_size import double_size
from ...ops.interleave import interleave
from ...ops.narrow_conv import narrow_conv, pack_narrow_weight
from ...ops.recurrent_input import recurrent_input
from ..base import Memory
from ..device import Device
from ..frvsr import FLOW_GRIDS, FNET_GRIDS, FrvsrStep
from .layers import Conv, block_conv
from .tail import DeconvTail, ShuffleTail


class NativeFrvsr(FrvsrStep):
    """A generator's step on the CPU. See :class:`~vs_tecogan.engine.base.NetworkStep`.

    Convolutions run in ``precision``; flow, coordinates, warps, the last convolution's sums, the skip and the memory
    are float32. Weights are cast, packed and laid out once.

    :param generator: its weights are copied.
    :param device:    the CPU.
    :param precision: "fp32" or "bf16".
    """

    def __init__(self, generator: Generator, device: Device, precision: str) -> None:
        super().__init__(generator.spec, precision)
        spec = generator.spec
        self._fnet = _FlowNet(generator.fnet, spec.dialect, self._dtype)
        net = generator.srnet
        shuffles = spec.dialect is Dialect.EGVSR
        self._conv_in = Conv(_conv(net.conv_in[0]), self._dtype, "relu")
        self._blocks = []
        for k, block in enumerate(net.resblocks):
            assert isinstance(block, ResidualBlock)
            # EGVSR rectifies after its pixel shuffle, which is the same before it
            ends = shuffles and k == spec.blocks - 1
            first, second = _conv(block.conv[0]), _conv(block.conv[2])
            inner = block_conv(first, self._dtype, "relu")
            self._blocks.append((inner, block_conv(second, self._dtype, "relu" if ends else "none")))
        self._tail: Callable[[Tensor, Tensor], Tensor] = ShuffleTail(net) if shuffles else DeconvTail(net, self._dtype)

    def guide(self, previous: Tensor | None, current: Tensor, following: Tensor | None = None) -> Tensor | None:
        """The flow, as :meth:`vs_tecogan.networks.Generator.estimate_flow`."""
        if previous is None:
            return None
        flow = self._estimate_unrefined(previous, current)
        return refine_flow(previous, current, flow, self._spec.flow_rounds, impl="native")

    def step(self, memory: Memory, lr: Tensor, guide: Tensor | None) -> Memory:
        """See :class:`~vs_tecogan.engine.base.NetworkStep`."""
        grid, past = FLOW_GRIDS[self._spec.dialect], memory[0] if memory else None
        inputs = recurrent_input(lr, past, guide, scale=self.scale, grid=grid, dtype=self._dtype, impl="native")
        features = self._conv_in(inputs)
        for first, second in self._blocks:
            features = second.add_to(features, first(features))
        return (self._tail(features, lr),)

    def _estimate_unrefined(self, previous: Tensor, current: Tensor) -> Tensor:
        height, width = current.shape[-2:]
        right, bottom = max(FNET_STRIDE - width, 0), max(FNET_STRIDE - height, 0)
        if right or bottom:
            previous, current = (F.pad(x, (0, right, 0, bottom), mode="replicate") for x in (previous, current))
        flow = self._fnet(current, previous)[..., :height, :width]
        return pad_flow(flow, height, width, self._spec.dialect).contiguous()


class _FlowNet:
    """FNet, prepared: see :class:`vs_tecogan.networks.FNet`."""

    def __init__(self, net: FNet, dialect: Dialect, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._grid = FNET_GRIDS[dialect]
        self._encoders, self._decoders = (
            [[Conv(_conv(part[k]), dtype, "leaky_relu") for k in (0, 2)] for part in parts]
            for parts in ((net.encoder1, net.encoder2, net.encoder3), (net.decoder1, net.decoder2, net.decoder3))
        )
        self._hidden = Conv(_conv(net.flow[0]), dtype, "leaky_relu")
        last = _conv(net.flow[2])
        assert last.bias is not None
        self._weight = pack_narrow_weight(last.weight, dtype)
        self._bias = last.bias.detach().float().contiguous()

    def __call__(self, current: Tensor, previous: Tensor) -> Tensor:
        features = interleave([current, previous], dtype=self._dtype, impl="native")
        for first, second in self._encoders:
            features = F.max_pool2d(second(first(features)), 2)
        for first, second in self._decoders:
            features = double_size(second(first(features)), grid=self._grid, impl="native")
        features = self._hidden(features)
        flow = torch.empty(1, 2, *features.shape[2:])
        narrow_conv(features, self._weight, self._bias, flow, impl="native")
        return flow.tanh_().mul_(MAX_FLOW)


def _conv(module: nn.Module) -> nn.Conv2d:
    assert isinstance(module, nn.Conv2d)
    return module
