"""Pairs of frames whose motion is known everywhere: cut from real frames, moved by a random affine field.

A picture turns, grows and slides; in front of it, in most pairs, a patch of another picture slides by itself. So there
are large areas of smooth motion, edges between two motions, and areas that one frame hides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ...degrade import BicubicDown, BlurDown
from ...errors import TrainingError
from .augment import Pixels, resize_area
from .degrade import Realistic
from .flow_teacher import dis_flow
from .samples import SampleIndex, SampleOptions, Samples
from .store import Store, StoredClip

Flow = npt.NDArray[np.float32]
"""(H, W, 2): x and y displacement, pixels of its own raster."""

FOREGROUND_PROB = 0.6
"""Probability of a patch that moves by itself."""
FOREGROUND_REACH = 0.7
"""Its largest displacement along each axis, as a share of the reach."""
AFFINE_SPREAD = 0.004
"""Standard deviation of angle (radians) and growth, for each LR pixel of reach."""
TEXTURE = 18.0
"""Standard deviation, in 8-bit levels, below which a crop is drawn again: in a flat one no motion is to be seen."""
TRIES = 8
ROOM = 8
"""LR pixels of picture beyond the crop on each side, from which content moves in."""
EVERY = 3
"""Every so many-th pair of a batch is a real one, of neighbouring frames with unknown motion."""
FARTHEST = 3
"""Frames that lie between those of a real pair, at most, where a teacher tells its motion."""

FlowSample = tuple[Tensor, Tensor, Tensor, bool]
"""Current and previous LR (h, w, 3) in [0, 1], flow (h, w, 2) in LR pixels, and whether that flow is known; that of
a real pair is its teacher's, or 0 without one."""


@dataclass(frozen=True)
class FlowIndex:
    """Which pair."""

    iteration: int
    position: int
    """Index in the global batch."""
    reach: float
    """Largest displacement of a picture's centre, LR pixels."""


