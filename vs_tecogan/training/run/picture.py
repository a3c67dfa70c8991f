"""Pictures of what a network makes of a clip: in motion, and as one picture that a person can open."""

import io
import logging

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..objectives.base import Preview

log = logging.getLogger(__name__)

Pixels = npt.NDArray[np.uint8]

GIF_FRAME_MS = 120
LEAST_WIDTH = 300
"""Pixels that each column of the picture has at least; small crops are enlarged by a whole factor."""
PROFILE_HEIGHT = 90
"""Pixels that the temporal profile has at least."""
BAND = 22
"""Height of a line of words."""
PAPER, INK = 245, 40


def columns(preview: Preview) -> dict[str, Pixels]:
    """Input (enlarged pixel by pixel), output and target, (T, sH, sW, 3) each."""
    scale = preview.output.shape[-1] // preview.lr.shape[-1]
    enlarged = preview.lr.detach().float().cpu().repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    return {"input": _bytes(enlarged), "output": _bytes(preview.output), "target": _bytes(preview.target)}


def _bytes(images: Tensor) -> Pixels:
    values = (images.detach().float().cpu().clamp(0, 1) * 255).round().to(torch.uint8)
    result: Pixels = values.permute(0, 2, 3, 1).numpy()
    return result


def side_by_side(preview: Preview) -> Pixels:
    """(T, sH, 3 sW, 3): input, output and target in one picture."""
    return np.concatenate(list(columns(preview).values()), axis=2)


def one_picture(preview: Preview) -> Pixels:
    """Input, output and target of the middle frame, and below the temporal profile of each: (H, W, 3).

    The profile is the middle row of every frame, time running down. Steady streaks are steady motion, fringes are
    flicker.
    """
    parts = []
    for name, frames in columns(preview).items():
        count, height, width = frames.shape[:3]
        factor = max(1, -(-LEAST_WIDTH // width))
        stretch = max(1, -(-PROFILE_HEIGHT // count))
        middle = frames[count // 2].repeat(factor, 0).repeat(factor, 1)
        profile = frames[:, height // 2].repeat(stretch, 0).repeat(factor, 1)
        wide = width * factor
        parts.append(np.concatenate([_words(name, wide), middle, _words("over time", wide), profile], axis=0))
    gap = np.full((len(parts[0]), 6, 3), PAPER, np.uint8)
    return np.concatenate([parts[0], gap, parts[1], gap, parts[2]], axis=1)


def _words(text: str, width: int) -> Pixels:
    band = np.full((BAND, width, 3), PAPER, np.uint8)
    cv2.putText(band, text, (4, BAND - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (INK, INK, INK), 1, cv2.LINE_AA)
    return band


def png(picture: Pixels) -> bytes:
    """A picture (H, W, 3) as a file."""
    return bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())


def gif(frames: Pixels) -> bytes:
    """Animated GIF of (T, H, W, 3); empty without Pillow."""
    try:  # an optional extra
        from PIL import Image
    except ImportError:
        log.warning("pillow is not installed; no animated pictures")
        return b""
    first, *rest = (Image.fromarray(frame) for frame in frames)
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=GIF_FRAME_MS, loop=0)
    return buffer.getvalue()
