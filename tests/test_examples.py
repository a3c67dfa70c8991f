"""Every file of ``examples/`` runs as it is, on a tiny clip: an example that does not work is worse than none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import vapoursynth as vs

from vs_tecogan.video.ffmpeg import find_ffmpeg

from .conftest import REPOSITORY

EXAMPLES = REPOSITORY / "examples"
TESTED = {"upscale.vpy", "tiles.vpy", "scenes.vpy", "compressed.vpy", "compare.vpy", "smoke.vpy", "generated.vpy",
          "loop.vpy", "render.sh", "mix.sh", "frames.py", "measure.py"}  # fmt: skip
SIZE, LENGTH = (48, 32), 3


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short tagged H.264 file of moving stripes."""
    path = tmp_path_factory.mktemp("clip") / "in.mkv"
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    frames = [(128 + 80 * np.sin((x + y + 2 * n) / 4)).astype(np.uint8)[..., None].repeat(3, -1) for n in range(LENGTH)]
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIZE[0]}x{SIZE[1]}", "-r", "25", "-i", "-")
    tags = ("-colorspace", "smpte170m", "-color_range", "tv")
    command = [find_ffmpeg(), "-v", "error", *raw, "-vf", "format=yuv420p", *tags, "-c:v", "libx264", "-qp", "0", path]
    subprocess.run(command, input=b"".join(frame.tobytes() for frame in frames), check=True)
    return path


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """This Python's programs first on PATH, the package of this checkout, and one thread."""
    programs = tmp_path_factory.mktemp("bin")
    command = programs / "vs-tecogan"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vs_tecogan "$@"\n')
    command.chmod(0o755)
    path = os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"]))
    return {**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY), "FFMPEG": find_ffmpeg(), "OMP_NUM_THREADS": "1"}


def run(environment: dict[str, str], *words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program; its messages are shown where it fails."""
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False, cwd=cwd, env=environment)
    assert done.returncode == 0, done.stderr
    return done


def size_of(path: Path) -> tuple[int, int, int]:
    """Width, height and frames of a video."""
    clip = vs.core.bs.VideoSource(str(path), cachemode=0, showprogress=False)
    return clip.width, clip.height, clip.num_frames


def test_every_example_is_tested_and_listed() -> None:
    """Would catch an example that nobody runs, or that the page does not name."""
    files = {path.name for path in EXAMPLES.iterdir() if path.suffix != ".md"}
    assert files == TESTED
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"({name})" in page for name in files)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("upscale.vpy", (192, 128)),
        ("tiles.vpy", (192, 128)),
        ("scenes.vpy", (192, 128)),
        ("compressed.vpy", (96, 64)),
        ("compare.vpy", (384, 128)),
    ],
)
def test_scripts(name: str, size: tuple[int, int], clip: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """Would catch a script with an option that has gone, or whose output has another size."""
    run(environment, "vspipe", "--arg", f"source={clip}", "-c", "y4m", EXAMPLES / name, "out.y4m", cwd=tmp_path)
    head, _, _ = (tmp_path / "out.y4m").read_bytes().partition(b"\n")
    assert f"W{size[0]} H{size[1]} ".encode() in head + b" "


@pytest.mark.slow
def test_smoke(environment: dict[str, str], tmp_path: Path) -> None:
    """Would catch a script of smoke whose clips do not fit together."""
    run(environment, "vspipe", "-e", "1", "-c", "y4m", EXAMPLES / "smoke.vpy", "out.y4m", cwd=tmp_path)
    assert b"W768 H256 " in (tmp_path / "out.y4m").read_bytes()[:80]


@pytest.mark.slow
def test_generated(environment: dict[str, str], tmp_path: Path) -> None:
    """Would catch a model of video from seeds that its script cannot open."""
    run(environment, "vspipe", "-e", "1", "-c", "y4m", EXAMPLES / "generated.vpy", "out.y4m", cwd=tmp_path)
    assert b"W512 H256 " in (tmp_path / "out.y4m").read_bytes()[:80]


@pytest.mark.slow
def test_loop(environment: dict[str, str], tmp_path: Path) -> None:
    """Would catch a loop whose second turn differs from the first, or a script that does not take its arguments."""
    words = ("vspipe", "-a", "loop=8", "-a", "seed=3", "-c", "y4m", EXAMPLES / "loop.vpy", "out.y4m")
    run(environment, *words, cwd=tmp_path)
    data = (tmp_path / "out.y4m").read_bytes()
    assert b"W128 H96 " in data[:80] and data.count(b"FRAME") == 8


@pytest.mark.slow
def test_render(clip: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """Would catch a pipe that loses frames or the colour tags."""
    words = ("bash", EXAMPLES / "render.sh", EXAMPLES / "upscale.vpy", clip, "out.mkv")
    run(environment, *words, cwd=tmp_path)
    assert size_of(tmp_path / "out.mkv") == (192, 128, LENGTH)
    with vs.core.bs.VideoSource(str(tmp_path / "out.mkv"), cachemode=0).get_frame(0) as frame:
        assert frame.props["_Matrix"] == vs.MATRIX_ST170_M


@pytest.mark.slow
def test_mix(clip: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """Would catch a mix whose model does not open."""
    both = ("recurrent-4x", "recurrent-texture-4x")
    run(environment, "bash", EXAMPLES / "mix.sh", clip, "out.mkv", "0.3", *both, cwd=tmp_path)
    assert size_of(tmp_path / "out.mkv") == (192, 128, LENGTH)


@pytest.mark.slow
def test_frames(environment: dict[str, str], tmp_path: Path) -> None:
    """Would catch pictures of another size, swapped channels, or a state that is not carried on."""
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "in").mkdir()
    for n in range(2):
        image.new("RGB", (24, 16), (200, 90, 40)).save(tmp_path / "in" / f"{n}.png")
    run(environment, sys.executable, EXAMPLES / "frames.py", "in", "out", "recurrent-small-2x", cwd=tmp_path)
    pixels = np.asarray(image.open(tmp_path / "out" / "1.png"))
    assert pixels.shape == (32, 48, 3)
    assert np.abs(pixels[12:20, 20:28].astype(int) - (200, 90, 40)).max() <= 4


@pytest.mark.slow
def test_measure(clip: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """Would catch a clip that differs from itself."""
    pytest.importorskip("cv2")
    done = run(environment, sys.executable, EXAMPLES / "measure.py", clip, clip, cwd=tmp_path)
    assert "psnr inf" in done.stdout and "ssim 1.000" in done.stdout
