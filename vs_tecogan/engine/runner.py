"""The engine: a network's step on a device, whole or in tiles. See :class:`~vs_tecogan.engine.base.Engine`."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from ..colour.coding import PLAIN, Coding, Samples
from ..ops.downsample import BackProjection
from .base import Memory, NetworkStep, Picture, State, Wait
from .device import Device
from .tiles import Tiling


class NetworkEngine:
    """Runs a network frame by frame. Call it from one thread at a time; waits may be called on any.

    A frame that is tiled is looked at whole by the network's ``guide``; its tiles have memories of their own, and their
    outputs are blended by weights that sum to one.

    :param network: prepared for the device; :param device: where it runs.
    :param tile:    (height, width) of a tile in LR pixels; None takes the largest that ``memory`` allows.
    :param memory:  bytes that a step may take; None is half of the device's whole memory, so that the choice is the
                    same in every run on one machine.
    :param project: brings each output back to its source before the next frame sees it; None leaves it.
    :raises EngineError: tiles that are too small.
    """

    def __init__(
        self,
        network: NetworkStep,
        device: Device,
        *,
        precision: str,
        tile: tuple[int, int] | None = None,
        memory: int | None = None,
        project: BackProjection | None = None,
    ) -> None:
        self.scale, self.device, self.precision = network.scale, device.name, precision
        self.reads_coded, self.writes_coded = device.reads_coded, device.writes_coded
        self.tiling = Tiling(network, device.name, tile, memory)
        self.ahead = network.ahead
        self._network = network
        self._home = device
        self._project = project

    def zero_state(self, height: int, width: int) -> State:
        """See :class:`~vs_tecogan.engine.base.Engine`; the size does not matter here."""
        return State(None, ())

    @torch.inference_mode()
    def step(
        self,
        state: State,
        planes: Sequence[Samples],
        coding: Coding = PLAIN,
        *,
        clamp: bool = False,
        following: Picture | None = None,
    ) -> State:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        task = partial(self._step, state, planes, coding, clamp, following)
        return self._home.attempt(task, self._network.release, *planes[0].shape)

    @torch.inference_mode()
    def begin_read(self, state: State, planes: Sequence[Samples], coding: Coding = PLAIN) -> Wait:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        if state.lr is None:
            raise ValueError("a zero state has no output; step it first")
        images = [memory[0] for memory in state.memories]
        join = self.tiling.join(*state.lr.shape[2:]) if len(images) > 1 else None
        return self._home.store(images, join, state.ready, planes, coding)

    def read(self, state: State, planes: Sequence[Samples], coding: Coding = PLAIN) -> None:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        self.begin_read(state, planes, coding)()

    def nbytes(self, state: State) -> int:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        frame = 0 if state.lr is None else state.lr.nbytes
        return frame + sum(tensor.nbytes for memory in state.memories for tensor in memory)

    def _step(
        self, state: State, planes: Sequence[Samples], coding: Coding, clamp: bool, following: Picture | None
    ) -> State:
        home, network = self._home, self._network
        home.pace()
        lr = home.load(planes, coding, clamp=clamp)
        later = home.load(*following, clamp=clamp) if following is not None and self.ahead else None
        guide = network.guide(state.lr, lr, later)
        tiles = self.tiling.tiles(*lr.shape[2:])
        memories: list[Memory] = []
        ready = None
        for tile, memory in zip(tiles, state.memories or [()] * len(tiles), strict=True):
            if memories:
                home.pace()
            part = home.own(lr[tile.part])
            after = network.step(memory, part, None if guide is None else home.own(guide[tile.part]))
            memories.append(after if self._project is None else self._projected(self._project, after, part))
            ready = home.mark()
            home.freed(network.step_bytes(*part.shape[2:]) - network.step_bytes(0, 0))
        return State(lr, tuple(memories), ready)

    def _projected(self, project: BackProjection, memory: Memory, lr: Tensor) -> Memory:
        """The memory of a step with its output brought back to the frame (1, 3, h, w)."""
        picture, *others = memory
        return self._home.made(picture.shape, lambda out: out.copy_(project(picture, lr))), *others
