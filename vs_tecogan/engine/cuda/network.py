"""The generator's two networks as the CUDA engine runs them: bare convolutions, and what follows each in one kernel.

Eager torch runs bias, residual sum and activation as passes of their own over every feature map, which cost more than
half as much as the convolutions. Here ReLU and bias ride on the convolution where cuDNN offers that, and are one pass
elsewhere. Nothing waits for the host or decides by values, so that all of it can be captured in a graph.
"""

import logging

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...networks import Dialect, Generator
from ...networks.fnet import MAX_FLOW
from ...networks.srnet import ResidualBlock
from ...ops.bias_act import bias_act
from ...ops.cuda import Kernels
from ...ops.double_size import double_size
from ...ops.flow_head import flow_head
from ..frvsr import FNET_GRIDS
from .bands import in_bands

TAIL_BYTES = 256 << 20
"""Aim for the largest tensor at the output's size."""
TAIL_HALO = 1
"""LR rows around a band that its output rows depend on: deconvolutions and the last convolution together reach one."""
LEAK = 0.2
RELU, LINEAR = 0.0, 1.0
PROBED = ((16, 16), (270, 480))
"""Sizes at which cuDNN's fused convolution is tried: it chooses another algorithm for large frames."""

logger = logging.getLogger(__name__)


class BareConv:
    """A convolution or transposed convolution whose bias and activation are applied by others.

    cuDNN picks its algorithm by its heuristics, never by timing, and among those that always give the same bits;
    float32 stays float32 (no TF32). These choices are arguments of the call, so that torch's global flags stay as the
    user has them. Channels are padded with zeros to multiples of eight, which tensor cores want.

    :param module: its weights are copied.
    :param fused:  use cuDNN's fused convolution, bias and ReLU; see :func:`fused_relu_works`.
    """

    def __init__(self, module: nn.Module, kernels: Kernels, dtype: torch.dtype, *, fused: bool = False) -> None:
        assert isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None
        self.outputs, self.dtype = module.out_channels, dtype
        weight, bias = _pad(module.weight.detach(), 0, 1), _pad(module.bias.detach(), 0)
        self.bias = bias.to(kernels.device, torch.float32, copy=True)
        self._inputs = weight.shape[int(isinstance(module, nn.Conv2d))]
        self._weight = weight.to(kernels.device, dtype, copy=True).contiguous(memory_format=torch.channels_last)
        self._narrow_bias = self.bias.to(dtype)
        self._kernels = kernels
        self._fused = fused and self._weight.shape[0] == self._weight.shape[1]
        transposed = isinstance(module, nn.ConvTranspose2d)
        self._padding = [int(side) for side in module.padding]
        stride, dilation = list(module.stride), list(module.dilation)
        extra = [int(side) for side in module.output_padding]
        choices = (False, True, True, False)  # benchmark, deterministic, cuDNN, TF32
        self._how = (stride, self._padding, dilation, transposed, extra, module.groups, *choices)

    def bare(self, features: Tensor) -> Tensor:
        """The convolution without its bias, channels_last, with padded channels."""
        if features.shape[1] < self._inputs:
            features = F.pad(features, (0, 0, 0, 0, 0, self._inputs - features.shape[1]))
            features = features.contiguous(memory_format=torch.channels_last)
        result: Tensor = torch.ops.aten._convolution.default(features, self._weight, None, *self._how)
        return result.contiguous(memory_format=torch.channels_last)

    def __call__(self, features: Tensor, slope: float, residual: Tensor | None = None) -> Tensor:
        """Convolution, bias and ``residual``, negative results times ``slope``."""
        if self._fused and slope == RELU and residual is None and not torch.backends.cudnn.benchmark:
            return fused_relu(features, self._weight, self._narrow_bias, self._padding)
        return bias_act(self.bare(features), self.bias, slope=slope, residual=residual, impl=self._kernels)


