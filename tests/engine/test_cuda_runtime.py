"""What the CUDA engine stands on: staging buffers, packed planes, CuPy's launches, and what runs without CuPy."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vs_tecogan.engine import _cuda_engine
from vs_tecogan.engine.cpu import TorchEngine
from vs_tecogan.engine.cuda_colour import Coding
from vs_tecogan.engine.cuda_pictures import nbytes, plane_views
from vs_tecogan.engine.cuda_runtime import STAGING_DEPTH, Queue, Staging
from vs_tecogan.ops import cuda
from vs_tecogan.ops.cuda import CupyLauncher

from .runtimes import LazyRuntime
from .test_engine import tiny_model

YUV420P8 = Coding(family="yuv", sample="u8", bits=8, shift_x=1, shift_y=1)


def test_staging_waits_only_when_many_are_under_way() -> None:
    """Either no overlap (one buffer) or no bound (a new one each time), or bytes overwritten under a copy."""
    runtime = LazyRuntime()
    staging = Staging(runtime)
    seen: list[int] = []
    for k in range(2 * STAGING_DEPTH):
        buffer = staging.take(4)
        buffer.fill_(k)
        runtime.submit(Queue.UPLOAD, lambda buffer=buffer: seen.append(int(buffer[0])))
        staging.give(buffer, runtime.mark(Queue.UPLOAD))
        assert len(seen) == max(0, k + 1 - STAGING_DEPTH)
    runtime.finish(runtime.mark(Queue.UPLOAD))
    assert seen == list(range(2 * STAGING_DEPTH))
    assert runtime.pinned_bytes == 4 * STAGING_DEPTH
    assert staging.take(8).numel() == 8


def test_packed_planes() -> None:
    """Planes of odd sizes that overlap or leave gaps in the packed picture."""
    for coding in (YUV420P8, Coding(family="grey", sample="u16", bits=10), Coding(family="rgb", sample="f16", bits=16)):
        buffer = torch.zeros(nbytes(coding, 6, 10), dtype=torch.uint8)
        views = plane_views(buffer, coding, 6, 10)
        for k, view in enumerate(views):
            assert not view.any()
            view[...] = k + 1
        assert sum(view.nbytes for view in views) == buffer.numel()


def test_torch_runs_where_the_kernels_cannot(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """CuPy or NVRTC missing: a failure in the middle of a script, or a slow filter that does not say why."""
    if not torch.cuda.is_available():
        assert isinstance(_cuda_engine(tiny_model(), "cpu", "fp32"), TorchEngine)
        assert "pip install cupy-cuda" in caplog.text
    caplog.clear()

    class Broken:
        def __init__(self, device: torch.device) -> None:
            raise ImportError("libnvrtc.so.13: cannot open shared object file\nhint: install it")

    monkeypatch.setattr("vs_tecogan.engine.cuda.CupyLauncher", Broken)
    monkeypatch.setattr(cuda, "available", lambda: True)
    assert isinstance(_cuda_engine(tiny_model(), "cpu", "fp32"), TorchEngine)
    (record,) = caplog.records
    assert "ImportError: libnvrtc.so.13: cannot open" in record.getMessage() and "\n" not in record.getMessage()


def test_kernels_run_on_torchs_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels on CuPy's own stream or on device 0 run beside torch's work, not after it; a stand-in for CuPy tells."""
    calls: list[object] = []

    @contextmanager
    def note(*what: object) -> Iterator[None]:
        calls.append(what)
        yield
        calls.append("left")

    def module(code: str, options: tuple[str, ...], backend: str) -> object:
        assert '#include "' not in code and backend == "nvrtc"

        return SimpleNamespace(get_function=Kernel)

    class Kernel:
        kernel = None

        def __init__(self, name: str) -> None:
            self._name = name

        def __call__(self, *what: object) -> None:
            calls.append((self._name, *what))

    places = SimpleNamespace(
        Device=lambda index: note("device", index), ExternalStream=lambda stream, index: note("stream", stream, index)
    )
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=places, RawModule=module))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=77 + device.index))
    launcher = CupyLauncher(torch.device("cuda:1"))
    calls.clear()
    launcher.launch("pack_u8", (3, 2), 256, (np.int32(5),))
    kernel = ("pack_u8", (3, 2), (256,), (np.int32(5),))
    assert calls == [("device", 1), ("stream", 78, 1), kernel, "left", "left"]
