"""Which frames and which pixels count: the official protocol's rules, and the plain one's.

Source of the official rules: TecoGAN ``metrics.py`` (thunil/TecoGAN): two frames are skipped at both ends, and a centre
crop keeps the fields of view of methods with different border losses alike.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import MetricsError

type ProtocolName = Literal["official", "plain"]

OFFICIAL_SKIP = 2
"""Frames that the official protocol leaves out at each end."""
OFFICIAL_BLOCK = 32
OFFICIAL_MARGIN = 16
OVERHANG = 3
"""Pixels by which a result may exceed its reference under the official protocol (a x4 model fed ceil(size / 4))."""


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A rectangle of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Index of the rectangle in an (H, W, ...) array."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def official_length(size: int) -> int:
    """Kept pixels of one dimension: a multiple of 32 that removes at least 16 pixels (0 where nothing is left)."""
    kept = size - size % OFFICIAL_BLOCK
    while size - kept < OFFICIAL_MARGIN:
        kept -= OFFICIAL_BLOCK
    return max(kept, 0)


def crop_of(protocol: ProtocolName, height: int, width: int) -> Crop:
    """The rectangle that a protocol looks at in a picture of the given size.

    :raises MetricsError: nothing is left of the picture, or there is no such protocol.
    """
    if protocol not in get_args(ProtocolName.__value__):
        raise MetricsError(f'protocol {protocol!r}; give "official" or "plain"')
    if protocol == "plain":
        return Crop(top=0, left=0, height=height, width=width)
    kept_h, kept_w = official_length(height), official_length(width)
    if not kept_h or not kept_w:
        raise MetricsError(
            f"the official protocol's crop leaves nothing of a {width}x{height} picture; use the plain protocol"
        )
    return Crop(top=(height - kept_h) // 2, left=(width - kept_w) // 2, height=kept_h, width=kept_w)


def skipped(protocol: ProtocolName) -> int:
    """Frames that a protocol leaves out at each end of a clip."""
    return OFFICIAL_SKIP if protocol == "official" else 0


def kept_frames(total: int, protocol: ProtocolName) -> range:
    """Numbers of the frames that count in a clip of ``total`` frames."""
    return range(skipped(protocol), max(skipped(protocol), total - skipped(protocol)))


def kept[T](frames: Iterable[T], protocol: ProtocolName) -> Iterator[tuple[int, T]]:
    """The frames that count, with their numbers, from a stream of unknown length; holds back at most two.

    :raises MetricsError: none is left.
    """
    skip, waiting, count = skipped(protocol), deque[tuple[int, T]](), 0
    for index, frame in enumerate(frames):
        count += 1
        if index >= skip:
            waiting.append((index, frame))
        if len(waiting) > skip:
            yield waiting.popleft()
    if count <= 2 * skip:
        raise MetricsError(
            f"the clip has {count} frame{'s' * (count != 1)}; the {protocol} protocol needs {2 * skip + 1} or more"
            + ("; use the plain protocol" if count else "")
        )
