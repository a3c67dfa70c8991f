"""A worker's work: any segment of a job, as an unbroken run would show it."""

from __future__ import annotations

import secrets
import socket
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import torch
import vapoursynth as vs

from ..colour.matrices import parse_matrix
from ..errors import JobError
from ..files import partial_file
from ..filter import MEMORY, tecogan
from ..networks import VideoSpec
from ..video.alpha import beside, keeps_alpha
from ..video.cropping import crop
from ..video.fields import FieldOptions, as_progressive
from ..video.formats import for_encoder
from ..video.geometry import new_size, parse_size, resized
from ..video.index import OnPercent
from ..video.pictures import open_pictures
from ..video.source import Source, open_source
from ..video.write import told_aspect
from ..weights import load_model
from . import facts
from .checks import stamped
from .cuttable import part_format
from .encode import PictureTags, job_of, write_part
from .manifest import Facts, JobFolder, Manifest, Record, differences
from .plan import Segment
from .script import open_script
from .spec import Placement, Spec

_BLOCK = 1 << 20


def open_input(spec: Spec, index: Path | None = None, on_index: OnPercent = lambda _: None) -> Source:
    """The source of a job, a file or a script, cropped as the job asks, with the matrix and fields that it names.

    :param index: base name of BestSource's index, which is made where it is missing; None = none is kept.
    :param on_index: told how many percent of a large file have been read, while its index is made.
    :raises VideoError: it cannot be read.
    :raises ColourError: there is no such matrix.
    """
    matrix, fields = (
        parse_matrix(spec.matrix or None),
        FieldOptions(order=spec.field_order, deinterlace=spec.deinterlace),
    )
    path, audio = Path(spec.source), Path(spec.audio) if spec.audio else None
    rate = Fraction(spec.fps) if spec.fps else None
    if spec.is_script:
        source = open_script(path, spec.arguments, audio=audio)
        source = replace(source, clip=as_progressive(source.clip, fields))
    elif (pictures := open_pictures(path, rate=rate, audio=audio, index=index)) is not None:
        source = pictures
    else:
        source = open_source(path, index=index, track=spec.track, fields=fields, on_index=on_index)
    if matrix is not None and source.clip.format.color_family == vs.YUV:
        source = replace(source, clip=source.clip.std.SetFrameProps(_Matrix=matrix))
    if spec.crop:
        source = crop(source, *spec.crop)
    return replace(source, square=spec.square_pixels)


def upscaled(source: Source, spec: Spec, place: Placement, *, stamp: bool = False) -> vs.VideoNode:
    """The filter with a job's options, and then the size that it asks for.

    Where a script has no model of the command's, its own picture is taken as it is.

    :param stamp: let frames carry the CRC of what they were made of.
    :raises vapoursynth.Error: an option that the filter refuses.
    """
    if place.threads:
        torch.set_num_threads(place.threads)
        vs.core.num_threads = place.threads
    made = _filtered(source.clip, spec, place, stamp=stamp) if spec.model else source.clip
    picture = _of_size(made, source, spec)
    if not spec.model or not keeps_alpha(source.clip, spec.codec):
        return picture
    of = load_model(spec.model).card.spec
    corner = isinstance(of, VideoSpec) and of.phase == "corner"
    return beside(picture, source.clip, corner=corner, width=made.width, height=made.height)


def _of_size(picture: vs.VideoNode, source: Source, spec: Spec) -> vs.VideoNode:
    if not (spec.size or spec.square_pixels):
        return picture
    stretch = Fraction(1)
    if spec.square_pixels:
        with source.clip.get_frame(0) as frame:
            stretch = told_aspect(source, dict(frame.props)) or stretch
    wish = parse_size(spec.size) if spec.size else None
    return resized(picture, *new_size(wish, source.clip, picture, stretch=stretch))


