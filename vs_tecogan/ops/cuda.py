"""The CUDA kernels: whether they can run, compiled at run time by NVRTC through CuPy, and checked launches.

Their operators stand in this package's other modules, each beside its torch reference.

The kernels share their arithmetic with the CPU extension (``csrc/*.h``). CuPy keeps compiled kernels on disk (its
kernel cache, ``~/.cupy``). They run on torch's current stream and memory; nothing is copied or waited for.
"""

import importlib.util
import logging
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .cuda_source import OPTIONS, compile_kernels, signatures, source, source_folder

__all__ = [
    "BLOCK",
    "SUFFIXES",
    "CupyLauncher",
    "Kernels",
    "Launch",
    "available",
    "compile_kernels",
    "missing",
    "source_folder",
]

logger = logging.getLogger(__name__)

BLOCK = 256
"""Threads a block."""
MOST_ROWS = 65535
"""The largest second dimension of a launch."""
SUFFIXES = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}
"""Network types and the kernels' names for them."""


def available() -> bool:
    """Whether torch sees a CUDA device of NVIDIA's and CuPy is installed."""
    return torch.version.hip is None and torch.cuda.is_available() and importlib.util.find_spec("cupy") is not None


def missing() -> str:
    """What to do where torch sees a CUDA device but CuPy is not installed."""
    wanted = (torch.version.cuda or "13").partition(".")[0]
    return f"CuPy is not installed; for this torch, pip install cupy-cuda{wanted}x"


Argument = Tensor | int | float | np.generic | None


Launch = Callable[[str, tuple[int, int], int, tuple[np.generic, ...]], None]
"""Queues a kernel on torch's current stream: name, blocks, threads a block, arguments. Pointers are uint64, numbers
int32, int64 or float32."""


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
        keep_kernels_in_memory_where_unwritable()
        with cupy.cuda.Device(device.index):
            module = cupy.RawModule(code=text, options=OPTIONS, backend="nvrtc")
            self._functions = {name: module.get_function(name) for name in signatures(text)}
            for function in self._functions.values():
                _ = function.kernel  # loads it on this device

    def launch(self, name: str, blocks: tuple[int, int], threads: int, arguments: tuple[np.generic, ...]) -> None:
        """See :data:`Launch`."""
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


def keep_kernels_in_memory_where_unwritable() -> None:
    """Where CuPy cannot write compiled kernels down, have it keep them in memory, and say so."""
    folder = Path(os.environ.get("CUPY_CACHE_DIR", "~/.cupy/kernel_cache")).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        os.environ["CUPY_CACHE_IN_MEMORY"] = "1"
        logger.warning(
            "tecogan: kernels are compiled anew in each run, %s cannot be written (%s); "
            "CUPY_CACHE_DIR=FOLDER names another folder", folder, error.strerror or error
        )  # fmt: skip


class Kernels:
    """Checked launches of the kernels, for the operators of this package: give it them as ``impl``.

    :param run:    what launches them, such as :meth:`CupyLauncher.launch`.
    :param device: where tensors must lie.
    """

    def __init__(self, run: Launch, device: torch.device) -> None:
        self._run = run
        self.device = device

    def launch(self, name: str, columns: int, rows: int, *arguments: Argument) -> None:
        """Run a kernel with a thread for each of ``columns`` in each of ``rows``. None is the null pointer.

        :raises ValueError: a tensor elsewhere than on the device, or more rows than a launch can have.
        """
        if not 0 < rows <= MOST_ROWS:
            raise ValueError(f"{name} over {rows} rows; expected 1 to {MOST_ROWS}: give smaller frames or tiles")
        blocks = ((columns + BLOCK - 1) // BLOCK, rows)
        self._run(name, blocks, BLOCK, tuple(self._marshal(name, value) for value in arguments))

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

    def check(
        self,
        name: str,
        tensor: Tensor,
        shape: tuple[int, ...],
        dtype: torch.dtype,
        *,
        last: bool = False,
        aligned: bool = False,
    ) -> None:
        """Refuse what a kernel would misread; ``last``: channels_last memory; ``aligned``: to 16 bytes.

        :raises ValueError: such a tensor.
        """
        laid_out = tensor.permute(0, 2, 3, 1).is_contiguous() if last else tensor.is_contiguous()
        known = dtype in SUFFIXES and tensor.dtype == dtype
        if tuple(tensor.shape) != shape or not known or tensor.device != self.device or not laid_out:
            raise ValueError(
                f"{name} is {tuple(tensor.shape)} {tensor.dtype} on {tensor.device}, strides {tensor.stride()}; "
                f"expected {shape} {dtype} on {self.device}, {'channels_last' if last else 'contiguous'}"
            )
        if aligned and tensor.data_ptr() % 16:
            raise ValueError(f"{name} starts at {tensor.data_ptr():#x}; expected a multiple of 16: pass a copy")

    def features(self, height: int, width: int, channels: int, dtype: torch.dtype, out: Tensor | None = None) -> Tensor:
        """``out``, checked, or a new tensor of (1, channels, height, width); channels_last memory.

        :raises ValueError: a type that no kernel knows, or an ``out`` of another size or place.
        """
        if dtype not in SUFFIXES:
            raise ValueError(f"dtype {dtype} is not supported; expected one of {', '.join(map(str, SUFFIXES))}")
        if out is None:
            return torch.empty(1, height, width, channels, dtype=dtype, device=self.device).permute(0, 3, 1, 2)
        self.check("out", out, (1, max(channels, out.shape[1]), height, width), dtype, last=True)
        return out
