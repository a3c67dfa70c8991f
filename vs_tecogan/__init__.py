"""Temporally coherent video super-resolution for VapourSynth."""
