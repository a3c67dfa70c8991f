"""Official TensorFlow weights, re-expressed in the project's conventions."""

import re
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..errors import WeightsError
from ..networks import Dialect, Generator, GeneratorSpec
from .dialects import build

Variables = Mapping[str, np.ndarray]

_SRNET = "generator/generator_unit"
_FNET = "fnet/autoencode_unit"


def _layers(blocks: int) -> dict[str, str]:
    """Our layer name -> the TensorFlow scope that holds ``weights`` and ``biases``."""
    layers = {
        "srnet.conv_in.0": f"{_SRNET}/input_stage/conv/Conv",
        "srnet.conv_up.0": f"{_SRNET}/conv_tran2highres/conv_tran1/Conv2d_transpose",
        "srnet.conv_up.2": f"{_SRNET}/conv_tran2highres/conv_tran2/Conv2d_transpose",
        "srnet.conv_out": f"{_SRNET}/output_stage/conv/Conv",
        "fnet.flow.0": f"{_FNET}/output_stage/conv1/Conv",
        "fnet.flow.2": f"{_FNET}/output_stage/conv2/Conv",
    }
    for block in range(blocks):
        for inner, scope in ((0, "conv_1"), (2, "conv_2")):
            layers[f"srnet.resblocks.{block}.conv.{inner}"] = f"{_SRNET}/resblock_{block + 1}/{scope}/Conv"
    for stage in ("encoder", "decoder"):
        for level in (1, 2, 3):
            for inner, scope in ((0, "conv_1"), (2, "conv_2")):
                layers[f"fnet.{stage}{level}.{inner}"] = f"{_FNET}/{stage}_{level}/{scope}/Conv"
    return layers


def generator_from_tensorflow(variables: Variables) -> Generator:
    """Convert the variables of an official checkpoint.

    Convolutions go from HWIO, deconvolutions from [kh, kw, out, in]. FNet is rewritten for (current, previous) input
    and for flow (dx, dy) that is added; its resampling grids stay a mode of the graph (:attr:`Dialect.TF`).

    :param variables: name (with or without ``:0``) -> array; names outside ``generator`` and ``fnet``, and optimiser
        slots, are ignored.
    :raises WeightsError: a variable is missing or has another shape.
    """
    arrays = {name.removesuffix(":0"): np.asarray(value) for name, value in variables.items()}
    found = {int(match[1]) for name in arrays if (match := re.match(rf"{_SRNET}/resblock_(\d+)/", name))}
    blocks = max(found, default=0)
    state: dict[str, Tensor] = {}
    for layer, scope in _layers(blocks).items():
        for ours, theirs in (("weight", "weights"), ("bias", "biases")):
            name = f"{scope}/{theirs}"
            if name not in arrays:
                raise WeightsError(f"variable {name} is missing; expected an official TecoGAN or FRVSR checkpoint")
            value = torch.from_numpy(np.array(arrays[name], dtype=np.float32))
            state[f"{layer}.{ours}"] = value.permute(3, 2, 0, 1) if value.ndim == 4 else value
    first = state["fnet.encoder1.0.weight"]
    state["fnet.encoder1.0.weight"] = torch.cat((first[:, 3:], first[:, :3]), dim=1)
    for name in ("fnet.flow.2.weight", "fnet.flow.2.bias"):
        state[name] = -state[name].flip(0)
    state = {key: value.contiguous() for key, value in state.items()}
    return build(GeneratorSpec(scale=4, blocks=blocks, dialect=Dialect.TF), state)
