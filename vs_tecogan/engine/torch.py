"""FRVSR's step by torch's own operators, on any of its devices: plain modules, channels_last."""

import copy

import torch
from torch import Tensor

from ..networks import Dialect, Generator
from ..networks.srnet import image_upsampler
from ..ops import backward_warp, refine_flow, space_to_depth
from .base import Memory
from .device import Device
from .float32 import without_tf32
from .frvsr import FEATURES, FrvsrStep

LIVE_AT_OUTPUT = 1.25
"""Feature maps at the output's size that live at once: one, and what torch unfolds of it."""


class TorchFrvsr(FrvsrStep):
    """A generator's step by plain modules. See :class:`~vs_tecogan.engine.base.NetworkStep`.

    Convolutions run in ``precision``; flow, coordinates, warps, the skip and the memory stay float32.

    :param generator: copied, so that the caller's weights keep their type and place.
    :param device:    where it runs.
    :param precision: "fp32", "bf16" or "fp16".
    """

    def __init__(self, generator: Generator, device: Device, precision: str) -> None:
        super().__init__(generator.spec, precision)
        net = copy.deepcopy(generator).eval().to(device=device.name, dtype=self._dtype)
        without_tf32(net)
        self._net = net.to(memory_format=torch.channels_last)

    def step_bytes(self, height: int, width: int) -> int:
        """As the other engines', and the last convolution's input at the output's size, which they make in bands.

        ``scripts/figures.py memory`` measures it.
        """
        features = round(LIVE_AT_OUTPUT * FEATURES) * self.scale**2 * self._dtype.itemsize
        return super().step_bytes(height, width) + height * width * features

    def guide(self, previous: Tensor | None, current: Tensor, following: Tensor | None = None) -> Tensor | None:
        """The flow, (1, 2, H, W) float32, LR pixels, from ``current`` back to ``previous``."""
        if previous is None:
            return None
        flow = self._net.estimate_unrefined(self._narrow(previous), self._narrow(current))
        return refine_flow(previous, current, flow, self._spec.flow_rounds)

    def step(self, memory: Memory, lr: Tensor, guide: Tensor | None) -> Memory:
        """See :class:`~vs_tecogan.engine.base.NetworkStep`."""
        features = self._net.srnet.body(self._narrow(lr), self._narrow(self._recur(memory, lr, guide)))
        hr = self._net.srnet.upsample(features).float()
        if self._spec.dialect is not Dialect.EGVSR:
            hr = hr + image_upsampler(self._spec.dialect)(lr, self.scale)
        return (hr.contiguous(),)

    def _narrow(self, image: Tensor) -> Tensor:
        return image.to(self._dtype, memory_format=torch.channels_last)

    def _recur(self, memory: Memory, lr: Tensor, flow: Tensor | None) -> Tensor:
        """Space-to-depth of the previous output, warped to the frame ``lr``; zeros at the first frame."""
        if flow is None:
            _, channels, height, width = lr.shape
            return lr.new_zeros(1, channels * self.scale**2, height, width)
        return space_to_depth(backward_warp(memory[0], self._net.upsample_flow(flow), impl="torch"), self.scale)
