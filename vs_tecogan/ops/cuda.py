"""The per-pixel operators as CUDA kernels, compiled at run time by NVRTC through CuPy.

The kernels share their arithmetic with the CPU extension (``csrc/*.h``). CuPy keeps compiled kernels on disk (its
kernel cache, ``~/.cupy``). They run on torch's current stream and memory; nothing is copied or waited for.
"""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .native import Grid

BLOCK = 256
SUFFIXES = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}
OPTIONS = ("--std=c++17", "--fmad=true")


def available() -> bool:
    """Whether torch sees a CUDA device and CuPy is installed."""
    return torch.cuda.is_available() and importlib.util.find_spec("cupy") is not None


def source_folder() -> Path:
    """Where the kernel sources are: in the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_csrc", package.parent / "csrc"):
        if (folder / "cuda" / "kernels.cu").is_file():
            return folder
    raise FileNotFoundError(f"no CUDA kernel sources in {package / '_csrc'} or {package.parent / 'csrc'}; reinstall")


def compile_kernels(architecture: str) -> bytes:
    """Compile every kernel without a device, to see that it can be done.

    :param architecture: such as "sm_90".
    :return:             the binary (cubin).
    :raises RuntimeError: with the compiler's log.
    """
    from cupy_backends.cuda.libs import nvrtc  # type: ignore[import-untyped,unused-ignore]

    folder = source_folder() / "cuda"
    program = nvrtc.createProgram((folder / "kernels.cu").read_text(encoding="utf-8"), "kernels.cu", (), ())
    try:
        nvrtc.compileProgram(program, [*OPTIONS, f"--gpu-architecture={architecture}", f"--include-path={folder}"])
    except nvrtc.NVRTCError as error:
        raise RuntimeError(f"kernels.cu does not compile for {architecture}: {nvrtc.getProgramLog(program)}") from error
    binary: bytes = nvrtc.getCUBIN(program)
    nvrtc.destroyProgram(program)
    return binary


@cache
def _module(device: int) -> Any:
    """The compiled kernels for one device."""
    import cupy

    folder = source_folder() / "cuda"
    code = (folder / "kernels.cu").read_text(encoding="utf-8")
    with cupy.cuda.Device(device):
        return cupy.RawModule(code=code, options=(*OPTIONS, f"--include-path={folder}"), backend="nvrtc")


def prepare(device: torch.device) -> None:
    """Compile and load the kernels, which must not happen while a CUDA graph is captured."""
    for suffix in SUFFIXES.values():
        for name in ("recur", "interleave", "skip_add", "double_size"):
            _module(_index(device)).get_function(f"{name}_{suffix}")


def _index(device: torch.device) -> int:
    return torch.cuda.current_device() if device.index is None else device.index


def _launch(name: str, items: int, *arguments: Tensor | int) -> None:
    """Run one thread per item on torch's current stream."""
    import cupy
    import numpy as np

    device = next(argument.device for argument in arguments if isinstance(argument, Tensor))
    index = _index(device)
    stream = torch.cuda.current_stream(device).cuda_stream
    values = [np.uint64(a.data_ptr()) if isinstance(a, Tensor) else np.int32(a) for a in arguments]
    with cupy.cuda.Device(index), cupy.cuda.ExternalStream(stream, index):
        _module(index).get_function(name)(((items + BLOCK - 1) // BLOCK,), (BLOCK,), tuple(values))


def _check(name: str, tensor: Tensor, shape: tuple[int, ...], dtype: torch.dtype, *, last: bool = False) -> None:
    """Refuse what a kernel would misread; ``last``: the tensor must lie in channels_last memory."""
    laid_out = tensor.permute(0, 2, 3, 1).is_contiguous() if last else tensor.is_contiguous()
    if tuple(tensor.shape) != shape or tensor.dtype != dtype or not tensor.is_cuda or not laid_out:
        raise ValueError(
            f"{name} is {tuple(tensor.shape)} {tensor.dtype} on {tensor.device}, strides {tensor.stride()}; "
            f"expected {shape} {dtype} on cuda, {'channels_last' if last else 'contiguous'}"
        )


def _features(like: Tensor, height: int, width: int, channels: int, dtype: torch.dtype) -> Tensor:
    if dtype not in SUFFIXES:
        raise ValueError(f"dtype {dtype} is not supported; expected one of {', '.join(map(str, SUFFIXES))}")
    return torch.empty(1, height, width, channels, dtype=dtype, device=like.device).permute(0, 3, 1, 2)


def recurrent_input(
    lr: Tensor, previous: Tensor, flow: Tensor, *, scale: int, grid: Grid, dtype: torch.dtype
) -> Tensor:
    """As :func:`vs_tecogan.ops.native.recurrent_input`, on the device."""
    _, _, h, w = lr.shape
    _check("lr", lr, (1, 3, h, w), torch.float32)
    _check("previous", previous, (1, 3, scale * h, scale * w), torch.float32)
    _check("flow", flow, (1, 2, h, w), torch.float32)
    output = _features(lr, h, w, 3 + 3 * scale * scale, dtype)
    _launch(f"recur_{SUFFIXES[dtype]}", h * w * scale * scale, lr, previous, flow, output, h, w, scale, int(grid))
    return output


def interleave(first: Tensor, second: Tensor, *, dtype: torch.dtype) -> Tensor:
    """Two frames (1, 3, H, W) float32 -> (1, 6, H, W) of ``dtype``, channels_last."""
    _, _, h, w = first.shape
    for name, image in (("first", first), ("second", second)):
        _check(name, image, (1, 3, h, w), torch.float32)
    output = _features(first, h, w, 6, dtype)
    _launch(f"interleave_{SUFFIXES[dtype]}", h * w, first, second, output, h, w)
    return output


def skip_add(residual: Tensor, lr: Tensor, *, scale: int, grid: Grid) -> Tensor:
    """Residual (1, 3, sH, sW) channels_last plus the enlarged frame (1, 3, H, W) -> (1, 3, sH, sW) float32."""
    _, _, h, w = lr.shape
    _check("lr", lr, (1, 3, h, w), torch.float32)
    _check("residual", residual, (1, 3, scale * h, scale * w), residual.dtype, last=True)
    output = torch.empty(1, 3, scale * h, scale * w, device=lr.device)
    suffix = SUFFIXES[residual.dtype]
    _launch(f"skip_add_{suffix}", h * w * scale * scale, residual, lr, output, h, w, scale, int(grid))
    return output


def double_size(features: Tensor, *, grid: Grid) -> Tensor:
    """As :func:`vs_tecogan.ops.native.double_size`, on the device."""
    _, c, h, w = features.shape
    _check("features", features, (1, c, h, w), features.dtype, last=True)
    output = _features(features, 2 * h, 2 * w, c, features.dtype)
    _launch(f"double_size_{SUFFIXES[features.dtype]}", 4 * h * w * c, features, output, h, w, c, int(grid))
    return output
