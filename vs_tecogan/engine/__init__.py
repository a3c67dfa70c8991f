"""Engines: one step of the recurrence, per device."""

import logging

from ..errors import EngineError
from ..weights import Model
from .base import Engine, FlowEngine, Plane, State
from .select import resolve_device, resolve_precision

__all__ = ["Engine", "EngineError", "Plane", "State", "create_engine", "resolve_device", "resolve_precision"]

logger = logging.getLogger(__name__)


def create_engine(
    model: Model, *, device: str | None = None, precision: str = "auto", tile: tuple[int, int] | None = None
) -> Engine:
    """An engine for ``model``.

    :param device:    None (CUDA where there is one, else the CPU), "cpu", "cuda" or "cuda:N".
    :param precision: "auto", "fp32", "fp16" or "bf16"; see :func:`resolve_precision`.
    :param tile:      (height, width) in LR pixels: larger frames are computed in overlapping tiles of this size. None
                      tiles only what would not fit into half of the device's memory.
    :raises EngineError: the device, precision or tile is unknown or not to be had here.
    """
    from .tiles import TiledEngine

    place = resolve_device(device)
    kind, _ = resolve_precision(place, precision)
    engine = _cpu_engine(model, kind) if place == "cpu" else _cuda_engine(model, place, kind)
    try:
        return TiledEngine(engine, tile)
    except (TypeError, ValueError) as error:
        raise EngineError(str(error)) from None


def _cpu_engine(model: Model, precision: str) -> FlowEngine:
    from ..ops import native

    if native.available():
        from .native_cpu import NativeEngine

        return NativeEngine(model.generator, precision=precision)
    from .cpu import TorchEngine

    return TorchEngine(model.generator, device="cpu", precision=precision)


def _cuda_engine(model: Model, device: str, precision: str) -> FlowEngine:
    from ..ops import cuda

    reason = cuda.missing()
    if cuda.available():
        from .cuda import CudaEngine

        try:
            return CudaEngine(model.generator, device=device, precision=precision)
        except Exception as error:  # CuPy's own hierarchy of errors: a wrong CUDA version must not stop the filter
            reason = " ".join(f"{type(error).__name__}: {error}".split())
    logger.warning("tecogan: CUDA kernels are not usable, torch's operators run instead, slower: %s", reason)
    from .cpu import TorchEngine

    return TorchEngine(model.generator, device=device, precision=precision)
