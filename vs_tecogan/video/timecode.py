"""SMPTE time codes: that of a part begins later than that of the whole."""

from __future__ import annotations

import re
from fractions import Fraction

_DROPPED = 2
"""Numbers left out at each minute but every tenth, for 30000/1001 counted as 30; four for twice the rate."""


def advance(timecode: str, frames: int, rate: Fraction) -> str | None:
    """The time code that many frames later; None where it is none.

    :param timecode: HH:MM:SS:FF, or with ; or . before FF for drop-frame.
    :param rate: frames per second.
    """
    match = re.fullmatch(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)", timecode.strip())
    whole = round(rate)
    if match is None or whole < 1:
        return None
    hours, minutes, seconds, number = (int(match[n]) for n in (1, 2, 3, 5))
    dropped = _DROPPED * (whole // 30) if match[4] != ":" else 0
    minutes += hours * 60
    count = (minutes * 60 + seconds) * whole + number - dropped * (minutes - minutes // 10) + frames
    if dropped:
        count += _numbers_left_out(count, whole, dropped)
    seconds, number = divmod(count, whole)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours % 24:02}:{minutes:02}:{seconds:02}{match[4]}{number:02}"


def _numbers_left_out(count: int, whole: int, dropped: int) -> int:
    """How many numbers drop-frame counting leaves out before a frame."""
    minute = whole * 60 - dropped
    tens, rest = divmod(count, minute * 10 + dropped)
    return dropped * (9 * tens + max(0, rest - dropped) // minute)
