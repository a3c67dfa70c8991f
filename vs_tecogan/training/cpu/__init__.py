"""Faster layers with gradients, for training on the CPU."""

from .convolution import accelerate_features, accelerate_fluid, accelerate_recurrent
from .deconvolution import accelerate

__all__ = ["accelerate", "accelerate_features", "accelerate_fluid", "accelerate_recurrent"]
