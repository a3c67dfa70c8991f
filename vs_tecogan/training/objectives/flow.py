"""The first phase of a run: FNet alone, on synthetic motion whose flow is known.

The warp loss by itself has no slope towards motion until FNet finds some: from common weights its flow shrinks to zero,
where the loss stays, and looks healthy, because neighbouring frames resemble each other anyway. Known motion has a
slope everywhere. It begins small and grows whenever FNet has caught up with it.
"""

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.utils.data import Dataset, Sampler

from ...networks import Generator
from ...ops.warp import backward_warp
from ..config import Config
from ..data.build import build_samples
from ..data.known_motion import EVERY, FlowIndex, FlowSample, FlowSamples
from ..data.loader import DEPTH, Shard
from ..data.store import Store
from ..precision import resolve
from ..run.parallel import Processes, any_process, average, average_gradients
from .base import Metrics, NotFiniteError

log = logging.getLogger(__name__)

PAIRS = 18
"""Pairs per iteration, rounded up to a multiple of the processes: two thirds synthetic, one third real."""
LEARNING_RATE = 3e-4
FIRST_REACH = 1.5
"""LR pixels of motion at the beginning. There the end-point error counts half; with twice the motion a quarter."""
LAST_REACH = 7.5
"""LR pixels of motion that it grows to."""
GROWTH = 1.25
LEARNT = 0.55
"""The motion grows when the end-point error is below this part of the error of zero flow."""
BLOCK = 50
"""Iterations with the same largest motion; what a block has shown decides on the next but one, because samples of the
next are being made already."""
TAUGHT = 0.5
"""Weight of the end-point error against the teacher's flow on real pairs."""
PHOTOMETRIC_FROM = 3.0
"""LR pixels of motion from which the warp loss on real pairs counts too; before that it would pull towards zero."""
WARM_UP = 50
CLIP = 1.0
BLIND = 0.9
"""An FNet whose end-point error is above this part of that of zero flow sees no motion."""
PATIENCE = 1500
"""Iterations after which such an FNet is reported."""
CHECK_PAIRS = 48
CHECK_REACH = 2.5
"""Largest motion in the check, LR pixels: as between neighbouring frames of ordinary footage."""

FlowEstimate = Callable[[Tensor, Tensor], Tensor]
"""Previous and current (N, 3, h, w) -> flow (N, 2, h, w)."""
FlowBatch = tuple[Tensor, Tensor, Tensor, Tensor]
"""Current, previous (N, 3, h, w), flow (N, 2, h, w), and which flows are known (N), on the device."""


def to_flow_batch(items: tuple[Tensor, ...], device: torch.device) -> FlowBatch:
    """From the loader's NHWC tensors."""
    current, previous, flow = (x.to(device, non_blocking=True).permute(0, 3, 1, 2) for x in items[:3])
    return current, previous, flow, items[3].to(device)


