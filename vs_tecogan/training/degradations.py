"""How a low-resolution frame comes from a high-resolution one.

A degradation takes float32 frames (T, H, W, 3) in [0, 1] that carry ``margin(scale)`` extra HR pixels on each side and
returns the LR frames of the inner part, so every filter runs on real neighbours. Degradations are frozen dataclasses:
their fields are their parameters, and :func:`describe` puts those into checkpoints and model cards.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .stages import Blur, Codec, Jpeg, Noise, Rescale, Stage

Frames = npt.NDArray[np.float32]


class Degradation(Protocol):
    """HR frames with margin -> LR frames without."""

    def margin(self, scale: int) -> int:
        """HR pixels needed beyond each edge of the crop; a multiple of ``scale``."""
        ...

    def __call__(self, hr: Frames, scale: int, rng: np.random.Generator) -> Frames:
        """(T, sH + 2m, sW + 2m, 3) -> (T, H, W, 3), both float32 in [0, 1]."""
        ...


@dataclass(frozen=True, kw_only=True)
class BlurDown:
    """ "BD" as published: Gaussian blur, then every ``scale``-th pixel from offset 0.

    9 x 9 taps at sigma 1.5, for x2 as for x4 (TecoGAN ``lib/ops.py``, ``lib/dataloader.py``). LR pixel i sits on HR
    pixel ``scale * i``.
    """

    sigma: float = 1.5
    quantise: bool = False
    """Round to 8 bits, which the published training does not. A model that undoes so much blur amplifies the rounding
    of real files where it has never seen it, most visibly at x2."""

    @property
    def radius(self) -> int:
        """Taps on each side of the centre: 4 for sigma 1.5."""
        return int(3 * self.sigma)

    def margin(self, scale: int) -> int:
        """The radius, up to the next multiple of the scale: 4 as published."""
        return -(-self.radius // scale) * scale

    def __call__(self, hr: Frames, scale: int, rng: np.random.Generator) -> Frames:
        """Bit-exact to OpenCV's float path on the whole frame."""
        import cv2

        margin, taps = self.margin(scale), 2 * self.radius + 1
        inner = slice(margin, -margin or None, scale)
        blurred = (cv2.GaussianBlur(np.ascontiguousarray(frame), (taps, taps), self.sigma) for frame in hr)
        lr = np.stack([np.asarray(frame[inner, inner], np.float32) for frame in blurred])
        return _rounded(lr) if self.quantise else lr


@dataclass(frozen=True, kw_only=True)
class BicubicDown:
    """ "BI": antialiased bicubic as MATLAB's ``imresize`` (a = -0.5, kernel widened by the scale), centred grid."""

    quantise: bool = True
    """Round to 8 bits, as the published LR files were."""

    def margin(self, scale: int) -> int:
        """Half the kernel's width."""
        return 2 * scale

    def __call__(self, hr: Frames, scale: int, rng: np.random.Generator) -> Frames:
        """Separable, vertical pass first."""
        taps = bicubic_taps(scale)
        lr = _stride_filter(_stride_filter(hr, taps, scale, axis=1), taps, scale, axis=2)
        lr = np.clip(lr, 0, 1)
        return _rounded(lr) if self.quantise else lr


def _rounded(frames: Frames) -> Frames:
    return (np.rint(frames * 255) / np.float32(255)).astype(np.float32)


def bicubic_taps(scale: int) -> npt.NDArray[np.float32]:
    """The 4 * scale weights of antialiased bicubic downscaling for even ``scale``; their sum is 1."""
    distance = np.abs((np.arange(4 * scale) - (4 * scale - 1) / 2) / scale)
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weights = np.where(distance <= 1, near, np.where(distance < 2, far, 0))
    result: npt.NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
    return result


def _stride_filter(frames: Frames, taps: npt.NDArray[np.float32], scale: int, axis: int) -> Frames:
    # Output i reads the taps centred on input margin + (i + 1/2) * scale - 1/2, margin = 2 * scale.
    count = frames.shape[axis] // scale - 4
    first = 2 * scale + scale // 2 - len(taps) // 2
    picked = np.moveaxis(frames, axis, 0)
    total = sum(picked[first + k : first + k + count * scale : scale] * weight for k, weight in enumerate(taps))
    return np.moveaxis(np.asarray(total, np.float32), 0, axis)


@dataclass(frozen=True, kw_only=True)
class Realistic:
    """What cameras, scalers and codecs do: blur, sample, then rescale, noise, JPEG and video compression.

    Every stage draws its strength once per clip and lets it drift slowly; stages are skipped at random, and a share of
    the clips gets plain BD, so that clean input stays sharp. The pixel grid stays that of BD. All of it is rounded to 8
    bits, as the files are that it stands for. Ranges after RealBasicVSR, narrowed to what broadcast and web video show.
    """

    clean_share: float = 0.15
    """Share of clips that get BD only."""
    clean: BlurDown = field(default_factory=BlurDown)
    """That BD."""
    blur: Blur = field(default_factory=Blur)
    """On HR, before every ``scale``-th pixel is taken."""
    stages: tuple[Stage, ...] = (Rescale(), Noise(), Jpeg(), Codec())
    """On LR, in this order."""
    border: int = 8
    """LR pixels computed beyond the crop and cut off at the end, so that block grids and filters see neighbours."""

    def margin(self, scale: int) -> int:
        """The LR border and the blur's reach; at least that of the clean share."""
        return max(self.border * scale + -(-self.blur.radius // scale) * scale, self.clean.margin(scale))

    def __call__(self, hr: Frames, scale: int, rng: np.random.Generator) -> Frames:
        """Degrade one clip."""
        if rng.random() < self.clean_share:
            spare = self.margin(scale) - self.clean.margin(scale)
            inner = slice(spare, -spare or None)
            return _rounded(self.clean(hr[:, inner, inner], scale, rng))
        reach = self.margin(scale) - self.border * scale
        inner = slice(reach, -reach, scale)
        frames = np.ascontiguousarray(self.blur(hr, rng)[:, inner, inner])
        for stage in self.stages:
            frames = stage(frames, rng)
        cut = slice(self.border, -self.border)
        return _rounded(np.clip(frames, 0, 1)[:, cut, cut])


def describe(degradation: Degradation | None) -> dict[str, Any]:
    """Name and parameters, for checkpoints and model cards; ``None`` stands for given LR/HR pairs."""
    if degradation is None:
        return {"name": "pairs"}
    values: dict[str, Any] = asdict(degradation)  # type: ignore[call-overload]
    if isinstance(degradation, Realistic):
        values["stages"] = [
            {"name": type(stage).__name__, **asdict(stage)}  # type: ignore[call-overload]
            for stage in degradation.stages
        ]
    return {"name": type(degradation).__name__, **values}
