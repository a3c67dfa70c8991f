"""Where perceptual networks come from."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from vs_tecogan.errors import WeightsError
from vs_tecogan.networks.perceptual import VGG16, VGG19, load_feature_net, load_vgg19

GROUPS = {VGG16: (2, 2, 3, 3, 3), VGG19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)


def torchvision_state(kind: type[VGG16] | type[VGG19], dtype: torch.dtype) -> dict[str, Tensor]:
    """Random weights under torchvision's names, with some of the classifier."""
    rng, state, index, inputs = torch.Generator().manual_seed(0), {}, 0, 3
    for count, width in zip(GROUPS[kind], WIDTHS, strict=True):
        for _ in range(count):
            state[f"features.{index}.weight"] = (torch.randn(width, inputs, 3, 3, generator=rng) * 0.05).to(dtype)
            state[f"features.{index}.bias"] = torch.zeros(width, dtype=dtype)
            index, inputs = index + 2, width
        index += 1  # pooling
    return state | {"classifier.0.bias": torch.zeros(4)}


@pytest.mark.parametrize("kind", [VGG16, VGG19])
@pytest.mark.parametrize(("suffix", "dtype"), [(".pth", torch.float32), (".safetensors", torch.float16)])
def test_vgg_files_are_known_by_what_they_hold(
    tmp_path: Path, kind: type[VGG16] | type[VGG19], suffix: str, dtype: torch.dtype
) -> None:
    """Would catch a file of torchvision's that is refused, is taken for the other network, or stays in float16."""
    state, path = torchvision_state(kind, dtype), tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    network = load_feature_net(path)
    assert type(network) is kind
    taken = network.features(torch.rand(1, 3, 32, 32))
    assert [tuple(f.shape[1:]) for f in taken] == [(128, 16, 16), (256, 8, 8), (512, 4, 4), (512, 2, 2)]
    assert all(f.dtype == torch.float32 and bool((f >= 0).all()) for f in taken)
    last = max(int(key.split(".")[1]) for key in state if key.startswith("features."))
    held = network.get_parameter(f"trunk.{last}.weight")
    assert torch.equal(held, state[f"features.{last}.weight"].float())
    assert network.TAPS[-1] == last + 1, "the last layer that is compared"


def test_published_vgg16_file(shared: Path) -> None:
    """Would catch a layer list that fits names but not the real file."""
    path = shared / "data" / "perceptual" / "vgg16_features_fp16.safetensors"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    assert load_feature_net(path).label == "vgg16"


def test_download_is_not_announced_on_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Would catch torch.hub's message among a command's results."""
    models = pytest.importorskip("torchvision.models")

    def download(*_: object, **__: object) -> None:
        print("Downloading: somewhere")
        raise OSError("no network")

    monkeypatch.setattr(models.VGG19_Weights, "get_state_dict", download)
    with pytest.raises(WeightsError, match="cannot download"):
        load_vgg19()
    output = capsys.readouterr()
    assert output.out == ""
    assert "Downloading" in output.err
