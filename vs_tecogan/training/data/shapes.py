"""Synthetic clips: flat, often saturated colours and sharp shapes that slide.

Footage holds almost none of either, so a model trained on it alone shifts pure colours by a level or two and softens
graphics, titles and cartoons.
"""

import cv2
import numpy as np

from .augment import Pixels

PRIMARY_PROB = 0.35
"""Probability that a colour is a corner of the RGB cube."""
SHAPES_PROB = 0.65
"""Probability that a clip has shapes; the others are one flat colour."""
MOST_SHAPES = 4
MOVING_PROB = 0.8
FASTEST = 3.0
"""HR pixels a frame, along each axis."""

Point = tuple[int, int]
Colour = tuple[int, int, int]


def moving_shapes(rng: np.random.Generator, frames: int, side: int) -> Pixels:
    """A synthetic clip (frames, side, side, 3) uint8."""
    canvas = 2 * side
    picture = np.empty((canvas, canvas, 3), np.uint8)
    picture[:] = colour(rng)
    count = int(rng.integers(1, MOST_SHAPES + 1)) if rng.random() < SHAPES_PROB else 0
    for _ in range(count):
        draw(rng, picture)
    velocity = rng.uniform(-FASTEST, FASTEST, 2) if rng.random() < MOVING_PROB else np.zeros(2)
    clip = []
    for t in range(frames):
        shift = (velocity * t - (canvas - side) / 2).astype(np.float32)
        matrix = np.concatenate([np.eye(2, dtype=np.float32), shift[:, None]], axis=1)
        # Cubic overshoot ends at 0 and 255, where saturated colours are.
        frame = cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        clip.append(np.asarray(frame, np.uint8))
    return np.stack(clip)


def colour(rng: np.random.Generator) -> Colour:
    """Any 8-bit colour; often black, white, a primary or a secondary."""
    values = rng.integers(0, 2, 3) * 255 if rng.random() < PRIMARY_PROB else rng.integers(0, 256, 3)
    red, green, blue = (int(v) for v in values)
    return red, green, blue


def draw(rng: np.random.Generator, picture: Pixels) -> None:
    """Add a rectangle, a line, a disc or some letters."""
    side, ink = len(picture), colour(rng)
    (x1, y1), (x2, y2) = rng.integers(0, side, (2, 2)).tolist()
    first: Point = (x1, y1)
    kind = int(rng.integers(0, 4))
    if kind == 0:
        cv2.rectangle(picture, first, (x2, y2), ink, -1)
    elif kind == 1:
        cv2.line(picture, first, (x2, y2), ink, int(rng.integers(1, 12)), cv2.LINE_AA)
    elif kind == 2:
        cv2.circle(picture, first, int(rng.integers(4, 70)), ink, -1, cv2.LINE_AA)
    else:
        letters = "".join(chr(code) for code in rng.integers(48, 91, 5))
        font, size, width = int(rng.integers(0, 5)), float(rng.uniform(0.5, 3)), int(rng.integers(1, 6))
        cv2.putText(picture, letters, first, font, size, ink, width, cv2.LINE_AA)
