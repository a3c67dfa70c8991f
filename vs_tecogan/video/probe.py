"""What a file says of itself: its clock, the length it announces, its video streams, and where it truly ends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from .ffmpeg import ask, find_ffmpeg, find_ffprobe

_MATRICES = {
    "gbr": 0,
    "bt709": 1,
    "fcc": 4,
    "bt470bg": 5,
    "smpte170m": 6,
    "smpte240m": 7,
    "ycgco": 8,
    "bt2020nc": 9,
    "bt2020c": 10,
    "chroma-derived-nc": 12,
    "chroma-derived-c": 13,
    "ictcp": 14,
}
"""ffmpeg's names, and their H.273 codes."""
_ACROSS_LINES = re.MULTILINE | re.DOTALL | re.IGNORECASE
_GUESSED = "Estimating duration from bitrate"
"""What ffmpeg and ffprobe log where no container announces a length; nothing else tells it."""


@dataclass(frozen=True, kw_only=True)
class VideoStream:
    """One stream of pictures."""

    width: int
    """Of the picture as it is stored, in pixels."""
    height: int
    sample_aspect: Fraction
    """Width over height of a sample; 0 where it is not told. The container's counts before the codec's."""
    frame_rate: Fraction | None
    """Frames per second on average; None where it is not told."""
    matrix: int | None
    """H.273 code of the YUV matrix; None where it is not told."""
    transfer: str = ""
    """ffmpeg's name of the transfer, such as "bt709" or "smpte2084"; empty where it is not told."""
    is_cover: bool = False
    """A still picture that goes with the file."""
    pixels: str = ""
    """ffmpeg's name of the pixel format, such as "yuv420p"; empty where it is not told."""
    captions: bool = False
    """Whether the coded pictures carry closed captions (A/53)."""
    alpha_beside: bool = False
    """Whether transparency is coded as a second picture beside each, as in VP8 and VP9."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What is known of a file before its packets are read."""

    start: Fraction = Fraction(0)
    """Time in seconds of the earliest timestamp of its streams, which ffmpeg makes zero when it reads; 0 if unknown."""
    duration: Fraction | None = None
    """Length in seconds that the container announces; None where it announces none, or ffmpeg had to guess."""
    format: str = ""
    """ffmpeg's name of the container, such as "mpegts"; empty where it cannot read the file."""
    videos: Mapping[int, VideoStream]
    """By the number of the stream."""
    others: Sequence[str] = ()
    """Kinds of the other streams, such as "audio"."""
    chapters: int = 0
    """How many the container holds."""
    timecode: str = ""
    """SMPTE time code of the first frame; empty where there is none."""
    complaint: str = ""
    """The last line that was said of a file without any stream."""


def probe(path: Path) -> Probe:
    """Ask ffprobe about a file, or ffmpeg where there is no ffprobe. One that neither can read has no streams.

    :raises VideoError: there is no ffmpeg that works.
    """
    if prober := find_ffprobe():
        show = ("-show_format", "-show_streams", "-show_chapters")
        answer = ask(prober, "-v", "warning", "-of", "json", *show, f"file:{path}")
        known = parse_json(answer.stdout, answer.stderr)
        if known.videos:  # else it may just be older than the ffmpeg that is used
            return known
    return parse_report(ask(find_ffmpeg(), "-hide_banner", "-nostdin", "-i", f"file:{path}").stderr)


def parse_json(text: str, log: str) -> Probe:
    """Read what ffprobe prints.

    :param log: what it says beside it, on warnings.
    """
    answer: dict[str, Any] = json.loads(text or "{}")
    streams: list[dict[str, Any]] = answer.get("streams", [])
    about: dict[str, str] = answer.get("format", {})
    length = about.get("duration")
    return Probe(
        start=Fraction(about.get("start_time", 0)),
        duration=Fraction(length) if length and _GUESSED not in log else None,
        format=about.get("format_name", ""),
        videos={
            int(stream["index"]): VideoStream(
                width=int(stream["width"]),
                height=int(stream["height"]),
                sample_aspect=_fraction(stream.get("sample_aspect_ratio", "")) or Fraction(0),
                frame_rate=_fraction(stream.get("avg_frame_rate", "")),
                matrix=_MATRICES.get(stream.get("color_space", "")),
                transfer=stream.get("color_transfer", "").replace("unknown", ""),
                is_cover=bool(stream.get("disposition", {}).get("attached_pic")),
                pixels=stream.get("pix_fmt", ""),
                captions=bool(stream.get("closed_captions")),
                alpha_beside={key.lower(): value for key, value in stream.get("tags", {}).items()}.get("alpha_mode")
                == "1",
            )
            for stream in streams
            if stream.get("codec_type") == "video" and stream.get("width")
        },
        others=_others(str(stream.get("codec_type", "data")) for stream in streams),
        chapters=len(answer.get("chapters", [])),
        timecode=next((tags["timecode"] for tags in _all_tags(answer) if "timecode" in tags), ""),
        complaint="" if streams else _last_line(log),
    )


def _all_tags(answer: Mapping[str, Any]) -> Iterable[dict[str, str]]:
    """The tags of the file and of its streams, by names in small letters."""
    for part in (answer.get("format", {}), *answer.get("streams", [])):
        yield {key.lower(): value for key, value in part.get("tags", {}).items()}


