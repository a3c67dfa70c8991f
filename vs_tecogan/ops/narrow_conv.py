"""3x3 convolutions of many channels to two or three: the last ones of FNet and SRNet."""

import torch
import torch.nn.functional as F
from torch import Tensor

from . import native
from .native import Impl
from .resample import Grid, upsample


def pack_narrow_weight(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """For :func:`narrow_conv`: weights (outputs, inputs, 3, 3) -> (outputs, 9, inputs)."""
    outputs, inputs = weight.shape[:2]
    return weight.detach().permute(0, 2, 3, 1).reshape(outputs, 9, inputs).to(dtype).contiguous()


def narrow_conv(
    rows: Tensor,
    weight: Tensor,
    bias: Tensor,
    output: Tensor,
    *,
    above: Tensor | None = None,
    first_row: int = 0,
    bottom: bool = True,
    skip: Tensor | None = None,
    grid: Grid = Grid.BICUBIC_LEGACY,
    impl: Impl = "auto",
    threads: int | None = None,
    level: int = 0,
) -> int:
    """Convolution with zero padding, plus an enlarged image, into rows of ``output``; no gradient.

    Works through an image in bands: ``above`` holds the two rows before ``rows`` (none at the top of the image), and
    the last row given is a result only where ``bottom`` says that the image ends there.

    :param rows:      (1, C, h, W) channels_last, float32 or bfloat16; :param above: (1, C, 2, W), same.
    :param weight:    from :func:`pack_narrow_weight`, same type; :param bias: (outputs,) float32.
    :param output:    (1, outputs, H, W) float32, written from row ``first_row`` on; sums run in float32.
    :param skip:      (1, outputs, H / s, W / s) float32, enlarged on ``grid`` and added.
    :param impl:      see :data:`~vs_tecogan.ops.native.Impl`.
    :return:          the number of rows written.
    :raises ValueError: other than two or three outputs, rows beyond ``output``, tensors that the extension cannot read.
    """
    outputs, height = output.shape[1], output.shape[2]
    if outputs not in (2, 3):
        raise ValueError(f"output has {outputs} channels; expected 2 or 3")
    results = rows.shape[2] + (above is not None) - (not bottom)
    if first_row < 0 or first_row + results > height or results < 1:
        raise ValueError(f"rows {first_row} to {first_row + results} do not lie in an output of {height} rows")
    if native.chosen(impl, rows):
        _native(rows, weight, bias, output, above, first_row, bottom, skip, grid, threads, level)
    else:
        image = _torch(rows, weight, bias, above, bottom)
        if skip is not None:
            image += upsample(skip, output.shape[3] // skip.shape[3], grid)[:, :, first_row : first_row + results]
        output[:, :, first_row : first_row + results] = image
    return results


def _torch(rows: Tensor, weight: Tensor, bias: Tensor, above: Tensor | None, bottom: bool) -> Tensor:
    outputs, _, inputs = weight.shape
    kernel = weight.view(outputs, 3, 3, inputs).permute(0, 3, 1, 2).float()
    band = rows.float() if above is None else torch.cat((above, rows), dim=2).float()
    return F.conv2d(F.pad(band, (1, 1, int(above is None), int(bottom))), kernel, bias)


def _native(
    rows: Tensor,
    weight: Tensor,
    bias: Tensor,
    output: Tensor,
    above: Tensor | None,
    first_row: int,
    bottom: bool,
    skip: Tensor | None,
    grid: Grid,
    threads: int | None,
    level: int,
) -> None:
    _, inputs, count, width = rows.shape
    outputs, height = output.shape[1], output.shape[2]
    address, same = native.address, (rows.dtype,)
    source = address("rows", rows.permute(0, 2, 3, 1), (1, count, width, inputs), native.FLOATS)
    before = 0 if above is None else address("above", above.permute(0, 2, 3, 1), (1, 2, width, inputs), same)
    packed = address("weight", weight, (outputs, 9, inputs), same)
    target = address("output", output, (1, outputs, height, width))
    image, scale, small = 0, 1, (1, 1)
    if skip is not None:
        scale = width // skip.shape[3]
        small = (skip.shape[2], skip.shape[3])
        image = address("skip", skip, (1, outputs, height // scale, width // scale))
    half = rows.dtype == torch.bfloat16
    weights = (before, source, packed, address("bias", bias, (outputs,)), half)
    shape = (count, width, inputs, outputs, bottom, image, *small, scale, int(grid), first_row, target, height)
    native.call("narrow_conv", (*weights, *shape), threads, level)
