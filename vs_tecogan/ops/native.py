"""The CPU extension ``vs_tecogan._native``: checked access to its operators.

Each operator does in one pass what its torch reference in this package does in several. All work on contiguous tensors,
release the GIL, and give the same bits for any number of threads. ``level`` picks an instruction set by its place in
:func:`levels` (0, the default, is this machine's best); tests and benchmarks use the others.
"""

import importlib
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

Plane = np.ndarray[Any, np.dtype[np.float32]]

FLOATS = (torch.float32, torch.bfloat16)
_NO_TAPS = np.zeros(0, np.float32)


WIDE = 64
"""What the numbers of input and output channels of its wide convolutions have to be multiples of."""


class Grid(IntEnum):
    """How an enlarged image reads the small one; see :mod:`vs_tecogan.ops.resample`. Values as in csrc/resample.h."""

    BICUBIC_LEGACY = 0
    BILINEAR_LEGACY = 1
    BILINEAR_CENTRED = 2


@cache
def _load() -> ModuleType | str:
    """The extension, or why it is not there. Torch is imported above, so both share one OpenMP runtime."""
    try:
        return importlib.import_module("vs_tecogan._native")
    except ImportError as error:
        return str(error)


def available() -> bool:
    """Whether the extension was built and loads here; without it everything runs on torch's own operators."""
    return isinstance(_load(), ModuleType)


def describe() -> str:
    """One phrase for people: what is there, or why nothing is."""
    module = _load()
    if isinstance(module, str):
        suffix = sysconfig.get_config_var("EXT_SUFFIX")
        return f"not built ({module}; expected _native{suffix})"
    threads = "OpenMP" if module.has_openmp() else "std::thread"
    return f"{levels()[0]} kernels, {threads}"


def location() -> str:
    """The extension's file."""
    return str(_module().__file__)


def levels() -> list[str]:
    """Instruction sets that this machine can run, best first."""
    return list(_module().levels())


def _module() -> Any:
    module = _load()
    if isinstance(module, str):
        raise RuntimeError(f"the native extension is {describe()}; install a C++ compiler and reinstall vs-tecogan")
    return module


def address(
    name: str, tensor: Tensor, shape: tuple[int, ...], dtypes: tuple[torch.dtype, ...] = (torch.float32,)
) -> int:
    """Address of a contiguous CPU tensor of this shape and one of these types."""
    if tuple(tensor.shape) != shape or tensor.dtype not in dtypes or tensor.device.type != "cpu":
        raise ValueError(
            f"{name} is {tuple(tensor.shape)} {tensor.dtype} on {tensor.device}; expected {shape} {dtypes[0]} on cpu"
        )
    if not tensor.is_contiguous():
        raise ValueError(f"{name} is not contiguous; call .contiguous() first")
    return tensor.data_ptr()


def takes_wide(weight: Tensor) -> bool:
    """Whether the extension is there and computes a 3x3 convolution, transposed or not, of these 4-D weights."""
    fits = weight.ndim == 4 and weight.shape[0] % WIDE == weight.shape[1] % WIDE == 0
    return available() and fits and tuple(weight.shape[2:]) == (3, 3) and weight.device.type == "cpu"


def call(name: str, arguments: tuple[Any, ...], threads: int | None, level: int) -> None:
    """Run an operator of the extension; None threads are torch's."""
    getattr(_module(), name)(*arguments, threads or torch.get_num_threads(), level)


def _features(height: int, width: int, channels: int, dtype: torch.dtype) -> Tensor:
    """(1, channels, height, width) in channels_last memory."""
    if dtype not in FLOATS:
        raise ValueError(f"dtype {dtype} is not supported; expected torch.float32 or torch.bfloat16")
    return torch.empty(1, height, width, channels, dtype=dtype).permute(0, 3, 1, 2)


def backward_warp(image: Tensor, flow: Tensor, *, threads: int | None = None, level: int = 0) -> Tensor:
    """As :func:`vs_tecogan.ops.warp.backward_warp`, with gradients to image and flow.

    :param image: (N, C, H, W) float32 on the CPU.
    :param flow:  (N, 2, H, W) float32, pixels.
    :return:      (N, C, H, W) float32.
    """
    result: Tensor = _Warp.apply(image, flow, threads or torch.get_num_threads(), level)
    return result


class _Warp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, flow: Tensor, threads: int, level: int) -> Tensor:
        image, flow = image.contiguous(), flow.contiguous()
        n, c, h, w = image.shape
        output = torch.empty_like(image)
        addresses = (address("image", image, (n, c, h, w)), address("flow", flow, (n, 2, h, w)), output.data_ptr())
        if output.numel():
            _module().warp(*addresses, n, c, h, w, threads, level)
        ctx.save_for_backward(image, flow)
        ctx.how = threads, level
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        image, flow = ctx.saved_tensors
        gradient = gradients[0].float().contiguous()
        d_image = torch.empty_like(image) if ctx.needs_input_grad[0] else None
        d_flow = torch.empty_like(flow) if ctx.needs_input_grad[1] else None
        results = [0 if d is None else d.data_ptr() for d in (d_image, d_flow)]
        if image.numel():
            _module().warp_backward(
                gradient.data_ptr(), image.data_ptr(), flow.data_ptr(), *results, *image.shape, *ctx.how
            )
        return d_image, d_flow, None, None


