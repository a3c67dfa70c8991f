"""Which options go to parts, which to the join, and which keep a job from being cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from vs_tecogan.jobs.cuttable import OptionSplit, cut_options

MKV = Path("a.mkv")


@pytest.mark.parametrize(
    ("options", "encoder", "muxer"),
    [
        ("", "", ""),
        ("-tune grain -an -pix_fmt yuv420p10le", "-tune grain -pix_fmt yuv420p10le", "-an"),
        ("-c:a flac -b:a 128k -filter:a volume=2 -sn", "", "-c:a flac -b:a 128k -filter:a volume=2 -sn"),
        ("-q:v 2 -q:a 3 -x264-params aq-mode=3", "-q:v 2 -x264-params aq-mode=3", "-q:a 3"),
        ("-metadata title=x -metadata:s:a language=swe", "", "-metadata title=x -metadata:s:a language=swe"),
        ("-crf 20 -b:v 0", "-crf 20 -b:v 0", ""),
    ],
)
def test_options_are_shared_out(options: str, encoder: str, muxer: str) -> None:
    """Would catch an option of the sound given to each part, and one of the encoder given to the join."""
    wanted = OptionSplit(encoder=tuple(encoder.split()), muxer=tuple(muxer.split()))
    assert cut_options(MKV, "libx264", None, options.split()) == wanted


@pytest.mark.parametrize(
    "options",
    [
        "-b:v 4M", "-b 4M", "-pass 1", "-vf fps=5", "-filter:v hqdn3d", "-filter_complex x", "-bsf:v x", "-r 24",
        "-t 5", "-frames:v 9", "-map 1:v", "-c:v copy", "-x264-params pass=2", "-x265-params vbv-maxrate=9", "-f null",
        "-crf", "-svtav1-params rc=1", "-maxrate 5M", "-unheard-of 3",
    ],
)  # fmt: skip
def test_what_concerns_the_whole_is_not_cut(options: str) -> None:
    """Would catch a bit rate spent in each part anew, frames dropped in each, and an option nobody knows."""
    assert isinstance(cut_options(MKV, "libx264", None, options.split()), str)


@pytest.mark.parametrize(
    ("out", "codec", "crf", "options", "cut"),
    [
        ("a.mkv", "ffv1", None, "", True),
        ("a.mov", "prores_ks", None, "", True),
        ("a.mkv", "mpeg4", None, "", False),
        ("a.mkv", "mpeg4", None, "-q:v 2", True),
        ("a.mkv", "h264_nvenc", None, "", False),
        ("a.mkv", "h264_nvenc", None, "-cq 18", True),
        ("a.avi", "libx264", None, "", False),
        ("a.nut", "libx264", None, "", False),
        ("a.apng", "apng", None, "", False),
    ],
)
def test_encoders_and_containers(out: str, codec: str, crf: float | None, options: str, cut: bool) -> None:
    """Would catch an encoder that plans by bit rate cut all the same, and one by quality that is not."""
    assert isinstance(cut_options(Path(out), codec, crf, options.split()), OptionSplit) is cut
