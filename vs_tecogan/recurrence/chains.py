"""Which frames a chain is made of: pure functions of scene cuts, grid and clip length."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

Flag = Callable[[int], bool | None]
"""Whether a scene starts at frame k; None where that is not known yet."""


class Chain(NamedTuple):
    """A run of frames computed from one zero state; its states are pure functions of (chain, frame)."""

    start: int
    primed: bool
    """False: a restart without warm-up at a frame before which the input is unavailable."""


class Warmup(NamedTuple):
    """Input frames that prime a chain, in order; or the frames whose flags must be known before that can be said."""

    frames: tuple[int, ...]
    unknown: tuple[int, ...]


def grid_start(n: int, restart: int) -> int:
    """The last multiple of `restart` that is not after n; 0 without a grid."""
    return n - n % restart if restart else 0


def chain_starts(first: int, end: int, *, cuts: Iterable[int], restart: int) -> list[int]:
    """The frames from ``first`` to ``end - 1`` at which a chain starts, in order; ``cuts`` start scenes, and frame 0.

    Frame n belongs to the chain that starts at the last of these that is not after n: where its grid starts or its
    scene does, whichever comes later.
    """
    grid = range(-(-first // restart) * restart, end, restart) if restart else ()
    return sorted({k for k in (*grid, *cuts, 0) if first <= k < end})


def warmup_frames(start: int, count: int, length: int, flag: Flag) -> Warmup:
    """The `count` frames before `start`, mirrored inside the scene that contains `start`.

    The indices start-count..start-1 that lie before the scene's first frame b are reflected about it (2b - i), and to
    and fro inside the scene where it is shorter than that. At a scene's start they are b+count..b+1, as in the
    official TecoGAN inference, which primes a clip with its first frames mirrored.
    """
    lowest = start - count
    unknown = []
    first = max(lowest, 0)
    for k in range(start, first, -1):
        cut = flag(k)
        if cut is None:
            unknown.append(k)
        elif cut:
            first = k
            break
    if unknown:
        return Warmup((), tuple(unknown))
    if first <= lowest:
        return Warmup(tuple(range(lowest, start)), ())
    end = min(max(2 * first - lowest, start) + 1, length)
    for k in range(start + 1, end):
        cut = flag(k)
        if cut is None:
            unknown.append(k)
        elif cut:
            end = k
            break
    if unknown:
        return Warmup((), tuple(unknown))
    return Warmup(tuple(_reflect(k, first, end) for k in range(lowest, start)), ())


def _reflect(k: int, first: int, end: int) -> int:
    """k folded into first..end-1 by mirrors on the outer frames, which are not repeated."""
    if end - first == 1:
        return first
    offset = abs(k - first) % (2 * (end - first - 1))
    return first + min(offset, 2 * (end - first - 1) - offset)
