"""Reading published state dicts: one small class per layout, ``detect`` apart from ``load``."""

import re
from collections.abc import Mapping
from typing import Protocol, overload

import torch
from torch import Tensor

from ..errors import WeightsError
from ..networks import (
    Dialect,
    FluidSpec,
    FluidSR,
    Generator,
    GeneratorSpec,
    LongVideo,
    LongVideoSpec,
    LongVideoSR,
    LongVideoSRSpec,
    MotionSpec,
    Network,
    RecurrentSpec,
    RecurrentSR,
    SourceSpec,
    Spec,
    StyleGenerator,
    StyleSpec,
    VideoGenerator,
)

StateDict = Mapping[str, Tensor]

_SCALE_OF_INPUTS = {51: 4, 15: 2}
_FLOATS = frozenset({torch.float16, torch.bfloat16, torch.float32, torch.float64})
_UPSAMPLER_BUFFERS = ("upsample_func.kernels", "srnet.upsample_func.kernels")


class Layout(Protocol):
    """A published arrangement of generator weights."""

    def detect(self, state: StateDict) -> bool:
        """Whether ``state`` has this layout; looks at keys and shapes only."""

    def load(self, state: StateDict) -> Network:
        """A network in eval mode with these weights, fp32."""


def count_blocks(state: StateDict) -> int:
    """Number of residual blocks, from the keys ``srnet.resblocks.{i}.conv.0.weight``."""
    return sum(key.startswith("srnet.resblocks.") and key.endswith(".conv.0.weight") for key in state)


@overload
def build(spec: GeneratorSpec, state: StateDict) -> Generator: ...
@overload
def build(spec: RecurrentSpec, state: StateDict) -> RecurrentSR: ...
@overload
def build(spec: FluidSpec, state: StateDict) -> FluidSR: ...
@overload
def build(spec: Spec, state: StateDict) -> Network: ...
def build(spec: Spec, state: StateDict) -> Network:
    """A network of ``spec`` holding ``state``, in eval mode, fp32.

    :raises WeightsError: a tensor is missing, too many, of another shape or kind, or not finite.
    """
    if not isinstance(spec, SourceSpec) and spec.blocks > len(state):  # before as many are made
        raise WeightsError(f"{len(state)} tensors; expected more for a generator of {spec.blocks} blocks")
    with torch.device("meta"):  # shapes alone: a wrong number of channels must not cost memory
        expected = _empty(spec).state_dict()
    name = _name(spec)
    for key, tensor in expected.items():
        if key not in state:
            raise WeightsError(f"tensor {key} is missing; expected a complete {name}")
        if state[key].shape != tensor.shape:
            came, wanted = tuple(state[key].shape), tuple(tensor.shape)
            raise WeightsError(
                f"tensor {key} has shape {came}; expected {wanted} for {name.removesuffix(' generator')}"
            )
        if state[key].layout is not torch.strided or state[key].is_meta or state[key].dtype not in _FLOATS:
            kind = f"{str(state[key].dtype).removeprefix('torch.')}, {state[key].layout}, {state[key].device.type}"
            raise WeightsError(f"tensor {key} is {kind}; expected dense float16, bfloat16, float32 or float64")
        if stored_bytes(state[key]) < state[key].numel() * state[key].element_size():
            raise WeightsError(f"tensor {key} holds fewer numbers than its shape {tuple(tensor.shape)}; not opened")
        if not bool(state[key].float().isfinite().all()):
            raise WeightsError(f"tensor {key} holds NaN or infinity; the training that made it diverged")
    surplus = sorted(set(state) - set(expected))
    if surplus:
        raise WeightsError(f"tensor {surplus[0]} is not part of a {name}")
    network = _empty(spec)
    network.load_state_dict({key: state[key].float() for key in expected})
    return network.eval().requires_grad_(False)


def _name(spec: Spec) -> str:
    if isinstance(spec, GeneratorSpec):
        return f"{spec.dialect} x{spec.scale} generator"
    if isinstance(spec, SourceSpec):
        names = {StyleSpec: "image generator", MotionSpec: "MoCoGAN-HD", LongVideoSpec: "LongVideoGAN"}
        return (names | {LongVideoSRSpec: "LongVideoGAN's second stage"})[type(spec)]
    return f"{'RecurrentSR' if isinstance(spec, RecurrentSpec) else 'tempoGAN'} x{spec.scale}"


def stored_bytes(tensor: Tensor) -> int:
    """What lies in memory behind a tensor, whose strides may pretend more."""
    return tensor.untyped_storage().nbytes()


def _empty(spec: Spec) -> Network:
    if isinstance(spec, GeneratorSpec):
        return Generator(spec)
    if isinstance(spec, StyleSpec):
        return StyleGenerator(spec)
    if isinstance(spec, LongVideoSpec):
        return LongVideo(spec)
    if isinstance(spec, LongVideoSRSpec):
        return LongVideoSR(spec)
    if isinstance(spec, MotionSpec):
        return VideoGenerator(spec)
    return RecurrentSR(spec) if isinstance(spec, RecurrentSpec) else FluidSR(spec)


