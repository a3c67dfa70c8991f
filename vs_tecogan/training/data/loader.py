"""Which samples a process needs, in which order, and processes that prepare them ahead."""

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from ...errors import TrainingError
from ...reasons import reason
from .samples import SampleIndex

DEPTH = 4
"""Batches that a worker prepares ahead."""
SHARED = Path("/dev/shm")
"""Where workers leave their batches, on Linux."""
GRACE = 60.0
"""Seconds that a worker lives on after SIGTERM; one iteration should not take longer."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The part of each global batch that this process makes."""

    batch: int
    """Global batch: samples per optimiser step."""
    rank: int = 0
    world: int = 1

    def positions(self) -> range:
        """Positions in the global batch."""
        size = self.batch // self.world
        return range(self.rank * size, (self.rank + 1) * size)


@dataclass(frozen=True)
class FrameCurriculum:
    """Sequence length by iteration: ``steps[k] = (first iteration, frames)``, in ascending order.

    With a burn-in every other iteration has frames before those, so that what is learned includes a past that has come
    a long way; the iterations between keep the start from nothing.
    """

    steps: tuple[tuple[int, int], ...]
    longest_burn_in: int = 0
    seed: int = 0

    def frames(self, iteration: int) -> int:
        """Frames of an iteration that losses look at."""
        return [frames for first, frames in self.steps if first <= iteration][-1]

    def burn_in(self, iteration: int) -> int:
        """Frames before those: none in even iterations, uniform from 1 to the longest in odd ones."""
        if not self.longest_burn_in or iteration % 2 == 0:
            return 0
        return int(np.random.default_rng([self.seed, iteration]).integers(1, self.longest_burn_in + 1))

    def total(self, iteration: int) -> int:
        """Frames of the samples of an iteration."""
        return self.frames(iteration) + self.burn_in(iteration)

    @property
    def longest(self) -> int:
        """Most frames that are ever asked for."""
        return max(frames for _, frames in self.steps) + self.longest_burn_in


class IndexSampler(Sampler[list[SampleIndex]]):
    """Endless lists of sample indices, one list per iteration, from an iteration on."""

    def __init__(self, start: int, shard: Shard, curriculum: FrameCurriculum) -> None:
        self._start, self._shard, self._curriculum = start, shard, curriculum

    def __iter__(self) -> Iterator[list[SampleIndex]]:
        """Batches in the order in which the loop uses them."""
        iteration = self._start
        while True:
            frames = self._curriculum.total(iteration)
            yield [SampleIndex(iteration, position, frames) for position in self._shard.positions()]
            iteration += 1


def batches(samples: Dataset[Any], indices: Sampler[Any], workers: int, *, pin: bool) -> Iterator[tuple[Tensor, ...]]:
    """Batches of ``samples``, stacked, prepared ahead by ``workers``.

    Of :class:`~.samples.Samples`: LR (N, T, h, w, 3) float32, HR (N, T, sh, sw, 3) uint8, teacher forcing (N,) float32.
    """
    loader = DataLoader(
        samples,
        batch_sampler=indices,
        num_workers=workers,
        pin_memory=pin,
        prefetch_factor=DEPTH if workers else None,
        worker_init_fn=_quiet_worker,
        # A fork of a process with torch's threads in it may deadlock.
        multiprocessing_context="spawn" if workers else None,
        generator=torch.Generator(),  # else it takes a number from torch's own, and a resumed run would see others
    )
    try:
        yield from loader
    except TrainingError as error:
        # From a worker it arrives with the worker's whole traceback before it, in one line.
        raise TrainingError(str(error).rpartition(f"{_NAME}: ")[2]) from error
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise TrainingError(why_it_died(error, workers)) from error


def why_it_died(error: RuntimeError, workers: int) -> str:
    """What torch's error on a lost worker means, and what to do."""
    if not any(sign in str(error) for sign in ("Bus error", "shared memory", "No space left")):
        return f"a process that makes samples died ({reason(error)}); use fewer workers"
    size = f" of {shutil.disk_usage(SHARED).total >> 20} MB" if SHARED.is_dir() else ""
    return (
        f"shared memory ({SHARED}{size}) is too small for {workers} workers; give the container more, as by docker run "
        "--shm-size 2g, or take --workers 1, or 0"
    )


_NAME = f"{TrainingError.__module__}.{TrainingError.__qualname__}"


def _quiet_worker(_: int) -> None:
    # Ctrl-C, systemd and batch systems signal all processes at once; the main process decides when the workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_late)
    # The workers are the parallelism; OpenCV's own threads would fight with the training step.
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _end_late(*_: object) -> None:
    """The main process wants to finish its iteration; should it fail to end its workers, they end by themselves."""
    timer = threading.Timer(GRACE, os._exit, (1,))
    timer.daemon = True
    timer.start()
