"""Pickled weights are looked through before they are opened: nothing in them may take for ever."""

import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ..errors import WeightsError

DEEPEST = 16
"""Tuples within tuples. A state dict has four. A key of depth n may take 2 to the power of n steps to hash."""
MOST = 400_000
"""Operations of a pickle; a generator's state dict has some thousands."""
_LEGACY = 5
"""Pickles at the front of a file as torch wrote it before 1.6."""
_MARK = -1
_GETS = frozenset(("GET", "BINGET", "LONG_BINGET"))
_PUTS = frozenset(("PUT", "BINPUT", "LONG_BINPUT"))


def check_pickle(path: Path) -> None:
    """Look through a file of ``torch.save``.

    :raises WeightsError: tuples too deep, more operations than any weights need, or what cannot be followed to its end:
        torch's own reader might go on where this one stops.
    :raises OSError: the file cannot be read.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for entry in archive.infolist():
                    if entry.filename.endswith("data.pkl"):
                        with archive.open(entry) as file:
                            _check(file)
            return
        with path.open("rb") as file:
            for _ in range(_LEGACY):
                if file.peek(1):
                    _check(file)
    except (WeightsError, OSError):
        raise
    except Exception as error:  # zipfile and pickletools report damage by many types
        raise WeightsError("is no whole PyTorch checkpoint; copy or download it again") from error


def _check(file: IO[bytes]) -> None:
    for count, depth in enumerate(tuple_depths(file)):
        if depth > DEEPEST:
            raise WeightsError(f"holds tuples within tuples, more than {DEEPEST} deep; expected a state dict")
        if count > MOST:
            raise WeightsError(f"takes more than {MOST} steps to unpickle; expected a state dict")


def tuple_depths(file: IO[bytes]) -> Iterator[int]:
    """How deep tuples nest in what each operation of a pickle makes; nothing is made.

    The pickle machine with depths in place of values: a tuple is one deeper than the deepest of its items, anything
    else as deep as that.

    :raises ValueError, IndexError, KeyError: this is no whole pickle.
    """
    stack: list[int] = []
    memo: dict[object, int] = {}
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name in _GETS:
            stack.append(memo[argument])
        elif opcode.name in _PUTS:
            memo[argument] = stack[-1]
        elif opcode.name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif opcode.name == "MARK":
            stack.append(_MARK)
        else:
            depth = max(_taken(stack, opcode), default=0) + ("TUPLE" in opcode.name)
            stack += [depth] * len(opcode.stack_after)
            yield depth


def _taken(stack: list[int], opcode: pickletools.OpcodeInfo) -> list[int]:
    """Depths of what an operation takes off the stack: down to the mark, or a fixed number."""
    before, taken = opcode.stack_before, []
    if pickletools.markobject in before:
        while (depth := stack.pop()) != _MARK:
            taken.append(depth)
        before = before[: before.index(pickletools.markobject)]
    return taken + [stack.pop() for _ in before]
