"""The running encoder, and signals that come at the worst moment."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from vs_tecogan.signals import held_signals
from vs_tecogan.video.encoder import Encoder


class Interrupted(KeyboardInterrupt):
    """What the handler of these tests raises."""


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    def interrupt(signum: int, frame: object) -> None:
        raise Interrupted(signum)

    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


def test_signal_while_ffmpeg_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch an ffmpeg left running: the signal comes after the fork, before anyone knows the process."""
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def interrupted_popen(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*args, **options))
        signal.raise_signal(signal.SIGTERM)
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", interrupted_popen)
    with pytest.raises(Interrupted), Encoder(["sleep", "60"]):
        pytest.fail("the signal was lost")
    assert [process.returncode for process in started] == [-signal.SIGKILL]
    with pytest.raises(ProcessLookupError):
        os.kill(started[0].pid, 0)


def test_signal_while_ffmpeg_ends() -> None:
    """Would catch a kill cut short by a second Ctrl-C."""
    encoder = Encoder(["sleep", "60"])
    with pytest.raises(Interrupted), encoder:
        signal.raise_signal(signal.SIGTERM)
    assert encoder._process.returncode == -signal.SIGKILL


def test_held_signals() -> None:
    """Would catch a signal that is lost, comes early, comes twice, or handlers that are not put back."""
    before = signal.getsignal(signal.SIGTERM)
    reached = False
    with pytest.raises(Interrupted, match=str(int(signal.SIGTERM))), held_signals():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        reached = True
    assert reached
    assert signal.getsignal(signal.SIGTERM) is before


def test_child_does_not_inherit_held_signals() -> None:
    """Would catch an encoder that cannot be ended by SIGTERM, as with a blocked signal mask."""
    with held_signals(), subprocess.Popen(["sleep", "60"]) as process:
        process.terminate()
        assert process.wait(timeout=10) == -signal.SIGTERM
