"""``long_video_gan()``: frames in any order, from any start, and loops that are exact."""

import argparse

import numpy as np
import pytest
import torch
import vapoursynth as vs

from vs_tecogan import long_video_gan, tecogan
from vs_tecogan.cli import main
from vs_tecogan.cli.generate import enlarged_clip
from vs_tecogan.networks.longvideo import LongVideo, LongVideoSpec
from vs_tecogan.networks.longvideo_sr import LongVideoSR, LongVideoSRSpec
from vs_tecogan.sources.long_video_gan import Frames
from vs_tecogan.video.read import video_frames
from vs_tecogan.weights import Model, ModelCard, load_model, save_model


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(1)
    spec = LongVideoSpec(
        height=16, width=16, channels=2, time_levels=2, space_levels=2, style=8, filters=6, noise_channels=2,
        shortest=5, longest=200,
    )  # fmt: skip
    network = LongVideo(spec).eval().requires_grad_(False)
    return Model(network, ModelCard(name="tiny", spec=spec))


@pytest.fixture(scope="module")
def second() -> Model:
    torch.manual_seed(2)
    spec = LongVideoSRSpec(widths=(3, 2, 2), layers=1, latent=4, mapping_layers=1)
    network = LongVideoSR(spec).eval().requires_grad_(False)
    torch.nn.init.normal_(network.colours.conv.weight, std=0.1)
    return Model(network, ModelCard(name="second", spec=spec))


def pixels(clip: vs.VideoNode, n: int) -> np.ndarray:
    with clip.get_frame(n) as frame:
        return np.stack([np.asarray(frame[plane]).copy() for plane in range(3)])


def test_any_order_equals_linear(model: Model) -> None:
    """Would catch a frame that depends on what was asked for before, or on how much is kept."""
    linear, jumps = (long_video_gan(model, seed=3, length=200, device="cpu") for _ in range(2))
    frames = {n: pixels(linear, n) for n in (0, 63, 64, 130, 199)}
    for n in (199, 64, 0, 130, 63):
        assert np.array_equal(pixels(jumps, n), frames[n])
    net = model.network
    assert isinstance(net, LongVideo)
    kept_once = Frames(net, 3, 0, 1)
    assert all(np.array_equal(kept_once.frame(n), frames[n]) for n in (130, 0, 64, 199))


def test_start_and_seed(model: Model) -> None:
    """Would catch a start that shifts the noise but not the picture, and a seed that does nothing."""
    clip, later = (long_video_gan(model, seed=3, length=100, start=start, device="cpu") for start in (0, 70))
    assert np.array_equal(pixels(clip, 75), pixels(later, 5))
    assert not np.array_equal(pixels(clip, 5), pixels(long_video_gan(model, seed=4, device="cpu"), 5))
    far = long_video_gan(model, seed=3, length=1, start=1 << 39, device="cpu")
    assert np.isfinite(pixels(far, 0)).all()


@pytest.mark.parametrize("loop", [40, 150])
def test_loops_repeat_bit_for_bit(model: Model, loop: int) -> None:
    """Would catch a loop that is only nearly one."""
    clip = long_video_gan(model, seed=3, length=2 * loop, loop=loop, device="cpu")
    for n in (0, 7, loop - 1):
        assert np.array_equal(pixels(clip, n), pixels(clip, n + loop))
    step = np.mean([np.abs(pixels(clip, n + 1) - pixels(clip, n)).mean() for n in range(8, 24)])
    if loop % 4 == 0:
        assert np.abs(pixels(clip, loop) - pixels(clip, loop - 1)).mean() < 4 * step


def test_frames_say_where_they_come_from(model: Model) -> None:
    """Would catch lost properties, another format, and values that an integer format would wrap."""
    clip = long_video_gan(model, seed=9, length=3, fps=30, device="cpu")
    assert (clip.width, clip.height, clip.num_frames, clip.fps, clip.format.id) == (16, 16, 3, 30, vs.RGBS)
    with clip.get_frame(1) as frame:
        assert frame.props["TecoganModel"] == "tiny" and frame.props["TecoganSeed"] == 9
    assert pixels(clip, 1).min() >= 0 and pixels(clip, 1).max() <= 1


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"loop": 0}, {"start": 1.5}, {"length": 0}, {"fps": True}])
def test_wrong_arguments_are_one_line(model: Model, wrong: dict[str, object]) -> None:
    """Would catch a traceback from deep within."""
    with pytest.raises(vs.Error, match=f"^long_video_gan: {next(iter(wrong))}=.*; give a whole number"):
        long_video_gan(model, **wrong)


