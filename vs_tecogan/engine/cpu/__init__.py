"""The CPU, by the extension ``vs_tecogan._native``."""
