"""Timelines: what becomes of stamps that are missing, out of order, or rounded."""

from fractions import Fraction

import pytest

from vs_tecogan.media.source import make_timeline

UNKNOWN = -(2**63)
FILM = Fraction(24000, 1001)


def test_exact_stamps_stay() -> None:
    """Would catch a variable rate made constant: fine stamps are meant, and only their start moves to 0."""
    line = make_timeline([900, 4500, 5000, 9000], Fraction(1, 90000), Fraction(25), 4)
    assert (line.time_base, line.ticks, line.start) == (Fraction(1, 90000), (0, 3600, 4100, 8100), Fraction(1, 100))


def test_rounding_of_a_constant_rate_is_undone() -> None:
    """Would catch milliseconds of Matroska carried on: 0, 42, 83, 125... is 24000/1001 frames a second."""
    stamps = [round(n * 1000 / FILM) for n in range(200)]
    line = make_timeline(stamps, Fraction(1, 1000), FILM, 200)
    assert line.time_base == 1 / FILM
    assert line.ticks == tuple(range(200))


def test_variable_milliseconds_stay() -> None:
    """Would catch a truly variable rate taken for rounding."""
    stamps = [0, 42, 83, 145, 187]
    assert make_timeline(stamps, Fraction(1, 1000), FILM, 5).ticks == tuple(stamps)


@pytest.mark.parametrize(
    ("stamps", "ticks"),
    [
        ([0, UNKNOWN, UNKNOWN, 10800], (0, 3600, 7200, 10800)),
        ([UNKNOWN, 3600, 7300, UNKNOWN], (0, 3600, 7300, 10900)),
        ([0, 3600, 50, 10900], (0, 3600, 7250, 10900)),
        ([0, 3700, 3700, 10800], (0, 3700, 7250, 10800)),
    ],
)
def test_gaps_are_filled(stamps: list[int], ticks: tuple[int, ...]) -> None:
    """Would catch a whole file re-timed, and its sound lost, for a few stamps that are missing or go back."""
    assert make_timeline(stamps, Fraction(1, 90000), Fraction(25), 4).ticks == ticks


def test_no_stamps_at_all() -> None:
    """Would catch a bare stream refused: the nominal rate serves, or 25 where there is none."""
    assert make_timeline([UNKNOWN] * 3, Fraction(1, 1200000), Fraction(30), 3).time_base == Fraction(1, 30)
    assert make_timeline([UNKNOWN] * 3, Fraction(1, 1200000), Fraction(0), 3).frame_rate == 25


def test_cut_and_finer() -> None:
    """Would catch a part whose clock is that of the whole, or ticks that change the times."""
    line = make_timeline([100, 140, 190, 230], Fraction(1, 1000), Fraction(24), 4)
    part = line.cut(1, 3)
    assert (part.ticks, part.start) == ((0, 50), Fraction(140, 1000))
    fine = line.finer(Fraction(1, 48000))
    assert fine.time_base <= Fraction(1, 48000)
    assert [t * fine.time_base for t in fine.ticks] == [t * line.time_base for t in line.ticks]
