"""What this machine's processors compute fast."""

import torch


def has_native_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware (AVX512-BF16 or AMX)."""
    query = getattr(torch.cpu, "get_capabilities", None)  # older torch cannot tell: fp32 is always right
    capabilities = query() if query is not None else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
