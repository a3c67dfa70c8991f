"""The index of a large file: made with progress, stopped at once, found again."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from threading import Timer

import pytest

from vs_tecogan.video import index
from vs_tecogan.video.source import open_source


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for indexes; every file counts as large."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "LEAST_BYTES", 0)
    return tmp_path / "cache" / "vs-tecogan" / "index"


def test_made_once_and_found_again(film: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch an index made anew by each command, or read for another film; and files beside the film."""
    told: list[int] = []
    opened = open_source(film, on_index=told.append)
    assert told[0] == 0
    assert len(list(cache.iterdir())) == 1
    again = open_source(film, on_index=lambda _: pytest.fail("made again"))
    assert again.timeline == opened.timeline and again.clip.num_frames == 15
    wanted = cache.parent / "job" / "index"
    open_source(film, index=wanted, on_index=lambda _: pytest.fail("made again"))
    assert [path.name for path in wanted.parent.iterdir()] == ["index.0.bsindex"]
    changed = cache.parent / film.name
    changed.write_bytes(film.read_bytes())
    open_source(changed, on_index=told.append)
    assert told.count(0) >= 2 and len(list(cache.iterdir())) == 2
    monkeypatch.setattr(index, "_KEPT", 1)
    index._forget_old(cache)
    assert len(list(cache.iterdir())) == 1


def test_ctrl_c_is_obeyed(film: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a command that waits for the index before it stops, a process that stays, and half an index."""
    slow = "import os, sys, time; print(3, flush=True); open(sys.argv[3] + '.0.bsindex', 'w'); time.sleep(60)"
    monkeypatch.setattr(index, "_COMMAND", (sys.executable, "-c", slow))
    timers = []

    def press(percent: int) -> None:
        if percent == 3:
            timers.append(Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)))
            timers[-1].start()

    begin = time.monotonic()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            open_source(film, on_index=press)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - begin < 10
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("broken", ["process", "folder"])
def test_without_an_index_the_file_opens(
    broken: str, film: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch a film refused because of a cache that cannot be written."""
    if broken == "process":
        monkeypatch.setattr(index, "_COMMAND", (sys.executable, "-c", "raise SystemExit(1)"))
    else:
        (tmp_path / "cache").write_text("a file, no folder")
    assert open_source(film).clip.num_frames == 15
