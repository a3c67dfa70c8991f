"""T-diff: how much of a change from one picture to the next its motion does not explain."""

import numpy as np
import numpy.typing as npt

from .flow import Flow, farneback, warp
from .picture import Picture, check_shapes, grey


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
