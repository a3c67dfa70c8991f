"""The per-pixel operators as CUDA kernels, compiled at run time by NVRTC through CuPy.

The kernels share their arithmetic with the CPU extension (``csrc/*.h``). CuPy keeps compiled kernels on disk (its
kernel cache, ``~/.cupy``). They run on torch's current stream and memory; nothing is copied or waited for.
"""

import importlib.util
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from .cuda_source import OPTIONS, compile_kernels, signatures, source, source_folder
from .native import Grid

__all__ = [
    "BLOCK",
    "SUFFIXES",
    "CupyLauncher",
    "Kernels",
    "Launcher",
    "available",
    "compile_kernels",
    "missing",
    "source_folder",
]

BLOCK = 256
"""Threads a block."""
MOST_ROWS = 65535
"""The largest second dimension of a launch."""
SUFFIXES = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}
"""Network types and the kernels' names for them."""


def available() -> bool:
    """Whether torch sees a CUDA device and CuPy is installed."""
    return torch.cuda.is_available() and importlib.util.find_spec("cupy") is not None


def missing() -> str:
    """What to do where torch sees a CUDA device but CuPy is not installed."""
    wanted = (torch.version.cuda or "13").partition(".")[0]
    return f"CuPy is not installed; for this torch, pip install cupy-cuda{wanted}x"


Argument = Tensor | int | float | np.generic | None


class Launcher(Protocol):
    """Runs a kernel by name."""

    def launch(self, name: str, blocks: tuple[int, int], threads: int, arguments: tuple[np.generic, ...]) -> None:
        """Queue it on torch's current stream; pointers are uint64, numbers int32, int64 or float32."""


@dataclass(frozen=True)
class StreamHandle:
    """A CUDA stream for those who take it by protocol, which torch's own streams know in newer versions alone."""

    handle: int

    def __cuda_stream__(self) -> tuple[int, int]:
        """Version of the protocol, and the stream."""
        return 0, self.handle


class CupyLauncher:
    """The kernels on one CUDA device, compiled and loaded here: neither may happen while a CUDA graph is captured.

    :param device: with an index.
    :raises ImportError:  CuPy is missing or does not load.
    :raises RuntimeError: the kernels do not compile or load; CuPy's own errors are of other kinds, too.
    """

    def __init__(self, device: torch.device) -> None:
        import cupy

        self._device = device
        self._cupy: Any = cupy
        self._streams: dict[int, Any] = {}
        text = source()
        with cupy.cuda.Device(device.index):
            module = cupy.RawModule(code=text, options=OPTIONS, backend="nvrtc")
            self._functions = {name: module.get_function(name) for name in signatures(text)}
            for function in self._functions.values():
                _ = function.kernel  # loads it on this device

    def launch(self, name: str, blocks: tuple[int, int], threads: int, arguments: tuple[np.generic, ...]) -> None:
        """See :class:`Launcher`."""
        with self._cupy.cuda.Device(self._device.index), self._current_stream():
            self._functions[name](blocks, (threads,), arguments)

    def _current_stream(self) -> Any:
        """Torch's current stream as CuPy's; kept, because torch's streams are never destroyed."""
        handle = torch.cuda.current_stream(self._device).cuda_stream
        if handle not in self._streams:
            cuda = self._cupy.cuda
            wrap = getattr(cuda.Stream, "from_external", None)  # from CuPy 14 on, where ExternalStream warns each time
            external = cuda.ExternalStream(handle, self._device.index) if wrap is None else wrap(StreamHandle(handle))
            self._streams[handle] = external
        return self._streams[handle]


