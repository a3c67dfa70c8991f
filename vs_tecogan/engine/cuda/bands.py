"""Computing a local image operator in bands of rows, to bound its memory."""

from collections.abc import Callable

from torch import Tensor


def in_bands(
    operator: Callable[[Tensor], Tensor], features: Tensor, output: Tensor, *, rows: int, halo: int, scale: int
) -> Tensor:
    """Apply ``operator`` to bands of rows with ``halo`` more rows on either side; keep what the halo does not touch.

    Equals ``operator(features)`` where an output row depends on no input row further than ``halo`` away, and zero
    padding happens at the image's own borders alone.

    :param operator: (N, C, h, W) -> (N, C', scale * h, W').
    :param features: (N, C, H, W); :param output: (N, C', scale * H, W'), overwritten and returned.
    :param rows:     input rows a band.
    """
    height = features.shape[2]
    for start in range(0, height, rows):
        stop = min(start + rows, height)
        above, below = min(halo, start), min(halo, height - stop)
        band = operator(features[:, :, start - above : stop + below])
        output[:, :, scale * start : scale * stop] = band[:, :, scale * above : scale * (above + stop - start)]
    return output
