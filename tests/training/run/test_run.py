"""Whole runs from the command line: every variant and preset, interruption, several processes, bad input."""

import csv
import os
import resource
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
import torch

from vs_tecogan.cli import export as export_command
from vs_tecogan.cli import train as command
from vs_tecogan.cli.common import guarded
from vs_tecogan.degrade import BlurDown
from vs_tecogan.errors import TrainingError, UsageError
from vs_tecogan.networks import Generator, GeneratorSpec
from vs_tecogan.training.config import Config, merge
from vs_tecogan.training.data.augment import Augmentation
from vs_tecogan.training.data.samples import SampleIndex, SampleOptions, Samples
from vs_tecogan.training.data.store import Store
from vs_tecogan.training.objectives import objective_of
from vs_tecogan.training.objectives.base import Preview
from vs_tecogan.training.run import checkpoint
from vs_tecogan.training.run.export import card_of
from vs_tecogan.training.run.logs import Logs
from vs_tecogan.weights import ModelCard, load_model, save_model

from ..conftest import TINY, make_store, pan

REPOSITORY = Path(__file__).resolve().parents[3]
SCRIPT = str(REPOSITORY / "scripts" / "train.py")
PING_PONG = "--ping-pong-weight 0.5"
TIMES = ("seconds", "speed", "waited")


def train(words: str, *paths: object) -> int:
    parser = ArgumentParser()
    command.add_arguments(parser)
    args = parser.parse_args([*words.split(), *map(str, paths)])
    return guarded(lambda: command.run(args))


def table(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open() as stream:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(stream)]


def check_run(run: Path, iterations: int) -> dict[str, object]:
    """Losses finite, generator and discriminators moved; returns the checkpoint."""
    rows = table(run)
    assert [int(row["iteration"]) for row in rows] == list(range(1, iterations + 1))
    for row in rows:
        assert all(np.isfinite(float(value)) for value in row.values() if value)
    state = checkpoint.load(checkpoint.find(run))
    config = merge(Config(), state["config"], "checkpoint")
    fresh = objective_of(config, torch.device("cpu"))
    for name in ("generator", "discriminators"):
        module = getattr(fresh, name, torch.nn.Module())
        trained = state["objective"].get(name, {})
        for key, value in module.named_parameters():
            assert not torch.equal(trained[key], value), f"{key} did not move"
    return state


@pytest.mark.parametrize(
    ("words", "networks"),
    [
        ("", set()),
        ("--discriminator ds", {"ds"}),
        ("--discriminator dsdt", {"ds", "dt"}),
        (f"--discriminator dsdt {PING_PONG}", {"ds", "dt"}),
        ("--discriminator dst", {"dst"}),
        (f"--discriminator dst {PING_PONG}", {"dst"}),
        (f"--discriminator dst --scale 2 --crop 32 --batch 1 {PING_PONG}", {"dst"}),
        ("--degradation bi", set()),
        ("--degradation realistic --precision bf16 --workers 1", set()),
    ],
    ids=["FRVSR", "DsOnly", "DsDt", "DsDtPP", "Dst", "TecoGAN", "TecoGAN-2x", "BI", "realistic"],
)
def test_variants_on_real_video(real_store: Path, tmp_path: Path, words: str, networks: set[str]) -> None:
    """Every ablation of the paper starts, moves all its networks and stays finite."""
    assert train(f"{TINY} --iterations 2 {words} --store {real_store} --out {tmp_path}/run") == 0
    state = check_run(tmp_path / "run", 2)
    assert {key.split(".")[1] for key in state["objective"].get("discriminators", {})} == networks  # type: ignore[index]


@pytest.mark.parametrize("preset", ["frvsr-published", "frvsr-modern", "tecogan-published", "tecogan-modern"])
def test_presets_on_real_video(real_store: Path, tmp_path: Path, preset: str, shared: Path) -> None:
    """Each preset as it is, but for the sizes; the adversarial ones with a real perceptual network."""
    squeezenet = shared / "data" / "perceptual" / "squeezenet1.1_notop.h5"
    if preset.startswith("tecogan") and not squeezenet.exists():
        pytest.skip(f"{squeezenet} is absent")
    perceptual = f"--perceptual-net {squeezenet}" if preset.startswith("tecogan") else ""
    changes = f"{TINY} {perceptual} --iterations 2 --flow-pretraining 0"
    words = f"--config {preset} {changes}"
    assert train(f"{words} --store {real_store} --out {tmp_path}/run") == 0
    check_run(tmp_path / "run", 2)
    rows = table(tmp_path / "run")
    if preset == "tecogan-published":
        assert float(rows[0]["perceptual"]) > 0
        assert float(rows[0]["gate_open"]) == 1
    if preset == "tecogan-modern":
        assert float(rows[0]["penalty"]) > 0