class FlowSamples(Dataset[FlowSample]):
    """Draws pairs from the training clips of a store; a pure function of seed and index, as all samples are.

    LR is made as in the run, but by plain BD where the run's degradation is realistic or LR comes from the store.

    :param teacher: tell the motion of real pairs by :func:`~vs_tecogan.training.data.flow_teacher.dis_flow`.
    :raises TrainingError: no clip is large enough, or no rule without chance stands for the run's degradation.
    """

    def __init__(self, store: Store, options: SampleOptions, *, teacher: bool = False) -> None:
        rule = options.degradation
        self._rule = plain_rule(options)
        self._store, self._options = store, options
        still = replace(options.augmentation, moving_first_frame_prob=0.0, still_prob=0.0, synthetic_prob=0.0)
        degradation = None if rule is None else self._rule
        self._farthest = FARTHEST if teacher else 0
        self._real = Samples(store, replace(options, augmentation=still, degradation=degradation), 2 + self._farthest)
        self._side = options.crop * options.scale + 2 * self._rule.margin(options.scale)
        clips = [c for c in store.clips("train") if min(c.height, c.width) >= self._side]
        self._stills = [c for c in clips if c.frames == 1] if options.augmentation.still_prob else []
        self._clips = [c for c in clips if c.frames > 1] or self._stills
        if not self._clips:
            raise TrainingError(
                f"{store.folder}: no training clip has the {self._side}x{self._side} pixels that known motion is cut "
                f"from (crop {options.crop} x scale {options.scale} + margins)"
            )
        self._ends = np.cumsum([c.frames for c in self._clips])

    def __getitem__(self, index: FlowIndex) -> FlowSample:
        """Draw one pair: two of three are synthetic, the third is real."""
        if index.position % EVERY == EVERY - 1:
            return self._real_pair(index)
        rng = np.random.default_rng([self._options.seed, index.iteration, index.position, 1])
        background = self._picture(rng)
        foreground = self._picture(rng) if rng.random() < FOREGROUND_PROB else None
        scale = self._options.scale
        current, previous, flow = moving_pair(rng, background, foreground, index.reach * scale, scale)
        lr, low = self._degrade(current, previous, flow, rng)
        return torch.from_numpy(lr[0]), torch.from_numpy(lr[1]), torch.from_numpy(low), True

    def _real_pair(self, index: FlowIndex) -> FlowSample:
        """Two frames of a clip; with a teacher up to ``FARTHEST`` lie between them, as footage moves too little."""
        crop = self._options.crop
        if not self._farthest:
            lr, _, _ = self._real[SampleIndex(index.iteration, index.position, 2)]
            return lr[1], lr[0], torch.zeros(crop, crop, 2), False
        rng = np.random.default_rng([self._options.seed, index.iteration, index.position, 3])
        # Neighbours are what FNet will see: half of the pairs.
        frames = 2 + max(0, int(rng.integers(-self._farthest + 1, self._farthest + 1)))
        lr, hr, _ = self._real[SampleIndex(index.iteration, index.position, frames)]
        flow = dis_flow(
            hr[-1].numpy(), hr[0].numpy(), self._options.scale, centred=not isinstance(self._rule, BlurDown)
        )
        return lr[-1], lr[0], torch.from_numpy(flow), False

    def _picture(self, rng: np.random.Generator) -> Pixels:
        """A crop with room around it, mirrored and transposed at random."""
        picture = np.zeros((1, 1, 3), np.uint8)
        for _ in range(TRIES):
            picture = self._window(*self._moment(rng), rng)
            if picture.std() >= TEXTURE:
                break
        mirror = rng.random(3) < 0.5
        picture = picture[:: -1 if mirror[0] else 1, :: -1 if mirror[1] else 1]
        return np.ascontiguousarray(picture.transpose(1, 0, 2) if mirror[2] else picture)

    def _moment(self, rng: np.random.Generator) -> tuple[StoredClip, int]:
        """Any frame of the footage, or, in the run's share, a still."""
        if self._stills and rng.random() < self._options.augmentation.still_prob:
            return self._stills[int(rng.integers(0, len(self._stills)))], 0
        drawn = int(rng.integers(0, self._ends[-1]))
        number = int(np.searchsorted(self._ends, drawn, side="right"))
        clip = self._clips[number]
        return clip, drawn - int(self._ends[number]) + clip.frames

    def _window(self, clip: StoredClip, moment: int, rng: np.random.Generator) -> Pixels:
        """A crop with room around it, made smaller by the run's zoom as far as the clip reaches."""
        wanted, most = self._side + 2 * ROOM * self._options.scale, min(clip.height, clip.width)
        zoom = self._options.augmentation.random_scale
        side = min(round(wanted / rng.uniform(*zoom)) if zoom else wanted, most)
        y, x = (int(rng.integers(0, length - side + 1)) for length in (clip.height, clip.width))
        window = self._store.hr(clip)[moment : moment + 1, y : y + side, x : x + side]
        return np.asarray(resize_area(window, min(wanted, most))[0], np.uint8)

    def _degrade(
        self, current: Pixels, previous: Pixels, flow: Flow, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.float32], Flow]:
        """Central crop of both frames as LR (2, h, w, 3), and of the flow (h, w, 2) in LR pixels."""
        rest = len(current) - self._side
        inner = slice(rest // 2, rest // 2 + self._side)
        frames = np.stack([frame[inner, inner] for frame in (current, previous)])
        scale, margin = self._options.scale, self._rule.margin(self._options.scale)
        lr = self._rule(frames.astype(np.float32) / np.float32(255), scale, rng)
        field = flow[inner, inner][margin:-margin, margin:-margin] / np.float32(scale)
        if isinstance(self._rule, BlurDown):
            return lr, np.ascontiguousarray(field[::scale, ::scale])
        blocks = field.reshape(self._options.crop, scale, self._options.crop, scale, 2)
        return lr, np.ascontiguousarray(blocks.mean(axis=(1, 3), dtype=np.float32))


def plain_rule(options: SampleOptions) -> BlurDown | BicubicDown:
    """The rule without chance, on the pixel grid of the run's degradation, that makes LR of moved pictures.

    :raises TrainingError: the degradation is of another kind, so its pixel grid is not known.
    """
    rule = options.degradation
    if isinstance(rule, BlurDown | BicubicDown):
        return rule
    if rule is None:
        return BicubicDown() if options.centred else BlurDown()
    if isinstance(rule, Realistic):
        return BlurDown()
    raise TrainingError(
        f"degradation {type(rule).__name__}: flow pre-training knows no rule on its pixel grid; use flow_pretraining 0"
    )


def moving_pair(
    rng: np.random.Generator, background: Pixels, foreground: Pixels | None, reach: float, scale: int
) -> tuple[Pixels, Pixels, Flow]:
    """Two frames and the motion between them: ``current(p) == previous(p + flow(p))`` wherever it is visible in both.

    :param background: (S, S, 3) uint8, which becomes the previous frame.
    :param foreground: a picture of the same or another size, a patch of which moves by itself.
    :param reach: largest displacement of the centre, HR pixels.
    :return: current and previous frame, and the flow in HR pixels.
    """
    side = len(background)
    matrix = affine(rng, side, reach, reach / scale * AFFINE_SPREAD)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(background, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    current, previous = np.asarray(moved, np.uint8), background
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    flow = np.stack([row[0] * x + row[1] * y + row[2] - at for row, at in zip(matrix, (x, y), strict=True)], axis=-1)
    if foreground is None:
        return current, previous, flow
    limit = FOREGROUND_REACH * reach
    dx, dy = (round(v) for v in rng.uniform(-limit, limit, 2))
    mask = np.zeros((side, side), np.uint8)
    centre, axes = rng.integers(side // 4, side - side // 4, 2), rng.integers(side // 14, side // 3, 2)
    cv2.ellipse(mask, _ints(centre), _ints(axes), float(rng.uniform(0, 180)), 0, 360, 1, -1)
    patch = foreground if len(foreground) == side else cv2.resize(foreground, (side, side))
    here, there = mask[..., None] > 0, np.roll(mask, (dy, dx), (0, 1))[..., None] > 0
    current = np.where(here, patch, current)
    previous = np.where(there, np.roll(patch, (dy, dx), (0, 1)), previous)
    return current, previous, np.where(here, np.array([dx, dy], np.float32), flow)


def affine(rng: np.random.Generator, side: int, reach: float, spread: float) -> npt.NDArray[np.float32]:
    """A 2x3 matrix from current to previous coordinates: turn and growth about the centre, and a shift.

    The shift has a length uniform in [0, reach] and any direction.
    """
    length, direction = rng.uniform(0, reach), rng.uniform(0, 2 * np.pi)
    angle, growth = rng.normal(0, spread), 1 + rng.normal(0, spread)
    turn = growth * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.full(2, (side - 1) / 2)
    shift = centre - turn @ centre + length * np.array([np.cos(direction), np.sin(direction)])
    return np.concatenate([turn, shift[:, None]], axis=1).astype(np.float32)


def _ints(values: Sequence[int] | npt.NDArray[np.int64]) -> list[int]:
    return [int(v) for v in values]
