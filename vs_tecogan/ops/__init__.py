"""Per-pixel operators and convolutions, one module each.

A module holds a readable torch reference and the faster versions beside it, and its function picks one by ``impl``.
``native`` is the CPU extension and ``cuda`` the kernels: whether they are there, and checked calls of them.
"""

from .pyramid import pyramid_flow
from .refine import refine_flow
from .resample import upsample_bicubic, upsample_bilinear, upsample_bilinear_centred
from .space_to_depth import depth_to_space, space_to_depth
from .warp import backward_warp

__all__ = [
    "backward_warp",
    "depth_to_space",
    "pyramid_flow",
    "refine_flow",
    "space_to_depth",
    "upsample_bicubic",
    "upsample_bilinear",
    "upsample_bilinear_centred",
]
