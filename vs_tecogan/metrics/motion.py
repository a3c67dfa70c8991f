"""Metrics of neighbouring pictures: tOF, T-diff and flicker along the motion."""

import numpy as np
import numpy.typing as npt

from .picture import Picture, check_shapes, grey

type Flow = npt.NDArray[np.float32]
"""(H, W, 2) in pixels, last axis x, y."""
type Grey = npt.NDArray[np.uint8]
"""(H, W)."""


def farneback(start: Grey, end: Grey) -> Flow:
    """Optical flow from ``start`` to ``end`` with the official script's parameters.

    ``end(p + flow(p))`` resembles ``start(p)``.

    :param start, end: (H, W) uint8.
    :return:           (H, W, 2) float32.
    """
    import cv2

    flow = np.empty((*start.shape, 2), np.float32)
    cv2.calcOpticalFlowFarneback(
        start, end, flow, pyr_scale=0.5, levels=3, winsize=15, iterations=3, poly_n=5, poly_sigma=1.2, flags=0
    )
    return flow


def flow_distance(result: Flow, truth: Flow) -> float:
    """Mean over pixels of the Euclidean distance between two flow fields."""
    check_shapes(result, truth)
    return float(np.mean(np.linalg.norm(result - truth, axis=-1), dtype=np.float64))


def tof(prev_truth: Picture, truth: Picture, prev_result: Picture, result: Picture) -> float:
    """tOF of one step: how far the result's motion is from the truth's, in pixels; no crop.

    :param prev_truth, truth, prev_result, result: (H, W, 3) uint8 RGB.
    :raises ValueError: the sizes differ.
    """
    check_shapes(result, truth)
    return flow_distance(farneback(grey(prev_result), grey(result)), farneback(grey(prev_truth), grey(truth)))


def warp(picture: npt.NDArray[np.generic], flow: Flow) -> npt.NDArray[np.float32]:
    """Fetch ``picture(p + flow(p))``: bilinear, clamped to the border.

    :param picture: (H, W) or (H, W, C).
    :return:        float32 of the same shape.
    """
    import torch

    from ..ops.warp import backward_warp

    planes = np.atleast_3d(np.asarray(picture, np.float32)).transpose(2, 0, 1)
    moved = backward_warp(
        torch.from_numpy(np.ascontiguousarray(planes))[None],
        torch.from_numpy(np.ascontiguousarray(flow.transpose(2, 0, 1)))[None],
        impl="torch",
    )
    return moved[0].permute(1, 2, 0).reshape(picture.shape).numpy()


def step_error(previous: Picture, current: Picture, flow: Flow) -> npt.NDArray[np.float32]:
    """|current - W(previous, flow)| with samples in [0, 1], (H, W, 3)."""
    return np.asarray(np.abs(np.asarray(current, np.float32) - warp(previous, flow)) / 255, np.float32)


def tdiff(previous: Picture, current: Picture) -> float:
    """T-diff of one step: 100 x mean |g_t - W(g_{t-1}, v_t)|, samples in [0, 1]; no crop.

    v_t is Farneback's flow from g_t back to g_{t-1}, both taken from the evaluated clip itself. The paper's own flow
    and scale are unpublished; this definition is ours, so compare its values only among themselves.
    """
    check_shapes(previous, current)
    flow = farneback(grey(current), grey(previous))
    return 100.0 * float(np.mean(step_error(previous, current, flow), dtype=np.float64))


def second_difference(before: Grey, current: Grey, after: Grey, back: Flow, ahead: Flow) -> npt.NDArray[np.float32]:
    """The part of a grey picture that alternates along the motion, in [0, 1] levels.

    h = (2 g_t - W(g_{t-1}, back) - W(g_{t+1}, ahead)) / 4, whose gain is 1 at the frame rate's half and 0 for anything
    that moves steadily.
    """
    centre = np.asarray(current, np.float32)
    return np.asarray((2 * centre - warp(before, back) - warp(after, ahead)) / (4 * 255), np.float32)


def flicker(before: Picture, current: Picture, after: Picture) -> float:
    """Flicker at one frame: 100 x root mean square of :func:`second_difference`; no crop.

    Brightness that alternates by +a and -a (of 1) on a still picture gives 100 a. Uncovered background counts too, so
    compare with the reference's value or between results. The definition is ours.
    """
    planes = grey(before), grey(current), grey(after)
    back, ahead = farneback(planes[1], planes[0]), farneback(planes[1], planes[2])
    return 100.0 * root_mean_square(second_difference(*planes, back, ahead))


def root_mean_square(values: npt.NDArray[np.float32]) -> float:
    """Root of the mean square, summed in double precision."""
    return float(np.sqrt(np.mean(np.square(values), dtype=np.float64)))
