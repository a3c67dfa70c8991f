"""NIQE: how natural a single picture's local statistics are, by the published pristine model.

Source: Mittal, Soundararajan, Bovik, "Making a completely blind image quality analyzer" (2013). The model's parameters
are published ones and come from a file; none are fitted here.
"""

import importlib
import importlib.util
import math
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from ..errors import MetricsError
from .not_measured import NotMeasured
from .picture import Picture, Plane, luma

BLOCK = 96
FEATURES = 36

type Vector = npt.NDArray[np.float64]


def niqe_metric(path: str | os.PathLike[str] | None = None) -> Callable[[Picture], float]:
    """NIQE of pictures; lower is more natural.

    :param path: pristine parameters: BasicSR's ``niqe_pris_params.npz`` or LIVE's ``modelparameters.mat`` (needs
        scipy); None looks for those of an installed BasicSR.
    :raises NotMeasured:  there are no parameters.
    :raises MetricsError: the file is something else.
    """
    if path is None:
        spec = importlib.util.find_spec("basicsr")
        folder = Path(spec.origin).parent if spec and spec.origin else None
        path = folder and folder / "metrics" / "niqe_pris_params.npz"
        if path is None or not path.is_file():
            raise NotMeasured("the published pristine parameters are not here; give niqe_pris_params.npz by path")
    mean, covariance = load_parameters(Path(path))
    return lambda picture: niqe(np.rint(luma(picture)), mean, covariance)


def load_parameters(path: Path) -> tuple[Vector, Vector]:
    """Mean (36,) and covariance (36, 36) of the pristine model.

    :raises MetricsError: the file cannot be read or holds something else.
    """
    try:
        if path.suffix.lower() == ".mat":
            table = importlib.import_module("scipy.io").loadmat(path)
            mean, covariance = table["mu_prisparam"], table["cov_prisparam"]
        else:
            with np.load(path, allow_pickle=False) as archive:
                mean, covariance = archive["mu_pris_param"], archive["cov_pris_param"]
    except FileNotFoundError:
        raise MetricsError(f"no NIQE parameters at {path}") from None
    except (ImportError, KeyError, OSError, EOFError, ValueError, BadZipFile) as error:
        raise MetricsError(
            f"{path} holds no NIQE parameters; give BasicSR's niqe_pris_params.npz or LIVE's modelparameters.mat"
        ) from error
    if mean.size != FEATURES or covariance.shape != (FEATURES, FEATURES):
        raise MetricsError(f"{path}: mean {mean.shape}, covariance {covariance.shape}; NIQE has {FEATURES} features")
    return np.asarray(mean, np.float64).reshape(FEATURES), np.asarray(covariance, np.float64)


def niqe(plane: Plane, mean: Vector, covariance: Vector) -> float:
    """Distance between a picture's natural scene statistics and the pristine model's.

    :param plane:            (H, W), 0 to 255, at least two blocks of 96 x 96.
    :param mean, covariance: (36,) and (36, 36) of the pristine model.
    :raises MetricsError: the picture is too small.
    """
    rows, columns = plane.shape[0] // BLOCK, plane.shape[1] // BLOCK
    if rows * columns < 2:
        raise MetricsError(
            f"NIQE needs two blocks of {BLOCK}x{BLOCK}; the picture is {plane.shape[1]}x{plane.shape[0]}"
        )
    fine = plane[: rows * BLOCK, : columns * BLOCK]
    table = np.hstack([_features(fine, BLOCK), _features(halved(fine), BLOCK // 2)])
    whole = table[~np.isnan(table).any(axis=1)]
    difference = mean - np.nanmean(table, axis=0)
    inverse = np.linalg.pinv((covariance + np.cov(whole, rowvar=False)) / 2)
    return float(np.sqrt(difference @ inverse @ difference))


def _features(plane: Plane, block: int) -> Vector:
    """(blocks, 18) statistics of the locally normalised picture."""
    normal = locally_normalised(plane)
    height, width = normal.shape[0] // block, normal.shape[1] // block
    blocks = normal.reshape(height, block, width, block).swapaxes(1, 2).reshape(-1, block, block)
    return np.array([_block_features(one) for one in blocks])


def locally_normalised(plane: Plane) -> Plane:
    """(I - mean) / (deviation + 1) under a 7x7 Gaussian window of deviation 7/6, borders repeated."""
    import cv2  # of the extra metrics

    window = np.exp(-np.square(np.arange(-3, 4)) / (2 * (7 / 6) ** 2))
    window /= window.sum()

    def local_mean(values: Plane) -> Plane:
        return np.asarray(cv2.sepFilter2D(values, -1, window, window, borderType=cv2.BORDER_REPLICATE), np.float64)

    mean = local_mean(plane)
    return np.asarray((plane - mean) / (np.sqrt(np.abs(local_mean(plane**2) - mean**2)) + 1))


def _block_features(block: Plane) -> list[float]:
    """Shape and scale of the values, then shape, mean and both scales of products with four neighbours."""
    shape, left, right = asymmetric_gaussian(block)
    features = [shape, (left + right) / 2]
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        shape, left, right = asymmetric_gaussian(block * np.roll(block, shift, axis=(0, 1)))
        mean = (right - left) * math.gamma(2 / shape) / math.gamma(1 / shape)
        features += [shape, mean, left, right]
    return features


@cache
def _shapes() -> tuple[Vector, Vector]:
    """Candidate shapes 0.2 to 10 and the moment ratio that each would give."""
    shapes = np.arange(0.2, 10.001, 0.001)
    ratio = [math.exp(2 * math.lgamma(2 / a) - math.lgamma(1 / a) - math.lgamma(3 / a)) for a in shapes]
    return shapes, np.array(ratio)


def asymmetric_gaussian(values: Plane) -> tuple[float, float, float]:
    """Fit an asymmetric generalised Gaussian by its moments: shape, left scale, right scale; NaN for one-sided data."""
    negative, positive = values[values < 0], values[values > 0]
    if not negative.size or not positive.size:
        return math.nan, math.nan, math.nan
    left, right = (float(np.sqrt(np.mean(np.square(side)))) for side in (negative, positive))
    skew = left / right
    ratio = float(np.mean(np.abs(values)) ** 2 / np.mean(np.square(values)))
    ratio *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shapes, ratios = _shapes()
    shape = float(shapes[np.argmin(np.square(ratios - ratio))])
    scale = math.sqrt(math.gamma(1 / shape) / math.gamma(3 / shape))
    return shape, left * scale, right * scale


def halved(plane: Plane) -> Plane:
    """Half size by antialiased bicubic (a = -0.5, kernel widened twice, borders mirrored), as MATLAB's imresize."""
    distance = np.abs(np.arange(8) - 3.5) / 2
    taps = np.where(
        distance <= 1,
        1.5 * distance**3 - 2.5 * distance**2 + 1,
        -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2,
    )
    taps /= taps.sum()
    for axis in (0, 1):
        size = plane.shape[axis] // 2
        padded = np.pad(plane, [(3, 3) if k == axis else (0, 0) for k in (0, 1)], mode="symmetric")
        rows = np.moveaxis(padded, axis, 0)
        total = sum(tap * rows[k : k + 2 * size : 2] for k, tap in enumerate(taps))
        plane = np.moveaxis(np.asarray(total), 0, axis)
    return np.asarray(plane)