@pytest.mark.parametrize("alone", [False, True])
def test_perceptual_loss_without_a_discriminator(store: Path, tmp_path: Path, shared: Path, alone: bool) -> None:
    """Would catch a network given for the evaluation that changes the training, or the stage of its own left out."""
    squeezenet = shared / "data" / "perceptual" / "squeezenet1.1_notop.h5"
    if not squeezenet.exists():
        pytest.skip(f"{squeezenet} is absent")
    words = f"{TINY} --iterations 2 --perceptual-net {squeezenet} {'--perceptual-weight 0.2' if alone else ''}"
    assert train(f"{words} --store {store} --out {tmp_path}/run") == 0
    rows = table(tmp_path / "run")
    assert ("perceptual" in rows[0]) == alone
    assert not alone or float(rows[0]["perceptual"]) > 0


def test_everything_that_a_run_leaves(store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Evaluation, best checkpoint, pictures, TensorBoard, progress on stderr alone, and a model to export."""
    run = tmp_path / "run"
    words = f"{TINY} --iterations 4 --eval-every 2 --ema 0.9 --set eval_frames=6 tensorboard=true"
    assert train(f"{words} --store {store} --out {run}") == 0
    output = capfd.readouterr()
    assert output.out == ""
    assert "left" in output.err
    evaluated = [row for row in table(run) if row["eval_psnr"]]
    assert [row["iteration"] for row in evaluated] == ["2", "4"]
    assert all(15 < float(row["eval_psnr"]) < 60 for row in evaluated)
    best = checkpoint.load(checkpoint.checkpoint_folder(run) / "best.pt")
    assert best["best"] == pytest.approx(max(float(row["eval_psnr"]) for row in evaluated), rel=1e-5)
    from PIL import Image

    gifs = sorted((run / "samples").glob("*.gif"))
    assert [p.name for p in gifs] == [
        "eval-00000002.gif",
        "eval-00000004.gif",
        "train-00000002.gif",
        "train-00000004.gif",
    ]
    with Image.open(gifs[0]) as picture:
        assert picture.n_frames == 6
        assert picture.size == (3 * 96, 96)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    assert {"content", "warp", "eval_psnr"} <= set(events.Tags()["scalars"])
    assert {"train/motion", "eval/middle"} <= set(events.Tags()["images"])
    assert "flow/x" in events.Tags()["histograms"]

    parser = ArgumentParser()
    export_command.add_arguments(parser)
    model_file = tmp_path / "mine.safetensors"
    args = parser.parse_args([str(run), str(model_file), "--licence", "CC0"])
    assert guarded(lambda: export_command.run(args)) == 0
    model = load_model(model_file)
    assert (model.card.name, model.card.licence, model.card.data) == ("mine", "CC0", "train.mp4, val.mp4")
    assert "BlurDown (sigma 1.5, quantise False)" in model.card.degradation
    assert "4 iterations" in model.card.training or "2 iterations" in model.card.training
    assert model.card.scores["psnr"] == pytest.approx(best["best"])
    other = best | {"iteration": best["iteration"] + 1}
    card = card_of(merge(Config(), other["config"], "test"), model.card.spec, other, "other", {})
    assert card.scores == {}, "scores of other weights"
    for key, value in model.generator.state_dict().items():
        assert torch.equal(value, best["objective"]["average"][key])


def start(*words: object, group: bool = False) -> "subprocess.Popen[bytes]":
    """A Python process, in a process group of its own if so wanted."""
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        cwd=REPOSITORY,
        process_group=0 if group else None,
    )


@pytest.mark.parametrize("optimiser", ["adam", "muon"])
def test_killed_and_resumed_is_as_unbroken(store: Path, tmp_path: Path, optimiser: str) -> None:
    """SIGKILL in mid-run, then --resume: every later loss is that of the run that was never killed."""
    iterations = 12
    words = f"{TINY} --discriminator dst {PING_PONG} --ema 0.9 --warmup 5 --store {store} --set gate=0.01".split()
    words += ["--optimiser", optimiser]
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    process = start(SCRIPT, *words, "--out", broken, "--iterations", iterations, "--checkpoint-every", 2)
    deadline = time.monotonic() + 150
    while len(checkpoint.numbered(broken)) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    reached = checkpoint.load(checkpoint.find(broken))["iteration"]
    assert 4 <= reached < iterations
    assert train(f"--resume {broken}") == 0
    assert train(" ".join(words), "--out", whole, "--iterations", iterations) == 0
    assert table(broken) == table(whole)
    a, b = (checkpoint.load(checkpoint.find(run))["objective"] for run in (broken, whole))
    for name in ("generator", "average", "discriminators"):
        assert all(torch.equal(a[name][key], b[name][key]) for key in b[name])
    assert a["gate"] == b["gate"]


def test_two_processes_give_the_losses_of_one(store: Path, tmp_path: Path) -> None:
    """torchrun on 2 processes over gloo: same seed and global batch, same losses within float noise, D's batch
    normalisation included."""
    words = f"{TINY} --discriminator dst {PING_PONG} --iterations 4 --threads 1 --store {store}".split()
    double = tmp_path / "double"
    runner = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2]
    process = start(*runner, SCRIPT, *words, "--out", double)
    _, errors = process.communicate(timeout=170)
    assert process.returncode == 0, errors.decode()
    assert train(" ".join(words), "--out", tmp_path / "single") == 0
    for one, two in zip(table(tmp_path / "single"), table(double), strict=True):
        for name, value in one.items():
            assert float(two[name]) == pytest.approx(float(value), rel=2e-3, abs=2e-5), (one["iteration"], name)
    first = table(tmp_path / "single")[0], table(double)[0]
    assert float(first[0]["total"]) == pytest.approx(float(first[1]["total"]), rel=1e-5)


def test_minutes_end_a_session_with_a_checkpoint(store: Path, tmp_path: Path) -> None:
    """Would catch a time limit that loses work; the next session goes on from there."""
    assert train(f"{TINY} --iterations 1000000 --minutes 0.01 --store {store} --out {tmp_path}/run") == 0
    done = checkpoint.load(checkpoint.find(tmp_path / "run"))["iteration"]
    assert 0 < done < 1_000_000
    assert train(f"--resume {tmp_path}/run --minutes 0 --iterations {done + 1}") == 0
    assert checkpoint.load(checkpoint.find(tmp_path / "run"))["iteration"] == done + 1


@pytest.mark.parametrize("everyone", [False, True])
def test_sigterm_stops_politely(store: Path, tmp_path: Path, everyone: bool) -> None:
    """Would catch a lost session when the machine is taken away: a checkpoint is written and the exit code is 0.

    ``everyone``: the signal reaches the processes that draw samples too, as from systemd or a batch system.
    """
    words = [
        *TINY.split(),
        "--workers",
        int(everyone),
        "--store",
        store,
        "--out",
        tmp_path / "run",
        "--iterations",
        10**6,
    ]
    process = start(SCRIPT, *words, group=everyone)
    while not (tmp_path / "run" / "metrics.csv").exists() and process.poll() is None:
        time.sleep(0.05)
    if everyone:
        os.killpg(process.pid, signal.SIGTERM)
    else:
        process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors.decode()
    rows = table(tmp_path / "run")
    assert checkpoint.load(checkpoint.find(tmp_path / "run"))["iteration"] == int(rows[-1]["iteration"])


def test_runs_without_vapoursynth(tmp_path: Path) -> None:
    """Both commands with the import of VapourSynth blocked, from video to a trained checkpoint."""
    from ..data.test_preparation import encode

    video = encode(tmp_path / "film.mp4", pan(12, 96, 128))
    program = (
        "import runpy, sys\n"
        "sys.modules['vapoursynth'] = None\n"
        "for line in sys.stdin.read().splitlines():\n"
        "    sys.argv = line.split()\n"
        "    try: runpy.run_module('vs_tecogan', run_name='__main__')\n"
        "    except SystemExit as end: assert not end.code, end.code\n"
    )
    prepared = f"{tmp_path}/store"
    lines = f"vs-tecogan prepare {video} --out {prepared} --downscale 1 --min-size 64 --holdout 0\n"
    lines += f"vs-tecogan train {TINY} --iterations 1 --store {prepared} --out {tmp_path}/run\n"
    done = subprocess.run([sys.executable, "-c", program], input=lines.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert checkpoint.find(tmp_path / "run").name == "00000001.pt"


def test_full_disk_leaves_the_old_checkpoint(store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A write that fails half-way (here at a file-size limit): exit code 2, the earlier checkpoint whole, no debris."""
    run = tmp_path / "run"
    words = f"{TINY} --store {store} --checkpoint-every 1"
    assert train(f"{words} --out {run} --iterations 1") == 0
    before = checkpoint.find(run).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        assert train(f"--resume {run} --iterations 3") == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "earlier checkpoints are intact" in capfd.readouterr().err
    assert [p.name for p in checkpoint.checkpoint_folder(run).iterdir()] == ["00000001.pt"]
    assert checkpoint.find(run).read_bytes() == before
    assert train(f"--resume {run} --iterations 3") == 0


def test_logs_that_cannot_be_written(store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch a run that dies of its table, pictures or TensorBoard, or warns again at every row."""
    pytest.importorskip("tensorboard")
    run = tmp_path / "run"
    (run / "metrics.csv").mkdir(parents=True)
    for name in ("samples", "tensorboard"):
        (run / name).touch()
    words = TINY.replace("--eval-every 0", "--eval-every 1").replace("tensorboard=false", "tensorboard=true")
    assert train(f"{words} --store {store} --out {run} --iterations 3") == 0
    output = capfd.readouterr().err
    for name in ("metrics.csv", "samples", "tensorboard"):
        assert output.count(f"cannot write {run / name}") == 1, output
    assert checkpoint.find(run).name == "00000003.pt"


@pytest.mark.parametrize("size", [100, 600])
def test_table_on_a_full_disk(store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], size: int) -> None:
    """Would catch a write that fails half-way and stops the run, or leaves its temporary file."""
    logs = Logs(tmp_path, tensorboard=False, active=True)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        for iteration in range(60):
            logs.scalars(iteration, {"a" * 120: 0.123456})
            lr, output, target = (torch.rand(2, 3, side, side) for side in (8, 32, 32))
            logs.motion(iteration, "x", Preview(lr=lr, output=output, target=target))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.glob("*.part"))


def test_going_back_to_an_older_checkpoint(store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch new work lost to newer checkpoints of what was given up, or a stray file's run in a folder above."""
    run, words = tmp_path / "run", f"{TINY} --checkpoint-every 1 --eval-every 2 --set eval_frames=6"
    assert train(f"{words} --store {store} --out {run} --iterations 4 --lr 1e-3") == 0
    folder = checkpoint.checkpoint_folder(run)
    assert checkpoint.load(folder / "best.pt")["iteration"] == 4
    assert train(f"--resume {folder}/00000002.pt --iterations 3 --lr 1e-6") == 0
    assert "back to iteration 2" in capfd.readouterr().err
    assert checkpoint.find(run).name == "00000003.pt"
    best = checkpoint.load(folder / "best.pt")
    assert (best["iteration"], best["config"]["optimiser"]["lr"]) == (3, 1e-6)
    other = tmp_path / "other"
    assert train(f"--resume {run} --out {other} --iterations 4") == 0
    assert checkpoint.find(other).name == "00000004.pt"
    assert train(f"--resume {folder}/00000002.pt --out {other}") == 2
    assert "already holds a run" in capfd.readouterr().err
    carried = tmp_path / "elsewhere" / "carried.pt"
    carried.parent.mkdir()
    carried.write_bytes((folder / "00000002.pt").read_bytes())
    assert train(f"--resume {carried} --iterations 3") == 2
    assert "lies in no run's folder; say with --out" in capfd.readouterr().err
    assert train(f"--resume {carried} --iterations 3 --out {tmp_path / 'third'}") == 0
    assert not (tmp_path / "checkpoints").exists()


def test_best_is_chosen_anew_by_another_rule(
    store: Path, tmp_path: Path, shared: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch a perceptual stage whose negated distances never exceed the dB of the stage before."""
    squeezenet = shared / "data" / "perceptual" / "squeezenet1.1_notop.h5"
    if not squeezenet.exists():
        pytest.skip(f"{squeezenet} is absent")
    run, said = tmp_path / "run", "the next evaluated checkpoint is the best"
    words = f"{TINY} --eval-every 1 --perceptual-net {squeezenet} --set eval_frames=6"
    assert train(f"{words} --store {store} --out {run} --iterations 1") == 0
    assert train(f"--resume {run} --iterations 2 --set beta2=0.8") == 0
    assert said not in capfd.readouterr().err
    assert train(f"--resume {run} --iterations 3 --perceptual-weight 0.2") == 0
    assert said in capfd.readouterr().err
    best = checkpoint.load(checkpoint.checkpoint_folder(run) / "best.pt")
    assert (best["best_iteration"], best["best"]) == (3, -best["scores"]["perceptual_squeezenet1.1"])


def test_refined_flow_comes_with_init(store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch refined flow lost on the way from model to model, and a resumed run that still wants the file."""
    file = tmp_path / "begin.safetensors"
    spec = GeneratorSpec(blocks=1, channels=8, flow_rounds=2)
    save_model(file, Generator(spec), ModelCard(name="begin", spec=spec))
    for words, rounds in (("", 2), ("--flow-rounds 0", 0)):
        run = tmp_path / f"run{rounds}"
        assert train(f"{TINY} {words} --init {file} --store {store} --out {run} --iterations 1") == 0
        assert ("refined in 2 rounds" in capfd.readouterr().err) == (rounds == 2)
        assert checkpoint.load(checkpoint.find(run))["config"]["model"]["flow_rounds"] == rounds
    file.unlink()
    assert train(f"--resume {tmp_path}/run2 --iterations 2 --flow-rounds -1") == 0
    assert checkpoint.load(checkpoint.find(tmp_path / "run2"))["config"]["model"]["flow_rounds"] == 2


@pytest.mark.parametrize("kind", ["pairs", "stills"])
def test_evaluation_without_known_motion(tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str) -> None:
    """Would catch a usable store refused because the flow's error cannot be measured on it; and 0 as a period."""
    frames, words = {
        "pairs": (pan(5, 64, 64), "--degradation pairs --flip none"),
        "stills": (pan(1, 112, 112), "--still-prob 1 --set eval_clips=0"),
    }[kind]
    data = make_store(tmp_path / "store", {"c": frames}, lr=4 if kind == "pairs" else 0)
    evaluated = f"{TINY} {words} --eval-every 1 --checkpoint-every 0 --iterations 1"
    assert train(f"{evaluated} --store {data} --out {tmp_path}/run") == 0
    assert "goes without the flow's error" in capfd.readouterr().err
    assert checkpoint.find(tmp_path / "run").name == "00000001.pt"


def test_nan_stops_with_the_batch_saved(store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A learning rate of 1e30 blows up at once: exit code 2, and the batch is there to look at."""
    assert train(f"{TINY} --lr 1e30 --iterations 9 --store {store} --out {tmp_path}/run") == 2
    assert "not finite" in capfd.readouterr().err
    (saved,) = (tmp_path / "run").glob("not-finite-*.pt")
    content = torch.load(saved, weights_only=True)
    assert content["batch"][0].shape == (2, 3, 3, 16, 16)


def test_resuming_after_a_nan(store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch diverged weights left as the newest checkpoint, from which no learning rate goes on."""
    run = tmp_path / "run"
    assert train(f"{TINY} --store {store} --checkpoint-every 3 --iterations 6 --out {run}") == 0
    assert train(f"--resume {run} --lr 1e30 --iterations 20") == 2
    output = capfd.readouterr().err
    good = checkpoint.find(run)
    assert good.name == "00000006.pt"
    assert str(good) in output
    assert len(list(checkpoint.checkpoint_folder(run).glob("*.aside"))) == 1
    assert train(f"--resume {run} --lr 1e-6 --iterations 9") == 0


def test_nothing_to_evaluate_on(store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch an evaluation of nothing that passes: an error where it was named, else one warning."""
    short = make_store(tmp_path / "short", {"s": pan(4, 112, 112)}, split="val")
    alone = make_store(tmp_path / "alone", {"c": pan(8, 112, 128)})
    words = TINY.replace("--eval-every 0", "--eval-every 1") + " --iterations 1"
    assert train(f"{words} --store {store} --eval-store {short} --out {tmp_path}/a") == 2
    assert "no clip to evaluate on" in capfd.readouterr().err
    assert train(f"{words} --store {alone} --out {tmp_path}/b") == 0
    assert capfd.readouterr().err.count("holds out no clip") == 1


def test_bad_input(store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each gives one line that says what is wrong, exit code 2, and leaves what was there."""
    run = tmp_path / "run"
    assert train(f"{TINY} --store {store} --out {run} --iterations 1") == 0
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.toml").write_text("[loop]\niteration = 3\n")
    (tmp_path / "broken.pt").write_bytes(b"broken")
    small = make_store(tmp_path / "small", {"s": pan(5, 40, 40)})
    capfd.readouterr()
    new = f"{TINY} --out {tmp_path}/new"
    cases = [
        ("", "nothing to do"),
        (f"{new}", "no data"),
        (f"{new} --store {tmp_path}/empty", "is no prepared store"),
        (f"{new} --store {small}", "none of 1 training clips"),
        (f"{new} --store {store} --frames 50", "has 50 frames"),
        (f"{new} --store {store} --config {tmp_path}/bad.toml", "unknown option 'iteration'"),
        (f"{new} --store {store} --config {tmp_path}/none.toml", "cannot be read"),
        (f"{new} --store {store} --init {tmp_path}/none.safetensors", "init:"),
        (f"{new} --store {store} --device cuda:99", "device 'cuda:99'"),
        (f"{new} --store {store} --discriminator dst --perceptual-net {tmp_path}/none.h5", "does not exist"),
        (f"{new} --store {store} --discriminator dst --perceptual-net {tmp_path}/broken.pt", "perceptual_net"),
        (f"{TINY} --store {store} --out {run}", "already holds a run"),
        (f"--resume {tmp_path}/empty", "holds no checkpoint"),
        (f"--resume {tmp_path}/broken.pt", "not a readable checkpoint"),
        (f"--resume {run} --blocks 2", "blocks is 1 in the checkpoint, 2 was asked for"),
        (f"--resume {run} --optimiser muon", "optimiser is adam in the checkpoint, muon was asked for"),
        (f"--resume {run} --degradation bi", "degradation is bd in the checkpoint, bi was asked for"),
        (f"--resume {run} --set lr", "expected NAME=VALUE"),
        (f"--recipe none --out {tmp_path}/new", "recipe 'none' is not known"),
        (f"--resume {run} --init recurrent-4x", "init is none in the checkpoint, recurrent-4x was asked for"),
        (f"--resume {run} --config {tmp_path}/bad.toml", "takes the settings of its checkpoint"),
    ]
    for words, text in cases:
        assert train(words) == 2, words
        output = capfd.readouterr()
        assert text in output.err, (words, output.err)
        assert output.err.startswith("vs-tecogan: ")
        assert output.err.strip().count("\n") == 0
        assert output.out == ""
    parser = ArgumentParser()
    export_command.add_arguments(parser)
    for words, kind in (
        (f"{tmp_path}/empty {tmp_path}/a.safetensors", TrainingError),
        (f"{run} {tmp_path}/a.pth", UsageError),
    ):
        with pytest.raises(kind):
            export_command.run(parser.parse_args(words.split()))


def test_missing_perceptual_network_stops_the_run(
    store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch a loss that was asked for and is off, or a message that leaves the user without a way on."""
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    for words in ("", "--discriminator dst"):
        assert train(f"{TINY} {words} --perceptual-weight 0.2 --store {store} --out {tmp_path}/run") == 2
        error = capfd.readouterr().err
        assert error.strip().count("\n") == 0
        assert "perceptual_weight 0.2, but torchvision is not installed" in error
        assert "--perceptual-net FILE" in error
        assert "https://download.pytorch.org/models/vgg19" in error
    assert not (tmp_path / "run").exists()


def test_loading_is_not_the_bottleneck(real_store: Path) -> None:
    """Published samples come faster from one process than the fastest published step (1.06 s for 8) asks for."""
    plain = SampleOptions(scale=4, crop=32, seed=1, augmentation=Augmentation(), degradation=BlurDown())
    data = Samples(Store(real_store), plain, 10)
    data[SampleIndex(0, 0, 10)]
    began = time.process_time()
    for k in range(8):
        data[SampleIndex(1, k, 10)]
    assert time.process_time() - began < 1.06
