"""ONNX export: one step of a model as one graph, ``(frames, state) -> (picture, state)``.

The runtime that runs the graph keeps the state: it passes zeros for the first frame of a chain and then what the last
step gave. Frame size is fixed in the graph, because the number of pyramid levels of the flow depends on it.
"""

import io
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .errors import UsageError
from .files import write_file
from .networks import Generator, RecurrentSR, VideoNetwork
from .ops import backward_warp, depth_to_space, refine_flow, space_to_depth
from .weights import Model

OPSET = 20
"""ONNX operator set: the first whose GridSample has the names that torch writes."""
NAMES = ("frames", "state"), ("picture", "next_state")
"""Inputs and outputs of the graph."""


class FrvsrGraph(nn.Module):
    """A step of FRVSR and TecoGAN in the form of RecurrentSR's: the state is the last frame and the last output."""

    ahead = 0

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator
        self.state_channels = 3 + 3 * generator.spec.scale**2

    def forward(self, frames: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, H, W) and (N, 3 + 3 s^2, H, W), zeros at first -> (N, 3, sH, sW) and the next state."""
        net, scale = self.generator, self.generator.spec.scale
        flow = net.estimate_unrefined(state[:, :3], frames)
        flow = refine_flow(state[:, :3], frames, flow, net.spec.flow_rounds, impl="torch")
        warped = backward_warp(depth_to_space(state[:, 3:], scale), net.upsample_flow(flow), impl="torch")
        picture = net.reconstruct(frames, space_to_depth(warped, scale))
        return picture, torch.cat((frames, space_to_depth(picture, scale)), dim=1)


def step_of(network: VideoNetwork) -> nn.Module:
    """The module whose ``forward(frames, state)`` is a step of ``network``, by torch's own operators."""
    if isinstance(network, Generator):
        return FrvsrGraph(network).eval()
    if network.spec.strength:
        network = network.at_strength()
    network.impl = "torch"
    return network.eval()


def frame_channels(network: VideoNetwork) -> int:
    """Channels of ``frames``: the current frame alone (FRVSR), or the window of RecurrentSR."""
    return 3 if isinstance(network, Generator) else 3 * network.spec.window


def state_channels(network: VideoNetwork) -> int:
    """Channels of ``state``."""
    return 3 + 3 * network.spec.scale**2 if isinstance(network, Generator) else network.spec.state_channels


def export_onnx(model: Model, path: Path, *, height: int, width: int) -> None:
    """Write a step of ``model`` for frames of one size. Needs the ``onnx`` package.

    The graph takes ``frames`` (1, C, height, width) and ``state`` (1, S, height, width), float32, and gives ``picture``
    (1, 3, scale * height, scale * width), unclamped, and ``next_state``. Its metadata say the model's name, its scale
    and its look-ahead.

    :raises UsageError: the ``onnx`` package is missing, or the file cannot be written.
    """
    try:
        import onnx  # optional: extra "onnx"
    except ImportError:
        raise UsageError("ONNX export needs the onnx package; install it: pip install onnx") from None
    net = model.network
    if not isinstance(net, Generator | RecurrentSR):
        raise UsageError(f"model {model.card.name!r} does not enlarge video; ONNX export is for models that do")
    frames, state = (torch.zeros(1, count, height, width) for count in (frame_channels(net), state_channels(net)))
    graph: Any = io.BytesIO()  # torch takes it, its annotation does not say so
    with torch.no_grad(), warnings.catch_warnings():
        # The tracer warns of every size that it takes for fixed, which is what is wanted.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            step_of(net), (frames, state), graph, input_names=list(NAMES[0]), output_names=list(NAMES[1]),
            opset_version=OPSET, dynamo=False,
        )  # fmt: skip
    proto = onnx.load_from_string(graph.getvalue())
    onnx.helper.set_model_props(proto, _words(model.card.name, net))
    try:
        write_file(path, proto.SerializeToString())
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def _words(name: str, network: VideoNetwork) -> dict[str, str]:
    spec = network.spec
    ahead = 0 if isinstance(network, Generator) else network.spec.ahead
    return {"model": name, "scale": str(spec.scale), "look_ahead": str(ahead), "phase": spec.phase}
