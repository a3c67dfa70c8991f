"""``tecogan()`` from end to end: published arithmetic, any size, any number of threads, odd clips, failing input."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import vapoursynth as vs

import vs_tecogan
from vs_tecogan import tecogan
from vs_tecogan.networks import Alignment, Generator, RecurrentSpec, RecurrentSR
from vs_tecogan.recurrence import recurrent
from vs_tecogan.weights import Model, ModelCard, generator_from_tensorflow, save_model

from .conftest import REPOSITORY, ClipMaker, ModelMaker
from .golden import OFFICIAL, PUBLISHED, Variant, state_dict, tensorflow_variables, vectors

PLAIN = {"device": "cpu", "precision": "fp32", "restart": 0, "warmup": 0, "scene_change": False}


def rgbs(core: vs.Core, pixels: np.ndarray) -> vs.VideoNode:
    """A clip of the frames ``pixels`` (T, 3, H, W)."""
    length, _, height, width = pixels.shape
    blank = core.std.BlankClip(format=vs.RGBS, width=width, height=height, length=length, keep=True)

    def paint(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame = f.copy()
        for plane in range(3):
            np.asarray(frame[plane])[...] = pixels[n, plane]
        return frame

    return blank.std.ModifyFrame(blank, paint)


def pixels(clip: vs.VideoNode) -> np.ndarray:
    """(T, planes, H, W) of a clip whose planes are of one size."""
    return np.stack([np.stack([np.array(frame[p]) for p in range(frame.format.num_planes)]) for frame in clip.frames()])


def straight(generator: Generator, inputs: np.ndarray) -> np.ndarray:
    """What the network's own forward makes of (T, 3, H, W), without VapourSynth."""
    with torch.inference_mode():
        return generator(torch.from_numpy(inputs)[None])[0][0].numpy()


@pytest.mark.parametrize("variant", PUBLISHED, ids=lambda variant: variant.file)
def test_golden_vectors(core: vs.Core, tmp_path: Path, variant: Variant) -> None:
    """Published weights through the whole filter: catches a wrong state, order of planes, clamp or colour step."""
    golden = vectors(variant.file)
    checkpoint = tmp_path / f"{variant.file}.pth"
    torch.save(state_dict(variant), checkpoint)
    out = tecogan(rgbs(core, golden["lr"]), checkpoint, **PLAIN)
    assert np.abs(pixels(out) - golden["out"]).max() < 5e-4


def test_golden_tensorflow(core: vs.Core, tmp_path: Path) -> None:
    """The official checkpoint, converted and saved in the project's own format."""
    golden = vectors(OFFICIAL)
    generator = generator_from_tensorflow(tensorflow_variables())
    save_model(tmp_path / "tf.safetensors", generator, ModelCard(name="tf", spec=generator.spec))
    out = tecogan(rgbs(core, golden["lr"]), tmp_path / "tf.safetensors", **PLAIN)
    assert np.abs(pixels(out) - golden["out"]).max() < 5e-4


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 5), (7, 9), (8, 8), (17, 23), (100, 3)])
@pytest.mark.parametrize("scale", [2, 4])
def test_any_size(core: vs.Core, make_model: ModelMaker, size: tuple[int, int], scale: int) -> None:
    """Catches strides taken for widths, and padding that leaks: the filter must equal the bare network at each size."""
    model = make_model(scale=scale)
    inputs = np.random.default_rng(1).random((3, 3, size[1], size[0]), dtype=np.float32)
    out = tecogan(rgbs(core, inputs), model, **PLAIN)
    assert (out.width, out.height, out.num_frames) == (size[0] * scale, size[1] * scale, 3)
    np.testing.assert_allclose(pixels(out), straight(model.generator, inputs), atol=2e-5)


