"""What goes with a picture: kept where it can be, else said before the work."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from vs_tecogan.errors import VideoError
from vs_tecogan.video import ffmpeg as ff
from vs_tecogan.video.formats import beside_hdr10
from vs_tecogan.video.probe import parse_json, parse_report
from vs_tecogan.video.side_data import lost_side_data
from vs_tecogan.video.source import open_source
from vs_tecogan.video.warnings import warnings

from ..cli.conftest import Command, ffmpeg, inspect
from .conftest import encoded

HDR10: dict[str, Any] = {
    "MasteringDisplayPrimariesX": [0.68, 0.265, 0.15],
    "MasteringDisplayPrimariesY": [0.32, 0.69, 0.06],
    "MasteringDisplayWhitePointX": 0.3127,
    "MasteringDisplayWhitePointY": 0.329,
    "MasteringDisplayMaxLuminance": 1000.0,
    "MasteringDisplayMinLuminance": 0.005,
    "ContentLightLevelMax": 1000,
    "ContentLightLevelAverage": 400,
}


TOLD = ("libx265", "libx264", "libsvtav1")


@pytest.fixture(scope="module")
def hdr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames of HDR10."""
    if not ff.has_encoder(ff.find_ffmpeg("libx264"), "libx265"):
        pytest.skip("this ffmpeg has no x265 to make the input")
    out = tmp_path_factory.mktemp("hdr") / "in.mkv"
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10:duration=0.3", "-c:v", "libx265"),
        *("-pix_fmt", "yuv420p10le", "-color_primaries", "bt2020", "-colorspace", "bt2020nc"),
        *("-color_trc", "smpte2084"),
        *("-x265-params", f"log-level=error:hdr10=1:master-display={display}:max-cll=1000,400", out),
    )
    return out


@pytest.mark.parametrize(
    ("codec", "extra"),
    [
        ("libx265", ()),
        ("libx265", ("-x265-params", "log-level=error:aq-mode=1")),
        ("libx264", ("-x264-params", "aq-mode=1")),
        ("libsvtav1", ()),
        ("libsvtav1", ("-svtav1-params", "tune=0")),
        ("libaom-av1", ("-cpu-used", "8")),
        ("libvpx-vp9", ()),
        ("ffv1", ()),
        ("prores_ks", ()),
    ],
)
def test_hdr10_stays(codec: str, extra: tuple[str, ...], hdr: Path, tmp_path: Path) -> None:
    """Would catch mastering display or light levels lost: by an encoder, or by the user's own parameters for it."""
    try:
        ff.find_ffmpeg(codec)
    except VideoError:
        pytest.skip(f"no ffmpeg with {codec}")
    if not (codec in TOLD or ff.knows_light(ff.find_ffmpeg(codec))):
        pytest.skip("this ffmpeg tells three encoders alone, which is said")
    out = tmp_path / "out.mkv"
    encoded(hdr, out, codec=codec, extra=extra)
    props = inspect(out).props
    for name, value in HDR10.items():
        assert props[name] == pytest.approx(value, abs=1e-3), name


def test_hdr10_stays_where_parts_are_joined(hdr: Path, command: Command, tmp_path: Path) -> None:
    """Would catch display and light known to the parts of a job, and not to the file that they are joined into."""
    codec = "ffv1" if ff.knows_light(ff.find_ffmpeg()) else "libx264"
    out = tmp_path / "out.mkv"
    done = command("upscale", hdr, out, "--codec", codec, "--segment", "0.1", "--restart", "1", "--warmup", "0")
    assert done.code == 0 and "3 segments" in done.err and "light levels" not in done.err, done.err
    props = inspect(out).props
    for name, value in HDR10.items():
        assert props[name] == pytest.approx(value, abs=1e-3), name


def test_parameters_of_others_stay() -> None:
    """Would catch a changed option that is not the encoder's, and the user's own word overruled."""
    ours = ["-x265-params", "max-cll=1,2"]
    assert beside_hdr10(ours, ["-tune", "grain", "-x265-params:v", "max-cll=3,4"]) == [
        *("-tune", "grain", "-x265-params:v", "max-cll=1,2:max-cll=3,4")
    ]
    assert beside_hdr10([], ["-x265-params", "a=b"]) == ["-x265-params", "a=b"]


