"""Training samples as a pure function of (seed, iteration, place in the batch).

Nothing is shuffled and nothing is remembered: the position in the data is the iteration number. So a resumed run, a run
on more processes or one with other workers sees exactly the same samples.
"""

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from ..degrade import Degradation
from ..errors import TrainingError
from ..reasons import reason
from .augmentation import Augmentation, Pixels, cut, detail, moving_path, permute, place, shrink, soften, turn
from .camera import film
from .shapes import moving_shapes
from .store import Clip, Store

DEPTH = 4
"""Batches that a worker prepares ahead."""
TRIES = 8
"""Windows drawn at most for a sample that is to show detail; the last is taken as it is."""
GRACE = 60.0
"""Seconds that a worker lives on after SIGTERM; one iteration should not take longer."""


@dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """Shape of a sample and how it is drawn."""

    scale: int
    crop: int
    """Side of the LR crop."""
    seed: int
    augmentation: Augmentation
    degradation: Degradation | None
    """``None`` takes the LR frames of the store."""
    forcing_share: float = 0.0
    """Share of samples whose second frame finds a part of the first original in its past, evenly drawn from 0 to 1."""
    centred: bool = False
    """Given LR frames sit at half-pixel centres, so that flips keep the pair aligned."""


@dataclass(frozen=True)
class Ticket:
    """One sample to draw."""

    iteration: int
    place: int
    """Index in the global batch."""
    frames: int


Item = tuple[Tensor, Tensor, Tensor]
"""LR (T, h, w, 3) float32 in [0, 1], HR (T, sh, sw, 3) uint8, teacher forcing () float32 in [0, 1]."""


