"""Faults that sources have before they are compressed: film grain, tape, fields, chroma, edges, flat steps.

Stages as those of :mod:`.degrade`: float32 frames (T, H, W, 3) in [0, 1] in, the same out, all at the size of the
low-resolution file. Each is skipped at random and takes one random strength per clip that drifts a little.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ...degrade import Frames
from .amounts import Range, drift

Plane = npt.NDArray[np.float32]
"""(H, W)."""
ZERO = (np.float32(0), np.float32(0.5), np.float32(0.5))
"""Black, and the planes of colour where there is none: see :func:`split`."""


@dataclass(frozen=True, kw_only=True)
class Grain:
    """Film grain: fresh in each frame, of soft spots, strongest in middle tones, mostly grey."""

    prob: float = 0.0
    sigma: Range = (1.0, 8.0)
    """Standard deviation in middle tones, 8-bit levels."""
    size: Range = (0.4, 1.0)
    """Standard deviation of a spot, pixels."""
    colour: float = 0.3
    """Part that differs between the colours."""

    def __call__(self, frames: Frames, rng: np.random.Generator) -> Frames:
        """Add grain to each frame."""
        if rng.random() >= self.prob:
            return frames
        size = rng.uniform(*self.size)
        result = []
        for frame, sigma in zip(frames, drift(rng, self.sigma, len(frames)), strict=True):
            grey = rng.standard_normal((*frame.shape[:2], 1), dtype=np.float32)
            spots = grey + np.float32(self.colour) * rng.standard_normal(frame.shape, dtype=np.float32)
            spots = np.asarray(cv2.GaussianBlur(spots, (0, 0), size), np.float32)
            # Scaled by what is there: a blur of white noise leaves a part that depends on the size of the spots.
            spots *= np.float32(sigma / 255) / max(float(spots.std()), 1e-6)
            result.append(frame + spots * np.float32(2) * np.sqrt(np.clip(frame * (1 - frame), 0, None)))
        return np.asarray(np.clip(np.stack(result), 0, 1), np.float32)


@dataclass(frozen=True, kw_only=True)
class Tape:
    """A dubbed video tape: little bandwidth, colour that bleeds to the right, lines that jitter, coloured noise."""

    prob: float = 0.0
    luma: Range = (0.4, 1.1)
    """Horizontal blur of brightness, standard deviation in pixels."""
    chroma: Range = (1.5, 4.0)
    """Horizontal blur of colour, the same."""
    delay: Range = (0.0, 3.0)
    """Pixels by which colour lies to the right."""
    jitter: Range = (0.0, 0.5)
    """Standard deviation of the place of a line, pixels."""
    noise: Range = (1.0, 8.0)
    """Standard deviation of the noise of colour, 8-bit levels; brightness has half of it."""

    def __call__(self, frames: Frames, rng: np.random.Generator) -> Frames:
        """Dub the clip."""
        if rng.random() >= self.prob:
            return frames
        luma, chroma, delay, jitter, noise = (
            rng.uniform(*limits) for limits in (self.luma, self.chroma, self.delay, self.jitter, self.noise)
        )
        return np.stack([self._frame(frame, rng, luma, chroma, delay, jitter, noise / 255) for frame in frames])

    def _frame(
        self, frame: Frames, rng: np.random.Generator, luma: float, chroma: float, delay: float, jitter: float,
        noise: float,
    ) -> Frames:  # fmt: skip
        planes = split(frame)
        height, width = planes[0].shape
        places = np.cumsum(rng.standard_normal(height, dtype=np.float32), dtype=np.float32)
        # A walk that is pulled back: neighbouring lines lie at similar places.
        slow = np.asarray(cv2.GaussianBlur(places[:, None], (0, 0), 3.0), np.float32)[:, 0]
        places = np.float32(jitter) * (places - slow)
        blurred = []
        for k, plane in enumerate(planes):
            sigma = chroma if k else luma
            plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), sigmaX=max(sigma, 0.05), sigmaY=0.05), np.float32)
            x = np.arange(width, dtype=np.float32)[None] - (np.float32(delay) if k else 0) - places[:, None]
            y = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, axis=1)
            plane = np.asarray(cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
            grain = rng.standard_normal(plane.shape, dtype=np.float32)
            # Streaks: the tape's bandwidth holds for its noise too.
            grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), sigmaX=1.5 if k else 0.6, sigmaY=0.05), np.float32)
            blurred.append(plane + grain * np.float32(noise * (1.0 if k else 0.5)))
        return join(blurred)


@dataclass(frozen=True, kw_only=True)
class Interlacing:
    """What is left of interlacing: two moments in one frame after a poor deinterlacer."""

    prob: float = 0.0
    residue: Range = (0.1, 0.6)
    """Part of the other field's own lines that is left where it is blended."""
    bob_prob: float = 0.4
    """Probability of one field alone with its gaps filled, which has half of the lines' detail."""

    def __call__(self, frames: Frames, rng: np.random.Generator) -> Frames:
        """Weave each frame with the next one, and deinterlace poorly."""
        if rng.random() >= self.prob:
            return frames
        parity = int(rng.integers(0, 2))
        bob, residue = rng.random() < self.bob_prob, np.float32(rng.uniform(*self.residue))
        later = np.concatenate((frames[1:], frames[-1:]))
        result = frames.copy()
        above = np.roll(frames, 1, axis=1)
        above[:, 0] = frames[:, 1]
        below = np.roll(frames, -1, axis=1)
        below[:, -1] = frames[:, -2]
        filled = (above + below) / 2
        rows = slice(parity, None, 2)
        result[:, rows] = filled[:, rows] if bob else frames[:, rows] + residue * (later[:, rows] - frames[:, rows])
        return result


