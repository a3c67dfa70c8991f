"""Footage made from a still: a camera slides, turns and zooms, the scene ripples, something passes in front of it.

A crop that moves over a still shows the same rigid scene in every frame; nothing turns, bends or is hidden.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from .augment import Pixels

Field = npt.NDArray[np.float32]
"""(side, side, 2): x and y of a position or a displacement."""

SHAKE = 1.5
"""Largest amplitude of its shaking along each axis, HR pixels."""
TURN = 0.004
"""Standard deviation of its turning, radians a frame, and of its zooming, share a frame."""
RIPPLE = 2.0
"""Largest standard deviation of the scene's own displacement, HR pixels."""
COARSE = 5
"""Points per side of the grid on which this is sampled."""
PASSING_PROB = 0.5
"""Probability that something passes."""
MOTION_BLUR_PROB = 0.35
"""Probability of a shutter that stays open long enough to blur what moves."""
INSTANTS = 4
"""Pictures that are averaged for one of their frames."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """Where something is at a time t, in frames: a steady velocity and a shake about it."""

    velocity: npt.NDArray[np.float32]
    """(2,) x and y, pixels a frame."""
    shake: npt.NDArray[np.float32]
    """(2,) amplitudes, pixels."""
    pace: float
    """Radians a frame."""
    phase: npt.NDArray[np.float32]
    """(2,) radians."""

    def at(self, time: float) -> npt.NDArray[np.float32]:
        """(2,) displacement since time 0, but for the shake's own."""
        swing = self.shake * np.sin(self.pace * time + self.phase)
        return np.asarray(self.velocity * time + swing, np.float32)


def course(rng: np.random.Generator, unit: float, speed: float) -> Course:
    """Sample one.

    :param unit:  still's pixels for each HR pixel.
    :param speed: largest mean speed, HR pixels per frame along a random direction.
    """
    pace, direction = rng.uniform(0, speed), rng.uniform(0, 2 * np.pi)
    return Course(
        velocity=np.float32(unit * pace) * np.array([np.cos(direction), np.sin(direction)], np.float32),
        shake=(unit * rng.uniform(0, SHAKE) * rng.random(2)).astype(np.float32),
        pace=float(rng.uniform(0.2, 1.5)),
        phase=rng.uniform(0, 2 * np.pi, 2).astype(np.float32),
    )


@dataclass(frozen=True, kw_only=True)
class Ripple:
    """A displacement that is smooth in space and swings in time between two fields."""

    first: Field
    second: Field
    pace: float
    """Radians a frame."""

    def at(self, time: float) -> Field:
        """(side, side, 2) displacement, pixels."""
        return np.float32(np.cos(self.pace * time)) * self.first + np.float32(np.sin(self.pace * time)) * self.second


def ripple(rng: np.random.Generator, side: int, unit: float) -> Ripple:
    """Sample one; half of them are next to none."""
    strength = unit * RIPPLE * max(0.0, rng.uniform(-1, 1))
    coarse = (rng.standard_normal((2, COARSE, COARSE, 2)) * strength).astype(np.float32)
    first, second = (np.asarray(cv2.resize(c, (side, side), interpolation=cv2.INTER_CUBIC), np.float32) for c in coarse)
    return Ripple(first=first, second=second, pace=float(rng.uniform(0.05, 0.5)))


def camera_motion(rng: np.random.Generator, still: Pixels, frames: int, side: int, unit: float, speed: float) -> Pixels:
    """A clip from a still, as a moving camera would see it.

    :param still: (H, W, 3); where the camera leaves it, it goes on mirrored.
    :param side:  of the picture taken, pixels of the still.
    :param unit:  pixels of the still for each HR pixel: speeds are meant in those.
    :param speed: largest mean speed of the camera, and of what passes, HR pixels per frame.
    :return:      (frames, side, side, 3).
    """
    scene = _Layer.sample(rng, still, frames, side, unit, speed)
    passing = _Passing.sample(rng, still, frames, side, unit, speed) if rng.random() < PASSING_PROB else None
    shutter = rng.uniform(0.2, 0.8) if rng.random() < MOTION_BLUR_PROB else 0.0
    instants = np.linspace(0, shutter, INSTANTS) if shutter else np.zeros(1)
    result = np.empty((frames, side, side, 3), np.uint8)
    for frame in range(frames):
        pictures = [_picture(scene, passing, frame + float(offset)) for offset in instants]
        result[frame] = np.rint(np.clip(np.mean(pictures, axis=0), 0, 255))
    return result