def test_defaults_prime_the_first_frame(core: vs.Core, tiny_model: Model) -> None:
    """With warm-up, frame 0 is the frame that follows its own mirrored successors in one plain run."""
    inputs = np.random.default_rng(1).random((6, 3, 8, 8), dtype=np.float32)
    out = tecogan(rgbs(core, inputs), tiny_model, device="cpu", precision="fp32", warmup=3, scene_change=False)
    mirrored = np.concatenate([inputs[[3, 2, 1]], inputs])
    np.testing.assert_allclose(pixels(out), straight(tiny_model.generator, mirrored)[3:], atol=2e-5)


def test_cut_restarts(core: vs.Core, tiny_model: Model) -> None:
    """After a cut nothing of the scene before is left; without the option the scenes run into each other."""
    inputs = np.random.default_rng(1).random((6, 3, 8, 8), dtype=np.float32)
    clip = rgbs(core, inputs)
    marked = clip[:3] + clip[3].std.SetFrameProps(_SceneChangePrev=1) + clip[4:]
    options = {**PLAIN, "scene_change": True}
    expected = np.concatenate([straight(tiny_model.generator, part) for part in (inputs[:3], inputs[3:])])
    np.testing.assert_allclose(pixels(tecogan(marked, tiny_model, **options))[3:], expected[3:], atol=2e-5)
    assert np.abs(pixels(tecogan(marked, tiny_model, **PLAIN))[3:] - expected[3:]).max() > 1e-3


def test_thread_counts(core: vs.Core, make_clip: ClipMaker, tiny_file: Path) -> None:
    """A linear render gives the same bits with 1, 2 and 16 threads, and one thread is enough (no deadlock)."""
    clip = make_clip(vs.YUV420P8, 24, 16, 24, _Matrix=1)
    renders = []
    for threads in (1, 2, 16):
        core.num_threads = threads
        out = tecogan(clip, tiny_file, device="cpu", precision="fp32", restart=8, warmup=2)
        renders.append([b"".join(bytes(plane) for plane in frame) for frame in out.frames()])
    assert renders[0] == renders[1] == renders[2]


def test_out_of_range_floats_are_clamped(core: vs.Core, tiny_model: Model) -> None:
    """NaN counts as 0, infinities and overshoots as the nearest end; the output is not clamped."""
    inputs = np.random.default_rng(2).random((3, 3, 8, 8), dtype=np.float32)
    wild, tame = inputs.copy(), inputs.copy()
    for place, (value, legal) in enumerate([(np.nan, 0), (np.inf, 1), (-np.inf, 0), (7.5, 1), (-0.1, 0)]):
        wild[:, :, place, 3], tame[:, :, place, 3] = value, legal
    out = pixels(tecogan(rgbs(core, wild), tiny_model, **PLAIN))
    np.testing.assert_array_equal(out, pixels(tecogan(rgbs(core, tame), tiny_model, **PLAIN)))
    assert np.isfinite(out).all()
    assert out.min() < 0 or out.max() > 1


def test_integer_superwhites_survive(core: vs.Core, skip_model: Model) -> None:
    """Limited-range samples beyond white and black are video, not errors."""
    clip = core.std.BlankClip(format=vs.YUV444P8, width=8, height=8, length=2, color=[250, 20, 236])
    frame = tecogan(clip.std.SetFrameProps(_Matrix=1), skip_model, device="cpu").get_frame(1)
    assert [int(np.asarray(frame[plane])[16, 16]) for plane in range(3)] == [250, 20, 236]


