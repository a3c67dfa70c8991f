"""Nothing outlives the clip, and cores do not know of each other."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
import weakref
from pathlib import Path

import pytest
import vapoursynth as vs

from vs_tecogan.recurrence import Schedule

from .standin import Hash, Source, build, reference, wrong

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEDULE = Schedule(restart=20, warmup=4, checkpoint=8)


def use(clip: vs.VideoNode, *, error: bool) -> None:
    for n in range(40):
        try:
            clip.get_frame(n)
        except vs.Error:
            assert error and n == 37
    for future in [clip.get_frame_async(n) for n in (30, 3, 50, 20)]:
        future.result()


def until(condition: weakref.ref[Hash], seconds: float = 5.0) -> bool:
    """Whether the object is gone, in the end: a worker may hold a finished request for a moment."""
    deadline = time.monotonic() + seconds
    while condition() is not None and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition() is None


@pytest.mark.parametrize("error", [False, True])
@pytest.mark.parametrize("threads", [1, 4])
def test_dropping_the_clip_frees_recurrence_and_states(core: vs.Core, threads: int, error: bool) -> None:
    """Catches a cycle through node and callback, which would keep model and states over every script reload.

    The garbage collector is off: nothing may rely on it, for it does not see into VapourSynth.
    """
    core.num_threads = threads
    recurrence = Hash()
    states = recurrence.alive
    gone = weakref.ref(recurrence)
    source = Source(60, jitter=0.0005, fail=lambda n: error and n == 37)
    gc.collect()
    gc.disable()
    try:
        clip = build(source, SCHEDULE, {5, 30}, recurrence)
        use(clip, error=error)
        assert len(states) > 0
        del clip, recurrence
        assert until(gone)
        assert len(states) == 0
    finally:
        gc.enable()


def test_a_rebuilt_clip_shows_the_same(core: vs.Core) -> None:
    """Catches state that survives in a module or a core from one evaluation of a script to the next."""
    expected = reference(Hash(), 60, SCHEDULE, {5, 30})
    for _ in range(3):
        clip = build(Source(60), SCHEDULE, {5, 30})
        assert wrong(enumerate(clip.frames()), expected) == []
        del clip
        core.clear_cache()


TWO_CORES = """
import gc, threading
import numpy as np
import vapoursynth as vs

class Policy(vs.EnvironmentPolicy):
    def __init__(self):
        self.local, self.alive = threading.local(), []
    def on_policy_registered(self, api):
        self.api = api
    def on_policy_cleared(self):
        pass
    def get_current_environment(self):
        return getattr(self.local, "environment", None)
    def set_environment(self, environment):
        before, self.local.environment = self.get_current_environment(), environment
        return before
    def is_alive(self, environment):
        return environment in self.alive
    def create(self):
        self.alive.append(self.api.create_environment())
        return self.alive[-1]
    def destroy(self, environment):
        self.alive.remove(environment)
        self.api.destroy_environment(environment)

policy = Policy()
vs.register_policy(policy)
from tests.recurrence.standin import Hash, Source, build, reference, wrong
from vs_tecogan.recurrence import Schedule

schedule = Schedule(restart=20, warmup=4, checkpoint=8)
expected = reference(Hash(), 60, schedule, {5, 30})
left = [1]
fail = lambda n: n == 13 and bool(left) and bool(left.pop())

def clip_in(environment, **options):
    recurrence = Hash()
    with policy.api.wrap_environment(environment).use():
        return build(Source(60, **options), schedule, {5, 30}, recurrence), recurrence

environments = [policy.create() for _ in range(2)]
clips, recurrences = zip(*(clip_in(e, jitter=0.0005) for e in environments))
futures = [(i, n, clips[i].get_frame_async(n)) for n in range(60) for i in (0, 1)]
for i in (0, 1):
    assert wrong([(n, f.result()) for j, n, f in futures if i == j], expected) == []
del futures

# a core that goes takes its states with it, although its clip is still held; the other one plays on
assert len(recurrences[0].alive) > 0
policy.destroy(environments[0])
assert len(recurrences[0].alive) == 0, len(recurrences[0].alive)
clips[1].clear_cache()
assert wrong([(n, clips[1].get_frame(n)) for n in (50, 3, 29)], expected) == []

# a script reload: the next core, with an upstream error on the way (probes run outside of any environment)
environment = policy.create()
clip, recurrence = clip_in(environment, fail=fail)
failed = 0
for n in range(60):
    try:
        assert wrong([(n, clip.get_frame(n))], expected) == []
    except vs.Error:
        failed += 1
assert failed == 1
del clip, clips
gc.collect()
assert len(recurrence.alive) == 0 and len(recurrences[1].alive) == 0
for environment in list(policy.alive):
    policy.destroy(environment)
print("passed")
"""


def test_two_cores_in_one_process() -> None:
    """Catches nodes, states or environments that leak from one core into another, or that outlive their core."""
    result = subprocess.run(
        [sys.executable, "-c", TWO_CORES], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0 and result.stdout == "passed\n", result.stderr


LEAVING = """
import atexit, sys, time
from tests.recurrence.standin import Hash, Source, build
from vs_tecogan.recurrence import Schedule

class Slow(Hash):
    steps = 0
    def step(self, state, frame):
        self.steps += 1
        time.sleep(0.02)
        return super().step(state, frame)

recurrence = Slow()
clip = build(Source(3000), Schedule(restart=0, warmup=int(sys.argv[1])), set(), recurrence)
left = [clip.get_frame_async(n) for n in range(2000)]
while recurrence.steps < 3:
    time.sleep(0.01)
begun = recurrence.steps
atexit._run_exitfuncs()  # as at the end of the program; VapourSynth waits for all requests here
print(recurrence.steps - begun)
"""


@pytest.mark.parametrize("warmup", [0, 200])
def test_leaving_with_requests_in_flight(warmup: int) -> None:
    """Catches an exit that computes what was asked for and nobody will see: here 40 seconds, or a warm-up of 4."""
    words = [sys.executable, "-c", LEAVING, str(warmup)]
    result = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) < 50  # those that were under way


def test_the_scheduler_needs_no_torch() -> None:
    """Catches an import of torch, which would make scripts slow to evaluate and the scheduler hard to test."""
    code = "import sys, vs_tecogan.recurrence; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, timeout=60, check=False).returncode == 0
