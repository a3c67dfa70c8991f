"""The discriminator on a perceptual network's features."""

import pytest
import torch

from vs_tecogan.networks.feature_discriminator import FeatureDiscriminator, feature_scales

CHANNELS = (8, 16, 24, 32, 32)


def layers(side: int, gain: float = 1.0) -> list[torch.Tensor]:
    return [gain * torch.randn(2, c, side >> k, side >> k) for k, c in enumerate(CHANNELS)]


def test_every_layer_that_is_fine_enough_has_its_logits_on_one_grid() -> None:
    """Would catch a layer without a voice, one that is heard more often, and odd sides that do not fit together."""
    network = FeatureDiscriminator(CHANNELS)
    for side, grid in ((64, 8), (61, 7)):
        features = layers(side)
        assert network(features, feature_scales(features)).shape == (2, 4, grid, grid)


@pytest.mark.parametrize("kind", ["spectral", "none"])
def test_all_weights_learn(kind: str) -> None:
    """Would catch a part of it that no gradient reaches, and a spectral norm that normalises nothing."""
    network = FeatureDiscriminator(CHANNELS, kind)  # type: ignore[arg-type]
    features = layers(32)
    for _ in range(20):
        logits = network(features, feature_scales(features))
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    norm = float(torch.linalg.matrix_norm(network.heads[0][2].weight.detach().flatten(1), 2))  # type: ignore[index,operator,union-attr]
    assert (norm == pytest.approx(1, abs=0.05)) == (kind == "spectral")


def test_the_scale_of_features_does_not_matter() -> None:
    """Would catch layers that drown each other: a classifier's deep layers are many times larger than its first."""
    network = FeatureDiscriminator(CHANNELS)
    network.eval()
    features = layers(32)
    scales = feature_scales(features)
    once = network(features, scales)
    large = [50 * layer for layer in features]
    torch.testing.assert_close(network(large, feature_scales(large)), once)
    assert not torch.allclose(network(large, scales), once)


def test_batch_normalisation_is_refused() -> None:
    """Would catch the one kind that hides what there is to see."""
    with pytest.raises(ValueError, match="spectral or none"):
        FeatureDiscriminator(CHANNELS, "batch")
