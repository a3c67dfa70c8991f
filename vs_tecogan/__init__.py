"""Temporally coherent video super-resolution for VapourSynth: ``from vs_tecogan import tecogan``.

Importing the package loads neither torch nor VapourSynth; calling the filter does.
"""

from .filter import tecogan

__version__ = "0.1.0"

__all__ = ["__version__", "tecogan"]
