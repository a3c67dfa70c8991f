"""Everything is killed with -9 at random moments, again and again; the file is that of an unbroken run.

``VS_TECOGAN_CHAOS=300`` kills 300 times instead of 30; ``VS_TECOGAN_CHAOS_LENGTH=11`` makes the film a minute long, and
``VS_TECOGAN_CHAOS_WAIT=80`` then reaches its end.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pytest

from vs_tecogan.cli import main
from vs_tecogan.jobs.manifest import JobFolder

from .conftest import content, start

KILLS = int(os.environ.get("VS_TECOGAN_CHAOS", "30"))
LONGEST_WAIT = float(os.environ.get("VS_TECOGAN_CHAOS_WAIT", "12"))
"""Seconds, somewhat more than a whole job takes from its beginning: also the join is hit."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the processes to kill in /proc")


@pytest.mark.slow
@pytest.mark.watchdog(60 + 30 * KILLS)
def test_kill_anything_anywhere(film: Path, tiny_2x: Path, tmp_path: Path) -> None:
    """Would catch a frame, a packet or a time that depends on where the work was broken off, and what never ends."""
    words = ("--model", str(tiny_2x), "--restart", "12", "--warmup", "4", "-q", "--crf", "0", "--preset", "ultrafast")
    whole = tmp_path / "whole.mkv"
    assert main(["upscale", str(film), str(whole), *words, "--segment", "1000"]) == 0
    wanted = asdict(content(whole))
    chance, kills, finished = random.Random(2026), 0, 0
    while kills < KILLS:
        out = tmp_path / f"out{finished}.mkv"
        command = ("upscale", film, out, *words, "--segment", "0.6", "--workers", "2")
        kills += _break(start(*command), chance, KILLS - kills)
        if out.exists() and not JobFolder.beside(out).path.exists():
            assert asdict(content(out)) == wanted
            finished += 1
    out = tmp_path / f"out{finished}.mkv"
    last = start("upscale", film, out, *words, "--segment", "0.6", "--workers", "2")
    said, _ = last.communicate(timeout=300)
    assert last.returncode == 0, said
    assert asdict(content(out)) == wanted
    assert not JobFolder.beside(out).path.exists()


def _break(driver: subprocess.Popen[str], chance: random.Random, most: int) -> int:
    """Kill parts of a run until it ends, in one way or another; how often something was hit."""
    kills, seen = 0, {driver.pid}
    while kills < most:
        with suppress(subprocess.TimeoutExpired):
            driver.wait(LONGEST_WAIT * chance.random() ** 2)  # more often early, for tests that take less long
        workers = list(_below(driver.pid))
        seen.update(workers)
        if driver.poll() is not None:
            break
        match chance.choices(("driver", "worker", "all"), (4, 5, 1))[0]:
            case "worker" if workers:
                targets = [chance.choice(workers)]  # a worker, or an encoder
            case "all":
                targets = [driver.pid, *workers]
            case _:
                targets = [driver.pid]
        kills += 1
        for target in targets:
            with suppress(ProcessLookupError):
                os.kill(target, signal.SIGKILL)
    if driver.poll() is None:
        driver.kill()
    said, _ = driver.communicate()
    if driver.returncode not in (0, 2, -signal.SIGKILL):
        pytest.fail(f"ended with {driver.returncode}: {said}")
    if driver.returncode == 2:
        last = said.splitlines()[-1]  # the same was hit too often, or the encoder of the join
        assert re.search("failed 3 times|before it could begin|ffmpeg was killed by signal 9", last), said
    _wait_until_gone(seen)
    return kills


def _below(parent: int) -> Iterator[int]:
    """The processes that a process has started, and those that they have."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            state, above = path.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                children.setdefault(int(above), []).append(int(path.parent.name))
    todo = list(children.get(parent, ()))
    for child in todo:
        todo += children.get(child, ())
    yield from todo


def _wait_until_gone(processes: set[int]) -> None:
    """Nothing that was started may outlive its driver for long."""
    deadline = time.monotonic() + max(30, 2 * LONGEST_WAIT)  # a worker that loads torch listens after that alone
    while left := [process for process in processes if _lives(process)]:
        assert time.monotonic() < deadline, f"{len(left)} processes live on"
        time.sleep(0.05)


def _lives(process: int) -> bool:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes()
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    ours = b"vs_tecogan" in words or b"ffmpeg" in words  # the number may be another's by now
    return ours and state != "Z"


def test_a_worker_that_keeps_dying_stops_the_job(
    film: Path, tiny_2x: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch a job that tries for ever, does not name the segment, or throws away what was done."""
    fatal = tmp_path / "fatal.py"
    fatal.write_text(
        "import os\n"
        "from vs_tecogan.jobs import render, worker\n"
        "render_one = render.Renderer.render\n"
        "def die(self, segment, *rest):\n"
        "    if segment.index == 2:\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return render_one(self, segment, *rest)\n"
        "render.Renderer.render = die\n"
        "worker.main()\n"
    )
    monkeypatch.setattr("vs_tecogan.jobs.pool.COMMAND", (sys.executable, str(fatal)))
    out = tmp_path / "out.mkv"
    words = ("--model", str(tiny_2x), "--restart", "9", "--warmup", "0", "--crf", "0", "--preset", "ultrafast")
    asked = ("--end", "50", "--segment", "0.4", "--workers", "2")
    assert main(["upscale", str(film), str(out), *words, *asked]) == 2
    said = capfd.readouterr().err
    assert len(re.findall("a worker was killed by signal 9.*; segment 2 is done again", said)) == 2
    assert "segment 2 (frames " in said and "failed 3 times" in said
    folder = JobFolder.beside(out)
    manifest = folder.read()
    assert folder.read_record(manifest, manifest.segments[0]) is not None
    monkeypatch.undo()
    assert main(["upscale", str(film), str(out), *words, *asked]) == 0
