"""What a step keeps on a CUDA device for each size of frames: buffers that stay, and graphs captured on them."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

from .runtime import CudaRuntime, Queue

FIRST_PAUSE = 100
"""Plans asked for without graphs after memory ran out; twice as many each time that it runs out again."""

P = TypeVar("P")


class Plans:
    """Makes and keeps plans. Their makers know the runtime and the network, not the step: a cycle of references would
    keep the device's memory until Python collects garbage.

    :param runtime: of the device.
    """

    def __init__(self, runtime: CudaRuntime) -> None:
        self.runtime = runtime
        self._kept: dict[tuple[object, int, int], Any] = {}
        self._pause = FIRST_PAUSE
        self._without_graphs = 0

    def get(self, make: Callable[[int, int], P], kind: str, height: int, width: int) -> P:
        """The plan of a kind for frames of this size, made now if it is new."""
        if self._without_graphs:
            self._without_graphs -= 1
            if not self._without_graphs:
                self._kept.clear()
        key = (kind, height, width)
        if key not in self._kept:
            self._kept[key] = make(height, width)
        plan: P = self._kept[key]
        return plan

    def zeros(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
        """A buffer for the compute queue."""
        tensor = self.runtime.empty(Queue.COMPUTE, shape, dtype)
        self.runtime.submit(Queue.COMPUTE, tensor.zero_)
        return tensor

    def features(self, channels: int, rows: int, columns: int, dtype: torch.dtype) -> Tensor:
        """As above, (1, channels, rows, columns) in channels_last memory."""
        return self.zeros((1, rows, columns, channels), dtype).permute(0, 3, 1, 2)

    def captured(self, task: Callable[[], object]) -> Callable[[], object]:
        """``task`` as one launch, unless memory ran out not long ago."""
        return task if self._without_graphs else self.runtime.capture(task)

    def release(self) -> None:
        """Give graphs up for a while: they keep memory from frame to frame that single launches share. Results are the
        same."""
        self._kept.clear()
        self._without_graphs, self._pause = self._pause, 2 * self._pause
