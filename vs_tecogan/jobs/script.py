"""A VapourSynth script as a source: its output 0, as vspipe would show it."""

from __future__ import annotations

import os
import runpy
from collections.abc import Mapping
from contextlib import chdir
from fractions import Fraction
from pathlib import Path
from typing import Any

import vapoursynth as vs

from ..errors import VideoError
from ..tracebacks import innermost
from ..video.probe import Probe, probe
from ..video.source import Source, Track, list_tracks
from ..video.timeline import Timeline

_NAME = "__vapoursynth__"
"""The value of ``__name__`` in a script, as in vspipe."""


def open_script(path: Path, arguments: Mapping[str, str], *, audio: Path | None = None) -> Source:
    """Run a script and take its output 0. The folder of the script is the current one while it runs.

    :param arguments: variables that the script is given, text each, as by ``vspipe --arg``.
    :param audio: file that sound, subtitles, chapters and tags come from.
    :raises VideoError: the script fails, or has no output 0 of constant format, size and rate.
    """
    clip = run_script(path, arguments)
    if clip.width == 0 or clip.format is None or clip.format.id == 0:
        raise VideoError(f"output 0 of {path} varies in format or size; make both constant")
    rate = Fraction(clip.fps)
    if not rate:
        raise VideoError(f"output 0 of {path} has a variable frame rate; make it constant, as by std.AssumeFPS")
    asked = probe(audio) if audio else Probe(videos={})
    # The picture begins with the file of the sound, whatever the time on that file's clock is then.
    timeline = Timeline(time_base=1 / rate, ticks=tuple(range(clip.num_frames)), start=asked.start, frame_rate=rate)
    picture = Track(index=-1, kind="video", codec="rawvideo")
    tracks = [track for track in list_tracks(audio) if track.kind != "video" or track.is_cover] if audio else []
    return Source(
        path=audio or path, clip=clip, timeline=timeline, video=picture, tracks=(picture, *tracks), probe=asked
    )


def run_script(path: Path, arguments: Mapping[str, str]) -> vs.VideoNode:
    """Output 0 of a script.

    :raises VideoError: the script fails, or has no output 0.
    """
    vs.clear_outputs()
    given: dict[str, Any] = dict(arguments)
    try:
        with chdir(path.parent):
            runpy.run_path(os.fspath(path.absolute()), init_globals=given, run_name=_NAME)
        output = vs.get_output(0)
    except KeyError:
        raise VideoError(f"{path} sets no output 0; end it with clip.set_output()") from None
    except SystemExit as end:
        raise VideoError(f"{path} ended by itself with code {end.code}") from None
    except Exception as error:  # whatever a script of the user's may raise
        kind, text = innermost(error)
        raise VideoError(f"{path} failed: {kind or type(error).__name__}: {text}") from None
    finally:
        vs.clear_outputs()
    clip = getattr(output, "clip", output)
    if not isinstance(clip, vs.VideoNode):
        raise VideoError(f"output 0 of {path} is no video")
    return clip


def upscales(clip: vs.VideoNode) -> bool:
    """Whether a script has used the filter by itself; renders the first frame."""
    with clip.get_frame(0) as frame:
        return "TecoganModel" in frame.props
