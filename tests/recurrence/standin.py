"""Stand-in recurrences, sources and the definition of frame n, written out plainly, for the scheduler's tests."""

from __future__ import annotations

import random
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import vapoursynth as vs

from vs_tecogan.recurrence import Schedule, recurrent

WIDTH, HEIGHT = 8, 6
GRAY32 = vs.GRAY32
Pixels = npt.NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class State:
    """What the stand-ins carry: the last input and the accumulated pixels."""

    taken: Pixels | None
    pixels: Pixels


class Hash:
    """Not contractive: every pixel is a hash of all inputs so far in order, so one wrong or missing step always shows.

    `steps` counts, `overlaps` counts steps that ran at the same time; `alive` are the states not yet freed, each of
    which claims to cost `size` bytes.
    """

    def __init__(self, size: int = 4 * WIDTH * HEIGHT) -> None:
        self.size = size
        self.steps = 0
        self.overlaps = 0
        self.alive: weakref.WeakSet[State] = weakref.WeakSet()
        self._busy = threading.Lock()

    def zero(self, frame: vs.VideoFrame) -> State:
        return State(None, np.zeros((HEIGHT, WIDTH), np.uint32))

    def step(self, state: State, frame: vs.VideoFrame) -> State:
        if not self._busy.acquire(blocking=False):
            self.overlaps += 1
            self._busy.acquire()
        try:
            self.steps += 1
            taken = pixels_of(frame)
            after = State(taken, self.mix(state.pixels, taken))
            self.alive.add(after)
            return after
        finally:
            self._busy.release()

    def mix(self, pixels: Pixels, taken: Pixels) -> Pixels:
        return np.roll(pixels, 1, 1) * np.uint32(2654435761) + taken + np.uint32(12345)

    def write(self, state: State, frame: vs.VideoFrame) -> vs.VideoFrame:
        output = vs.core.create_video_frame(vs.core.get_video_format(GRAY32), WIDTH, HEIGHT)
        np.asarray(output[0])[...] = state.pixels
        output.props.update(frame.props)
        return output

    def is_repeat(self, state: State, frame: vs.VideoFrame) -> bool:
        return state.taken is not None and np.array_equal(state.taken, pixels_of(frame))

    def nbytes(self, state: State) -> int:
        return self.size


class Contractive(Hash):
    """Forgets slowly and is order sensitive, as the network does and is; float pixels carried as their bits."""

    def mix(self, pixels: Pixels, taken: Pixels) -> Pixels:
        before = np.roll(pixels.view(np.float32), 1, 1)
        after = np.tanh(np.float32(0.7) * before + taken.astype(np.float32) / np.float32(2**32) - np.float32(0.5))
        return after.astype(np.float32).view(np.uint32)


def pixels_of(frame: vs.VideoFrame) -> Pixels:
    return np.asarray(frame[0]).copy()


def picture(n: int) -> Pixels:
    return np.random.default_rng(n).integers(0, 2**32, (HEIGHT, WIDTH), dtype=np.uint32)


