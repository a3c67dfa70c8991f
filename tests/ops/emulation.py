"""The CUDA kernels on a CPU: ``kernels.cu`` itself, compiled as C++ and run thread by thread.

What the device would be told is told to this instead, so that every launch's arguments are checked against what the
kernel declares, and every kernel's results against the references, without a device.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from vs_tecogan.ops.cuda import CupyLauncher, Kernels
from vs_tecogan.ops.cuda_source import signatures, source

PRELUDE = """
#include <cmath>
#define __global__
#define __device__
struct Place { unsigned x, y, z; };
static thread_local Place blockIdx, blockDim, threadIdx;
"""
RUNNER = """
extern "C" void run_{name}(unsigned columns, unsigned rows, unsigned threads, {declared}) {{
  blockDim = {{threads, 1, 1}};
  for (unsigned y = 0; y < rows; ++y)
    for (unsigned x = 0; x < columns; ++x)
      for (unsigned t = 0; t < threads; ++t) {{
        blockIdx = {{x, y, 0}};
        threadIdx = {{t, 0, 0}};
        {name}({passed});
      }}
}}
"""
NUMBERS = {
    "int": (np.int32, ctypes.c_int32),
    "long long": (np.int64, ctypes.c_int64),
    "float": (np.float32, ctypes.c_float),
}


class Emulator:
    """Runs kernels at once, refusing arguments that the device would misread."""

    def __init__(self) -> None:
        compiler = shutil.which("g++") or shutil.which("clang++")
        if compiler is None:
            pytest.skip("no C++ compiler")
        text = source()
        self.signatures = signatures(text)
        self.launched: set[str] = set()
        runners = []
        for name, types in self.signatures.items():
            declared = ", ".join(f"{kind} a{k}" for k, kind in enumerate(types))
            passed = ", ".join(f"a{k}" for k in range(len(types)))
            runners.append(RUNNER.format(name=name, declared=declared, passed=passed))
        self._folder = tempfile.TemporaryDirectory(prefix="vs_tecogan-kernels-")
        code, library = (Path(self._folder.name) / name for name in ("kernels.cpp", "kernels.so"))
        code.write_text(PRELUDE + text + "".join(runners), encoding="utf-8")
        options = ["-std=c++17", "-O2", "-fPIC", "-shared", "-Wall", "-Werror", "-ffp-contract=off"]
        subprocess.run([compiler, *options, "-o", str(library), str(code)], check=True)
        self._library = ctypes.CDLL(str(library))

    def launch(self, name: str, blocks: tuple[int, int], threads: int, arguments: tuple[np.generic, ...]) -> None:
        """As :class:`vs_tecogan.ops.cuda.Launch`."""
        types = self.signatures[name]
        assert len(arguments) == len(types), f"{name} takes {len(types)} arguments, was given {len(arguments)}"
        assert all(0 < side < 1 << 31 for side in blocks) and blocks[1] < 1 << 16 and threads <= 1024
        values = []
        for position, (kind, argument) in enumerate(zip(types, arguments, strict=True)):
            wanted, c_type = NUMBERS.get(kind, (np.uint64, ctypes.c_uint64))
            assert isinstance(argument, wanted), f"argument {position} of {name} is {argument!r}, declared {kind}"
            values.append(c_type(argument.item()))
        self.launched.add(name)
        runner = self._library[f"run_{name}"]
        runner.restype = None
        runner(*(ctypes.c_uint(side) for side in (*blocks, threads)), *values)


@cache
def emulator() -> Emulator:
    """The compiled kernels, once for all tests."""
    return Emulator()


def emulated_kernels() -> Kernels:
    """The kernels for tensors in host memory."""
    return Kernels(emulator().launch, torch.device("cpu"))


def device_kernels() -> Kernels:
    """The kernels for tensors on the first CUDA device."""
    place = torch.device("cuda:0")
    return Kernels(CupyLauncher(place).launch, place)
