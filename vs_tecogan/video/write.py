"""From a clip and the file that it came from to a new file: picture encoded, everything else carried over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import vapoursynth as vs

from ..errors import UserError, VideoError
from .alpha import BESIDE_THE_PICTURE
from .covers import attached_covers
from .encoder import Encoder
from .ffmpeg import find_ffmpeg, knows_light
from .formats import beside_hdr10, colour_tags, for_encoder, hdr10_input, hdr10_options, raw_fourcc, raw_planes
from .jumps import clock_maps, correction_options
from .nut import NutHeader, NutWriter
from .partial import Count, keep_begun, partial_file
from .pictures import picture_names
from .quality import quality_options
from .source import Source
from .streams import container_of, is_known, plan_streams
from .timecode import advance
from .timeline import Timeline

_STATISTICS = ("BPS", "DURATION", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES", "SOURCE_ID", "_STATISTICS_TAGS")
"""Tags that mkvmerge computes from a stream."""
_NOTHING_EARLIER = ("-copypriorss", "0")
"""Else copied sound would begin at the key frame before a part's first frame, where ffmpeg's seek ends."""
_CONSTANT_CLOCKS = frozenset(("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "gif"))
"""Formats in which ffmpeg counts from the file's start and corrects nothing, whatever is used."""
_HAIR = Fraction(1, 500)
_FINE = Fraction(1, 48000)
"""Tick in seconds that places a delayed picture beside its sound."""


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
    first: int = 0
    """Number of its first frame in the source."""
    alpha: bool = False
    """Whether the frames of `clip` have transparency beside them, for an encoder that stores it."""
    whole: bool = True
    """False where the clip is a part of the source; the other streams are then cut to it."""

    @property
    def names(self) -> list[Path]:
        """The files of a sequence of pictures; none for any other output."""
        return picture_names(self.out, self.source, self.first, self.first + len(self.timeline.ticks))

    @property
    def on_source_clock(self) -> bool:
        """Whether the picture keeps its place in the source. If not, the source is sought to where a part begins.

        There is no seeking by stamps that jump: all is read, and what is before the part dropped.
        """
        return self.whole or self.source.jump_limit is not None


def choose_codec(out: Path, options: EncoderOptions) -> str:
    """The video encoder for `out`."""
    return options.codec or container_of(out).video_encoder


def encode(job: Job, *, on_frame: Callable[[], None], note: Callable[[str], None]) -> None:
    """Encode `job` into a partial file beside its target and give it its name when it is whole.

    :param on_frame: called after each frame.
    :param note: called at the end, with one line for each stream that could not be kept as it was.
    :raises VideoError: ffmpeg is missing or failed, and nothing is left behind; or a frame failed, and the frames
        before it are kept under another name.
    """
    codec = choose_codec(job.out, job.options)
    tracks = [track for track in job.source.tracks if job.whole or not track.is_cover]
    chapters, picture_index = job.source.probe.chapters, job.source.video.index
    plan = plan_streams(
        tracks, container_of(job.out), chapters=chapters, picture=picture_index, subtitles_from=subtitles_input(job)
    )
    clip = for_encoder(job.clip, codec, alpha=job.alpha)
    with clip.get_frame(0) as frame:
        props = dict(frame.props)
    timing = timing_of(job, codec)
    # All there is to know stands in the header: no frames need be read ahead to guess it.
    light = hdr10_input(props, codec) if knows_light(timing.ffmpeg) else []
    picture = [*colour_tags(props), *light, "-analyzeduration", "0", "-fpsprobesize", "0", "-f", "nut"]
    with partial_file(job.out, job.names) as part, attached_covers(job.source.path, plan.covers) as covers:
        command = [
            *(timing.ffmpeg, "-hide_banner", "-nostdin", "-loglevel", "error", "-y"),
            *inputs(job, timing, picture, "pipe:0"),
            *("-map", "0:v:0", *plan.options, "-map_metadata", "1", "-map_chapters", "1", "-dn"),
            *("-c:v:0", codec, *quality_options(codec, crf=job.options.crf, preset=job.options.preset)),
            *(*hdr10_options(props, codec), *picture_metadata(job, props), *picture_tag(job, codec)),
            *("-fps_mode", "passthrough", "-enc_time_base:v:0", colon(timing.timeline.time_base)),
            *timing.shift,
            *muxer_options(job, timing),
            *covers,
            *beside_hdr10(hdr10_options(props, codec), job.options.extra),
            f"file:{part}",
            *clock_output(job),
        ]
        count, header = Count(on_frame), _header(job, clip, timing.timeline, props)
        with Encoder(command) as encoder:
            try:
                _feed(encoder, job, clip, timing.timeline.ticks, header, count.frame)
            except (UserError, vs.Error) as error:
                if count.frames:
                    encoder.finish()
                    keep_begun(part, job.out, job.first, count.frames, error, job.names)
                raise
            encoder.finish()
    for line in plan.notes:
        note(line)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How the picture is timed beside the other streams, and the ffmpeg that can do it."""

    ffmpeg: str
    timeline: Timeline
    """Of the picture's frames, in ticks that encoder and container keep."""
    begin: Fraction
    """Seconds from the file's start to the first frame."""
    delay: Fraction
    """Seconds to delay a whole picture when it is read, not later."""
    shift: tuple[str, ...]
    """Options that delay the encoded picture instead."""


