"""The words of options' values, as argparse's types: each returns a value or says what to give instead."""

from __future__ import annotations

import argparse


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


def moment(text: str) -> float:
    """Seconds of "90", "1:30" or "0:01:30.5"."""
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or any(not 0 <= part < float("inf") for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; give seconds, M:S or H:M:S")
    seconds = 0.0
    for part in parts:
        seconds = 60 * seconds + part
    return seconds
