"""Which engine serves a model here: the one place that knows both architectures and devices."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import nn

from ..errors import EngineError
from ..faithful import back_projection
from ..hardware import is_rocm
from ..networks import FluidSR, Generator, RecurrentSR, SourceNetwork
from ..ops import cuda, native
from ..weights import Model
from .base import Engine, NetworkStep
from .cpu.device import NativeDevice
from .cpu.frvsr import NativeFrvsr
from .cpu.recurrent import NativeRecurrent
from .cuda.device import CudaDevice
from .cuda.frvsr import CudaFrvsr
from .cuda.recurrent import CudaRecurrent
from .device import Device
from .recurrent import TorchRecurrent
from .runner import NetworkEngine
from .select import resolve_device, resolve_precision
from .torch import TorchFrvsr

Maker = Callable[[Any, Any, str], NetworkStep]
"""Makes a network's step: network, device, precision."""

STEPS: Mapping[tuple[type[nn.Module], type[Device]], Maker] = {
    (Generator, Device): TorchFrvsr,
    (Generator, NativeDevice): NativeFrvsr,
    (Generator, CudaDevice): CudaFrvsr,
    (RecurrentSR, Device): TorchRecurrent,
    (RecurrentSR, NativeDevice): NativeRecurrent,
    (RecurrentSR, CudaDevice): CudaRecurrent,
}
"""How an architecture runs on a kind of device. Each has a step for :class:`Device`, torch's own operators, which
serves where there is none for a faster kind."""

logger = logging.getLogger(__name__)


def create_engine(
    model: Model,
    *,
    device: str | None = None,
    precision: str = "auto",
    tile: tuple[int, int] | None = None,
    strength: float | None = None,
    faithful: bool = False,
) -> Engine:
    """An engine for ``model``.

    :param device:    see :func:`~vs_tecogan.engine.select.resolve_device`.
    :param precision: "auto", "fp32", "fp16" or "bf16"; see :func:`~vs_tecogan.engine.select.resolve_precision`.
    :param tile:      (height, width) in LR pixels: larger frames are computed in overlapping tiles of this size. None
                      tiles only what would not fit into half of the device's memory.
    :param strength:  from 0, which keeps grain and faults, to 1, which cleans; for a model that takes one. None is 1.
    :param faithful:  bring each output back to its source before the next frame sees it: one step of back-projection.
    :raises EngineError: the device, precision or tile is unknown or not to be had here; or the model takes no strength.
    """
    network = model.network
    if strength is not None:
        if not (isinstance(network, RecurrentSR) and network.spec.strength):
            raise EngineError(f"model {model.card.name!r} takes no strength; leave strength out, or give another model")
        network = network.at_strength(strength)
    place = resolve_device(device)
    kind, _ = resolve_precision(place, precision)
    return make_engine(network, place, kind, tile=tile, faithful=faithful)


def make_engine(
    network: nn.Module, device: str, precision: str, *, tile: tuple[int, int] | None = None, faithful: bool = False
) -> NetworkEngine:
    """The fastest engine for a network on a device, of those that there are.

    :param device:    as :func:`~vs_tecogan.engine.select.resolve_device` returns it.
    :param precision: one that the device has.
    :raises EngineError: a network without a step, or an unusable tile.
    """
    run = partial(run_on, network, precision=precision, tile=tile, faithful=faithful)
    fast = _native_engine(network, run) if device == "cpu" else _cuda_engine(network, device, run)
    return fast or run(Device(device))


def run_on(
    network: nn.Module, device: Device, precision: str, *, tile: tuple[int, int] | None = None, faithful: bool = False
) -> NetworkEngine:
    """The engine that runs a network on this device.

    :raises EngineError: a network without a step there, or an unusable tile.
    """
    if isinstance(network, RecurrentSR) and network.spec.strength:
        network = network.at_strength()
    if isinstance(network, FluidSR):
        raise EngineError("the model enlarges simulated smoke; use tempogan(), or vs-tecogan fluid upscale")
    if isinstance(network, SourceNetwork):
        raise EngineError(
            "the model makes video from nothing, or a part of that; its page says which function takes it"
        )
    maker = STEPS.get((type(network), type(device)))
    if maker is None:
        raise EngineError(
            f"no engine runs a {type(network).__name__} on {device.name}; give a weight file of a generator"
        )
    project = None
    if faithful:
        assert isinstance(network, Generator | RecurrentSR)  # all that has a step
        project = back_projection(network.spec.scale, network.spec.phase)
    return NetworkEngine(maker(network, device, precision), device, precision=precision, tile=tile, project=project)


Run = Callable[[Device], NetworkEngine]
"""Makes the engine on a device."""


def _native_engine(network: nn.Module, run: Run) -> NetworkEngine | None:
    if (type(network), NativeDevice) not in STEPS:
        return None
    reason = native.missing()
    if reason is None:
        return run(NativeDevice())
    logger.warning("tecogan: %s", reason)
    return None


def _cuda_engine(network: nn.Module, device: str, run: Run) -> NetworkEngine | None:
    if (type(network), CudaDevice) not in STEPS or not device.startswith("cuda") or is_rocm():
        return None
    reason = cuda.missing()
    if cuda.available():
        try:
            return run(CudaDevice(device))
        except EngineError:
            raise
        except Exception as error:  # CuPy's own hierarchy of errors: a wrong CUDA version must not stop the filter
            reason = " ".join(f"{type(error).__name__}: {error}".split())
    logger.warning("tecogan: CUDA kernels are not usable, torch's operators run instead, slower: %s", reason)
    return None
