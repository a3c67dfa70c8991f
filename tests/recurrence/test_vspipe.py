"""The same bytes out of vspipe, whatever it has in flight."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vs_tecogan.recurrence import Schedule

from .standin import Hash, reference

REPOSITORY = Path(__file__).resolve().parents[2]
N = 150
SCRIPT = f"""
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from tests.recurrence.standin import Hash, Source, build
from vs_tecogan.recurrence import Schedule
schedule = Schedule(restart=40, warmup=5, checkpoint=8)
build(Source({N}, jitter=0.001), schedule, {{0, 33, 90}}, Hash()).set_output()
"""


@pytest.fixture(scope="module")
def vspipe() -> tuple[str, dict[str, str]]:
    """The vspipe beside this Python, and the environment in which it finds it."""
    folder = Path(sys.executable).parent
    found = shutil.which("vspipe", path=f"{folder}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip("no vspipe beside this Python or on PATH")
    return found, {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}


@pytest.mark.parametrize("requests", [1, 8, 32])
def test_vspipe(vspipe: tuple[str, dict[str, str]], tmp_path: Path, requests: int) -> None:
    """Catches output that depends on the requests in flight, and anything printed into the video on stdout."""
    command, environment = vspipe
    script = tmp_path / "script.vpy"
    script.write_text(SCRIPT, encoding="utf-8")
    result = subprocess.run(
        [command, "-r", str(requests), str(script), "-"],
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    schedule = Schedule(restart=40, warmup=5, checkpoint=8)
    expected = b"".join(e.pixels.tobytes() for e in reference(Hash(), N, schedule, {33, 90}))
    assert hashlib.md5(result.stdout).hexdigest() == hashlib.md5(expected).hexdigest()
