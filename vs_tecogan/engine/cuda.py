"""The CUDA engine: cuDNN's convolutions and the project's kernels; pictures cross the bus as they are coded.

Upload, computation and download run on streams of their own through pinned memory, and a step returns as soon as it is
queued, so that the host prepares the next frame meanwhile. The two networks are CUDA graphs over static buffers; what
reads and writes states runs between them, so that a state is never copied, and never touched again once it is made.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks import Generator
from ..networks.generator import FNET_STRIDE
from ..ops import refine_flow
from ..ops.cuda import CupyLauncher, Kernels
from ..ops.interleave import interleave
from ..ops.recurrent_input import recurrent_input
from ..ops.skip_add import skip_add
from .base import Engine, Plane, State
from .coding import Coding, Samples
from .cpu import DTYPES
from .cuda_network import FlowNetwork, ResidualNetwork, padded
from .cuda_pictures import PLAIN, Converter, drain, fill, nbytes
from .cuda_runtime import CudaRuntime, Mark, Queue, Runtime, Staging
from .grids import FLOW_GRIDS, SKIP_GRIDS

AHEAD = 4
"""Steps that may be queued before the device has finished: enough to keep it busy. Without a limit every thread of
VapourSynth's would hold a state, a hundred megabytes each at 4K."""


T = TypeVar("T")


@dataclass(frozen=True)
class CudaState(State):
    """A state on the device."""

    seen: Mark
    """``lr`` is there once this has passed."""
    ready: Mark
    """``hr`` is there once this has passed."""


class Fetched(Protocol):
    """A picture on its way to the host."""

    def into(self, planes: Sequence[Samples]) -> None:
        """Wait for it and write it into planes; once, from any thread."""


@runtime_checkable
class PictureEngine(Engine, Protocol):
    """An engine that takes and gives pictures as they are coded."""

    def step_picture(self, state: State, planes: Sequence[Samples], coding: Coding, *, clamp: bool) -> State:
        """As ``step``, from coded planes; ``clamp`` brings R, G and B to [0, 1] and NaN to 0."""

    def fetch(self, state: State, coding: Coding) -> Fetched:
        """As ``read``, into coded planes, at once: the result waits."""


