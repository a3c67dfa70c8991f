"""Bad input to ``tecogan()``: always ``vs.Error``, one line, naming what came and what to do; nothing executed."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import vapoursynth as vs

from vs_tecogan import tecogan

from .conftest import ClipMaker


def refused(clip: Any, *words: str, **options: Any) -> None:
    """``tecogan(clip, **options)`` raises ``vs.Error`` in one line that contains ``words``."""
    with pytest.raises(vs.Error) as caught:
        tecogan(clip, **options)
    text = str(caught.value)
    assert text.startswith("tecogan: ")
    assert "\n" not in text
    for word in words:
        assert word in text, text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "gpu"}, ["'gpu'", '"cpu"']),
        ({"device": "cuda:x"}, ["'cuda:x'"]),
        ({"device": 0}, ["device 0"]),
        ({"precision": "half"}, ["'half'", "fp32"]),
        ({"precision": 16}, ["precision 16"]),
        ({"precision": None}, ["precision None"]),
        ({"device": "cpu", "precision": "fp16"}, ["fp16", "CPU", "fp32"]),
        ({"strength": 1.5}, ["strength=1.5", "from 0"]),
        ({"strength": "0.5"}, ["strength='0.5'"]),
        ({"strength": True}, ["strength=True"]),
        ({"strength": 0.5}, ["takes no strength", "leave strength out"]),
        ({"faithful": 1}, ["faithful=1", "True or False"]),
        ({"scene_change": 1}, ["scene_change=1", "True or False"]),
        ({"scene_change": "auto"}, ["scene_change='auto'"]),
        ({"restart": -1}, ["restart=-1"]),
        ({"restart": 2.5}, ["restart=2.5"]),
        ({"restart": True}, ["restart=True"]),
        ({"restart": None}, ["restart=None"]),
        ({"warmup": -3}, ["warmup=-3"]),
        ({"warmup": "8"}, ["warmup='8'"]),
        ({"restart": 0, "warmup": 10**9}, ["warmup=1000000000", "at most 1000"]),
        ({"restart": 4, "warmup": 5}, ["warmup=5", "restart=4"]),
        ({"duplicates": "skip"}, ["'skip'", '"hold"']),
        ({"duplicates": None}, ["duplicates=None"]),
        ({"memory": 0}, ["memory=0"]),
        ({"memory": "1G"}, ["memory='1G'"]),
        ({"tile": 256}, ["tile=256", "(width, height)"]),
        ({"tile": (256,)}, ["tile=(256,)", "(width, height)"]),
        ({"tile": (256, "a")}, ["tile='a'"]),
        ({"tile": (16, 16)}, ["(16, 16)", "LR pixels"]),
        ({"matrix": "bt709"}, ["'bt709'", "709"]),
        ({"matrix": 0}, ["matrix 0"]),
        ({"matrix": 1.0}, ["matrix 1.0"]),
    ],
)
def test_wrong_options(make_clip: ClipMaker, tiny_file: Path, options: dict[str, Any], words: list[str]) -> None:
    """Each wrong value or type is named, with what to give instead."""
    refused(make_clip(), *words, model=tiny_file, **options)


def test_options_are_keyword_only(make_clip: ClipMaker, tiny_file: Path) -> None:
    """Positional options would freeze their order for ever."""
    with pytest.raises(TypeError):
        tecogan(make_clip(), tiny_file, "cpu")  # type: ignore[misc]


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_where_there_is_none(make_clip: ClipMaker, tiny_file: Path) -> None:
    """No silent fall back to the CPU, which would take a hundred times as long."""
    for device in ("cuda", "cuda:1"):
        refused(make_clip(), device, "CUDA", "cpu", model=tiny_file, device=device)


def test_wrong_clips(core: vs.Core, tiny_file: Path) -> None:
    """No clip, variable clips and unsupported formats are refused before any frame is made."""
    refused(None, "NoneType", "video clip", model=tiny_file)
    refused(core.std.BlankAudio(length=10), "AudioNode", "video clip", model=tiny_file)
    rgb = core.std.BlankClip(format=vs.RGB24, width=8, height=8, length=1)
    sizes = core.std.Splice([rgb, core.std.BlankClip(rgb, width=4)], mismatch=True)
    refused(sizes, "variable size", "core.resize", model=tiny_file)
    formats = core.std.Splice([rgb, core.std.BlankClip(rgb, format=vs.GRAY8)], mismatch=True)
    refused(formats, "variable format", "core.resize", model=tiny_file)
    refused(core.std.BlankClip(format=vs.GRAY32), "Gray32", "16 bit", model=tiny_file)


class Hostile:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (str(self.target), "w")


def _truncated(folder: Path, good: Path) -> Path:
    path = folder / "truncated.safetensors"
    path.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    return path


def _random(suffix: str) -> Callable[[Path, Path], Path]:
    def make(folder: Path, good: Path) -> Path:
        path = folder / f"random{suffix}"
        path.write_bytes(bytes(range(256)) * 64)
        return path

    return make


def _empty(folder: Path, good: Path) -> Path:
    path = folder / "empty.pth"
    path.touch()
    return path


def _foreign(folder: Path, good: Path) -> Path:
    path = folder / "foreign.pth"
    torch.save({"conv_first.weight": torch.zeros(64, 3, 3, 3), "conv_first.bias": torch.zeros(64)}, path)
    return path


def _no_state(folder: Path, good: Path) -> Path:
    path = folder / "list.pth"
    torch.save([1, 2, 3], path)
    return path


def _wrong_suffix(folder: Path, good: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(good.read_bytes())
    return path


def _folder(folder: Path, good: Path) -> Path:
    path = folder / "model.safetensors"
    path.mkdir()
    return path


@pytest.mark.parametrize(
    "make",
    [_truncated, _random(".safetensors"), _random(".pth"), _empty, _foreign, _no_state, _wrong_suffix, _folder],
    ids=["truncated", "random safetensors", "random pth", "empty", "foreign", "no state", "suffix", "folder"],
)
def test_unusable_model_files(
    make_clip: ClipMaker, tiny_file: Path, tmp_path: Path, make: Callable[[Path, Path], Path]
) -> None:
    """Every broken file is refused with its path; torch's own many exceptions never come through."""
    path = make(tmp_path, tiny_file)
    refused(make_clip(), path.name, model=path)