class TecoGanPyTorch:
    """TecoGAN-PyTorch ``G_iter*.pth``: BD files carry bicubic buffers, BI files do not."""

    def detect(self, state: StateDict) -> bool:
        """conv_in for scale 2 or 4, deconvolutions, and an output convolution as wide as the body."""
        first, last = state.get("srnet.conv_in.0.weight"), state.get("srnet.conv_out.weight")
        return (
            first is not None
            and last is not None
            and first.ndim == last.ndim == 4
            and first.shape[1] in _SCALE_OF_INPUTS
            and last.shape[1] == first.shape[0]
        )

    def load(self, state: StateDict) -> Generator:
        """:raises WeightsError: the tensors do not fit together."""
        first = state["srnet.conv_in.0.weight"]
        spec = GeneratorSpec(
            scale=_SCALE_OF_INPUTS[first.shape[1]],
            blocks=count_blocks(state),
            channels=first.shape[0],
            dialect=Dialect.BD if any(key in state for key in _UPSAMPLER_BUFFERS) else Dialect.BI,
        )
        return build(spec, {key: value for key, value in state.items() if key not in _UPSAMPLER_BUFFERS})


class Egvsr:
    """EGVSR: the output convolution sees channels / scale^2, and the unused ``conv_up`` is still in the file."""

    def detect(self, state: StateDict) -> bool:
        """conv_out narrower than the body by scale^2."""
        first, last = state.get("srnet.conv_in.0.weight"), state.get("srnet.conv_out.weight")
        if first is None or last is None or first.ndim != 4 or last.ndim != 4:
            return False
        scale = _SCALE_OF_INPUTS.get(first.shape[1])
        return scale is not None and last.shape[1] * scale * scale == first.shape[0]

    def load(self, state: StateDict) -> Generator:
        """:raises WeightsError: the tensors do not fit together."""
        first = state["srnet.conv_in.0.weight"]
        spec = GeneratorSpec(
            scale=_SCALE_OF_INPUTS[first.shape[1]],
            blocks=count_blocks(state),
            channels=first.shape[0],
            dialect=Dialect.EGVSR,
        )
        unused = (*_UPSAMPLER_BUFFERS, "srnet.conv_up.")
        return build(spec, {key: value for key, value in state.items() if not key.startswith(unused)})


class RecurrentLayout:
    """RecurrentSR without a card, as trainers keep it."""

    def detect(self, state: StateDict) -> bool:
        """A first and a last convolution about a trunk, with channels that fit a scale and a window."""
        first, last = state.get("conv_in.weight"), state.get("conv_out.weight")
        return first is not None and last is not None and first.ndim == last.ndim == 4 and self._spec(state) is not None

    def load(self, state: StateDict) -> RecurrentSR:
        """:raises WeightsError: the tensors do not fit together."""
        spec = self._spec(state)
        assert spec is not None
        return build(spec, state)

    def _spec(self, state: StateDict) -> RecurrentSpec | None:
        """Read off the shapes, but for what has none: the state is taken to be aligned by flow, as all models' is."""
        first, last = state["conv_in.weight"], state["conv_out.weight"]
        channels = first.shape[0]
        scale = {48: 4, 12: 2}.get(last.shape[0] - channels)
        ahead = {6: 0, 9: 1}.get(first.shape[1] - last.shape[0])
        if scale is None or ahead is None:
            return None
        blocks = {int(key.split(".")[1]) for key in state if re.fullmatch(r"trunk\.\d+\.conv\.0\.weight", key)}
        layers = sum(re.fullmatch(r"trunk\.\d+\.weight", key) is not None for key in state)
        return RecurrentSpec(
            scale=scale, channels=channels, blocks=len(blocks) or layers // 2, residual=bool(blocks), ahead=ahead,
            strength="strength.gain" in state,
        )  # fmt: skip


LAYOUTS: tuple[Layout, ...] = (Egvsr(), TecoGanPyTorch(), RecurrentLayout())


def load_published(state: StateDict) -> Network:
    """Recognise a PyTorch state dict and load it.

    :raises WeightsError: not a generator of a known layout.
    """
    for layout in LAYOUTS:
        if layout.detect(state):
            try:
                return layout.load(state)
            except WeightsError:
                raise
            except ValueError as error:
                raise WeightsError(
                    f"no network of this size is known ({error}); give a generator's state dict"
                ) from error
    if any(key.startswith("discriminator_block.") for key in state):
        raise WeightsError("this is a discriminator; expected the generator's file (G_iter*.pth)")
    keys = ", ".join(sorted(state)[:3]) or "none"
    raise WeightsError(f"not a TecoGAN, FRVSR or EGVSR generator (tensors: {keys}, ...); give a generator's state dict")
