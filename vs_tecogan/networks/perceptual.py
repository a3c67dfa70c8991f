"""Frozen classifiers whose features judge similarity: VGG19 as published; VGG16 or SqueezeNet 1.1 where it is missing.

Neither is calibrated: a number computed with these is a perceptual *distance of that network*, never "LPIPS".
"""

import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from ..errors import WeightsError
from ..reasons import reason


class FeatureNet(nn.Module):
    """Base: a frozen network, the name it is to be reported under, and the features of RGB images in [0, 1]."""

    label: str
    mean: Tensor
    deviation: Tensor
    early = 0
    """Of :meth:`layers`, how many come before those that are compared."""

    def layers(self, images: Tensor) -> list[Tensor]:
        """(N, 3, H, W) in [0, 1] -> features of the layers that a discriminator sees, finest first."""
        return [images]

    def features(self, images: Tensor) -> list[Tensor]:
        """(N, 3, H, W) in [0, 1] -> features of the layers that are compared."""
        return self.layers(images)[self.early :]

    def freeze(self) -> "FeatureNet":
        """Evaluation mode without parameter gradients; gradients to the images still flow."""
        return self.eval().requires_grad_(False)


class VGG(FeatureNet):
    """Base of torchvision's VGG trunks: 3x3 convolutions with ReLU, and pooling between groups of one width.

    :param state: torchvision's state dict, of any float type; keys ``features.<index>.weight`` and ``.bias``, others
        are passed over.
    :raises WeightsError: it is another network's.
    """

    early = 1
    TAPS: tuple[int, ...]
    """Indices into ``features``: the last ReLU of each group. That of the first is not compared."""
    _WIDTHS: tuple[int, ...]
    """Of the convolutions; 0 is pooling."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in self._WIDTHS:
            if not width:
                layers.append(nn.MaxPool2d(2))
                continue
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        self.trunk = nn.Sequential(*layers)
        trunk = {key.removeprefix("features."): value for key, value in state.items() if key.startswith("features.")}
        try:
            self.trunk.load_state_dict({key: trunk[key] for key in self.trunk.state_dict()})
        except (KeyError, RuntimeError) as error:
            raise WeightsError(f"not torchvision's {self.label.upper()} weights: {reason(error)}") from error
        # As buffers they follow the module to its device.
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)

    def layers(self, images: Tensor) -> list[Tensor]:
        """Normalised as torchvision's classifiers expect."""
        values = (images - self.mean) / self.deviation
        taken = []
        for index, layer in enumerate(self.trunk):
            values = layer(values)
            if index in self.TAPS:
                taken.append(values)
        return taken


class VGG19(VGG):
    """torchvision's VGG19 trunk up to relu5_4; compares relu2_2, 3_4, 4_4 and 5_4 (as TecoGAN-PyTorch: 8 to 35)."""

    label = "vgg19"
    TAPS = (3, 8, 17, 26, 35)
    _WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512)


class VGG16(VGG):
    """torchvision's VGG16 trunk up to relu5_3; compares relu2_2, 3_3, 4_3 and 5_3, the same places as in VGG19."""

    label = "vgg16"
    TAPS = (3, 8, 15, 22, 29)
    _WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512)


