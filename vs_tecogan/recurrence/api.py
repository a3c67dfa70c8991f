"""What the scheduler asks of a recurrence, and the options that define frame n."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import vapoursynth as vs


class Recurrence[S](Protocol):
    """One step of a recurrent filter over immutable states, which are held and shared by reference.

    `zero`, `step` and `is_repeat` are called by one thread at a time; `write` and `nbytes` may be called meanwhile from
    other threads. None of them may wait for a frame.
    """

    def zero(self, frame: vs.VideoFrame) -> S:
        """The state before any frame, for input frames like `frame`."""
        ...

    def step(self, state: S, frame: vs.VideoFrame) -> S:
        """The state after the input `frame`; leaves `state` as it is."""
        ...

    def write(self, state: S, frame: vs.VideoFrame) -> vs.VideoFrame:
        """A fresh writable output frame that shows `state`, with the props of the input `frame` that it belongs to."""
        ...

    def is_repeat(self, state: S, frame: vs.VideoFrame) -> bool:
        """Whether `frame` is bit-identical to the frame that `state` took last."""
        ...

    def nbytes(self, state: S) -> int:
        """Bytes that keeping `state` costs."""
        ...


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Where chains of frames start and what may be kept. All but `memory` and `checkpoint` define the pixels."""

    restart: int
    """A chain starts at least every `restart` frames (at multiples of it); 0 = only at cuts and at frame 0."""
    warmup: int
    """Frames that prime the zero state of a chain; their output is discarded. 0 = start from the zero state."""
    duplicates: Literal["hold", "advance"] = "hold"
    """hold: a displayed frame identical to its predecessor repeats state and output; advance: it is a step like any."""
    memory: int = 1024
    """MiB for states and recent input frames together; at least one state is always kept. Never changes the pixels."""
    checkpoint: int = 16
    """A short seek back replays at most this many frames. Never changes the pixels."""

    def __post_init__(self) -> None:
        for name, least in (("restart", 0), ("warmup", 0), ("memory", 1), ("checkpoint", 1)):
            value = getattr(self, name)
            if value < least:
                raise ValueError(f"{name}={value}; give {least} or more")
        if self.duplicates not in ("hold", "advance"):
            raise ValueError(f"duplicates={self.duplicates!r}; give 'hold' or 'advance'")
