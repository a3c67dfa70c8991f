"""RecurrentSR's step on a CUDA device: cuDNN's convolutions and the project's kernels, the network as a CUDA graph.

As :mod:`.frvsr`: what reads and writes memories runs between the graphs, so that a memory is never touched again.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...networks import Alignment, RecurrentSpec, RecurrentSR
from ...networks.srnet import ResidualBlock
from ...ops import backward_warp, depth_to_space, pyramid_flow
from ...ops.cuda import Kernels
from ...ops.recurrent_input import recurrent_input
from ...ops.resample import Grid
from ...ops.skip_add import skip_add
from ..base import Memory
from ..recurrent import RecurrentStep, input_order
from .device import CudaDevice
from .network import LINEAR, RELU, BareConv, fused_relu_works, padded
from .plans import Plans
from .runtime import Queue


class CudaRecurrent(RecurrentStep):
    """A step on a CUDA device. See :class:`~vs_tecogan.engine.base.NetworkStep`.

    Convolutions run in ``precision``; flow, coordinates, warps, the skip and the memory are float32. Steps return when
    they are queued.

    :param network:   its weights are copied.
    :param device:    where it runs.
    :param precision: "fp16", "bf16" or "fp32".
    """

    def __init__(self, network: RecurrentSR, device: CudaDevice, precision: str) -> None:
        super().__init__(network.spec, precision)
        self._kernels, self._runtime = device.kernels, device.runtime
        # in the queue that reads them, as FRVSR's
        self._runtime.submit(Queue.COMPUTE, partial(self._lay_out, network))
        self._runtime.trim()
        self._plans = Plans(device.runtime)

    def guide(self, previous: Tensor | None, current: Tensor, following: Tensor | None = None) -> Tensor:
        """As :class:`~vs_tecogan.engine.recurrent.PlainGuide`; its buffer is that of all frames of this size."""
        plan = self._plans.get(partial(_GuidePlan, self._spec, self._plans), "guide", *current.shape[2:])
        others = [previous, following][: 1 + self.ahead]
        self._runtime.submit(Queue.COMPUTE, partial(plan.fill, others, current))
        return plan.guide

    def step(self, memory: Memory, lr: Tensor, guide: Tensor | None) -> Memory:
        """See :class:`~vs_tecogan.engine.base.NetworkStep`."""
        assert guide is not None
        runtime, spec, (height, width) = self._runtime, self._spec, lr.shape[2:]
        plan = self._plans.get(partial(_NetworkPlan, self._network, spec, self._plans), "network", height, width)
        picture = runtime.empty(Queue.COMPUTE, (1, 3, self.scale * height, self.scale * width), torch.float32)
        features = runtime.empty(Queue.COMPUTE, (1, spec.channels, height, width), torch.float32)

        def compute() -> None:
            self._write_inputs(plan.inputs, memory, lr, guide)
            plan.run()
            none = plan.residual.new_zeros(3, dtype=torch.float32)  # the last convolution has added its bias
            grid = Grid.BICUBIC_LEGACY
            skip_add(plan.residual, none, lr, scale=self.scale, grid=grid, out=picture, impl=self._kernels)
            features.copy_(plan.features)

        runtime.submit(Queue.COMPUTE, compute)
        return picture, features

    def release(self) -> None:
        """See :class:`~vs_tecogan.engine.base.NetworkStep`."""
        self._plans.release()

    def _lay_out(self, network: RecurrentSR) -> None:
        self._network = _Network(network, self._kernels, self._dtype)

    def _write_inputs(self, inputs: Tensor, memory: Memory, lr: Tensor, guide: Tensor) -> None:
        """Channels in the order of :func:`~vs_tecogan.engine.recurrent.input_order`; without a memory its are zero."""
        spec = self._spec
        first, count = 3 + spec.folded, 3 * (spec.window - 1)
        picture, features = memory or (None, None)
        flow = None if picture is None else self._state_flow(guide)
        recurrent_input(
            lr, picture, flow, scale=self.scale, grid=Grid.BICUBIC_LEGACY, dtype=self._dtype, out=inputs,
            impl=self._kernels,
        )  # fmt: skip
        inputs[:, first : first + count].copy_(guide[:, :count])
        last = slice(first + count, first + count + spec.channels)
        if features is None or flow is None:
            inputs[:, last].zero_()
        elif spec.alignment is Alignment.FLOW:
            inputs[:, last].copy_(backward_warp(features, flow, impl="torch"))
        else:
            inputs[:, last].copy_(features)

    def _state_flow(self, guide: Tensor) -> Tensor:
        if self._spec.alignment is Alignment.FLOW:
            return guide[:, -2:].contiguous()
        return guide.new_zeros(1, 2, *guide.shape[2:])


class _GuidePlan:
    """What guides frames of a size: buffers that stay where they are, and the search for flow captured on them."""

    def __init__(self, spec: RecurrentSpec, plans: Plans, height: int, width: int) -> None:
        others, aligned = spec.window - 1, spec.alignment is Alignment.FLOW
        self.guide = plans.zeros((1, 3 * others + 2 * aligned, height, width))
        self._current = plans.zeros((1, 3, height, width))
        self._others = [plans.zeros((1, 3, height, width)) for _ in range(others)]
        self._tasks = [
            plans.captured(partial(_aligned, self.guide, k, other, self._current, spec.flow_rounds))
            if aligned
            else None
            for k, other in enumerate(self._others)
        ]

    def fill(self, others: list[Tensor | None], current: Tensor) -> None:
        """Write the guide of a frame; a neighbour that is missing is the frame itself."""
        self._current.copy_(current)
        for k, (other, kept, task) in enumerate(zip(others, self._others, self._tasks, strict=True)):
            if other is None or task is None:
                self.guide[:, 3 * k : 3 * k + 3].copy_(current if other is None else other)
                if k == 0 and task is not None:
                    self.guide[:, -2:].zero_()
            else:
                kept.copy_(other)
                task()


def _aligned(guide: Tensor, k: int, other: Tensor, current: Tensor, rounds: int) -> None:
    """Neighbour k moved to the current frame; the flow of the first one is kept too. Torch's many small operators."""
    flow = pyramid_flow(other, current, rounds, impl="torch")
    guide[:, 3 * k : 3 * k + 3].copy_(backward_warp(other, flow, impl="torch"))
    if k == 0:
        guide[:, -2:].copy_(flow)


