"""Distances of two pictures by the features of a network, and which network it is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from .picture import Picture


class FeatureDistance(Protocol):
    """A distance whose features of a picture can be used more than once; called from several threads."""

    def features(self, picture: Picture) -> list[Tensor]:
        """What is compared of a picture."""
        ...

    def between(self, a: list[Tensor], b: list[Tensor]) -> float:
        """Distance of two pictures by their features."""
        ...

    def __call__(self, a: Picture, b: Picture) -> float:
        """Distance of two pictures."""
        ...


def tensor_of(picture: Picture) -> Tensor:
    """(1, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))).float()[None] / 255