class Kernels:
    """Checked access to the kernels. Every tensor must lie on ``device``; results are new unless ``out`` is given.

    :param launcher: what runs them.
    :param device:   where tensors must lie.
    """

    def __init__(self, launcher: Launcher, device: torch.device) -> None:
        self._launcher = launcher
        self.device = device

    def recurrent_input(
        self,
        lr: Tensor,
        previous: Tensor | None,
        flow: Tensor | None,
        *,
        scale: int,
        grid: Grid,
        dtype: torch.dtype,
        out: Tensor | None = None,
    ) -> Tensor:
        """As :func:`vs_tecogan.ops.native.recurrent_input`.

        :param out: may have more channels; they are left as they are, or become zero without a previous frame.
        """
        _, _, h, w = lr.shape
        output = self._features(h, w, 3 + 3 * scale * scale, dtype, out)
        channels = output.shape[1]
        self._check("lr", lr, (1, 3, h, w), torch.float32)
        if previous is None or flow is None:
            self.launch(f"first_input_{SUFFIXES[dtype]}", w * channels, h, lr, output, h, w, channels)
            return output
        self._check("previous", previous, (1, 3, scale * h, scale * w), torch.float32)
        self._check("flow", flow, (1, 2, h, w), torch.float32)
        cells, images = w * scale * scale, (lr, previous, flow, output)
        self.launch(f"recur_{SUFFIXES[dtype]}", cells, h, *images, h, w, channels, scale, int(grid))
        return output

    def interleave(self, first: Tensor, second: Tensor, *, dtype: torch.dtype, out: Tensor | None = None) -> Tensor:
        """Two frames (1, 3, H, W) float32 -> (1, 6, H, W) of ``dtype``, channels_last.

        :param out: may have more channels, which are left as they are.
        """
        _, _, h, w = first.shape
        for name, image in (("first", first), ("second", second)):
            self._check(name, image, (1, 3, h, w), torch.float32)
        output = self._features(h, w, 6, dtype, out)
        self.launch(f"interleave_{SUFFIXES[dtype]}", w, h, first, second, output, h, w, output.shape[1])
        return output

    def skip_add(
        self, residual: Tensor, bias: Tensor, lr: Tensor, *, scale: int, grid: Grid | None, out: Tensor | None = None
    ) -> Tensor:
        """Residual (1, 3, sH, sW) channels_last, its bias (3,) and the enlarged frame (1, 3, H, W), added in float32.

        :param grid: of the enlargement; None adds no frame.
        :return:     (1, 3, sH, sW) float32, contiguous.
        """
        _, _, h, w = lr.shape
        shape = (1, 3, scale * h, scale * w)
        self._check("lr", lr, (1, 3, h, w), torch.float32)
        self._check("residual", residual, shape, residual.dtype, last=True)
        self._check("bias", bias, (3,), torch.float32)
        output = torch.empty(shape, dtype=torch.float32, device=self.device) if out is None else out
        self._check("out", output, shape, torch.float32)
        mode = -1 if grid is None else int(grid)
        name = f"skip_add_{SUFFIXES[residual.dtype]}"
        self.launch(name, scale * w, scale * h, residual, bias, lr, output, h, w, scale, mode)
        return output

    def finish(self, values: Tensor, bias: Tensor, *, slope: float, residual: Tensor | None = None) -> Tensor:
        """``values + bias + residual``, negative results times ``slope`` (0: ReLU, 1: as they are), in place.

        :param values:   (1, C, H, W) channels_last; :param residual: same, or None.
        :param bias:     (C,) float32.
        """
        shape = tuple(values.shape)
        self._check("values", values, shape, values.dtype, last=True, aligned=True)
        self._check("bias", bias, (shape[1],), torch.float32)
        if residual is not None:
            self._check("residual", residual, shape, values.dtype, last=True, aligned=True)
        count = values.numel()
        name = f"finish_{SUFFIXES[values.dtype]}"
        self.launch(name, -(-count // 8), 1, values, bias, residual, float(slope), np.int64(count), shape[1])
        return values

    def double_size(self, features: Tensor, bias: Tensor, *, slope: float, grid: Grid) -> Tensor:
        """Bilinear x2 of ``features + bias``, negative ones times ``slope`` first: (1, C, H, W) -> (1, C, 2H, 2W).

        :param features: channels_last, C a multiple of 8.
        """
        _, c, h, w = features.shape
        if grid == Grid.BICUBIC_LEGACY or c % 8:
            raise ValueError(f"double_size of {c} channels on {grid!r}; expected a bilinear grid and a multiple of 8")
        self._check("features", features, (1, c, h, w), features.dtype, last=True, aligned=True)
        self._check("bias", bias, (c,), torch.float32)
        output = self._features(2 * h, 2 * w, c, features.dtype, None)
        name = f"double_size_{SUFFIXES[features.dtype]}"
        self.launch(name, 2 * w * c // 8, 2 * h, features, bias, float(slope), output, h, w, c, int(grid))
        return output

    def flow_head(self, features: Tensor, bias: Tensor, out: Tensor, *, repeat_edge: bool, limit: float) -> Tensor:
        """FNet's end: ``limit * tanh(features + bias)``, cropped or continued by mirroring to the size of ``out``.

        :param features: (1, 2, h, w) channels_last; :param out: (1, 2, H, W) float32, contiguous.
        :param repeat_edge: see :func:`vs_tecogan.networks.generator.mirror_indices`.
        """
        _, _, h, w = features.shape
        height, width = out.shape[2:]
        self._check("features", features, (1, 2, h, w), features.dtype, last=True)
        self._check("bias", bias, (2,), torch.float32)
        self._check("out", out, (1, 2, height, width), torch.float32)
        valid = (min(h, height), min(w, width))
        name = f"flow_head_{SUFFIXES[features.dtype]}"
        arguments = (w, *valid, height, width, int(repeat_edge), float(limit))
        self.launch(name, width, height, features, bias, out, *arguments)
        return out

    def launch(self, name: str, columns: int, rows: int, *arguments: Argument) -> None:
        """Run a kernel with a thread for each of ``columns`` in each of ``rows``. None is the null pointer.

        :raises ValueError: a tensor elsewhere than on the device, or more rows than a launch can have.
        """
        if not 0 < rows <= MOST_ROWS:
            raise ValueError(f"{name} over {rows} rows; expected 1 to {MOST_ROWS}: give smaller frames or tiles")
        blocks = ((columns + BLOCK - 1) // BLOCK, rows)
        self._launcher.launch(name, blocks, BLOCK, tuple(self._marshal(name, value) for value in arguments))

    def _marshal(self, name: str, argument: Argument) -> np.generic:
        if isinstance(argument, Tensor):
            if argument.device != self.device:
                raise ValueError(f"{name} was given a tensor on {argument.device}; expected {self.device}")
            return np.uint64(argument.data_ptr())
        if argument is None:
            return np.uint64(0)
        if isinstance(argument, np.generic):
            return argument
        return np.float32(argument) if isinstance(argument, float) else np.int32(argument)

    def _check(
        self,
        name: str,
        tensor: Tensor,
        shape: tuple[int, ...],
        dtype: torch.dtype,
        *,
        last: bool = False,
        aligned: bool = False,
    ) -> None:
        """Refuse what a kernel would misread; ``last``: channels_last memory; ``aligned``: to 16 bytes."""
        laid_out = tensor.permute(0, 2, 3, 1).is_contiguous() if last else tensor.is_contiguous()
        known = dtype in SUFFIXES and tensor.dtype == dtype
        if tuple(tensor.shape) != shape or not known or tensor.device != self.device or not laid_out:
            raise ValueError(
                f"{name} is {tuple(tensor.shape)} {tensor.dtype} on {tensor.device}, strides {tensor.stride()}; "
                f"expected {shape} {dtype} on {self.device}, {'channels_last' if last else 'contiguous'}"
            )
        if aligned and tensor.data_ptr() % 16:
            raise ValueError(f"{name} starts at {tensor.data_ptr():#x}; expected a multiple of 16: pass a copy")

    def _features(self, height: int, width: int, channels: int, dtype: torch.dtype, out: Tensor | None) -> Tensor:
        """``out``, checked, or a new tensor of (1, channels, height, width); channels_last memory."""
        if dtype not in SUFFIXES:
            raise ValueError(f"dtype {dtype} is not supported; expected one of {', '.join(map(str, SUFFIXES))}")
        if out is None:
            return torch.empty(1, height, width, channels, dtype=dtype, device=self.device).permute(0, 3, 1, 2)
        self._check("out", out, (1, max(channels, out.shape[1]), height, width), dtype, last=True)
        return out
