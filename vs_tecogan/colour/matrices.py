"""Matrices of ITU-T H.273: names, codes, what each needs beside it, and which one players assume."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ColourError

MATRICES = {
    "709": 1,
    "fcc": 4,
    "470bg": 5,
    "170m": 6,
    "240m": 7,
    "ycgco": 8,
    "2020ncl": 9,
    "2020cl": 10,
    "chromancl": 12,
    "chromacl": 13,
    "ictcp": 14,
}
"""Matrix names as ``core.resize`` spells them, and their H.273 codes."""

NEEDS: Mapping[int, Mapping[str, tuple[int, ...]]] = {
    MATRICES["2020cl"]: {"_Transfer": (1, 6, 7, 14, 15)},
    MATRICES["chromancl"]: {"_Primaries": (1, 4, 5, 6, 7, 8, 9, 11, 12, 22)},
    MATRICES["chromacl"]: {
        "_Transfer": (1, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18),
        "_Primaries": (1, 4, 5, 6, 7, 8, 9, 11, 12, 22),
    },
    MATRICES["ictcp"]: {"_Transfer": (16, 18), "_Primaries": (9,)},
}
"""What zimg must know beside such a matrix, both ways, and the codes that it then takes."""


def parse_matrix(matrix: int | str | None) -> int | None:
    """The H.273 code meant by the option ``matrix``: None, a name, or a code, as a number or written out.

    :raises ColourError: an unknown name or code.
    """
    if matrix is None:
        return None
    known = ", ".join(MATRICES)
    if isinstance(matrix, str):
        if matrix.isdecimal() and int(matrix) in MATRICES.values():  # no name is also a code
            return int(matrix)
        if matrix not in MATRICES:
            raise ColourError(f"matrix {matrix!r}; give one of {known}, or its H.273 code")
        return MATRICES[matrix]
    if isinstance(matrix, bool) or not isinstance(matrix, int) or matrix not in MATRICES.values():
        codes = ", ".join(map(str, MATRICES.values()))
        raise ColourError(f"matrix {matrix!r}; give None, one of {known}, or one of the codes {codes}")
    return int(matrix)


def guess_matrix(width: int, height: int) -> int:
    """The matrix that players assume for an untagged picture: BT.709 for HD, else BT.601 (470bg at PAL's 576 lines)."""
    if width >= 1280 or height > 576:
        return MATRICES["709"]
    return MATRICES["470bg"] if height in (576, 288) else MATRICES["170m"]


def matrix_needs(matrix: int | None) -> Mapping[str, tuple[int, ...]]:
    """The properties that zimg must know beside a matrix, and the codes that it takes: see :data:`NEEDS`."""
    return {} if matrix is None else NEEDS.get(matrix, {})


def matrix_name(matrix: int | None) -> str:
    """The name of a known code."""
    return next(name for name, code in MATRICES.items() if code == matrix)
