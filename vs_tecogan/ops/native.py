"""The CPU extension ``vs_tecogan._native``: whether it is there, and checked calls of it.

Its operators stand in this package's other modules, each beside its torch reference. All work on contiguous tensors,
release the GIL, and give the same bits for any number of threads. ``level`` picks an instruction set by its place in
:func:`levels` (0, the default, is this machine's best); tests and benchmarks use the others.
"""

import importlib
import platform
import sysconfig
from functools import cache
from types import ModuleType
from typing import Any, Literal

import torch
from torch import Tensor

Impl = Literal["auto", "torch", "native"]
"""Who computes: torch's own operators (the readable reference), the CPU extension, or "auto": the extension for tensors
on the CPU where it was built, else torch. Gradients are those of the reference, unless an operator says it has none."""

FLOATS = (torch.float32, torch.bfloat16)

COMPILERS = {
    "Windows": 'Visual Studio Build Tools with "Desktop development with C++"',
    "Darwin": "Xcode's command line tools (xcode-select --install)",
}
"""What builds the extension, by :func:`platform.system`; elsewhere g++ or clang++."""

SLOWDOWN = 2.6
"""How many times longer the CPU engine takes on torch's own operators: recurrent-texture-4x, 180x144, one thread."""

WIDE = 64
"""What the numbers of input and output channels of its wide convolutions have to be multiples of."""


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
    threads = "torch's OpenMP threads" if module.shares_openmp() else "threads of its own"
    return f"{levels()[0]} kernels, {threads}"


def missing() -> str | None:
    """None where the extension is there, else one line for people: that it is not, what that costs, what to install."""
    if available():
        return None
    return f"running without native code, about {SLOWDOWN} times slower on the CPU; {remedy()}"


def remedy() -> str:
    """What to do where the extension is missing, in one phrase."""
    tools = COMPILERS.get(platform.system(), "g++ or clang++")
    return f"install {tools}, then in the source's folder: pip install --force-reinstall --no-deps ."


def rest_while_waiting() -> None:
    """Let OpenMP's threads sleep at once while they wait for work, not spin: an encoder beside them has the processor.

    For the process with GNU's OpenMP, for this thread's teams with LLVM's. Does nothing where ``OMP_WAIT_POLICY`` or
    ``GOMP_SPINCOUNT`` is set, or more than 64 processors are there.
    """
    _module().rest_while_waiting()


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


def constant(name: str) -> int:
    """A number that the extension was built with."""
    return int(getattr(_module(), name))


def call(name: str, arguments: tuple[Any, ...], threads: int | None, level: int) -> None:
    """Run an operator of the extension; None threads are torch's."""
    getattr(_module(), name)(*arguments, threads or torch.get_num_threads(), level)


def empty_features(height: int, width: int, channels: int, dtype: torch.dtype) -> Tensor:
    """Uninitialised (1, channels, height, width) in channels_last memory.

    :raises ValueError: a type that the extension does not know.
    """
    if dtype not in FLOATS:
        raise ValueError(f"dtype {dtype} is not supported; expected torch.float32 or torch.bfloat16")
    return torch.empty(1, height, width, channels, dtype=dtype).permute(0, 3, 1, 2)


def chosen(impl: Impl, tensor: Tensor) -> bool:
    """Whether the extension computes an operator on ``tensor``.

    :raises ValueError: an unknown ``impl``.
    """
    if impl == "auto":
        return tensor.device.type == "cpu" and available()
    if impl not in ("torch", "native"):
        raise ValueError(f'impl {impl!r} is not known; give "auto", "torch" or "native"')
    return impl == "native"
