"""The CUDA engine: cuDNN's convolutions and the project's kernels, replayed as one CUDA graph a frame.

Upload, computation and download run on streams of their own through pinned memory, and a step returns as soon as it is
queued, so that the host prepares the next frame meanwhile.
"""

import copy
import logging
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks import Dialect, Generator
from ..networks.fnet import MAX_FLOW
from ..networks.generator import FNET_STRIDE, mirror_indices
from ..ops import cuda
from .bands import in_bands
from .base import Plane, State
from .cpu import DTYPES
from .grids import FLOW_GRIDS, FNET_GRIDS, SKIP_GRIDS

TAIL_BYTES = 256 << 20
"""Aim for the largest tensor at the output's size."""
TAIL_HALO = 2
"""LR rows around a band that its output rows depend on: deconvolutions reach one, the last convolution a quarter."""

logger = logging.getLogger(__name__)


class CudaEngine:
    """Runs a generator frame by frame on one CUDA device.

    Convolutions run in ``precision``; flow, coordinates, warps, the skip and the state are float32. Call it from one
    thread at a time.

    :param generator: its weights are copied.
    :param device:    "cuda:N".
    :param precision: "fp16", "bf16" or "fp32".
    """

    def __init__(self, generator: Generator, *, device: str, precision: str) -> None:
        self.scale = generator.spec.scale
        self.device = device
        self.precision = precision
        self._place = torch.device(device)
        self._frame = _Frame(generator, self._place, DTYPES[precision])
        self._upload, self._compute, self._download = (
            torch.cuda.Stream(self._place)  # type: ignore[no-untyped-call]
            for _ in range(3)
        )
        self._staging = _Staging()
        self._graphs: dict[tuple[int, int], _Graph | None] = {}

    def zero_state(self, height: int, width: int) -> State:
        """See :class:`~vs_tecogan.engine.base.Engine`; the size does not matter here."""
        return State(None, None)

    @torch.inference_mode()
    def step(self, state: State, planes: Sequence[Plane]) -> State:
        """See :class:`~vs_tecogan.engine.base.Engine`; returns before the device has finished."""
        height, width = planes[0].shape
        pinned = self._staging.take("in", (1, 3, height, width))
        for target, plane in zip(pinned[0].numpy(), planes, strict=True):
            target[...] = plane
        with torch.cuda.device(self._place):
            with torch.cuda.stream(self._upload):
                lr = pinned.to(self._place, non_blocking=True)
                self._staging.used("in", (1, 3, height, width), self._upload)
            self._compute.wait_stream(self._upload)
            lr.record_stream(self._compute)
            with torch.cuda.stream(self._compute):
                hr = self._advance(state, lr)
        return State(lr, hr)

    @torch.inference_mode()
    def read(self, state: State, planes: Sequence[Plane]) -> None:
        """See :class:`~vs_tecogan.engine.base.Engine`; waits for the device."""
        if state.hr is None:
            raise ValueError("a zero state has no output; step it first")
        shape = tuple(state.hr.shape)
        pinned = self._staging.take("out", shape)
        with torch.cuda.device(self._place), torch.cuda.stream(self._download):
            self._download.wait_stream(self._compute)
            pinned.copy_(state.hr, non_blocking=True)
            state.hr.record_stream(self._download)
            self._download.synchronize()
        for plane, values in zip(planes, pinned[0].numpy(), strict=True):
            plane[...] = values

    @torch.inference_mode()
    def is_repeat(self, state: State, planes: Sequence[Plane]) -> bool:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        if state.lr is None:
            return False
        with torch.cuda.device(self._place), torch.cuda.stream(self._upload):
            last = state.lr[0].cpu().numpy()
        return all(np.array_equal(a, b) for a, b in zip(last, planes, strict=True))

    def nbytes(self, state: State) -> int:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        return sum(tensor.nbytes for tensor in (state.lr, state.hr) if tensor is not None)

    def _advance(self, state: State, lr: Tensor) -> Tensor:
        """Queue one frame on the current stream."""
        if state.lr is None or state.hr is None:
            return self._frame(lr, None, None)
        for tensor in (state.lr, state.hr):
            tensor.record_stream(self._compute)
        graph = self._graph(lr, state.lr, state.hr)
        if graph is None:
            return self._frame(lr, state.lr, state.hr)
        return graph.replay(lr, state.lr, state.hr)

    def _graph(self, lr: Tensor, previous_lr: Tensor, previous_hr: Tensor) -> "_Graph | None":
        """The captured step for this size, captured now if it is new; None where capturing failed."""
        size = (lr.shape[2], lr.shape[3])
        if size not in self._graphs:
            try:
                self._graphs[size] = _Graph(self._frame, lr, previous_lr, previous_hr)
            except RuntimeError as error:
                logger.warning("tecogan: frames of %dx%d run without a CUDA graph: %s", size[1], size[0], error)
                self._graphs[size] = None
        return self._graphs[size]


