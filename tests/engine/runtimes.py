"""A device for tests that has no device: work is queued, and run as late and as oddly as the rules allow."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn

from vs_tecogan.engine.cpu.device import NativeDevice
from vs_tecogan.engine.create import run_on
from vs_tecogan.engine.cuda.device import CudaDevice
from vs_tecogan.engine.cuda.runtime import CudaRuntime, Queue
from vs_tecogan.engine.device import Device
from vs_tecogan.engine.runner import NetworkEngine
from vs_tecogan.networks import Generator
from vs_tecogan.ops import native

from ..ops.emulation import emulated_kernels


@dataclass(eq=False)
class Mark:
    """A point in a queue."""

    queue: Queue
    position: int


@dataclass
class Line:
    """One queue: tasks not yet run, and how many were."""

    tasks: deque[Callable[[], object]] = field(default_factory=deque)
    submitted: int = 0
    done: int = 0


class LazyRuntime(CudaRuntime):
    """As the base, on the CPU: nothing runs before somebody must wait for it.

    A queue that does not wait for another one's work runs without it; a pinned buffer overwritten before its copy was
    waited for gives the copy the new bytes; memory starts as NaN; a captured task is run again from what it was given.
    """

    def __init__(self, *, fail_captures: bool = False) -> None:
        self.device = torch.device("cpu")  # and none of the base's streams
        self._lines = {queue: Line() for queue in Queue}
        self._lock = threading.RLock()
        self.used: list[tuple[Queue, int]] = []
        self.pinned_bytes = 0
        self.captured = 0
        self.trimmed = 0
        self.running: Queue | None = None
        """Whose task runs now."""
        self.fail_captures = fail_captures
        self.full = 0
        """So many allocations fail from now on."""

    def empty(self, queue: Queue, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        if self.full:
            self.full -= 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        fill = float("nan") if dtype.is_floating_point else 0xAA
        return torch.full(shape, fill, dtype=dtype)

    def pinned(self, nbytes: int) -> Tensor:
        self.pinned_bytes += nbytes
        return torch.full((nbytes,), 0x55, dtype=torch.uint8)

    def submit(self, queue: Queue, task: Callable[[], object]) -> None:
        with self._lock:
            self._lines[queue].tasks.append(task)
            self._lines[queue].submitted += 1

    def mark(self, queue: Queue) -> Mark:
        return Mark(queue, self._lines[queue].submitted)

    def wait(self, queue: Queue, mark: Mark) -> None:
        self.submit(queue, lambda: self._run_to(mark))

    def finish(self, mark: Mark) -> None:
        self._run_to(mark)

    def reached(self, mark: Mark) -> bool:
        return self._lines[mark.queue].done >= mark.position

    def use(self, queue: Queue, tensor: Tensor) -> None:
        self.used.append((queue, tensor.data_ptr()))

    def capture(self, task: Callable[[], object]) -> Callable[[], object]:
        if self.fail_captures:
            return task
        self.captured += 1
        self._run_to(self.mark(Queue.COMPUTE))
        with torch.inference_mode():
            task()
        return task

    def trim(self) -> None:
        self.trimmed += 1
        for queue in Queue:
            self._run_to(self.mark(queue))

    def _run_to(self, mark: Mark) -> None:
        line = self._lines[mark.queue]
        with self._lock, torch.inference_mode():
            outer, self.running = self.running, mark.queue
            while line.done < mark.position:
                line.done += 1  # before the task: it may wait for its own queue's past
                line.tasks.popleft()()
            self.running = outer


def torch_engine(generator: nn.Module, precision: str = "fp32", tile: tuple[int, int] | None = None) -> NetworkEngine:
    """The engine of torch's own operators on the CPU: the readable reference of the others."""
    return run_on(generator, Device("cpu"), precision, tile=tile)


def native_engine(generator: Generator, precision: str = "fp32", tile: tuple[int, int] | None = None) -> NetworkEngine:
    """The engine of the CPU extension; skips where it is not built."""
    if not native.available():
        pytest.skip(f"native extension {native.describe()}")
    return run_on(generator, NativeDevice(), precision, tile=tile)


def emulated_engine(
    generator: nn.Module,
    precision: str = "fp32",
    runtime: LazyRuntime | None = None,
    tile: tuple[int, int] | None = None,
    *,
    faithful: bool = False,
) -> NetworkEngine:
    """The CUDA engine on the CPU: emulated kernels, torch's CPU convolutions, late queues."""
    home = CudaDevice("cpu", kernels=emulated_kernels(), runtime=runtime or LazyRuntime())
    return run_on(generator, home, precision, tile=tile, faithful=faithful)


def device_engine(
    generator: nn.Module, precision: str = "fp32", tile: tuple[int, int] | None = None, device: str = "cuda:0"
) -> NetworkEngine:
    """The CUDA engine on a device."""
    return run_on(generator, CudaDevice(device), precision, tile=tile)