@dataclass
class Source:
    """A clip whose frame n shows `pictures[n]` (or picture(n)) and records what is asked of it."""

    length: int
    pictures: Sequence[int] | None = None
    jitter: float = 0.0
    fail: Callable[[int], bool] = lambda _: False

    def __post_init__(self) -> None:
        self.asked: list[int] = []

    def clip(self) -> vs.VideoNode:
        blank = vs.core.std.BlankClip(width=WIDTH, height=HEIGHT, format=GRAY32, length=self.length, keep=True)
        painted = blank.std.ModifyFrame(blank, self._paint)
        if not self.jitter:
            return painted
        # one filter per request, so that requests really overlap and overtake each other
        return blank.std.FrameEval(lambda **_: blank.std.ModifyFrame(blank, self._paint), clip_src=blank)

    def _paint(self, n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        self.asked.append(n)
        if self.jitter:
            time.sleep(random.random() * self.jitter)
        if self.fail(n):
            raise ValueError(f"source frame {n} is broken")
        output = f.copy()
        np.asarray(output[0])[...] = picture(self.pictures[n] if self.pictures is not None else n)
        output.props["src"] = n
        return output


def cut_clip(length: int, cuts: Collection[int], asked: list[int] | None = None) -> vs.VideoNode:
    """A clip whose frame n has _TecoganCut = 1 for n in `cuts`."""
    blank = vs.core.std.BlankClip(width=16, height=16, format=vs.GRAY8, length=length, keep=True)

    def mark(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        if asked is not None:
            asked.append(n)
        output = f.copy()
        output.props["_TecoganCut"] = int(n in cuts)
        return output

    return blank.std.ModifyFrame(blank, mark)


def detector(clip: vs.VideoNode, cuts: Collection[int]) -> vs.VideoNode:
    """Flags that need the frame and its predecessor, as a scene detector does."""
    before = clip.std.DuplicateFrames([0]).std.Trim(length=clip.num_frames)

    def mark(n: int, f: list[vs.VideoFrame]) -> vs.VideoFrame:
        output = f[1].copy()
        output.props["_TecoganCut"] = int(n in cuts)
        return output

    return clip.std.ModifyFrame([before, clip], mark)


@dataclass(frozen=True)
class Expected:
    pixels: Pixels
    start: int


def reference(
    recurrence: Hash, length: int, schedule: Schedule, cuts: Iterable[int] = (), pictures: Sequence[int] | None = None
) -> list[Expected]:
    """Every frame from the definition: no cache, no sharing, each chain by itself."""
    show = [picture(pictures[n] if pictures is not None else n) for n in range(length)]
    scenes = sorted({0, *(k for k in cuts if 0 < k < length)})
    starts = sorted({*scenes, *(range(0, length, schedule.restart) if schedule.restart else ())})
    result: list[Expected] = []
    for start, end in zip(starts, [*starts[1:], length], strict=True):
        first = max(k for k in scenes if k <= start)
        last = min((k for k in scenes if k > start), default=length) - 1
        pixels = np.zeros((HEIGHT, WIDTH), np.uint32)
        for offset in range(-schedule.warmup, 0):
            pixels = recurrence.mix(pixels, show[bounce(start + offset, first, last)])
        for n in range(start, end):
            repeats = n > start and np.array_equal(show[n], show[n - 1])
            if not (repeats and schedule.duplicates == "hold"):
                pixels = recurrence.mix(pixels, show[n])
            result.append(Expected(pixels, start))
    return result


def bounce(k: int, first: int, last: int) -> int:
    """Walk to frame k from `first`, turning round at `first` and `last` (step by step, unlike the scheduler)."""
    if first == last or k >= first:
        return first if first == last else k
    position, direction = first, 1
    for _ in range(first - k):
        if not first <= position + direction <= last:
            direction = -direction
        position += direction
    return position


def build(
    source: Source,
    schedule: Schedule,
    cuts: Collection[int] | None = None,
    recurrence: Hash | None = None,
    *,
    detecting: bool = False,
) -> vs.VideoNode:
    """The recurrence on the source; `detecting`: the flags are made from its frames, not given."""
    clip = source.clip()
    flags = None if cuts is None else detector(clip, cuts) if detecting else cut_clip(source.length, cuts)
    return recurrent(clip, flags, recurrence or Hash(), template=clip.std.BlankClip(keep=True), schedule=schedule)


def is_exact(n: int, frame: vs.VideoFrame, expected: Sequence[Expected]) -> bool:
    return (
        np.array_equal(pixels_of(frame), expected[n].pixels)
        and frame.props["TecoganChainStart"] == expected[n].start
        and frame.props["src"] == n
    )


def wrong(frames: Iterable[tuple[int, vs.VideoFrame]], expected: Sequence[Expected]) -> list[int]:
    """Those of the (number, frame) pairs that are not what the definition says."""
    return [n for n, frame in frames if not is_exact(n, frame, expected)]


def with_repeats(length: int, seed: int, share: float = 0.3) -> list[int]:
    """Picture numbers of which `share` repeat their predecessor."""
    chance = random.Random(seed)
    numbers = [0]
    for n in range(1, length):
        numbers.append(numbers[-1] if chance.random() < share else n)
    return numbers
