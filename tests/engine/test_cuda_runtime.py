"""What the CUDA engine stands on: staging buffers, packed planes, CuPy's launches, and what runs without CuPy."""

from __future__ import annotations

import gc
import subprocess
import sys
from contextlib import nullcontext, suppress
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vs_tecogan.colour.coding import Coding
from vs_tecogan.engine.create import _cuda_engine, run_on
from vs_tecogan.engine.cuda.pictures import nbytes, plane_views
from vs_tecogan.engine.cuda.runtime import STAGING_DEPTH, CudaRuntime, Queue, Staging
from vs_tecogan.engine.cuda.streams import OwnStreams
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


class Stream:
    """A stand-in: notes who waits for it."""

    def __init__(self, calls: list[object]) -> None:
        self._calls = calls

    def synchronize(self) -> None:
        self._calls.append("waited")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What a runtime on a stand-in for torch's CUDA calls; waiting for the whole device fails."""
    noted: list[object] = []

    class Graph:
        def capture_begin(self, *, pool: int, capture_error_mode: str) -> None:
            noted.append((pool, capture_error_mode, torch.is_inference_mode_enabled()))

        def capture_end(self) -> None:
            noted.append("captured")
            if "broken" in noted:
                raise RuntimeError("the capture is broken")

        def replay(self) -> None:
            pass

    pools = iter((7, 8, 9))
    for name, value in {
        "device": nullcontext, "stream": nullcontext, "graph_pool_handle": lambda: next(pools), "CUDAGraph": Graph,
        "empty_cache": lambda: noted.append("emptied"),
    }.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr("vs_tecogan.engine.cuda.streams._new", lambda _: Stream(noted))
    monkeypatch.setattr(OwnStreams, "_idle", {})
    return noted


@pytest.mark.parametrize("fails", [None, RuntimeError, torch.OutOfMemoryError])
def test_captures(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    calls: list[object],
    fails: type[Exception] | None,
) -> None:
    """Inference tensors left in what all graphs share; an allocator left capturing; a graph that is never tried again
    because memory was short once; garbage collected in a capture, which frees what CUDA refuses to free then.
    """

    def task() -> None:
        calls.append(("task", torch.is_inference_mode_enabled(), gc.isenabled()))
        if fails and not gc.isenabled():
            calls.append("broken")
            raise fails("operation not permitted\nwhile capturing")

    def ended(device: int, pool: int) -> None:
        calls.append(("ended", device, pool))
        raise RuntimeError("not currently recording")

    monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", ended, raising=False)
    runtime = CudaRuntime(torch.device("cuda:1"))
    if fails is torch.OutOfMemoryError:
        with pytest.raises(torch.OutOfMemoryError):
            runtime.capture(task)
    else:
        result = runtime.capture(task)
        assert result is task if fails else result.__name__ == "replay"
    expected = [*2 * [("task", True, True)], "waited", "emptied", (7, "thread_local", False), ("task", True, False)]
    assert calls == [*expected, *(["broken"] if fails else []), "captured", *([("ended", 1, 7)] if fails else [])]
    said = "tecogan: cuda:1 runs without a CUDA graph: operation not permitted"
    assert caplog.messages == [said] * (fails is RuntimeError) and gc.isenabled()
    with suppress(torch.OutOfMemoryError):
        runtime.capture(task)
    assert (8 if fails else 7, "thread_local", False) in calls[len(expected) :]


def test_trimming_waits_for_its_own_queues(monkeypatch: pytest.MonkeyPatch, calls: list[object]) -> None:
    """Another filter's work on the same device that one of ours waits for."""
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: calls.append("waited for the device"))
    CudaRuntime(torch.device("cuda:1")).trim()
    assert calls == [*3 * ["waited"], "emptied"]


def test_streams_are_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch lends the same 32 streams again and again: the twelfth filter works in the first one's queues, and a graph
    captures what the other does. Streams that no reload gives back.
    """
    handles = iter(range(1000))
    runtime = SimpleNamespace(streamNonBlocking=1, streamCreateWithFlags=lambda flags: (next(handles), flags))
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=SimpleNamespace(runtime=runtime)))
    monkeypatch.setattr(torch.cuda, "device", nullcontext)
    monkeypatch.setattr(torch.cuda, "ExternalStream", lambda handle, device: (*handle, device))
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: 0)
    monkeypatch.setattr(OwnStreams, "_idle", {})
    device = torch.device("cuda:1")
    runtimes = [CudaRuntime(device) for _ in range(15)]
    streams = {stream for one in runtimes for stream in one._streams.values()}
    assert streams == {(number, 1, device) for number in range(45)}
    runtimes.clear()
    assert set(CudaRuntime(device)._streams.values()) < streams and next(handles) == 45


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
    network = tiny_model().generator
    if not torch.cuda.is_available():
        assert _cuda_engine(network, "cuda:0", partial(run_on, network, precision="fp32")) is None
        assert "pip install cupy-cuda" in caplog.text
    caplog.clear()

    class Broken:
        def __init__(self, device: torch.device) -> None:
            raise ImportError("libnvrtc.so.13: cannot open shared object file\nhint: install it")

    monkeypatch.setattr("vs_tecogan.engine.cuda.device.CupyLauncher", Broken)
    monkeypatch.setattr(cuda, "available", lambda: True)
    assert _cuda_engine(network, "cuda:0", partial(run_on, network, precision="fp32")) is None
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
