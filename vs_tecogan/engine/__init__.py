"""Engines: one step of the recurrence, per device, over coded pictures."""

from ..errors import EngineError
from .base import Engine, State
from .create import create_engine
from .select import resolve_device, resolve_precision

__all__ = ["Engine", "EngineError", "State", "create_engine", "resolve_device", "resolve_precision"]
