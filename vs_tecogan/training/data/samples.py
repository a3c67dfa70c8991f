"""Training samples as a pure function of (seed, iteration, position in the batch).

Nothing is shuffled and nothing is remembered: the place in the data is the iteration number. So a resumed run, a run on
more processes or one with other workers sees exactly the same samples.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ...degrade import BlurDown, Degradation
from ...errors import TrainingError
from .augment import (
    LEAST_DETAIL,
    Augmentation,
    Pixels,
    crop,
    detail,
    flip_and_rotate,
    moving_path,
    random_blur,
    random_position,
    resize_area,
    shuffle_channels,
)
from .camera import camera_motion
from .faulty_target import Inner, faulty_target
from .shapes import moving_shapes
from .store import Store, StoredClip

TRIES = 8
"""Windows tried at most for a sample that must show detail; the last is taken as it is."""


@dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """Shape of a sample and how it is made."""

    scale: int
    crop: int
    """Side of the LR crop."""
    seed: int
    augmentation: Augmentation
    degradation: Degradation | None
    """``None`` takes the LR frames of the store."""
    teacher_forcing_prob: float = 0.0
    """Probability that the second frame finds a part of the first original in its past, uniform from 0 to 1."""
    centred: bool = False
    """Given LR frames sit at half-pixel centres, so that flips keep the pair aligned by themselves."""
    full_strength_prob: float | None = None
    """Samples carry a strength: 1 with this probability, else uniform from 0 to 1; see :mod:`.faulty_target`.
    ``None``: they carry none."""


@dataclass(frozen=True)
class SampleIndex:
    """Which sample."""

    iteration: int
    position: int
    """Index in the global batch."""
    frames: int


Sample = tuple[Tensor, ...]
"""LR (T, h, w, 3) float32 in [0, 1], HR (T, sh, sw, 3) uint8, teacher forcing () float32 in [0, 1]; then strength (),
float32 in [0, 1], where samples carry one."""


class Samples(Dataset[Sample]):
    """Makes samples from the training clips of a store.

    :raises TrainingError: no clip is long and large enough; stills are wanted and there is none, or with given pairs;
        LR frames are wanted and absent or of another scale.
    """

    def __init__(self, store: Store, options: SampleOptions, longest: int) -> None:
        self._store, self._options = store, options
        margin = options.degradation.margin(options.scale) if options.degradation else self._pair_margin()
        self._margin = margin
        self._side = options.crop * options.scale + 2 * margin
        clips = store.clips("train")
        self._summed: dict[int, npt.NDArray[np.int64]] = {}
        self._clips = [c for c in clips if c.frames >= longest and min(c.height, c.width) >= self._side]
        if not self._clips and options.augmentation.still_prob < 1:
            raise TrainingError(
                f"{store.folder}: none of {len(clips)} training clips has {longest} frames of at least "
                f"{self._side}x{self._side} pixels (crop {options.crop} x scale {options.scale} + margin {margin}); "
                "lower frames or crop, or prepare with less downscaling"
            )
        self._stills = [c for c in clips if c.frames == 1 and min(c.height, c.width) >= self._side]
        if options.augmentation.still_prob > 0 and not self._stills:
            raise TrainingError(
                f"{store.folder}: still_prob {options.augmentation.still_prob:g}, but the store holds no still of "
                f"{self._side}x{self._side} pixels or more; add some by vs-tecogan prepare --stills"
            )
        if options.degradation is None:
            self._check_pairs()

    def _check_pairs(self) -> None:
        if self._options.augmentation.still_prob > 0:
            raise TrainingError("still_prob with degradation 'pairs': stills have no LR partner; use still_prob 0")
        for clip in self._clips:
            if not clip.lr_file:
                raise TrainingError(f"{self._store.folder}: degradation 'pairs', but the store has no LR frames")
            factor = clip.height / self._store.lr(clip).shape[1]
            if factor != self._options.scale:
                raise TrainingError(f"{clip.lr_file}: LR is {factor:g} times smaller, scale is {self._options.scale}")

    def __len__(self) -> int:
        """Number of distinct windows of the shortest kind; informative only."""
        return sum(c.frames for c in self._clips)

    def __getitem__(self, index: SampleIndex) -> Sample:
        """Make a sample."""
        options = self._options
        lr, window, inner = self._pictures(index)
        # A stream of its own, as below.
        rng = np.random.default_rng([options.seed, index.iteration, index.position, 4])
        forced = rng.random() < options.teacher_forcing_prob
        forcing = torch.tensor(rng.random() if forced else 0.0, dtype=torch.float32)
        hr = np.ascontiguousarray(inner.of(window))
        if options.full_strength_prob is None:
            return torch.from_numpy(lr), torch.from_numpy(hr), forcing
        rng = np.random.default_rng([options.seed, index.iteration, index.position, 9])
        strength = 1.0 if rng.random() < options.full_strength_prob else float(rng.random())
        if strength < 1:
            hr = faulty_target(lr, window, inner, options.scale, strength)
        return torch.from_numpy(lr), torch.from_numpy(hr), forcing, torch.tensor(strength, dtype=torch.float32)

    def _pictures(self, index: SampleIndex) -> tuple[npt.NDArray[np.float32], Pixels, Inner]:
        """LR, HR with a margin, and where in that the part lies that belongs to LR."""
        options = self._options
        rng = np.random.default_rng([options.seed, index.iteration, index.position])
        # A stream of its own: the probabilities of unusual samples change nothing about the others.
        unusual = np.random.default_rng([options.seed, index.iteration, index.position, 2])
        if options.degradation is None:
            lr, hr, lattice = self._footage(index, rng)
            lr, hr = shuffle_channels(unusual, options.augmentation, lr, hr)
            return lr.astype(np.float32) / np.float32(255), hr, self._inner(lattice)
        if unusual.random() < options.augmentation.synthetic_prob:
            window = moving_shapes(unusual, index.frames, self._side)
        else:
            (window,) = shuffle_channels(unusual, options.augmentation, *self._footage(index, rng))
            # A stream of its own once more.
            blurred = np.random.default_rng([options.seed, index.iteration, index.position, 6])
            if blurred.random() < options.augmentation.random_blur_prob:
                window = random_blur(blurred, window, options.augmentation.random_blur_sigma)
        low = options.degradation(window.astype(np.float32) / np.float32(255), options.scale, rng)
        inner = Inner(top=self._margin, left=self._margin, side=options.crop * options.scale)
        return np.ascontiguousarray(low), window, inner

    def _footage(self, index: SampleIndex, rng: np.random.Generator) -> tuple[Pixels, ...]:
        """HR with its margin; or LR, HR and its lattice. Tried again while it shows less detail than wanted."""
        options = self._options
        # Again a stream of its own.
        chance = np.random.default_rng([options.seed, index.iteration, index.position, 3]).random()
        wanted = LEAST_DETAIL if chance < options.augmentation.detail_prob else 0.0
        # And again.
        still = np.random.default_rng([options.seed, index.iteration, index.position, 5]).random()
        chance = np.random.default_rng([options.seed, index.iteration, index.position, 7]).random()
        camera = chance < options.augmentation.camera_motion_prob
        chance = np.random.default_rng([options.seed, index.iteration, index.position, 8]).random()
        stride = 2 if chance < options.augmentation.double_speed_prob else 1
        chance = np.random.default_rng([options.seed, index.iteration, index.position, 11]).random()
        standing = chance < options.augmentation.standing_prob
        for _ in range(TRIES):
            if still < options.augmentation.still_prob:
                window: tuple[Pixels, ...] = (self._still(index.frames, rng, camera=camera, standing=standing),)
            else:
                window = self._clip_window(index, rng, stride, standing=standing)
            if wanted <= 0 or detail(window[len(window) > 1][0]) >= wanted:
                break
        return window

    def _clip_window(
        self, index: SampleIndex, rng: np.random.Generator, stride: int, *, standing: bool
    ) -> tuple[Pixels, ...]:
        frames = index.frames
        windows = self._windows(span_of(frames, stride))
        if not windows[-1]:  # no clip is as long as that
            stride, windows = 1, self._windows(frames)
        start = int(rng.integers(0, windows[-1]))
        number = int(np.searchsorted(windows, start, side="right"))
        first = start - (int(windows[number - 1]) if number else 0)
        moments = first + stride * np.arange(frames)
        if self._options.degradation is None:
            clip = self._clips[number]
            # Again a stream of its own.
            other = np.random.default_rng([self._options.seed, index.iteration, index.position, 10])
            version = int(other.integers(0, 1 + len(clip.more_lr)))
            return self._pair(clip, moments, rng, version, standing=standing)
        return (self._window(self._clips[number], moments, rng, standing=standing),)

    def _windows(self, frames: int) -> npt.NDArray[np.int64]:
        """How many windows of a length the clips up to each one have; summed once per length."""
        if frames not in self._summed:
            self._summed[frames] = np.cumsum([max(c.frames - frames + 1, 0) for c in self._clips])
        return self._summed[frames]

    def _still(self, frames: int, rng: np.random.Generator, *, camera: bool, standing: bool) -> Pixels:
        clip = self._stills[int(rng.integers(0, len(self._stills)))]
        if not camera:
            return self._window(clip, np.zeros(frames, np.int64), rng, standing=standing)
        side = self._wide(clip, rng)
        speed = self._options.augmentation.camera_speed
        window = camera_motion(rng, self._store.hr(clip)[0], frames, side, side / self._side, speed)
        return flip_and_rotate(rng, self._options.augmentation, resize_area(window, self._side))[0]

    def _wide(self, clip: StoredClip, rng: np.random.Generator) -> int:
        """Side of a window before it is made smaller, which goes no further than the clip reaches."""
        factors = self._options.augmentation.random_scale
        return min(round(self._side / rng.uniform(*factors)), clip.height, clip.width) if factors else self._side

    def _window(
        self, clip: StoredClip, moments: npt.NDArray[np.int64], rng: np.random.Generator, *, standing: bool
    ) -> Pixels:
        augmentation = self._options.augmentation
        side = self._wide(clip, rng)
        path = np.zeros((len(moments), 2), np.int64)
        if rng.random() < augmentation.moving_first_frame_prob or clip.frames == 1:
            path = moving_path(rng, len(moments), augmentation.moving_first_frame_steps) * (not standing)
            moments = np.full_like(moments, moments[0])
        path = random_position(rng, path, (clip.height - side, clip.width - side))
        window = resize_area(crop(self._store.hr(clip), moments, path, side), self._side)
        return flip_and_rotate(rng, augmentation, window)[0]

    def _pair_margin(self) -> int:
        """HR pixels about a given pair: room for the grid of a mirrored one, and for the blur of a clean LR."""
        options = self._options
        augmentation, scale = options.augmentation, options.scale
        mirrored = not options.centred and (augmentation.flip != "none" or augmentation.rotate)
        blur = 0 if options.full_strength_prob is None else BlurDown().margin(scale)
        return -(-((scale - 1) * mirrored + blur) // scale) * scale

    def _pair(
        self,
        clip: StoredClip,
        moments: npt.NDArray[np.int64],
        rng: np.random.Generator,
        version: int,
        *,
        standing: bool,
    ) -> tuple[Pixels, ...]:
        """LR, HR with its margin, and the lattice of LR pixels on that; turned and mirrored together."""
        scale, augmentation, margin = self._options.scale, self._options.augmentation, self._margin
        path = np.zeros((len(moments), 2), np.int64)
        if rng.random() < augmentation.moving_first_frame_prob:
            path = moving_path(rng, len(moments), augmentation.moving_first_frame_steps, unit=scale) * (not standing)
            moments = np.full_like(moments, moments[0])
        path = random_position(rng, path, (clip.height - self._side, clip.width - self._side), unit=scale)
        hr = crop(self._store.hr(clip), moments, path, self._side)
        lr = crop(self._store.lr(clip, version), moments, (path + margin) // scale, self._options.crop)
        lattice = np.zeros((1, self._side, self._side, 1), np.uint8)
        lattice[:, ::scale, ::scale] = 1
        return tuple(flip_and_rotate(rng, augmentation, lr, hr, lattice))

    def _inner(self, lattice: Pixels) -> Inner:
        """Where HR of a given pair lies in its window.

        Mirrored, a pair on the corner grid lies ``scale - 1`` HR pixels beside its place: the lattice tells.
        """
        rows, columns = (0, 0) if self._options.centred else np.argwhere(lattice[0, ..., 0])[0]
        side = self._options.crop * self._options.scale
        return Inner(top=self._margin + int(rows), left=self._margin + int(columns), side=side)


def span_of(frames: int, stride: int) -> int:
    """Frames from the first to the last of ``frames`` that lie ``stride`` apart."""
    return stride * (frames - 1) + 1