def test_frame_properties(make_clip: ClipMaker, tiny_file: Path) -> None:
    """Properties of the source stay, those of the filter are added, in RGBS and through the conversions."""
    for form in (vs.RGBS, vs.YUV420P10):
        tags = {"_Transfer": 16, "_Primaries": 9, "_SARNum": 4, "_SARDen": 3, "user": b"kept"}
        if form != vs.RGBS:
            tags |= {"_Matrix": 9, "_Range": 1, "_ChromaLocation": 2}
        clip = make_clip(form, 16, 16, 3, **tags)
        out = tecogan(clip, tiny_file, device="cpu", restart=2, warmup=1)
        frame = out.get_frame(2)
        for name, value in clip.get_frame(2).props.items():
            assert frame.props[name] == value, name
        assert frame.props["TecoganModel"] == "random-0"
        assert frame.props["TecoganVersion"] == vs_tecogan.__version__
        assert (frame.props["TecoganChainStart"], frame.props["TecoganWarmup"]) == (2, 1)
        assert (out.fps, out.num_frames, out.format.id) == (clip.fps, clip.num_frames, form)


@pytest.mark.parametrize("form", [vs.RGBS, vs.RGB24, vs.GRAY16, vs.YUV420P8])
def test_alpha_is_dropped(make_clip: ClipMaker, tiny_file: Path, form: int) -> None:
    """Catches an alpha plane of the input's size beside an output of four times that."""
    clip = make_clip(form, 16, 16, 1)
    clip = clip.std.ClipToProp(clip.std.BlankClip(format=vs.GRAY8), prop="_Alpha")
    assert "_Alpha" not in tecogan(clip, tiny_file, device="cpu", matrix=1).get_frame(0).props


@pytest.mark.parametrize("form", [vs.RGBS, vs.RGB24, vs.GRAY8, vs.YUV420P8])
def test_what_input_frames_carry_is_counted(
    make_clip: ClipMaker, tiny_file: Path, monkeypatch: pytest.MonkeyPatch, form: int
) -> None:
    """Catches ``memory`` that forgets the RGBS picture beside each integer frame, nine times as large as the frame."""
    seen: list[tuple[vs.VideoNode, int]] = []

    def noting(clip: vs.VideoNode, *others: Any, attached: int = 0, **options: Any) -> vs.VideoNode:
        seen.append((clip, attached))
        return recurrent(clip, *others, attached=attached, **options)

    monkeypatch.setattr("vs_tecogan.filter.recurrent", noting)
    tecogan(make_clip(form, 18, 14, 1), tiny_file, device="cpu", matrix=1)
    [(clip, attached)] = seen
    carried = [value for value in clip.get_frame(0).props.values() if isinstance(value, vs.VideoFrame)]
    assert attached == sum(np.asarray(plane).nbytes for frame in carried for plane in frame)


def test_the_longest_clip(core: vs.Core, tiny_file: Path) -> None:
    """``std.Loop`` makes clips of 2**31 - 1 frames: nothing may be added to that number."""
    clip = core.std.Loop(core.std.BlankClip(format=vs.YUV420P8, width=16, height=16, length=3))
    out = tecogan(clip, tiny_file, device="cpu", matrix=1)
    assert out.num_frames == 2**31 - 1
    assert out.get_frame(7).props["TecoganChainStart"] == 0


def test_version_is_that_of_the_package() -> None:
    """The property must name the release."""
    import tomllib

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert "version" in project.get("dynamic", ()) or project["version"] == vs_tecogan.__version__


