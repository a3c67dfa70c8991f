"""The first stage of a run: FNet alone, on synthetic motion whose flow is known.

The warp loss by itself has no slope towards motion until FNet finds some: from common weights its flow shrinks to zero,
where the loss stays, and looks healthy, because neighbouring frames resemble each other anyway. Known motion has a
slope everywhere. It begins small and grows whenever FNet has caught up with it.
"""

import logging
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.utils.data import Sampler

from ..ops.warp import backward_warp
from .config import Config, FlowConfig
from .dataset import DEPTH, Share
from .learner import Learner, Metrics, NotFinite
from .parallel import any_process, average, average_gradients
from .synthetic_motion import EVERY, FlowSamples, FlowTicket

log = logging.getLogger(__name__)

REACH = 1.5
"""Largest motion, LR pixels, at which the end-point error counts half; with twice the motion it counts a quarter."""
GROWTH = 1.25
LEARNT = 0.55
"""The motion grows when the end-point error is below this share of the error of zero flow."""
BLOCK = 50
"""Iterations with the same largest motion; what a block has shown decides on the next but one, because samples of the
next are being drawn already."""
MOST_WORKERS = BLOCK // (2 * DEPTH)
"""More processes would draw samples of blocks that are not decided yet."""
TAUGHT = 0.5
"""Weight of the end-point error against the teacher's flow on real pairs."""
PHOTOMETRIC_FROM = 3.0
"""LR pixels of motion from which the warp loss on real pairs counts too; before that it would pull towards zero."""
WARM_UP = 50
CLIP = 1.0
BLIND = 0.9
"""An FNet whose end-point error is above this share of that of zero flow sees no motion."""
CHECK_PAIRS = 48
CHECK_REACH = 2.5
"""Largest motion in the check, LR pixels: as between neighbouring frames of ordinary footage."""

Estimate = Callable[[Tensor, Tensor], Tensor]
"""Previous and current (N, 3, h, w) -> flow (N, 2, h, w)."""
Batch = tuple[Tensor, Tensor, Tensor, Tensor]
"""Current, previous (N, 3, h, w), flow (N, 2, h, w), and which flows are known (N), on the device."""


def to_batch(items: tuple[Tensor, ...], device: torch.device) -> Batch:
    """From the loader's NHWC tensors."""
    current, previous, flow = (x.to(device, non_blocking=True).permute(0, 3, 1, 2) for x in items[:3])
    return current, previous, flow, items[3].to(device)


class Pace:
    """How far the synthetic motion reaches in each block of iterations, in LR pixels."""

    def __init__(self, begin: float, limit: float) -> None:
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


class FlowTickets(Sampler[list[FlowTicket]]):
    """Endless batches of tickets from an iteration on."""

    def __init__(self, start: int, share: Share, pace: Pace) -> None:
        self._start, self._share, self._pace = start, share, pace

    def __iter__(self) -> Iterator[list[FlowTicket]]:
        """Batches in the order in which the stage uses them."""
        iteration = self._start
        while True:
            reach = self._pace.reach(iteration)
            yield [FlowTicket(iteration, place, reach) for place in self._share.places(0)]
            iteration += 1