class Samples(Dataset[Item]):
    """Draws samples from the training clips of a store.

    :raises TrainingError: no clip is long and large enough; stills are wanted and there is none, or with given pairs;
        LR frames are wanted and absent or of another scale.
    """

    def __init__(self, store: Store, options: SampleOptions, longest: int) -> None:
        self._store, self._options = store, options
        margin = options.degradation.margin(options.scale) if options.degradation else 0
        self._margin = margin
        self._side = options.crop * options.scale + 2 * margin
        clips = store.clips("train")
        self._clips = [c for c in clips if c.frames >= longest and min(c.height, c.width) >= self._side]
        if not self._clips and options.augmentation.still_share < 1:
            raise TrainingError(
                f"{store.folder}: none of {len(clips)} training clips has {longest} frames of at least "
                f"{self._side}x{self._side} pixels (crop {options.crop} x scale {options.scale} + margin {margin}); "
                "lower frames or crop, or prepare with less downscaling"
            )
        self._stills = [c for c in clips if c.frames == 1 and min(c.height, c.width) >= self._side]
        if options.augmentation.still_share > 0 and not self._stills:
            raise TrainingError(
                f"{store.folder}: still_share {options.augmentation.still_share:g}, but the store holds no still of "
                f"{self._side}x{self._side} pixels or more; add some with vs-tecogan prepare --stills"
            )
        if options.degradation is None:
            self._check_pairs()

    def _check_pairs(self) -> None:
        if self._options.augmentation.still_share > 0:
            raise TrainingError("still_share with degradation 'pairs': stills have no LR partner; use still_share 0")
        for clip in self._clips:
            if not clip.lr_file:
                raise TrainingError(f"{self._store.folder}: degradation 'pairs', but the store has no LR frames")
            factor = clip.height / self._store.lr(clip).shape[1]
            if factor != self._options.scale:
                raise TrainingError(f"{clip.lr_file}: LR is {factor:g} times smaller, scale is {self._options.scale}")

    def __len__(self) -> int:
        """Number of distinct windows of the shortest kind; informative only."""
        return sum(c.frames for c in self._clips)

    def __getitem__(self, ticket: Ticket) -> Item:
        """Draw a sample."""
        options = self._options
        lr, hr = self._pictures(ticket)
        # A stream of its own, as below.
        rng = np.random.default_rng([options.seed, ticket.iteration, ticket.place, 4])
        forced = rng.random() < options.forcing_share
        return lr, hr, torch.tensor(rng.random() if forced else 0.0, dtype=torch.float32)

    def _pictures(self, ticket: Ticket) -> tuple[Tensor, Tensor]:
        options = self._options
        rng = np.random.default_rng([options.seed, ticket.iteration, ticket.place])
        # A stream of its own: the shares of unusual samples change nothing about the others.
        unusual = np.random.default_rng([options.seed, ticket.iteration, ticket.place, 2])
        if options.degradation is None:
            lr, hr = permute(unusual, options.augmentation, *self._filmed(ticket, rng))
            return torch.from_numpy(lr.astype(np.float32) / np.float32(255)), torch.from_numpy(hr)
        if unusual.random() < options.augmentation.synthetic_share:
            window = moving_shapes(unusual, ticket.frames, self._side)
        else:
            (window,) = permute(unusual, options.augmentation, *self._filmed(ticket, rng))
            # A stream of its own once more.
            soft = np.random.default_rng([options.seed, ticket.iteration, ticket.place, 6])
            if soft.random() < options.augmentation.soft_share:
                window = soften(soft, window, options.augmentation.soft_sigma)
        low = options.degradation(window.astype(np.float32) / np.float32(255), options.scale, rng)
        inner = slice(self._margin, -self._margin or None)
        return torch.from_numpy(np.ascontiguousarray(low)), torch.from_numpy(window[:, inner, inner].copy())

    def _filmed(self, ticket: Ticket, rng: np.random.Generator) -> tuple[Pixels, ...]:
        """HR with its margin, or LR and HR; drawn again while it shows less detail than wanted."""
        options = self._options
        # Again a stream of its own.
        chance = np.random.default_rng([options.seed, ticket.iteration, ticket.place, 3]).random()
        wanted = options.augmentation.detail if chance < options.augmentation.detail_share else 0.0
        # And again.
        still = np.random.default_rng([options.seed, ticket.iteration, ticket.place, 5]).random()
        chance = np.random.default_rng([options.seed, ticket.iteration, ticket.place, 7]).random()
        camera = chance < options.augmentation.camera_share
        for _ in range(TRIES):
            if still < options.augmentation.still_share:
                drawn: tuple[Pixels, ...] = (self._still(ticket.frames, rng, camera=camera),)
            else:
                drawn = self._draw(ticket.frames, rng)
            if wanted <= 0 or detail(drawn[-1][0]) >= wanted:
                break
        return drawn

    def _draw(self, frames: int, rng: np.random.Generator) -> tuple[Pixels, ...]:
        windows = np.cumsum([max(c.frames - frames + 1, 0) for c in self._clips])
        drawn = int(rng.integers(0, windows[-1]))
        number = int(np.searchsorted(windows, drawn, side="right"))
        first = drawn - (int(windows[number - 1]) if number else 0)
        moments = np.arange(first, first + frames)
        if self._options.degradation is None:
            return self._pair(self._clips[number], moments, rng)
        return (self._window(self._clips[number], moments, rng),)

    def _still(self, frames: int, rng: np.random.Generator, *, camera: bool) -> Pixels:
        clip = self._stills[int(rng.integers(0, len(self._stills)))]
        if not camera:
            return self._window(clip, np.zeros(frames, np.int64), rng)
        side = self._wide(clip, rng)
        window = film(rng, self._store.hr(clip)[0], frames, side, side / self._side)
        return turn(rng, self._options.augmentation, shrink(window, self._side))[0]

    def _wide(self, clip: Clip, rng: np.random.Generator) -> int:
        """Side of a window before the zoom, which goes no further than the clip reaches."""
        zoom = self._options.augmentation.zoom
        return min(round(self._side / rng.uniform(*zoom)), clip.height, clip.width) if zoom else self._side

    def _window(self, clip: Clip, moments: npt.NDArray[np.int64], rng: np.random.Generator) -> Pixels:
        augmentation = self._options.augmentation
        side = self._wide(clip, rng)
        path = np.zeros((len(moments), 2), np.int64)
        if rng.random() < augmentation.moving_share or clip.frames == 1:
            path = moving_path(rng, len(moments), augmentation.moving_steps)
            moments = np.full_like(moments, moments[0])
        path = place(rng, path, (clip.height - side, clip.width - side))
        window = shrink(cut(self._store.hr(clip), moments, path, side), self._side)
        return turn(rng, augmentation, window)[0]

    def _pair(self, clip: Clip, moments: npt.NDArray[np.int64], rng: np.random.Generator) -> tuple[Pixels, Pixels]:
        scale, augmentation = self._options.scale, self._options.augmentation
        path = np.zeros((len(moments), 2), np.int64)
        if rng.random() < augmentation.moving_share:
            path = moving_path(rng, len(moments), augmentation.moving_steps, unit=scale)
            moments = np.full_like(moments, moments[0])
        path = place(rng, path, (clip.height - self._side, clip.width - self._side), unit=scale)
        hr = cut(self._store.hr(clip), moments, path, self._side)
        lr = cut(self._store.lr(clip), moments, path // scale, self._options.crop)
        if not self._options.centred:
            # A mirrored pair on the corner grid would be shifted by scale - 1 HR pixels.
            augmentation = replace(augmentation, flip="none", rotate=False)
        lr, hr = turn(rng, augmentation, lr, hr)
        return lr, hr


@dataclass(frozen=True, kw_only=True)
class Share:
    """Which part of each global batch this process draws."""

    batch: int
    """Global batch: samples an optimiser step."""
    accumulate: int = 1
    """Micro-batches a process divides its part into."""
    rank: int = 0
    world: int = 1

    def places(self, micro: int) -> range:
        """Indices in the global batch of one micro-batch of this process."""
        size = self.batch // (self.world * self.accumulate)
        start = (self.rank * self.accumulate + micro) * size
        return range(start, start + size)


class Tickets(Sampler[list[Ticket]]):
    """Endless micro-batches of tickets from an iteration on."""

    def __init__(self, start: int, share: Share, curriculum: "Curriculum") -> None:
        self._start, self._share, self._curriculum = start, share, curriculum

    def __iter__(self) -> Iterator[list[Ticket]]:
        """Micro-batches in the order in which the loop uses them."""
        iteration = self._start
        while True:
            frames = self._curriculum.drawn(iteration)
            for micro in range(self._share.accumulate):
                yield [Ticket(iteration, place, frames) for place in self._share.places(micro)]
            iteration += 1


@dataclass(frozen=True)
class Curriculum:
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
        """Frames before those: none in even iterations, evenly drawn from 1 to the longest in odd ones."""
        if not self.longest_burn_in or iteration % 2 == 0:
            return 0
        return int(np.random.default_rng([self.seed, iteration]).integers(1, self.longest_burn_in + 1))

    def drawn(self, iteration: int) -> int:
        """Frames of the samples of an iteration."""
        return self.frames(iteration) + self.burn_in(iteration)

    @property
    def longest(self) -> int:
        """Most frames that are ever asked for."""
        return max(frames for _, frames in self.steps) + self.longest_burn_in


def batches(samples: Dataset[Any], tickets: Sampler[Any], workers: int, *, pin: bool) -> Iterator[tuple[Tensor, ...]]:
    """Micro-batches of what ``samples`` draws, stacked, prepared ahead by ``workers``.

    Of :class:`Samples`: LR (N, T, h, w, 3) float32, HR (N, T, sh, sw, 3) uint8 and forcing (N,) float32.
    """
    loader = DataLoader(
        samples,
        batch_sampler=tickets,
        num_workers=workers,
        pin_memory=pin,
        prefetch_factor=DEPTH if workers else None,
        worker_init_fn=_quiet_worker,
        # A fork of a process with torch's threads in it may deadlock.
        multiprocessing_context="spawn" if workers else None,
    )
    try:
        yield from loader
    except TrainingError as error:
        # From a worker it arrives with the worker's whole traceback around it.
        raise TrainingError(str(error).strip().splitlines()[-1].removeprefix(f"{_NAME}: ")) from error
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise TrainingError(f"a process that draws samples died ({reason(error)}); use fewer workers") from error


_NAME = f"{TrainingError.__module__}.{TrainingError.__qualname__}"


def _quiet_worker(_: int) -> None:
    import cv2

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
