"""Frames that are stored in fields: whole pictures and two moments are told apart, and each has its option."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import vapoursynth as vs

from vs_tecogan.errors import VideoError
from vs_tecogan.video.fields import FieldOptions, as_progressive, has_deinterlacer, read_idet
from vs_tecogan.video.source import open_source
from vs_tecogan.video.warnings import warnings

from ..cli.conftest import Command, ffmpeg, inspect

MOVING = "testsrc2=size=96x80:rate={rate}:duration=0.48,scroll=h=0.03"
IN_FIELDS = ("-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ilme+ildct", "-colorspace", "bt470bg")


def in_fields(folder: Path, *, whole: bool, order: str = "tff") -> Path:
    """Twelve frames of a moving picture, stored in fields of one moment or of two."""
    out = folder / f"{'whole' if whole else 'woven'}-{order}.mpg"
    weave = "" if whole else f",tinterlace=interleave_{'top' if order == 'tff' else 'bottom'}"
    picture = f"{MOVING.format(rate=25 if whole else 50)}{weave},setfield={order}"
    ffmpeg("-f", "lavfi", "-i", picture, *IN_FIELDS, out)
    return out


@pytest.fixture
def deinterlacer() -> None:
    if not has_deinterlacer():
        pytest.skip("bwdif is not installed")


@pytest.mark.parametrize(("whole", "option"), [(True, "--field-order progressive"), (False, "--deinterlace")])
def test_the_refusal_names_the_right_option(whole: bool, option: str, command: Command, tmp_path: Path) -> None:
    """Would catch film that is told to be deinterlaced, video that is told to be film, and work done before that."""
    source = in_fields(tmp_path, whole=whole)
    done = command("upscale", source, tmp_path / "out.mkv")
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert "interlaced at frame 0 (top field first)" in done.err and option in done.err
    assert ("--field-order" in done.err) is whole
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


def test_film_in_fields_is_taken_as_it_is(command: Command, tmp_path: Path) -> None:
    """Would catch an option that is not heard, frames lost by it, and a new file that says that it is interlaced."""
    source, out = in_fields(tmp_path, whole=True), tmp_path / "out.mkv"
    done = command("upscale", source, out, "-q", "--field-order", "progressive", "--warmup", "0")
    assert done.code == 0, done.err
    assert inspect(out).frames == 12
    assert inspect(out).props.get("_FieldBased", 0) == 0


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_deinterlace(order: str, deinterlacer: None, command: Command, tmp_path: Path) -> None:
    """Would catch the wrong field kept, or the wrong order believed: frame n is the picture of its own first moment."""
    source = in_fields(tmp_path, whole=False, order=order)
    clip = open_source(source, fields=FieldOptions(deinterlace=True)).clip
    truth = tmp_path / "truth.mkv"
    ffmpeg("-f", "lavfi", "-i", MOVING.format(rate=50), "-c:v", "ffv1", "-pix_fmt", "yuv420p", truth)
    moments = open_source(truth).clip
    assert clip.num_frames == 12
    for n in (3, 7):
        near, far = (_difference(clip, n, moments, 2 * n + shift) for shift in (0, 1))
        assert near < 0.7 * far, (near, far)
    done = command("upscale", source, tmp_path / "out.mkv", "--deinterlace", "--end", "2")
    assert done.code == 0, done.err


def _difference(clip: vs.VideoNode, n: int, other: vs.VideoNode, m: int) -> float:
    one, two = (np.asarray(node.get_frame(k)[0], dtype=float)[8:-8, 8:-8] for node, k in ((clip, n), (other, m)))
    return float(np.abs(one - two).mean())


def test_whole_frames_are_left_alone(deinterlacer: None) -> None:
    """Would catch progressive parts of a broadcast blurred by the deinterlacer, unless the user says what they are."""
    blank = vs.core.std.BlankClip(format=vs.YUV420P8, width=32, height=32, length=3)
    lines = _lines(blank)
    mixed = lines.std.SetFieldBased(0)[0] + lines.std.SetFieldBased(2)[1:]
    made = as_progressive(mixed, FieldOptions(deinterlace=True))
    changed = [_difference(made, n, mixed, n) > 1 for n in range(3)]
    assert changed == [False, True, True]
    forced = as_progressive(mixed, FieldOptions(order="tff", deinterlace=True))
    assert _difference(forced, 0, mixed, 0) > 1
    assert [frame.props["_FieldBased"] for frame in made.frames()] == [0, 0, 0]


def _lines(clip: vs.VideoNode) -> vs.VideoNode:
    def paint(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame = f.copy()
        np.asarray(frame[0])[n % 2 :: 2] = 200
        return frame

    return clip.std.ModifyFrame(clip, paint)


def test_a_missing_deinterlacer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch an AttributeError where bwdif is not installed."""
    monkeypatch.setattr("vs_tecogan.video.fields.has_deinterlacer", lambda: False)
    with pytest.raises(VideoError, match="pip install vapoursynth-bwdif"):
        as_progressive(vs.core.std.BlankClip(), FieldOptions(deinterlace=True))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--field-order", "tff"), "--deinterlace too"),
        (("--field-order", "progressive", "--deinterlace"), "one of them"),
    ],
)
def test_options_that_do_not_fit(words: tuple[str, ...], said: str, film: Path, command: Command) -> None:
    """Would catch an option that changes nothing."""
    done = command("upscale", film, film.with_name("o.mkv"), *words)
    assert (done.code, done.err.count("\n")) == (2, 1) and said in done.err


def test_idet() -> None:
    """Would catch numbers of a filter that ffmpeg made and threw away, and a decision on nothing."""
    line = "[Parsed_idet_0 @ 0x1] Multi frame detection: TFF: {:5} BFF: 0 Progressive: {:5} Undetermined: {:5}\n"
    assert read_idet(line.format(0, 0, 0) + line.format(1, 3, 2)).share == 0.75
    assert read_idet(line.format(1, 3, 9)).share is None
    assert read_idet("no such filter").share is None


@pytest.mark.parametrize("woven", [True, False])
def test_fields_that_the_file_hides_are_said(woven: bool, tmp_path: Path) -> None:
    """Would catch combs upscaled without a word, where a file was tagged wrongly; and a word where there are none."""
    source = tmp_path / "in.mkv"
    weave = ",tinterlace=interleave_bottom,setfield=prog" if woven else ""
    picture = f"testsrc2=size=64x576:rate={50 if woven else 25}:duration=0.48,scroll=h=0.03{weave}"
    ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "libx264", source)
    lines = [line for line in warnings(open_source(source)) if "looks interlaced" in line]
    assert len(lines) == woven
    assert all("--deinterlace --field-order bff" in line for line in lines)
    told = open_source(source, fields=FieldOptions(order="progressive"))
    assert not [line for line in warnings(told) if "interlaced" in line]
