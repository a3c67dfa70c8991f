"""ffmpeg's two jobs: encoding a part, and joining all parts with everything else of the source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import vapoursynth as vs

from ..errors import JobError, VideoError
from ..video.alpha import keeps_alpha
from ..video.covers import attached_covers
from ..video.encoder import Encoder
from ..video.ffmpeg import ask, find_ffmpeg, knows_light
from ..video.formats import beside_hdr10, colour_tags, hdr10_input, hdr10_options, raw_fourcc, raw_planes
from ..video.nut import NutHeader, NutWriter
from ..video.quality import quality_options
from ..video.source import Source
from ..video.streams import container_of, plan_streams
from ..video.timeline import Timeline
from ..video.write import (
    EncoderOptions,
    Job,
    clock_output,
    colon,
    inputs,
    muxer_options,
    picture_metadata,
    picture_tag,
    sample_aspect,
    subtitles_input,
    timing_of,
)
from .checks import INPUT_CRC_PROP, Crc, crc_of
from .cuttable import part_format
from .plan import Segment
from .sealed import Json
from .spec import Spec


@dataclass(frozen=True, kw_only=True)
class PictureTags:
    """What encoder and container are told of the picture: as the job's first frame says."""

    colour: tuple[str, ...]
    """Options of ffmpeg for matrix, primaries, transfer, range and chroma location."""
    hdr10: tuple[str, ...]
    """Options of the encoder for mastering display and light levels."""
    light: tuple[str, ...]
    """Options of ffmpeg's input for the same, where the encoder is not told."""
    sample_aspect: Fraction
    model: str
    """The picture's model, for the file's own tag; empty where a script does not say."""
    release: str

    @classmethod
    def of(cls, source: Source, frame: vs.VideoFrame, codec: str) -> Self:
        """Read the properties of the first frame of the picture."""
        props = dict(frame.props)
        return cls(
            colour=tuple(colour_tags(props)),
            hdr10=tuple(hdr10_options(props, codec)),
            light=tuple(hdr10_input(props, codec)) if knows_light(find_ffmpeg(codec)) else (),
            sample_aspect=sample_aspect(source, props),
            model=_text(props.get("TecoganModel", "")),
            release=_text(props.get("TecoganVersion", "")),
        )

    def to_json(self) -> dict[str, Json]:
        """As JSON has it."""
        return {
            "colour": list(self.colour),
            "hdr10": list(self.hdr10),
            "light": list(self.light),
            "sample_aspect": str(self.sample_aspect),
            "model": self.model,
            "release": self.release,
        }

    @classmethod
    def from_json(cls, body: object) -> Self:
        """Read what :meth:`to_json` gave.

        :raises JobError: it is not that.
        """
        match body:
            case {
                "colour": list(colour), "hdr10": list(hdr10), "light": list(light), "sample_aspect": str(aspect),
                "model": str(model), "release": str(release),
            }:  # fmt: skip
                return cls(
                    colour=tuple(map(str, colour)),
                    hdr10=tuple(map(str, hdr10)),
                    light=tuple(map(str, light)),
                    sample_aspect=Fraction(aspect),
                    model=model,
                    release=release,
                )
        raise JobError("does not say how the picture is tagged")


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def job_of(spec: Spec, source: Source, clip: vs.VideoNode) -> Job:
    """The encode of all segments, as it would be in one piece."""
    return Job(
        clip=clip,
        source=source,
        timeline=source.timeline.cut(spec.first, spec.end),
        first=spec.first,
        alpha=bool(spec.model) and keeps_alpha(source.clip, spec.codec),
        out=Path(spec.out),
        options=EncoderOptions(
            codec=spec.codec, crf=spec.crf, preset=spec.preset or None, extra=(*spec.encoder, *spec.muxer)
        ),
        whole=(spec.first, spec.end) == (0, source.clip.num_frames),
    )


@dataclass(frozen=True, kw_only=True)
class Written:
    """What went into a part."""

    frames: int
    input_crc: str
    output_crc: str


def write_part(
    job: Job, segment: Segment, tags: PictureTags, spec: Spec, part: Path, on_frame: Callable[[], None]
) -> Written:
    """Encode one segment; its first frame is stamped 0, on the clock of the whole job.

    :param job: of :func:`job_of`; its clip begins with the job's first frame.
    :raises VideoError: ffmpeg failed, or wrote another number of frames, or other times.
    """
    timing = timing_of(job, spec.codec)
    first, end = segment.first - spec.first, segment.end - spec.first
    ticks = timing.timeline.cut(first, end).ticks
    clip = job.clip[first:end]
    command = [
        *(timing.ffmpeg, "-hide_banner", "-nostdin", "-loglevel", "error", "-y", *tags.colour, *tags.light),
        *("-analyzeduration", "0", "-fpsprobesize", "0", "-f", "nut", "-i", "pipe:0", "-map", "0:v:0"),
        *("-c:v:0", spec.codec, *quality_options(spec.codec, crf=spec.crf, preset=spec.preset or None)),
        *(*tags.hdr10, *picture_tag(job, spec.codec), *beside_hdr10(tags.hdr10, spec.encoder)),
        *("-fps_mode", "passthrough", "-enc_time_base:v:0", colon(timing.timeline.time_base)),
        *("-f", part_format(spec.codec), f"file:{part}"),
    ]
    header = NutHeader(
        fourcc=raw_fourcc(clip.format, alpha=job.alpha),
        width=clip.width,
        height=clip.height,
        time_base=timing.timeline.time_base,
        frame_rate=timing.timeline.frame_rate,
        sample_aspect=tags.sample_aspect,
    )
    with Encoder(command) as encoder:
        written = _feed(encoder, clip, ticks, header, on_frame, alpha=job.alpha)
        encoder.finish()
    check_times(timing.ffmpeg, part, timing.timeline.time_base, ticks)
    return written