class _Frame:
    """One step of the recurrence as device operators only: nothing waits for the host, so that it can be captured."""

    def __init__(self, generator: Generator, device: torch.device, dtype: torch.dtype) -> None:
        self._net = copy.deepcopy(generator).eval().to(device=device, dtype=dtype).to(memory_format=torch.channels_last)
        self._dialect = generator.spec.dialect
        self._scale = generator.spec.scale
        self._dtype = dtype
        self._mirrors: dict[tuple[int, int], Tensor] = {}
        cuda.prepare(device)

    def __call__(self, lr: Tensor, previous_lr: Tensor | None, previous_hr: Tensor | None) -> Tensor:
        """(1, 3, H, W) float32 and the state -> (1, 3, sH, sW) float32."""
        net, s = self._net.srnet, self._scale
        if previous_lr is None or previous_hr is None:
            inputs = F.pad(lr, (0, 0, 0, 0, 0, 3 * s * s)).to(self._dtype, memory_format=torch.channels_last)
        else:
            flow = self._flow(previous_lr, lr)
            grid = FLOW_GRIDS[self._dialect]
            inputs = cuda.recurrent_input(lr, previous_hr, flow, scale=s, grid=grid, dtype=self._dtype)
        features = net.resblocks(net.conv_in(inputs))
        _, channels, height, width = features.shape
        residual = torch.empty(1, s * height, s * width, 3, dtype=self._dtype, device=lr.device).permute(0, 3, 1, 2)
        rows = max(TAIL_BYTES // (channels * features.element_size() * s * s * width), 8)
        in_bands(net.upsample, features, residual, rows=rows, halo=TAIL_HALO, scale=s)
        if self._dialect is Dialect.EGVSR:
            return residual.float().contiguous(memory_format=torch.contiguous_format)
        return cuda.skip_add(residual, lr, scale=s, grid=SKIP_GRIDS[self._dialect])

    def _flow(self, previous: Tensor, current: Tensor) -> Tensor:
        """As :meth:`vs_tecogan.networks.Generator.estimate_flow`."""
        height, width = current.shape[-2:]
        right, bottom = max(FNET_STRIDE - width, 0), max(FNET_STRIDE - height, 0)
        if right or bottom:
            previous, current = (F.pad(x, (0, right, 0, bottom), mode="replicate") for x in (previous, current))
        net = self._net.fnet
        features = cuda.interleave(current.contiguous(), previous.contiguous(), dtype=self._dtype)
        for encoder in (net.encoder1, net.encoder2, net.encoder3):
            features = F.max_pool2d(encoder(features), 2)
        for decoder in (net.decoder1, net.decoder2, net.decoder3):
            decoded = decoder(features).contiguous(memory_format=torch.channels_last)
            features = cuda.double_size(decoded, grid=FNET_GRIDS[self._dialect])
        flow = (torch.tanh(net.flow(features).float()) * MAX_FLOW)[..., :height, :width]
        for axis, length in ((2, height), (3, width)):
            flow = flow.index_select(axis, self._mirror(flow.shape[axis], length, flow.device))
        return flow.contiguous()

    def _mirror(self, size: int, length: int, device: torch.device) -> Tensor:
        """Indices that pad a flow; kept, because an upload cannot be captured."""
        if (size, length) not in self._mirrors:
            indices = mirror_indices(size, length, repeat_edge=self._dialect is Dialect.TF)
            self._mirrors[size, length] = torch.tensor(indices, device=device)
        return self._mirrors[size, length]


class _Graph:
    """A captured step and the buffers that it reads and writes."""

    def __init__(self, frame: _Frame, lr: Tensor, previous_lr: Tensor, previous_hr: Tensor) -> None:
        self._inputs = [tensor.clone() for tensor in (lr, previous_lr, previous_hr)]
        for _ in range(2):  # libraries choose algorithms and take workspaces before, not while, being captured
            frame(*self._inputs)
        torch.cuda.current_stream().synchronize()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._output = frame(*self._inputs)

    def replay(self, *tensors: Tensor) -> Tensor:
        """Run on the current stream; the result is a copy, so that the next replay does not change it."""
        for target, source in zip(self._inputs, tensors, strict=True):
            target.copy_(source)
        self._graph.replay()
        return self._output.clone()


class _Staging:
    """Pinned host buffers, two of each kind and shape in turn, each free again when its last copy has ended."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, tuple[int, ...]], list[tuple[Tensor, torch.cuda.Event]]] = {}

    def take(self, kind: str, shape: tuple[int, ...]) -> Tensor:
        """A buffer that may be overwritten now."""
        key = (kind, shape)
        if key not in self._buffers:
            self._buffers[key] = [
                (torch.empty(shape, pin_memory=True), torch.cuda.Event())  # type: ignore[no-untyped-call]
                for _ in range(2)
            ]
        pair = self._buffers[key]
        pair.reverse()
        pair[0][1].synchronize()
        return pair[0][0]

    def used(self, kind: str, shape: tuple[int, ...], stream: torch.cuda.Stream) -> None:
        """Note that the buffer taken last is read by what ``stream`` has queued."""
        self._buffers[kind, shape][0][1].record(stream)
