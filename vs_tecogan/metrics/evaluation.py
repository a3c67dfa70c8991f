"""Measuring one clip, with or without a reference: streaming, on several threads, in constant memory."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from typing import Any, Protocol

import numpy as np

from ..errors import MetricsError
from .catalogue import WEIGHTLESS, select
from .colour_similarity import Histogram, colour_histogram, colour_similarity
from .content_distance import Colour, average_content_distance, content_distance, mean_colour
from .features import FeatureDistance
from .flicker import root_mean_square, second_difference
from .flow import Flow, farneback
from .grid import grid
from .picture import Picture, Plane, grey, luma
from .protocol import OVERHANG, Crop, ProtocolName, crop_of, kept, skipped
from .psnr import psnr
from .ssim import ssim
from .tdiff import step_error
from .tof import flow_distance

MOST_FEATURES = 1 << 20
"""Pixels up to which a picture's features are kept for the next frame; of a larger one they fill too much memory."""


class Observer(Protocol):
    """Whoever wants to see the frames that count, in order."""

    def frame(self, index: int, result: Picture, truth: Picture | None, values: Mapping[str, float]) -> None:
        """Take frame ``index`` and the values measured on it."""


@dataclass(frozen=True, kw_only=True)
class Instruments:
    """Metrics that need weights or parameters; None is left out, and the reason told in ``Scores.not_measured``."""

    lpips: FeatureDistance | None = None
    squeeze: FeatureDistance | None = None
    niqe: Callable[[Picture], float] | None = None
    not_measured: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One metric over time."""

    frames: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the frames; infinity where one of them is (equal pictures in PSNR)."""
        return float(np.mean(self.values))


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What was measured of one clip."""

    protocol: ProtocolName
    total: int
    """Frames in the clip, counted ones and skipped ones."""
    crop: Crop
    curves: Mapping[str, Curve]
    """Values over time of each metric, by key."""
    totals: Mapping[str, float]
    """Metrics that have one value a clip (acd)."""
    reference_curves: Mapping[str, Curve]
    """The reference's own values of the metrics that need none."""
    reference_totals: Mapping[str, float]
    not_measured: Mapping[str, str]
    """Reason for each metric that was asked for and could not be had."""

    @property
    def means(self) -> dict[str, float]:
        """Mean of each curve, and the totals, by key."""
        return {key: curve.mean for key, curve in self.curves.items()} | dict(self.totals)

    @property
    def reference_means(self) -> dict[str, float]:
        """The same of the reference's own values."""
        return {key: curve.mean for key, curve in self.reference_curves.items()} | dict(self.reference_totals)


class View:
    """One picture of one clip with what is derived from it, each computed once, whichever thread asks first."""

    def __init__(self, picture: Picture, crop: Crop) -> None:
        self.picture = picture
        self.crop = crop
        self._lock = threading.RLock()  # a flow asks for its own grey
        self._kept: dict[object, Any] = {}

    def _once[T](self, key: object, compute: Callable[[], T]) -> T:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = compute()
            value: T = self._kept[key]
            return value

    @property
    def inside(self) -> Picture:
        """The part inside the crop."""
        return np.ascontiguousarray(self.picture[self.crop.window])

    @property
    def luma(self) -> Plane:
        """Official Y inside the crop."""
        return self._once("luma", lambda: luma(self.picture[self.crop.window]))

    @property
    def grey(self) -> np.ndarray:
        """8-bit grey of the full picture."""
        return self._once("grey", lambda: grey(self.picture))

    def ahead(self, previous: "View") -> Flow:
        """Flow from the predecessor to this picture, full size."""
        return self._once("ahead", lambda: _flow(previous, self))

    def back(self, previous: "View") -> Flow:
        """Flow from this picture to its predecessor, full size."""
        return self._once("back", lambda: _flow(self, previous))

    def distance(self, other: "View", measure: FeatureDistance) -> float:
        """Perceptual distance from another picture, inside the crop."""
        if self.crop.height * self.crop.width > MOST_FEATURES:
            return measure(self.inside, other.inside)
        sides = (view._once(measure, partial(measure.features, view.inside)) for view in (self, other))
        return measure.between(*sides)


def _flow(start: View, end: View) -> Flow:
    return farneback(start.grey, end.grey)


@dataclass(frozen=True)
class _Moment:
    """A frame with its two predecessors in one clip."""

    index: int
    view: View
    previous: View | None
    before: View | None


@dataclass
class _Measured:
    values: dict[str, tuple[int, float]]
    """By key: the frame that the value belongs to, and the value."""
    colour: Colour | None


