"""RecurrentSR: a recurrent network that carries features from frame to frame, with one frame of look-ahead.

The state is what the network kept of the past: a map of features and the last output, folded to the size of the input
(space-to-depth). No convolution runs at the size of the output: the last one makes all of a cell's pixels as channels.
Sources: RLSP (Fuoli et al. 2019) for state, feedback and look-ahead; RRN (Isobe et al. 2020) for residual blocks; FRVSR
(Sajjadi et al. 2018) for warping what is fed back. The flow has no weights: :mod:`vs_tecogan.ops.pyramid`.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..ops import backward_warp, depth_to_space, pyramid_flow, space_to_depth, upsample_bicubic
from ..ops.native import Impl
from ..ops.resample import upsample_by_products
from .spec import check_size
from .srnet import ResidualBlock
from .strength import FULL, StrengthCondition


class Alignment(StrEnum):
    """How the state is brought to the current frame."""

    NONE = "none"
    """Not at all: convolutions have to find what moved."""
    FLOW = "flow"
    """State and other frames are warped by flow that is found without weights."""


@dataclass(frozen=True, kw_only=True)
class RecurrentSpec:
    """Everything that the shape of the network depends on; read off the weights, never asked of a user."""

    scale: int = 4
    """Spatial factor: 2 or 4."""
    channels: int = 64
    """Feature channels, in the trunk and in the state."""
    blocks: int = 5
    """Pairs of convolutions in the trunk."""
    residual: bool = True
    """Whether each pair is a residual block; else all convolutions follow each other."""
    ahead: int = 1
    """Frames of look-ahead: 0 or 1."""
    alignment: Alignment = Alignment.FLOW
    """How the state is brought to the current frame."""
    flow_rounds: int = 2
    """Rounds of refinement of the flow on the frame itself."""
    strength: bool = False
    """Whether the network takes a strength: 0 keeps grain and faults, 1 cleans."""

    def __post_init__(self) -> None:
        if self.scale not in (2, 4):
            raise ValueError(f"scale {self.scale} is not supported; expected 2 or 4")
        check_size(blocks=self.blocks, channels=self.channels, flow_rounds=self.flow_rounds)
        if self.ahead not in (0, 1):
            raise ValueError(f"ahead {self.ahead} is not supported; expected 0 or 1")
        if self.strength and not self.residual:
            raise ValueError("strength without residual blocks is not supported")

    @property
    def phase(self) -> str:
        """Where LR pixel i sits on the HR grid: on pixel scale * i."""
        return "corner"

    @property
    def window(self) -> int:
        """Frames that a step looks at: the previous one, the current one, those ahead."""
        return 2 + self.ahead

    @property
    def folded(self) -> int:
        """Channels of an output folded to the size of the input."""
        return 3 * self.scale**2

    @property
    def state_channels(self) -> int:
        """Channels of the state: features, then the last output folded."""
        return self.channels + self.folded

    @property
    def kilo_macs(self) -> float:
        """Thousands of multiplications for each LR pixel, convolutions alone."""
        inputs, outputs = 3 * self.window + self.state_channels, self.state_channels
        return 9 * self.channels * (inputs + 2 * self.blocks * self.channels + outputs) / 1000


class RecurrentSR(nn.Module):
    """One step: frames about the current one and the state in; the current frame enlarged and the next state out.

    Images are in [0, 1]. Neither the output nor the state is ever clamped. The same network runs on tiles and whole
    frames of any size.

    :param impl: who computes flow and warps; see :data:`~vs_tecogan.ops.native.Impl`.
    """

    def __init__(self, spec: RecurrentSpec | None = None, *, impl: Impl = "auto") -> None:
        super().__init__()
        self.spec = spec or RecurrentSpec()
        self.impl: Impl = impl
        width = self.spec.channels
        self.conv_in = nn.Conv2d(3 * self.spec.window + self.spec.state_channels, width, 3, padding=1)
        if self.spec.residual:
            self.trunk = nn.Sequential(*(ResidualBlock(width) for _ in range(self.spec.blocks)))
        else:
            layers: list[nn.Module] = []
            for _ in range(2 * self.spec.blocks):
                layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True)]
            self.trunk = nn.Sequential(*layers)
        self.conv_out = nn.Conv2d(width, self.spec.folded + width, 3, padding=1)
        if self.spec.strength:
            self.strength = StrengthCondition(self.spec.blocks, width)
        initialise(self)

    def initial_state(self, n: int, height: int, width: int) -> Tensor:
        """State before the first frame of a chain: zeros (n, state_channels, height, width) float32."""
        shape = (n, self.spec.state_channels, height, width)
        return torch.zeros(shape, dtype=torch.float32, device=self.conv_in.weight.device)

    def forward(
        self, frames: Tensor, state: Tensor, flow: Tensor | None = None, strength: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Enlarge one frame.

        :param frames: (N, 3 * window, H, W) in [0, 1]: the previous frame, the current one, the next one. At the ends
            of a chain the current frame stands for the missing one.
        :param state:  (N, state_channels, H, W): of the previous frame's step, or :meth:`initial_state`.
        :param flow:   of :meth:`flow`, where the caller has it already. Not used without alignment.
        :param strength: (N,) from 0 to 1, for a network that takes one; None is :data:`~.strength.FULL`.
        :return:       picture (N, 3, scale * H, scale * W) float32, unclamped, and the next state, float32.
        """
        if self.spec.alignment is Alignment.FLOW:
            flow = self.flow(frames) if flow is None else flow
            frames, state = self.align(frames, flow), self.move(state, flow[:, :2])
        return self.advance(frames, state, strength)

    def advance(self, frames: Tensor, state: Tensor, strength: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As :meth:`forward`, of frames and a state that show what the current frame shows, at the same places."""
        inputs = torch.cat((frames, state), dim=1).to(self.conv_in.weight.dtype)
        outputs = self.reconstruct(inputs, strength).float()
        folded = self.spec.folded
        picture = depth_to_space(outputs[:, :folded], self.spec.scale) + self.enlarge(frames[:, 3:6].float())
        return picture, torch.cat((F.relu(outputs[:, folded:]), space_to_depth(picture, self.spec.scale)), dim=1)

    def flow(self, frames: Tensor) -> Tensor:
        """Where the other frames of a window show what the current one shows.

        :return: (N, 2 * (window - 1), H, W) float32, LR pixels: towards the previous frame, then towards the next.
        """
        others = [frames[:, :3]] + ([frames[:, 6:]] if self.spec.ahead else [])
        return torch.cat([self.estimate_flow(other, frames[:, 3:6]) for other in others], dim=1)

    def estimate_flow(self, other: Tensor, current: Tensor) -> Tensor:
        """Flow (N, 2, H, W) float32, LR pixels, from the current frame to another one; no gradient."""
        return pyramid_flow(other, current, self.spec.flow_rounds, impl=self.impl)

    def upsample_flow(self, flow: Tensor) -> Tensor:
        """Flow at the output's size: (N, 2, H, W) LR pixels -> (N, 2, scale * H, scale * W) HR pixels."""
        return self.enlarge(flow * self.spec.scale)

    def align(self, frames: Tensor, flow: Tensor) -> Tensor:
        """The window with its other frames moved by :meth:`flow`."""
        window = [self.warp(frames[:, :3], flow[:, :2]), frames[:, 3:6]]
        if self.spec.ahead:
            window.append(self.warp(frames[:, 6:], flow[:, 2:]))
        return torch.cat(window, dim=1)

    def move(self, state: Tensor, flow: Tensor) -> Tensor:
        """The state moved by the flow (N, 2, H, W) towards the previous frame.

        The features move at their own size; the last output moves at its full size, so that its detail survives.
        """
        width, scale = self.spec.channels, self.spec.scale
        picture = self.warp(depth_to_space(state[:, width:], scale), self.upsample_flow(flow))
        return torch.cat((self.warp(state[:, :width], flow), space_to_depth(picture, scale)), dim=1)

    def warp(self, image: Tensor, flow: Tensor) -> Tensor:
        """See :func:`~vs_tecogan.ops.warp.backward_warp`."""
        return backward_warp(image, flow, impl=self.impl)

    def enlarge(self, image: Tensor) -> Tensor:
        """Bicubic on the grid of BD: (N, C, H, W) -> (N, C, scale * H, scale * W)."""
        if self.training:
            return upsample_by_products(image, self.spec.scale, upsample_bicubic)
        return upsample_bicubic(image, self.spec.scale)

    def reconstruct(self, inputs: Tensor, strength: Tensor | None = None) -> Tensor:
        """Frames and state together -> the picture's residual, folded, and the next features before their ReLU."""
        features = self.conv_in(inputs)
        if not self.spec.strength:
            return self._last(self.trunk(F.relu(features)))
        given = features.new_full((len(inputs),), FULL) if strength is None else strength
        features = F.relu(self.strength(features, 0, given))
        for place, block in enumerate(self.trunk, 1):
            # What the block adds is the branch: a fast block computes both together.
            features = features + self.strength(block(features) - features, place, given)
        return self._last(features)

    def _last(self, features: Tensor) -> Tensor:
        outputs: Tensor = self.conv_out(features)
        return outputs

    def at_strength(self, strength: float = FULL) -> "RecurrentSR":
        """The network without the choice: a plain one with the weights of this strength, in eval mode.

        :param strength: 0 to 1.
        :raises ValueError: this network takes none.
        """
        if not self.spec.strength:
            raise ValueError("the network takes no strength")
        plain = RecurrentSR(replace(self.spec, strength=False), impl=self.impl).to(self.conv_in.weight.dtype)
        plain.load_state_dict({k: v for k, v in self.state_dict().items() if not k.startswith("strength.")})
        self.strength.fold(plain.conv_in, 0, strength)
        for place, block in enumerate(plain.trunk, 1):
            assert isinstance(block, ResidualBlock)
            last = block.conv[2]
            assert isinstance(last, nn.Conv2d)
            self.strength.fold(last, place, strength)
        return plain.eval().requires_grad_(False)


def initialise(network: RecurrentSR) -> None:
    """He weights; a residual block begins near the identity and the picture near the skip, without a grid.

    All pixels of a cell begin with one kernel (ICNR, Aitken et al. 2017), so no pattern of the cell's size is there to
    be unlearnt.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, ResidualBlock):
                last = module.conv[2]
                assert isinstance(last, nn.Conv2d)
                last.weight.mul_(0.1)
        folded = network.spec.folded
        picture = network.conv_out.weight[:folded]
        # Folded channels are (pixel of the cell, colour): see space_to_depth.
        picture.copy_(0.1 * picture[:3].repeat(folded // 3, 1, 1, 1))
        network.conv_out.weight[folded:].mul_(0.5)
