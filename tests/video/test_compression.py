"""Which sources count as clean."""

import re
import subprocess

from vs_tecogan.video.compression import _CLEAN, is_clean
from vs_tecogan.video.ffmpeg import find_ffmpeg


def test_names_are_ffmpegs() -> None:
    """Would catch a misspelt name, whose files would go to the model for compressed ones."""
    listing = subprocess.run([find_ffmpeg(), "-v", "quiet", "-codecs"], capture_output=True, text=True, check=True)
    known = set(re.findall(r"^ \S{6} (\S+) ", listing.stdout, re.MULTILINE))
    assert len(known) > 100
    assert known >= _CLEAN


def test_what_discs_and_cameras_hold_is_not_clean() -> None:
    """Would catch the codecs of distribution among the clean ones."""
    assert not any(map(is_clean, ("h264", "hevc", "mpeg2video", "mpeg4", "vp9", "av1", "mjpeg", "dvvideo", "none", "")))
    assert all(map(is_clean, ("ffv1", "rawvideo", "prores", "dnxhd", "utvideo")))
