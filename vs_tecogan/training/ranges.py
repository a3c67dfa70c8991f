"""What values single options can have; that settings fit each other is for :func:`config.check`."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import TrainingError


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, without the ends that are open."""

    low: float = 0
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.open_low else value >= self.low
        return above and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        low = f"above {self.low:g}" if self.open_low else f"at least {self.low:g}"
        if self.high == math.inf:
            return low
        return f"{low} and {'below' if self.open_high else 'at most'} {self.high:g}"


ANY = Range(-math.inf)
NOT_NEGATIVE = Range()
POSITIVE = Range(open_low=True)
COUNT = Range(1)
SHARE = Range(0, 1)
DECAY = Range(0, 1, open_high=True)

RANGES: Mapping[str, Range] = {
    # numpy's and torch's generators take 63 bits at most in common.
    "seed": Range(0, 2**63, open_high=True),
    "blur_sigma": POSITIVE,
    "real_clean": SHARE,
    "real_rescale": SHARE,
    "real_noise": SHARE,
    "real_jpeg": SHARE,
    "real_codec": SHARE,
    "real_mpeg2": SHARE,
    # Has its own text in check: -1 takes the rounds of init.
    "flow_rounds": ANY,
    # Every lead is below infinity, none below a negative gate: both are ways to step D always or never.
    "gate": ANY,
    "gate_decay": DECAY,
    "momentum": DECAY,
    "beta1": DECAY,
    "beta2": DECAY,
    "epsilon": POSITIVE,
    "lr_floor": SHARE,
    "ema": DECAY,
    "eval_frames": COUNT,
    "keep": NOT_NEGATIVE,
}
"""Options that are not simply at least 0."""

ENDLESS = frozenset({"minutes", "checkpoint_minutes", "clip", "gate"})
"""Options whose infinity has a meaning: no limit, or always."""


def check_ranges(tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse numbers that no run can use: not finite, negative, or outside of :data:`RANGES`.

    :param tables: the settings as :func:`config.to_dict` gives them.
    :raises TrainingError: one is; the text says what came and what is expected.
    """
    for table in tables.values():
        for name, value in table.items():
            allowed = RANGES.get(name, NOT_NEGATIVE)
            for number in numbers(value):
                if math.isnan(number) or (math.isinf(number) and name not in ENDLESS):
                    raise TrainingError(f"{name} {number:g}; expected a finite number")
                if number not in allowed:
                    raise TrainingError(f"{name} {number:g}; expected {allowed}")


def numbers(value: Any) -> Iterator[float]:
    """The numbers in a setting: itself, or those of a list."""
    for item in value if isinstance(value, list | tuple) else (value,):
        if isinstance(item, int | float) and not isinstance(item, bool):
            yield item
