"""Differentiable augmentation of what a discriminator sees, real and generated (DiffAugment, Zhao et al. 2020).

With little data a discriminator learns the data by heart. Random changes of everything that it sees prevent that; the
generator's gradient passes through them. Every frame of a clip is changed alike.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

SHIFT = 1 / 8
"""Part of a side by which pictures move at most."""
HOLE = 1 / 2
"""Side of the hole as a part of the picture's."""


def diffaug(frames: Tensor, policy: Sequence[str]) -> Tensor:
    """Change each sample at random; the random numbers come from torch's own generator.

    :param frames: (N, ..., y, x) with colour as the third axis from the end; all axes between are one clip, which is
        changed alike throughout.
    :param policy: which changes, in this order: ``colour``, ``translation``, ``cutout``.
    :return: the same shape.
    :raises ValueError: a change that is not known.
    """
    if unknown := set(policy) - set(CHANGES):
        raise ValueError(f"{', '.join(sorted(unknown))}; expected some of {', '.join(CHANGES)}")
    for name in policy:
        for change in CHANGES[name]:
            frames = change(frames)
    return frames


def _random(frames: Tensor) -> Tensor:
    """(N, 1, ...) numbers from 0 to 1, one a sample."""
    return torch.rand(len(frames), *(1,) * (frames.dim() - 1), device=frames.device)


def brightness(frames: Tensor) -> Tensor:
    """Add up to half a unit, or take it away."""
    return frames + (_random(frames) - 0.5)


def saturation(frames: Tensor) -> Tensor:
    """Bring colours nearer to grey, or up to twice as far from it."""
    grey = frames.mean(dim=-3, keepdim=True)
    return grey + (frames - grey) * (2 * _random(frames))


def contrast(frames: Tensor) -> Tensor:
    """Bring pixels nearer to the clip's mean, or up to half again as far from it."""
    mean = frames.mean(dim=tuple(range(1, frames.dim())), keepdim=True)
    return mean + (frames - mean) * (0.5 + _random(frames))


def translation(frames: Tensor) -> Tensor:
    """Move pictures by whole pixels; zeros come in."""
    height, width = frames.shape[-2:]
    rows, columns = (_places(frames, side, round(side * SHIFT)) for side in (height, width))
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None]
    flat = frames.reshape(len(frames), -1, height, width)
    index = rows.clamp(0, height - 1)[:, None, :, None].expand(-1, flat.shape[1], -1, width)
    moved = flat.gather(2, index)
    moved = moved.gather(3, columns.clamp(0, width - 1)[:, None, None].expand(-1, flat.shape[1], height, -1))
    return (moved * inside[:, None]).reshape(frames.shape)


def _places(frames: Tensor, side: int, reach: int) -> Tensor:
    """(N, side): where each row or column is taken from."""
    shift = torch.randint(-reach, reach + 1, (len(frames), 1), device=frames.device)
    return torch.arange(side, device=frames.device)[None] + shift


def cutout(frames: Tensor) -> Tensor:
    """Blank a square of half the side, anywhere, partly outside too."""
    count, (height, width) = len(frames), frames.shape[-2:]
    rows, columns = (
        (torch.arange(side, device=frames.device)[None] - torch.randint(0, side + 1, (count, 1), device=frames.device))
        .abs() <= side * HOLE / 2
        for side in (height, width)
    )  # fmt: skip
    kept = ~(rows[:, :, None] & columns[:, None])
    return frames * kept.reshape(count, *(1,) * (frames.dim() - 3), height, width)


CHANGES: Mapping[str, tuple[Callable[[Tensor], Tensor], ...]] = {
    "colour": (brightness, saturation, contrast),
    "translation": (translation,),
    "cutout": (cutout,),
}
"""What each word of a policy does."""


def stretch_time(clips: Tensor, frames: int, factors: Tensor) -> Tensor:
    """Play each clip faster or slower, and cut as many frames from its middle; between frames, linear.

    :param clips: (N, T, ...).
    :param factors: (N,) on the speed, at most (T - 1) / (frames - 1).
    :return: (N, frames, ...).
    """
    length = clips.shape[1]
    steps = torch.arange(frames, device=clips.device) - (frames - 1) / 2
    places = ((length - 1) / 2 + steps * factors[:, None]).clamp(0, length - 1)
    before = places.floor().long().clamp_max(length - 2)
    rows = torch.arange(len(clips), device=clips.device)[:, None]
    part = (places - before).reshape(*places.shape, *(1,) * (clips.dim() - 2))
    return torch.lerp(clips[rows, before], clips[rows, before + 1], part)
