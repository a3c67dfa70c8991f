"""Which device and precision a request means on this machine."""

import logging
import re
from functools import cache

from .. import hardware
from ..errors import EngineError

PRECISIONS = ("auto", "fp32", "fp16", "bf16")
NAMES = '"cpu", "cuda", "cuda:N", "xpu", "xpu:N" or "mps"'
"""Of devices, for people."""
MAKERS = {"cuda": "CUDA device", "xpu": "Intel GPU", "mps": "Apple GPU"}

logger = logging.getLogger(__name__)


def resolve_device(device: str | None) -> str:
    """The torch device meant by ``device``.

    :param device: None (the first GPU that works, else the CPU), "cpu", "cuda", "xpu" or "mps", the first two of these
                   with ":N" for another than the first.
    :return:       "cpu", "cuda:N", "xpu:N" or "mps".
    :raises EngineError: an unknown name, or a device that is not there or does not work.
    """
    if device is None:
        return default_device()
    if not isinstance(device, str) or not re.fullmatch(r"cpu|mps|(cuda|xpu)(:\d+)?", device):
        raise EngineError(f"device {device!r} is not known; give None, {NAMES}")
    if device == "cpu":
        return device
    kind, _, number = device.partition(":")
    index, found = int(number or 0), hardware.count(kind)
    if not found:
        raise EngineError(f'device {device!r} asked for, but torch finds no {MAKERS[kind]}; give device="cpu" or None')
    if index >= found:
        raise EngineError(
            f"device {device!r} asked for, but torch finds {found} of them; the last is {kind}:{found - 1}"
        )
    place = _named(kind, index)
    if why := hardware.trouble(place):
        raise EngineError(
            f'device {place!r} does not work with this torch ({why}); update driver and torch, or give device="cpu"'
        )
    return place


@cache
def default_device() -> str:
    """The first GPU that works, else the CPU; a GPU that does not work is warned of once."""
    for kind in hardware.KINDS:
        if hardware.count(kind):
            place = _named(kind, 0)
            why = hardware.trouble(place)
            if not why:
                return place
            logger.warning("tecogan: %s does not work with this torch (%s); going on without it", place, why)
    return "cpu"


def _named(kind: str, index: int) -> str:
    return kind if kind == "mps" else f"{kind}:{index}"


def resolve_precision(device: str, precision: str) -> tuple[str, str]:
    """The precision of the convolutions, and why.

    :param device:    as :func:`resolve_device` returns it.
    :param precision: "auto": fp16 on a GPU and bf16 on a CPU that has it in hardware, else fp32.
    :return:          ("fp32" | "fp16" | "bf16", one phrase for people).
    :raises EngineError: an unknown name, or fp16 on a CPU.
    """
    if precision not in PRECISIONS:
        raise EngineError(f"precision {precision!r} is not known; give one of {', '.join(PRECISIONS)}")
    if precision == "fp16" and device == "cpu":
        raise EngineError(
            'precision "fp16" asked for on the CPU, which has no fast half floats; give "bf16", "fp32" or "auto"'
        )
    if precision != "auto":
        return precision, "asked for"
    if device != "cpu":
        fast, why = hardware.half_floats(device)
        return "fp16" if fast else "fp32", why
    if hardware.has_native_bf16():
        return "bf16", "this CPU multiplies bfloat16 in hardware"
    return "fp32", "this CPU has no bfloat16 arithmetic"