def evaluate_pair(
    result_frames: Iterable[Picture],
    truth_frames: Iterable[Picture] | None,
    *,
    protocol: ProtocolName,
    metrics: Iterable[str] = WEIGHTLESS,
    instruments: Instruments | None = None,
    jobs: int = 1,
    observers: Sequence[Observer] = (),
) -> Scores:
    """Measure a clip against its reference, or alone. Memory does not grow with the clip's length.

    :param result_frames: pictures of the evaluated clip, (H, W, 3) uint8 RGB, all of one size.
    :param truth_frames:  those of the reference; None measures only what needs none.
    :param protocol:      "official" (TecoGAN ``metrics.py``) or "plain" (every frame, no crop).
    :param metrics:       keys of :data:`~vs_tecogan.metrics.catalogue.METRICS`; FVD is left to observers of its own.
    :param instruments:   metrics that need weights or parameters.
    :param jobs:          threads.
    :param observers:     see every counted frame, in order, in the calling thread.
    :raises MetricsError: sizes or lengths differ, or the protocol leaves nothing.
    """
    instruments = instruments or Instruments()
    keys = _possible(select(metrics), truth_frames is not None, instruments)
    pairs = kept(_paired(result_frames, truth_frames, protocol), protocol)
    comparison: _Comparison | None = None
    results, truths = _Series(), _Series()
    pending: deque[tuple[int, Picture, Picture | None, Future[_Measured], Future[_Measured] | None]] = deque()
    total = 0

    def collect() -> None:
        index, result, truth, mine, theirs = pending.popleft()
        values = results.add(mine.result())
        if theirs is not None:
            truths.add(theirs.result())
        for observer in observers:
            observer.frame(index, result, truth, values)

    with ThreadPoolExecutor(max(jobs, 1)) as pool:
        try:
            for index, (result, truth) in pairs:
                total = index + 1
                comparison = comparison or _Comparison(
                    keys, instruments, crop_of(protocol, *result.shape[:2]), result, truth
                )
                mine, theirs = comparison.submit(pool, index, result, truth)
                pending.append((index, result, truth, mine, theirs))
                if len(pending) > jobs:
                    collect()
            while pending:
                collect()
        except BaseException:
            for entry in pending:
                entry[3].cancel()
            raise
    assert comparison is not None  # kept() raises where there is no frame
    return Scores(
        protocol=protocol,
        total=total + skipped(protocol),
        crop=comparison.crop,
        curves=results.curves(keys),
        totals=results.totals(keys),
        reference_curves=truths.curves(keys),
        reference_totals=truths.totals(keys),
        not_measured={k: v for k, v in instruments.not_measured.items() if k in select(metrics)},
    )


def _possible(keys: tuple[str, ...], compared: bool, instruments: Instruments) -> frozenset[str]:
    """Those of the metrics that can be computed with what is there."""
    missing = set() if compared else {"psnr", "ssim", "lpips", "squeeze", "tof", "tlp"}
    missing |= {"fvd", "fvd128"}
    if instruments.lpips is None:
        missing |= {"lpips", "tlp"}
    missing |= {"squeeze"} if instruments.squeeze is None else set()
    missing |= {"niqe"} if instruments.niqe is None else set()
    return frozenset(keys) - missing


def _paired(
    result_frames: Iterable[Picture], truth_frames: Iterable[Picture] | None, protocol: ProtocolName
) -> Iterator[tuple[Picture, Picture | None]]:
    """Frames of both sides together, checked; the overhang of a result is cut off where the protocol does."""
    if truth_frames is None:
        yield from ((frame, None) for frame in result_frames)
        return
    left, right = iter(result_frames), iter(truth_frames)
    for index, (result, truth) in enumerate(zip_longest(left, right)):
        if result is None or truth is None:
            more = index + 1 + sum(1 for _ in (right if result is None else left))
            mine, theirs = (index, more) if result is None else (more, index)
            raise MetricsError(f"the result has {mine} frames, the reference {theirs}; both must have as many")
        yield fitted(result, truth, protocol, f"frame {index}: "), truth


def fitted(result: Picture, truth: Picture, protocol: ProtocolName, where: str = "") -> Picture:
    """The result at the reference's size: the official protocol cuts up to 3 pixels at the right and the bottom.

    :raises MetricsError: the sizes differ otherwise.
    """
    (rh, rw), (th, tw) = result.shape[:2], truth.shape[:2]
    allowed = OVERHANG if protocol == "official" else 0
    if not (0 <= rh - th <= allowed and 0 <= rw - tw <= allowed):
        raise MetricsError(f"{where}the result is {rw}x{rh}, the reference {tw}x{th}; both must have one size")
    return result[:th, :tw]


