"""``scripts/convert_tf.py`` from variables to a model that opens by path."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from tests.golden import OFFICIAL, tensorflow_variables, vectors
from vs_tecogan.weights import load_model

SCRIPT = Path(__file__).parents[2] / "scripts" / "convert_tf.py"


def convert(*arguments: Path | str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=SCRIPT.parents[1], check=False)


def test_converted_model_is_exact(tmp_path: Path) -> None:
    """Variables exported to .npz become a model whose output is the golden one."""
    np.savez(tmp_path / "variables.npz", **tensorflow_variables())
    done = convert(tmp_path / "variables.npz", tmp_path / "m.safetensors")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    arrays = vectors(OFFICIAL)
    with torch.inference_mode():
        out, _ = load_model(tmp_path / "m.safetensors").generator(torch.from_numpy(arrays["lr"])[None])
    np.testing.assert_allclose(out[0].numpy(), arrays["out"], atol=5e-4, rtol=0)


def test_refusals(tmp_path: Path) -> None:
    """A missing checkpoint, a wrong suffix and a file without the variables end with code 2 and one line."""
    np.savez(tmp_path / "empty.npz", a=np.zeros(3))
    for arguments, words in (
        ((tmp_path / "none", tmp_path / "m.safetensors"), "does not exist"),
        ((tmp_path / "empty.npz", tmp_path / "m.pth"), "suffix"),
        ((tmp_path / "empty.npz", tmp_path / "m.safetensors"), "is missing"),
    ):
        done = convert(*arguments)
        assert done.returncode == 2
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "m.safetensors").exists()
