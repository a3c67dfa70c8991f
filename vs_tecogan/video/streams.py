"""What becomes of a file's other streams: copied where the new container holds them, else converted or left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .covers import PICTURES, Attached
from .names import is_numbered, is_picture
from .source import Track

_MP4_AUDIO = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "flac", "opus", "dts", "mp2", "truehd"})
_PCM = frozenset({"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_u8"})
_LETTERS = {"audio": "a", "subtitle": "s", "attachment": "t", "cover": "v"}
_OPUS_LAYOUTS = "aformat=channel_layouts=7.1|6.1|5.1|5.0|quad|3.0|stereo|mono"
"""The only ones that libopus takes: the 5.1 of AC-3 and DTS has its surrounds at the side and would be refused."""
_UNSAID = frozenset(("none", "unknown", ""))
"""Data without a name of its own, such as the clock that QuickTime keeps beside the picture: its time is a tag too."""
_TEXT = frozenset({"subrip", "ass", "ssa", "webvtt", "mov_text", "text", "srt"})


@dataclass(frozen=True, kw_only=True)
class Container:
    """What a file format holds. None: anything."""

    audio: frozenset[str] | None = None
    audio_encoder: str = "aac"
    """Encoder for audio that cannot be copied; empty where the format has no sound."""
    audio_instead: Mapping[str, str] = field(default_factory=dict)
    """Encoders for audio of single codecs that cannot be copied, lossless ones."""
    subtitles: frozenset[str] = frozenset()
    text_encoder: str = ""
    """Encoder for text subtitles that cannot be copied; empty where the format has none."""
    attachments: bool = False
    covers: bool = False
    chapters: bool = True
    """Whether it holds chapters, or may."""
    frame_clock: bool = False
    """Whether its clock ticks once a frame: anything finer would count as frames that are missing."""
    video_encoder: str = "libx264"
    """Encoder unless the user names one."""
    options: tuple[str, ...] = ()
    """Options of ffmpeg's muxer, and its name: ffmpeg takes .m4v for a raw stream and does not know .mk3d."""


