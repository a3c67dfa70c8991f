"""The frame-recurrent generator: flow, warp, space-to-depth, reconstruct (FRVSR and TecoGAN)."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..ops import (
    backward_warp,
    refine_flow,
    space_to_depth,
    upsample_bicubic,
    upsample_bilinear,
    upsample_bilinear_centred,
)
from ..ops.flow_head import mirror
from ..ops.resample import upsample_by_products
from .fnet import FNet
from .spec import Dialect, GeneratorSpec
from .srnet import SRNet, image_upsampler

_FLOW_UPSAMPLERS = {
    Dialect.TF: upsample_bilinear,
    Dialect.BD: upsample_bicubic,
    Dialect.BI: upsample_bilinear_centred,
    Dialect.EGVSR: upsample_bicubic,
}
FNET_STRIDE = 8
"""FNet pools three times: its flow covers 8 * floor(size / 8) pixels."""


def pad_flow(flow: Tensor, height: int, width: int, dialect: Dialect) -> Tensor:
    """Extend a flow at the bottom and right to (height, width), as each published dialect does.

    :param flow: (N, 2, h, w) with h <= height and w <= width.
    :return:     (N, 2, height, width).
    """
    h, w = flow.shape[-2:]
    if (h, w) == (height, width):
        return flow
    return mirror(flow, height, width, repeat_edge=dialect is Dialect.TF)


class Generator(nn.Module):
    """FNet and SRNet with the recurrence between them.

    Images are (N, 3, H, W) in [0, 1]; the output is never clamped. Flow is in pixels of its own resolution,
    ``output(p) = input(p + flow)``, channel 0 = x, channel 1 = y, float32 whatever the precision of the convolutions.
    """

    def __init__(self, spec: GeneratorSpec | None = None) -> None:
        super().__init__()
        self.spec = spec or GeneratorSpec()
        self.fnet = FNet(self.spec.dialect)
        self.srnet = SRNet(self.spec)

    def estimate_flow(self, previous: Tensor, current: Tensor) -> Tensor:
        """LR flow from ``current`` back to ``previous``: FNet's, refined for as many rounds as the spec says.

        The gradient of refined flow is that of FNet's (straight through): a refinement has none of its own.

        Frames smaller than FNet's 8-pixel grid are replicated up to 8 first; published code cannot run on those.

        :param previous, current: (N, 3, H, W) in [0, 1].
        :return: (N, 2, H, W) float32, LR pixels.
        """
        flow = self.estimate_unrefined(previous, current)
        if not self.spec.flow_rounds:
            return flow
        refined = refine_flow(previous, current, flow, self.spec.flow_rounds)
        return flow + (refined - flow).detach() if flow.requires_grad else refined

    def estimate_unrefined(self, previous: Tensor, current: Tensor) -> Tensor:
        """As :meth:`estimate_flow`, by FNet alone."""
        height, width = current.shape[-2:]
        right, bottom = max(FNET_STRIDE - width, 0), max(FNET_STRIDE - height, 0)
        if right or bottom:
            previous, current = (F.pad(x, (0, right, 0, bottom), mode="replicate") for x in (previous, current))
        flow = self.fnet(current, previous)[..., :height, :width]
        return pad_flow(flow, height, width, self.spec.dialect)

    def upsample_flow(self, flow: Tensor) -> Tensor:
        """(N, 2, H, W) in LR pixels -> (N, 2, sH, sW) in HR pixels."""
        upsample = _FLOW_UPSAMPLERS[self.spec.dialect]
        return upsample(flow.float() * self.spec.scale, self.spec.scale)

    def reconstruct(self, lr: Tensor, warped: Tensor, skip: Tensor | None = None) -> Tensor:
        """SRNet on (N, 3, H, W) and the space-to-depth warped output (N, 3 s^2, H, W) -> (N, 3, sH, sW)."""
        frame: Tensor = self.srnet(lr, warped, skip)
        return frame

    def step(self, lr: Tensor, previous_lr: Tensor | None = None, previous_hr: Tensor | None = None) -> Tensor:
        """One step of the recurrence.

        Without a previous frame the recurrent input is zero; the published PyTorch code runs FNet against black and
        warps zeros then, which gives the same zeros.

        :param lr: (N, 3, H, W); :param previous_lr: same; :param previous_hr: (N, 3, sH, sW), last output, unclamped.
        :return:   (N, 3, sH, sW) float32.
        """
        scale = self.spec.scale
        if previous_lr is None or previous_hr is None:
            n, _, h, w = lr.shape
            return self.reconstruct(lr, lr.new_zeros(n, 3 * scale * scale, h, w))
        flow = self.upsample_flow(self.estimate_flow(previous_lr, lr))
        return self.reconstruct(lr, space_to_depth(backward_warp(previous_hr, flow, impl="torch"), scale))

    def forward(
        self, lr: Tensor, first: Tensor | None = None, forcing: Tensor | None = None, begun: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Reconstruct a sequence from a zero state; FNet sees all pairs in one batch.

        With teacher forcing (Williams and Zipser 1989) the second frame's past is not the first output but lies between
        it and the original: ``lerp(output, first, forcing)``. For training only.

        :param lr:      (N, T, 3, H, W) in [0, 1].
        :param first:   original of the first frame, (N, 3, sH, sW) in [0, 1].
        :param forcing: its part in that past, (N,) in [0, 1].
        :param begun:   output for the first frame, (N, 3, sH, sW), of a sequence that goes on from there.
        :return:   outputs (N, T, 3, sH, sW), and LR flows (N, T-1, 2, H, W) from frame t+1 back to frame t.
        """
        n, t, c, h, w = lr.shape
        scale = self.spec.scale
        flows = lr.new_zeros(n, 0, 2, h, w)
        if t > 1:
            previous, current = (x.reshape(-1, c, h, w) for x in (lr[:, :-1], lr[:, 1:]))
            flows = self.estimate_flow(previous, current).view(n, t - 1, 2, h, w)
        # What does not depend on earlier outputs is done for all frames at once, frame by frame in memory.
        skips = self._enlarge(lr, image_upsampler(self.spec.dialect))
        large = self._enlarge(flows.float() * scale, _FLOW_UPSAMPLERS[self.spec.dialect])
        if begun is None:
            begun = self.reconstruct(lr[:, 0], lr.new_zeros(n, 3 * scale * scale, h, w), skips[0])
        frames, state = [begun], begun
        if first is not None and forcing is not None:
            state = torch.lerp(state, first, forcing.view(-1, 1, 1, 1))
        for flow, skip, current in zip(large, skips[1:], lr.unbind(1)[1:], strict=True):
            warped = backward_warp(state, flow)
            state = self.reconstruct(current, space_to_depth(warped, scale), skip)
            frames.append(state)
        return torch.stack(frames, dim=1), flows

    def _enlarge(self, images: Tensor, upsample: Callable[[Tensor, int], Tensor]) -> tuple[Tensor, ...]:
        """(N, T, C, H, W) -> T images (N, C, sH, sW) float32."""
        n, t = images.shape[:2]
        enlarged = upsample_by_products(images.transpose(0, 1).flatten(0, 1), self.spec.scale, upsample)
        return enlarged.view(t, n, *enlarged.shape[1:]).unbind(0)