class _Network:
    """The convolutions, prepared."""

    def __init__(self, network: RecurrentSR, kernels: Kernels, dtype: torch.dtype) -> None:
        self._spec, self.dtype = network.spec, dtype
        fused = fused_relu_works(kernels.device, dtype)
        conv = partial(BareConv, kernels=kernels, dtype=dtype, fused=fused)
        self._first = conv(_reordered(network.conv_in, input_order(network.spec)))
        self._trunk: list[tuple[BareConv, BareConv | None]] = [
            (conv(module.conv[0]), conv(module.conv[2])) if isinstance(module, ResidualBlock) else (conv(module), None)
            for module in network.trunk
            if not isinstance(module, nn.ReLU)
        ]
        self._last = conv(network.conv_out)

    def __call__(self, inputs: Tensor, residual: Tensor, features: Tensor) -> None:
        """Compute the residual image (1, 3, sH, sW) and the next features (1, C, H, W), both overwritten."""
        spec = self._spec
        flowing = self._first(inputs, RELU)
        for first, second in self._trunk:
            inner = first(flowing, RELU)
            flowing = inner if second is None else second(inner, LINEAR, flowing)
        outputs = self._last(flowing, LINEAR)
        residual.copy_(depth_to_space(outputs[:, : spec.folded], spec.scale))
        features.copy_(F.relu(outputs[:, spec.folded : spec.folded + spec.channels]))


class _NetworkPlan:
    """As :class:`_GuidePlan`, of the network."""

    def __init__(self, network: _Network, spec: RecurrentSpec, plans: Plans, height: int, width: int) -> None:
        dtype, s = network.dtype, spec.scale
        self.inputs = plans.features(padded(3 * spec.window + spec.state_channels), height, width, dtype)
        self.residual = plans.features(3, s * height, s * width, dtype)
        self.features = plans.features(spec.channels, height, width, dtype)
        self.run = plans.captured(partial(network, self.inputs, self.residual, self.features))


def _reordered(layer: nn.Conv2d, order: list[int]) -> nn.Conv2d:
    """The layer with its inputs in another order."""
    assert layer.bias is not None
    other = nn.Conv2d(len(order), layer.out_channels, 3, padding=1).requires_grad_(False)
    other.weight.copy_(layer.weight.detach()[:, order])
    assert other.bias is not None
    other.bias.copy_(layer.bias.detach())
    return other
