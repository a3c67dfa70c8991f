"""Images to the channels-last input of a network."""

from collections.abc import Sequence

import torch
from torch import Tensor

from . import native
from .cuda import SUFFIXES, Kernels
from .native import Impl


def interleave(
    images: Sequence[Tensor],
    *,
    dtype: torch.dtype = torch.float32,
    out: Tensor | None = None,
    impl: Impl | Kernels = "auto",
    threads: int | None = None,
    level: int = 0,
) -> Tensor:
    """Concatenate images along channels, in ``dtype`` and channels_last memory; no gradient.

    :param images: (1, C, H, W) float32 each; the kernels take two of three channels.
    :param out:    for the kernels alone; may have more channels, which are left as they are.
    :param impl:   see :data:`~vs_tecogan.ops.native.Impl`, or a device's kernels.
    :return:       (1, sum of C, H, W): ``out`` if given.
    :raises ValueError: tensors that the extension or a kernel cannot read.
    """
    if isinstance(impl, Kernels):
        return _cuda(images, dtype, out, impl)
    if native.chosen(impl, images[0]):
        return _native(images, dtype, threads, level)
    return torch.cat(list(images), dim=1).to(dtype, memory_format=torch.channels_last)


def _native(images: Sequence[Tensor], dtype: torch.dtype, threads: int | None, level: int) -> Tensor:
    _, _, h, w = images[0].shape
    planes = []
    for image in images:
        start = native.address("image", image, (1, image.shape[1], h, w))
        planes += [start + 4 * h * w * c for c in range(image.shape[1])]
    output = native.empty_features(h, w, len(planes), dtype)
    native.call("interleave", (planes, output.data_ptr(), dtype == torch.bfloat16, h, w), threads, level)
    return output


def _cuda(images: Sequence[Tensor], dtype: torch.dtype, out: Tensor | None, kernels: Kernels) -> Tensor:
    first, second = images
    _, _, h, w = first.shape
    for name, image in (("first", first), ("second", second)):
        kernels.check(name, image, (1, 3, h, w), torch.float32)
    output = kernels.features(h, w, 6, dtype, out)
    kernels.launch(f"interleave_{SUFFIXES[dtype]}", w, h, first, second, output, h, w, output.shape[1])
    return output