class FlowPretraining:
    """FNet's optimiser and pace in this stage, and one step of it."""

    def __init__(self, config: Config, learner: Learner) -> None:
        self.options: FlowConfig = config.flow
        self._learner, self._fnet = learner, learner.generator.fnet
        self._optimiser = Adam(self._fnet.parameters(), lr=self.options.flow_lr, betas=(0.9, 0.99), fused=True)
        self.pace = Pace(self.options.flow_from, self.options.flow_reach)
        self.iteration = 0
        self._sums: Metrics = {}
        self._count = 0

    @property
    def over(self) -> bool:
        """Whether all iterations of the stage are done."""
        return self.iteration >= self.options.flow_pretraining

    def step(self, batch: Batch) -> Metrics:
        """One optimiser step.

        :return: means over the global batch: end-point error and that of zero flow on synthetic pairs (LR pixels), warp
            loss and that of zero flow on real pairs, with a teacher both errors there too, the reach of the motion.
        :raises NotFinite: a loss or gradient is not finite; no weight has changed.
        """
        learner, reach = self._learner, self.pace.reach(self.iteration)
        for group in self._optimiser.param_groups:
            group["lr"] = self.options.flow_lr * rate(self.iteration, self.options.flow_pretraining)
        current, previous, truth, known = batch
        # In fp16 the stage would need a scaler of its own; FNet is small.
        half = learner.config.loop.precision == "bf16"
        with torch.autocast(learner.device.type, dtype=torch.bfloat16, enabled=half):
            flow = learner.generator.estimate_unrefined(previous, current)
        # Weights that give, averaged over processes, the mean over the pairs of a kind, however they are distributed.
        share = known_share(self.options.flow_batch)
        synthetic, real = known / share, ~known / (1 - share)
        warped = backward_warp(previous, flow)
        metrics = {
            "flow_epe": (end_point_error(flow, truth) * synthetic).mean(),
            "flow_epe_zero": (truth.norm(dim=1).mean((1, 2)) * synthetic).mean(),
            "warp": (photometric(warped, current) * real).mean(),
            "warp_zero": (photometric(previous, current) * real).mean(),
        }
        loss = metrics["flow_epe"] * (REACH / 2 / reach)
        if self.options.flow_teacher != "none":
            metrics["taught_epe"] = (end_point_error(flow, truth) * real).mean()
            metrics["taught_epe_zero"] = (truth.norm(dim=1).mean((1, 2)) * real).mean()
            loss = loss + TAUGHT * metrics["taught_epe"]
        if reach >= PHOTOMETRIC_FROM:
            loss = loss + metrics["warp"]
        self._optimiser.zero_grad(set_to_none=True)
        if torch.isfinite(loss):
            loss.backward()
        values = self._update(metrics)
        self.pace.take(self.iteration, values["flow_epe"], values["flow_epe_zero"])
        self.iteration += 1
        values["reach"] = reach
        self._sums = {name: self._sums.get(name, 0.0) + value for name, value in values.items()}
        self._count += 1
        return values

    def means(self) -> Metrics:
        """Means of what the steps since the last call returned; the motion of a single batch says little."""
        result = {name: value / self._count for name, value in self._sums.items()}
        self._sums, self._count = {}, 0
        return result

    def _update(self, metrics: dict[str, Tensor]) -> Metrics:
        learner, parameters = self._learner, list(self._fnet.parameters())
        numbers = average(torch.stack([v.detach().float() for v in metrics.values()]), learner.world).tolist()
        values = dict(zip(metrics, numbers, strict=True))
        if not any_process(not all(map(math.isfinite, numbers)), learner.world, learner.device):
            average_gradients(parameters, learner.world)
            norm = float(nn.utils.clip_grad_norm_(parameters, CLIP))
            if math.isfinite(norm):
                self._optimiser.step()
                return values
            values["gradient"] = norm
        raise NotFinite(values)

    def finish(self) -> None:
        """Let the averaged generator begin with the trained FNet."""
        if self._learner.average is not None:
            self._learner.average.fnet.load_state_dict(self._fnet.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """All that the stage depends on, but for the weights, which the learner holds."""
        return {
            "iteration": self.iteration,
            "pace": self.pace.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "sums": dict(self._sums),
            "count": self._count,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state."""
        self.iteration = state["iteration"]
        self.pace.load_state_dict(state["pace"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._sums, self._count = dict(state["sums"]), state["count"]


def rate(iteration: int, iterations: int) -> float:
    """Factor on the learning rate: a short warm-up, and a linear fall over the last third."""
    return min(1.0, (iteration + 1) / WARM_UP, 3 * (1 - iteration / iterations))


def known_share(batch: int) -> float:
    """Share of a global batch whose flow is known."""
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

    def __init__(self, samples: FlowSamples, patience: int, device: torch.device) -> None:
        places = [place for place in range(CHECK_PAIRS * EVERY) if place % EVERY != EVERY - 1][:CHECK_PAIRS]
        # Pairs of an iteration that no stage reaches.
        items = [samples[FlowTicket(2**31, place, CHECK_REACH)] for place in places]
        stacked = (torch.stack([item[k] for item in items]) for k in range(3))  # type: ignore[misc]
        self._batch = to_batch((*stacked, torch.ones(len(items), dtype=torch.bool)), device)
        self._patience, self._warned = patience, False

    @torch.no_grad()
    def __call__(self, estimate: Estimate, iteration: int) -> Metrics:
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