def refine_flow(
    previous: Tensor, current: Tensor, flow: Tensor, rounds: int, *, threads: int | None = None, level: int = 0
) -> Tensor:
    """As :func:`vs_tecogan.ops.refine.refine_flow`; no gradient.

    :param previous, current: (N, 3, H, W) float32 on the CPU.
    :param flow: (N, 2, H, W) float32, pixels.
    :return:     (N, 2, H, W) float32.
    """
    previous, current = previous.detach().contiguous(), current.detach().contiguous()
    refined = flow.detach().clone(memory_format=torch.contiguous_format)
    n, _, h, w = refined.shape
    frames = [address(name, x, (n, 3, h, w)) for name, x in (("previous", previous), ("current", current))]
    target = address("flow", refined, (n, 2, h, w))
    module = _module()
    scratch = torch.empty(module.refine_planes, h, w)
    plane = 4 * h * w
    for k in range(n if plane else 0):
        before, now = (address + 3 * plane * k for address in frames)
        module.refine(
            before, now, target + 2 * plane * k, scratch.data_ptr(), h, w, rounds,
            threads or torch.get_num_threads(), level,
        )  # fmt: skip
    return refined


def recurrent_input(
    lr: Tensor,
    previous: Tensor | None,
    flow: Tensor | None,
    *,
    scale: int,
    grid: Grid,
    dtype: torch.dtype = torch.float32,
    threads: int | None = None,
    level: int = 0,
) -> Tensor:
    """SRNet's input: the frame, then space-to-depth of the previous output warped by the enlarged flow.

    Neither the HR flow nor the warped HR image is ever stored.

    :param lr:       (1, 3, H, W) float32.
    :param previous: (1, 3, sH, sW) float32, or None: the recurrent channels are zero.
    :param flow:     (1, 2, H, W) float32 in LR pixels; None with ``previous``.
    :param grid:     of the flow's enlargement.
    :return:         (1, 3 + 3 s^2, H, W) of ``dtype``, channels_last.
    """
    _, _, h, w = lr.shape
    output = _features(h, w, 3 + 3 * scale * scale, dtype)
    first = previous is None or flow is None
    addresses = (
        address("lr", lr, (1, 3, h, w)),
        0 if previous is None or first else address("previous", previous, (1, 3, scale * h, scale * w)),
        0 if flow is None or first else address("flow", flow, (1, 2, h, w)),
    )
    half = dtype == torch.bfloat16
    _module().recur(
        *addresses, output.data_ptr(), half, h, w, scale, int(grid), threads or torch.get_num_threads(), level
    )
    return output


