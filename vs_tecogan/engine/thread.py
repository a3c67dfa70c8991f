"""The thread that an engine is made on and runs on."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")


class EngineThread:
    """Runs what it is given, in turn, on one thread, which ends with this object.

    A thread carries state that arithmetic depends on: denormal handling, and the current CUDA device. It also owns the
    OpenMP team that shares its work: one per process is enough, so an engine's model is loaded and laid out here too,
    for which torch wants a team. See also :func:`vs_tecogan.ops.native.rest_while_waiting`.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="vs_tecogan", initializer=_use_plain_floats)
        weakref.finalize(self, self._pool.shutdown, wait=False)

    def run(self, task: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Wait for ``task(*arguments, **options)`` and return what it returns; raises what it raises."""
        return self._pool.submit(task, *arguments, **options).result()

    def use_device(self, device: str) -> None:
        """Make a CUDA device the thread's current one.

        :param device: "cuda:N", or "cpu", which needs nothing.
        :raises RuntimeError: torch cannot use that device.
        """
        if device.startswith("cuda"):
            self.run(torch.cuda.set_device, device)


def _use_plain_floats() -> None:
    """Denormals as IEEE has them: a thread inherits the flags of the one that started it."""
    torch.set_flush_denormal(False)
