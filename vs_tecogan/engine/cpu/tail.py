"""The high-resolution end of SRNet on the CPU: from features at LR size to the output image.

Sixty-four channels at the output's size are most of the network's memory, so they only ever exist for a band of rows.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...networks import SRNet
from ...ops.narrow_conv import narrow_conv, pack_narrow_weight
from ..frvsr import SKIP_GRIDS
from .layers import Deconv

BAND_VALUES = 2 << 20
"""Aim for as many features of a band at the output's size, which is written and read again while still in cache. Much
shorter bands pay for the row that the first of two transposed convolutions computes twice."""


class DeconvTail:
    """One or two transposed convolutions, the last convolution, the skip: band by band.

    The bands' results are those of the whole image, bit for bit up to oneDNN's choice of kernel.

    :param band_rows: LR rows a band; None chooses by :data:`BAND_VALUES`.
    """

    def __init__(self, net: SRNet, dtype: torch.dtype, band_rows: int | None = None) -> None:
        self._deconvs = [Deconv(layer, dtype) for layer in net.conv_up if isinstance(layer, nn.ConvTranspose2d)]
        self._scale = net.spec.scale
        assert net.conv_out.bias is not None
        self._weight = pack_narrow_weight(net.conv_out.weight, dtype)
        self._bias = net.conv_out.bias.detach().float().contiguous()
        self._grid = SKIP_GRIDS[net.spec.dialect]
        self._band_rows = band_rows

    def __call__(self, features: Tensor, lr: Tensor) -> Tensor:
        """(1, C, H, W) channels_last and the frame (1, 3, H, W) -> (1, 3, sH, sW) float32."""
        _, channels, height, width = features.shape
        s = self._scale
        hr = torch.empty(1, 3, s * height, s * width)
        step = self._band_rows or max(BAND_VALUES // (channels * s * s * width), 2)
        above, row, start = None, 0, 0
        while row < s * height:
            stop = min(start + step, height - 1)
            last = stop == height - 1
            band = self._enlarge(features[:, :, start : stop + 1], start == 0, last)
            row += narrow_conv(
                band, self._weight, self._bias, hr, above=above, first_row=row, bottom=last, skip=lr, grid=self._grid
            )
            above, start = band[:, :, -2:], stop
        return hr

    def _enlarge(self, band: Tensor, first: bool, last: bool) -> Tensor:
        for k, deconv in enumerate(self._deconvs):
            band = deconv(band, first=first, last=last, overlap=k < len(self._deconvs) - 1)
        return band


class ShuffleTail:
    """EGVSR's pixel shuffle and last convolution, expressed as one convolution at LR size.

    A 3x3 convolution over shuffled pixels reads, for each of the s x s output phases, neighbours in the 3x3 cells
    around: a convolution from C to 3 s^2 channels before the shuffle, most of whose weights are zero. It runs in
    float32, because without a skip its result is the whole image. Features come rectified.
    """

    def __init__(self, net: SRNet) -> None:
        s = self._scale = net.spec.scale
        assert net.conv_out.bias is not None
        weight = net.conv_out.weight.detach().float()
        inputs = weight.shape[1]
        dense = torch.zeros(3, s, s, inputs, s, s, 3, 3)
        for y, x, ky, kx in ((y, x, ky, kx) for y in range(s) for x in range(s) for ky in range(3) for kx in range(3)):
            (row, py), (column, px) = divmod(y + ky - 1, s), divmod(x + kx - 1, s)
            dense[:, y, x, :, py, px, row + 1, column + 1] = weight[:, :, ky, kx]
        self._weight = dense.view(3 * s * s, inputs * s * s, 3, 3).contiguous(memory_format=torch.channels_last)
        self._bias = net.conv_out.bias.detach().float().repeat_interleave(s * s)

    def __call__(self, features: Tensor, lr: Tensor) -> Tensor:
        """(1, C, H, W) channels_last -> (1, 3, sH, sW) float32; the frame is not needed."""
        cells = F.conv2d(features.float(), self._weight, self._bias, padding=1)
        return F.pixel_shuffle(cells, self._scale).contiguous(memory_format=torch.contiguous_format)
