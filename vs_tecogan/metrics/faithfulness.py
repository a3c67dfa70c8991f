"""Whether a result is still its source: made smaller again, it should give what was enlarged."""

from collections.abc import Mapping
from itertools import islice

import numpy as np
import torch

from ..errors import MetricsError
from ..faithful import back_projection
from ..ops.downsample import BackProjection
from .evaluation import Curve
from .picture import Picture
from .sources import Clip

MEAN, WITHIN = "faithful", "within"
"""Keys of the mean difference, and of that below which most samples lie."""
MOST = 99.0
"""Per cent of the samples."""


def faithfulness(result: Picture, source: Picture, project: BackProjection) -> tuple[float, float]:
    """Absolute difference of the result made smaller from its source: mean, and that of 99 % of the samples.

    :param result: (scale * h, scale * w, 3) uint8; :param source: (h, w, 3) uint8.
    :return:       8-bit levels.
    """
    picture = torch.from_numpy(np.ascontiguousarray(result)).permute(2, 0, 1)[None].float()
    smaller = project.smaller(picture)[0].permute(1, 2, 0).numpy()
    difference = np.abs(smaller - source)
    return float(difference.mean()), float(np.percentile(difference, MOST))


class FaithfulnessObserver:
    """Holds the frames of a result against those of its source while they go by.

    :param source: what was enlarged; :param result: its size is 2 or 4 times as large.
    :param phase:  "corner" where LR pixels lie on every 2nd or 4th pixel (BD), else "centred" (BI).
    :raises MetricsError: sizes or lengths that do not fit.
    """

    def __init__(self, result: Clip, source: Clip, phase: str) -> None:
        scale = result.width // max(source.width, 1)
        if scale not in (2, 4) or (source.width * scale, source.height * scale) != (result.width, result.height):
            raise MetricsError(
                f"{result.path} is {result.width}x{result.height}, its source {source.path} {source.width}x"
                f"{source.height}; expected 2 or 4 times the size"
            )
        if result.length != source.length:
            raise MetricsError(f"{result.path} has {result.length} frames, its source {source.path} {source.length}")
        self._project = back_projection(scale, phase)
        self._frames, self._next = source.frames(), 0
        self._values: list[tuple[int, float, float]] = []

    def frame(self, index: int, result: Picture, truth: Picture | None, values: Mapping[str, float]) -> None:
        """Take frame ``index`` of the result; indices grow."""
        source = next(islice(self._frames, index - self._next, None))
        self._next = index + 1
        self._values.append((index, *faithfulness(result, source, self._project)))

    def curves(self) -> dict[str, Curve]:
        """Both values over time."""
        frames, means, most = zip(*self._values, strict=True)
        return {MEAN: Curve(frames=frames, values=means), WITHIN: Curve(frames=frames, values=most)}
