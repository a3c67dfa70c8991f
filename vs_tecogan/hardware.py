"""What torch says of this machine: devices, whether they work, their memory, which arithmetic they have in hardware.

"cuda" is NVIDIA's (and AMD's, where torch was built for ROCm), "xpu" Intel's, "mps" Apple's. Only NVIDIA's get the
project's own kernels; torch's operators run on the others.
"""

import os
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F

from .reasons import reason

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


def has_native_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware (AVX512-BF16 or AMX)."""
    query = getattr(torch.cpu, "get_capabilities", None)  # older torch cannot tell: fp32 is always right
    capabilities = query() if query is not None else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
