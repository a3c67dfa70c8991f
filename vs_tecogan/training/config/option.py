"""One option: its default, its help and its range, all in the metadata of the dataclass field that holds it."""

import math
from collections.abc import Iterator
from dataclasses import Field, dataclass, field
from typing import Any

from ...errors import TrainingError


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers from ``low`` to ``high``, without the ends that are open."""

    low: float = 0
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    infinite: bool = False
    """Infinity has a meaning, such as no limit."""

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.open_low else value >= self.low
        return above and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        low = f"above {self.low:g}" if self.open_low else f"at least {self.low:g}"
        if self.high == math.inf:
            return low
        return f"{low} and {'below' if self.open_high else 'at most'} {self.high:g}"


NOT_NEGATIVE = Range()
POSITIVE = Range(open_low=True)
COUNT = Range(low=1)
PROBABILITY = Range(high=1)
DECAY = Range(high=1, open_high=True)
NO_LIMIT = Range(infinite=True)


def option(
    default: Any, text: str, within: Range = NOT_NEGATIVE, *, pair: bool = False, file_only: bool = False
) -> Any:
    """A field of a table of settings.

    :param text:      its help.
    :param within:    what its numbers may be; words and flags ignore it.
    :param pair:      it holds a lowest and a highest number, or is empty where that is the default.
    :param file_only: it has no option of its own on the command line; files and ``--set NAME=VALUE`` reach it.
    """
    return field(default=default, metadata={"help": text, "range": within, "pair": pair, "file_only": file_only})


def check_option(item: "Field[Any]", value: Any) -> None:
    """Refuse a value that the field's metadata does not allow.

    :raises TrainingError: the text says what came and what is expected.
    """
    within: Range = item.metadata["range"]
    for number in numbers(value):
        if math.isnan(number) or (math.isinf(number) and not within.infinite):
            raise TrainingError(f"{item.name} {number:g}; expected a finite number")
        if number not in within:
            raise TrainingError(f"{item.name} {number:g}; expected {within}")
    if item.metadata["pair"] and not (value == item.default or (len(value) == 2 and value[0] <= value[1])):
        raise TrainingError(f"{item.name} = {value}; expected two numbers, the lowest and the highest")


def numbers(value: Any) -> Iterator[float]:
    """The numbers in a setting: itself, or those of a list."""
    for entry in value if isinstance(value, list | tuple) else (value,):
        if isinstance(entry, int | float) and not isinstance(entry, bool):
            yield entry
