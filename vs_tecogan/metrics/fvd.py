"""FVD: Fréchet distance between the I3D features of two sets of short clips.

The network is a TorchScript file that the user gives (the ``i3d_torchscript.pt`` that StyleGAN-V and LongVideoGAN use).
"""

import os
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ..errors import MetricsError
from .picture import Picture

LENGTHS = {"fvd": 16, "fvd128": 128}
"""Frames per clip of each metric; clips follow each other without overlap, a rest is left out."""

type Features = npt.NDArray[np.float64]


def frechet_distance(a: Features, b: Features) -> float:
    """|mu_a - mu_b|^2 + Tr(S_a + S_b - 2 (S_a S_b)^(1/2)) of two (N, D) sets of features, N at least 2.

    :raises MetricsError: a set has fewer than two features.
    """
    if min(len(a), len(b)) < 2:
        raise MetricsError(f"a Fréchet distance needs two clips or more; there are {min(len(a), len(b))}")
    # The trace needs only the singular values of the centred sets' product, D x D matrices need not be formed.
    centred = [(x - x.mean(axis=0)) / np.sqrt(len(x) - 1) for x in (a, b)]
    cross = float(np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum())
    spread = sum(float(np.square(x).sum()) for x in centred)
    return float(np.square(a.mean(axis=0) - b.mean(axis=0)).sum()) + spread - 2 * cross


class FvdObserver:
    """Collects features of result and reference while frames go by; one for all pairs of a run.

    :param path: TorchScript network, called as ``network(clips, rescale=True, resize=True, return_features=True)`` on
        (1, 3, length, H, W) float32 of 0 to 255, giving (1, D).
    :param length: frames per clip.
    :raises MetricsError: the file is not TorchScript.
    """

    def __init__(self, path: str | os.PathLike[str], length: int = 16) -> None:
        self._length = length
        if not Path(path).is_file():
            raise MetricsError(f"no I3D network at {path}; give a TorchScript file such as i3d_torchscript.pt")
        try:
            with warnings.catch_warnings():  # the published I3D files are TorchScript, deprecated or not
                warnings.simplefilter("ignore", FutureWarning)
                self._network = torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError, pickle.UnpicklingError) as error:
            raise MetricsError(f"{path} is not a TorchScript network; give one such as i3d_torchscript.pt") from error
        self._waiting: list[tuple[Picture, Picture]] = []
        self._features: tuple[list[Features], list[Features]] = ([], [])

    def frame(self, index: int, result: Picture, truth: Picture | None, values: Mapping[str, float]) -> None:
        """Take one frame of both sides."""
        if truth is None:
            return
        self._waiting.append((result, truth))
        if len(self._waiting) == self._length:
            for side, kept in enumerate(self._features):
                kept.append(self._features_of([pair[side] for pair in self._waiting]))
            self._waiting.clear()

    def next_pair(self) -> None:
        """Forget a rest that does not fill a clip: no clip spans two videos."""
        self._waiting.clear()

    def _features_of(self, pictures: list[Picture]) -> Features:
        clip = torch.from_numpy(np.stack(pictures).transpose(3, 0, 1, 2).copy()).float()[None]
        with torch.inference_mode():
            features = self._network(clip, rescale=True, resize=True, return_features=True)
        return np.asarray(features[0].double().numpy())

    @property
    def clips(self) -> int:
        """Clips seen so far on each side."""
        return len(self._features[0])

    def distance(self) -> float:
        """FVD over all clips of all pairs.

        :raises MetricsError: there are fewer than two.
        """
        result, truth = (np.array(kept) if kept else np.empty((0, 1)) for kept in self._features)
        return frechet_distance(result, truth)
