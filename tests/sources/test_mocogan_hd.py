"""``mocogan_hd()`` in VapourSynth: seeds, any order, what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import vapoursynth as vs

from vs_tecogan import mocogan_hd, tecogan
from vs_tecogan.networks import MotionSpec, StyleGenerator, StyleSpec, VideoGenerator
from vs_tecogan.weights import Model, ModelCard, load_model, save_model

IMAGE = StyleSpec(size=16, widths=(8, 8, 4), latent=6, layers=2)


@pytest.fixture(scope="module")
def model() -> Model:
    """Untrained, with motion that can be seen."""
    torch.manual_seed(3)
    network = VideoGenerator(MotionSpec(image=IMAGE, components=4, hidden=5)).eval().requires_grad_(False)
    network.motion.basis.copy_(torch.eye(6)[:4])
    network.motion.deviation.fill_(1.0)
    torch.nn.init.normal_(network.motion.head.weight, std=1.0)
    return Model(network, ModelCard(name="tiny", spec=network.spec))


def frame(clip: vs.VideoNode, n: int) -> np.ndarray:
    with clip.get_frame(n) as f:
        return np.stack([np.asarray(f[k]).copy() for k in range(3)])


def made(model: Model, **options: Any) -> vs.VideoNode:
    return mocogan_hd(model, **({"length": 12, "device": "cpu"} | options))


def test_any_order_is_exact(model: Model) -> None:
    """Would catch a frame that depends on the frames asked for before it, or on the clip's length."""
    linear = [frame(made(model), n) for n in range(12)]
    clip = made(model, length=400)
    for n in (11, 0, 5, 4, 11):
        assert np.array_equal(frame(clip, n), linear[n])
    futures = [clip.get_frame_async(n) for n in (9, 2, 7)]
    for n, future in zip((9, 2, 7), futures, strict=True):
        with future.result() as f:
            assert np.array_equal(np.asarray(f[1]), linear[n][1])


def test_content_and_motion_are_apart(model: Model) -> None:
    """Would catch a first frame that motion changes, and seeds that do nothing."""
    base, moved = made(model), made(model, motion_seed=2)
    assert np.array_equal(frame(base, 0), frame(moved, 0))
    assert not np.array_equal(frame(base, 7), frame(moved, 7))
    assert not np.array_equal(frame(base, 0), frame(made(model, content_seed=2), 0))
    still = made(model, step_size=0)
    assert np.array_equal(frame(still, 0), frame(still, 9))
    mixed = made(model, other_motion=2, mix=1.0)
    assert np.allclose(frame(mixed, 7), frame(moved, 7), atol=1e-5)


def test_what_the_clip_says(model: Model) -> None:
    """Would catch pictures out of range, or a clip that a script cannot place."""
    clip = made(model, fps=30)
    assert (clip.format.id, clip.width, clip.height, clip.num_frames, clip.fps) == (vs.RGBS, 16, 16, 12, 30)
    with clip.get_frame(3) as f:
        assert f.props["TecoganModel"] == "tiny" and f.props["_Matrix"] == vs.MATRIX_RGB
    picture = frame(clip, 3)
    assert picture.min() >= 0 and picture.max() <= 1 and picture.std() > 0


def test_truncation_brings_contents_together(model: Model) -> None:
    """Would catch a truncation that does nothing."""
    apart = np.abs(frame(made(model), 0) - frame(made(model, content_seed=2), 0)).mean()
    ends = [frame(made(model, truncation=0.0, content_seed=seed), 0) for seed in (1, 2)]
    assert apart > 1e-3
    assert np.array_equal(*ends)


def test_a_file_comes_back(model: Model, tmp_path: Path) -> None:
    """Would catch a card that forgets a part of the shape."""
    save_model(tmp_path / "m.safetensors", model.network, model.card)
    assert load_model(tmp_path / "m.safetensors").network.spec == model.network.spec
    assert np.array_equal(frame(made(tmp_path / "m.safetensors"), 5), frame(made(model), 5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"content_seed": -1}, "content_seed=-1; give a whole number from 0"),
        ({"length": 0}, "length=0; give a whole number from 1"),
        ({"truncation": 1.5}, "truncation=1.5; give a number from 0 to 1"),
        ({"reach": float("nan")}, "reach=nan"),
        ({"other_motion": 1.5}, "other_motion=1.5"),
        ({"model": "recurrent-4x"}, "'recurrent-4x' is no MoCoGAN-HD"),
        ({"model": 7}, "model 7; give a name"),
    ],
)
def test_refused_in_one_line(model: Model, options: dict[str, Any], message: str) -> None:
    """Would catch a wrong argument that comes back as a traceback, or is ignored."""
    with pytest.raises(vs.Error, match=message) as caught:
        made(options.pop("model", model), **options)
    assert "\n" not in str(caught.value) and str(caught.value).startswith("mocogan_hd: ")


def test_other_functions_say_where_it_belongs(model: Model) -> None:
    """Would catch a model of this kind that tecogan() fails on without a word."""
    image = StyleGenerator(IMAGE).eval()
    for wrong in (model, Model(image, ModelCard(name="images", spec=image.spec))):
        with pytest.raises(vs.Error, match="makes video from nothing"):
            tecogan(vs.core.std.BlankClip(format=vs.RGBS, width=16, height=16, length=1), wrong, device="cpu")
