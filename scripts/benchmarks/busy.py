"""The CPU engine beside an encoder, as in every render, against other runtimes on the same exported graph.

Each runtime steps through noise in a process of its own: the engine, onnxruntime and OpenVINO (`pip install onnxruntime
openvino`; what is missing is named). "busy" rows have x264 at work beside it with as many threads, on frames of the
output's size, without end. Runtimes take turns, `--rounds` times; each row is the median of its rounds.

`ms` is the time per frame by the clock; it needs a machine that does nothing more. `cpu_ms` is the processor time of
the runtime's process per frame, its waiting threads included; it holds on a loaded machine too. `x264_fps` says what is
left to the encoder. `against` is `ms` over the engine's, `cpu_against` the same of `cpu_ms`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from vs_tecogan.colour.coding import PLAIN
from vs_tecogan.engine import create_engine
from vs_tecogan.engine.thread import EngineThread
from vs_tecogan.onnx import export_onnx, frame_channels, state_channels
from vs_tecogan.video.ffmpeg import find_ffmpeg
from vs_tecogan.weights import DEFAULT_MODEL, load_model

Row = dict[str, object]
Step = Callable[[], object]
RUNTIMES = {"engine": "torch", "onnxruntime": "onnxruntime", "openvino": "openvino"}
"""Names, and the packages that they need."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--size", default="180x144", metavar="WxH", help="of the input (default 180x144)")
    threads = "of the runtime, and of x264 (default: as many as processors)"
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help=threads)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement (default 20)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of all runtimes (default 3)")
    parser.add_argument("--only", choices=RUNTIMES, help=argparse.SUPPRESS)  # one measurement, in this process
    parser.add_argument("--graph", type=Path, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> list[Row]:
    if args.only:
        return [measure(args)]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        args.graph = Path(folder) / "model.onnx"
        width, height = size_of(args)
        export_onnx(load_model(args.model), args.graph, height=height, width=width)
        for load in ("idle", "busy"):
            here = [name for name, package in RUNTIMES.items() if find_spec(package)]
            rounds: dict[str, list[Row]] = {name: [] for name in here}
            for _ in range(args.rounds):
                for name in here:
                    rounds[name].append(in_process(args, name, busy=load == "busy"))
            kept = {name: summary(one) for name, one in rounds.items()}
            rows += [{"runtime": name, "load": load, **compared(row, kept["engine"])} for name, row in kept.items()]
    setting = {"model": args.model, "lr": args.size, "threads": args.threads}
    missing: list[Row] = [
        {"runtime": name, "load": f"not measured: pip install {package}"}
        for name, package in RUNTIMES.items()
        if not find_spec(package)
    ]
    return [*(row | setting for row in rows), *missing]


def in_process(args: argparse.Namespace, name: str, *, busy: bool) -> Row:
    """One measurement, with x264 beside it or without."""
    script = Path(__file__).resolve().parents[1] / "benchmark.py"
    words = [sys.executable, script, "busy", "--only", name, "--graph", args.graph]
    for option in ("model", "size", "threads", "seconds"):
        words += [f"--{option}", getattr(args, option)]
    with encoder(args) if busy else contextlib.nullcontext(lambda: 0.0) as frames:
        before, begin = frames(), time.perf_counter()
        done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, text=True, check=True)
        rate = (frames() - before) / (time.perf_counter() - begin)
    row: Row = json.loads(done.stdout)[0]
    return row | ({"x264_fps": rate} if busy else {})


@contextlib.contextmanager
def encoder(args: argparse.Namespace) -> Iterator[Callable[[], float]]:
    """x264 at work; what is given says how many frames it has done."""
    width, height = size_of(args)
    scale = load_model(args.model).card.spec.scale
    source = f"testsrc2=size={scale * width}x{scale * height}:rate=25,noise=alls=20:allf=t"
    with tempfile.NamedTemporaryFile() as progress:
        words = [find_ffmpeg(), "-v", "error", "-nostdin", "-f", "lavfi", "-i", source, "-c:v", "libx264"]
        words += ["-threads", args.threads, "-f", "null", "-progress", progress.name, "-stats_period", "0.2", "-"]
        process = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL)

        def frames() -> float:
            told = [line for line in Path(progress.name).read_text().splitlines() if line.startswith("frame=")]
            return float(told[-1].partition("=")[2]) if told else 0.0

        try:
            while not frames():
                if process.poll() is not None:
                    raise SystemExit(f"x264 did not run: exit code {process.returncode}")
                time.sleep(0.1)
            yield frames
        finally:
            process.kill()
            process.wait()


def measure(args: argparse.Namespace) -> Row:
    """Milliseconds per frame, by the clock and of this process's processor time."""
    step = STEPS[args.only](args)
    step()
    step()  # the second has a state behind it
    frames, begin, used = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() < begin + args.seconds:
        step()
        frames += 1
    return {
        "frames": frames,
        "ms": 1e3 * (time.perf_counter() - begin) / frames,
        "cpu_ms": 1e3 * (time.process_time() - used) / frames,
    }


def engine_step(args: argparse.Namespace) -> Step:
    """As the filter runs it: on a thread of the engine's own."""
    torch.set_num_threads(args.threads)
    thread = EngineThread()
    engine = thread.run(create_engine, load_model(args.model), device="cpu", precision="fp32")
    (width, height), random = size_of(args), np.random.default_rng(0)
    pictures = [list(random.random((3, height, width), dtype=np.float32)) for _ in range(2)]
    last = engine.zero_state(height, width)
    following = {"following": (pictures[1], PLAIN)} if engine.ahead else {}
    output = list(np.empty((3, engine.scale * height, engine.scale * width), np.float32))

    def step() -> None:
        nonlocal last
        last = thread.run(engine.step, last, pictures[0], **following)
        thread.run(engine.read, last, output)

    return step


def onnxruntime_step(args: argparse.Namespace) -> Step:
    import onnxruntime  # only where it is measured

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    session = onnxruntime.InferenceSession(str(args.graph), options, providers=["CPUExecutionProvider"])
    return through(args, lambda inputs: session.run(["picture", "next_state"], inputs)[1])


def openvino_step(args: argparse.Namespace) -> Step:
    import openvino  # only where it is measured

    hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": args.threads, "PERFORMANCE_HINT": "LATENCY"}
    model = openvino.Core().compile_model(str(args.graph), "CPU", hints)
    return through(args, lambda inputs: model(inputs)["next_state"])


def through(args: argparse.Namespace, infer: Callable[[dict[str, np.ndarray]], np.ndarray]) -> Step:
    """A chain of noise as a user of the graph runs it."""
    (width, height), network = size_of(args), load_model(args.model).network
    frames = np.random.default_rng(0).random((1, frame_channels(network), height, width), dtype=np.float32)
    state = np.zeros((1, state_channels(network), height, width), np.float32)

    def step() -> None:
        nonlocal state
        state = np.array(infer({"frames": frames, "state": state}))

    return step


STEPS = {"engine": engine_step, "onnxruntime": onnxruntime_step, "openvino": openvino_step}


def summary(rounds: list[Row]) -> Row:
    """The median of each number."""
    return {key: statistics.median(float(str(row[key])) for row in rounds) for key in rounds[0]}


def compared(row: Row, engine: Row) -> Row:
    ratio = {key: float(str(row[key])) / float(str(engine[key])) for key in ("ms", "cpu_ms")}
    return row | {"against": ratio["ms"], "cpu_against": ratio["cpu_ms"]}


def size_of(args: argparse.Namespace) -> tuple[int, int]:
    width, height = map(int, args.size.split("x"))
    return width, height