def _fraction(text: str) -> Fraction | None:
    match = re.fullmatch(r"(\d+)[:/]([1-9]\d*)", text)
    return Fraction(int(match[1]), int(match[2])) or None if match else None


def parse_report(text: str) -> Probe:
    """Read what ``ffmpeg -i FILE`` prints."""
    name = re.search(r"^Input #0, (\S+), from ", text, re.MULTILINE)
    start = re.search(r"^  Duration: .*?, start: (-?\d+\.\d+)", text, re.MULTILINE)
    code = re.search(r"^ +timecode +: (\S+)$", text, re.MULTILINE | re.IGNORECASE)
    length = re.search(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", text, re.MULTILINE)
    lines = re.findall(r"^ +Stream #0:(\d+).*?: (\w+): (.*)", text, re.MULTILINE)
    videos = {int(index): _video(about) for index, kind, about in lines if kind == "Video"}
    for index in re.findall(r"^ +Stream #0:(\d+)(?:(?!Stream #).)*?^ +alpha_mode +: 1$", text, _ACROSS_LINES):
        if video := videos.get(int(index)):
            videos[int(index)] = replace(video, alpha_beside=True)
    return Probe(
        start=Fraction(start[1]) if start else Fraction(0),
        duration=(
            (int(length[1]) * 60 + int(length[2])) * 60 + Fraction(length[3])
            if length and _GUESSED not in text
            else None
        ),
        format=name[1] if name else "",
        videos={index: video for index, video in videos.items() if video},
        others=_others(kind.lower() for _, kind, _ in lines),
        timecode=code[1] if code else "",
        chapters=len(re.findall(r"^ +Chapter #0:\d+: start ", text, re.MULTILINE)),
        complaint="" if lines else _last_line(text),
    )


def _video(about: str) -> VideoStream | None:
    """A stream by ffmpeg's line on it; None where it has no size."""
    size = re.search(r", (\d+)x(\d+)(?=[ ,]|$)(.*)", about)
    if size is None:
        return None
    # The codec's aspect stands in brackets after the size; the container's follows, if it is another.
    aspects = re.findall(r"\bSAR ([1-9]\d*):([1-9]\d*)", size[3])
    rate = re.search(r"([\d.]+)(k?) fps", size[3])
    told = re.search(r", (\w+)(?:\(([^)]*)\))?$", about[: size.start()])
    names = [part.split("/")[0] for part in (told[2] or "").split(", ")] if told else []
    return VideoStream(
        width=int(size[1]),
        height=int(size[2]),
        sample_aspect=Fraction(int(aspects[-1][0]), int(aspects[-1][1])) if aspects else Fraction(0),
        frame_rate=exact_rate(Fraction(rate[1]) * (1000 if rate[2] else 1)) if rate else None,
        matrix=next((_MATRICES[name] for name in names if name in _MATRICES), None),
        transfer=_transfer(told[2] or "") if told else "",
        is_cover="(attached pic)" in size[3],
        pixels=told[1] if told else "",
        captions=", Closed Captions" in size[3],
    )


def _transfer(told: str) -> str:
    """The last of "matrix/primaries/transfer", which a report shortens to one word where all are alike."""
    parts = next((part.split("/") for part in told.split(", ") if part.count("/") == 2), [""])
    return parts[-1].replace("unknown", "")


def exact_rate(rounded: Fraction) -> Fraction | None:
    """The rate that a report gives in hundredths: those of television are parts of 1001."""
    ntsc = Fraction(round(rounded * Fraction(1001, 1000)) * 1000, 1001)
    return (ntsc if rounded.denominator > 1 and abs(ntsc - rounded) <= Fraction(1, 200) else rounded) or None


def _others(kinds: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(kind for kind in kinds if kind != "video"))


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no report")


def has_captions(path: Path, stream: int) -> bool:
    """Whether the first pictures of a stream carry closed captions: ffmpeg tells it of a picture, not of a file.

    :raises VideoError: there is no ffmpeg that works.
    """
    command = (find_ffmpeg(), "-v", "info", "-nostdin", "-i", f"file:{path}", "-map", f"0:{stream}", "-vf", "showinfo")
    return "A53 Part 4 Closed Captions" in ask(*command, "-frames:v", "12", "-f", "null", "-").stderr


def packets_end(path: Path) -> Fraction:
    """Seconds from the file's start to the end of its last packet of picture, sound or subtitle. Reads the whole file.

    :return: 0 where there are no packets.
    :raises VideoError: there is no ffmpeg that works.
    """
    streams = [word for kind in "vas" for word in ("-map", f"0:{kind}?")]
    listing = ask(
        find_ffmpeg(), "-v", "error", "-nostdin", "-i", f"file:{path}", *streams, "-c", "copy", "-f", "framecrc", "-"
    ).stdout
    bases = {number: Fraction(base) for number, base in re.findall(r"^#tb (\d+): (\d+/\d+)", listing, re.MULTILINE)}
    # A line for each packet: stream, decoding time, presentation time, duration, size, checksum.
    packets = re.finditer(r"^(\d+), *\S+, *(-?\d+), *(\d+),", listing, re.MULTILINE)
    ends: dict[str, int] = {}
    for stream, time, duration in (match.groups() for match in packets):
        ends[stream] = max(ends.get(stream, 0), int(time) + int(duration))
    return max((end * bases[stream] for stream, end in ends.items()), default=Fraction(0))