def padded(channels: int) -> int:
    """The next multiple of eight."""
    return -(-channels // 8) * 8


def _pad(values: Tensor, *axes: int) -> Tensor:
    """Zeros appended along ``axes`` up to a multiple of eight."""
    for axis in axes:
        shape = list(values.shape)
        shape[axis] = padded(shape[axis]) - shape[axis]
        values = torch.cat((values, values.new_zeros(shape)), dim=axis)
    return values


def fused_relu(features: Tensor, weight: Tensor, bias: Tensor, padding: list[int]) -> Tensor:
    """cuDNN's convolution, bias and ReLU in one, for as many outputs as inputs at the same size.

    cuDNN adds a multiple of another tensor. The multiple is 0, but zero times NaN is NaN: torch's plainer call gives it
    the memory of the result, whatever was left there. Here it is the input, which is finite.
    """
    one = [1, 1]
    return torch.cudnn_convolution_add_relu(features, weight, features, 0.0, bias, one, padding, one, 1)


def fused_relu_works(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether cuDNN's fused convolution, bias and ReLU is to be had and gives what its parts give, twice the same bits.

    Half precision only: in float32 it would follow torch's global choice about TF32.
    """
    if device.type != "cuda" or dtype == torch.float32:
        return False
    return all(gives_what_its_parts_give(device, dtype, size) for size in PROBED)


def gives_what_its_parts_give(device: torch.device, dtype: torch.dtype, size: tuple[int, int]) -> bool:
    """:func:`fused_relu` of 64 channels against torch on the CPU, in memory that held NaN before."""
    generator = torch.Generator().manual_seed(0)
    features, weight = (torch.randn(shape, generator=generator) for shape in ((1, 64, *size), (64, 64, 3, 3)))
    bias = torch.randn(64, generator=generator)
    expected = F.relu(F.conv2d(features, weight / 24, bias, padding=1))
    try:
        narrow, kernel = (x.to(device, dtype, memory_format=torch.channels_last) for x in (features, weight / 24))
        shift = bias.to(device, dtype)
        torch.full_like(narrow, torch.nan)  # freed at once, so that the result takes its place
        result = fused_relu(narrow, kernel, shift, [1, 1])
        works = bool((result.float().cpu() - expected).abs().max() < 0.1)  # not where it holds a NaN
        works &= result.is_contiguous(memory_format=torch.channels_last)
        works &= torch.equal(result, fused_relu(narrow, kernel, shift, [1, 1]))
    except (RuntimeError, AttributeError) as error:
        logger.debug("tecogan: no fused ReLU: %s", error)
        return False
    return works


class FlowNetwork:
    """FNet, prepared: see :class:`vs_tecogan.networks.FNet`."""

    def __init__(self, generator: Generator, kernels: Kernels, dtype: torch.dtype) -> None:
        net, dialect = generator.fnet, generator.spec.dialect
        self._kernels = kernels
        self._grid = FNET_GRIDS[dialect]
        self._repeat_edge = dialect is Dialect.TF
        self._encoders, self._decoders = (
            [[BareConv(part[k], kernels, dtype) for k in (0, 2)] for part in parts]
            for parts in ((net.encoder1, net.encoder2, net.encoder3), (net.decoder1, net.decoder2, net.decoder3))
        )
        self._hidden, self._head = (BareConv(net.flow[k], kernels, dtype) for k in (0, 2))

    def __call__(self, pair: Tensor, flow: Tensor) -> None:
        """Estimate the flow.

        :param pair: current and previous frame, (1, 6 and two of zeros, H, W) channels_last, H and W at least 8.
        :param flow: (1, 2, H', W') float32, overwritten; cropped where smaller, continued by mirroring where larger.
        """
        features = pair
        for first, second in self._encoders:
            # the largest of four, then bias and leaky ReLU: these never fall, so the order changes the cost alone
            pooled = F.max_pool2d(second.bare(first(features, LEAK)), 2).contiguous(memory_format=torch.channels_last)
            features = bias_act(pooled, second.bias, slope=LEAK, impl=self._kernels)
        for first, second in self._decoders:
            decoded = second.bare(first(features, LEAK))
            features = double_size(decoded, second.bias, slope=LEAK, grid=self._grid, impl=self._kernels)
        head = self._head.bare(self._hidden(features, LEAK))[:, :2].contiguous(memory_format=torch.channels_last)
        flow_head(head, self._head.bias[:2], flow, repeat_edge=self._repeat_edge, limit=MAX_FLOW, impl=self._kernels)


class ResidualNetwork:
    """SRNet without its skip, prepared: see :class:`vs_tecogan.networks.srnet.SRNet`."""

    def __init__(self, generator: Generator, kernels: Kernels, dtype: torch.dtype) -> None:
        net, spec = generator.srnet, generator.spec
        self._scale, self._channels, self._dialect = spec.scale, spec.channels, spec.dialect
        fused = fused_relu_works(kernels.device, dtype)
        self._conv_in = BareConv(net.conv_in[0], kernels, dtype, fused=fused)
        self._blocks = []
        for block in net.resblocks:
            assert isinstance(block, ResidualBlock)
            self._blocks.append([BareConv(block.conv[k], kernels, dtype, fused=fused) for k in (0, 2)])
        deconvs = [] if spec.dialect is Dialect.EGVSR else [m for m in net.conv_up if isinstance(m, nn.ConvTranspose2d)]
        self._deconvs = [BareConv(module, kernels, dtype) for module in deconvs]
        self._conv_out = BareConv(net.conv_out, kernels, dtype)

    @property
    def bias(self) -> Tensor:
        """(3,) float32: still to be added to the result."""
        return self._conv_out.bias[:3]

    def __call__(self, inputs: Tensor, residual: Tensor) -> None:
        """Compute the residual image.

        :param inputs:   (1, 3 + 3 s^2, H, W) channels_last, its channels padded by zeros to a multiple of eight.
        :param residual: (1, 3, sH, sW) channels_last, overwritten; lacks :attr:`bias`.
        """
        features = self._conv_in(inputs, RELU)
        for first, second in self._blocks:
            features = second(first(features, RELU), LINEAR, features)
        features = features[:, : self._channels]
        _, channels, _, width = features.shape
        rows = max(TAIL_BYTES // (channels * features.element_size() * self._scale**2 * width), 8)
        in_bands(self._enlarge, features, residual, rows=rows, halo=TAIL_HALO, scale=self._scale)

    def _enlarge(self, features: Tensor) -> Tensor:
        """A band of features (1, C, h, w) -> (1, 3, sh, sw)."""
        if self._dialect is Dialect.EGVSR:
            features = F.relu(F.pixel_shuffle(features, self._scale)).contiguous(memory_format=torch.channels_last)
        for deconv in self._deconvs:
            features = deconv(features, RELU)
            if self._dialect is Dialect.TF:  # its SAME keeps rows and columns 0..2H-1 of the full convolution
                features = features[..., :-1, :-1].contiguous(memory_format=torch.channels_last)
        return self._conv_out.bare(features)[:, :3]