class Fire(nn.Module):
    """SqueezeNet's module: 1x1 squeeze, then 1x1 and 3x3 expansions side by side."""

    def __init__(self, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze1x1 = nn.Conv2d(inputs, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, 2 * expand, H, W)."""
        squeezed = F.relu(self.squeeze1x1(images))
        return torch.cat((F.relu(self.expand1x1(squeezed)), F.relu(self.expand3x3(squeezed))), dim=1)


class SqueezeNet(FeatureNet):
    """SqueezeNet 1.1 from a Keras ``notop`` file; compares conv1 and the fires before each pooling and the last.

    Unpadded stride-2 conv1 and unpadded pooling, as in Keras. The network was trained on Caffe-style input: BGR, 0 to
    255, less the ImageNet mean.

    :param state: arrays by Keras layer name (``conv1``, ``fire2/squeeze1x1`` ...), (kernel HWIO, bias).
    """

    label = "squeezenet1.1"
    _FIRES = ((64, 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128), (256, 48, 192), (384, 48, 192),
              (384, 64, 256), (512, 64, 256))  # fmt: skip

    def __init__(self, state: dict[str, tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2)
        self.fires = nn.ModuleDict({f"fire{k}": Fire(*sizes) for k, sizes in enumerate(self._FIRES, 2)})
        for name, module in self.named_modules():
            if not isinstance(module, nn.Conv2d):
                continue
            key = name.removeprefix("fires.").replace(".", "/")
            if key not in state:
                raise WeightsError(f"not a SqueezeNet 1.1 file: layer {key} is missing")
            kernel, bias = state[key]
            kernel = kernel.permute(3, 2, 0, 1)
            if kernel.shape != module.weight.shape:
                raise WeightsError(
                    f"layer {key}: kernel {tuple(kernel.shape)}, SqueezeNet 1.1 has {tuple(module.weight.shape)}"
                )
            module.weight.data.copy_(kernel)
            module.bias.data.copy_(bias)  # type: ignore[union-attr]
        self.register_buffer("mean", torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1), persistent=False)

    def layers(self, images: Tensor) -> list[Tensor]:
        """Four layers: conv1 (64), fire3 (128), fire5 (256), fire9 (512)."""
        values = F.relu(self.conv1((images * 255 - self.mean).flip(1)))
        taken = [values]
        for name, fire in self.fires.items():
            if name in ("fire2", "fire4", "fire6"):
                values = F.max_pool2d(values, 3, 2)
            values = fire(values)
            if name in ("fire3", "fire5", "fire9"):
                taken.append(values)
        return taken


def load_vgg(path: str | os.PathLike[str]) -> VGG:
    """VGG19 or VGG16, whichever it is, from a torchvision weight file; ``.safetensors``, or all else by torch.

    :raises WeightsError: the file is something else.
    """
    expected = "expected torchvision's VGG19 or VGG16 state dict"
    try:
        if Path(path).suffix.lower() == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch reports damaged archives by many types
        raise WeightsError(f"{path}: no weight file that can be read; {expected}") from error
    if not isinstance(state, dict) or "features.0.weight" not in state:
        raise WeightsError(f"{path}: holds another {type(state).__name__}; {expected}")
    # The 16th convolution is what VGG16 lacks.
    return (VGG19 if "features.34.weight" in state else VGG16)(state)


def load_vgg19() -> VGG19:
    """VGG19 with the weights that torchvision downloads or has cached.

    :raises WeightsError: torchvision or its weights cannot be had.
    """
    try:
        from torchvision.models import VGG19_Weights
    except ImportError:
        raise WeightsError("torchvision is not installed and no weight file was given") from None
    try:
        # torch.hub prints "Downloading: ..." on stdout, which belongs to the results of commands.
        with redirect_stdout(sys.stderr):
            return VGG19(dict(VGG19_Weights.IMAGENET1K_V1.get_state_dict(progress=False)))
    except (OSError, RuntimeError) as error:  # a hash that does not match is the latter
        raise WeightsError(f"torchvision cannot download its VGG19 weights ({error})") from error


def load_squeezenet(path: str | os.PathLike[str]) -> SqueezeNet:
    """SqueezeNet 1.1 from a Keras HDF5 file.

    :raises WeightsError: h5py is missing, or the file is something else.
    """
    try:
        import h5py
    except ImportError:
        raise WeightsError("reading a Keras file needs h5py; 'pip install h5py'") from None
    arrays: dict[str, dict[str, Tensor]] = {}

    def collect(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            parts = name.split("/")
            # <layer>/<layer>_<copy>/<kind>:0, the layer's own name holding a slash for fires.
            layer = "/".join(parts[:2]) if parts[0].startswith("fire") else parts[0]
            arrays.setdefault(layer, {})[parts[-1].split(":")[0]] = torch.from_numpy(np.asarray(item, np.float32))

    try:
        with h5py.File(path) as file:
            file.visititems(collect)
    except OSError as error:
        raise WeightsError(f"{path}: not an HDF5 file ({error})") from error
    whole = {key: (v["kernel"], v["bias"]) for key, v in arrays.items() if v.keys() >= {"kernel", "bias"}}
    return SqueezeNet(whole)


def load_feature_net(path: str | os.PathLike[str] | None) -> FeatureNet:
    """The network that a weight file belongs to: ``.h5`` is SqueezeNet 1.1, everything else VGG19 or VGG16.

    :param path: ``None`` asks torchvision for VGG19.
    :raises WeightsError: none can be had.
    """
    if path is not None and Path(path).suffix.lower() in (".h5", ".hdf5"):
        return load_squeezenet(path).freeze()
    return (load_vgg19() if path is None else load_vgg(path)).freeze()
