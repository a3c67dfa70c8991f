"""The CUDA engine: cuDNN's convolutions and the project's kernels; pictures cross the bus as they are coded.

Upload, computation and download run on streams of their own through pinned memory, and a step returns as soon as it is
queued, so that the host prepares the next frame meanwhile. The two networks are CUDA graphs over static buffers; what
reads and writes states runs between them, so that a state is never copied, and never touched again once it is made.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks import Generator
from ..networks.generator import FNET_STRIDE
from ..ops.cuda import CupyLauncher, Kernels
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
        self._dtype = DTYPES[precision]
        place = torch.device(device)
        self._kernels = kernels or Kernels(CupyLauncher(place), place)
        self._runtime = runtime or CudaRuntime(place)
        # in the queue that reads them: memory of another, freed with the engine, would be reused under queued steps
        self._runtime.submit(Queue.COMPUTE, partial(self._lay_out, generator))
        self._runtime.trim()  # what laying them out took
        self._flow_grid, self._skip_grid = FLOW_GRIDS[spec.dialect], SKIP_GRIDS.get(spec.dialect)
        self._converter = Converter(self._kernels)
        self._uploads, self._downloads = Staging(self._runtime), Staging(self._runtime)
        self._plans: dict[tuple[int, int], _Plan] = {}
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
        height, width = planes[0].shape
        try:
            return self._step(state, planes, coding, clamp)
        except torch.OutOfMemoryError:
            pass  # go on outside: while it is handled, the error holds the step's tensors
        # graphs keep memory from frame to frame that single launches share; the networks' results are the same
        self._runtime.trim()
        self._plans.clear()
        self._captures = False
        self._runtime.trim()
        try:
            return self._step(state, planes, coding, clamp)
        except torch.OutOfMemoryError as error:
            raise MemoryError(
                f"{self.device} has too little free memory for frames of {width}x{height}; give tile=(width, height) "
                "with smaller sides, or less memory="
            ) from error

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

    def _step(self, state: State, planes: Sequence[Samples], coding: Coding, clamp: bool) -> State:
        runtime, (height, width) = self._runtime, planes[0].shape
        if len(self._queued) >= AHEAD:
            runtime.finish(self._queued.popleft())
        plan = self._plan(height, width)
        raw = self._send(planes, coding)
        lr = runtime.empty(Queue.COMPUTE, (1, 3, height, width), torch.float32)
        hr = runtime.empty(Queue.COMPUTE, (1, 3, self.scale * height, self.scale * width), torch.float32)

        runtime.submit(Queue.COMPUTE, lambda: self._converter.to_rgb(raw, coding, lr, clamp=clamp))
        seen = runtime.mark(Queue.COMPUTE)

        def compute() -> None:
            flow = None
            if state.lr is not None and state.hr is not None:
                pair = [_at_least_stride(image) for image in (lr, state.lr)]
                self._kernels.interleave(*pair, dtype=self._dtype, out=plan.pair)
                plan.estimate_flow()
                flow = plan.flow
            self._kernels.recurrent_input(
                lr, state.hr, flow, scale=self.scale, grid=self._flow_grid, dtype=self._dtype, out=plan.inputs
            )
            plan.reconstruct()
            bias = self._residual_network.bias
            self._kernels.skip_add(plan.residual, bias, lr, scale=self.scale, grid=self._skip_grid, out=hr)

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

    def _plan(self, height: int, width: int) -> "_Plan":
        """The static buffers and captured networks for frames of this size, made now if it is new."""
        if (height, width) not in self._plans:
            self._plans[height, width] = _Plan(self, height, width)
        return self._plans[height, width]


class _Plan:
    """What a frame size needs: buffers that stay where they are, and the networks captured between them."""

    def __init__(self, engine: CudaEngine, height: int, width: int) -> None:
        runtime, dtype, s = engine._runtime, engine._dtype, engine.scale

        def features(channels: int, rows: int, columns: int) -> Tensor:
            tensor = runtime.empty(Queue.COMPUTE, (1, rows, columns, channels), dtype)
            runtime.submit(Queue.COMPUTE, tensor.zero_)
            return tensor.permute(0, 3, 1, 2)

        self.pair = features(padded(6), max(height, FNET_STRIDE), max(width, FNET_STRIDE))
        self.flow = runtime.empty(Queue.COMPUTE, (1, 2, height, width), torch.float32)
        self.inputs = features(padded(3 + 3 * s * s), height, width)
        self.residual = features(3, s * height, s * width)
        # tasks know the networks, not the engine: a cycle would keep the device's memory until Python collects garbage
        flow = partial(engine._flow_network, self.pair, self.flow)
        residual = partial(engine._residual_network, self.inputs, self.residual)
        self.estimate_flow, self.reconstruct = (runtime.capture(t) if engine._captures else t for t in (flow, residual))


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
