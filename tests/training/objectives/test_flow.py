"""FNet's own stage: known motion, its pace, what it learns, the warning, and a resume across its end."""

import csv
import logging
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
import torch

from vs_tecogan.cli import train as command
from vs_tecogan.cli.common import guarded
from vs_tecogan.networks.fnet import FNet
from vs_tecogan.ops import backward_warp
from vs_tecogan.training.data.build import build_samples
from vs_tecogan.training.data.known_motion import EVERY, FARTHEST, FlowIndex, FlowSamples, moving_pair
from vs_tecogan.training.data.loader import DEPTH, Shard
from vs_tecogan.training.data.store import Store
from vs_tecogan.training.objectives import flow
from vs_tecogan.training.objectives.flow import (
    BLOCK,
    FIRST_REACH,
    GROWTH,
    FlowCheck,
    FlowIndexSampler,
    FlowPretraining,
    MotionCurriculum,
    end_point_error,
    to_flow_batch,
)
from vs_tecogan.training.objectives.frvsr import Frvsr
from vs_tecogan.training.objectives.initialisation import initialise_for_motion
from vs_tecogan.training.run import checkpoint

from ..conftest import TINY, make_store, options, texture
from ..run.test_run import table

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of unlike textures, large enough for motion to come in from outside."""
    import cv2

    folder = tmp_path_factory.mktemp("pictures")
    # Detail that bilinear warps of LR can follow.
    frames = [[cv2.GaussianBlur(texture(200, 220, seed=3 * k + t), (0, 0), 3.0) for t in range(3)] for k in range(8)]
    return make_store(folder, {f"p{k}": np.stack(clip) for k, clip in enumerate(frames)})


@pytest.mark.parametrize("rule", ["bd", "bi", "realistic"])
def test_known_flow_explains_the_pair(pictures: Path, rule: str) -> None:
    """Would catch a flow of the wrong sign, unit or grid: warping by it must leave far less than ignoring it."""
    samples = FlowSamples(Store(pictures), build_samples(options(f"--crop 32 --degradation {rule}")))
    left, ignored = [], []
    for k in range(20):
        current, previous, flow, known = samples[FlowIndex(k, 0, 2.0)]
        assert known
        assert current.shape == previous.shape == (32, 32, 3)
        assert flow.shape == (32, 32, 2)
        images = [x.permute(2, 0, 1)[None] for x in (current, previous, flow)]
        warped = backward_warp(images[1], images[2])
        inner = (..., slice(4, -4), slice(4, -4))
        left.append(float((warped - images[0])[inner].abs().median()))
        ignored.append(float((images[1] - images[0])[inner].abs().median()))
    assert np.mean(left) < 0.25 * np.mean(ignored)


@pytest.mark.parametrize("rule", ["bd", "bi"])
def test_the_teacher_explains_real_pairs(tmp_path: Path, rule: str) -> None:
    """Would catch a taught flow of the wrong sign, unit or grid, and pairs that are always neighbours."""
    import cv2

    scene = cv2.GaussianBlur(texture(260, 260, seed=4), (0, 0), 2.0)
    frames = np.stack([scene[2 * t : 200 + 2 * t, 3 * t : 220 + 3 * t] for t in range(8)])
    store = make_store(tmp_path, {"pan": frames})
    config = options(f"--crop 32 --degradation {rule} --flip none")
    samples = FlowSamples(Store(store), build_samples(config), teacher=True)
    steps = []
    for k in range(12):
        _, _, flow, known = samples[FlowIndex(k, EVERY - 1, 2.0)]
        assert not known
        x, y = (float(v) for v in flow[4:-4, 4:-4].median(dim=0).values.median(dim=0).values)
        # The window moves right and down, so content came from there: 3 and 2 HR pixels a frame.
        assert x / y == pytest.approx(1.5, rel=0.1)
        steps.append(round(x * 4 / 3))
    assert set(steps) >= {1, 2}
    assert max(steps) <= FARTHEST + 1


def test_patch_moves_by_itself() -> None:
    """Would catch a foreground that moves with the background: most pairs must hold two motions."""
    back, front = texture(96, 96, seed=1), texture(96, 96, seed=2)
    distances = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        *_, flow = moving_pair(rng, back, front, reach=12.0, scale=4)
        rows = np.unique(flow.reshape(-1, 2).round(3), axis=0)
        constant = [row for row in rows if np.all(row == row.round()) and (flow.round(3) == row).all(-1).mean() > 0.02]
        distances += [np.linalg.norm(flow - row, axis=-1).max() for row in constant]
    assert len(distances) >= 15
    assert np.median(distances) > 3


def test_real_pairs_are_never_stills(tmp_path: Path) -> None:
    """Would catch moving crops of a photograph among the pairs that are to show motion as it is."""
    film = np.full((6, 120, 120, 3), 200, np.uint8)
    store = Store(make_store(tmp_path, {"film": film, "picture": texture(120, 120)[None] // 2}))
    samples = FlowSamples(store, build_samples(options("--crop 16 --still-prob 1")))
    for k in range(20):
        current, previous, _, known = samples[FlowIndex(k, EVERY - 1, 2.0)]
        assert not known
        assert torch.allclose(torch.stack([current, previous]), torch.tensor(200 / 255), atol=1e-4)


def test_samples_are_a_function_of_the_ticket(pictures: Path) -> None:
    """Would catch hidden state, and real pairs among the known ones."""
    first, second = (FlowSamples(Store(pictures), build_samples(options("--crop 16"))) for _ in range(2))
    second[FlowIndex(7, 1, 1.5)]
    for place in range(6):
        a, b = (samples[FlowIndex(3, place, 2.0)] for samples in (first, second))
        assert all(torch.equal(x, y) for x, y in zip(a[:3], b[:3], strict=True))
        assert a[3] == b[3] == (place % EVERY != EVERY - 1)
    assert not torch.equal(first[FlowIndex(3, 0, 2.0)][0], first[FlowIndex(3, 0, 3.0)][0])


def test_pace_follows_what_is_learnt() -> None:
    """Growth by a quarter, once for each reach and only below the threshold, known a block ahead, up to the limit."""
    pace = MotionCurriculum(FIRST_REACH, 4.0)
    seen = []
    for iteration in range(40 * BLOCK):
        # Workers ask for samples this far ahead of what has been taken.
        pace.reach(iteration + FlowPretraining.most_workers * DEPTH)
        if iteration % BLOCK == 0:
            seen.append(pace.reach(iteration))
        pace.take(iteration, 0.9 if iteration < 10 * BLOCK else 0.5, 1.0)
    assert seen[:12] == [FIRST_REACH] * 12
    assert seen[12:16] == pytest.approx([FIRST_REACH * GROWTH] * 2 + [FIRST_REACH * GROWTH**2] * 2)
    assert seen[-1] == 4.0


def test_tickets_take_the_reach_of_their_block() -> None:
    """Would catch motion that grows at once, for samples that a resumed run would draw otherwise."""
    pace = MotionCurriculum(FIRST_REACH, 8.0)
    for iteration in range(2 * BLOCK):
        pace.take(iteration, 0.0, 1.0)
    stream = iter(FlowIndexSampler(2 * BLOCK - 1, Shard(batch=4, rank=1, world=2), pace))
    assert next(stream) == [FlowIndex(2 * BLOCK - 1, k, FIRST_REACH) for k in (2, 3)]
    assert next(stream) == [FlowIndex(2 * BLOCK, k, FIRST_REACH * GROWTH) for k in (2, 3)]


def test_motion_may_begin_further_out() -> None:
    """Would catch a stage that makes a trained flow network start over from the smallest motion."""
    assert MotionCurriculum(4.0, 8.0).reach(0) == 4.0
    assert MotionCurriculum(9.0, 8.0).reach(0) == 8.0


def test_stills_and_sizes_of_the_run(tmp_path: Path) -> None:
    """Would catch flow learnt from footage alone, or from one size of texture, where the run draws others."""
    film, still = np.full((6, 200, 200, 3), 10, np.uint8), np.full((1, 200, 200, 3), 250, np.uint8)
    for k, picture in enumerate((film, still)):  # dots that tell the size and are texture enough
        picture[:, ::20, ::20] = 255 * (1 - k)
        picture[:, 100:] = picture[:, 100:] // 2
    make_store(tmp_path, {"film": film, "still": still})

    def shares(words: str) -> float:
        drawn = FlowSamples(Store(tmp_path), build_samples(options(f"--crop 16 {words}")))
        rng = np.random.default_rng(0)
        return float(np.mean([drawn._moment(rng)[0].frames == 1 for _ in range(300)]))

    assert shares("") == 0
    assert 0.3 < shares("--still-prob 0.4") < 0.5
    assert shares("--still-prob 1") == 1
    sides = []
    for words in ("", "--random-scale 0.5 0.5"):
        drawn = FlowSamples(Store(tmp_path), build_samples(options(f"--crop 16 {words}")))
        sides.append(drawn._window(drawn._clips[0], 0, np.random.default_rng(0)))
    assert sides[0].shape == sides[1].shape
    columns = [int((s.max(axis=(0, 2)) > s.max(axis=(0, 2)).min() + 5).sum()) for s in sides]
    assert columns[1] > columns[0]


def test_the_stage_teaches_fnet_and_not_its_refinement(pictures: Path) -> None:
    """Would catch a stage that shows FNet the error that is left after refinement, which is not its own."""
    config = options("--crop 16 --flow-pretraining 10 --flow-rounds 2")
    learner, samples = Frvsr(config, CPU), FlowSamples(Store(pictures), build_samples(config))
    items = [samples[FlowIndex(0, place, FIRST_REACH)] for place in range(6)]
    batch = to_flow_batch(tuple(torch.stack([torch.as_tensor(item[k]) for item in items]) for k in range(4)), CPU)
    with torch.no_grad():
        alone, refined = learner.generator.fnet(batch[0], batch[1]), learner.generator.estimate_flow(batch[1], batch[0])
    errors = [float(end_point_error(flow, batch[2])[batch[3]].mean()) for flow in (alone, refined)]
    assert errors[1] < 0.7 * errors[0]
    metrics = FlowPretraining(config, learner.generator, CPU).step(batch)
    assert metrics["flow_epe"] == pytest.approx(errors[0], rel=1e-5)


def test_flow_network_learns_motion(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short run on few pairs: end-point error below 0.7 of that of zero flow, which a dead gradient never reaches."""
    monkeypatch.setattr(flow, "LEARNING_RATE", 1e-3)
    config = options("--crop 16 --flow-pretraining 1000 --set flow_init=motion")
    stage = FlowPretraining(config, Frvsr(config, CPU).generator, CPU)
    samples = FlowSamples(Store(pictures), build_samples(config))
    drawn = [[samples[FlowIndex(k, place, FIRST_REACH)] for place in range(12)] for k in range(2)]
    batches = [
        to_flow_batch(tuple(torch.stack([torch.as_tensor(item[k]) for item in items]) for k in range(4)), CPU)
        for items in drawn
    ]
    for iteration in range(100):
        stage.step(batches[iteration % 2])
        if iteration == 89:
            stage.summary({})
    last = stage.summary({})
    assert last["flow_epe"] < 0.7 * last["flow_epe_zero"], last