_MATROSKA = Container(
    # That of Blu-ray, DVD, broadcasts, QuickTime and Flash that has neither a name in Matroska nor one in WAVE.
    audio_instead={
        **dict.fromkeys(("pcm_bluray", "pcm_dvd", "s302m", "pcm_s8", "nellymoser"), "flac"),
        **dict.fromkeys(("adpcm_ima_qt", "mace3", "mace6", "qdm2", "qdmc"), "flac"),
        "pcm_f32be": "pcm_f32le",
        "pcm_f64be": "pcm_f64le",
    },
    subtitles=frozenset({"subrip", "ass", "ssa", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"}),
    text_encoder="srt",
    attachments=True,
    options=("-f", "matroska"),
)
_MP4 = Container(
    audio=_MP4_AUDIO,
    subtitles=frozenset({"mov_text"}),
    text_encoder="mov_text",
    covers=True,
    # Until ffmpeg 6, FLAC and TrueHD in mp4 counted as experimental.
    options=("-f", "mp4", "-movflags", "+faststart", "-strict", "experimental"),
)
_MOV = Container(
    audio=(_MP4_AUDIO - {"opus", "flac"}) | _PCM,
    subtitles=frozenset({"mov_text"}),
    text_encoder="mov_text",
    covers=True,
    options=("-movflags", "+faststart"),
)
_WEBM = Container(
    audio=frozenset({"opus", "vorbis"}),
    audio_encoder="libopus",
    subtitles=frozenset({"webvtt"}),
    text_encoder="webvtt",
    video_encoder="libvpx-vp9",
)
_TS = Container(
    audio=frozenset({"aac", "mp2", "mp3", "ac3", "eac3", "dts", "opus"}),
    subtitles=frozenset({"dvb_subtitle"}),
    chapters=False,
)
_AVI = Container(
    audio=frozenset({"mp2", "mp3", "ac3", "pcm_s16le"}),
    audio_encoder="libmp3lame",
    chapters=False,
    frame_clock=True,
)
_PICTURES_ALONE = Container(audio=frozenset(), audio_encoder="", chapters=False)
# A palette for each frame: one for all would need every frame in memory.
_PALETTES = "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1"
_GIF = replace(_PICTURES_ALONE, video_encoder="gif", options=("-filter:v:0", _PALETTES, "-loop", "0", "-f", "gif"))
_APNG = replace(_PICTURES_ALONE, video_encoder="apng", options=("-plays", "0", "-f", "apng"))
_WEBP = replace(_PICTURES_ALONE, video_encoder="libwebp_anim", options=("-quality", "90", "-loop", "0", "-f", "webp"))

_PNG = replace(_PICTURES_ALONE, video_encoder="png", options=("-f", "image2pipe"))
_JPEG, _TIFF, _BMP = (replace(_PNG, video_encoder=encoder) for encoder in ("mjpeg", "tiff", "bmp"))

_BY_SUFFIX = {
    ".mkv": _MATROSKA,
    ".mk3d": _MATROSKA,
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mov": _MOV,
    ".webm": _WEBM,
    ".ts": _TS,
    ".m2ts": _TS,
    ".mts": _TS,
    ".avi": _AVI,
    ".gif": _GIF,
    ".apng": _APNG,
    ".webp": _WEBP,
    ".png": _PNG,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".bmp": _BMP,
}


def container_of(path: Path) -> Container:
    """What the format that `path`'s suffix names holds; for an unknown one, audio is copied and the rest left out."""
    container = _BY_SUFFIX.get(path.suffix.lower(), Container())
    if is_picture(path) and is_numbered(path):
        return replace(container, options=("-f", "nut"))  # unpacked in the end
    return container


def is_known(path: Path) -> bool:
    """Whether more than nothing is known of the format that `path`'s suffix names."""
    return path.suffix.lower() in _BY_SUFFIX


@dataclass(frozen=True, kw_only=True)
class StreamPlan:
    """How the streams beside the picture reach the new file."""

    options: tuple[str, ...] = ()
    """ffmpeg output options; the original file is input 1, and what ``subtitles_from`` says."""
    notes: tuple[str, ...] = field(default=())
    """One line for each stream that is changed or left out, and one for chapters that are."""
    covers: tuple[Attached, ...] = ()
    """Covers that become attachments: :func:`~vs_tecogan.video.covers.attached_covers` gives the options."""


def plan_streams(
    tracks: Sequence[Track],
    container: Container,
    *,
    chapters: int = 0,
    picture: int | None = None,
    subtitles_from: int = 1,
) -> StreamPlan:
    """Decide for each audio, subtitle, attachment and cover stream, and for the chapters.

    :param tracks: streams of the original file.
    :param chapters: how many the original file has.
    :param picture: number of the stream that is the picture itself; None = the first that is video.
    :param subtitles_from: number of the input for subtitles, the original file too.
    """
    options: list[str] = []
    notes: list[str] = []
    # The picture itself is v:0, so that covers begin at v:1.
    count = {"audio": 0, "subtitle": 0, "attachment": 0, "cover": 1}
    if picture is None:
        picture = next((track.index for track in tracks if track.kind == "video" and not track.is_cover), None)
    attached = sum(track.kind == "attachment" for track in tracks)
    covers: list[Attached] = []
    for track in tracks:
        kind = "cover" if track.is_cover else track.kind
        if kind == "cover" and container.attachments and track.codec in PICTURES:
            covers.append(Attached(index=track.index, codec=track.codec, place=attached + len(covers)))
            continue
        encoder = _encoder(kind, track.codec, container)
        if encoder is None:
            if kind in count:
                notes.append(f"stream {track.index} ({kind}, {track.codec}) does not fit this container: left out")
            elif kind == "data" and track.codec not in _UNSAID:
                notes.append(f"stream {track.index} (data, {track.codec}) is no sound and no subtitle: left out")
            elif kind == "video" and track.index != picture:
                notes.append(f"stream {track.index} (video, {track.codec}) is another video: left out")
            continue
        stream = f"{_LETTERS[kind]}:{count[kind]}"
        count[kind] += 1
        number = subtitles_from if kind == "subtitle" else 1
        options += ["-map", f"{number}:{track.index}", f"-map_metadata:s:{stream}", f"{number}:s:{track.index}"]
        options += [f"-c:{stream}", encoder]
        if encoder == "libopus":
            options += [f"-filter:{stream}", _OPUS_LAYOUTS]
        if kind == "cover":
            options += [f"-disposition:{stream}", "attached_pic"]
        if encoder != "copy":
            notes.append(f"stream {track.index} ({kind}, {track.codec}) does not fit this container: now {encoder}")
    if chapters and not container.chapters:
        notes.append(f"chapters ({chapters}) do not fit this container: left out")
    return StreamPlan(options=tuple(options), notes=tuple(notes), covers=tuple(covers))


def _encoder(kind: str, codec: str, container: Container) -> str | None:
    """ "copy", the name of an encoder, or None for a stream that is left out."""
    match kind:
        case "audio":
            fits = container.audio is None or codec in container.audio
            return container.audio_instead.get(codec, "copy" if fits else container.audio_encoder or None)
        case "subtitle" if codec in container.subtitles:
            return "copy"
        case "subtitle" if codec in _TEXT and container.text_encoder:
            return container.text_encoder
        case "attachment" if container.attachments:
            return "copy"
        case "cover" if container.covers:
            return "copy"
    return None
