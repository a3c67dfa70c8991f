"""Choosing and keeping the pictures of a report while frames go by, in bounded memory."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...errors import MetricsError
from ..bicubic import bicubic_of
from ..picture import Picture
from ..protocol import Crop

LONGEST_PROFILE = 480
"""Frames that the temporal profile shows."""
CROP = 128
"""Side of a crop in pixels."""
CROPS = 2
"""Crops a still."""

type Line = npt.NDArray[np.uint8]
"""(N, 3) RGB."""


@dataclass(frozen=True, kw_only=True)
class ProfileLine:
    """The image row or column that is stacked over time; None = the middle row."""

    along: Literal["row", "column"] = "row"
    at: int | None = None

    @classmethod
    def parse(cls, text: str) -> "ProfileLine":
        """ "row", "column", "row:120" or "column:300".

        :raises MetricsError: anything else.
        """
        found = re.fullmatch(r"(row|column)(?::(\d+))?", text)
        if not found:
            raise MetricsError(f"a temporal profile along '{text}'; give row, column, row:Y or column:X")
        return cls(along="column" if found[1] == "column" else "row", at=int(found[2]) if found[2] else None)

    def of(self, picture: Picture) -> Line:
        """The line of a picture.

        :raises MetricsError: it lies outside.
        """
        size = picture.shape[0 if self.along == "row" else 1]
        at = size // 2 if self.at is None else self.at
        if at >= size:
            raise MetricsError(f"a temporal profile at {self.along} {at}; the picture has {size}")
        return np.ascontiguousarray(picture[at] if self.along == "row" else picture[:, at])


@dataclass(frozen=True, kw_only=True)
class Still:
    """One frame, by source name ("result", "reference", "bicubic"), with the places to look at."""

    index: int
    why: str
    pictures: Mapping[str, Picture]
    crops: tuple[Crop, ...]


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """Pictures of one pair."""

    stills: tuple[Still, ...]
    line: ProfileLine
    first: int
    """Frame of the profiles' first line."""
    profiles: Mapping[str, Picture]
    """By source name, (T, N, 3) for a row and (N, T, 3) for a column: time runs down, or to the right."""


@dataclass
class PictureCollector:
    """An observer that keeps a pair's middle frame, its worst one, and one line of every frame.

    :param middle: the frame in the middle of those that count.
    :param scale:  factor of the bicubic baseline that is made from the reference.
    :param crop:   a place to show instead of those where result and reference differ most.
    """

    middle: int
    scale: int = 4
    line: ProfileLine = field(default_factory=ProfileLine)
    crop: Crop | None = None
    follow: "PictureCollector | None" = None
    """One that has seen another method's result of the same truth: the same frames and places are kept."""

    def __post_init__(self) -> None:
        followed = () if self.follow is None else self.follow.exhibit().stills
        self._followed = {still.index: still for still in followed}
        self._same: dict[int, Still] = {}
        self._lines: dict[str, list[Line]] = {}
        self._first: int | None = None
        self._middle: tuple[int, Picture, Picture | None] | None = None
        self._worst: tuple[float, int, Picture, Picture | None, str] | None = None

    def frame(self, index: int, result: Picture, truth: Picture | None, values: Mapping[str, float]) -> None:
        """Look at one frame."""
        self._first = index if self._first is None else self._first
        if (wanted := self._followed.get(index)) is not None:
            self._same[index] = Still(index=index, why=wanted.why, pictures={"result": result}, crops=wanted.crops)
        if index <= self.middle and self.follow is None:
            self._middle = index, result, truth
        badness, why = _badness(values)
        if self.follow is None and badness is not None and (self._worst is None or badness > self._worst[0]):
            self._worst = badness, index, result, truth, why
        if len(self._lines.get("result", ())) < LONGEST_PROFILE:
            for name, picture in sources(result, truth, self.scale).items():
                self._lines.setdefault(name, []).append(self.line.of(picture))

    def exhibit(self) -> Exhibit:
        """What was kept."""
        stills = [self._same[index] for index in self._followed if index in self._same]
        if self._worst is not None:
            _, index, result, truth, why = self._worst
            stills.append(self._still(index, why, result, truth))
        if self._middle is not None and self._middle[0] not in [still.index for still in stills]:
            stills.append(self._still(self._middle[0], "in the middle", *self._middle[1:]))
        across = 0 if self.line.along == "row" else 1
        profiles = {name: np.stack(lines, axis=across) for name, lines in self._lines.items()}
        return Exhibit(stills=tuple(stills), line=self.line, first=self._first or 0, profiles=profiles)

    def _still(self, index: int, why: str, result: Picture, truth: Picture | None) -> Still:
        pictures = sources(result, truth, self.scale)
        crops = (self.crop,) if self.crop else notable_places(result, truth)
        return Still(index=index, why=why, pictures=pictures, crops=crops)


def sources(result: Picture, truth: Picture | None, scale: int) -> dict[str, Picture]:
    """Result, and with a reference the reference and the bicubic baseline."""
    if truth is None:
        return {"result": result}
    return {"result": result, "reference": truth, "bicubic": bicubic_of(truth, scale)}


def _badness(values: Mapping[str, float]) -> tuple[float | None, str]:
    """How bad a frame is by the first metric that tells, and what to call it."""
    if "psnr" in values:
        return -values["psnr"], "lowest Y-PSNR"
    for key, label in (("tof", "highest tOF"), ("tdiff", "highest T-diff")):
        if key in values:
            return values[key], label
    return None, ""


def notable_places(result: Picture, truth: Picture | None) -> tuple[Crop, ...]:
    """Squares that do not overlap where the result differs most from the truth, or alone has most detail."""
    import cv2  # of the extra metrics

    height, width = result.shape[:2]
    side = min(CROP, height, width)
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(result), cv2.COLOR_RGB2GRAY), np.float32)
    other = cv2.blur(grey, (9, 9)) if truth is None else cv2.cvtColor(np.ascontiguousarray(truth), cv2.COLOR_RGB2GRAY)
    error = np.square(grey - np.asarray(other, np.float32))
    sums = cv2.integral(error)
    score = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    places = []
    for _ in range(CROPS):
        top, left = (int(v) for v in np.unravel_index(int(np.argmax(score)), score.shape))
        if score[top, left] < 0:
            break
        places.append(Crop(top=top, left=left, height=side, width=side))
        score[max(0, top - side + 1) : top + side, max(0, left - side + 1) : left + side] = -1
    return tuple(places)
