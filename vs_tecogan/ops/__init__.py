"""Per-pixel operators: each is a readable torch reference, with native versions beside it."""

from .resample import upsample_bicubic, upsample_bilinear, upsample_bilinear_centred
from .space_to_depth import space_to_depth
from .warp import backward_warp

__all__ = [
    "backward_warp",
    "space_to_depth",
    "upsample_bicubic",
    "upsample_bilinear",
    "upsample_bilinear_centred",
]
