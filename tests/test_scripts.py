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
