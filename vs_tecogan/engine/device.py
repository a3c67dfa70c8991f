"""Where a network runs: brings pictures there and back. This one is any device of torch's, and waits for it."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from ..colour.coding import Coding, Samples
from ..ops.planes import read_planes, write_planes
from .base import Mark, Wait
from .heap import Heap, trimmer
from .tiles import Join

T = TypeVar("T")


class Device:
    """A device of torch's, over pictures in RGBS.

    :param name: as torch spells it.
    """

    reads_coded = False
    writes_coded = False

    def __init__(self, name: str) -> None:
        self.name = name
        self._heap = Heap(trimmer() if name == "cpu" else None)

    def load(self, planes: Sequence[Samples], coding: Coding, *, clamp: bool) -> Tensor:
        """A picture as RGB on the device, (1, 3, H, W) float32.

        :param clamp: bring it to [0, 1], NaN to 0.
        :raises ValueError: a coding or planes that this device does not read.
        """
        expect_plain(coding)
        return read_planes(planes, clamp=clamp, impl="torch").to(self.name)

    def store(
        self, images: Sequence[Tensor], join: Join | None, ready: Mark, planes: Sequence[Samples], coding: Coding
    ) -> Wait:
        """Begin to write images (1, 3, h, w) float32 that are there once ``ready`` has passed into host planes.

        :param join: makes one of them; None: there is one.
        :raises ValueError: a coding that this device does not write.
        """
        expect_plain(coding)
        write_planes(joined(images, join), planes, impl="torch")
        return done

    def own(self, part: Tensor) -> Tensor:
        """A view of a tensor as one of its own, which keeps nothing else alive; the tensor itself where it is whole."""
        return part.contiguous()

    def made(self, shape: torch.Size, task: Callable[[Tensor], object]) -> Tensor:
        """A tensor float32 that ``task`` writes, after all that was submitted for the step so far."""
        out = torch.empty(shape, dtype=torch.float32, device=self.name)
        task(out)
        return out

    def freed(self, count: int) -> None:
        """A step has taken and freed about so many bytes."""
        self._heap.freed(count)

    def pace(self) -> None:
        """Wait while too many steps are under way."""

    def mark(self) -> Mark:
        """The end of the step that was submitted last."""

    def attempt(self, task: Callable[[], T], release: Callable[[], None], height: int, width: int) -> T:
        """``task``, where memory runs out a second time after ``release``; it works on frames of this size."""
        return task()


def joined(images: Sequence[Tensor], join: Join | None) -> Tensor:
    """The image that tiles make, or the only one."""
    if join is None:
        return images[0]
    image = images[0].new_empty(join.shape)
    join(images, image)
    return image


def done() -> None:
    """Nothing to wait for: see :data:`~vs_tecogan.engine.base.Wait`."""


def expect_plain(coding: Coding) -> None:
    """Refuse what is not RGBS.

    :raises ValueError: another coding.
    """
    if not coding.plain:
        raise ValueError(f"a picture coded as {coding}; expected RGBS, which is all that this device converts")
