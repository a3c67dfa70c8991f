"""Streams, events, pinned memory and graphs, as little of them as the CUDA engine needs.

The engine speaks to this class alone, so that its bookkeeping can be tested without a device.
"""

import gc
import logging
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum

import torch
from torch import Tensor

from ..base import Mark
from .streams import OwnStreams

STAGING_DEPTH = 3
"""Pinned buffers of a size that may wait for their copies to end before the host waits for the oldest."""

logger = logging.getLogger(__name__)


class Queue(Enum):
    """Work in one queue runs in order; queues run side by side, but for what ``wait`` says."""

    UPLOAD = 0
    COMPUTE = 1
    DOWNLOAD = 2


class CudaRuntime:
    """One CUDA device, through torch. Methods return at once unless they say otherwise.

    :param device: with an index.
    """

    _alone = threading.Lock()
    """Of the process, as what it guards: CUDA refuses to free memory while a stream of the device is captured, and
    torch allows one capture at a time. Another engine may run on another thread."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        with torch.cuda.device(device):
            self._streams = {queue: OwnStreams.take(device) for queue in Queue}
            weakref.finalize(self, OwnStreams.give, device, list(self._streams.values()))
            # one pool for all graphs: they run one after another, and keep nothing in it from one to the next
            self._pool = torch.cuda.graph_pool_handle()

    def empty(self, queue: Queue, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Device memory for work in ``queue``; others that touch it must be told by :meth:`use`.

        The allocator ties memory to the stream that is current now.
        """
        with self._on(queue):
            return torch.empty(shape, dtype=dtype, device=self.device)

    def pinned(self, nbytes: int) -> Tensor:
        """Host memory that the device copies from and to by itself: (nbytes,) uint8."""
        with torch.cuda.device(self.device):
            return torch.empty(nbytes, dtype=torch.uint8, pin_memory=True)

    def submit(self, queue: Queue, task: Callable[[], object]) -> None:
        """Queue what ``task`` does; it must not wait for the device."""
        with self._on(queue):
            task()

    def mark(self, queue: Queue) -> Mark:
        """The end of what the queue holds now. A blocking event: waiting for it leaves the processor to others."""
        with torch.cuda.device(self.device):
            event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
            event.record(self._streams[queue])
        return event

    def wait(self, queue: Queue, mark: Mark) -> None:
        """Work submitted to ``queue`` from now on starts after ``mark``."""
        with torch.cuda.device(self.device):
            self._streams[queue].wait_event(mark)

    def finish(self, mark: Mark) -> None:
        """Wait for ``mark``; from any thread, whose own current device may be another."""
        with torch.cuda.device(self.device):
            mark.synchronize()

    def reached(self, mark: Mark) -> bool:
        """Whether ``mark`` has passed."""
        with torch.cuda.device(self.device):
            return bool(mark.query())

    def use(self, queue: Queue, tensor: Tensor) -> None:
        """``queue`` works on ``tensor``, allocated for another: keep its memory until what is submitted now is done."""
        tensor.record_stream(self._streams[queue])

    def capture(self, task: Callable[[], object]) -> Callable[[], object]:
        """``task`` as one launch for the compute queue, captured now, which may wait; ``task`` where that fails.

        It reads and writes tensors that stay where they are, and takes no decision on their values.

        :raises torch.OutOfMemoryError: there is no memory for it; it may be captured later.
        """
        stream = self._streams[Queue.COMPUTE]
        with self._alone, self._on(Queue.COMPUTE):
            # libraries choose algorithms, load kernels and take workspaces before, not while, being captured
            for _ in range(2):
                task()
            stream.synchronize()
            torch.cuda.empty_cache()  # what these runs took: the graph has memory of its own
            try:
                graph = self._graph(task)
            except torch.OutOfMemoryError:
                self._abandon_capture()
                raise
            except RuntimeError as error:
                self._abandon_capture()
                logger.warning("tecogan: %s runs without a CUDA graph: %s", self.device, str(error).splitlines()[0])
                return task
        return graph.replay

    def trim(self) -> None:
        """Give unused memory back to the device; waits for its own queues, not for what others do there."""
        with self._alone, torch.cuda.device(self.device):
            for stream in self._streams.values():
                stream.synchronize()
            torch.cuda.empty_cache()

    def _graph(self, task: Callable[[], object]) -> torch.cuda.CUDAGraph:
        """``task`` captured on the current stream.

        Not by ``torch.cuda.graph``, which waits for the whole device, other programs' filters included.
        """
        graph = torch.cuda.CUDAGraph()
        # some torch make here what all graphs share: no inference tensors, which others may not write
        with _without_garbage_collection(), torch.inference_mode(False):
            # thread_local: another thread's allocations, of another filter on the device say, are none of ours
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                with torch.inference_mode():
                    task()
            except BaseException:
                with suppress(RuntimeError):  # the capture is broken, which says less than what broke it
                    graph.capture_end()
                raise
            graph.capture_end()
        return graph

    def _abandon_capture(self) -> None:
        """Tell torch's allocator that a failed capture is over, which torch itself does from 2.12 on.

        Until then memory that two queues worked on is never reused, none is given back, and the pool takes no capture.
        """
        end = getattr(torch._C, "_cuda_endAllocateToPool", None)
        with suppress(RuntimeError):  # it knows already
            if end is not None:
                end(self.device.index, self._pool)
        self._pool = torch.cuda.graph_pool_handle()

    @contextmanager
    def _on(self, queue: Queue) -> Iterator[None]:
        with torch.cuda.device(self.device), torch.cuda.stream(self._streams[queue]), torch.inference_mode():
            yield


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Python may free anything at any allocation, also tensors and graphs, which CUDA refuses during a capture."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Staging:
    """Pinned host buffers, taken and given back from any thread, each free again when its last copy has ended.

    :param runtime: allocates them and knows about marks.
    """

    def __init__(self, runtime: CudaRuntime) -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self._free: dict[int, deque[tuple[Tensor, Mark | None]]] = {}

    def take(self, nbytes: int) -> Tensor:
        """A buffer that may be overwritten now; waits for an older copy only where many are under way."""
        with self._lock:
            free = self._free.setdefault(nbytes, deque())
            if not free or not (self._is_idle(free[0][1]) or len(free) >= STAGING_DEPTH):
                return self._runtime.pinned(nbytes)
            buffer, mark = free.popleft()
        if mark is not None:
            self._runtime.finish(mark)
        return buffer

    def give(self, buffer: Tensor, mark: Mark | None) -> None:
        """Hand ``buffer`` back; what the device still does with it ends at ``mark``, None: nothing."""
        with self._lock:
            self._free.setdefault(buffer.numel(), deque()).append((buffer, mark))

    def _is_idle(self, mark: Mark | None) -> bool:
        return mark is None or self._runtime.reached(mark)
