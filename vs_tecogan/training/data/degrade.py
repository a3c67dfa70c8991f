"""The realistic degradation of training samples, in stages, and words for any degradation.

The published degradations are in :mod:`vs_tecogan.degrade`. A stage takes and returns float32 frames (T, H, W, 3) in
[0, 1]; it takes a random strength per clip and lets it drift linearly to a nearby value over the clip's frames.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from ...degrade import BlurDown, Degradation, Frames, rounded
from .amounts import Range, drift, to_bytes
from .codecs import Codec


class DegradationStage(Protocol):
    """One step; implementations are frozen dataclasses."""

    def __call__(self, frames: Frames, rng: np.random.Generator) -> Frames:
        """(T, H, W, 3) float32 in [0, 1] -> same."""
        ...


@dataclass(frozen=True, kw_only=True)
class Blur:
    """Gaussian blur, round or elongated, of one orientation per clip."""

    sigma: Range = (0.6, 2.4)
    """HR pixels, along each axis."""
    round_prob: float = 0.6
    """Probability of a blur that is the same in all directions."""
    radius: int = 8

    def __call__(self, frames: Frames, rng: np.random.Generator) -> Frames:
        """Blur each frame."""
        along = drift(rng, self.sigma, len(frames))
        across = along if rng.random() < self.round_prob else drift(rng, self.sigma, len(frames))
        angle = rng.uniform(0, np.pi)
        kernels = (gaussian_kernel(a, b, angle, self.radius) for a, b in zip(along, across, strict=True))
        blurred = [cv2.filter2D(frame, -1, kernel) for frame, kernel in zip(frames, kernels, strict=True)]
        return np.stack(blurred).astype(np.float32)


SHARPEST = 1e-3
"""Least sigma of a kernel; it has one tap then."""


def gaussian_kernel(along: float, across: float, angle: float, radius: int) -> npt.NDArray[np.float32]:
    """Normalised Gaussian of two widths, (2 radius + 1) squared."""
    along, across = max(along, SHARPEST), max(across, SHARPEST)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    u = x * np.cos(angle) + y * np.sin(angle)
    v = y * np.cos(angle) - x * np.sin(angle)
    kernel = np.exp(-0.5 * ((u / along) ** 2 + (v / across) ** 2))
    result: npt.NDArray[np.float32] = (kernel / kernel.sum()).astype(np.float32)
    return result


@dataclass(frozen=True, kw_only=True)
class Rescale:
    """Resized to a smaller or larger raster and back, as by a careless earlier scaler; the grid does not move."""

    prob: float = 0.4
    """Probability that it is applied to a clip."""
    factor: Range = (0.6, 1.3)

    _kernels: ClassVar[tuple[str, ...]] = ("INTER_LINEAR", "INTER_CUBIC", "INTER_AREA", "INTER_LANCZOS4")

    def __call__(self, frames: Frames, rng: np.random.Generator) -> Frames:
        """Resize each frame by one factor per clip; a drifting one would shake the picture."""
        if rng.random() >= self.prob:
            return frames
        height, width = frames.shape[1:3]
        factor = rng.uniform(*self.factor)
        size = (max(8, round(width * factor)), max(8, round(height * factor)))
        there, back = (getattr(cv2, self._kernels[k]) for k in rng.integers(0, len(self._kernels), 2))
        resized = [
            cv2.resize(cv2.resize(frame, size, interpolation=there), (width, height), interpolation=back)
            for frame in frames
        ]
        return np.stack(resized).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Sensor noise: Gaussian, or growing with brightness as photon noise does; grey or coloured."""

    prob: float = 0.6
    sigma: Range = (1.0, 12.0)
    """Standard deviation in 8-bit levels; for photon noise that of white."""
    photon_prob: float = 0.5
    grey_prob: float = 0.4

    def __call__(self, frames: Frames, rng: np.random.Generator) -> Frames:
        """Add fresh noise to each frame."""
        if rng.random() >= self.prob:
            return frames
        sigma = drift(rng, self.sigma, len(frames))[:, None, None, None] / 255
        photon, grey = rng.random() < self.photon_prob, rng.random() < self.grey_prob
        shape = (*frames.shape[:3], 1) if grey else frames.shape
        strength = np.sqrt(np.clip(frames, 0, 1)) if photon else 1.0
        noise = rng.standard_normal(shape, dtype=np.float32) * sigma * strength
        return np.clip(frames + noise, 0, 1).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Jpeg:
    """JPEG compression of single frames, as by motion-JPEG cameras and picture sequences."""

    prob: float = 0.25
    quality: Range = (40.0, 95.0)

    def __call__(self, frames: Frames, rng: np.random.Generator) -> Frames:
        """Compress and decompress each frame."""
        if rng.random() >= self.prob:
            return frames
        result = []
        for frame, quality in zip(to_bytes(frames), drift(rng, self.quality, len(frames)), strict=True):
            _, data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, round(quality)])
            result.append(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1])
        return np.stack(result).astype(np.float32) / np.float32(255)


@dataclass(frozen=True, kw_only=True)
class Realistic:
    """What cameras, scalers and codecs do: blur, sample, then rescale, noise, JPEG and video compression.

    Every stage takes a random strength per clip and lets it drift slowly; stages are skipped at random. Some clips get
    plain BD, so that clean input stays sharp. The pixel grid stays that of BD. All output is rounded to 8 bits, as
    files are. Ranges after RealBasicVSR, narrowed to what broadcast and web video show.
    """

    clean_prob: float = 0.15
    """Probability of BD only."""
    clean: BlurDown = field(default_factory=BlurDown)
    """That BD."""
    blur: Blur = field(default_factory=Blur)
    """On HR, before every ``scale``-th pixel is taken."""
    stages: tuple[DegradationStage, ...] = (Rescale(), Noise(), Jpeg(), Codec())
    """On LR, in this order."""
    border: int = 8
    """LR pixels computed beyond the crop and cut off at the end, so that block grids and filters see neighbours."""

    def margin(self, scale: int) -> int:
        """The LR border and the blur's reach; at least that of the clean clips."""
        return max(self.border * scale + -(-self.blur.radius // scale) * scale, self.clean.margin(scale))

    def __call__(self, hr: Frames, scale: int, rng: np.random.Generator) -> Frames:
        """Degrade one clip."""
        if rng.random() < self.clean_prob:
            spare = self.margin(scale) - self.clean.margin(scale)
            inner = slice(spare, -spare or None)
            return rounded(self.clean(hr[:, inner, inner], scale, rng))
        reach = self.margin(scale) - self.border * scale
        inner = slice(reach, -reach, scale)
        frames = np.ascontiguousarray(self.blur(hr, rng)[:, inner, inner])
        for stage in self.stages:
            frames = stage(frames, rng)
        cut = slice(self.border, -self.border)
        return rounded(np.clip(frames, 0, 1)[:, cut, cut])


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
