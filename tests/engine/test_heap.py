"""Memory that steps free goes back to the system, though states lie between."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from vs_tecogan.engine.heap import LIMIT, Heap, trimmer

PROGRAM = """
import json
import numpy as np
from tests.engine.test_engine import tiny_model
from vs_tecogan.engine import create_engine

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

engine = create_engine(tiny_model(), device="cpu", precision="fp32")
planes = [np.zeros((64, 96), np.float32)] * 3
state = engine.zero_state(64, 96)
for _ in range(3):
    state = engine.step(state, planes)
before, kept = resident(), []
for _ in range(150):
    state = engine.step(state, planes)
    kept.append(state)
print(json.dumps([resident() - before, sum(map(engine.nbytes, kept))]))
"""


@pytest.mark.skipif(trimmer() is None, reason="not glibc")
def test_states_take_what_they_say() -> None:
    """Would catch holes between states that no step can use: they took 7 times the states' bytes."""
    command = [sys.executable, "-c", PROGRAM]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    taken, said = json.loads(done.stdout)
    assert taken < 1.5 * said + LIMIT


def test_trims_in_time() -> None:
    """Would catch a trim for every step, which costs more than it gains, or none."""
    trims: list[int] = []
    heap = Heap(lambda: trims.append(1))
    for _ in range(20):
        heap.freed(LIMIT // 4)
    assert len(trims) == 4
    Heap(None).freed(2 * LIMIT)
