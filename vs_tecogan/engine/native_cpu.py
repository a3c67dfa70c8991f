"""The CPU engine: oneDNN's convolutions, and the native operators for everything between them."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..networks import Dialect, Generator
from ..networks.fnet import MAX_FLOW, FNet
from ..networks.generator import FNET_STRIDE, pad_flow
from ..networks.srnet import ResidualBlock
from ..ops import refine_flow
from ..ops.double_size import double_size
from ..ops.interleave import interleave
from ..ops.narrow_conv import narrow_conv, pack_narrow_weight
from ..ops.planes import read_planes, write_planes
from ..ops.recurrent_input import recurrent_input
from .base import Plane, State
from .coding import Coding, Samples
from .cpu import DTYPES
from .grids import FLOW_GRIDS, FNET_GRIDS
from .layers import Conv, block_conv
from .native_pictures import PictureWriter
from .tail import DeconvTail, ShuffleTail


class NativeEngine:
    """Runs a generator frame by frame on the CPU.

    Convolutions run in ``precision``; flow, coordinates, warps, the last convolution's sums, the skip and the state are
    float32. Weights are cast, packed and laid out once.

    :param generator: its weights are copied.
    :param precision: "fp32" or "bf16".
    """

    device = "cpu"

    def __init__(self, generator: Generator, *, precision: str = "fp32") -> None:
        spec = generator.spec
        self.scale = spec.scale
        self.precision = precision
        self._dtype = DTYPES[precision]
        self._dialect = spec.dialect
        self._flow_rounds = spec.flow_rounds
        self._writer = PictureWriter()
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

    def zero_state(self, height: int, width: int) -> State:
        """See :class:`~vs_tecogan.engine.base.Engine`; the size does not matter here."""
        return State(None, None)

    def step(self, state: State, planes: Sequence[Plane]) -> State:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        lr = self.load(planes)
        return self.step_along(state, lr, None if state.lr is None else self.estimate_flow(state.lr, lr))

    @torch.inference_mode()
    def load(self, planes: Sequence[Plane]) -> Tensor:
        """See :class:`~vs_tecogan.engine.base.FlowEngine`."""
        return read_planes(planes)

    @torch.inference_mode()
    def estimate_flow(self, previous: Tensor, current: Tensor) -> Tensor:
        """As :meth:`vs_tecogan.networks.Generator.estimate_flow`."""
        flow = self._estimate_unrefined(previous, current)
        return refine_flow(previous, current, flow, self._flow_rounds)

    def _estimate_unrefined(self, previous: Tensor, current: Tensor) -> Tensor:
        height, width = current.shape[-2:]
        right, bottom = max(FNET_STRIDE - width, 0), max(FNET_STRIDE - height, 0)
        if right or bottom:
            previous, current = (F.pad(x, (0, right, 0, bottom), mode="replicate") for x in (previous, current))
        flow = self._fnet(current, previous)[..., :height, :width]
        return pad_flow(flow, height, width, self._dialect).contiguous()

    @torch.inference_mode()
    def step_along(self, state: State, lr: Tensor, flow: Tensor | None) -> State:
        """See :class:`~vs_tecogan.engine.base.FlowEngine`."""
        lr, flow = lr.contiguous(), None if flow is None else flow.contiguous()
        features = self._conv_in(self._input(state, lr, flow))
        for first, second in self._blocks:
            features = second.add_to(features, first(features))
        return State(lr, self._tail(features, lr))

    def read(self, state: State, planes: Sequence[Plane]) -> None:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        if state.hr is None:
            raise ValueError("a zero state has no output; step it first")
        write_planes(state.hr, planes)

    def read_picture(self, state: State, planes: Sequence[Samples], coding: Coding) -> None:
        """See :class:`~vs_tecogan.engine.base.PictureReader`."""
        if state.hr is None:
            raise ValueError("a zero state has no output; step it first")
        self._writer.write(state.hr, planes, coding)

    def is_repeat(self, state: State, planes: Sequence[Plane]) -> bool:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        if state.lr is None:
            return False
        return all(np.array_equal(a, b) for a, b in zip(state.lr[0].numpy(), planes, strict=True))

    def nbytes(self, state: State) -> int:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        return sum(tensor.nbytes for tensor in (state.lr, state.hr) if tensor is not None)

    def _input(self, state: State, lr: Tensor, flow: Tensor | None) -> Tensor:
        grid = FLOW_GRIDS[self._dialect]
        return recurrent_input(lr, state.hr, flow, scale=self.scale, grid=grid, dtype=self._dtype)


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
        features = interleave([current, previous], dtype=self._dtype)
        for first, second in self._encoders:
            features = F.max_pool2d(second(first(features)), 2)
        for first, second in self._decoders:
            features = double_size(second(first(features)), grid=self._grid)
        features = self._hidden(features)
        flow = torch.empty(1, 2, *features.shape[2:])
        narrow_conv(features, self._weight, self._bias, flow)
        return flow.tanh_().mul_(MAX_FLOW)


def _conv(module: nn.Module) -> nn.Conv2d:
    assert isinstance(module, nn.Conv2d)
    return module
