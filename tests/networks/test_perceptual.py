"""Where perceptual networks come from."""

import pytest

from vs_tecogan.errors import WeightsError
from vs_tecogan.networks.perceptual import load_vgg19


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
        load_vgg19(None)
    output = capsys.readouterr()
    assert output.out == ""
    assert "Downloading" in output.err
