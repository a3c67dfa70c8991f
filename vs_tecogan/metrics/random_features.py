"""FD-random3d: Fréchet distance of two sets of clips by the features of a fixed network with random weights.

It needs no file. It is NOT FVD, whose features are those of I3D, and its figures compare only with each other: with the
same number of clips of the same size and length. Random features see colours, edges, textures and how they move, and
know nothing of what is shown.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import MetricsError
from .fvd import Features, frechet_distance

NAME = "FD-random3d"
WIDTHS = (16, 32, 64)
STRIDES = ((1, 1, 1), (2, 2, 2), (2, 2, 2))
SLOPE = 0.2
SEED = 20220607
TIME_WEIGHT = 2.0
"""Video changes less in a few frames than across a picture; this gives motion about the weight of texture."""
SHORTEST = 5
"""Frames, and pixels of the longer side, that leave the last layer two moments and two places: one has no spread."""

type Clip = npt.NDArray[np.uint8]
"""(T, H, W, 3) RGB."""


def random_layers() -> list[tuple[Tensor, Tensor]]:
    """Kernels (out, in, 3, 3, 3), each of one length, and biases: the same in every version, on every machine."""
    rng, layers, inside = np.random.default_rng(SEED), [], 3
    for outside in WIDTHS:
        kernel = rng.standard_normal((outside, inside * 27))
        kernel /= np.linalg.norm(kernel, axis=1, keepdims=True)
        kernel = kernel.reshape(outside, inside, 3, 3, 3) * np.sqrt(2)
        bias = 0.2 * rng.standard_normal(outside)
        layers.append((torch.from_numpy(kernel).float(), torch.from_numpy(bias).float()))
        inside = outside
    return layers


@torch.inference_mode()
def random_features(clips: Iterable[Clip]) -> Features:
    """(N, 336): of each layer's channels the mean, the spread over places, and the spread over time.

    :param clips: each (T, H, W, 3) uint8, of one size and length.
    :raises MetricsError: a clip has fewer than 5 frames, or no side of 5 pixels.
    """
    layers, found = random_layers(), []
    for clip in clips:
        _check(clip)
        x = torch.from_numpy(np.ascontiguousarray(clip.transpose(3, 0, 1, 2))).float()[None] / 127.5 - 1
        parts = []
        for (kernel, bias), stride in zip(layers, STRIDES, strict=True):
            x = F.pad(x, (1,) * 6, mode="replicate")  # with zeros, a still clip would seem to begin and to end
            x = F.leaky_relu(F.conv3d(x, kernel, bias, stride), SLOPE)
            parts += [x.mean((2, 3, 4)), x.mean(2).std((2, 3)), TIME_WEIGHT * x.std(2).mean((2, 3))]
        found.append(torch.cat(parts, 1)[0].double().numpy())
    return np.stack(found)


def random_frechet_distance(a: Iterable[Clip], b: Iterable[Clip]) -> float:
    """FD-random3d of two sets of clips.

    :raises MetricsError: a set has fewer than two clips, or a clip is too short or too small.
    """
    return frechet_distance(random_features(a), random_features(b))


def _check(clip: Clip) -> None:
    """:raises MetricsError: features of such a clip would not be numbers."""
    frames, height, width, _ = clip.shape
    if frames < SHORTEST or max(height, width) < SHORTEST:
        raise MetricsError(
            f"a clip of {frames} frames, {width}x{height}; {NAME} needs {SHORTEST} frames or more, and a side of "
            f"{SHORTEST} pixels or more"
        )
