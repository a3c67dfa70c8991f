"""The version, in the one place from which the package, the command and the build read it."""

__version__ = "0.2.0"