def timing_of(job: Job, codec: str) -> Timing:
    """The timing of an encode, or of the parts of one and their join.

    :raises VideoError: there is no ffmpeg that has the encoder.
    """
    begin = job.timeline.start - job.source.probe.start
    delay = begin if job.on_source_clock else Fraction(0)
    ffmpeg, shift = _packet_shift(job, codec, delay)
    exact = not delay or bool(shift) or (job.timeline.is_constant and container_of(job.out).frame_clock)
    return Timing(
        ffmpeg=ffmpeg,
        timeline=job.timeline if exact else job.timeline.finer(_FINE),
        begin=begin,
        delay=Fraction(0) if shift else delay,
        shift=tuple(shift),
    )


def _packet_shift(job: Job, codec: str, delay: Fraction) -> tuple[str, list[str]]:
    """The ffmpeg to use, and options that delay the encoded picture of a constant rate.

    The encoder then counts frames and nothing finer. There are no options where nothing is to be delayed or a container
    counts frames itself, as an unknown one may; where the user has a filter there; and where no ffmpeg with this
    encoder can do it: ffmpeg 5.1 cannot.
    """
    counts_itself = not is_known(job.out) or container_of(job.out).frame_clock
    taken = any(option.startswith(("-bsf", "-vbsf")) for option in job.options.extra)
    if not delay or not job.whole or not job.timeline.is_constant or counts_itself or taken:
        return find_ffmpeg(codec), []
    try:
        ffmpeg = find_ffmpeg(codec, packet_filter=("setts", "prescale"))
    except VideoError:
        return find_ffmpeg(codec), []
    tick = job.timeline.finer(_FINE).time_base
    ticks = round(delay / tick)
    move = f"pts=PTS+{ticks}:dts=DTS+{ticks}:prescale=1"
    return ffmpeg, ["-bsf:v:0", f"setts={move}:time_base={tick.numerator}/{tick.denominator}"]


def _feed(
    encoder: Encoder,
    job: Job,
    clip: vs.VideoNode,
    ticks: Sequence[int],
    header: NutHeader,
    on_frame: Callable[[], None],
) -> None:
    """Write all frames, or as many as ffmpeg takes: its exit status knows whether it failed or had all it wanted."""
    try:
        writer = NutWriter(encoder.stdin, header)
    except BrokenPipeError:
        return
    for tick, frame in zip(ticks, clip.frames(close=True), strict=False):
        try:
            writer.write(tick, raw_planes(frame, alpha=job.alpha))
        except BrokenPipeError:
            return
        on_frame()


def _header(job: Job, clip: vs.VideoNode, timeline: Timeline, props: Mapping[str, object]) -> NutHeader:
    return NutHeader(
        fourcc=raw_fourcc(clip.format, alpha=job.alpha),
        width=clip.width,
        height=clip.height,
        time_base=timeline.time_base,
        frame_rate=timeline.frame_rate,
        sample_aspect=sample_aspect(job.source, props),
    )


def sample_aspect(source: Source, props: Mapping[str, object]) -> Fraction:
    """Width over height of a sample of the new picture; 0 where neither user nor file nor properties say."""
    return Fraction(1) if source.square else told_aspect(source, props)


def told_aspect(source: Source, props: Mapping[str, object]) -> Fraction:
    """Width over height of a sample of the source; 0 where neither file nor properties say.

    The container's word counts before the stream's own, which is all that the properties know.
    """
    told = (source.stored.sample_aspect if source.stored else None) or sample_aspect_of(props)
    return 1 / told if told and source.turned else told


def sample_aspect_of(props: Mapping[str, object]) -> Fraction:
    """Width over height of a sample, as the properties of a frame have it; 0 where they do not say."""
    width, height = props.get("_SARNum"), props.get("_SARDen")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return Fraction(width, height)
    return Fraction(0)