def test_endless_clip_without_a_rate(core: vs.Core, tiny_model: Model) -> None:
    """What mpv hands to a script: 2**27 frames, fps 0/1, and nothing may be requested while building."""
    source = core.std.BlankClip(format=vs.YUV420P8, width=8, height=8, length=2**27, fpsnum=0, fpsden=1)
    asked: list[int] = []

    def note(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        asked.append(n)
        return f

    out = tecogan(source.std.ModifyFrame(source, note), tiny_model, device="cpu", matrix="709")
    assert asked == []
    assert (out.num_frames, out.fps, out.width) == (2**27, source.fps, 32)
    out.get_frame(0)
    out.get_frame(1)
    assert max(asked) < 64


def test_upstream_failure_spares_later_requests(make_clip: ClipMaker, tiny_model: Model) -> None:
    """A source that fails once fails that frame, with its own message; asked again, the frame is right."""
    clip = make_clip(length=8)
    broken = [4]

    def sometimes(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        if n in broken:
            raise ValueError("disk on fire")
        return f

    flaky = clip.std.ModifyFrame(clip, sometimes)
    out = tecogan(flaky, tiny_model, **PLAIN)
    expected = pixels(tecogan(clip, tiny_model, **PLAIN))
    for n in (0, 1, 2, 3):
        np.testing.assert_array_equal(np.asarray(out.get_frame(n)[0]), expected[n, 0])
    with pytest.raises(vs.Error, match="disk on fire"):
        out.get_frame(4)
    broken.clear()
    for n in (4, 5, 7):
        np.testing.assert_array_equal(np.asarray(_soon(out, n)[0]), expected[n, 0])


def _soon(clip: vs.VideoNode, n: int) -> vs.VideoFrame:
    """The frame; asked again for five seconds, since VapourSynth joins a request to one that is about to fail."""
    until = time.monotonic() + 5
    while True:
        try:
            return clip.get_frame(n)
        except vs.Error:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def test_import_is_light() -> None:
    """Importing the package must not load torch or VapourSynth: training works without the latter."""
    code = "import sys, vs_tecogan; print([m for m in ('torch', 'vapoursynth', 'cv2') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_stdout_stays_empty(tiny_file: Path) -> None:
    """One line on stdout corrupts a y4m pipe. The guess of the matrix is said once, on stderr."""
    code = f"""
import vapoursynth as vs
from vs_tecogan import tecogan
clip = vs.core.std.BlankClip(format=vs.YUV420P8, width=16, height=16, length=5)
list(tecogan(clip, {str(tiny_file)!r}).frames())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr.count("no _Matrix") == 1


def test_tiles_look_like_the_whole_frame(make_clip: ClipMaker, tiny_model: Model) -> None:
    """Tiles given as (width, height) reach the engine, and leave no seam; swapped sides would fail the first."""
    clip = make_clip(width=100, height=72, length=3)
    whole = tecogan(clip, tiny_model, device="cpu", precision="fp32", tile=(100, 72))
    tiled = tecogan(clip, tiny_model, device="cpu", precision="fp32", tile=(72, 72))
    plain = tecogan(clip, tiny_model, device="cpu", precision="fp32")
    for a, b, c in zip(whole.frames(), tiled.frames(), plain.frames(), strict=True):
        assert all(np.array_equal(a[plane], c[plane]) for plane in range(3))
        assert max(np.abs(np.asarray(b[plane]) - np.asarray(a[plane])).max() for plane in range(3)) < 0.02


def test_strength_and_faithful_reach_the_picture_in_any_order(core: vs.Core) -> None:
    """Would catch an option that is accepted and does nothing, and a projection that depends on the order of frames."""
    torch.manual_seed(0)
    spec = RecurrentSpec(channels=8, blocks=1, alignment=Alignment.NONE, strength=True)
    network = RecurrentSR(spec, impl="torch").eval()
    network.strength.gain.data.add_(0.5)
    network.strength.shift.data.add_(0.3)
    network.conv_out.weight.data *= 3
    model = Model(network, ModelCard(name="tiny", spec=spec))
    inputs = np.random.default_rng(1).random((4, 3, 6, 8), dtype=np.float32)
    choices: list[dict[str, Any]] = [{}, {"strength": 0}, {"faithful": True}, {"strength": 0.0, "faithful": True}]
    results = [pixels(tecogan(rgbs(core, inputs), model, **PLAIN, **choice)) for choice in choices]
    for first, second in combinations(results, 2):
        assert np.abs(first - second).max() > 1e-3
    backwards = tecogan(rgbs(core, inputs), model, **PLAIN, **choices[-1])
    for n in (3, 1, 0, 2):
        with backwards.get_frame(n) as frame:
            assert np.array_equal(np.stack([np.asarray(frame[p]) for p in range(3)]), results[-1][n])
