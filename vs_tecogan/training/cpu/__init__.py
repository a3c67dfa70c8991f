"""Faster layers with gradients, for training on the CPU."""

from .deconvolution import accelerate

__all__ = ["accelerate"]
