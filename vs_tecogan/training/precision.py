"""The precision in which a run computes its convolutions on this machine."""

import logging
import time

import torch

from ..hardware import has_native_bf16
from ..networks import Generator, GeneratorSpec
from .cpu import accelerate

log = logging.getLogger(__name__)

TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def resolve(precision: str, device: torch.device) -> str:
    """What a precision means on a device.

    :param precision: "auto" (bf16 where the hardware multiplies it, else fp32), "fp32", "bf16" or "fp16".
    :return:          "fp32", "bf16" or "fp16".
    """
    if precision != "auto":
        return precision
    return "bf16" if _in_hardware("bf16", device) else "fp32"


def autocast_type(precision: str, device: torch.device) -> torch.dtype | None:
    """The type in which convolutions run; ``None`` for float32."""
    return TYPES.get(resolve(precision, device))


def _in_hardware(precision: str, device: torch.device) -> bool:
    if device.type == "cuda":
        return precision != "bf16" or torch.cuda.is_bf16_supported(including_emulation=False)
    return precision == "bf16" and has_native_bf16()


def warn_if_slow(precision: str, device: torch.device) -> None:
    """Say in one line how much slower a precision is than fp32 where the hardware lacks it."""
    if precision in ("auto", "fp32") or _in_hardware(precision, device):
        return
    factor = slowdown(precision, device)
    if factor > 1:
        log.warning(
            "precision %s: this %s has no such arithmetic; an iteration takes about %.0f times as long as in fp32, "
            "or more (measured now): --precision auto takes what is fast",
            precision, "CPU" if device.type == "cpu" else "GPU", factor,
        )  # fmt: skip


def slowdown(precision: str, device: torch.device) -> float:
    """Time of a small generator with its gradients as a multiple of that in fp32, measured in a second or two."""
    with torch.random.fork_rng(devices=[]):
        generator = Generator(GeneratorSpec(blocks=4)).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if device.type == "cpu":
        accelerate(generator)
    frames = torch.zeros(1, 2, 3, 16, 16, device=device)

    def seconds(kind: torch.dtype | None) -> float:
        best = float("inf")
        for _ in range(2):
            began = time.perf_counter()
            with torch.autocast(device.type, dtype=kind, enabled=kind is not None):
                outputs, _ = generator(frames)
            outputs.sum().backward()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            best = min(best, time.perf_counter() - began)
        return best

    return seconds(TYPES[precision]) / seconds(None)
