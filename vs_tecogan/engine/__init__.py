"""Engines: one step of the recurrence, per device."""

from ..weights import Model
from .base import Engine, Plane, State
from .select import EngineError, resolve_device, resolve_precision

__all__ = ["Engine", "EngineError", "Plane", "State", "create_engine", "resolve_device", "resolve_precision"]


def create_engine(model: Model, *, device: str | None = None, precision: str = "auto") -> Engine:
    """An engine for ``model``.

    :param device:    None (CUDA where there is one, else the CPU), "cpu", "cuda" or "cuda:N".
    :param precision: "auto", "fp32", "fp16" or "bf16"; see :func:`resolve_precision`.
    :raises EngineError: the device or precision is unknown or not to be had here.
    """
    from ..ops import native

    place = resolve_device(device)
    kind, _ = resolve_precision(place, precision)
    if place == "cpu" and native.available():
        from .native_cpu import NativeEngine

        return NativeEngine(model.generator, precision=kind)
    from .cpu import TorchEngine

    return TorchEngine(model.generator, device=place, precision=kind)
