"""A distance of SqueezeNet 1.1 features, uncalibrated: **not** LPIPS, and reported under a name of its own."""

from __future__ import annotations

import os
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import MetricsError, WeightsError
from ..networks.perceptual import SqueezeNet, load_squeezenet
from .features import FeatureDistance, tensor_of
from .picture import Picture


class Squeeze:
    """Squared distances of features of unit length, averaged over positions, then over four layers; 0 to 2."""

    def __init__(self, network: SqueezeNet) -> None:
        self._network = network

    @torch.inference_mode()
    def features(self, picture: Picture) -> list[Tensor]:
        """conv1, fire3, fire5 and fire9, unit length at every position."""
        return [F.normalize(layer, dim=1) for layer in self._network.features(tensor_of(picture))]

    @torch.inference_mode()
    def between(self, a: list[Tensor], b: list[Tensor]) -> float:
        """Distance of two pictures by their features."""
        steps = [(x - y).square().sum(dim=1).mean() for x, y in zip(a, b, strict=True)]
        return float(torch.stack(steps).mean())

    def __call__(self, a: Picture, b: Picture) -> float:
        """Distance of two pictures."""
        return self.between(self.features(a), self.features(b))


def squeeze_distance(path: str | os.PathLike[str]) -> FeatureDistance:
    """The distance with the weights of a Keras ``notop`` file.

    :raises MetricsError: the file cannot be used.
    """
    if not Path(path).is_file():
        raise MetricsError(f"no SqueezeNet weights at {path}; give the Keras file squeezenet1.1_notop.h5")
    try:
        network = load_squeezenet(path)
    except WeightsError as error:
        raise MetricsError(str(error)) from None
    network.freeze()
    return Squeeze(network)
