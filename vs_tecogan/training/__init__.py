"""Data preparation and training; imports no VapourSynth."""