class MotionCurriculum:
    """How far the synthetic motion reaches in each block of iterations, in LR pixels."""

    def __init__(self, begin: float = FIRST_REACH, limit: float = LAST_REACH) -> None:
        self._limit = limit
        self.reaches = [min(begin, limit)] * 2
        self._sums = [0.0, 0.0]

    def reach(self, iteration: int) -> float:
        """Known up to the end of the block after the one in progress."""
        return self.reaches[iteration // BLOCK]

    def take(self, iteration: int, error: float, zero: float) -> None:
        """Note the end-point error of an iteration, and that of zero flow; at the end of a block decide."""
        self._sums = [self._sums[0] + error, self._sums[1] + zero]
        if (iteration + 1) % BLOCK:
            return
        learnt = self._sums[0] < LEARNT * self._sums[1]
        # Once for each reach: the block after this one may have grown already.
        grows = learnt and self.reaches[-1] == self.reaches[iteration // BLOCK]
        self.reaches.append(min(self.reaches[-1] * (GROWTH if grows else 1.0), self._limit))
        self._sums = [0.0, 0.0]

    def state_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"reaches": list(self.reaches), "sums": list(self._sums)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state."""
        self.reaches, self._sums = list(state["reaches"]), list(state["sums"])


class FlowIndexSampler(Sampler[list[FlowIndex]]):
    """Endless lists of pair indices, one list per iteration, from an iteration on."""

    def __init__(self, start: int, shard: Shard, curriculum: MotionCurriculum) -> None:
        self._start, self._shard, self._curriculum = start, shard, curriculum

    def __iter__(self) -> Iterator[list[FlowIndex]]:
        """Batches in the order in which the phase uses them."""
        iteration = self._start
        while True:
            reach = self._curriculum.reach(iteration)
            yield [FlowIndex(iteration, position, reach) for position in self._shard.positions()]
            iteration += 1


class FlowPretraining:
    """FNet's optimiser and curriculum in this phase, and one step.

    :param generator: whose FNet is trained.
    :param averaged: a generator that takes over the trained FNet at the end.
    """

    name = "flow_pretraining"
    most_workers = BLOCK // (2 * DEPTH)
    """More processes would make samples of blocks that are not decided yet."""

    def __init__(
        self,
        config: Config,
        generator: Generator,
        device: torch.device,
        world: int = 1,
        averaged: Generator | None = None,
    ) -> None:
        self.config, self.device, self.world = config, device, world
        self.iteration, self.iterations = 0, config.flow.flow_pretraining
        self.pairs = -(-PAIRS // world) * world
        self.curriculum = MotionCurriculum()
        self._generator, self._averaged = generator, averaged
        self._optimiser = Adam(generator.fnet.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.99), fused=True)
        self._sums: Metrics = {}
        self._count = 0
        self._last: Metrics = {}

    def dataset(self, store: Store) -> Dataset[FlowSample]:
        """Pairs of frames with the motion between them."""
        options = build_samples(self.config)
        options = replace(options, crop=self.config.flow.flow_crop or options.crop)
        return FlowSamples(store, options, teacher=self.config.flow.flow_teacher != "none")

    def indices(self, own: Processes) -> Sampler[list[FlowIndex]]:
        """Which of them, from the present iteration on."""
        return FlowIndexSampler(
            self.iteration, Shard(batch=self.pairs, rank=own.rank, world=own.world), self.curriculum
        )

    def to_batch(self, items: tuple[Tensor, ...]) -> FlowBatch:
        """To the device."""
        return to_flow_batch(items, self.device)

    def step(self, batch: FlowBatch) -> Metrics:
        """One optimiser step.

        :return: means over the global batch: end-point error and that of zero flow on synthetic pairs (LR pixels), warp
            loss and that of zero flow on real pairs, with a teacher both errors there too, the reach of the motion.
        :raises NotFiniteError: a loss or gradient is not finite; no weight has changed.
        """
        reach = self.curriculum.reach(self.iteration)
        for group in self._optimiser.param_groups:
            group["lr"] = LEARNING_RATE * phase_rate(self.iteration, self.iterations)
        current, previous, truth, known = batch
        # In fp16 the phase would need a scaler of its own; FNet is small.
        half = resolve(self.config.loop.precision, self.device) == "bf16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half):
            flow = self._generator.estimate_unrefined(previous, current)
        # Weights that give, averaged over processes, the mean over the pairs of a kind, however they are distributed.
        part = known_part(self.pairs)
        synthetic, real = known / part, ~known / (1 - part)
        warped = backward_warp(previous, flow)
        terms = {
            "flow_epe": (end_point_error(flow, truth) * synthetic).mean(),
            "flow_epe_zero": (truth.norm(dim=1).mean((1, 2)) * synthetic).mean(),
            "warp": (photometric(warped, current) * real).mean(),
            "warp_zero": (photometric(previous, current) * real).mean(),
        }
        loss = terms["flow_epe"] * (FIRST_REACH / 2 / reach)
        if self.config.flow.flow_teacher != "none":
            terms["taught_epe"] = (end_point_error(flow, truth) * real).mean()
            terms["taught_epe_zero"] = (truth.norm(dim=1).mean((1, 2)) * real).mean()
            loss = loss + TAUGHT * terms["taught_epe"]
        if reach >= PHOTOMETRIC_FROM:
            loss = loss + terms["warp"]
        self._optimiser.zero_grad(set_to_none=True)
        if torch.isfinite(loss):
            loss.backward()
        values = self._update(terms)
        self.curriculum.take(self.iteration, values["flow_epe"], values["flow_epe_zero"])
        self.iteration += 1
        values["reach"] = reach
        self._sums = {name: self._sums.get(name, 0.0) + value for name, value in values.items()}
        self._count += 1
        return values

    def summary(self, metrics: Metrics) -> Metrics:
        """Means over the steps since the last call; the motion of a single batch says little."""
        result = {name: value / self._count for name, value in self._sums.items()}
        self._sums, self._count = {}, 0
        self._last = result
        return result

    def _update(self, metrics: dict[str, Tensor]) -> Metrics:
        parameters = list(self._generator.fnet.parameters())
        numbers = average(torch.stack([v.detach().float() for v in metrics.values()]), self.world).tolist()
        values = dict(zip(metrics, numbers, strict=True))
        if not any_process(not all(map(math.isfinite, numbers)), self.world, self.device):
            average_gradients(parameters, self.world)
            norm = float(nn.utils.clip_grad_norm_(parameters, CLIP))
            if math.isfinite(norm):
                self._optimiser.step()
                return values
            values["gradient"] = norm
        raise NotFiniteError(values)

    def finish(self) -> None:
        """Let the averaged generator begin with the trained FNet, and say what it has learnt."""
        if self._last:
            log.info(
                "FNet alone: end-point error on known motion %.3f LR pixels, zero flow %.3f",
                self._last["flow_epe"], self._last["flow_epe_zero"],
            )  # fmt: skip
        if self._averaged is not None:
            self._averaged.fnet.load_state_dict(self._generator.fnet.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """All that the phase depends on, but for the weights, which the run that follows holds."""
        return {
            "iteration": self.iteration,
            "curriculum": self.curriculum.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "sums": dict(self._sums),
            "count": self._count,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state."""
        self.iteration = state["iteration"]
        self.curriculum.load_state_dict(state["curriculum"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._sums, self._count = dict(state["sums"]), state["count"]


def phase_rate(iteration: int, iterations: int) -> float:
    """Factor on the learning rate: a short warm-up, and a linear fall over the last third."""
    return min(1.0, (iteration + 1) / WARM_UP, 3 * (1 - iteration / iterations))


def known_part(batch: int) -> float:
    """Part of a global batch whose flow is known."""
    return 1 - batch // EVERY / batch


def end_point_error(flow: Tensor, truth: Tensor) -> Tensor:
    """Mean length of the difference of (N, 2, h, w) flows for each of N; its gradient is defined at zero."""
    return ((flow.float() - truth).square().sum(1) + 1e-4).sqrt().mean((1, 2))


def photometric(warped: Tensor, target: Tensor) -> Tensor:
    """Charbonnier distance of (N, 3, h, w) images for each of N."""
    return ((warped - target).square() + 1e-6).sqrt().mean((1, 2, 3))


class FlowCheck:
    """The end-point error on a fixed set of synthetic pairs, and a warning when FNet sees no motion.

    :param patience: iterations during which FNet may be blind without a word.
    """

    def __init__(self, samples: FlowSamples, device: torch.device, patience: int = PATIENCE) -> None:
        positions = [position for position in range(CHECK_PAIRS * EVERY) if position % EVERY != EVERY - 1][:CHECK_PAIRS]
        # Pairs of an iteration that no phase reaches.
        items = [samples[FlowIndex(2**31, position, CHECK_REACH)] for position in positions]
        stacked = (torch.stack([item[k] for item in items]) for k in range(3))  # type: ignore[misc]
        self._batch = to_flow_batch((*stacked, torch.ones(len(items), dtype=torch.bool)), device)
        self._patience, self._warned = patience, False

    @torch.no_grad()
    def __call__(self, estimate: FlowEstimate, iteration: int) -> Metrics:
        """``flow_epe`` and ``flow_epe_zero``, LR pixels; warns once."""
        current, previous, truth, _ = self._batch
        error = float(end_point_error(estimate(previous, current), truth).mean())
        zero = float(truth.norm(dim=1).mean())
        if iteration >= self._patience and error > BLIND * zero and not self._warned:
            self._warned = True
            log.warning(
                "the flow network sees no motion: after %d iterations its end-point error on known motion is %.2f LR "
                "pixels, that of zero flow %.2f; train from the beginning with flow_init motion and flow_pretraining",
                iteration, error, zero,
            )  # fmt: skip
        return {"flow_epe": error, "flow_epe_zero": zero}
