"""Streams that no other engine has."""

import threading
from typing import Any

import torch


class OwnStreams:
    """Lends streams, one user each at a time.

    Torch hands out 32 streams per device in turn, and then the same ones again: two engines on one stream would wait
    for each other, and work of one would land in a graph that the other captures. A stream is never destroyed, because
    torch's allocator remembers those that used a tensor for as long as the tensor lives; it is lent again.
    """

    _lock = threading.Lock()
    _idle: dict[torch.device, list[Any]] = {}  # noqa: RUF012  # of the process, as CUDA's streams are

    @classmethod
    def take(cls, device: torch.device) -> Any:
        """A ``torch.cuda.Stream`` that nobody else uses; :param device: with an index."""
        with cls._lock:
            if idle := cls._idle.get(device):
                return idle.pop()
        return _new(device)

    @classmethod
    def give(cls, device: torch.device, streams: list[Any]) -> None:
        """Hand streams back; work that they still hold runs before that of the next user."""
        with cls._lock:
            cls._idle.setdefault(device, []).extend(streams)


def _new(device: torch.device) -> Any:
    import cupy  # of the extra cuda; torch has no call that makes a stream of its own

    with torch.cuda.device(device):
        handle = cupy.cuda.runtime.streamCreateWithFlags(cupy.cuda.runtime.streamNonBlocking)
    return torch.cuda.ExternalStream(handle, device)  # type: ignore[no-untyped-call]