def _picture(scene: "_Layer", passing: "_Passing | None", time: float) -> npt.NDArray[np.float32]:
    picture = scene.at(time)
    if passing is None:
        return picture
    return passing.over(picture, time)


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """Part of a still under a camera."""

    part: Pixels
    centre: npt.NDArray[np.float32]
    """(2,) where in ``part`` the camera looks at time 0."""
    grid: Field
    """Positions in the picture, from its centre."""
    course: Course
    ripple: Ripple
    spin: float
    growth: float

    @classmethod
    def sample(
        cls, rng: np.random.Generator, still: Pixels, frames: int, side: int, unit: float, speed: float
    ) -> "_Layer":
        moves = course(rng, unit, speed)
        travel = np.stack([moves.at(t) for t in range(frames + 1)])
        low, high = travel.min(axis=0), travel.max(axis=0)
        room = np.array([still.shape[1], still.shape[0]], np.float32)
        # The centre is free to lie wherever the whole way fits, else in the middle.
        reach = np.float32(side / 2)
        first, last = reach - low, room - reach - high
        middle = (first + last) / 2
        centre = np.where(last > first, rng.uniform(np.minimum(first, last), np.maximum(first, last)), middle)
        # What the camera may see: remapping takes no more than 32767 pixels a side, and pages of the store cost.
        margin = side / 8 + 4
        start = np.clip(np.floor(centre + low - reach - margin), 0, room - 1).astype(int)
        end = np.clip(np.ceil(centre + high + reach + margin), 1, room).astype(int)
        return cls(
            part=np.ascontiguousarray(still[start[1] : end[1], start[0] : end[0]]),
            centre=(centre - start).astype(np.float32),
            grid=_grid(side),
            course=moves,
            ripple=ripple(rng, side, unit),
            spin=float(rng.normal(0, TURN)),
            growth=float(rng.normal(0, TURN)),
        )

    def at(self, time: float) -> npt.NDArray[np.float32]:
        """(side, side, 3) float32."""
        angle, scale = self.spin * time, np.exp(self.growth * time)
        turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        where = self.grid @ turn.astype(np.float32) + self.ripple.at(time) + (self.centre + self.course.at(time))
        picture = cv2.remap(self.part, where, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)  # type: ignore[call-overload]
        return np.asarray(picture, np.float32)


@dataclass(frozen=True, kw_only=True)
class _Passing:
    """An ellipse of another part of the still, which crosses the picture."""

    content: _Layer
    start: npt.NDArray[np.float32]
    """(2,) its centre at time 0, from the picture's."""
    axes: npt.NDArray[np.float32]
    course: Course
    edge: float
    """Width of its edge, pixels."""

    @classmethod
    def sample(
        cls, rng: np.random.Generator, still: Pixels, frames: int, side: int, unit: float, speed: float
    ) -> "_Passing":
        return cls(
            content=_Layer.sample(rng, still, frames, side, unit, speed),
            start=(side * rng.uniform(-0.4, 0.4, 2)).astype(np.float32),
            axes=(side * rng.uniform(0.1, 0.4, 2)).astype(np.float32),
            course=course(rng, unit, speed),
            edge=unit * float(rng.uniform(0.7, 2.5)),
        )

    def over(self, picture: npt.NDArray[np.float32], time: float) -> npt.NDArray[np.float32]:
        """``picture`` with this in front of it."""
        away = (self.content.grid - self.start - self.course.at(time)) / self.axes
        inside = (1 - np.sqrt(np.square(away).sum(axis=-1))) * self.axes.min() / np.float32(self.edge)
        alpha = np.clip(inside + np.float32(0.5), 0, 1)[..., None]
        return np.asarray(picture + alpha * (self.content.at(time) - picture), np.float32)


def _grid(side: int) -> Field:
    along = np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2)
    return np.stack(np.meshgrid(along, along), axis=-1)
