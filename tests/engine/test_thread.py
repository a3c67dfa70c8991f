"""The thread of an engine, and that nothing of an engine happens elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
import torch

from vs_tecogan.engine.thread import EngineThread

COUNT = """
import os, sys
import vapoursynth as vs

vs.core.num_threads = 2
from vs_tecogan import tecogan

clip = vs.core.std.BlankClip(format=vs.PresetVideoFormat[sys.argv[1]], width=64, height=48, length=4)
clip = clip.std.SetFrameProps(_Matrix=1) if sys.argv[1].startswith("YUV") else clip
out = tecogan(clip, device="cpu", duplicates="advance", warmup=2)
for n in range(4):
    out.get_frame(n)
print(len(os.listdir("/proc/self/task")))
"""


def test_runs_in_turn_on_one_thread() -> None:
    """Two tasks at a time, another thread for each, arguments lost, or an error that stays there."""
    thread = EngineThread()
    assert thread.run(lambda a, *, b: (threading.get_ident(), a, b), 1, b=2) == (thread.run(threading.get_ident), 1, 2)
    assert thread.run(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        thread.run(lambda: 1 / 0)
    assert thread.run(len, "abc") == 3


def test_takes_no_flags_over() -> None:
    """A thread inherits how its maker treats denormals; an engine must not."""
    torch.set_flush_denormal(True)
    try:
        thread = EngineThread()
        assert thread.run(lambda: float(torch.tensor(1e-39) * 0.5)) > 0
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts threads in /proc")
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor: no teams at all")
@pytest.mark.parametrize("form", ["YUV420P8", "RGBS"])
def test_one_team_a_filter(form: str) -> None:
    """Loading, packing or copying on a thread with an OpenMP team of its own: libgomp then lets all of them sleep."""
    assert threads_used(form, 2) - threads_used(form, 1) == 1


def threads_used(form: str, team: int) -> int:
    """Threads of a process that has made a few frames with OpenMP teams of this size."""
    env = {**os.environ, "OMP_NUM_THREADS": str(team), "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", COUNT, form], capture_output=True, text=True, check=True, env=env)
    return int(run.stdout)
