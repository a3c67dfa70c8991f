"""Ping-pong sequences, and the triplets that temporal discriminators see.

A triplet is three consecutive frames 3k, 3k+1, 3k+2 of the sequence that the generator ran on; the outer two are also
warped onto the middle one with flows estimated on the LR frames, the same for real and generated frames.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ...ops import upsample_bilinear
from ...ops.warp import backward_warp

DT_CROP = 0.75
"""Part of a warped image's side that is kept; beyond it the warp may have sampled outside the patch."""


def ping_pong(frames: Tensor) -> Tensor:
    """(N, n, ...) -> (N, 2n - 1, ...): forwards, then backwards without repeating the last frame."""
    return torch.cat((frames, frames[:, :-1].flip(1)), dim=1)


def triplets(frames: Tensor) -> Tensor:
    """(N, T, ...) -> (N * floor(T / 3), 3, ...): disjoint triplets, left-over frames dropped."""
    n, count = frames.shape[0], frames.shape[1] // 3
    return frames[:, : 3 * count].reshape(n * count, 3, *frames.shape[2:])


def triplet_flows(
    flows: Tensor, lr: Tensor, mirrored: bool, estimate: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """LR flows from each triplet's middle frame to the one before and to the one after it, without gradient.

    The flow to the frame before is the one that the generator used. That to the frame after is, in a ping-pong
    sequence, the generator's too: the pair appears in the backward half. Otherwise it is estimated.

    :param flows:    (N, T-1, 2, h, w), flow k leads from frame k + 1 back to frame k.
    :param lr:       (N, T, 3, h, w), the LR sequence.
    :param mirrored: the sequence is a ping-pong one.
    :param estimate: (previous, current) -> flow.
    :return:         two tensors (N * floor(T / 3), 2, h, w).
    """
    count = lr.shape[1] // 3
    shape = (lr.shape[0] * count, 2, *flows.shape[-2:])
    before = flows[:, 0 : 3 * count : 3].detach()
    if mirrored:
        # Pair (current t, previous t + 1) sits at T - 2 - t, t = 3k + 1.
        index = torch.tensor([lr.shape[1] - 3 - 3 * k for k in range(count)], device=flows.device)
        after = flows.index_select(1, index).detach()
    else:
        middle, following = (lr[:, offset : 3 * count : 3].reshape(-1, *lr.shape[2:]) for offset in (1, 2))
        with torch.no_grad():
            after = estimate(following, middle)
    return before.reshape(shape), after.reshape(shape)


def colour_major(triple: Tensor) -> Tensor:
    """(M, 3 times, 3 colours, H, W) -> (M, 9, H, W) in the order RRR GGG BBB."""
    return triple.transpose(1, 2).flatten(1, 2)


def warp_triplets(triple: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Warp the outer frames of triplets onto the middle one.

    :param triple: (M, 3, 3, H, W).
    :param before, after: (M, 2, H, W) HR flows from the middle frame.
    :return: (M, 3, 3, H, W) float32.
    """
    count = len(triple)
    outer = backward_warp(torch.cat((triple[:, 0], triple[:, 2])), torch.cat((before, after)))
    return torch.stack((outer[:count], triple[:, 1].float(), outer[count:]), dim=1)


def crop_centre(images: Tensor, part: float = DT_CROP) -> Tensor:
    """Central ``part`` of both sides, rounded to an even border: 128 -> 96."""
    height, width = images.shape[-2:]
    top, left = (int(side - side * part) // 2 for side in (height, width))
    return images[..., top : height - top, left : width - left]


def crop_and_pad(images: Tensor, part: float = DT_CROP) -> Tensor:
    """Zero everything outside the central ``part``."""
    inner = crop_centre(images, part)
    vertical, horizontal = ((images.shape[-k] - inner.shape[-k]) // 2 for k in (2, 1))
    return F.pad(inner, (horizontal, horizontal, vertical, vertical))


def spatio_temporal_input(triple: Tensor, before: Tensor, after: Tensor, lr: Tensor) -> Tensor:
    """The 27 channels of Dst (TecoGAN ``lib/Teco.py``).

    In this order, each RRR GGG BBB: the triplet in [-1, 1]; the triplet with its outer frames warped onto the middle
    one, in [-1, 1], cropped to 3/4 and padded with zeros; the LR triplet in [0, 1], enlarged bilinearly on the legacy
    grid.

    :param triple: (M, 3, 3, sH, sW) in [0, 1]; :param before, after: (M, 2, sH, sW) HR flows, already detached.
    :param lr:     (M, 3, 3, H, W) in [0, 1].
    :return:       (M, 27, sH, sW) float32.
    """
    signed = triple.float() * 2 - 1
    warped = crop_and_pad(colour_major(warp_triplets(signed, before, after)))
    condition = upsample_bilinear(colour_major(lr).float(), triple.shape[-1] // lr.shape[-1])
    return torch.cat((colour_major(signed), warped, condition), dim=1)


def temporal_input(triple: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """The 9 channels of Dt: warped triplets in [-1, 1], cropped to 3/4, not padded, unconditional (tempoGAN)."""
    return crop_centre(colour_major(warp_triplets(triple.float() * 2 - 1, before, after)))


def spatial_input(frames: Tensor, lr: Tensor) -> Tensor:
    """The 6 channels of Ds: single frames in [-1, 1] and their enlarged LR frames in [0, 1].

    :param frames: (M, 3, sH, sW) in [0, 1]; :param lr: (M, 3, H, W) in [0, 1].
    """
    condition = upsample_bilinear(lr.float(), frames.shape[-1] // lr.shape[-1])
    return torch.cat((frames.float() * 2 - 1, condition), dim=1)
