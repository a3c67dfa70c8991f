"""From a clip and the file that it came from to a new file: picture encoded, everything else carried over."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from . import ffmpeg as ff
from .errors import MediaError
from .formats import colour_tags, for_encoder, hdr10_options, raw_fourcc, raw_planes
from .nut import NutHeader, NutWriter
from .source import Source, Timeline
from .streams import container_of, plan_streams

if TYPE_CHECKING:
    import vapoursynth as vs

_DEFAULT_CRF = {"libx264": 16, "libx264rgb": 16, "libx265": 18, "libsvtav1": 24, "libaom-av1": 24, "libvpx-vp9": 24}
_CONSTANT_QUALITY_NEEDS_ZERO_RATE = frozenset({"libvpx-vp9", "libvpx", "libaom-av1"})


@dataclass(frozen=True, kw_only=True)
class EncoderOptions:
    """How the picture is encoded."""

    codec: str | None = None
    """ffmpeg's name of a video encoder; None: libx264, or what the container asks for."""
    crf: float | None = None
    """Quality of a constant quality encoder, lower is better; None: 16 for x264, 18 for x265, 24 for AV1 and VP9."""
    preset: str | None = None
    """Speed preset; None: the encoder's own default."""
    extra: tuple[str, ...] = ()
    """ffmpeg output options that go last, so that they win."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One encode: `clip` shows the frames of `source` that `timeline` stamps."""

    clip: vs.VideoNode
    source: Source
    timeline: Timeline
    out: Path
    options: EncoderOptions
    whole: bool = True
    """False where the clip is a part of the source; the other streams are then cut to it."""


def choose_codec(out: Path, options: EncoderOptions) -> str:
    """The video encoder for `out`."""
    return options.codec or container_of(out).video_encoder


def encode(job: Job, *, on_frame: Callable[[], None], note: Callable[[str], None]) -> None:
    """Encode `job` into a partial file beside its target and give it its name when it is whole.

    :param on_frame: called after each frame.
    :param note: called with one line for each stream that could not be kept as it was.
    :raises MediaError: ffmpeg is missing or failed; nothing is left behind.
    """
    codec = choose_codec(job.out, job.options)
    ffmpeg = ff.find_ffmpeg(codec)
    plan = plan_streams(job.source.tracks, container_of(job.out))
    for line in plan.notes:
        note(line)
    clip = for_encoder(job.clip, codec)
    with clip.get_frame(0) as frame:
        props = dict(frame.props)
    with partial_file(job.out) as part:
        command = _command(job, ffmpeg, codec, props, plan.options, part)
        with ff.Encoder(command) as encoder:
            try:
                writer = NutWriter(encoder.stdin, _header(clip, job.timeline, props))
                for tick, frame in zip(job.timeline.ticks, clip.frames(close=True), strict=False):
                    writer.write(tick, raw_planes(frame))
                    on_frame()
            except BrokenPipeError:
                pass  # finish() knows whether ffmpeg failed or had all that it was told to take
            encoder.finish()


def _header(clip: vs.VideoNode, timeline: Timeline, props: Mapping[str, object]) -> NutHeader:
    return NutHeader(
        fourcc=raw_fourcc(clip.format),
        width=clip.width,
        height=clip.height,
        time_base=timeline.time_base,
        frame_rate=timeline.frame_rate,
        sample_aspect=sample_aspect(props),
    )


def sample_aspect(props: Mapping[str, object]) -> Fraction:
    """Width over height of a sample; 0 where the properties do not say."""
    width, height = props.get("_SARNum"), props.get("_SARDen")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return Fraction(width, height)
    return Fraction(0)


def _command(
    job: Job, ffmpeg: str, codec: str, props: Mapping[str, object], streams: Sequence[str], part: Path
) -> list[str]:
    base = job.timeline.time_base
    return [
        *(ffmpeg, "-hide_banner", "-nostdin", "-loglevel", "error", "-y"),
        *_picture_input(job, ffmpeg, props),
        *_original_input(job),
        *("-map", "0:v:0", *streams, "-map_metadata", "1", "-map_chapters", "1", "-dn"),
        *("-c:v:0", codec, *_quality(codec, job.options), *hdr10_options(props, codec)),
        *(*ff.keep_timestamps_option(ffmpeg), "-enc_time_base:v:0", f"{base.numerator}:{base.denominator}"),
        *_picture_metadata(job, props),
        *container_of(job.out).options,
        *(("-tag:v:0", "hvc1") if codec == "libx265" and job.out.suffix.lower() in (".mp4", ".m4v", ".mov") else ()),
        *job.options.extra,
        f"file:{part}",
    ]


def _picture_input(job: Job, ffmpeg: str, props: Mapping[str, object]) -> list[str]:
    """Raw video on standard input, moved to where it stands on the clock of the original file."""
    delay = job.timeline.start - ff.file_start(ffmpeg, job.source.path) if job.whole else Fraction(0)
    # All there is to know stands in the header: no frames need be read ahead to guess it.
    header_suffices = ["-analyzeduration", "0", "-fpsprobesize", "0"]
    return [*colour_tags(props), *header_suffices, "-itsoffset", f"{float(delay):.6f}", "-f", "nut", "-i", "pipe:0"]


def _original_input(job: Job) -> list[str]:
    if job.whole:
        return ["-i", f"file:{job.source.path}"]
    whole = job.source.timeline
    begin = job.timeline.start - whole.start
    frame = job.timeline.ticks[-1] * job.timeline.time_base + 1 / job.timeline.frame_rate
    return ["-ss", f"{float(begin):.6f}", "-t", f"{float(frame):.6f}", "-i", f"file:{job.source.path}"]


def _quality(codec: str, options: EncoderOptions) -> list[str]:
    crf = _DEFAULT_CRF.get(codec) if options.crf is None else options.crf
    arguments = [] if crf is None else ["-crf", f"{crf:g}"]
    if crf is not None and codec in _CONSTANT_QUALITY_NEEDS_ZERO_RATE:
        arguments += ["-b:v:0", "0"]
    return arguments if options.preset is None else [*arguments, "-preset", options.preset]


def _picture_metadata(job: Job, props: Mapping[str, object]) -> list[str]:
    """The stream's own tags and how it was made. Statistics tags are left: they describe the old stream."""
    video = job.source.video
    arguments = [part for key in ("language", "title") if key in video.tags for part in _tag(key, video.tags[key])]
    model, release = props.get("TecoganModel"), props.get("TecoganVersion")
    if model and release:
        arguments += _tag("VS_TECOGAN", f"{_plain(release)} {_plain(model)}")
    return [*arguments, "-disposition:v:0", "default"]


def _tag(key: str, value: str) -> tuple[str, str]:
    return "-metadata:s:v:0", f"{key}={value}"


def _plain(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


@contextmanager
def partial_file(out: Path) -> Iterator[Path]:
    """A path beside `out` to write to, renamed to `out` at the end, removed on any error."""
    part = out.with_name(f"{out.stem}.part{out.suffix}")
    try:
        yield part
        if not part.is_file():
            raise MediaError(f"ffmpeg wrote no {out.name}; check the options after --")
        part.replace(out)
    except OSError as error:
        raise MediaError(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        with _undisturbed():
            part.unlink(missing_ok=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM while cleaning up: an impatient second Ctrl-C must not leave files behind."""
    held = (signal.SIGINT, signal.SIGTERM)
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