def test_first_layer_begins_with_differences() -> None:
    """Would catch an initialisation that passes still, flat areas on: what is equal and flat must give nothing."""
    torch.manual_seed(0)
    fnet = FNet()
    initialise_for_motion(fnet)
    fnet.requires_grad_(False)
    flat = torch.full((1, 6, 9, 9), 0.7)
    responses = fnet.encoder1[0](flat)[..., 1:-1, 1:-1]
    assert float(responses.abs().max()) < 1e-4
    still = torch.rand(1, 3, 9, 9).repeat(1, 2, 1, 1)
    responses = fnet.encoder1[0](still)[0]
    assert float(responses[:16].abs().max()) < 1e-4, "differences between the frames"
    assert float(responses[16:].abs().max()) > 0.1
    brighter = torch.cat((torch.full((1, 3, 9, 9), 0.8), torch.full((1, 3, 9, 9), 0.5)), 1)
    responses = fnet.encoder1[0](brighter)[0, :, 1:-1, 1:-1].abs().amax(dim=(1, 2))
    assert float(responses[:8].min()) > 0
    assert float(responses[:8].max()) > 0.1


def test_warning_for_a_blind_network(pictures: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One line, once, after the patience and only for a network that sees nothing."""
    samples = FlowSamples(Store(pictures), build_samples(options("--crop 16")))
    check = FlowCheck(samples, CPU, 100)
    fnet = FNet()
    for parameter in fnet.flow[-1].parameters():
        parameter.data.zero_()

    def blind(previous: torch.Tensor, current: torch.Tensor) -> torch.Tensor:
        return fnet(current, previous)

    with caplog.at_level(logging.WARNING):
        result = check(blind, 99)
        assert not caplog.records
        check(blind, 100)
        check(blind, 200)
    (record,) = caplog.records
    assert record.getMessage().startswith("the flow network sees no motion: after 100 iterations")
    assert "\n" not in record.getMessage()
    assert result["flow_epe"] == pytest.approx(result["flow_epe_zero"], rel=0.02)
    caplog.clear()

    def seeing(previous: torch.Tensor, current: torch.Tensor) -> torch.Tensor:
        return 0.8 * check._batch[2]

    check = FlowCheck(samples, CPU, 100)
    assert check(seeing, 500)["flow_epe"] < 0.3 * result["flow_epe_zero"]
    assert not caplog.records


def run(words: str) -> int:
    parser = ArgumentParser()
    command.add_arguments(parser)
    args = parser.parse_args(words.split())
    return guarded(lambda: command.run(args))


def rows(folder: Path) -> list[dict[str, str]]:
    lines = [line.split(",") for line in (folder / "flow_pretraining.csv").read_text().splitlines()]
    return [
        {k: v for k, v in zip(lines[0], line, strict=True) if k not in ("seconds", "speed", "waited")}
        for line in lines[1:]
    ]


@pytest.mark.parametrize("killed_in", ["stage", "run"])
def test_resume_across_the_stage_boundary(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_in: str
) -> None:
    """Died in the stage or soon after it, then resumed: the same losses and weights as in an unbroken run."""
    words = f"{TINY} --store {store} --flow-pretraining 8 --iterations 4 --ema 0.9 --set flow_init=motion"
    words = words.replace("--checkpoint-every 1000", "--checkpoint-every 3").replace("log_every=1", "log_every=2")
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    monkeypatch.setattr(flow, "PAIRS", 3)
    owner = FlowPretraining if killed_in == "stage" else Frvsr
    original, left = owner.step, 7 if killed_in == "stage" else 2

    def step(self: object, *arguments: object) -> object:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        return original(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(owner, "step", step)
        assert run(f"{words} --out {broken}") == 130
    state = checkpoint.load(checkpoint.find(broken))
    assert state["iteration"] == 0
    assert state["first"]["iteration"] == (6 if killed_in == "stage" else 8)
    assert run(f"--resume {broken}") == 0
    assert run(f"{words} --out {whole}") == 0
    assert rows(broken) == rows(whole)
    assert [row["iteration"] for row in rows(whole)] == ["2", "4", "6", "8"]
    assert table(broken) == table(whole)
    a, b = (checkpoint.load(checkpoint.find(folder))["objective"] for folder in (broken, whole))
    for name in ("generator", "average"):
        assert all(torch.equal(a[name][key], b[name][key]) for key in b[name])


def test_run_reports_the_error_on_known_motion(
    store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch an evaluation that says nothing of the flow, and a run that trains on blind without a word."""
    words = f"{TINY} --store {store} --iterations 2 --lr 1e-9 --out {tmp_path}/run"
    monkeypatch.setattr(FlowCheck.__init__, "__defaults__", (2,))
    assert run(words.replace("--eval-every 0", "--eval-every 1") + " --set eval_clips=1 eval_frames=6") == 0
    evaluated = [row for row in table(tmp_path / "run") if row["flow_epe"]]
    assert [row["iteration"] for row in evaluated] == ["1", "2"]
    assert all(float(row["flow_epe"]) > 0.9 * float(row["flow_epe_zero"]) > 0 for row in evaluated)
    errors = capfd.readouterr().err
    assert errors.count("the flow network sees no motion") == 1


def test_given_weights_need_no_pretraining(
    store: Path, tmp_path: Path, tiny_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch the preset's stage undoing what the FNet of --init has learnt."""
    words = f"{TINY} --store {store} --iterations 1 --flow-pretraining 5 --init {tiny_file} --out {tmp_path}/run"
    assert run(words) == 0
    assert "no flow pre-training" in capfd.readouterr().err
    assert not (tmp_path / "run" / "flow_pretraining.csv").exists()


def test_the_stage_with_a_teacher(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch the stage's own crop being ignored, or a teacher that nothing is held against."""
    monkeypatch.setattr(flow, "PAIRS", 3)
    words = f"{TINY} --store {store} --iterations 1 --flow-pretraining 4 --out {tmp_path}/run"
    assert run(f"{words} --set flow_teacher=dis flow_crop=24") == 0
    with (tmp_path / "run" / "flow_pretraining.csv").open() as stream:
        last = list(csv.DictReader(stream))[-1]
    assert int(last["iteration"]) == 4
    assert float(last["taught_epe_zero"]) > 0
    assert float(last["taught_epe"]) > 0
