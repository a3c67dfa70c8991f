"""The way of a script through vspipe: both ends are decoded, and nothing is lost between them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import vapoursynth as vs

from vs_tecogan.cli import main
from vs_tecogan.video import ffmpeg as ff

from ..test_filter_pipes import vspipe
from ..video.test_side_data import HDR10
from .conftest import inspect

SCRIPT = """
import vapoursynth as vs
shape = dict(width=64, height=48, length=3, fpsnum=24000, fpsden=1001)
clip = vs.core.std.BlankClip(format=vs.{form}, color=[60, 100, 160], **shape)
clip.std.SetFrameProps(**{props}).set_output()
"""
TAGS = ("_Matrix", "_Primaries", "_Transfer", "_Range", "_ChromaLocation", "_SARNum", "_SARDen")
FULL = {"_Matrix": 5, "_Primaries": 5, "_Transfer": 6, "_Range": 1, "_ChromaLocation": 2, "_SARNum": 64, "_SARDen": 45}
HD = {"_Matrix": 1, "_Primaries": 1, "_Transfer": 1, "_Range": 0, "_ChromaLocation": 0, "_SARNum": 1, "_SARDen": 1}
DVD = {"_Matrix": 6, "_Primaries": 6, "_Transfer": 6, "_Range": 0, "_ChromaLocation": 0, "_SARNum": 4, "_SARDen": 3}
WIDE = {"_Matrix": 9, "_Primaries": 9, "_Transfer": 16, "_Range": 0, "_ChromaLocation": 2, "_SARNum": 1, "_SARDen": 1}


def written(folder: Path, form: str = "YUV420P8", **props: Any) -> Path:
    script = folder / "a.vpy"
    script.write_text(SCRIPT.format(form=form, props=repr(props)))
    return script


def words_for(script: Path, capfd: pytest.CaptureFixture[str], *options: str) -> list[str]:
    capfd.readouterr()
    assert main(["vspipe-args", str(script), *options]) == 0
    printed = capfd.readouterr()
    assert printed.out.count("\n") == 1, printed
    return printed.out.split()


@pytest.mark.parametrize("ffmpeg", [path for path in ff.candidates() if not ff.fault_of(path)])
@pytest.mark.parametrize("props", [FULL, HD, DVD])
def test_both_ends_are_the_same(
    props: dict[str, int], ffmpeg: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch full range made limited, chroma moved, pixels made square, colours converted or tags lost."""
    script, out = written(tmp_path, **props), tmp_path / "out.mkv"
    words = words_for(script, capfd)
    with vspipe(script, "-c", "y4m") as pipe:
        command = [ffmpeg, "-v", "error", *words, "-c:v", "libx264", "-qp", "0", str(out)]
        subprocess.run(command, stdin=pipe.stdout, check=True)
    after = inspect(out)
    assert after.frames == 3
    assert {name: int(after.props[name]) for name in TAGS} == props
    clip = vs.core.bs.VideoSource(str(out), cachemode=0, showprogress=False)
    with clip.get_frame(1) as frame:
        assert [frame[plane][0, 0] for plane in range(3)] == [60, 100, 160]  # not one of them was converted


def test_hdr10_stays(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch mastering display or light levels lost, without a word."""
    script, out = written(tmp_path, "YUV420P10", **WIDE, **HDR10), tmp_path / "out.mkv"
    assert main(["vspipe-args", str(script)]) == 0
    assert "--codec libx265" in capfd.readouterr().err
    words = words_for(script, capfd, "--codec", "libx264")
    with vspipe(script, "-c", "y4m") as pipe:
        command = [ff.find_ffmpeg("libx264"), "-v", "error", *words, "-c:v", "libx264", str(out)]
        subprocess.run(command, stdin=pipe.stdout, check=True)
    props = inspect(out).props
    for name, value in HDR10.items():
        assert props[name] == pytest.approx(value, abs=1e-3), name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SCRIPT.format(form="RGB24", props="{}"), "RGB24, which y4m does not hold"),
        ("import vapoursynth as vs\nvs.core.std.BlankClip(format=vs.YUV420P8, fpsnum=0).set_output()\n", "--timecodes"),
        ("import vapoursynth as vs\n", "sets no output 0"),
    ],
)
def test_what_y4m_lacks_is_one_line(text: str, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch options for a stream that vspipe will not write."""
    script = tmp_path / "a.vpy"
    script.write_text(text)
    assert main(["vspipe-args", str(script)]) == 2
    printed = capfd.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and said in printed.err
