"""Iterations a second of the training step, against a plain loop that computes the same step.

The plain loop is what published trainers do: fp32, NCHW, FNet pair by pair, every discriminator pass by itself, Adam as
torch has it by default. Both take the same batch, in turns; `wall_ms` and `cpu_ms` are medians over the repeats (CPU
time of all threads is what a busy machine falsifies less). With --store, last rows tell how fast one process draws
samples.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from vs_tecogan.ops import backward_warp, space_to_depth
from vs_tecogan.training.config import Config, DataConfig, LoopConfig, ModelConfig, ObjectiveConfig
from vs_tecogan.training.objectives import objective_class
from vs_tecogan.training.objectives.frvsr import Frvsr
from vs_tecogan.training.objectives.losses import (
    content_loss,
    discriminator_adversarial,
    feature_loss,
    generator_adversarial,
    ping_pong_loss,
    warp_loss,
)
from vs_tecogan.training.objectives.networks import build_generator
from vs_tecogan.training.objectives.rollout import Rollout, SequenceBatch
from vs_tecogan.training.objectives.sequence import ping_pong
from vs_tecogan.training.objectives.tecogan import TecoGan

Row = dict[str, object]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stage", choices=("frvsr", "tecogan"), nargs="+", default=["frvsr"])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--crop", type=int, default=32)
    parser.add_argument("--blocks", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="torch threads; 0 = torch's choice")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", choices=("fp32", "bf16", "fp16"), nargs="+", default=["bf16"])
    parser.add_argument("--store", type=Path, help="prepared store, to measure how fast samples are drawn")


def run(args: argparse.Namespace) -> list[Row]:
    if args.threads:
        torch.set_num_threads(args.threads)
    device = torch.device(args.device)
    rows: list[Row] = []
    for stage in args.stage:
        config = settings(args, stage)
        torch.manual_seed(0)
        side = args.crop * config.model.scale
        lr = torch.rand(args.batch, args.frames, 3, args.crop, args.crop, device=device)
        batch = SequenceBatch(lr=lr, hr=torch.rand(args.batch, args.frames, 3, side, side, device=device))
        plain = objective_class(config)(config, device)
        # Torch's own layers: the learner replaces some by faster ones.
        plain.generator = build_generator(config)
        plain.generator.to(device)
        adam = torch.optim.Adam(plain.generator.parameters(), lr=5e-5)
        steps: dict[str, Callable[[], object]] = {"plain": lambda p=plain, a=adam, b=batch: plain_step(p, a, b)}
        for precision in args.precision:
            learner = objective_class(config)(replace(config, loop=replace(config.loop, precision=precision)), device)
            steps[precision] = lambda it=learner, b=batch: it.step(b)
        rows += measure(stage, steps, args.repeats, device)
    return rows + (draw(args) if args.store else [])


def settings(args: argparse.Namespace, stage: str) -> Config:
    objective = ObjectiveConfig()
    if stage == "tecogan":
        objective = ObjectiveConfig(discriminator="dst", ping_pong_weight=0.5)
    return Config(
        data=DataConfig(batch=args.batch, frames=(str(args.frames),), crop=args.crop),
        model=ModelConfig(blocks=args.blocks),
        objective=objective,
        loop=LoopConfig(),
    )


def plain_step(learner: Frvsr, adam: torch.optim.Adam, batch: SequenceBatch) -> None:
    """The same optimisation step, written as the equations read."""
    generator, objective = learner.generator, learner.config.objective
    lr, hr = (ping_pong(x) if objective.ping_pong else x for x in (batch.lr, batch.hr))
    adam.zero_grad()
    outputs = [generator.step(lr[:, 0])]
    flows: list[Tensor] = []
    warp = torch.zeros((), device=lr.device)
    for t in range(1, lr.shape[1]):
        flow = generator.estimate_flow(lr[:, t - 1], lr[:, t])
        warp = warp + warp_loss(backward_warp(lr[:, t - 1], flow, impl="torch"), lr[:, t], "l2") / (lr.shape[1] - 1)
        warped = space_to_depth(
            backward_warp(outputs[-1], generator.upsample_flow(flow), impl="torch"), generator.spec.scale
        )
        outputs.append(generator.reconstruct(lr[:, t], warped))
        flows.append(flow)
    frames = torch.stack(outputs, 1)
    loss = content_loss(frames, hr, "l2") + warp
    if isinstance(learner, TecoGan):
        loss = loss + 0.5 * ping_pong_loss(frames, "l2")
        network = learner.discriminators.networks["dst"]
        rollout = Rollout(lr, hr, frames, torch.stack(flows, 1), objective.ping_pong)
        ((_, real, fake),) = learner.discriminators.inputs(rollout, generator)
        learner.d_optimiser.adam.zero_grad()
        discriminator_adversarial(network(fake.detach())[0], network(real)[0]).backward()
        with torch.no_grad():
            _, real_features = network(real)
        logits, features = network(fake)
        loss = loss + 0.01 * generator_adversarial(logits) + feature_loss(features, real_features)
    loss.backward()
    adam.step()
    if isinstance(learner, TecoGan):
        learner.d_optimiser.adam.step()


def measure(stage: str, steps: dict[str, Callable[[], object]], repeats: int, device: torch.device) -> list[Row]:
    wall: dict[str, list[float]] = {name: [] for name in steps}
    cpu: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(repeats + 1):
        for name, step in steps.items():
            began, worked = time.perf_counter(), time.process_time()
            step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if repeat:  # the first one builds kernels
                wall[name].append(time.perf_counter() - began)
                cpu[name].append(time.process_time() - worked)
    rows: list[Row] = []
    for name in steps:
        seconds, work = statistics.median(wall[name]), statistics.median(cpu[name])
        rows.append(
            {
                "stage": stage,
                "step": name,
                "device": str(device),
                "threads": torch.get_num_threads(),
                "wall_ms": 1e3 * seconds,
                "cpu_ms": 1e3 * work,
                "it_per_s": 1 / seconds,
                "speedup": statistics.median(wall["plain"]) / seconds,
                "cpu_speedup": statistics.median(cpu["plain"]) / work,
            }
        )
    return rows


def draw(args: argparse.Namespace) -> list[Row]:
    from vs_tecogan.degrade import BicubicDown, BlurDown
    from vs_tecogan.training.data.augment import Augmentation
    from vs_tecogan.training.data.degrade import Realistic
    from vs_tecogan.training.data.samples import SampleIndex, SampleOptions, Samples
    from vs_tecogan.training.data.store import Store

    rows: list[Row] = []
    for name, rule in (("bd", BlurDown()), ("bi", BicubicDown()), ("realistic", Realistic())):
        plain = SampleOptions(scale=4, crop=args.crop, seed=1, augmentation=Augmentation(), degradation=rule)
        samples = Samples(Store(args.store), plain, args.frames)
        began = time.perf_counter()
        for k in range(40):
            samples[SampleIndex(0, k, args.frames)]
        seconds = (time.perf_counter() - began) / 40
        rows.append({"stage": "samples", "step": name, "wall_ms": 1e3 * seconds, "it_per_s": 1 / seconds / args.batch})
    return rows
