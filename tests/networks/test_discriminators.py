"""Discriminators and perceptual networks."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vs_tecogan.errors import WeightsError
from vs_tecogan.networks.discriminators import BatchNorm, Discriminator
from vs_tecogan.networks.perceptual import VGG19, load_feature_net, load_squeezenet


def test_discriminator_is_the_published_one() -> None:
    """Would catch other widths, biases beside batch normalisation, or a gain: the official count is 802,817."""
    network = Discriminator(27)
    assert sum(p.numel() for p in network.parameters()) == 802_817
    logits, layers = network(torch.rand(2, 27, 128, 128))
    assert logits.shape == (2, 1, 8, 8)
    assert [tuple(x.shape[1:]) for x in layers] == [(64, 64, 64), (64, 32, 32), (128, 16, 16), (256, 8, 8)]


@pytest.mark.parametrize("kind", ["batch", "spectral", "none"])
def test_discriminator_normalisations(kind: str) -> None:
    """Would catch a variant without gradients, or spectral normalisation that normalises nothing."""
    torch.manual_seed(0)
    network = Discriminator(9, kind)
    images = torch.rand(3, 9, 48, 48, requires_grad=True)
    for _ in range(20):
        logits, _ = network(images)
    logits.sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    if kind == "spectral":
        weight = network.downs[2].weight.detach().flatten(1)
        assert float(torch.linalg.matrix_norm(weight, 2)) == pytest.approx(1, abs=0.05)


def test_batch_norm_against_torch() -> None:
    """Would catch biased statistics or another epsilon."""
    values = torch.randn(4, 5, 6, 7) * 3 + 2
    network = BatchNorm(5)
    network.bias.data.uniform_()
    expected = F.batch_norm(values, None, None, bias=network.bias, training=True, eps=1e-3)
    torch.testing.assert_close(network(values), expected, atol=1e-5, rtol=1e-5)


@pytest.fixture(scope="module")
def squeezenet_file(shared: Path) -> Path:
    """The Keras file."""
    path = shared / "data" / "perceptual" / "squeezenet1.1_notop.h5"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    return path


def test_squeezenet_layout_against_plain_numpy(squeezenet_file: Path) -> None:
    """conv1 and the first fire computed by hand from the file: catches a transposed kernel or padded convolution."""
    import h5py

    network = load_squeezenet(squeezenet_file)
    assert sum(p.numel() for p in network.parameters()) == 722_496
    image = torch.rand(1, 3, 35, 35)
    with torch.no_grad():
        features = network.features(image)
    with h5py.File(squeezenet_file) as file:
        kernel = np.asarray(file["conv1/conv1_3/kernel:0"])
        bias = np.asarray(file["conv1/conv1_3/bias:0"])
    bgr = image.numpy()[0].transpose(1, 2, 0)[..., ::-1] * 255 - np.array([103.939, 116.779, 123.68])
    patch = bgr[2 * 4 : 2 * 4 + 3, 2 * 7 : 2 * 7 + 3]
    expected = np.maximum(np.einsum("hwi,hwio->o", patch, kernel) + bias, 0)
    np.testing.assert_allclose(features[0][0, :, 4, 7].numpy(), expected, rtol=1e-4, atol=1e-3)
    assert [f.shape[1] for f in features] == [64, 128, 256, 512]
    assert features[0].shape[-1] == 17  # (35 - 3) // 2 + 1: no padding


def test_squeezenet_distance_grows_with_damage(squeezenet_file: Path) -> None:
    """Would catch features that tell nothing: blur and noise must be farther the stronger they are."""
    from vs_tecogan.training.objectives.losses import perceptual_loss

    from ..training.conftest import texture

    network = load_feature_net(squeezenet_file)
    assert network.label == "squeezenet1.1"
    image = torch.from_numpy(texture(96, 96)).permute(2, 0, 1)[None].float() / 255
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        base = network.features(image)
        distances = [float(perceptual_loss(network.features(image + s * noise), base)) for s in (0, 0.02, 0.1)]
    assert distances[0] == pytest.approx(0, abs=1e-5)
    assert distances[0] < distances[1] < distances[2]


def test_vgg19_taps_are_those_of_torchvision() -> None:
    """Random weights in torchvision's layout; catches a wrong layer list (features 8, 17, 26, 35)."""
    torch.manual_seed(0)
    widths = [64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512, 512, 512, "M"]
    layers: list[torch.nn.Module] = []
    channels = 3
    for width in widths:
        if width == "M":
            layers.append(torch.nn.MaxPool2d(2))
        else:
            layers += [torch.nn.Conv2d(channels, int(width), 3, padding=1), torch.nn.ReLU()]
            channels = int(width)
    reference = torch.nn.Sequential(*layers)
    state = {f"features.{key}": value for key, value in reference.state_dict().items()}
    state["classifier.0.weight"] = torch.zeros(1)
    image = torch.rand(1, 3, 32, 32)
    network = VGG19(state)
    values = (image - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(
        1, 3, 1, 1
    )
    with torch.no_grad():
        taken = network.features(image)
        expected = []
        for index, layer in enumerate(reference):
            values = layer(values)
            if index in (8, 17, 26, 35):
                expected.append(values)
    for a, b in zip(taken, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    """Would catch a substitute network, or a stack trace instead of a reason."""
    torch.save({"features.0.weight": torch.zeros(3)}, tmp_path / "other.pth")
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "empty.pth")
    (tmp_path / "noise.pth").write_bytes(b"noise")
    (tmp_path / "noise.h5").write_bytes(b"noise")
    for name, text in (
        ("other.pth", "not torchvision's VGG16"),
        ("empty.pth", "expected torchvision's VGG19 or VGG16"),
        ("noise.pth", "no weight file that can be read"),
        ("noise.h5", "HDF5"),
    ):
        with pytest.raises(WeightsError, match=text):
            load_feature_net(tmp_path / name)
