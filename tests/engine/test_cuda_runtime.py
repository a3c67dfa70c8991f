"""What the CUDA engine stands on: staging buffers, packed planes, CuPy's launches, and what runs without CuPy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vs_tecogan.colour.coding import Coding
from vs_tecogan.engine.create import _cuda_engine
from vs_tecogan.engine.cuda.pictures import nbytes, plane_views
from vs_tecogan.engine.cuda.runtime import STAGING_DEPTH, CudaRuntime, Queue, Staging
from vs_tecogan.ops import cuda
from vs_tecogan.ops.cuda import CupyLauncher, StreamHandle

from .runtimes import LazyRuntime
from .test_engine import tiny_model

FAILED_CAPTURE = """
import torch
from vs_tecogan.engine.cuda.runtime import CudaRuntime, Queue

runtime = CudaRuntime(torch.device("cuda:0"))
assert runtime.capture(torch.cuda.synchronize) is torch.cuda.synchronize
values = runtime.empty(Queue.COMPUTE, (1 << 26,), torch.uint8)
assert isinstance(runtime.capture(values.zero_).__self__, torch.cuda.CUDAGraph)
runtime.use(Queue.DOWNLOAD, values)
del values
runtime.trim()
assert torch.cuda.memory_reserved() < 1 << 26
"""
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


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_failed_capture_leaves_memory_in_order() -> None:
    """A capture that was refused: memory freed afterwards never to be had again, or no second capture."""
    command = [sys.executable, "-c", FAILED_CAPTURE]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("fails", [False, True])
def test_captures(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fails: bool) -> None:
    """Inference tensors left in what all graphs share; an allocator left capturing. A stand-in for torch's CUDA."""
    calls: list[object] = []

    @contextmanager
    def graph(held: object, *, pool: int, **options: object) -> Iterator[None]:
        calls.append((pool, torch.is_inference_mode_enabled()))
        yield
        if fails:
            raise RuntimeError("operation not permitted\nwhile capturing")

    def task() -> None:
        calls.append(("task", torch.is_inference_mode_enabled()))

    def ended(device: int, pool: int) -> None:
        calls.append(("ended", device, pool))
        raise RuntimeError("not currently recording")

    pools = iter((7, 8, 9))
    stream = SimpleNamespace(synchronize=lambda: None)
    for name, value in {
        "Stream": lambda _: stream, "device": nullcontext, "stream": nullcontext, "graph": graph,
        "graph_pool_handle": lambda: next(pools), "CUDAGraph": lambda: SimpleNamespace(replay="replay"),
    }.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", ended, raising=False)
    runtime = CudaRuntime(torch.device("cuda:1"))
    result = runtime.capture(task)
    expected = [*3 * [("task", True)], ("ended", 1, 7)] if fails else 3 * [("task", True)]
    expected.insert(2, (7, False))
    assert calls == expected
    assert result is task if fails else result == "replay"
    assert caplog.messages == ["tecogan: cuda:1 runs without a CUDA graph: operation not permitted"][: int(fails)]
    runtime.capture(task)
    assert (8 if fails else 7, False) in calls[len(expected) :]


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
        assert _cuda_engine(tiny_model().generator, "cuda:0", "fp32", None) is None
        assert "pip install cupy-cuda" in caplog.text
    caplog.clear()

    class Broken:
        def __init__(self, device: torch.device) -> None:
            raise ImportError("libnvrtc.so.13: cannot open shared object file\nhint: install it")

    monkeypatch.setattr("vs_tecogan.engine.cuda.device.CupyLauncher", Broken)
    monkeypatch.setattr(cuda, "available", lambda: True)
    assert _cuda_engine(tiny_model().generator, "cuda:0", "fp32", None) is None
    (record,) = caplog.records
    assert "ImportError: libnvrtc.so.13: cannot open" in record.getMessage() and "\n" not in record.getMessage()


@pytest.mark.parametrize("version", [13, 14])
def test_kernels_run_on_torchs_stream(monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    """Kernels on CuPy's own stream or on device 0 run beside torch's work, not after it; a stand-in for CuPy tells.

    And a warning at every launch: CuPy 14 has another way to name a stream, whose device is the current one.
    """
    calls: list[object] = []

    def module(code: str, options: tuple[str, ...], backend: str) -> object:
        assert '#include "' not in code and backend == "nvrtc"

        return SimpleNamespace(get_function=Kernel)

    class Kernel:
        kernel = None

        def __init__(self, name: str) -> None:
            self._name = name

        def __call__(self, *what: object) -> None:
            calls.append((self._name, *what))

    class Context:
        def __init__(self, *what: object) -> None:
            self._what = what

        def __enter__(self) -> None:
            calls.append(self._what)

        def __exit__(self, *error: object) -> None:
            calls.append("left")

    class Newer:
        @staticmethod
        def from_external(stream: StreamHandle) -> Context:
            assert calls[-1] == ("device", 1)
            protocol, handle = stream.__cuda_stream__()
            assert protocol == 0
            return Context("stream", handle)

    def deprecated(handle: int, index: int) -> Context:
        assert (version, index) == (13, 1)
        return Context("stream", handle)

    streams = Newer if version == 14 else SimpleNamespace()
    places = SimpleNamespace(Device=lambda index: Context("device", index), Stream=streams, ExternalStream=deprecated)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=places, RawModule=module))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=77 + device.index))
    launcher = CupyLauncher(torch.device("cuda:1"))
    calls.clear()
    for _ in range(2):
        launcher.launch("pack_u8", (3, 2), 256, (np.int32(5),))
    kernel = ("pack_u8", (3, 2), (256,), (np.int32(5),))
    assert calls == 2 * [("device", 1), ("stream", 78), kernel, "left", "left"]
