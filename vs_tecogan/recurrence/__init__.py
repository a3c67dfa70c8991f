"""Exact frame recurrence in VapourSynth: frame n is a pure function of the clip, in any order of requests."""

from .api import Recurrence, Schedule
from .scheduler import recurrent

__all__ = ["Recurrence", "Schedule", "recurrent"]
