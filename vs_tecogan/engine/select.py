"""Which device and precision a request means on this machine."""

import re

import torch

from ..errors import EngineError
from ..hardware import has_native_bf16

PRECISIONS = ("auto", "fp32", "fp16", "bf16")


def resolve_device(device: str | None) -> str:
    """The torch device meant by ``device``.

    :param device: None (CUDA where there is one, else the CPU), "cpu", "cuda" or "cuda:N".
    :return:       "cpu" or "cuda:N".
    :raises EngineError: an unknown name, or a CUDA device that is not there.
    """
    if device is None:
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if not isinstance(device, str) or not re.fullmatch(r"cpu|cuda(:\d+)?", device):
        raise EngineError(f'device {device!r} is not known; give None, "cpu", "cuda" or "cuda:N"')
    if device == "cpu":
        return device
    if not torch.cuda.is_available():
        raise EngineError(f'device {device!r} asked for, but torch finds no CUDA device; give device="cpu" or None')
    index, count = int(device.partition(":")[2] or 0), torch.cuda.device_count()
    if index >= count:
        raise EngineError(
            f"device {device!r} asked for, but torch finds {count} CUDA device(s); the last is cuda:{count - 1}"
        )
    return f"cuda:{index}"


def resolve_precision(device: str, precision: str) -> tuple[str, str]:
    """The precision of the convolutions, and why.

    :param device:    as :func:`resolve_device` returns it.
    :param precision: "auto": fp16 on CUDA, bf16 on a CPU that has it natively, else fp32.
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
        return "fp16", "a CUDA device multiplies half floats fastest"
    if has_native_bf16():
        return "bf16", "this CPU multiplies bfloat16 in hardware"
    return "fp32", "this CPU has no bfloat16 arithmetic"