class _Comparison:
    """Hands frames to the threads: remembers the first frame and the last two of each side."""

    def __init__(
        self, keys: frozenset[str], instruments: Instruments, crop: Crop, result: Picture, truth: Picture | None
    ) -> None:
        self.keys = keys
        self.crop = crop
        self._instruments = instruments
        self._first = [colour_histogram(x[crop.window]) for x in (result, truth) if x is not None]
        self._colour = [mean_colour(x[crop.window]) for x in (result, truth) if x is not None]
        self._last: list[list[View | None]] = [[None, None], [None, None]]

    def _moment(self, side: int, index: int, picture: Picture) -> _Moment:
        view = View(picture, self.crop)
        previous, before = self._last[side]
        self._last[side] = [view, previous]
        return _Moment(index, view, previous, before)

    def submit(
        self, pool: ThreadPoolExecutor, index: int, result: Picture, truth: Picture | None
    ) -> tuple[Future[_Measured], Future[_Measured] | None]:
        """Begin to measure one frame of both sides."""
        mine = self._moment(0, index, result)
        if truth is None:
            return pool.submit(self._alone, mine, 0), None
        theirs = self._moment(1, index, truth)
        return pool.submit(self._compared, mine, theirs), pool.submit(self._alone, theirs, 1)

    def _compared(self, mine: _Moment, theirs: _Moment) -> _Measured:
        measured = self._alone(mine, 0)
        values = compare(mine, theirs, self.keys, self._instruments)
        measured.values |= {key: (mine.index, value) for key, value in values.items()}
        return measured

    def _alone(self, moment: _Moment, side: int) -> _Measured:
        return alone(moment, self.keys, self._instruments, self._first[side], self._colour[side])


def compare(mine: _Moment, theirs: _Moment, keys: frozenset[str], instruments: Instruments) -> dict[str, float]:
    """Metrics of one frame that need a reference."""
    distances = {"lpips": instruments.lpips, "squeeze": instruments.squeeze}
    values: dict[str, Callable[[], float]] = {
        "psnr": lambda: psnr(mine.view.luma, theirs.view.luma),
        "ssim": lambda: ssim(mine.view.luma, theirs.view.luma),
    }
    for key, distance in distances.items():
        if distance is not None:
            values[key] = partial(mine.view.distance, theirs.view, distance)
    if mine.previous is not None and theirs.previous is not None:
        before, after = mine.previous, theirs.previous
        window = mine.view.crop.window
        values["tof"] = lambda: flow_distance(mine.view.ahead(before)[window], theirs.view.ahead(after)[window])
        if (lpips := instruments.lpips) is not None:
            values["tlp"] = lambda: 100.0 * abs(after.distance(theirs.view, lpips) - before.distance(mine.view, lpips))
    return {key: compute() for key, compute in values.items() if key in keys}


def alone(
    moment: _Moment, keys: frozenset[str], instruments: Instruments, first: Histogram, first_colour: Colour
) -> _Measured:
    """Metrics of one frame that need no reference; flicker belongs to the frame before."""
    view, index = moment.view, moment.index
    values: dict[str, tuple[int, float]] = {}
    colour = mean_colour(view.inside) if keys & {"acd", "content_distance"} else None
    if "colour_similarity" in keys:
        values["colour_similarity"] = index, colour_similarity(first, colour_histogram(view.inside))
    if "content_distance" in keys and colour is not None:
        values["content_distance"] = index, content_distance(first_colour, colour)
    if "grid" in keys:
        values["grid"] = index, grid(view.luma)
    if "niqe" in keys and instruments.niqe is not None:
        values["niqe"] = index, instruments.niqe(view.inside)
    if (previous := moment.previous) is not None and "tdiff" in keys:
        error = step_error(previous.picture, view.picture, view.back(previous))[view.crop.window]
        values["tdiff"] = index, 100.0 * float(np.mean(error, dtype=np.float64))
    if previous is not None and (before := moment.before) is not None and "flicker" in keys:
        planes = before.grey, previous.grey, view.grey
        ripple = second_difference(*planes, previous.back(before), view.ahead(previous))
        values["flicker"] = index - 1, 100.0 * root_mean_square(ripple[view.crop.window])
    return _Measured(values, colour)


class _Series:
    """Collects values frame by frame, in order."""

    def __init__(self) -> None:
        self._points: dict[str, list[tuple[int, float]]] = {}
        self._colours: list[Colour] = []

    def add(self, measured: _Measured) -> dict[str, float]:
        for key, point in measured.values.items():
            self._points.setdefault(key, []).append(point)
        if measured.colour is not None:
            self._colours.append(measured.colour)
        return {key: value for key, (_, value) in measured.values.items()}

    def curves(self, keys: frozenset[str]) -> dict[str, Curve]:
        return {
            key: Curve(frames=tuple(i for i, _ in self._points[key]), values=tuple(v for _, v in self._points[key]))
            for key in select(keys)
            if key in self._points
        }

    def totals(self, keys: frozenset[str]) -> dict[str, float]:
        return {"acd": average_content_distance(self._colours)} if "acd" in keys and self._colours else {}
