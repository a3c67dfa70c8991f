"""The grid that transposed convolutions draw: fine detail that repeats with the period of the upscaling."""

from .picture import Plane

PERIOD = 4
"""Pixels; a grid of 2 repeats with 4 as well."""
BLOCK = 64
"""Side of the squares that are looked at one by one, as a grid may be strong in one place and reversed in another."""


def grid(luma: Plane) -> float:
    """Amplitude of the pattern of period 4, in the 8-bit levels of ``luma``: mean of the RMS in squares of 64 pixels.

    Detail is the difference from the mean of a pixel's four neighbours. In a square it is averaged over all pixels of
    one phase (y mod 4, x mod 4); the RMS of the 16 averages about their mean is what counts. Scenes have a little of it
    by chance, more where they have more detail: read it beside the reference's. Own definition.

    :param luma: (H, W); what does not fill a square is left out, smaller pictures are looked at in smaller squares.
    :return:     0 also for pictures with a side below 6.
    """
    height, width = (side - 2 for side in luma.shape)
    block = min(BLOCK, height // PERIOD * PERIOD, width // PERIOD * PERIOD)
    if block < PERIOD:
        return 0.0
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    detail = luma[1:-1, 1:-1] - around / 4
    rows, columns, cells = height // block, width // block, block // PERIOD
    squares = detail[: rows * block, : columns * block].reshape(rows, cells, PERIOD, columns, cells, PERIOD)
    phases = squares.mean(axis=(1, 4))
    return float(phases.std(axis=(1, 3)).mean())
