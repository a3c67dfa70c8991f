"""Low resolution made beforehand: prepared clips as files of all kinds would hold them, beside them in the store.

A training step then waits for no encoder, and every epoch meets several versions of each clip.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...degrade import Degradation, Frames
from ...errors import TrainingError, VideoError
from .amounts import to_bytes
from .augment import Pixels, resize_area
from .camera import camera_motion
from .degrade import describe
from .store import ClipWriter, StoredClip

CLOSEST = 2.0
"""Largest factor by which a filmed still is made smaller."""


@dataclass(frozen=True, kw_only=True)
class PartnerOptions:
    """How the low resolution of a store is made."""

    rule: Degradation
    """On the corner grid."""
    scale: int = 4
    versions: int = 3
    """Of each clip, each with faults of its own."""
    seed: int = 1
    still_frames: int = 16
    """Frames for which a simulated camera films a still."""
    still_side: int = 512
    """Largest side of that picture, pixels."""
    camera_speed: float = 7.0
    """Largest mean speed of that camera, pixels per frame."""

    def settings(self) -> dict[str, Any]:
        """What a store says about it."""
        return {
            **describe(self.rule), "scale": self.scale, "versions": self.versions, "seed": self.seed,
            "still_frames": self.still_frames, "still_side": self.still_side,
            "camera_speed": self.camera_speed,
        }  # fmt: skip


def words_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a model card says of low resolution that was made beforehand; empty for other stores.

    :param settings: of the store.
    """
    made = settings.get("degradation")
    if not made:
        return {}
    stages = ", ".join(dict.fromkeys(stage["name"] for stage in made.get("stages", [])))
    return {"name": f"{made['name']}, made beforehand", "stages": stages, "versions": made["versions"]}


def film_still(picture: Pixels, digest: str, options: PartnerOptions) -> Pixels:
    """A clip (still_frames, side, side, 3) of a still (H, W, 3), as a moving camera would see it.

    The side is a multiple of the scale, at most ``still_side`` and at most the still's own shorter side.

    :param digest: of the source; with the seed it decides the camera.
    """
    shorter = min(picture.shape[:2])
    side = min(options.still_side, shorter) // options.scale * options.scale
    rng = _generator(options, digest, 0, options.versions)
    factor = rng.uniform(1.0, max(1.0, min(CLOSEST, shorter / side)))
    filmed = camera_motion(rng, picture, options.still_frames, round(side * factor), factor, options.camera_speed)
    return resize_area(filmed, side)


def make_partners(folder: Path, clip: StoredClip, digest: str, options: PartnerOptions) -> StoredClip:
    """Write the low-resolution versions of a stored clip.

    :param clip: its sides are multiples of the scale.
    :param digest: of its source; with the seed it decides all faults.
    :return: the clip, with the names of their files.
    :raises VideoError: an encoder fails, or ffmpeg does not have it; nothing is left behind then.
    :raises TrainingError: the disk is full; the same.
    """
    hr = np.load(folder / clip.file, mmap_mode="r").astype(np.float32) / np.float32(255)
    margin = options.rule.margin(options.scale)
    wide = np.pad(hr, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="reflect")
    files: list[str] = []
    try:
        for version in range(options.versions):
            rng = _generator(options, digest, clip.start, version)
            lr = options.rule(wide, options.scale, rng)
            files.append(clip.file.replace("-hr.npy", f"-lr{version}.npy"))
            _write(folder / files[-1], lr)
    except (VideoError, OSError) as error:
        for file in files:
            (folder / file).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise TrainingError(f"cannot write to {folder}: {error.strerror}; finished sources are kept") from error
        raise
    return replace(clip, lr_file=files[0], more_lr=tuple(files[1:]))


def whole_cells(frames: Iterator[Pixels], scale: int) -> Iterator[Pixels]:
    """Frames without what does not fill a low-resolution pixel, at the right and at the bottom."""
    for frame in frames:
        height, width = (side // scale * scale for side in frame.shape[:2])
        yield frame[:height, :width]


def _generator(options: PartnerOptions, digest: str, start: int, version: int) -> np.random.Generator:
    return np.random.default_rng([options.seed, int(digest[:15], 16), start, version])


def _write(path: Path, lr: Frames) -> None:
    writer = ClipWriter(path, len(lr))
    try:
        for frame in to_bytes(lr):
            writer.add(frame)
    except BaseException:
        writer.discard()
        raise
