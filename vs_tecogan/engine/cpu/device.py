"""The CPU, whose outputs are written as they are coded: without float planes, and without another pass over them."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ...colour.coding import SAMPLES, ChromaTaps, Coding, Samples, chroma_taps, writing
from ...ops import native
from ...ops.planes import PictureLayout, pack_picture, read_planes, write_planes
from ..base import Mark, Wait
from ..device import Device, done, expect_plain, joined
from ..tiles import Join


class NativeDevice(Device):
    """The CPU with the extension. See :class:`~vs_tecogan.engine.device.Device`; takes RGBS, gives any coding."""

    writes_coded = True

    def __init__(self) -> None:
        super().__init__("cpu")
        native.rest_while_waiting()
        self._writer = PictureWriter()

    def load(self, planes: Sequence[Samples], coding: Coding, *, clamp: bool) -> Tensor:
        """See :class:`~vs_tecogan.engine.device.Device`."""
        expect_plain(coding)
        return read_planes(planes, clamp=clamp, impl="native")

    def store(
        self, images: Sequence[Tensor], join: Join | None, ready: Mark, planes: Sequence[Samples], coding: Coding
    ) -> Wait:
        """See :class:`~vs_tecogan.engine.device.Device`."""
        image = joined(images, join)
        if coding.plain:
            write_planes(image, planes, impl="native")
        else:
            self._writer.write(image, planes, coding)
        return done


class PictureWriter:
    """Writes RGB images as coded pictures; keeps what it has computed for codings and sizes."""

    def __init__(self) -> None:
        self._layouts: dict[tuple[Coding, int, int], PictureLayout] = {}

    def write(self, image: Tensor, planes: Sequence[Samples], coding: Coding, *, level: int = 0) -> None:
        """Convert as zimg would, to within the rounding of float32; integers are rounded and clamped, NaN is 0.

        :param image:  (1, 3, H, W) float32.
        :param planes: as :meth:`Coding.plane_shapes` of (H, W) says, any row stride; overwritten.
        """
        height, width = image.shape[2:]
        key = (coding, height, width)
        if key not in self._layouts:
            self._layouts[key] = layout_of(coding, height, width)
        pack_picture(image, planes, self._layouts[key], level=level)


def layout_of(coding: Coding, height: int, width: int) -> PictureLayout:
    """The numbers with which an image of this size becomes a picture of this coding."""
    across, down = chroma_taps(coding, height, width, enlarge=False)
    return PictureLayout(
        sample=list(SAMPLES).index(coding.sample),
        mode=coding.mode,
        shapes=tuple(coding.plane_shapes(height, width)),
        colour=writing(coding),
        across=_pair(across, transposed=True),
        down=_pair(down, transposed=False),
    )


def _pair(taps: ChromaTaps | None, *, transposed: bool) -> tuple[Samples, Samples] | None:
    if taps is None:
        return None
    return taps.left, np.ascontiguousarray(taps.weight.T) if transposed else taps.weight
