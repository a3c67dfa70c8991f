"""LPIPS v0.1 with AlexNet: the linear heads of the ``lpips`` package on torchvision's trunk.

Source: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric" (2018).
"""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..errors import MetricsError
from ..reasons import reason
from .features import tensor_of
from .not_measured import NotMeasured
from .picture import Picture

if TYPE_CHECKING:
    from .features import FeatureDistance

PATIENCE = 15.0
"""Seconds that a silent network may hold up the download of AlexNet."""
EXPECTED = "torchvision's alexnet-owt-7be5be79.pth, or its features.* alone"


class Lpips:
    """The distance of two pictures; called from several threads.

    :param network: the package's module, in evaluation mode.
    """

    def __init__(self, network: Any) -> None:
        self._network = network

    @torch.inference_mode()
    def features(self, picture: Picture) -> list[Tensor]:
        """Five layers, unit length at every position."""
        values = self._network.net(self._network.scaling_layer(tensor_of(picture) * 2 - 1))
        return [layer / (layer.square().sum(dim=1, keepdim=True).sqrt() + 1e-10) for layer in values]

    @torch.inference_mode()
    def between(self, a: list[Tensor], b: list[Tensor]) -> float:
        """Distance of two pictures by their features."""
        heads = (self._network.lins[k](torch.square(x - y)) for k, (x, y) in enumerate(zip(a, b, strict=True)))
        return sum(float(head.mean()) for head in heads)

    def __call__(self, a: Picture, b: Picture) -> float:
        """Distance of two pictures."""
        return self.between(self.features(a), self.features(b))


def lpips_distance(trunk: str | os.PathLike[str] | None = None) -> FeatureDistance:
    """LPIPS as the package computes it.

    :param trunk: torchvision's ``alexnet-owt-7be5be79.pth`` or a file with its ``features.*`` alone; None takes the
        cached or downloads it, as lpips does.
    :raises NotMeasured:  the package or the weights of the trunk cannot be had.
    :raises MetricsError: ``trunk`` is something else.
    """
    try:
        import lpips  # of the extra metrics
    except ImportError as error:
        raise NotMeasured(f"the package {error.name} is not installed; pip install lpips") from None
    patience = socket.getdefaulttimeout()
    # lpips still asks torchvision in its old way, and the download reports to stdout.
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        try:
            socket.setdefaulttimeout(PATIENCE)
            network = lpips.LPIPS(net="alex", version="0.1", pnet_rand=trunk is not None, verbose=False)
        except (OSError, RuntimeError) as error:
            raise NotMeasured(f"AlexNet's weights cannot be downloaded ({error}); give {EXPECTED} by path") from None
        finally:
            socket.setdefaulttimeout(patience)
    if trunk is not None:
        _fill_trunk(network.net, Path(trunk))
    return Lpips(network.eval().requires_grad_(False))


def _fill_trunk(net: nn.Module, path: Path) -> None:
    """Put torchvision's AlexNet weights into lpips' slices of it, whose layers keep their numbers."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise MetricsError(f"no AlexNet weights at {path}; give {EXPECTED}") from None
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
        raise MetricsError(f"{path} is not a torch weight file; give {EXPECTED}") from None
    wanted = {key: f"features.{key.split('.', 1)[1]}" for key in net.state_dict()}
    try:
        net.load_state_dict({key: state[source] for key, source in wanted.items()})
    except (KeyError, TypeError, RuntimeError) as error:
        raise MetricsError(f"{path} holds no torchvision AlexNet ({reason(error)})") from None
