"""What an engine is: one step of the recurrence on one device, knowing no VapourSynth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from .coding import Coding, Samples

Plane = np.ndarray[Any, np.dtype[np.float32]]
"""One image plane, float32 (H, W), any row stride; the samples of a row lie side by side."""


@dataclass(frozen=True)
class State:
    """The recurrent state after a frame. Immutable and shared by reference; never clamped or quantised."""

    lr: Tensor | None
    """The frame taken last, (1, 3, H, W) float32; None in the zero state."""
    hr: Tensor | None
    """The output for it, (1, 3, sH, sW) float32 unclamped; None in the zero state."""


class Engine(Protocol):
    """One step of the recurrence.

    Results depend on the arguments alone: the same state and planes give the same bits, on any thread, at any time, on
    the same device, precision and number of torch threads.
    """

    scale: int
    device: str
    precision: str

    def zero_state(self, height: int, width: int) -> State:
        """The state before the first frame of a chain."""

    def step(self, state: State, planes: Sequence[Plane]) -> State:
        """Advance by one frame: R, G, B planes of (H, W), nominally in [0, 1]."""

    def read(self, state: State, planes: Sequence[Plane]) -> None:
        """Write the output of ``state`` into R, G, B planes of (sH, sW), unclamped.

        :raises ValueError: a zero state, which has none.
        """

    def is_repeat(self, state: State, planes: Sequence[Plane]) -> bool:
        """Whether ``planes`` equal, bit for bit, the frame that ``state`` took last."""

    def nbytes(self, state: State) -> int:
        """Memory that ``state`` holds."""


class FlowEngine(Engine, Protocol):
    """An engine whose flow may come from elsewhere: that of a whole frame, for a part of it."""

    def load(self, planes: Sequence[Plane]) -> Tensor:
        """R, G, B planes as (1, 3, H, W) float32, where the engine computes."""

    def estimate_flow(self, previous: Tensor, current: Tensor) -> Tensor:
        """Flow (1, 2, H, W) float32, LR pixels, from ``current`` back to ``previous``, both of :meth:`load`."""

    def step_along(self, state: State, lr: Tensor, flow: Tensor | None) -> State:
        """As ``step``, by a frame and a flow that this engine gave, or views of them, which the state does not keep.

        :param lr:   (1, 3, H, W), of :meth:`load`.
        :param flow: (1, 2, H, W) LR pixels, of :meth:`estimate_flow` from ``lr`` back to the frame of ``state``; None
                     for a zero state.
        """


@runtime_checkable
class PictureReader(Engine, Protocol):
    """An engine that gives its output as it is coded."""

    def read_picture(self, state: State, planes: Sequence[Samples], coding: Coding) -> None:
        """As ``read``, into the planes of a picture of (sH, sW) coded so."""