def subtitles_input(job: Job) -> int:
    """Number of the input that gives the subtitles: the original once more, where the clock of its format allows that.

    ffmpeg reads an input on to its next subtitle. All sound before that would be written ahead of the picture.
    """
    apart = job.source.probe.format in _CONSTANT_CLOCKS and any(t.kind == "subtitle" for t in job.source.tracks)
    return 2 if apart else 1


def inputs(job: Job, timing: Timing, options: Sequence[str], picture: str) -> list[str]:
    """The picture, and the original file for all else, on one clock; twice, see :func:`subtitles_input`.

    ffmpeg lets the original begin at zero. The picture of a whole file is delayed to where it stood; for a part, the
    original is cut instead.

    :param options: of ffmpeg, for the picture's input.
    :param picture: that input.
    """
    original = ["-i", f"file:{job.source.path}"]
    if job.source.is_bare:
        original = ["-f", "lavfi", "-i", "anullsrc"]  # nothing is taken from it
    first = [*correction_options(job.source.jump_limit), *options]
    if job.on_source_clock:
        return [*first, "-itsoffset", _seconds(timing.delay), "-i", picture, *original * subtitles_input(job)]
    original = ["-ss", _seconds(timing.begin), "-t", _length(job), *original]
    return [*first, "-i", picture, *original * subtitles_input(job)]


def muxer_options(job: Job, timing: Timing) -> list[str]:
    """Options of the container."""
    options = [*container_of(job.out).options]
    if job.whole:
        return options
    if not job.on_source_clock:
        return [*options, *_NOTHING_EARLIER]
    # A little before the first frame: rounding must not drop it.
    return [*options, *_NOTHING_EARLIER, "-ss", _seconds(max(timing.begin - _HAIR, Fraction(0))), "-t", _length(job)]


def _length(job: Job) -> str:
    """Seconds from the first frame to the end of the last one."""
    return _seconds(job.timeline.ticks[-1] * job.timeline.time_base + 1 / job.timeline.frame_rate)


def clock_output(job: Job) -> list[str]:
    """A second output of ffmpeg's, which goes nowhere: it keeps the original's own picture in use, uncoded.

    Otherwise ffmpeg would count the time of a transport or program stream from the first packet of what is used: a
    sound that begins later would move to the start. It would also miss jumps of the clock.
    """
    if job.source.probe.format in _CONSTANT_CLOCKS or job.source.video.index < 0:
        return []
    return [*clock_maps(1, job.source.video.index), "-c", "copy", "-f", "null", "-"]


def _seconds(value: Fraction) -> str:
    return f"{float(value):.6f}"


def colon(value: Fraction) -> str:
    """A fraction as ffmpeg's options want it."""
    return f"{value.numerator}:{value.denominator}"


def picture_tag(job: Job, codec: str) -> list[str]:
    """The name of the codec in the container, where players are particular about it."""
    apple = codec == "libx265" and job.out.suffix.lower() in (".mp4", ".m4v", ".mov")
    return ["-tag:v:0", "hvc1"] if apple else []  # the only one that Apple's players take


def picture_metadata(job: Job, props: Mapping[str, object]) -> list[str]:
    """The stream's own tags, such as its language, without statistics of the old stream; and how it was made."""
    # Naming one stream here stops ffmpeg from copying the tags of any: the plan names all others.
    number = job.source.video.index
    arguments = ["-map_metadata:s:v:0", f"1:s:{number}" if number >= 0 else "-1"]
    for key in _STATISTICS:
        arguments += [*_tag(key, ""), *_tag(f"{key}-eng", "")]
    arguments += _tag(
        "ALPHA_MODE", "1" if job.alpha and choose_codec(job.out, job.options) in BESIDE_THE_PICTURE else ""
    )
    arguments += _timecode(job)
    model, release = props.get("TecoganModel"), props.get("TecoganVersion")
    if model and release:
        arguments += _tag("VS_TECOGAN", f"{_plain(release)} {_plain(model)}")
        # mp4 has no tags of one's own, but one for this.
        arguments += ["-metadata", f"encoding_tool=vs-tecogan {_plain(release)} {_plain(model)}"]
    return [*arguments, "-disposition:v:0", "default"]


def _timecode(job: Job) -> list[str]:
    """The time code of a part's first frame; a whole file's is copied."""
    rate = job.source.timeline.frame_rate
    frames = round((job.timeline.start - job.source.timeline.start) * rate)
    code = None if job.whole else advance(job.source.probe.timecode, frames, rate)
    return ["-metadata", f"timecode={code}", *_tag("timecode", code)] if code else []


def _tag(key: str, value: str) -> tuple[str, str]:
    return "-metadata:s:v:0", f"{key}={value}"


def _plain(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