def test_models_do_not_take_each_others_place(model: Model) -> None:
    """Would catch an assertion or a shape error where the wrong model is given."""
    with pytest.raises(vs.Error, match="makes no long video"):
        long_video_gan("recurrent-small-2x")
    with pytest.raises(vs.Error, match="makes video from nothing"):
        tecogan(vs.core.std.BlankClip(format=vs.RGBS, width=32, height=32), model=model, device="cpu").get_frame(0)


def test_weights_come_back(model: Model, tmp_path) -> None:
    """Would catch a card that forgets part of the shape."""
    path = tmp_path / "tiny.safetensors"
    save_model(path, model.network, model.card)
    again = load_model(path)
    assert again.card == model.card and isinstance(again.network, LongVideo)
    ours, theirs = (long_video_gan(one, length=1, device="cpu") for one in (model, again))
    assert np.array_equal(pixels(ours, 0), pixels(theirs, 0))


def test_generate_writes_a_file(model: Model, tmp_path) -> None:
    """Would catch an encoder that is given another number of frames, and a file that is replaced unasked."""
    path, out = tmp_path / "tiny.safetensors", tmp_path / "out.mkv"
    save_model(path, model.network, model.card)
    words = ["generate", str(out), "--model", str(path), "--frames", "10", "--device", "cpu", "-q"]
    assert main(words) == 0
    assert sum(1 for _ in video_frames(out)) == 10
    assert main(words) == 2


def test_an_enlarged_loop_is_entered_with_a_turn_behind_it(model: Model, make_model, tmp_path) -> None:
    """Would catch a seam: a first frame without the loop's end behind it, or a last one with nothing after it."""
    tiny, path = make_model(scale=2), tmp_path / "large.safetensors"
    save_model(path, tiny.network, tiny.card)
    asked = argparse.Namespace(seed=1, start=0, fps=25, device="cpu", frames=8, upscale=str(path))
    turns = long_video_gan(model, length=25, loop=8, device="cpu")
    warm = tecogan(turns, model=tiny, device="cpu", scene_change=False, restart=0)[8:16]
    looped = enlarged_clip(model, argparse.Namespace(**vars(asked), loop=8))
    assert looped.num_frames == 8
    assert all(np.array_equal(pixels(looped, n), pixels(warm, n)) for n in (0, 7))
    cold = enlarged_clip(model, argparse.Namespace(**vars(asked), loop=None))
    assert not np.array_equal(pixels(cold, 0), pixels(warm, 0))


def test_enlarged_frames_in_any_order(model: Model, second: Model) -> None:
    """Would catch a state between frames, windows that end at the clip's first frame, and a latent of another seed."""
    linear, jumps = (
        long_video_gan(model, seed=3, length=140, device="cpu", upscaler=second, memory=memory) for memory in (64, 1)
    )
    assert (linear.width, linear.height) == (64, 64)
    frames = {n: pixels(linear, n) for n in (0, 62, 63, 64, 130)}
    for n in (130, 63, 0, 64, 62):
        assert np.array_equal(pixels(jumps, n), frames[n])
    later = long_video_gan(model, seed=3, length=1, start=63, device="cpu", upscaler=second)
    assert np.array_equal(pixels(later, 0), frames[63]), "what was before the start is seen"
    with linear.get_frame(0) as frame:
        assert (frame.props["TecoganModel"], frame.props["TecoganUpscaler"]) == ("tiny", "second")
    small = long_video_gan(model, seed=3, length=140, device="cpu")
    means = frames[130].reshape(3, 16, 4, 16, 4).mean((2, 4))
    assert np.abs(means - pixels(small, 130)).mean() < 0.5 * np.abs(means - pixels(small, 30)).mean()


@pytest.mark.parametrize("loop", [3, 22])
def test_enlarged_loops_repeat_bit_for_bit(model: Model, second: Model, loop: int) -> None:
    """Would catch a window that does not go around the loop's seam."""
    clip = long_video_gan(model, seed=3, length=2 * loop, loop=loop, device="cpu", upscaler=second)
    for n in (0, 1, loop - 1):
        assert np.array_equal(pixels(clip, n), pixels(clip, n + loop))


def test_generate_takes_a_second_stage(model: Model, second: Model, make_model, tmp_path) -> None:
    """Would catch a second stage that goes to the filter, and an upscaler that is none."""
    path = tmp_path / "second.safetensors"
    save_model(path, second.network, second.card)
    asked = argparse.Namespace(seed=1, start=2, fps=25, device="cpu", frames=3, upscale=str(path), loop=5)
    clip = enlarged_clip(model, asked)
    ours = long_video_gan(model, length=3, start=2, loop=5, device="cpu", upscaler=second)
    assert clip.num_frames == 3 and np.array_equal(pixels(clip, 2), pixels(ours, 2))
    with pytest.raises(vs.Error, match="tiny' is no second stage"):
        long_video_gan(model, upscaler=model)
    with pytest.raises(vs.Error, match="makes video from nothing, or a part"):
        tecogan(clip, model=second)
