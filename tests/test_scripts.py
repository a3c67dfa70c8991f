"""The shell scripts, without a new environment: their words, their reuse, and what the demo makes."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SCRIPTS = ("scripts/demo.sh", "scripts/test.sh", "scripts/_venv.sh", ".ci/run")


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_parse(name: str) -> None:
    """Would catch a script that bash cannot read."""
    done = subprocess.run(["bash", "-n", REPOSITORY / name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A stand-in checkout whose Python makes an environment at once and notes each installation."""
    root = tmp_path / "checkout"
    (root / "scripts").mkdir(parents=True)
    (root / "csrc").mkdir()
    (root / "csrc" / "a.h").write_text("int a;")
    for name in ("pyproject.toml", "setup.py"):
        (root / name).write_text("x")
    shutil.copy(REPOSITORY / "scripts/_venv.sh", root / "scripts")
    python = tmp_path / "python3.12"
    body = f'case "$*" in *"-m venv"*) mkdir -p {root}/.venv/bin; cp "$0" {root}/.venv/bin/python;;'
    python.write_text(f'#!/bin/sh\n{body} *"-m pip"*) echo "$@" >>{tmp_path}/installed;; esac\n')
    python.chmod(0o755)
    return root


def ensure(checkout: Path, extra: str = "") -> int:
    """Run ensure_venv; return how many installations there have been."""
    line = f"set -euo pipefail; source {checkout}/scripts/_venv.sh; ensure_venv {extra}"
    env = {"PATH": "/usr/bin:/bin", "PYTHON": str(checkout.parent / "python3.12")}
    subprocess.run(["bash", "-c", line], env=env, check=True, capture_output=True)
    return len((checkout.parent / "installed").read_text().splitlines())


def test_environment_is_reused(checkout: Path) -> None:
    """Would catch pip run each time, a changed source that is not built again, or an extra that is never installed."""
    assert ensure(checkout) == 1
    assert ensure(checkout) == 1
    assert ensure(checkout, "dev") == 2
    assert ensure(checkout, "dev") == 2
    assert ensure(checkout) == 2
    (checkout / "csrc" / "a.h").write_text("int b;")
    assert ensure(checkout, "dev") == 3


def test_demo_leaves_its_input_alone(checkout: Path, tmp_path: Path) -> None:
    """Would catch a user's photo.png replaced by the picture beside photo.mkv."""
    shutil.copy(REPOSITORY / "scripts/demo.sh", checkout / "scripts")
    (tmp_path / "photo.png").write_text("input")
    env = {"PATH": "/usr/bin:/bin", "PYTHON": str(tmp_path / "python3.12")}
    command = ["bash", checkout / "scripts/demo.sh", "photo.png", "photo.mkv"]
    run = {"cwd": tmp_path, "env": env, "capture_output": True, "text": True}
    done = subprocess.run(command, check=False, **run)
    assert done.returncode == 0 and done.stderr.endswith("output: photo-picture.png\n"), done.stderr


def test_demo_parts(tiny_file: Path, tmp_path: Path) -> None:
    """Would catch a demo clip that is not the same each time, or a picture that is not input beside output."""
    from vs_tecogan.cli import main

    clips = [tmp_path / "a.mkv", tmp_path / "b.mkv"]
    for clip in clips:
        subprocess.run([sys.executable, REPOSITORY / "scripts/demo.py", "clip", clip], check=True)
    assert clips[0].stat().st_size == clips[1].stat().st_size
    out, picture = tmp_path / "out.mkv", tmp_path / "out.png"
    assert main(["upscale", str(clips[0]), str(out), "--model", str(tiny_file), "--end", "2", "-q"]) == 0
    command = [sys.executable, REPOSITORY / "scripts/demo.py", "picture", clips[0], out, picture]
    subprocess.run(command, check=True)
    data = picture.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (1280, 480)


def test_crops_are_cut_where_they_were_asked_for(tiny_file: Path, tmp_path: Path) -> None:
    """Would catch tiles of another frame or corner, a model left out, or a traceback for a crop beyond the frame."""
    import numpy as np

    from vs_tecogan.metrics.sources import open_clip

    cv2 = pytest.importorskip("cv2")
    clip, out = tmp_path / "a.mkv", tmp_path / "crops.png"
    subprocess.run([sys.executable, REPOSITORY / "scripts/demo.py", "clip", clip], check=True)
    options = ["--models", tiny_file, "--size", "40x30", "--frames", "3", "--zoom", "1", "--device", "cpu"]
    command = [sys.executable, REPOSITORY / "scripts/crops.py", out, *options, "--crop"]
    subprocess.run([*command, f"{clip}:7:20,50"], check=True)
    picture = cv2.imread(str(out))[..., ::-1]
    assert picture.shape == (30, 3 * 40, 3)
    original = list(open_clip(clip).frames())[7][50:80, 20:60]
    assert np.array_equal(picture[:, 80:], original)
    distances = [np.abs(picture[:, at : at + 40].astype(int) - original).mean() for at in (0, 40)]
    assert min(distances) > 0 and max(distances) < 40 and distances[0] != distances[1]
    done = subprocess.run([*command, f"{clip}:7:150,50"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "has 48 frames of 160x120" in done.stderr


def test_moving_picture(tiny_file: Path, tmp_path: Path) -> None:
    """Would catch panels in another order, frames that are lost, or an original that is not the original."""
    import numpy as np

    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("cv2")
    clip, out = tmp_path / "a.mkv", tmp_path / "out.png"
    subprocess.run([sys.executable, REPOSITORY / "scripts/demo.py", "clip", clip], check=True)
    options = ["--model", tiny_file, "--start", "4", "--frames", "3", "--crop", "40,30,100,60"]
    subprocess.run([sys.executable, REPOSITORY / "scripts/moving_picture.py", clip, out, *options], check=True)
    with image.open(out) as picture:
        assert (picture.size, picture.n_frames) == ((3 * 100 + 2 * 6, 60), 3)
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    bicubic, model, original = (pixels[24:, at : at + 100] for at in (0, 106, 212))
    assert np.abs(bicubic - original).mean() > 1
    assert np.abs(model - bicubic).max() > 0
    assert original[1:].std() > bicubic[1:].std()