@dataclass(frozen=True, kw_only=True)
class ChromaShift:
    """Colour at half the size, and beside its place: a wrong chroma location, a wrong order of fields."""

    prob: float = 0.0
    shift: Range = (-1.0, 1.0)
    """Pixels along each axis."""

    def __call__(self, frames: Frames, rng: np.random.Generator) -> Frames:
        """Move the colour of all frames by one distance."""
        if rng.random() >= self.prob:
            return frames
        x, y = (float(value) for value in rng.uniform(*self.shift, 2))
        # Half a pixel of the colour's own raster is one of the picture's.
        move = np.array([[1, 0, x], [0, 1, y]], np.float32)
        height, width = frames.shape[1:3]
        half = (max(1, width // 2), max(1, height // 2))
        result = []
        for frame in frames:
            luma, *chroma = split(frame)
            small = [cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in chroma]
            large = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in small]
            moved = [
                cv2.warpAffine(plane, move, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                for plane in large
            ]
            result.append(join([luma, *(np.asarray(plane, np.float32) for plane in moved)]))
        return np.stack(result)


@dataclass(frozen=True, kw_only=True)
class Ringing:
    """Edges made too sharp by a camera, a player or an editor: halos, along lines alone or all around."""

    prob: float = 0.0
    amount: Range = (0.3, 1.5)
    """Part of the difference from the blurred picture that is added."""
    sigma: Range = (0.6, 1.8)
    """Width of the halo, pixels."""
    line_prob: float = 0.4
    """Probability of halos beside upright edges alone, as analog sharpening leaves."""

    def __call__(self, frames: Frames, rng: np.random.Generator) -> Frames:
        """Sharpen each frame."""
        if rng.random() >= self.prob:
            return frames
        sigma, lines = float(rng.uniform(*self.sigma)), rng.random() < self.line_prob
        across = 0.05 if lines else sigma
        result = [
            frame + np.float32(amount) * (frame - cv2.GaussianBlur(frame, (0, 0), sigmaX=sigma, sigmaY=across))
            for frame, amount in zip(frames, drift(rng, self.amount, len(frames)), strict=True)
        ]
        return np.asarray(np.clip(np.stack(result), 0, 1), np.float32)


@dataclass(frozen=True, kw_only=True)
class Banding:
    """Steps in flat areas: too few levels, without dither."""

    prob: float = 0.0
    levels: Range = (40.0, 128.0)
    """Levels from black to white."""

    def __call__(self, frames: Frames, rng: np.random.Generator) -> Frames:
        """Round brightness and colour to few levels."""
        if rng.random() >= self.prob:
            return frames
        count = np.float32(round(rng.uniform(*self.levels)) - 1)
        # Colour is rounded about grey, which stays grey.
        return np.stack(
            [join([_stepped(p, zero, count) for p, zero in zip(split(f), ZERO, strict=True)]) for f in frames]
        )


def _stepped(plane: Plane, zero: np.float32, count: np.float32) -> Plane:
    return np.asarray(np.rint((plane - zero) * count) / count + zero, np.float32)


def split(frame: Frames) -> list[Plane]:
    """Brightness, then two of colour: (H, W) each, of (H, W, 3)."""
    return [np.asarray(plane, np.float32) for plane in cv2.split(cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb))]


def join(planes: list[Plane]) -> Frames:
    """The picture (H, W, 3) in [0, 1] of :func:`split`."""
    merged = cv2.merge([np.ascontiguousarray(plane, np.float32) for plane in planes])
    return np.asarray(np.clip(cv2.cvtColor(merged, cv2.COLOR_YCrCb2RGB), 0, 1), np.float32)
