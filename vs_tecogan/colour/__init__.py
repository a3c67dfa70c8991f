"""Colour: what a frame says (``tags``, ``matrices``), how planes are coded (``coding``), conversions (``zimg``).

``matrices`` and ``coding`` need no VapourSynth.
"""
