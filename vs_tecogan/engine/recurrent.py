"""RecurrentSR's step: what is the same on every device, and the one by torch's own operators."""

import copy

import torch
from torch import Tensor

from ..networks import Alignment, RecurrentSpec, RecurrentSR
from ..ops import space_to_depth
from ..ops.native import Impl
from ..ops.refine import REFINE_PLANES
from .base import Memory
from .device import Device
from .float32 import without_tf32
from .frvsr import BESIDES, DTYPES

LIVE_FEATURES = 6
"""Feature maps of the trunk's width that live at once, with what torch keeps besides."""


class RecurrentStep:
    """The part of a :class:`~vs_tecogan.engine.base.NetworkStep` that is the same on every device.

    The guide is made from whole frames: the other frames of the window, moved to the current one, and the flow that
    moves the state. The memory is the output and the features.
    """

    grid = 1
    """Nothing in a step pools."""

    def __init__(self, spec: RecurrentSpec, precision: str) -> None:
        self.scale, self.ahead = spec.scale, spec.ahead
        self.widest = max(spec.channels, 3 * spec.window + spec.state_channels)
        self._spec, self._dtype = spec, DTYPES[precision]

    def step_bytes(self, height: int, width: int) -> int:
        """Feature maps, input and output of the network, the old and new memory."""
        spec = self._spec
        ends = 3 * spec.window + 2 * spec.state_channels
        maps = (LIVE_FEATURES * spec.channels + ends) * self._dtype.itemsize
        return height * width * (maps + 2 * spec.state_channels * 4) + BESIDES

    def guide_bytes(self, height: int, width: int) -> int:
        """Frames, moved and as given, flows, and the planes of a refinement."""
        frames = 3 * (2 * self._spec.window - 1) + 2
        return height * width * 4 * (REFINE_PLANES + frames)

    def release(self) -> None:
        """See :class:`~vs_tecogan.engine.base.NetworkStep`."""


def input_order(spec: RecurrentSpec) -> list[int]:
    """Channels of the network's input as fast engines lay them out: the current frame with the last output folded
    behind it, which one operator writes, then the other frames, then the features."""
    ahead, window, width = 3 * spec.ahead, 3 * spec.window, spec.channels
    order = [*range(3, 6), *range(window + width, window + spec.state_channels), *range(3), *range(6, 6 + ahead)]
    return [*order, *range(window, window + width)]


class PlainGuide(RecurrentStep):
    """The guide by the network's own methods.

    :param network: copied, so that the caller's weights keep their type and place.
    :param impl:    who computes flow and warps.
    """

    def __init__(self, network: RecurrentSR, device: Device, precision: str, impl: Impl) -> None:
        super().__init__(network.spec, precision)
        self._net = copy.deepcopy(network).eval().to(device=device.name, dtype=self._dtype)
        self._net.impl = impl

    def guide(self, previous: Tensor | None, current: Tensor, following: Tensor | None = None) -> Tensor:
        """The other frames, then the flow towards the previous frame, (1, 3 or 6, and 2, H, W) float32.

        See :class:`~vs_tecogan.engine.base.NetworkStep`. A frame that is missing at the end of a chain is the current
        one.
        """
        others = [previous, following][: 1 + self.ahead]
        window = [current if other is None else other for other in others]
        if self._spec.alignment is Alignment.NONE:
            return torch.cat(window, dim=1)
        flows = [
            current.new_zeros(1, 2, *current.shape[2:]) if other is None else self._net.estimate_flow(other, current)
            for other in others
        ]
        moved = [image if other is None else self._net.warp(image, flow)
                 for other, image, flow in zip(others, window, flows, strict=True)]  # fmt: skip
        return torch.cat((*moved, flows[0]), dim=1)


class TorchRecurrent(PlainGuide):
    """A step by plain modules, channels_last. See :class:`~vs_tecogan.engine.base.NetworkStep`.

    Convolutions run in ``precision``; flow, coordinates, warps, the skip and the memory stay float32.

    :param device:    where it runs.
    :param precision: "fp32", "bf16" or "fp16".
    """

    def __init__(self, network: RecurrentSR, device: Device, precision: str) -> None:
        super().__init__(network, device, precision, "torch")
        without_tf32(self._net)
        self._net = self._net.to(memory_format=torch.channels_last)

    def step(self, memory: Memory, lr: Tensor, guide: Tensor | None) -> Memory:
        """See :class:`~vs_tecogan.engine.base.NetworkStep`."""
        assert guide is not None
        net, width = self._net, self._spec.channels
        frames = torch.cat((guide[:, :3], lr, guide[:, 3 : 3 + 3 * self.ahead]), dim=1)
        if not memory:
            state = net.initial_state(1, *lr.shape[2:])
        else:
            picture, features = memory
            state = torch.cat((features, space_to_depth(picture, self.scale)), dim=1)
            if self._spec.alignment is Alignment.FLOW:
                state = net.move(state, guide[:, -2:])
        picture, state = net.advance(frames, state)
        return picture.contiguous(), state[:, :width].contiguous()