def _feed(
    encoder: Encoder,
    clip: vs.VideoNode,
    ticks: Sequence[int],
    header: NutHeader,
    on_frame: Callable[[], None],
    *,
    alpha: bool,
) -> Written:
    """Write all frames. Where ffmpeg ends early, its exit status says why."""
    frames, before, after = 0, Crc(), Crc()
    try:
        writer = NutWriter(encoder.stdin, header)
        for tick, frame in zip(ticks, clip.frames(close=True), strict=True):
            planes = [plane.cast("B") for plane in raw_planes(frame, alpha=alpha)]
            writer.write(tick, planes)
            before.add(_input_crc(frame))
            after.add(crc_of(planes))
            frames += 1
            on_frame()
    except BrokenPipeError:
        pass
    return Written(frames=frames, input_crc=str(before), output_crc=str(after))


def _input_crc(frame: vs.VideoFrame) -> int:
    crc = frame.props.get(INPUT_CRC_PROP)  # a script's own filters may drop it
    return crc if isinstance(crc, int) else 0


def check_times(ffmpeg: str, video: Path, time_base: Fraction, ticks: Sequence[int]) -> None:
    """Read a video's packets and compare their times with what they must be.

    :raises VideoError: another number of frames, or other times.
    """
    found = packet_times(ffmpeg, video)
    if len(found) != len(ticks):
        raise VideoError(f"{video.name} has {len(found)} frames instead of {len(ticks)}: ffmpeg dropped or made some")
    wanted = [tick * time_base for tick in ticks]
    if found != wanted:
        n = next(n for n, pair in enumerate(zip(found, wanted, strict=True)) if pair[0] != pair[1])
        raise VideoError(f"{video.name} shows frame {n} at {float(found[n]):.6f} s instead of {float(wanted[n]):.6f} s")


def packet_times(ffmpeg: str, video: Path) -> list[Fraction]:
    """When the frames of a file's first video stream are shown, in seconds, in order; nothing is decoded."""
    said = ask(
        *(ffmpeg, "-v", "error", "-nostdin", "-copyts", "-i", f"file:{video}", "-map", "0:v:0", "-c", "copy"),
        *("-f", "framecrc", "-"),
    ).stdout
    base = Fraction(0)
    times = []
    for line in said.splitlines():
        if line.startswith("#tb 0:"):
            base = Fraction(line.partition(":")[2].strip())
        elif line[:1].isdigit():
            times.append(int(line.split(",")[2]) * base)
    return sorted(times)


def write_list(path: Path, job: Job, parts: Sequence[tuple[Segment, str]], spec: Spec) -> None:
    """Write the list of parts that ffmpeg's concat demuxer reads, each with its exact length.

    Sums of lengths, not lengths, are rounded to ffmpeg's microseconds: nothing piles up.
    """
    timeline = timing_of(job, spec.codec).timeline
    starts = [_microseconds(timeline, segment.first - spec.first) for segment, _ in parts]
    lines = ["ffconcat version 1.0"]
    for k, (_, name) in enumerate(parts):
        lines.append(f"file {name}")
        if k + 1 < len(parts):
            lines.append(f"duration {(starts[k + 1] - starts[k]) / 10**6:.6f}")
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _microseconds(timeline: Timeline, frame: int) -> int:
    return round(timeline.ticks[frame] * timeline.time_base * 10**6)


def join(job: Job, parts: Path, tags: PictureTags, spec: Spec, out: Path) -> list[str]:
    """Copy the parts of a list, and all else of the source, into one file, as an encode in one piece would.

    :param parts: list of :func:`write_list`.
    :return: one line for each stream that could not be kept as it was.
    :raises VideoError: ffmpeg failed, or frames are missing.
    """
    tracks = [track for track in job.source.tracks if job.whole or not track.is_cover]
    chapters, picture = job.source.probe.chapters, job.source.video.index
    plan = plan_streams(
        tracks, container_of(job.out), chapters=chapters, picture=picture, subtitles_from=subtitles_input(job)
    )
    timing = timing_of(job, spec.codec)
    props: Mapping[str, Any] = {"TecoganModel": tags.model, "TecoganVersion": tags.release}
    with attached_covers(job.source.path, plan.covers) as covers:
        command = [
            *(timing.ffmpeg, "-hide_banner", "-nostdin", "-loglevel", "error", "-y"),
            *inputs(job, timing, [*tags.light, "-f", "concat"], f"file:{parts}"),
            *("-map", "0:v:0", *plan.options, "-map_metadata", "1", "-map_chapters", "1", "-dn"),
            # The rate and ticks of the header, as an encoder would give them; no time changes by that.
            *("-c:v:0", "copy", "-r:v:0", str(timing.timeline.frame_rate)),
            *("-time_base:v:0", colon(timing.timeline.time_base)),
            *(*_for_stream(tags.colour), "-field_order:v:0", "progressive"),
            *(*picture_metadata(job, props), *picture_tag(job, spec.codec), *timing.shift),
            *(*muxer_options(job, timing), *covers, *spec.muxer),
            f"file:{out}",
            *clock_output(job),
        ]
        with Encoder(command) as encoder:
            encoder.finish()
    found = len(packet_times(timing.ffmpeg, out))
    if found != spec.end - spec.first:
        raise VideoError(f"the joined file has {found} frames instead of {spec.end - spec.first}")
    return list(plan.notes)


def _for_stream(options: Iterable[str]) -> list[str]:
    """Options of ffmpeg for the picture alone."""
    return [f"{word}:v:0" if word.startswith("-") else word for word in options]