def _filtered(clip: vs.VideoNode, spec: Spec, place: Placement, *, stamp: bool) -> vs.VideoNode:
    return tecogan(
        stamped(clip) if stamp else clip,
        model=spec.model,
        device=place.device,
        precision=spec.precision,  # type: ignore[arg-type]  # the filter checks it
        strength=spec.strength,
        faithful=spec.faithful,
        scene_change=spec.scene_change,
        restart=spec.restart,
        warmup=spec.warmup,
        duplicates=spec.duplicates,  # type: ignore[arg-type]  # the filter checks it
        memory=place.memory or MEMORY,
        tile=spec.tile,
    )


class Renderer:
    """A source, a model on a device, and the clip that they make.

    Frame n is a pure function of the source and the options: each segment may be rendered by another process, in any
    order, and again. The frames before a segment that its first chain needs are decoded, never encoded.

    :param index: see :func:`open_input`.
    :raises VideoError: the source cannot be read.
    :raises vapoursynth.Error: an option that the filter refuses.
    """

    def __init__(
        self, spec: Spec, place: Placement, *, index: Path | None = None, source: Source | None = None
    ) -> None:
        self._spec, self._place = spec, place
        self._source = source or open_input(spec, index)
        if self._source.clip.num_frames < spec.end:
            raise JobError(f"{spec.source} has {self._source.clip.num_frames} frames here; expected {spec.end} or more")
        self._clip = upscaled(self._source, spec, place, stamp=True)
        alpha = bool(spec.model) and keeps_alpha(self._source.clip, spec.codec)
        shown = for_encoder(self._clip, spec.codec, alpha=alpha)
        self._job = job_of(spec, self._source, shown[spec.first : spec.end])

    def facts(self) -> Facts:
        """All that the pixels depend on, here and now. Renders nothing.

        :raises JobError: a file cannot be read.
        :raises EngineError: the device is not there.
        """
        spec = self._spec
        return {
            "source": facts.source_facts(spec),
            "clip": facts.clip_facts(spec, self._source),
            "picture": spec.picture(),
            "model": facts.model_facts(spec),
            "versions": facts.version_facts(spec.codec),
            "device": facts.device_facts(spec, self._place, self._source),
            "encoding": spec.encoding(),
        }

    def tags(self) -> PictureTags:
        """How the picture is tagged; renders its first frame.

        :raises vapoursynth.Error: that frame fails.
        """
        with self._job.clip.get_frame(0) as frame:
            return PictureTags.of(self._source, frame, self._spec.codec)

    def check(self, manifest: Manifest) -> None:
        """Refuse to work where pixels would be others.

        :raises JobError: names what is not the same, and this machine.
        """
        if found := differences(manifest.facts, self.facts()):
            raise JobError(f"{socket.gethostname()} would give another picture: {'; '.join(found)}")

    def render(
        self, segment: Segment, tags: PictureTags, folder: JobFolder, job: str, on_frame: Callable[[], None]
    ) -> Record:
        """Render, encode, check and keep one segment; its record is written last.

        :param job: id of the job.
        :param on_frame: called after each frame.
        :raises VideoError: the encoder failed, or the part is not what it must be.
        :raises JobError: the part cannot be kept.
        :raises vapoursynth.Error: a frame fails.
        """
        begin = time.monotonic()
        name = f"{segment.index:05}.{secrets.token_hex(4)}"
        part = folder.parts / f"{name}.{part_format(self._spec.codec)}"
        try:
            with partial_file(part, part=folder.parts / f"{name}.part") as partial:
                written = write_part(self._job, segment, tags, self._spec, partial, on_frame)
                size, crc = file_crc(partial)
            record = Record(
                job=job,
                segment=segment.index,
                first=segment.first,
                end=segment.end,
                frames=written.frames,
                file=part.name,
                bytes=size,
                file_crc=crc,
                input_crc=written.input_crc,
                output_crc=written.output_crc,
                seconds=round(time.monotonic() - begin, 3),
            )
            folder.write_record(segment, record)
        except OSError as error:
            raise JobError(f"cannot keep segment {segment.index} in {folder.parts}: {error.strerror}") from None
        return record


def file_crc(path: Path) -> tuple[int, str]:
    """Length of a file in bytes, and its CRC-32 in hexadecimal.

    :raises OSError: it cannot be read.
    """
    size = value = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            value = zlib.crc32(block, value)
            size += len(block)
    return size, f"{value:08x}"
