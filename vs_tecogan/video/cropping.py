"""The part of a stored picture that its container or the user asks to show.

Players apply a container's: Matroska's PixelCrop, QuickTime's clean aperture. BestSource gives the whole picture, and
the shape of its samples is told for the shown part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import vapoursynth as vs

from ..errors import VideoError
from .alpha import along
from .ffmpeg import ask, candidates, fault_of
from .probe import Probe, parse_report

if TYPE_CHECKING:
    from .source import Source  # which imports this module

_FORMATS = frozenset(("matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2"))


@dataclass(frozen=True, kw_only=True)
class Cropping:
    """Columns and rows that are not shown."""

    left: int
    right: int
    top: int
    bottom: int

    def fitted(self, clip: vs.VideoNode) -> Cropping:
        """Columns and rows that can be cut off: chroma of a quarter of the size has no odd ones. More is shown."""
        across, down = 1 << clip.format.subsampling_w, 1 << clip.format.subsampling_h
        return Cropping(
            left=self.left // across * across,
            right=self.right // across * across,
            top=self.top // down * down,
            bottom=self.bottom // down * down,
        )


def apply_cropping(path: Path, clip: vs.VideoNode, stream: int, probe: Probe) -> tuple[vs.VideoNode, Probe]:
    """The shown part of a clip, and what is known of the file with the size and the samples' shape of that part.

    ffmpeg tells it since 7.1: the first one at hand that does is asked. Where none does, the picture stays whole.
    """
    if probe.format not in _FORMATS:
        return clip, probe
    for ffmpeg in candidates():
        if fault_of(ffmpeg):
            continue
        said = ask(ffmpeg, "-hide_banner", "-nostdin", "-i", f"file:{path}").stderr
        told, seen = read_cropping(said, stream), parse_report(said).videos.get(stream)
        if told is None or seen is None:
            continue
        cut = told.fitted(clip)
        width, height = clip.width - cut.left - cut.right, clip.height - cut.top - cut.bottom
        if width <= 0 or height <= 0:
            continue
        shown = along(clip, lambda one: one.std.Crop(cut.left, cut.right, cut.top, cut.bottom))  # noqa: B023
        videos = {**probe.videos, stream: replace(seen, width=width, height=height)}
        return shown, replace(probe, videos=videos)
    return clip, probe


def crop(source: Source, left: int, top: int, width: int, height: int) -> Source:
    """A part of a source's picture.

    :raises VideoError: it does not lie within the picture, or not on whole samples of its chroma.
    """
    clip = source.clip
    steps = 1 << clip.format.subsampling_w, 1 << clip.format.subsampling_h
    asked = f"--crop {width}:{height}:{left}:{top}"
    if left + width > clip.width or top + height > clip.height:
        raise VideoError(f"{asked} is more than the picture of {source.path}, which is {clip.width}x{clip.height}")
    if any(value % step for value, step in zip((left, top, width, height), steps * 2, strict=True)):
        raise VideoError(
            f"{asked}: {clip.format.name} can be cut at multiples of {steps[0]} columns and {steps[1]} rows alone"
        )
    shown = along(clip, lambda one: one.std.CropAbs(width, height, left, top))
    if (stored := source.stored) is None:
        return replace(source, clip=shown)
    aspect = 1 / stored.sample_aspect if source.turned and stored.sample_aspect else stored.sample_aspect
    videos = dict(source.probe.videos)
    videos[source.video.index] = replace(stored, width=width, height=height, sample_aspect=aspect)
    return replace(source, clip=shown, probe=replace(source.probe, videos=videos))


def read_cropping(report: str, stream: int) -> Cropping | None:
    """Read what ``ffmpeg -i FILE`` prints of a stream's cropping; None where it tells of none."""
    about = re.search(rf"^  Stream #0:{stream}\b.*?(?=^  Stream #|\Z)", report, re.MULTILINE | re.DOTALL)
    told = re.search(r"Frame Cropping: (\d+)/(\d+)/(\d+)/(\d+)", about[0]) if about else None
    if told is None:
        return None
    left, right, top, bottom = map(int, told.groups())
    return Cropping(left=left, right=right, top=top, bottom=bottom) if any((left, right, top, bottom)) else None
