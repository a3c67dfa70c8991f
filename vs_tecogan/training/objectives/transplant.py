"""Weights of one generator as the beginning of another: with other blocks, or for another scale."""

from dataclasses import replace

import torch
from torch import Tensor

from ...errors import TrainingError
from ...networks import Generator, GeneratorSpec, RecurrentSR
from ...networks.srnet import ResidualBlock


@torch.no_grad()
def transplant(source: Generator, target: Generator) -> None:
    """Copy weights, growing the residual body if the target has more blocks.

    A new block starts as the identity: its second convolution is zero, its first keeps its random weights. (With both
    zero, as the official training fills them, no gradient ever reaches either.)

    Between scales everything at LR resolution is copied: FNet, the first layer (:func:`regroup`), the residual blocks
    and the first deconvolution. What follows works at a resolution that the source has not, or not there, and keeps the
    target's fresh weights.

    :raises TrainingError: channels or dialect differ, or the target has fewer blocks.
    """
    ours, theirs = target.spec, source.spec
    if (ours.channels, ours.dialect) != (theirs.channels, theirs.dialect):
        raise TrainingError(f"init: its architecture is {_words(theirs)}, the run's {_words(ours)}")
    if ours.blocks < theirs.blocks:
        raise TrainingError(f"init: it has {theirs.blocks} blocks, the run {ours.blocks}; set blocks to at least that")
    state = source.state_dict()
    if ours.scale != theirs.scale:
        first = "srnet.conv_in.0.weight"
        state[first] = regroup(state[first], theirs.scale, ours.scale)
        state = {key: value for key, value in state.items() if _at_low_resolution(key)}
    target.load_state_dict(state, strict=False)
    for block in list(target.srnet.resblocks)[theirs.blocks :]:
        _make_identity(block)


def _make_identity(block: torch.nn.Module) -> None:
    assert isinstance(block, ResidualBlock)
    for parameter in block.conv[2].parameters():
        parameter.zero_()


@torch.no_grad()
def transplant_recurrent(source: RecurrentSR, target: RecurrentSR) -> None:
    """Copy weights between recurrent networks that differ in residual blocks, in scale or in both.

    More blocks: new ones start as the identity, behind the others. Fewer: blocks that lie evenly spread stay. What is
    left of the picture after that is to be trained again, which is quick beside a beginning from nothing.

    Another scale: the last output comes in through :func:`regroup`. A pixel of a 2x cell goes out by the weights of the
    pixel that sits at the same place of the 4x cell; the other way, each of four takes those of the one before it.

    A strength is new: at first all strengths give what the source does.

    :raises TrainingError: they differ in anything else, or in blocks that are not residual.
    """
    ours, theirs = target.spec, source.spec
    alike = replace(theirs, blocks=1, scale=4, flow_rounds=0, strength=theirs.strength or ours.strength)
    if replace(ours, blocks=1, scale=4, flow_rounds=0) != alike:
        raise TrainingError(f"init: its architecture is {theirs}, the run's {ours}")
    if ours.blocks != theirs.blocks and not ours.residual:
        raise TrainingError(f"init: it has {theirs.blocks} pairs of convolutions, the run {ours.blocks}; set blocks")
    state = {key: value for key, value in source.state_dict().items() if not key.startswith("trunk.")}
    inner = 3 * ours.window + ours.channels
    kernel = state["conv_in.weight"]
    past = regroup(torch.cat((kernel[:, :3], kernel[:, inner:]), 1), theirs.scale, ours.scale)[:, 3:]
    state["conv_in.weight"] = torch.cat((kernel[:, :inner], past), dim=1)
    for name in ("conv_out.weight", "conv_out.bias"):
        picture, features = state[name][: theirs.folded], state[name][theirs.folded :]
        state[name] = torch.cat((_rescale_cells(picture, theirs.scale, ours.scale), features))
    count = min(ours.blocks, theirs.blocks)
    kept = torch.linspace(0, theirs.blocks - 1, count).round().int().tolist() if count > 1 else [0]
    if theirs.strength:  # the place before the first block is that of the first convolution
        for name in ("strength.gain", "strength.shift"):
            places = state[name].reshape(-1, theirs.channels)[[0, *(old + 1 for old in kept)]]
            state[name] = torch.cat((places, places.new_zeros(ours.blocks - count, ours.channels))).flatten()
    target.load_state_dict(state, strict=False)
    if not ours.residual:
        target.trunk.load_state_dict(source.trunk.state_dict())
        return
    for new, old in enumerate(kept):
        target.trunk[new].load_state_dict(source.trunk[old].state_dict())
    for block in list(target.trunk)[count:]:
        _make_identity(block)


def _rescale_cells(rows: Tensor, old: int, new: int) -> Tensor:
    """What makes the pixels of a cell, (3 * old**2, ...) in the order (pixel, colour), for cells of another scale."""
    cells = rows.reshape(old, old, 3, *rows.shape[1:])
    if new < old:
        cells = cells[:: old // new, :: old // new]
    else:
        cells = cells.repeat_interleave(new // old, 0).repeat_interleave(new // old, 1)
    return cells.reshape(-1, *rows.shape[1:])


def regroup(kernel: Tensor, old: int, new: int) -> Tensor:
    """A first layer's kernel for the past at another scale: on a past that is flat within cells its response is kept.

    :param kernel:   (C, 3 + 3 * old**2, 3, 3): the frame's three channels, then space-to-depth of the warped past.
    :param old, new: scales, one a multiple of the other.
    :return:         (C, 3 + 3 * new**2, 3, 3). Offsets in a cell that become one are summed; an offset that becomes
                     several is divided among them.
    """
    image, past = kernel[:, :3], kernel[:, 3:]
    cells = past.reshape(-1, old, old, 3, 3, 3)
    if new < old:
        ratio = old // new
        cells = cells.reshape(-1, new, ratio, new, ratio, 3, 3, 3).sum(dim=(2, 4))
    else:
        ratio = new // old
        cells = cells.repeat_interleave(ratio, dim=1).repeat_interleave(ratio, dim=2) / ratio**2
    return torch.cat((image, cells.reshape(-1, 3 * new * new, 3, 3)), dim=1)


def _at_low_resolution(key: str) -> bool:
    return key.startswith(("fnet.", "srnet.conv_in.", "srnet.resblocks.", "srnet.conv_up.0."))


def _words(spec: GeneratorSpec) -> str:
    return f"scale {spec.scale}, {spec.channels} channels, {spec.blocks} blocks, dialect {spec.dialect.value}"
