"""Several processes on one batch: each takes its part, gradients and losses are averaged.

Gradients are reduced by hand after the backward passes instead of by DistributedDataParallel: a GAN step has several
losses, frozen networks and steps that are left out, and one explicit call covers them all.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ...errors import TrainingError
from ...reasons import reason


@dataclass(frozen=True, kw_only=True)
class Processes:
    """This process among its kind, as torchrun's environment tells."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0

    @property
    def main(self) -> bool:
        """Whether this one writes files and speaks."""
        return self.rank == 0


def processes() -> Processes:
    """Read torchrun's environment; a single process without it."""
    environment = os.environ
    if "RANK" not in environment or "WORLD_SIZE" not in environment:
        return Processes()
    rank = int(environment["RANK"])
    return Processes(
        rank=rank, world=int(environment["WORLD_SIZE"]), local_rank=int(environment.get("LOCAL_RANK", rank))
    )


def pick_device(name: str, own: Processes) -> torch.device:
    """The device asked for, or CUDA by local rank where there is any.

    :raises TrainingError: it does not exist.
    """
    if not name:
        name = f"cuda:{own.local_rank}" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise TrainingError(f"device {name!r} cannot be used: {reason(error)}") from error
    return device


def connect(own: Processes, device: torch.device) -> None:
    """Join the process group: NCCL between GPUs, gloo otherwise. Nothing for a single process."""
    if own.world > 1:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")


def disconnect(own: Processes) -> None:
    """Leave the process group."""
    if own.world > 1 and dist.is_initialized():
        dist.destroy_process_group()


def average(value: Tensor, world: int) -> Tensor:
    """Mean over processes of a detached tensor."""
    value = value.detach().clone()
    if world > 1:
        dist.all_reduce(value)
        value /= world
    return value


def average_gradients(parameters: Iterable[nn.Parameter], world: int) -> None:
    """Average the gradients over processes, in one message; a parameter without a gradient counts as zero."""
    if world == 1:
        return
    owners = list(parameters)
    for parameter in owners:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [p.grad for p in owners if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world
    offset = 0
    for gradient in gradients:
        gradient.copy_(flat[offset : offset + gradient.numel()].view_as(gradient))
        offset += gradient.numel()


def any_process(flag: bool, world: int, device: torch.device) -> bool:
    """Whether ``flag`` is set in at least one process, so that all take the same branch."""
    if world == 1:
        return flag
    value = torch.tensor(float(flag), device=device)
    dist.all_reduce(value, op=dist.ReduceOp.MAX)
    return bool(value.item())
