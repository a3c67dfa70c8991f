"""What can be read while a run goes on: means, rates, speed, time left."""

import csv
import logging
import re
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from vs_tecogan.training.config import merge
from vs_tecogan.training.data.augment import Augmentation
from vs_tecogan.training.data.samples import SampleIndex, SampleOptions, Samples
from vs_tecogan.training.data.store import Store
from vs_tecogan.training.objectives.base import Preview
from vs_tecogan.training.rates import easing, learning_rate
from vs_tecogan.training.run import checkpoint
from vs_tecogan.training.run.logs import read_table
from vs_tecogan.training.run.page import chart, duration, series
from vs_tecogan.training.run.picture import BAND, LEAST_WIDTH, one_picture
from vs_tecogan.training.run.progress import LEAST_ENDS, SPAN_SECONDS, Means, Speed, TrainingProgress
from vs_tecogan.training.run.watch import Watch

from ..conftest import TINY, options
from .test_run import train


def rows(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_rows_are_means_with_the_rate(store: Path, tmp_path: Path) -> None:
    """Would catch rows of single batches, which are noise, and a log without the learning rate."""
    words = f"{TINY} --store {store} --iterations 4 --lr 1e-4 --warmup 4"
    assert train(f"{words} --out {tmp_path}/each") == 0
    assert train(f"{words.replace('log_every=1', 'log_every=2')} --out {tmp_path}/two") == 0
    each, two = rows(tmp_path / "each"), rows(tmp_path / "two")
    assert [row["iteration"] for row in two] == ["2", "4"]
    for k, row in enumerate(two):
        pair = each[2 * k : 2 * k + 2]
        for name in ("content", "gradient"):
            assert float(row[name]) == pytest.approx(np.mean([float(one[name]) for one in pair]), rel=1e-5)
    assert [float(row["lr"]) for row in each] == pytest.approx([0.25e-4, 0.5e-4, 0.75e-4, 1e-4])


def test_a_session_that_is_stopped_logs_its_last_part(store: Path, tmp_path: Path) -> None:
    """Would catch a slow machine whose short sessions leave no row at all."""
    words = f"{TINY.replace('log_every=1', 'log_every=1000000')} --store {store} --iterations 1000000 --minutes 0.01"
    assert train(f"{words} --out {tmp_path}/run") == 0
    (row,) = rows(tmp_path / "run")
    assert int(row["iteration"]) == checkpoint.load(checkpoint.find(tmp_path / "run"))["iteration"]
    assert float(row["content"]) > 0


def test_means_of_what_comes_seldom() -> None:
    """Would catch a penalty of every 16th iteration divided by all of them, or sums that are not forgotten."""
    means = Means()
    for value in (1.0, 3.0):
        means.add({"a": value})
    means.add({"a": 5.0, "b": 7.0})
    assert means.take() == {"a": 3.0, "b": 7.0}
    assert means.take() == {}


def test_speed_is_that_of_the_last_minutes() -> None:
    """Would catch a first wait that stays in the speed, and one that hides that the machine has become slower."""
    speed = Speed()
    assert speed.value == 0
    now = 1000.0
    for _ in range(200):
        speed.note(now)
        now += 0.5
    assert speed.value == pytest.approx(2.0)
    for _ in range(int(SPAN_SECONDS) + LEAST_ENDS):
        now += 1.5
        speed.note(now)
    assert speed.value == pytest.approx(1 / 1.5)


def test_a_longer_run_does_not_leap(caplog: pytest.LogCaptureFixture) -> None:
    """Would catch a finished cosine run whose rate jumps from 0.01 to 0.505 when it is made longer."""
    caplog.set_level(logging.INFO, "vs_tecogan")
    words = "--set schedule=cosine lr_floor=0.01"
    before = options(f"{words} --iterations 1000 --lr 1e-3")
    state = checkpoint.pack(before, 1000, {}, {})
    after = checkpoint.stored_config(state, {"loop": {"iterations": 2000}}, Path("x"))
    factors = [learning_rate(after.optimiser, k, 2000) for k in range(1000, 2001)]
    assert factors[0] == pytest.approx(0.01)
    assert np.abs(np.diff(factors)).max() < 0.01
    settled = 1000 + easing(1000, 2000)
    plain = learning_rate(options(words).optimiser, settled, 2000)
    assert factors[settled - 1000] == pytest.approx(plain)
    assert factors[-1] == pytest.approx(0.01)
    assert "2000 iterations now, 1000 before: the learning rate moves from 1e-05 to" in caplog.text
    again = checkpoint.stored_config(checkpoint.pack(after, 1050, {}, {}), {}, Path("x"))
    assert again == after, "another session changes the schedule"


def test_constant_rates_need_no_easing() -> None:
    """Would catch settings that change although nothing leaps, and runs that have not begun."""
    before = options("--iterations 10")
    after = checkpoint.stored_config(checkpoint.pack(before, 10, {}, {}), {"loop": {"iterations": 20}}, Path("x"))
    assert after.optimiser == before.optimiser
    assert after.loop == merge(before, {"loop": {"iterations": 20}}, "test").loop


def test_samples_take_no_longer_from_many_clips(store: Path) -> None:
    """Would catch a sum over all clips for each sample: 17.5 ms with 64,612 of them."""
    opened = Store(store)
    plain = SampleOptions(scale=4, crop=16, seed=1, augmentation=Augmentation(), degradation=None)

    def seconds(times: int) -> float:
        samples = Samples.__new__(Samples)
        clips = opened.clips("train") * times
        samples._clips, samples._summed, samples._options = clips, {}, plain
        samples._pair = lambda *given, **_: given  # type: ignore[assignment,method-assign,return-value]
        samples._clip_window(SampleIndex(0, 0, 3), np.random.default_rng(0), 1, standing=False)
        began = time.perf_counter()
        for k in range(50):
            samples._clip_window(SampleIndex(0, 0, 3), np.random.default_rng(k), 1, standing=False)
        return time.perf_counter() - began

    assert seconds(20_000) < 5 * seconds(1) + 0.01


def test_a_run_is_watched(store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch a run that shows nothing without TensorBoard, or a page that needs a network or a second file."""
    run = tmp_path / "run"
    words = f"{TINY} --store {store} --iterations 3 --eval-every 2 --set watch_minutes=0.0001 eval_frames=6"
    assert train(f"{words} --out {run}") == 0
    assert f"open {run}/run.html" in capfd.readouterr().err
    page = (run / "run.html").read_text(encoding="utf-8")
    assert "3 of 3" in page
    assert "this session has ended" in page
    assert "Held-out clip, iteration 3" in page
    assert "Training sample, iteration 3" in page
    assert page.count("<polyline") >= 6
    assert "eval_psnr" in page
    assert "channels = 8" in page
    assert 'http-equiv="refresh"' not in page
    assert all(link.startswith("data:image/png") for link in re.findall(r'(?:src|href)="([^"]*)"', page))
    assert "http" not in page.replace("http-equiv", "")
    for name in ("now.png", "held-out.png"):
        picture = cv2.imread(str(run / name))
        assert picture is not None
        assert picture.shape[1] >= 3 * LEAST_WIDTH
    assert train(f"{words.replace('0.0001', '0')} --out {tmp_path}/dark") == 0
    assert not (tmp_path / "dark" / "run.html").exists()


def test_the_picture_shows_all_three_and_time() -> None:
    """Would catch columns that change places, and a profile of the wrong row or with frames out of order."""
    lr, hr = torch.zeros(4, 3, 4, 75), torch.zeros(4, 3, 16, 300)
    output = hr.clone()
    output[:, 0, 8] = torch.arange(4)[:, None] / 4
    hr[:, 1] = 1
    picture = one_picture(Preview(lr=lr, output=output, target=hr))
    assert picture.shape[1] == 3 * 300 + 12
    profile = picture[2 * BAND + 16 :, 306 + 150]
    assert list(dict.fromkeys(profile[:, 0].tolist())) == [0, 64, 128, 191]
    assert picture[BAND + 4, 612 + 150].tolist() == [0, 255, 0]


def test_curves_of_long_runs(tmp_path: Path) -> None:
    """Would catch a page that grows with the run, gaps taken for zeros, and a curve of one point."""
    rows = [{"iteration": str(k), "content": str(k % 2), "eval_psnr": "30" if k == 500 else ""} for k in range(1000)]
    points = series(rows, "content")
    assert len(points) <= 300
    assert all(value == pytest.approx(0.5, abs=0.26) for _, value in points)
    assert series(rows, "eval_psnr") == [(500.0, 30.0)]
    assert "polyline" in chart([("eval_psnr", series(rows, "eval_psnr"))])
    assert chart([("x", [])]) == ""
    assert read_table(tmp_path / "none.csv") == []


def test_a_full_disk_ends_the_pictures_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Would catch a run that ends for its pictures, or a warning per picture."""
    watch = Watch(tmp_path / "gone", options(""), "cpu", active=True)
    preview = Preview(lr=torch.zeros(3, 3, 4, 4), output=torch.zeros(3, 3, 16, 16), target=torch.zeros(3, 3, 16, 16))
    for _ in range(2):
        watch.write("metrics", (1, 2), 1.0, 1.0, preview)
    assert len(caplog.records) == 1
    assert "goes on without it" in caplog.text
    assert not watch.due()


def test_words_for_times() -> None:
    """Would catch minutes that overflow."""
    assert [duration(s) for s in (59, 3599, 3 * 24 * 3600)] == ["0 h 01 min", "1 h 00 min", "3 days 0 h"]


def test_time_left_ends_with_the_minutes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch hours that are promised to a run which minutes end."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with TrainingProgress(100_000, 0, active=True, deadline=600) as bar:
        for iteration in range(1, 41):
            now[0] += 2
            bar.show(iteration, {})
    assert "0.500 it/s 0h09m left" in capsys.readouterr().err
    with TrainingProgress(60, 40, active=True, deadline=6000) as bar:
        for iteration in range(41, 61):
            now[0] += 20
            bar.show(iteration, {})
    assert "0h06m left" in capsys.readouterr().err
