"""What a job will take, before it begins: the time of a step on this machine, and the size of an encode like it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import vapoursynth as vs

from ..errors import UserError
from ..video.names import is_picture
from ..video.source import Source
from ..video.write import EncoderOptions, Job, encode
from .render import upscaled
from .spec import Placement, Spec

_STEPS = 2
"""Steps that are timed, after a first one that opens everything."""
_PLACES = 3
"""Parts of the source that are encoded to guess the size, each of so many frames:"""
_SAMPLE = 24


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What all frames of a job will take."""

    seconds: float
    size: float | None
    """Bytes of the new file, roughly; None where nothing is known of it."""


def estimate(
    spec: Spec, source: Source, places: Sequence[Placement], options: EncoderOptions, *, size_from: float
) -> Estimate | None:
    """Time a few steps and, where the work is long, encode a few enlarged frames.

    None for a script that upscales by itself, and where it cannot be told.

    The network's picture is sharper than an enlarged one and takes more bits. A short sample has more key frames than a
    film, which take more too: the size is a rough one.

    :param size_from: seconds of work from which on the size is worth the time that it takes.
    """
    if not spec.model:
        return None
    frames = spec.end - spec.first
    try:
        step, size = _step(spec, source, places[0])
    except (UserError, vs.Error):
        return None  # a second network beside that of the work may not fit into the device's memory
    overhead = 1 + spec.warmup / spec.restart if spec.restart else 1
    seconds = step * frames * overhead / len(places)
    taken = _bytes_per_frame(spec, source, options, size) if seconds >= size_from else None
    return Estimate(seconds=seconds, size=None if taken is None else taken * frames)


def _step(spec: Spec, source: Source, place: Placement) -> tuple[float, tuple[int, int]]:
    """Seconds of a step of the network, on made-up frames, and width and height of the new picture."""
    plain = [
        source.clip.std.BlankClip(length=1, color=[shade] * source.clip.format.num_planes)
        for shade in _shades(source.clip.format)
    ]
    clip = vs.core.std.CopyFrameProps(vs.core.std.Splice(plain), source.clip[0].std.Loop(len(plain)))
    alone = replace(spec, restart=0, warmup=0, scene_change=False, duplicates="advance")
    made = upscaled(replace(source, clip=clip), alone, place)
    made.get_frame(0).close()
    begin = time.monotonic()
    for n in range(1, _STEPS + 1):
        made.get_frame(n).close()
    return (time.monotonic() - begin) / _STEPS, (made.width, made.height)


def _shades(video_format: vs.VideoFormat) -> list[float]:
    most = 1.0 if video_format.sample_type == vs.FLOAT else float((1 << video_format.bits_per_sample) - 1)
    levels = (0.4, 0.5, 0.45)[: _STEPS + 1]
    return [most * level if video_format.sample_type == vs.FLOAT else round(most * level) for level in levels]


def _bytes_per_frame(spec: Spec, source: Source, options: EncoderOptions, size: tuple[int, int]) -> float | None:
    """Of parts of the source that are enlarged without the network, with their share of sound."""
    if source.jump_limit is not None:
        return None  # sound could not be cut without reading all
    frames = spec.end - spec.first
    count = min(_SAMPLE, frames)
    suffix = Path(spec.out).suffix
    total = 0
    try:
        with tempfile.TemporaryDirectory(prefix="vs-tecogan-") as folder:
            for k in range(_PLACES):
                first = spec.first + (frames - count) * (k + 1) // (_PLACES + 1)
                out = Path(folder) / f"{k}{'.mkv' if is_picture(Path(spec.out)) else suffix}"
                total += _encoded(spec, source, options, size, first, first + count, out)
    except (UserError, vs.Error, OSError):
        return None  # whatever it is, the work itself will tell
    return total / (_PLACES * count)


def _encoded(
    spec: Spec, source: Source, options: EncoderOptions, size: tuple[int, int], first: int, end: int, out: Path
) -> int:
    clip = source.clip[first:end].resize.Bicubic(*size)
    job = Job(
        clip=clip,
        source=source,
        timeline=source.timeline.cut(first, end),
        out=out,
        options=replace(options, codec=spec.codec),
        first=first,
        whole=False,
    )
    encode(job, on_frame=lambda: None, note=lambda _: None)
    return out.stat().st_size


def disk_needed(size: float) -> float:
    """Bytes of disk that a job takes while it runs: its parts, and the file that they are joined into."""
    return 2 * size
