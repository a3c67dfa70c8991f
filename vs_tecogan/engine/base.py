"""What an engine is, and what it asks of a network. Neither knows VapourSynth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from ..colour.coding import PLAIN, Coding, Samples

Memory = tuple[Tensor, ...]
"""What a network carries from frame to frame: its output, (1, 3, sH, sW) float32, unclamped; then whatever else it has.
Empty before the first frame."""
Picture = tuple[Sequence[Samples], Coding]
"""The planes of a picture, and how they are coded."""
Mark = Any
"""A point in a device's work, everything submitted before it; None on devices that work at once."""
Wait = Callable[[], None]
"""Returns, on any thread, once what was begun is done; to be called once."""


@dataclass(frozen=True)
class State:
    """The recurrent state after a frame. Immutable and shared by reference; never clamped or quantised."""

    lr: Tensor | None
    """The frame taken last, (1, 3, H, W) float32; None in the zero state."""
    memories: tuple[Memory, ...]
    """Of each tile, row by row; one where the frame is not tiled, none in the zero state."""
    ready: Mark = None
    """The memories are there once this has passed."""


class Engine(Protocol):
    """One step of the recurrence, over coded pictures; RGBS (:data:`~vs_tecogan.colour.coding.PLAIN`) is one coding.

    Results depend on the arguments alone: the same state and planes give the same bits, on any thread, at any time, on
    the same device, precision and number of torch threads.
    """

    scale: int
    device: str
    precision: str
    reads_coded: bool
    """It takes pictures of any coding, not RGBS alone."""
    writes_coded: bool
    """It gives pictures of any coding, not RGBS alone."""
    ahead: int
    """Pictures after the current one that a step looks at: 0 or 1."""

    def zero_state(self, height: int, width: int) -> State:
        """The state before the first frame of a chain."""

    def step(
        self,
        state: State,
        planes: Sequence[Samples],
        coding: Coding = PLAIN,
        *,
        clamp: bool = False,
        following: Picture | None = None,
    ) -> State:
        """Advance by one picture of (H, W); may return before the device has finished.

        :param clamp:     bring R, G and B to [0, 1] and NaN to 0.
        :param following: the picture after this one, for an engine that looks ahead; None at the end of a chain.
        """

    def begin_read(self, state: State, planes: Sequence[Samples], coding: Coding = PLAIN) -> Wait:
        """Begin to write the output of ``state`` into the planes of a picture of (sH, sW), unclamped where they are
        floats; they hold it when what is returned has been called.

        :raises ValueError: a zero state, which has none.
        """

    def read(self, state: State, planes: Sequence[Samples], coding: Coding = PLAIN) -> None:
        """As :meth:`begin_read`, and wait for it."""

    def nbytes(self, state: State) -> int:
        """Memory that ``state`` holds."""


class NetworkStep(Protocol):
    """One step of a network, prepared for one device: tensors in, tensors out. A second architecture plugs in here.

    It may be asked for a tile of a frame: then ``guide`` still sees the whole, and ``step`` the tile's part.
    """

    scale: int
    grid: int
    """LR pixels; tiles begin on multiples of it."""

    ahead: int
    """Frames after the current one that a step looks at: 0 or 1."""

    widest: int
    """Channels of the widest map that a step makes at the size of its frame."""

    def guide(self, previous: Tensor | None, current: Tensor, following: Tensor | None) -> Tensor | None:
        """What a step takes from whole frames: maps (1, C, H, W) at their size, such as flow; None: nothing.

        :param previous:  the frame before, (1, 3, H, W); None at a chain's first frame.
        :param following: the frame after; None at a chain's last frame, and always without look-ahead.
        """

    def step(self, memory: Memory, lr: Tensor, guide: Tensor | None) -> Memory:
        """The memory after a frame (1, 3, H, W) or part of one; both arguments are contiguous and may be kept."""

    def step_bytes(self, height: int, width: int) -> int:
        """Memory that a step takes at most."""

    def guide_bytes(self, height: int, width: int) -> int:
        """Memory that the guide of a whole frame takes at most."""

    def release(self) -> None:
        """Give up what costs memory and saves time alone."""