def interleave(
    images: Sequence[Tensor], *, dtype: torch.dtype = torch.float32, threads: int | None = None, level: int = 0
) -> Tensor:
    """Concatenate images along channels, in ``dtype`` and channels_last memory.

    :param images: (1, C, H, W) float32 each.
    :return:       (1, sum of C, H, W).
    """
    _, _, h, w = images[0].shape
    planes = []
    for image in images:
        start = address("image", image, (1, image.shape[1], h, w))
        planes += [start + 4 * h * w * c for c in range(image.shape[1])]
    output = _features(h, w, len(planes), dtype)
    half = dtype == torch.bfloat16
    _module().interleave(planes, output.data_ptr(), half, h, w, threads or torch.get_num_threads(), level)
    return output


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
    threads: int | None = None,
    level: int = 0,
) -> int:
    """3x3 convolution with zero padding to two or three channels, plus an enlarged image, into rows of ``output``.

    Works through an image in bands: ``above`` holds the two rows before ``rows`` (none at the top of the image), and
    the last row given is a result only where ``bottom`` says that the image ends there.

    :param rows:      (1, C, h, W) channels_last, float32 or bfloat16; :param above: (1, C, 2, W), same.
    :param weight:    from :func:`pack_narrow_weight`, same type; :param bias: (outputs,) float32.
    :param output:    (1, outputs, H, W) float32, written from row ``first_row`` on; sums run in float32.
    :param skip:      (1, outputs, H / s, W / s) float32, enlarged on ``grid`` and added.
    :return:          the number of rows written.
    """
    _, inputs, count, width = rows.shape
    outputs, height = output.shape[1], output.shape[2]
    if outputs not in (2, 3):
        raise ValueError(f"output has {outputs} channels; expected 2 or 3")
    results = count + (above is not None) - (not bottom)
    if first_row < 0 or first_row + results > height or results < 1:
        raise ValueError(f"rows {first_row} to {first_row + results} do not lie in an output of {height} rows")
    source = address("rows", rows.permute(0, 2, 3, 1), (1, count, width, inputs), FLOATS)
    same = (rows.dtype,)
    before = 0 if above is None else address("above", above.permute(0, 2, 3, 1), (1, 2, width, inputs), same)
    packed = address("weight", weight, (outputs, 9, inputs), same)
    target = address("output", output, (1, outputs, height, width))
    image, scale, small = 0, 1, (1, 1)
    if skip is not None:
        scale = width // skip.shape[3]
        small = (skip.shape[2], skip.shape[3])
        image = address("skip", skip, (1, outputs, height // scale, width // scale))
    _module().narrow_conv(
        before, source, packed, address("bias", bias, (outputs,)), rows.dtype == torch.bfloat16, count, width, inputs,
        outputs, bottom, image, *small, scale, int(grid), first_row, target, height,
        threads or torch.get_num_threads(), level,
    )  # fmt: skip
    return results


def skip_add(
    residual: Tensor | None,
    lr: Tensor,
    planes: Sequence[Plane],
    *,
    scale: int,
    grid: Grid,
    clamp: bool = False,
    threads: int | None = None,
    level: int = 0,
) -> None:
    """Enlarge ``lr``, add ``residual``, clamp to [0, 1] if asked, and write into planes, in one pass.

    :param residual: (1, 3, sH, sW) float32, or None.
    :param lr:       (1, 3, H, W) float32.
    :param planes:   three writable float32 arrays (sH, sW), any row stride.
    """
    _, _, h, w = lr.shape
    values = 0 if residual is None else address("residual", residual, (1, 3, scale * h, scale * w))
    _module().skip_add(
        values, address("lr", lr, (1, 3, h, w)), list(planes), h, w, scale, int(grid), clamp,
        threads or torch.get_num_threads(), level,
    )  # fmt: skip


def read_planes(planes: Sequence[Plane], *, clamp: bool = False, threads: int | None = None, level: int = 0) -> Tensor:
    """Three float32 planes (H, W) of any row stride -> (1, 3, H, W); ``clamp``: to [0, 1], NaN as 0."""
    h, w = planes[0].shape
    image = torch.empty(1, 3, h, w)
    _module().read_planes(list(planes), image.data_ptr(), h, w, clamp, threads or torch.get_num_threads(), level)
    return image


def write_planes(
    image: Tensor, planes: Sequence[Plane], *, clamp: bool = False, threads: int | None = None, level: int = 0
) -> None:
    """(1, 3, H, W) float32 -> three writable float32 planes (H, W) of any row stride."""
    _, _, h, w = image.shape
    source = address("image", image, (1, 3, h, w))
    _module().write_planes(source, list(planes), h, w, clamp, threads or torch.get_num_threads(), level)


@dataclass(frozen=True, kw_only=True)
class PictureLayout:
    """How :func:`pack_picture` writes; numbers as csrc/color.h takes them.

    Taps are None where an axis keeps its size, else the first sample and the weights of each shrunk one: int32
    (length,), and float32 (count, length) ``across`` but (length, count) ``down``.
    """

    sample: int
    """0 uint8, 1 uint16, 2 float16, 3 float32."""
    mode: int
    """0 grey, 1 RGB, 2 luma and two colour differences."""
    shapes: tuple[tuple[int, int], ...]
    """(rows, columns) of each plane; the first is the image's."""
    colour: np.ndarray[Any, np.dtype[np.float32]]
    """(16,): see ``Colour``."""
    across: tuple[Any, Any] | None = None
    down: tuple[Any, Any] | None = None


def pack_picture(
    image: Tensor, planes: Sequence[Any], layout: PictureLayout, *, threads: int | None = None, level: int = 0
) -> None:
    """RGB -> coded planes, in one pass: matrix, chroma shrunk, range, rounding to the nearest.

    :param image:  (1, 3, H, W) float32.
    :param planes: writable arrays of the layout's shapes and samples, any row stride.
    """
    height, width = layout.shapes[0]
    source = address("image", image, (1, 3, height, width))
    left, weight, count = [], [], []
    for axis, taps in enumerate((layout.across, layout.down)):
        first, weights = taps or (_NO_TAPS, _NO_TAPS)
        left.append(first.ctypes.data)
        weight.append(weights.ctypes.data)
        count.append(weights.shape[axis] if taps else 0)
    _module().pack(
        source, list(planes), list(layout.shapes), layout.sample, layout.mode, layout.colour.ctypes.data, left, weight,
        count, threads or torch.get_num_threads(), level,
    )  # fmt: skip


def double_size(features: Tensor, *, grid: Grid, threads: int | None = None, level: int = 0) -> Tensor:
    """Bilinear x2, blended in float32: (1, C, H, W) channels_last, float32 or bfloat16 -> (1, C, 2H, 2W), same."""
    _, c, h, w = features.shape
    if grid == Grid.BICUBIC_LEGACY:
        raise ValueError("double_size is bilinear; give a bilinear grid")
    source = address("features", features.permute(0, 2, 3, 1), (1, h, w, c), FLOATS)
    output = _features(2 * h, 2 * w, c, features.dtype)
    half = features.dtype == torch.bfloat16
    _module().double_size(
        source, output.data_ptr(), half, h, w, c, int(grid), threads or torch.get_num_threads(), level
    )
    return output
