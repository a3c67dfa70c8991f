"""The torch engine: plain modules, channels_last, on the CPU or any torch device."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..networks import Dialect, Generator
from ..networks.srnet import image_upsampler
from ..ops import backward_warp, refine_flow, space_to_depth
from .base import Plane, State

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class TorchEngine:
    """Runs a generator frame by frame with torch's own operators.

    Convolutions run in ``precision``; flow, coordinates, warps, the skip and the state stay float32.

    :param generator: copied, so that the caller's weights keep their type and place.
    :param device:    torch device string.
    :param precision: "fp32", "bf16" or "fp16".
    """

    def __init__(self, generator: Generator, *, device: str = "cpu", precision: str = "fp32") -> None:
        self.scale = generator.spec.scale
        self.device = device
        self.precision = precision
        self._dtype = DTYPES[precision]
        self._net = copy.deepcopy(generator).eval().to(device=device, dtype=self._dtype)
        self._net = self._net.to(memory_format=torch.channels_last)

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
        return torch.from_numpy(np.stack(planes)[None]).to(self.device)

    @torch.inference_mode()
    def estimate_flow(self, previous: Tensor, current: Tensor) -> Tensor:
        """See :class:`~vs_tecogan.engine.base.FlowEngine`."""
        flow = self._net.estimate_unrefined(self._narrow(previous), self._narrow(current))
        return refine_flow(previous, current, flow, self._net.spec.flow_rounds)

    @torch.inference_mode()
    def step_along(self, state: State, lr: Tensor, flow: Tensor | None) -> State:
        """See :class:`~vs_tecogan.engine.base.FlowEngine`."""
        # Views of a larger frame would keep all of it in the state.
        lr = lr.contiguous()
        features = self._net.srnet.body(self._narrow(lr), self._narrow(self._recur(state, lr, flow)))
        hr = self._net.srnet.upsample(features).float()
        if self._net.spec.dialect is not Dialect.EGVSR:
            hr = hr + image_upsampler(self._net.spec.dialect)(lr, self.scale)
        return State(lr, hr.contiguous())

    @torch.inference_mode()
    def read(self, state: State, planes: Sequence[Plane]) -> None:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        if state.hr is None:
            raise ValueError("a zero state has no output; step it first")
        for plane, values in zip(planes, state.hr[0].cpu().numpy(), strict=True):
            plane[...] = values

    def is_repeat(self, state: State, planes: Sequence[Plane]) -> bool:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        if state.lr is None:
            return False
        return all(np.array_equal(a, b) for a, b in zip(state.lr[0].cpu().numpy(), planes, strict=True))

    def nbytes(self, state: State) -> int:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        return sum(tensor.nbytes for tensor in (state.lr, state.hr) if tensor is not None)

    def _narrow(self, image: Tensor) -> Tensor:
        return image.to(self._dtype, memory_format=torch.channels_last)

    def _recur(self, state: State, lr: Tensor, flow: Tensor | None) -> Tensor:
        """Space-to-depth of the previous output, warped to the frame ``lr``; zeros from the zero state."""
        if flow is None or state.hr is None:
            _, channels, height, width = lr.shape
            return lr.new_zeros(1, channels * self.scale**2, height, width)
        return space_to_depth(backward_warp(state.hr, self._net.upsample_flow(flow), impl="torch"), self.scale)
