"""Distances by networks: LPIPS through its own package, and a SqueezeNet distance under its own name."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MetricsError
from ..reasons import reason
from .errors import NotMeasured
from .evaluation import Distance
from .picture import Picture

if TYPE_CHECKING:
    from torch import Tensor, nn

PATIENCE = 15.0
"""Seconds that a silent network may hold up the download of AlexNet."""


def squeeze_distance(path: str | os.PathLike[str]) -> Distance:
    """Distance of SqueezeNet 1.1 features from a Keras ``notop`` file; uncalibrated, **not** LPIPS.

    Features of conv1, fire3, fire5 and fire9 are scaled to unit length at every position; the squared distances are
    averaged over positions, then over the four layers. 0 for equal pictures, at most 2.

    :raises MetricsError: the file cannot be used.
    """
    import torch
    import torch.nn.functional as F

    from ..errors import WeightsError
    from ..networks.perceptual import load_squeezenet

    if not Path(path).is_file():
        raise MetricsError(f"no SqueezeNet weights at {path}; give the Keras file squeezenet1.1_notop.h5")
    try:
        network = load_squeezenet(path).freeze()
    except WeightsError as error:
        raise MetricsError(str(error)) from None

    @torch.inference_mode()
    def distance(a: Picture, b: Picture) -> float:
        # One picture at a time: the features of a large one fill hundreds of megabytes.
        layers = zip(*(network.features(_tensor(picture)) for picture in (a, b)), strict=True)
        steps = [(F.normalize(x, dim=1) - F.normalize(y, dim=1)).square().sum(dim=1).mean() for x, y in layers]
        return float(torch.stack(steps).mean())

    return distance


def lpips_distance(trunk: str | os.PathLike[str] | None = None) -> Distance:
    """LPIPS v0.1 with AlexNet, from the ``lpips`` package: its linear heads on torchvision's trunk.

    :param trunk: torchvision's ``alexnet-owt-7be5be79.pth``; None takes the cached or downloads it, as lpips does.
    :raises NotMeasured:  the package or the weights of the trunk cannot be had.
    :raises MetricsError: ``trunk`` is something else.
    """
    try:
        import lpips
        import torch
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
            raise NotMeasured(
                f"AlexNet's weights cannot be downloaded ({error}); give the file alexnet-owt-7be5be79.pth by path"
            ) from None
        finally:
            socket.setdefaulttimeout(patience)
    if trunk is not None:
        _fill_trunk(network.net, Path(trunk))
    network = network.eval().requires_grad_(False)

    @torch.inference_mode()
    def distance(a: Picture, b: Picture) -> float:
        return float(network(_tensor(a) * 2 - 1, _tensor(b) * 2 - 1))

    return distance


def _fill_trunk(net: nn.Module, path: Path) -> None:
    """Put torchvision's AlexNet weights into lpips' slices of it, whose layers keep their numbers."""
    import pickle

    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise MetricsError(f"no AlexNet weights at {path}; give torchvision's alexnet-owt-7be5be79.pth") from None
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
        raise MetricsError(f"{path} is not a torch weight file; give torchvision's alexnet-owt-7be5be79.pth") from None
    wanted = {key: f"features.{key.split('.', 1)[1]}" for key in net.state_dict()}
    try:
        net.load_state_dict({key: state[source] for key, source in wanted.items()})
    except (KeyError, TypeError, RuntimeError) as error:
        raise MetricsError(f"{path} holds no torchvision AlexNet ({reason(error)})") from None


def _tensor(picture: Picture) -> Tensor:
    """(1, 3, H, W) float32 in [0, 1]."""
    import torch

    return torch.from_numpy(picture.transpose(2, 0, 1).copy()).float()[None] / 255
