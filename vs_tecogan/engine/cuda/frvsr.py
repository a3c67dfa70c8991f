"""FRVSR's step on a CUDA device: cuDNN's convolutions and the project's kernels.

The two networks are CUDA graphs over static buffers; what reads and writes memories runs between them, so that a memory
is never copied, and never touched again once it is made.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from ...networks import Generator
from ...networks.generator import FNET_STRIDE
from ...ops import refine_flow
from ...ops.interleave import interleave
from ...ops.recurrent_input import recurrent_input
from ...ops.skip_add import skip_add
from ..base import Memory
from ..frvsr import FLOW_GRIDS, SKIP_GRIDS, FrvsrStep
from .device import CudaDevice
from .network import FlowNetwork, ResidualNetwork, padded
from .plans import Plans
from .runtime import Queue


class CudaFrvsr(FrvsrStep):
    """A generator's step on a CUDA device. See :class:`~vs_tecogan.engine.base.NetworkStep`.

    Convolutions run in ``precision``; flow, coordinates, warps, the skip and the memory are float32. Steps return when
    they are queued.

    :param generator: its weights are copied.
    :param device:    where it runs.
    :param precision: "fp16", "bf16" or "fp32".
    """

    def __init__(self, generator: Generator, device: CudaDevice, precision: str) -> None:
        super().__init__(generator.spec, precision)
        self._kernels, self._runtime = device.kernels, device.runtime
        # in the queue that reads them: memory of another, freed with the engine, would be reused under queued steps
        self._runtime.submit(Queue.COMPUTE, partial(self._lay_out, generator))
        self._runtime.trim()  # what laying them out took
        self._plans = Plans(device.runtime)

    def guide(self, previous: Tensor | None, current: Tensor, following: Tensor | None = None) -> Tensor | None:
        """The flow, (1, 2, H, W) float32, LR pixels; its buffer is that of all frames of this size."""
        # Made at a chain's first frame, though it needs none: capturing waits for the device.
        make = partial(_FlowPlan, self._flow_network, self._spec.flow_rounds, self._dtype, self._plans)
        plan = self._plans.get(make, "flow", *current.shape[2:])
        if previous is None:
            return None

        def compute() -> None:
            pair = [_at_least_stride(image) for image in (current, previous)]
            interleave(pair, dtype=self._dtype, out=plan.pair, impl=self._kernels)
            if plan.frames is not None:
                plan.frames[:1].copy_(previous)
                plan.frames[1:].copy_(current)
            plan.estimate()

        self._runtime.submit(Queue.COMPUTE, compute)
        return plan.flow

    def step(self, memory: Memory, lr: Tensor, guide: Tensor | None) -> Memory:
        """See :class:`~vs_tecogan.engine.base.NetworkStep`."""
        runtime, dialect, (height, width) = self._runtime, self._spec.dialect, lr.shape[2:]
        make = partial(_ResidualPlan, self._residual_network, self.scale, self._dtype, self._plans)
        plan = self._plans.get(make, "residual", height, width)
        past = memory[0] if memory else None
        hr = runtime.empty(Queue.COMPUTE, (1, 3, self.scale * height, self.scale * width), torch.float32)

        def compute() -> None:
            grid, out = FLOW_GRIDS[dialect], plan.inputs
            recurrent_input(
                lr, past, guide, scale=self.scale, grid=grid, dtype=self._dtype, out=out, impl=self._kernels
            )
            plan.reconstruct()
            skip, bias = SKIP_GRIDS.get(dialect), self._residual_network.bias
            skip_add(plan.residual, bias, lr, scale=self.scale, grid=skip, out=hr, impl=self._kernels)

        runtime.submit(Queue.COMPUTE, compute)
        return (hr,)

    def release(self) -> None:
        """See :class:`~vs_tecogan.engine.base.NetworkStep`."""
        self._plans.release()

    def _lay_out(self, generator: Generator) -> None:
        """Copy the weights to the device."""
        self._flow_network = FlowNetwork(generator, self._kernels, self._dtype)
        self._residual_network = ResidualNetwork(generator, self._kernels, self._dtype)


class _FlowPlan:
    """What flow between frames of a size needs: buffers that stay where they are, and the network captured on them."""

    def __init__(
        self, network: FlowNetwork, rounds: int, dtype: torch.dtype, plans: Plans, height: int, width: int
    ) -> None:
        self.pair = plans.features(padded(6), max(height, FNET_STRIDE), max(width, FNET_STRIDE), dtype)
        self.flow = plans.zeros((1, 2, height, width))
        self.frames: Tensor | None = None
        """Previous and current frame, (2, 3, H, W), where the flow is refined against them."""
        task = partial(network, self.pair, self.flow)
        if rounds:
            self.frames = plans.zeros((2, 3, height, width))
            task = partial(_refined, task, self.frames, self.flow, rounds)
        self.estimate = plans.captured(task)


def _refined(estimate: Callable[[], object], frames: Tensor, flow: Tensor, rounds: int) -> None:
    """Estimate the flow, then refine it, in place: torch's operators, whose many small launches a graph makes cheap."""
    estimate()
    flow.copy_(refine_flow(frames[:1], frames[1:], flow, rounds, impl="torch"))


class _ResidualPlan:
    """As above, of the reconstruction."""

    def __init__(
        self, network: ResidualNetwork, scale: int, dtype: torch.dtype, plans: Plans, height: int, width: int
    ) -> None:
        self.inputs = plans.features(padded(3 + 3 * scale * scale), height, width, dtype)
        self.residual = plans.features(3, scale * height, scale * width, dtype)
        self.reconstruct = plans.captured(partial(network, self.inputs, self.residual))


def _at_least_stride(image: Tensor) -> Tensor:
    """``image``, its last row and column repeated where it is smaller than FNet takes."""
    height, width = image.shape[2:]
    right, bottom = max(FNET_STRIDE - width, 0), max(FNET_STRIDE - height, 0)
    return F.pad(image, (0, right, 0, bottom), mode="replicate") if right or bottom else image
