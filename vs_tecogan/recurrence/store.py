"""Bounded memory of the scheduler: states, recent input frames, scene flags."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection
from enum import IntEnum
from typing import TYPE_CHECKING

from .chains import Chain

if TYPE_CHECKING:
    import vapoursynth as vs

MOST_STATES = 8192
MOST_HEADS = 16
ENTRY_BYTES = 512  # bookkeeping of one entry, so that states shared by still frames are not free


class Role(IntEnum):
    """Why a state is kept; states that nobody needs go first, heads last."""

    RECENT = 0
    CHECKPOINT = 1
    HEAD = 2


class Entry[S]:
    """The state of `chain` after `frame`. Never changed once made."""

    __slots__ = ("chain", "frame", "key", "size", "state")

    def __init__(self, frame: int, chain: Chain, state: S, size: int) -> None:
        self.frame = frame
        self.chain = chain
        self.state = state
        self.size = size
        self.key = (frame, chain.primed)


class StateStore[S]:
    """States by frame, least recently used first out, never fewer than one.

    Order of eviction: checkpoints beyond half the budget, states that no request in flight waits for, checkpoints,
    states waited for, heads (the last state that each reader reached; those used last, within half the budget). Not
    thread-safe: the scheduler locks.
    """

    def __init__(self, checkpoint: int) -> None:
        self.checkpoint = checkpoint
        self.bytes = 0
        self._entries: dict[tuple[int, bool], Entry[S]] = {}
        self._roles: tuple[OrderedDict[tuple[int, bool], None], ...] = (OrderedDict(), OrderedDict(), OrderedDict())
        self._role_of: dict[tuple[int, bool], Role] = {}
        self._role_bytes = [0, 0, 0]
        self._shared: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def heads(self) -> int:
        """Number of readers: states that somebody seems to go on from."""
        return len(self._roles[Role.HEAD])

    def follows_head(self, entry: Entry[S]) -> bool:
        """Whether a reader is already a little further: then `entry` is a frame that was asked for out of order."""
        at, kind = entry.key
        heads = self._roles[Role.HEAD]
        return any(0 < frame - at <= self.checkpoint and primed == kind for frame, primed in heads)

    def get(self, frame: int, *, primed: bool) -> Entry[S] | None:
        """The state after `frame` of a chain with warm-up (`primed`) or without, if it is kept."""
        return self._entries.get((frame, primed))

    def nearest(self, chain: Chain, first: int, last: int) -> Entry[S] | None:
        """The state of `chain` after the latest of the frames first..last."""
        for k in range(last, first - 1, -1):
            entry = self._entries.get((k, chain.primed))
            if entry is not None and entry.chain == chain:
                return entry
        return None

    def touch(self, entry: Entry[S]) -> None:
        """Mark as used, if it is still here."""
        role = self._role_of.get(entry.key)
        if role is not None:
            self._roles[role].move_to_end(entry.key)

    def put(self, entry: Entry[S], role: Role) -> None:
        """Keep `entry`, replacing what stood for the same frame; checkpoints are recognised here."""
        key = entry.key
        if key in self._entries:
            self._drop(key)
        self._entries[key] = entry
        shares = self._shared.get(id(entry.state), 0)
        self._shared[id(entry.state)] = shares + 1
        self.bytes += ENTRY_BYTES + (0 if shares else entry.size)
        self._assign(key, self._rest_role(entry) if role is not Role.HEAD else Role.HEAD)

    def retire(self, entry: Entry[S]) -> None:
        """`entry` is no longer the last state of a reader."""
        if self._role_of.get(entry.key) is Role.HEAD:
            self._assign(entry.key, self._rest_role(entry))

    def shrink(self, budget: int, targets: Callable[[], Collection[int]]) -> None:
        """Evict until `budget` bytes suffice; `targets`: frames that requests in flight wait for."""
        recent, checkpoints, heads = self._roles
        while len(heads) > 1 and (self._role_bytes[Role.HEAD] > budget // 2 or len(heads) > MOST_HEADS):
            self.retire(self._entries[next(iter(heads))])
        waited_for: Collection[int] | None = None
        while len(self._entries) > 1 and (self.bytes > budget or len(self._entries) > MOST_STATES):
            waited_for = targets() if waited_for is None else waited_for
            idle = next((key for key in recent if key[0] not in waited_for), None)
            if checkpoints and self._role_bytes[Role.CHECKPOINT] > budget // 2:
                self._drop(next(iter(checkpoints)))
            elif idle is not None:
                self._drop(idle)
            elif checkpoints:
                self._drop(next(iter(checkpoints)))
            elif recent:
                self._drop(next(iter(recent)))
            else:
                self._drop(next(iter(heads)))

    def clear(self) -> None:
        """Forget all states, the last one included."""
        for key in list(self._entries):
            self._drop(key)

    def _rest_role(self, entry: Entry[S]) -> Role:
        return Role.RECENT if (entry.frame - entry.chain.start) % self.checkpoint else Role.CHECKPOINT

    def _assign(self, key: tuple[int, bool], role: Role) -> None:
        self._unassign(key)
        self._roles[role][key] = None
        self._role_of[key] = role
        self._role_bytes[role] += self._entries[key].size

    def _unassign(self, key: tuple[int, bool]) -> None:
        role = self._role_of.pop(key, None)
        if role is not None:
            del self._roles[role][key]
            self._role_bytes[role] -= self._entries[key].size

    def _drop(self, key: tuple[int, bool]) -> None:
        entry = self._entries.get(key)
        if entry is None:
            return
        self._unassign(key)
        del self._entries[key]
        shares = self._shared.pop(id(entry.state)) - 1
        if shares:
            self._shared[id(entry.state)] = shares
        self.bytes -= ENTRY_BYTES + (0 if shares else entry.size)


def frame_bytes(clip: vs.VideoNode) -> int:
    """What the planes of one frame of `clip` take."""
    luma: int = clip.width * clip.height * clip.format.bytes_per_sample
    chroma: int = luma >> (clip.format.subsampling_w + clip.format.subsampling_h)
    planes: int = clip.format.num_planes
    return luma + (planes - 1) * chroma


class FrameCache:
    """The last input frames, by reference, so that the warm-up of the next chain need not ask for them again."""

    def __init__(self, frame_bytes: int, budget: int) -> None:
        self.frame_bytes = frame_bytes
        self.most = max(1, budget // max(frame_bytes, 1))
        self._frames: OrderedDict[int, vs.VideoFrame] = OrderedDict()

    @property
    def bytes(self) -> int:
        """What the frames kept take."""
        return len(self._frames) * self.frame_bytes

    def __contains__(self, k: object) -> bool:
        return k in self._frames

    def get(self, k: int) -> vs.VideoFrame | None:
        """Frame k, if it is kept."""
        return self._frames.get(k)

    def put(self, k: int, frame: vs.VideoFrame) -> None:
        """Keep frame k as the one that arrived last; `shrink` is what drops others."""
        self._frames[k] = frame
        self._frames.move_to_end(k)

    def shrink(self, count: int, *, least: int = 1) -> None:
        """Keep the `count` frames that arrived last, or as many as the budget holds, but `least`."""
        while len(self._frames) > max(least, min(count, self.most)):
            self._frames.popitem(last=False)

    def clear(self) -> None:
        """Let go of all frames."""
        self._frames.clear()


class FlagStore:
    """Scene flags of frames, in pages of bytes; the pages written longest ago are forgotten."""

    PAGE = 4096
    MOST_PAGES = 256

    def __init__(self) -> None:
        self._pages: OrderedDict[int, bytearray] = OrderedDict()

    def get(self, k: int) -> bool | None:
        """Whether a scene starts at frame k; None where that is not known."""
        page = self._pages.get(k // self.PAGE)
        value = page[k % self.PAGE] if page is not None else 0
        return None if value == 0 else value == 2

    def put(self, k: int, cut: bool) -> None:
        """Note whether a scene starts at frame k."""
        number = k // self.PAGE
        page = self._pages.get(number)
        if page is None:
            page = self._pages[number] = bytearray(self.PAGE)
            if len(self._pages) > self.MOST_PAGES:
                self._pages.popitem(last=False)
        page[k % self.PAGE] = 1 + cut
