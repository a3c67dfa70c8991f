"""Temporally coherent video super-resolution for VapourSynth: ``from vs_tecogan import tecogan``.

The public names are loaded when they are first used: importing the package loads neither torch nor VapourSynth.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from .filter import tecogan
    from .fluids.clip import smoke, smoke_colours
    from .fluids.filter import tempogan
    from .sources.long_video_gan import long_video_gan
    from .sources.mocogan_hd import mocogan_hd

__all__ = ["__version__", "long_video_gan", "mocogan_hd", "smoke", "smoke_colours", "tecogan", "tempogan"]

_HOMES = {
    "tecogan": "filter",
    "smoke": "fluids.clip",
    "smoke_colours": "fluids.clip",
    "tempogan": "fluids.filter",
    "long_video_gan": "sources.long_video_gan",
    "mocogan_hd": "sources.mocogan_hd",
}
"""Module of each public name."""


def __getattr__(name: str) -> object:
    """Load a public name (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
