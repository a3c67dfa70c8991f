"""Jobs on a Ray cluster: two machines on the loopback interface, each with its own raylet."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from vs_tecogan.cli import main
from vs_tecogan.errors import JobError
from vs_tecogan.jobs.cluster import ClusterCrew, RenderActor
from vs_tecogan.jobs.manifest import JobFolder
from vs_tecogan.jobs.spec import Spec

from .conftest import content, start

REPOSITORY = Path(__file__).resolve().parents[2]
OPTIONS = ("--restart", "12", "--warmup", "4", "-q", "--crf", "0", "--preset", "ultrafast")
SEGMENTS = ("--segment", "0.3", "--cpus-per-worker", "1")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without processors, so that all work is done on nodes that a test adds and takes away."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(REPOSITORY)  # workers are children of a raylet, not of the command
    os.environ["OMP_NUM_THREADS"] = "1"
    made = cluster_utils.Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "num_gpus": 0,
            "_system_config": {"health_check_period_ms": 1000, "health_check_failure_threshold": 5},
        },
    )
    yield made
    made.shutdown()
    del os.environ["OMP_NUM_THREADS"]
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.mark.slow
@pytest.mark.watchdog(240)
def test_a_node_leaves_in_the_middle(cluster: Any, film: Path, tiny_2x: Path, tmp_path: Path) -> None:
    """Would catch a machine whose loss costs the job, or whose segments come out otherwise."""
    words = ("--model", str(tiny_2x), *OPTIONS, "--end", "72")
    assert main(["upscale", str(film), str(tmp_path / "whole.mkv"), *words, "--segment", "1000"]) == 0
    nodes = [cluster.add_node(num_cpus=1, num_gpus=0) for _ in range(2)]
    out = tmp_path / "out.mkv"
    driver = start("upscale", film, out, *words, *SEGMENTS, "--cluster", cluster.address)
    records = JobFolder.beside(out).path / "segments"
    while driver.poll() is None and len(list(records.glob("*.json"))) < 2:
        time.sleep(0.02)
    cluster.remove_node(nodes.pop(), allow_graceful=False)
    said, _ = driver.communicate(timeout=200)
    assert driver.returncode == 0, said
    assert asdict(content(out)) == asdict(content(tmp_path / "whole.mkv"))
    assert not JobFolder.beside(out).path.exists()
    cluster.remove_node(nodes.pop())


def test_no_cluster(film: Path, tiny_2x: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch a traceback, or a wait for ever, where nobody listens."""
    pytest.importorskip("ray", reason="Ray is not installed")
    words = ("--model", str(tiny_2x), *OPTIONS, *SEGMENTS, "--cluster", "127.0.0.1:1")
    assert main(["upscale", str(film), str(tmp_path / "out.mkv"), *words]) == 2
    said = capfd.readouterr().err.strip().splitlines()
    assert len(said) == 1 and "no Ray cluster at 127.0.0.1:1" in said[0] and "ray start --head" in said[0]


def test_without_ray(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Would catch an ImportError in place of the line that installs it."""
    monkeypatch.setattr("vs_tecogan.jobs.cluster.is_installed", lambda _: False)
    with pytest.raises(JobError, match="pip install ray"):
        ClusterCrew(spec(tmp_path), "auto", JobFolder(tmp_path))


def test_an_actor_names_its_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a refusal that leaves the user to look for the machine, or that kills the actor."""
    monkeypatch.setattr("socket.gethostname", lambda: "node7")
    actor = RenderActor(spec(tmp_path).to_json(), str(tmp_path / "missing.job"), "cpu", 1)
    kind, text = actor.render(0)
    assert kind == "refused" and text.startswith("node7: ") and "is not there" in text
    (tmp_path / "missing.job").mkdir()
    kind, text = actor.facts()
    assert kind == "refused" and text.startswith("node7: ") and "film.mkv" in text


def spec(folder: Path) -> Spec:
    """A job whose source does not exist."""
    return Spec(
        source=str(folder / "film.mkv"), out=str(folder / "o.mkv"), first=0, end=9, model="recurrent-4x", restart=0,
        warmup=0, codec="libx264",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--cluster", "auto", "--workers", "2"), "leave out --workers, --device"),
        (("--cluster", "auto", "--device", "cpu"), "leave out --workers, --device"),
        (("--cpus-per-worker", "2"), "is for --cluster"),
    ],
)
def test_options_that_contradict(
    words: tuple[str, ...], said: str, film: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch an option that is silently left out."""
    assert main(["upscale", str(film), str(tmp_path / "out.mkv"), *words]) == 2
    assert said in capfd.readouterr().err
