"""Where a training sample is cropped from a clip, and how it is flipped, rotated, scaled and blurred."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
LEAST_DETAIL = 5.0
"""8-bit levels; see :func:`detail`. Crops of sky and asphalt teach next to nothing."""

Path2D = npt.NDArray[np.int64]
"""(T, 2): row and column of the crop in each frame."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Augmentation as published, with the switches of both published trainers."""

    flip: Literal["none", "horizontal", "axis"] = "horizontal"
    """``horizontal`` with p = 1/2 (official); ``axis``: none, vertical or horizontal, 1/3 each (TecoGAN-PyTorch)."""
    time_flip: bool = False
    """Play backwards with p = 1/2 (TecoGAN-PyTorch)."""
    rotate: bool = False
    """Rotate by a multiple of 90 degrees (TecoGAN-PyTorch)."""
    moving_first_frame_prob: float = 0.3
    """Probability that all frames are moving crops of the first one: motion whose flow is exactly known."""
    moving_first_frame_steps: Literal["official", "unbiased"] = "official"
    """See :func:`moving_path`."""
    standing_prob: float = 0.0
    """Of moving crops of one frame, the share that does not move: a picture that stands still must stay as it is."""
    still_prob: float = 0.0
    """Probability that a sample is a moving crop of a still, a clip that has one frame; not for given pairs."""
    camera_motion_prob: float = 0.0
    """Of those, probability of a simulated camera (:mod:`.camera`) instead."""
    camera_speed: float = 7.0
    """Largest mean speed of that camera, HR pixels per frame along a random direction."""
    double_speed_prob: float = 0.0
    """Probability that every other frame of a clip makes a sample, where the clip is long enough."""
    synthetic_prob: float = 0.0
    """Probability that a sample is synthetic (:mod:`.shapes`); never with given pairs."""
    channel_shuffle_prob: float = 0.0
    """Probability that the colour channels of a sample that is not synthetic change places."""
    random_scale: tuple[float, float] | None = None
    """Range of the factor, at most 1, by which a sample is made smaller before all else; not for given pairs."""
    detail_prob: float = 0.0
    """Probability that a sample must have the least :func:`detail`, ``LEAST_DETAIL``."""
    random_blur_prob: float = 0.0
    """Probability that a sample is blurred before all else, as by a lens out of focus; not for given pairs."""
    random_blur_sigma: tuple[float, float] = (0.4, 1.6)
    """Range of the standard deviation of that blur along each of its two axes, HR pixels."""


def moving_path(rng: np.random.Generator, frames: int, mode: str, unit: int = 1) -> Path2D:
    """Displacement of the crop in each frame, starting at 0, (frames, 2) HR pixels.

    ``official``: floor(U[-3.5, 4.5)) pixels a frame, that is -4..4 with half weight on both ends (TecoGAN
    ``lib/dataloader.py``). ``unbiased``: -4..4 with equal weights, and steps that keep their mean at zero for any
    ``unit``; TecoGAN-PyTorch's steps for BI, floor(U[-1.5, 1.5)), drift by half a pixel a frame.

    :param unit: HR pixels that a step must be a multiple of (given LR frames cannot move by less than one LR pixel).
    """
    shape = (frames - 1, 2)
    if unit > 1:
        reach = max(1, 4 // unit)
        steps = rng.integers(-reach, reach + 1, shape) * unit
    elif mode == "official":
        steps = np.floor(rng.uniform(-3.5, 4.5, shape)).astype(np.int64)
    else:
        steps = rng.integers(-4, 5, shape)
    return np.concatenate([np.zeros((1, 2), np.int64), np.cumsum(steps, axis=0)])


def random_position(rng: np.random.Generator, path: Path2D, room: tuple[int, int], unit: int = 1) -> Path2D:
    """Shift a path so that it lies inside ``room`` (free rows and columns), at a random position.

    Paths that are wider than the room are clamped to its edges.

    :param unit: positions are multiples of this.
    """
    limits = np.asarray(room)
    path = path - path.min(axis=0)
    free = np.maximum(limits - path.max(axis=0), 0) // unit
    start = rng.integers(0, free + 1) * unit
    result: Path2D = np.minimum(start + path, limits // unit * unit)
    return result


def crop(frames: Pixels, moments: npt.NDArray[np.int64], path: Path2D, size: int) -> Pixels:
    """Crop (size, size) at ``path[k]`` from frame ``moments[k]``: (T, size, size, 3)."""
    return np.stack([frames[t, y : y + size, x : x + size] for t, (y, x) in zip(moments, path, strict=True)])


def resize_area(frames: Pixels, size: int) -> Pixels:
    """Frames (T, H, W, 3) as (T, size, size, 3), by the mean over areas."""
    if frames.shape[1:3] == (size, size):
        return frames
    return np.stack([cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA) for frame in frames])


def gaussian(sigmas: tuple[float, float], angle: float) -> npt.NDArray[np.float32]:
    """Kernel of sum 1, of odd sides that hold three standard deviations.

    :param sigmas: along the first and the second axis, pixels, above 0.
    :param angle:  of the first axis to the rows of the picture, radians.
    """
    reach = max(1, int(np.ceil(3 * max(sigmas))))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kernel = np.exp(-((along / sigmas[0]) ** 2 + (across / sigmas[1]) ** 2) / 2)
    return np.asarray(kernel / kernel.sum(), np.float32)


def random_blur(rng: np.random.Generator, frames: Pixels, sigma: tuple[float, float]) -> Pixels:
    """Blur a clip (T, H, W, 3) by one Gaussian of random axes and angle: out of focus, or in motion.

    Samples made smaller are sharper than most footage, and a network that has seen no other draws texture into what
    is blurred.

    :param sigma: range of the standard deviation along each axis, pixels.
    """
    first, second = rng.uniform(*sigma, 2)
    kernel = gaussian((float(first), float(second)), float(rng.uniform(0, np.pi)))
    return np.stack([cv2.filter2D(frame, -1, kernel, borderType=cv2.BORDER_REFLECT_101) for frame in frames])


def flip_and_rotate(rng: np.random.Generator, options: Augmentation, *clips: Pixels) -> list[Pixels]:
    """Flip and rotate clips (T, H, W, 3) together; always takes the same random numbers, whatever is on."""
    flip, backwards, quarter = rng.integers(0, 6), rng.random() < 0.5, int(rng.integers(0, 4))
    axis = {"none": None, "horizontal": 2 if flip < 3 else None, "axis": (None, 1, 2)[flip % 3]}[options.flip]
    result = []
    for clip in clips:
        if axis is not None:
            clip = np.flip(clip, axis)
        if options.time_flip and backwards:
            clip = clip[::-1]
        if options.rotate:
            clip = np.rot90(clip, quarter, (1, 2))
        result.append(np.ascontiguousarray(clip))
    return result


def shuffle_channels(rng: np.random.Generator, options: Augmentation, *clips: Pixels) -> list[Pixels]:
    """Let the colour channels of clips (T, H, W, 3) change places, together, with the probability of the options."""
    if rng.random() >= options.channel_shuffle_prob:
        return list(clips)
    order = rng.permutation(3)
    return [np.take(clip, order, axis=-1) for clip in clips]


def detail(frame: Pixels) -> float:
    """Mean absolute difference of neighbours, of (H, W, 3) averaged over the channels; 8-bit levels."""
    grey = frame.mean(axis=2, dtype=np.float32)
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()) / 2
