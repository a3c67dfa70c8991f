"""Scripts in ``vspipe``, into ffmpeg and x264: what an encoder does all day, for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import vapoursynth as vs

from vs_tecogan import tecogan

from .conftest import REPOSITORY

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
OPTIONS = 'device="cpu", precision="fp32", restart=4, warmup=2'

SCRIPT = """
import vapoursynth as vs
from vs_tecogan import tecogan
core = vs.core
clip = {source}
tecogan(clip, {model!r}, {options}).set_output()
"""


def environment() -> dict[str, str]:
    """vspipe finds its Python on PATH, and the package in the checkout."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
    }


def vspipe(script: Path, *arguments: str) -> subprocess.Popen[bytes]:
    program = shutil.which("vspipe", path=environment()["PATH"])
    assert program, "vspipe is part of the vapoursynth wheel"
    command = [program, *arguments, str(script), "-"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())


def write_script(folder: Path, source: str, model: Path) -> Path:
    script = folder / "script.vpy"
    script.write_text(SCRIPT.format(source=source, model=str(model), options=OPTIONS))
    return script


def run(script: Path, *command: str) -> bytes:
    """``vspipe -c y4m script - | command``; both must succeed. Returns the command's stdout."""
    with vspipe(script, "-c", "y4m") as pipe:
        done = subprocess.run(command, stdin=pipe.stdout, capture_output=True, check=False)
        errors = pipe.stderr.read().decode() if pipe.stderr else ""
    assert pipe.returncode == 0, errors
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def raw(data: bytes, width: int, height: int) -> np.ndarray:
    return np.frombuffer(data, np.uint8).reshape(-1, height * width * 3 // 2)


def direct(clip: vs.VideoNode) -> np.ndarray:
    """The frames of a YUV420P8 clip as ffmpeg's rawvideo lays them out."""
    return np.stack([np.concatenate([np.asarray(plane).ravel() for plane in frame]) for frame in clip.frames()])


def test_vspipe_into_ffmpeg(core: vs.Core, shared: Path, tiny_file: Path, tmp_path: Path) -> None:
    """Real footage: ffmpeg must decode from the pipe the very frames that a Python render gives."""
    path = str(shared / "data" / "train" / "street_dog_360p.mp4")
    source = f"core.bs.VideoSource({path!r}, cachemode=0, showprogress=False).std.CropAbs(48, 32, 200, 120)[:6]"
    data = run(write_script(tmp_path, source, tiny_file), FFMPEG, "-v", "error", "-i", "-", "-f", "rawvideo", "-")
    clip = core.bs.VideoSource(path, cachemode=0, showprogress=False).std.CropAbs(48, 32, 200, 120)[:6]
    out = tecogan(clip, tiny_file, device="cpu", precision="fp32", restart=4, warmup=2)
    frames = raw(data, 192, 128)
    assert len(frames) == 6
    np.testing.assert_array_equal(frames, direct(out))


def test_vspipe_into_libx264_and_back(core: vs.Core, tiny_file: Path, tmp_path: Path) -> None:
    """An encode decodes to the right size and number of frames, close to what went in."""
    source = "core.std.BlankClip(format=vs.YUV420P8, width=24, height=16, length=5, color=[120, 90, 160])"
    script, encoded = write_script(tmp_path, source, tiny_file), tmp_path / "out.mkv"
    run(script, FFMPEG, "-v", "error", "-i", "-", "-c:v", "libx264", "-qp", "0", str(encoded))
    back = core.bs.VideoSource(str(encoded), cachemode=0, showprogress=False)
    assert (back.width, back.height, back.num_frames) == (96, 64, 5)
    clip = core.std.BlankClip(format=vs.YUV420P8, width=24, height=16, length=5, color=[120, 90, 160])
    out = tecogan(clip, tiny_file, device="cpu", precision="fp32", restart=4, warmup=2, matrix=6)
    np.testing.assert_array_equal(direct(back), direct(out))


@pytest.mark.skipif(shutil.which("x264") is None, reason="x264 is not installed")
def test_vspipe_into_x264(core: vs.Core, tiny_file: Path, tmp_path: Path) -> None:
    """The other encoder of the field reads y4m from a pipe too."""
    source = "core.std.BlankClip(format=vs.YUV420P8, width=24, height=16, length=5)"
    encoded = tmp_path / "out.mkv"
    run(write_script(tmp_path, source, tiny_file), "x264", "--quiet", "--demuxer", "y4m", "-", "-o", str(encoded))
    back = core.bs.VideoSource(str(encoded), cachemode=0, showprogress=False)
    assert (back.width, back.height, back.num_frames) == (96, 64, 5)


def test_errors_in_vspipe(tiny_file: Path, tmp_path: Path) -> None:
    """A wrong script ends with the message, an exit status and nothing on stdout; not with a hang."""
    script = tmp_path / "script.vpy"
    source = "core.std.BlankClip(format=vs.GRAY32)"
    script.write_text(SCRIPT.format(source=source, model=str(tiny_file), options="device='cpu'"))
    with vspipe(script, "-c", "y4m") as pipe:
        out, errors = pipe.communicate(timeout=60)
    assert pipe.returncode != 0
    assert out == b""
    assert "tecogan: clip format Gray32" in errors.decode()
