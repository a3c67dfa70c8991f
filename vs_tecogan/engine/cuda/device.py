"""A CUDA device: pictures cross the bus as they are coded, and nothing waits that need not.

Upload, computation and download run on streams of their own through pinned memory, and a step returns as soon as it is
queued, so that the host prepares the next frame meanwhile.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from ...colour.coding import Coding, Samples
from ...ops.cuda import CupyLauncher, Kernels
from ..base import Mark, Wait
from ..device import Device
from ..tiles import Join
from .pictures import Converter, drain, fill, nbytes
from .runtime import CudaRuntime, Queue, Staging

AHEAD = 4
"""Steps that may be queued before the device has finished: enough to keep it busy. Without a limit every thread of
VapourSynth's would hold a state, a hundred megabytes each at 4K."""

T = TypeVar("T")

logger = logging.getLogger(__name__)


class CudaDevice(Device):
    """See :class:`~vs_tecogan.engine.device.Device`; takes and gives pictures of any coding.

    Work returns before the device has finished, unless :data:`AHEAD` steps are under way.

    :param name:    "cuda:N".
    :param kernels: in place of those compiled for the device; :param runtime: in place of the device's own.
    """

    reads_coded = True
    writes_coded = True

    def __init__(self, name: str, *, kernels: Kernels | None = None, runtime: CudaRuntime | None = None) -> None:
        super().__init__(name)
        place = torch.device(name)
        self.kernels = kernels or Kernels(CupyLauncher(place).launch, place)
        self.runtime = runtime or CudaRuntime(place)
        self._converter = Converter(self.kernels)
        self._uploads, self._downloads = Staging(self.runtime), Staging(self.runtime)
        self._queued: deque[Mark] = deque()

    def load(self, planes: Sequence[Samples], coding: Coding, *, clamp: bool) -> Tensor:
        """See :class:`~vs_tecogan.engine.device.Device`; in the compute queue."""
        runtime = self.runtime
        raw = self._send(planes, coding)
        lr = runtime.empty(Queue.COMPUTE, (1, 3, *planes[0].shape), torch.float32)
        runtime.submit(Queue.COMPUTE, lambda: self._converter.to_rgb(raw, coding, lr, clamp=clamp))
        return lr

    def store(
        self, images: Sequence[Tensor], join: Join | None, ready: Mark, planes: Sequence[Samples], coding: Coding
    ) -> Wait:
        """See :class:`~vs_tecogan.engine.device.Device`; joined, converted and copied in the download queue."""
        runtime = self.runtime
        height, width = (images[0].shape if join is None else join.shape)[2:]
        size = nbytes(coding, height, width)
        pinned = self._downloads.take(size)
        runtime.wait(Queue.DOWNLOAD, ready)
        for image in images:
            runtime.use(Queue.DOWNLOAD, image)
        packed = self._packed(self._joined(images, join), coding, size)
        runtime.submit(Queue.DOWNLOAD, lambda: pinned.copy_(packed, non_blocking=True))
        done = runtime.mark(Queue.DOWNLOAD)

        def wait() -> None:
            runtime.finish(done)
            drain(pinned, planes, coding)
            self._downloads.give(pinned, None)

        return wait

    def own(self, part: Tensor) -> Tensor:
        """See :class:`~vs_tecogan.engine.device.Device`; made in the compute queue."""
        if part.is_contiguous():
            return part
        own = self.runtime.empty(Queue.COMPUTE, tuple(part.shape), torch.float32)
        self.runtime.submit(Queue.COMPUTE, lambda: own.copy_(part))
        return own

    def made(self, shape: torch.Size, task: Callable[[Tensor], object]) -> Tensor:
        """See :class:`~vs_tecogan.engine.device.Device`; in the compute queue."""
        out = self.runtime.empty(Queue.COMPUTE, tuple(shape), torch.float32)
        self.runtime.submit(Queue.COMPUTE, lambda: task(out))
        return out

    def pace(self) -> None:
        """Wait while :data:`AHEAD` steps are under way."""
        if len(self._queued) >= AHEAD:
            self.runtime.finish(self._queued.popleft())

    def mark(self) -> Mark:
        """See :class:`~vs_tecogan.engine.device.Device`."""
        ready = self.runtime.mark(Queue.COMPUTE)
        self._queued.append(ready)
        return ready

    def attempt(self, task: Callable[[], T], release: Callable[[], None], height: int, width: int) -> T:
        """See :class:`~vs_tecogan.engine.device.Device`.

        :raises MemoryError: memory runs out again.
        """
        try:
            return task()
        except torch.OutOfMemoryError:
            pass  # go on outside: while it is handled, the error holds the step's tensors
        logger.warning(
            "tecogan: %s ran out of memory at frames of %dx%d; going on without CUDA graphs for a while, slower",
            self.name, width, height,
        )  # fmt: skip
        self.runtime.trim()
        release()
        self.runtime.trim()
        try:
            return task()
        except torch.OutOfMemoryError as error:
            raise MemoryError(
                f"{self.name} has too little free memory for frames of {width}x{height}; give tile=(width, height) "
                "with smaller sides, or less memory="
            ) from error

    def _send(self, planes: Sequence[Samples], coding: Coding) -> Tensor:
        """The planes in device memory, packed, for the compute queue to read."""
        runtime, size = self.runtime, nbytes(coding, *planes[0].shape)
        raw = runtime.empty(Queue.UPLOAD, (size,), torch.uint8)
        pinned = self._uploads.take(size)
        fill(pinned, planes, coding)
        runtime.submit(Queue.UPLOAD, lambda: raw.copy_(pinned, non_blocking=True))
        sent = runtime.mark(Queue.UPLOAD)
        self._uploads.give(pinned, sent)
        runtime.wait(Queue.COMPUTE, sent)
        runtime.use(Queue.COMPUTE, raw)
        return raw

    def _joined(self, images: Sequence[Tensor], join: Join | None) -> Tensor:
        if join is None:
            return images[0]
        image = self.runtime.empty(Queue.DOWNLOAD, join.shape, torch.float32)
        self.runtime.submit(Queue.DOWNLOAD, lambda: join(images, image))
        return image

    def _packed(self, image: Tensor, coding: Coding, size: int) -> Tensor:
        """An image's bytes as they are coded."""
        if coding.plain:
            return image.view(-1).view(torch.uint8)
        runtime = self.runtime
        packed = runtime.empty(Queue.DOWNLOAD, (size,), torch.uint8)
        shape = self._converter.scratch_shape(coding, *image.shape[2:])
        scratch = None if shape is None else runtime.empty(Queue.DOWNLOAD, shape, torch.float32)
        runtime.submit(Queue.DOWNLOAD, lambda: self._converter.from_rgb(image, coding, packed, scratch))
        return packed
