"""Smoke: an incompressible solver, coarse and fine fields, tempoGAN's network over them, and both as clips.

Conventions of this room: tensors are (N, C, y, x) or (N, C, z, y, x); y grows downwards, as in pictures, so smoke rises
towards smaller y. Channel 0 of a vector is x, then y, then z. Velocity is in cells of its own grid per time step.
"""