class CudaEngine:
    """Runs a generator frame by frame on one CUDA device.

    Convolutions run in ``precision``; flow, coordinates, warps, the skip and the state are float32. Steps return before
    the device has finished, unless :data:`AHEAD` are under way. Call it from one thread at a time; what :meth:`fetch`
    returns may be used on any.

    :param generator: its weights are copied.
    :param device:    "cuda:N".
    :param precision: "fp16", "bf16" or "fp32".
    :param kernels:   in place of those compiled for the device; :param runtime: in place of the device's own.
    """

    def __init__(
        self,
        generator: Generator,
        *,
        device: str,
        precision: str,
        kernels: Kernels | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        spec = generator.spec
        self.scale = spec.scale
        self.device = device
        self.precision = precision
        self._flow_rounds = spec.flow_rounds
        self._dtype = DTYPES[precision]
        place = torch.device(device)
        self._kernels = kernels or Kernels(CupyLauncher(place).launch, place)
        self._runtime = runtime or CudaRuntime(place)
        # in the queue that reads them: memory of another, freed with the engine, would be reused under queued steps
        self._runtime.submit(Queue.COMPUTE, partial(self._lay_out, generator))
        self._runtime.trim()  # what laying them out took
        self._flow_grid, self._skip_grid = FLOW_GRIDS[spec.dialect], SKIP_GRIDS.get(spec.dialect)
        self._converter = Converter(self._kernels)
        self._uploads, self._downloads = Staging(self._runtime), Staging(self._runtime)
        self._flow_plans: dict[tuple[int, int], _FlowPlan] = {}
        self._residual_plans: dict[tuple[int, int], _ResidualPlan] = {}
        self._captures = True
        self._queued: deque[Mark] = deque()

    def zero_state(self, height: int, width: int) -> State:
        """See :class:`~vs_tecogan.engine.base.Engine`; the size does not matter here."""
        return State(None, None)

    def step(self, state: State, planes: Sequence[Plane]) -> State:
        """See :class:`~vs_tecogan.engine.base.Engine`; returns before the device has finished."""
        return self.step_picture(state, planes, PLAIN, clamp=False)

    @torch.inference_mode()
    def step_picture(self, state: State, planes: Sequence[Samples], coding: Coding, *, clamp: bool) -> State:
        """See :class:`PictureEngine`; returns before the device has finished."""
        return self._with_room(lambda: self._step(state, planes, coding, clamp), *planes[0].shape)

    @torch.inference_mode()
    def load(self, planes: Sequence[Plane]) -> Tensor:
        """See :class:`~vs_tecogan.engine.base.FlowEngine`; returns before the device has it, as what follows does."""
        return self._load(planes, PLAIN, clamp=False)[0]

    @torch.inference_mode()
    def estimate_flow(self, previous: Tensor, current: Tensor) -> Tensor:
        """See :class:`~vs_tecogan.engine.base.FlowEngine`."""
        height, width = current.shape[2:]

        def estimate() -> Tensor:
            flow = self._runtime.empty(Queue.COMPUTE, (1, 2, height, width), torch.float32)
            shared = self._flow_to(previous, current)
            self._runtime.submit(Queue.COMPUTE, lambda: flow.copy_(shared))
            return flow

        return self._with_room(estimate, height, width)

    @torch.inference_mode()
    def step_along(self, state: State, lr: Tensor, flow: Tensor | None) -> State:
        """See :class:`~vs_tecogan.engine.base.FlowEngine`."""
        height, width = lr.shape[2:]

        def step() -> State:
            self._pace()
            own = self._own(lr)
            seen = self._runtime.mark(Queue.COMPUTE)
            return self._advance(state, own, None if flow is None else self._own(flow), seen)

        return self._with_room(step, height, width)

    def read(self, state: State, planes: Sequence[Plane]) -> None:
        """See :class:`~vs_tecogan.engine.base.Engine`; waits for the device."""
        self.fetch(state, PLAIN).into(planes)

    @torch.inference_mode()
    def fetch(self, state: State, coding: Coding) -> "_Fetch":
        """See :class:`PictureEngine`."""
        if not isinstance(state, CudaState) or state.hr is None:
            raise ValueError("a zero state has no output; step it first")
        return self._fetch(state.hr, state.ready, coding)

    @torch.inference_mode()
    def is_repeat(self, state: State, planes: Sequence[Plane]) -> bool:
        """See :class:`~vs_tecogan.engine.base.Engine`; waits for the device."""
        if not isinstance(state, CudaState) or state.lr is None:
            return False
        last = list(np.empty((3, *state.lr.shape[2:]), np.float32))
        self._fetch(state.lr, state.seen, PLAIN).into(last)
        return all(np.array_equal(a, b) for a, b in zip(last, planes, strict=True))

    def nbytes(self, state: State) -> int:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        return sum(tensor.nbytes for tensor in (state.lr, state.hr) if tensor is not None)

    def _lay_out(self, generator: Generator) -> None:
        """Copy the weights to the device."""
        self._flow_network = FlowNetwork(generator, self._kernels, self._dtype)
        self._residual_network = ResidualNetwork(generator, self._kernels, self._dtype)

    def _with_room(self, task: Callable[[], T], height: int, width: int) -> T:
        """``task``, a second time with graphs given up where memory has run out.

        :raises MemoryError: it does so again.
        """
        try:
            return task()
        except torch.OutOfMemoryError:
            pass  # go on outside: while it is handled, the error holds the step's tensors
        # graphs keep memory from frame to frame that single launches share; the networks' results are the same
        self._runtime.trim()
        self._flow_plans.clear()
        self._residual_plans.clear()
        self._captures = False
        self._runtime.trim()
        try:
            return task()
        except torch.OutOfMemoryError as error:
            raise MemoryError(
                f"{self.device} has too little free memory for frames of {width}x{height}; give tile=(width, height) "
                "with smaller sides, or less memory="
            ) from error

    def _step(self, state: State, planes: Sequence[Samples], coding: Coding, clamp: bool) -> State:
        self._pace()
        # Made at a chain's first frame, though it needs none: capturing waits for the device.
        self._flow_plan(*planes[0].shape)
        lr, seen = self._load(planes, coding, clamp=clamp)
        flow = None if state.lr is None or state.hr is None else self._flow_to(state.lr, lr)
        return self._advance(state, lr, flow, seen)

    def _pace(self) -> None:
        """Wait while :data:`AHEAD` steps are under way."""
        if len(self._queued) >= AHEAD:
            self._runtime.finish(self._queued.popleft())

    def _load(self, planes: Sequence[Samples], coding: Coding, *, clamp: bool) -> tuple[Tensor, Mark]:
        """The frame as RGB on the device, and when it is there."""
        runtime = self._runtime
        raw = self._send(planes, coding)
        lr = runtime.empty(Queue.COMPUTE, (1, 3, *planes[0].shape), torch.float32)
        runtime.submit(Queue.COMPUTE, lambda: self._converter.to_rgb(raw, coding, lr, clamp=clamp))
        return lr, runtime.mark(Queue.COMPUTE)

    def _own(self, part: Tensor) -> Tensor:
        """A copy of a view, its rows side by side, made in the compute queue."""
        own = self._runtime.empty(Queue.COMPUTE, tuple(part.shape), torch.float32)
        self._runtime.submit(Queue.COMPUTE, lambda: own.copy_(part))
        return own

    def _flow_to(self, previous: Tensor, current: Tensor) -> Tensor:
        """Queue the flow between two frames; its buffer is that of all frames of this size."""
        plan = self._flow_plan(*current.shape[2:])

        def compute() -> None:
            pair = [_at_least_stride(image) for image in (current, previous)]
            interleave(pair, dtype=self._dtype, out=plan.pair, impl=self._kernels)
            if plan.frames is not None:
                plan.frames[:1].copy_(previous)
                plan.frames[1:].copy_(current)
            plan.estimate()

        self._runtime.submit(Queue.COMPUTE, compute)
        return plan.flow

    def _advance(self, state: State, lr: Tensor, flow: Tensor | None, seen: Mark) -> CudaState:
        """Queue the reconstruction of a frame."""
        runtime, (height, width) = self._runtime, lr.shape[2:]
        plan = self._residual_plan(height, width)
        hr = runtime.empty(Queue.COMPUTE, (1, 3, self.scale * height, self.scale * width), torch.float32)

        def compute() -> None:
            recurrent_input(
                lr, state.hr, flow, scale=self.scale, grid=self._flow_grid, dtype=self._dtype, out=plan.inputs,
                impl=self._kernels,
            )  # fmt: skip
            plan.reconstruct()
            bias = self._residual_network.bias
            skip_add(plan.residual, bias, lr, scale=self.scale, grid=self._skip_grid, out=hr, impl=self._kernels)

        runtime.submit(Queue.COMPUTE, compute)
        ready = runtime.mark(Queue.COMPUTE)
        self._queued.append(ready)
        return CudaState(lr, hr, seen, ready)

    def _send(self, planes: Sequence[Samples], coding: Coding) -> Tensor:
        """The planes in device memory, packed, for the compute queue to read."""
        runtime, size = self._runtime, nbytes(coding, *planes[0].shape)
        raw = runtime.empty(Queue.UPLOAD, (size,), torch.uint8)
        pinned = self._uploads.take(size)
        fill(pinned, planes, coding)
        runtime.submit(Queue.UPLOAD, lambda: raw.copy_(pinned, non_blocking=True))
        sent = runtime.mark(Queue.UPLOAD)
        self._uploads.give(pinned, sent)
        runtime.wait(Queue.COMPUTE, sent)
        runtime.use(Queue.COMPUTE, raw)
        return raw

    def _fetch(self, image: Tensor, ready: Mark, coding: Coding) -> "_Fetch":
        """Convert and download an RGB image that is there once ``ready`` has passed."""
        runtime, (height, width) = self._runtime, image.shape[2:]
        size = nbytes(coding, height, width)
        pinned = self._downloads.take(size)
        runtime.wait(Queue.DOWNLOAD, ready)
        runtime.use(Queue.DOWNLOAD, image)
        if coding.plain:
            packed = image.view(-1).view(torch.uint8)
        else:
            packed = runtime.empty(Queue.DOWNLOAD, (size,), torch.uint8)
            shape = self._converter.scratch_shape(coding, height, width)
            scratch = None if shape is None else runtime.empty(Queue.DOWNLOAD, shape, torch.float32)
            runtime.submit(Queue.DOWNLOAD, lambda: self._converter.from_rgb(image, coding, packed, scratch))
        runtime.submit(Queue.DOWNLOAD, lambda: pinned.copy_(packed, non_blocking=True))
        return _Fetch(runtime, self._downloads, pinned, runtime.mark(Queue.DOWNLOAD), coding)

    def _flow_plan(self, height: int, width: int) -> "_FlowPlan":
        """Static buffers and captured network for frames of this size, made now if it is new."""
        if (height, width) not in self._flow_plans:
            self._flow_plans[height, width] = _FlowPlan(self, height, width)
        return self._flow_plans[height, width]

    def _residual_plan(self, height: int, width: int) -> "_ResidualPlan":
        """As above."""
        if (height, width) not in self._residual_plans:
            self._residual_plans[height, width] = _ResidualPlan(self, height, width)
        return self._residual_plans[height, width]

    def _features(self, channels: int, rows: int, columns: int) -> Tensor:
        """Zeros, channels last."""
        tensor = self._runtime.empty(Queue.COMPUTE, (1, rows, columns, channels), self._dtype)
        self._runtime.submit(Queue.COMPUTE, tensor.zero_)
        return tensor.permute(0, 3, 1, 2)

    def _captured(self, task: Callable[[], object]) -> Callable[[], object]:
        return self._runtime.capture(task) if self._captures else task


class _FlowPlan:
    """What flow between frames of a size needs: buffers that stay where they are, and the network captured on them."""

    def __init__(self, engine: CudaEngine, height: int, width: int) -> None:
        self.pair = engine._features(padded(6), max(height, FNET_STRIDE), max(width, FNET_STRIDE))
        self.flow = engine._runtime.empty(Queue.COMPUTE, (1, 2, height, width), torch.float32)
        self.frames: Tensor | None = None
        """Previous and current frame, (2, 3, H, W), where the flow is refined against them."""
        # tasks know the networks, not the engine: a cycle would keep the device's memory until Python collects garbage
        task = partial(engine._flow_network, self.pair, self.flow)
        if engine._flow_rounds:
            self.frames = engine._runtime.empty(Queue.COMPUTE, (2, 3, height, width), torch.float32)
            engine._runtime.submit(Queue.COMPUTE, self.frames.zero_)
            task = partial(_refined, task, self.frames, self.flow, engine._flow_rounds)
        self.estimate = engine._captured(task)


def _refined(estimate: Callable[[], object], frames: Tensor, flow: Tensor, rounds: int) -> None:
    """Estimate the flow, then refine it, in place: torch's operators, whose many small launches a graph makes cheap."""
    estimate()
    flow.copy_(refine_flow(frames[:1], frames[1:], flow, rounds, impl="torch"))


class _ResidualPlan:
    """As above, of the reconstruction."""

    def __init__(self, engine: CudaEngine, height: int, width: int) -> None:
        s = engine.scale
        self.inputs = engine._features(padded(3 + 3 * s * s), height, width)
        self.residual = engine._features(3, s * height, s * width)
        self.reconstruct = engine._captured(partial(engine._residual_network, self.inputs, self.residual))


class _Fetch:
    """See :class:`Fetched`."""

    def __init__(self, runtime: Runtime, staging: Staging, pinned: Tensor, done: Mark, coding: Coding) -> None:
        self._runtime, self._staging, self._pinned = runtime, staging, pinned
        self._done, self._coding = done, coding

    def into(self, planes: Sequence[Samples]) -> None:
        """See :class:`Fetched`."""
        self._runtime.finish(self._done)
        drain(self._pinned, planes, self._coding)
        self._staging.give(self._pinned, None)


def _at_least_stride(image: Tensor) -> Tensor:
    """``image``, its last row and column repeated where it is smaller than FNet takes."""
    height, width = image.shape[2:]
    right, bottom = max(FNET_STRIDE - width, 0), max(FNET_STRIDE - height, 0)
    return F.pad(image, (0, right, 0, bottom), mode="replicate") if right or bottom else image
