"""The script for mpv in ``docs/script.md``, on a clip as mpv gives it: of unknown length, each frame asked for once."""

from __future__ import annotations

import re

import vapoursynth as vs

from .conftest import REPOSITORY

MPV_LENGTH = (2**31 - 1) // 16
"""Frames that mpv says its clip has, whatever there is."""
BUFFERED = 16 * 4
"""Frames that mpv keeps with the options of the page."""


def test_script_for_mpv() -> None:
    """Would catch work for all frames of a clip of a hundred million, and a request for what mpv has dropped."""
    page = (REPOSITORY / "docs" / "script.md").read_text(encoding="utf-8")
    lines = re.search(r"\*\*mpv\.\*\*.*?```python\n(.*?)```", page, re.DOTALL)
    assert lines
    asked: list[int] = []

    def frame(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        if asked and n <= max(asked) - BUFFERED:
            raise vs.Error(f"frame {n} asked for after {max(asked)}")
        asked.append(n)
        return f

    blank = vs.core.std.BlankClip(format=vs.YUV420P8, width=32, height=24, length=MPV_LENGTH)
    names = {"video_in": blank.std.ModifyFrame(blank, frame)}
    vs.clear_outputs()
    try:
        exec(lines[1], names)
        shown = vs.get_output(0)
        clip = getattr(shown, "clip", shown)
        for n in range(20):
            with clip.get_frame(n) as picture:
                assert (picture.width, picture.height) == (64, 48)
    finally:
        vs.clear_outputs()
    assert set(asked) >= set(range(20)) and max(asked) < 20 + BUFFERED
    assert "buffered-frames=16:concurrent-frames=4" in page
