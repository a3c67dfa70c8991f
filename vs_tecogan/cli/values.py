"""The words of options' values, as argparse's types: each returns a value or says what to give instead."""

from __future__ import annotations

import argparse
import re
from fractions import Fraction

from ..video.geometry import parse_size
from ..video.probe import exact_rate

_MOST_FRAMES = 1000
"""A second; a number above is a slip."""


def count(text: str) -> int:
    """A whole number from 0."""
    value = int(text) if text.isdecimal() else -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return value


def variable(text: str) -> tuple[str, str]:
    """NAME=VALUE of a script."""
    key, given, value = text.partition("=")
    if not given or not key.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is no variable of a script; give NAME=VALUE")
    return key, value


def positive(text: str) -> int:
    """A whole number from 1."""
    value = count(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return value


def seconds(text: str) -> float:
    """Seconds above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time in seconds above 0")
    return value


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return value


def frame_size(text: str) -> tuple[int, int]:
    """WIDTHxHEIGHT."""
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; give WIDTHxHEIGHT in input pixels, such as 480x270")
    return int(width), int(height)


def quality(text: str) -> float:
    """A quality from 0 to 255."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 255:
        raise argparse.ArgumentTypeError(f"{text!r} is no quality; give a number from 0, lower is better")
    return value


def moment(text: str) -> Fraction:
    """Seconds of "90", "90.5s", "1:30" or "0:01:30.5"."""
    if not (time := re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?|\.\d+)s?", text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; give seconds, M:S or H:M:S")
    hours, minutes, seconds = (Fraction(part or 0) for part in time.groups())
    return (hours * 60 + minutes) * 60 + seconds


def frame_or_time(text: str) -> int | Fraction:
    """The number of a frame of "100"; seconds of "83.5s", "1:23.5" or "0:01:23.5", as a fraction."""
    if text.isdecimal():
        return int(text)
    if ":" in text or text.endswith("s"):
        return moment(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no frame and no time; give a frame such as 100, or 83.5s or 1:23.5")


def new_size(text: str) -> str:
    """A size of the new picture, as it was written."""
    try:
        parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def rectangle(text: str) -> tuple[int, int, int, int]:
    """Left, top, width and height of "W:H:X:Y"."""
    if not (match := re.fullmatch(r"(?:crop=)?([1-9]\d*):([1-9]\d*):(\d+):(\d+)", text)):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no rectangle; give WIDTH:HEIGHT:LEFT:TOP, such as 1920:800:0:140"
        )
    width, height, left, top = map(int, match.groups())
    return left, top, width, height


def suffix(text: str) -> str:
    """The end of a name, such as ".mkv", with or without its dot."""
    if not re.fullmatch(r"\.?\w+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no suffix; give one such as .mkv or .mp4")
    return f".{text.lstrip('.')}"


def frame_rate(text: str) -> Fraction:
    """Frames a second: "24", "23.976" (24000/1001) or "30000/1001"."""
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= _MOST_FRAMES:
        raise argparse.ArgumentTypeError(f"{text!r} is no frame rate; give one such as 24, 23.976 or 30000/1001")
    return rate if "/" in text else exact_rate(rate) or rate
