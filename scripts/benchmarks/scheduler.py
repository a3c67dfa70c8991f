"""What the scheduler costs a frame: a recurrence that does nothing, on a source that costs nothing.

`ms` is the median time a frame over the repeats, `extra_ms` what it is above the same requests to a plain ModifyFrame
that returns a kept frame of the same size ("no scheduler"); `cpu_ms` and `extra_cpu_ms` are the same in CPU time of all
threads, which a busy machine falsifies less. Steps a frame tell the work that a real recurrence would have had.

The rows in brackets do nothing, in the nodes that a scheduler in Python cannot do without: they are what VapourSynth
itself costs. "[FrameEval]" chooses a kept node. "[a new node]" chooses a ModifyFrame made for this frame alone, as is
needed to learn that its input failed. "[a new node, flags]" chooses a FrameEval made for this frame, which takes flag
and input and chooses a kept ModifyFrame. All but "[FrameEval]" deliver a fresh frame with two properties.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Sequence

import vapoursynth as vs

from vs_tecogan.recurrence import Schedule, recurrent

Row = dict[str, object]


class Nothing:
    """Counts its steps; every output is the one kept frame."""

    def __init__(self, kept: vs.VideoFrame) -> None:
        self.kept = kept
        self.steps = 0

    def zero(self, frame: vs.VideoFrame) -> int:
        return 0

    def step(self, state: int, frame: vs.VideoFrame) -> int:
        self.steps += 1
        return state + 1

    def write(self, state: int, frame: vs.VideoFrame) -> vs.VideoFrame:
        return self.kept.copy()

    def is_repeat(self, state: int, frame: vs.VideoFrame) -> bool:
        return False

    def nbytes(self, state: int) -> int:
        return 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", type=int, nargs=2, default=(1920, 1080), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="VapourSynth threads; 0 = its default")


def run(args: argparse.Namespace) -> list[Row]:
    core = vs.core.core
    if args.threads:
        core.num_threads = args.threads
    width, height = args.size
    source = core.std.BlankClip(width=width, height=height, format=vs.RGBS, length=args.frames, keep=True)
    kept = source.get_frame(0)
    nothing = Nothing(kept)

    def show(n: int, f: vs.VideoFrame) -> vs.VideoFrame:  # noqa: ARG001
        return kept

    def fresh(n: int, f: vs.VideoFrame) -> vs.VideoFrame:  # noqa: ARG001
        output = kept.copy()
        output.props["TecoganChainStart"] = 0
        output.props["TecoganWarmup"] = 0
        return output

    shown, made = (source.std.ModifyFrame(source, callback) for callback in (show, fresh))
    for node in (shown, made):
        node.std.SetVideoCache(mode=0)
    evaluated = source.std.FrameEval
    cases: dict[str, Callable[[], vs.VideoNode]] = {
        "no scheduler": lambda: source.std.ModifyFrame(source, show),
        "[FrameEval]": lambda: evaluated(lambda **_: shown),
        "[a new node]": lambda: evaluated(lambda **_: source.std.ModifyFrame(source, fresh)),
        "[a new node, flags]": lambda: evaluated(lambda **_: evaluated(lambda **_: made, prop_src=[source, source])),
        "one chain": lambda: recurrent(source, None, nothing, template=source, schedule=Schedule(restart=0, warmup=0)),
        "one chain, flags": lambda: recurrent(
            source, source, nothing, template=source, schedule=Schedule(restart=0, warmup=0)
        ),
        "restart 120, warmup 8, flags": lambda: recurrent(
            source, source, nothing, template=source, schedule=Schedule(restart=120, warmup=8)
        ),
    }
    rows: list[Row] = []
    for prefetch in (1, core.num_threads, 32):
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
        steps: dict[str, int] = {}
        for _ in range(args.repeats):  # interleaved, so that a slow moment of the machine hits all alike
            for name, make in cases.items():
                nothing.steps = 0
                times[name].append(milliseconds(make().frames(prefetch=prefetch), args.frames))
                steps[name] = nothing.steps
        plain, plain_cpu = medians(times["no scheduler"])
        for name in cases:
            wall, cpu = medians(times[name])
            rows.append(
                {
                    "case": name,
                    "size": f"{width}x{height}",
                    "threads": core.num_threads,
                    "in_flight": prefetch,
                    "ms": round(wall, 4),
                    "extra_ms": round(wall - plain, 4),
                    "cpu_ms": round(cpu, 4),
                    "extra_cpu_ms": round(cpu - plain_cpu, 4),
                    "steps_per_frame": round(steps[name] / args.frames, 3),
                }
            )
    return rows


def medians(times: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(wall for wall, _ in times), statistics.median(cpu for _, cpu in times)


def milliseconds(frames: Iterable[vs.VideoFrame], count: int) -> tuple[float, float]:
    """Wall-clock and CPU time a frame."""
    start, start_cpu = time.perf_counter(), time.process_time()
    for _ in frames:
        pass
    return 1e3 * (time.perf_counter() - start) / count, 1e3 * (time.process_time() - start_cpu) / count
