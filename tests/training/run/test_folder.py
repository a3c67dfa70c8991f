"""A run's folder and its paths: one run at a time, from any folder, on Windows too."""

import errno
import os
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vs_tecogan import files
from vs_tecogan.errors import TrainingError
from vs_tecogan.training.config import absolute
from vs_tecogan.training.config.paths import located
from vs_tecogan.training.data.loader import SHARED, why_it_died
from vs_tecogan.training.data.store import SourceRecord
from vs_tecogan.training.run import checkpoint
from vs_tecogan.training.run.folder_lock import folder_lock

from ..conftest import TINY, options
from .test_run import train


@pytest.mark.parametrize("system", ["nt", "posix"])
def test_folders_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    """Would catch a run that ends at its first checkpoint where ``os.open`` refuses folders, as on Windows."""

    def open_(path: Any, *rest: Any) -> int:
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return os.open(path, *rest)

    pretended = types.SimpleNamespace(**vars(os) | {"name": system, "open": open_})
    monkeypatch.setattr(files, "os", pretended)
    path = checkpoint.save_numbered(tmp_path, 7, {"format": checkpoint.FORMAT}, keep=2)
    assert checkpoint.load(path) == {"format": checkpoint.FORMAT}


def test_one_run_per_folder(store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch two runs that write the same checkpoints and logs, and a lock that outlives its run."""
    run = tmp_path / "run"
    run.mkdir()
    words = f"{TINY} --store {store} --iterations 1 --out {run}"
    with folder_lock(run):
        assert train(words) == 2
        assert f"in use by process {os.getpid()}" in capfd.readouterr().err
    assert train(words) == 0
    assert train(f"--resume {run} --iterations 2") == 0


def test_a_run_goes_on_from_another_folder(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a relative path in a checkpoint, which means another place in the next session."""
    monkeypatch.chdir(store.parent)
    assert train(f"{TINY} --store {store.name} --iterations 1 --out {tmp_path}/run") == 0
    monkeypatch.chdir(tmp_path)
    assert train("--resume run --iterations 2") == 0
    config = checkpoint.load(checkpoint.find(tmp_path / "run"))["config"]
    assert config["data"]["store"] == str(store)


def test_relative_paths_of_earlier_checkpoints(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a text that does not say which folder it looked in, and a best score lost for the way it is named."""
    config = options(f"--store {store.name}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrainingError, match=rf"no store '{store.name}' in {tmp_path}; give --store"):
        absolute(config)
    monkeypatch.chdir(store.parent)
    assert absolute(config).data.store == str(store)
    assert located({"rule": "psnr", "clips": [store.name, 8]}) == {"rule": "psnr", "clips": [str(store), 8]}
    assert located({"grid": 32}) == {"grid": 32}
    assert absolute(replace(config, data=replace(config.data, store=""))).data.store == ""


def test_too_little_shared_memory_is_told() -> None:
    """Would catch a cause hidden behind "a process died", as in a container with 64 MB and 8 workers."""
    bus = RuntimeError("DataLoader worker (pid 9) is killed by signal: Bus error. It is possible that ...")
    assert "--shm-size" in why_it_died(bus, 8)
    assert "8 workers" in why_it_died(bus, 8)
    assert SHARED.is_dir() == (" MB" in why_it_died(bus, 8))
    assert "shm" not in why_it_died(RuntimeError("DataLoader worker (pid 9) exited unexpectedly"), 8)


def test_names_of_sources_from_another_system() -> None:
    """Would catch a whole Windows path on a model's card."""
    for source in ("C:\\films\\a b.mp4", "/films/a b.mp4"):
        record = SourceRecord(
            source=source, sha256="", prepared_at="", frames=0, fps=25.0, cuts=[], dropped={}, clips=[]
        )  # fmt: skip
        assert record.name == "a b.mp4"
