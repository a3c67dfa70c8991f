"""What torch says of the devices beside the CPU: how many, whether they work, their memory and arithmetic.

"cuda" is NVIDIA's (and AMD's, where torch was built for ROCm), "xpu" Intel's, "mps" Apple's. Only NVIDIA's get the
project's own kernels; torch's operators run on the others.
"""

import os
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..reasons import reason

KINDS = ("cuda", "xpu", "mps")
"""In the order in which one is taken where nobody asked for any."""


def count(kind: str) -> int:
    """How many devices of a kind torch lists."""
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    module: Any = getattr(torch, kind, None)
    return int(module.device_count()) if module is not None and module.is_available() else 0


def name(device: str) -> str:
    """What the maker calls it; the device's own name where torch does not tell."""
    kind = device.partition(":")[0]
    return "Apple GPU" if kind == "mps" else str(getattr(torch, kind).get_device_name(device))


def is_rocm() -> bool:
    """Whether this torch's "cuda" devices are AMD's."""
    return torch.version.hip is not None


@cache
def trouble(device: str) -> str:
    """Why a device that torch lists does not compute, "" where it does; kept, as a driver does not heal in a process.

    A card may be too old for this torch, or its driver broken: both show only when a kernel runs.
    """
    try:
        ones = torch.ones((1, 1, 4, 4), device=device)
        right = F.conv2d(ones, ones[..., :3, :3]).sum().item() == 36
    except Exception as error:  # torch, drivers and compilers raise many types
        return reason(error)
    return "" if right else "it computes wrong sums"


def memory(device: str) -> int:
    """All the memory of a device, or of the machine for "cpu", in bytes; 16 GiB where nobody tells."""
    kind = device.partition(":")[0]
    try:
        if kind == "mps":
            return int(torch.mps.recommended_max_memory())
        if kind in KINDS:
            return int(getattr(torch, kind).get_device_properties(device).total_memory)
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, AssertionError, RuntimeError, ValueError, OSError):  # each build of torch has its own
        return 16 << 30


def half_floats(device: str) -> tuple[bool, str]:
    """Whether fp16 is faster than fp32 there, and why, in a phrase."""
    kind = device.partition(":")[0]
    if kind == "mps":
        return False, "an Apple GPU multiplies floats as fast as half floats"
    if kind == "cuda" and not is_rocm():
        major, minor = torch.cuda.get_device_capability(device)
        if major < 7 and (major, minor) not in ((5, 3), (6, 0), (6, 2)):
            return False, f"a card of compute capability {major}.{minor} has no fast half floats"
    return True, "this device multiplies half floats fastest"


def without_tf32(network: nn.Module) -> None:
    """Have a network's convolutions leave float32 as it is, by their arguments: torch's global flags stay the user's.

    TF32, torch's default on NVIDIA's newer cards, has 10 bits of mantissa. Results elsewhere stay the same bits.

    :param network: its modules change their class; zero padding only.
    """
    for module in network.modules():
        if type(module) is nn.Conv2d:
            module.__class__ = _ExactConv2d
        elif type(module) is nn.ConvTranspose2d:
            module.__class__ = _ExactConvTranspose2d


class _ExactConv2d(nn.Conv2d):
    def forward(self, features: Tensor) -> Tensor:
        """As the base class, never in TF32."""
        return _convolution(self, features, transposed=False)


class _ExactConvTranspose2d(nn.ConvTranspose2d):
    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        """As the base class, never in TF32."""
        return _convolution(self, features, transposed=True)


def _convolution(layer: nn.Conv2d | nn.ConvTranspose2d, features: Tensor, *, transposed: bool) -> Tensor:
    where = (list(layer.stride), list(layer.padding), list(layer.dilation), transposed, list(layer.output_padding))
    choices = (False, False, True, False)  # benchmark, deterministic, cuDNN, TF32
    result: Tensor = torch.ops.aten._convolution.default(
        features, layer.weight, layer.bias, *where, layer.groups, *choices
    )
    return result