@pytest.mark.parametrize(("transfer", "name"), [("smpte2084", "PQ"), ("arib-std-b67", "HLG")])
def test_hdr_is_said(transfer: str, name: str, tmp_path: Path) -> None:
    """Would catch HDR upscaled by models that have never seen it, without a word."""
    source = tmp_path / "in.mkv"
    picture = ("-f", "lavfi", "-i", "color=gray:size=32x24:rate=5:duration=0.4,format=yuv420p10le")
    ffmpeg(*picture, "-vf", f"setparams=color_trc={transfer}", "-color_trc", transfer, "-c:v", "libx264", source)
    (line,) = warnings(open_source(source))
    assert name in line and "no model was trained on that" in line


@pytest.mark.parametrize(("pixels", "codec", "suffix"), [("yuva444p10le", "prores_ks", "mov"), ("bgra", "png", "mov")])
def test_alpha_is_said(pixels: str, codec: str, suffix: str, tmp_path: Path) -> None:
    """Would catch transparency lost without a word."""
    source = tmp_path / f"in.{suffix}"
    picture = f"testsrc2=size=32x24:rate=5:duration=0.4,format=rgba,colorchannelmixer=aa=0.5,format={pixels}"
    ffmpeg("-f", "lavfi", "-i", picture, "-c:v", codec, source)
    assert [line for line in warnings(open_source(source)) if "alpha" in line]


def test_what_is_lost_is_said() -> None:
    """Would catch metadata of any kind that vanishes, and a word about what stays."""
    assert list(lost_side_data({"_Transfer": 1}, "libx264", captions=False)) == []
    assert list(lost_side_data(HDR10, "libx265", captions=False)) == []
    (line,) = lost_side_data(HDR10, "libaom-av1", captions=False)
    assert "libaom-av1" in line
    props = {"DolbyVisionRPU": b"", "HDR10Plus": b""}
    lines = list(lost_side_data(props, "libx265", captions=True))
    assert [word in text for word, text in zip(("captions", "Dolby", "HDR10+"), lines, strict=True)] == [True] * 3


def test_captions_are_known() -> None:
    """Would catch captions in the picture that one of the two ways of asking does not tell."""
    report = (
        "  Stream #0:0: Video: h264 (High), yuv420p(progressive), 64x48 [SAR 1:1 DAR 4:3], Closed Captions, 25 fps\n"
    )
    assert parse_report(report).videos[0].captions
    assert not parse_report(report.replace(", Closed Captions", "")).videos[0].captions
    stream = {"index": 0, "codec_type": "video", "width": 64, "height": 48, "closed_captions": 1}
    assert parse_json(json.dumps({"streams": [stream]}), "").videos[0].captions


@pytest.mark.parametrize(("codec", "suffix"), [("mjpeg", "jpg"), ("png", "png")])
@pytest.mark.parametrize("out_suffix", ["mkv", "mp4"])
def test_cover_stays(codec: str, suffix: str, out_suffix: str, tmp_path: Path) -> None:
    """Would catch a cover that is lost, or is made a second video, or comes out with other bytes."""
    source, font = tmp_path / "in.mkv", tmp_path / "font.ttf"
    picture, out = tmp_path / f"cover.{suffix}", tmp_path / f"out.{out_suffix}"
    font.write_bytes(bytes(100))
    lavfi = ("-f", "lavfi", "-i")
    ffmpeg(*lavfi, "color=red:size=16x16", "-frames:v", "1", "-c:v", codec, "-update", "1", picture)
    ffmpeg(
        *(*lavfi, "testsrc2=size=32x24:rate=5:duration=0.4", "-c:v", "libx264", "-attach", font),
        *("-metadata:s:t:0", "mimetype=application/x-truetype-font", "-attach", picture),
        *("-metadata:s:t:1", f"mimetype=image/{'jpeg' if suffix == 'jpg' else 'png'}", source),
    )
    notes = encoded(source, out)
    assert [line for line in notes if "cover" in line] == []
    said = ffmpeg("-i", out)
    assert said.count("(attached pic)") == 1, said
    assert said.count(": Video: ") == 2, said
    if out_suffix == "mkv":
        assert f"filename        : cover.{suffix}" in said
        assert ": Attachment: " in said and "font.ttf" in said
    copy = [ff.find_ffmpeg(), "-v", "error", "-i", str(out), "-map", "0:v:1", "-c", "copy", "-f", "image2pipe", "-"]
    assert subprocess.run(copy, capture_output=True, check=True).stdout == picture.read_bytes()


def test_captions_of_a_file(shared: Path, film: Path) -> None:
    """Would catch captions of the pictures lost without a word, whichever ffmpeg is at hand."""
    (line,) = warnings(open_source(shared / "cases" / "closed-captions.mkv"))
    assert "closed captions" in line
    assert list(warnings(open_source(film))) == []