def test_pickle_with_code_does_not_run(make_clip: ClipMaker, tmp_path: Path) -> None:
    """A checkpoint is data: code in it must not run."""
    target = tmp_path / "proof"
    plain, archive = tmp_path / "plain.pth", tmp_path / "archive.pth"
    plain.write_bytes(pickle.dumps(Hostile(target)))
    torch.save({"srnet.conv_in.0.weight": Hostile(target)}, archive)
    for path in (plain, archive):
        refused(make_clip(), path.name, model=path)
    assert not target.exists()


def test_unknown_models(make_clip: ClipMaker, tmp_path: Path) -> None:
    """Unknown names list what is shipped, old ones their successor; missing paths say so; other types are named."""
    refused(make_clip(), "'nonsense-9x'", "shipped models", model="nonsense-9x")
    refused(make_clip(), "'tecogan-4x' is no longer shipped; take 'recurrent-texture-4x'", model="tecogan-4x")
    refused(make_clip(), "gone.pth", "does not exist", model=tmp_path / "gone.pth")
    refused(make_clip(), "''", model="")
    refused(make_clip(), "'nul\\x00l.pth'", model="nul\0l.pth")
    for wrong in (7, b"recurrent-4x", object()):
        refused(make_clip(), "model", "give a name", model=wrong)


def test_interlaced_frame(make_clip: ClipMaker, tiny_file: Path) -> None:
    """Fields woven into a frame would be smeared: that frame is an error that says what to do."""
    clip = make_clip(vs.YUV420P8, 16, 16, 4)
    woven = clip[:2] + clip[2].std.SetFrameProps(_FieldBased=1) + clip[3]
    out = tecogan(woven, tiny_file, device="cpu", warmup=0)
    out.get_frame(1)
    with pytest.raises(vs.Error, match=r"tecogan: frame 2: _FieldBased=1.*deinterlace"):
        out.get_frame(2)


def test_field_by_itself(make_clip: ClipMaker, tiny_file: Path) -> None:
    """Would catch the fields of separated frames upscaled as if each were a picture."""
    fields = make_clip(vs.YUV420P8, 16, 16, 2).std.SeparateFields(tff=True)
    out = tecogan(fields, tiny_file, device="cpu", warmup=0)
    with pytest.raises(vs.Error, match=r"tecogan: frame 0: _Field=\d.*weave"):
        out.get_frame(0)
