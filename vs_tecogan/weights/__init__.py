"""Weights: find, verify, open and write them."""

from ..errors import WeightsError
from .card import ModelCard
from .interpolation import interpolate
from .opened import Opened, as_model, open_model
from .store import (
    DEFAULT_MODEL,
    REAL_MODEL,
    Model,
    find_model,
    load_model,
    models_folder,
    save_model,
    shipped_models,
    shipped_use,
)
from .tensorflow import generator_from_tensorflow

__all__ = [
    "DEFAULT_MODEL",
    "REAL_MODEL",
    "Model",
    "ModelCard",
    "Opened",
    "WeightsError",
    "as_model",
    "find_model",
    "generator_from_tensorflow",
    "interpolate",
    "load_model",
    "models_folder",
    "open_model",
    "save_model",
    "shipped_models",
    "shipped_use",
]
