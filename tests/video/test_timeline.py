"""Timelines: what becomes of stamps that are missing, out of order, or rounded."""

from fractions import Fraction

import pytest

from vs_tecogan.video.timeline import make_timeline

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


@pytest.mark.parametrize(("clock", "start"), [(12800, 0), (90000, 133200), (90000, UNKNOWN)])
def test_a_fine_clock_of_a_constant_rate_is_no_rate(clock: int, start: int) -> None:
    """Would catch 25 frames a second of an mp4 or ts encoded as 12800 or 90000, or a delayed picture's start lost."""
    first = 0 if start == UNKNOWN else start
    stamps = [start, *(first + n * clock // 25 for n in range(1, 9))]
    line = make_timeline(stamps, Fraction(1, clock), Fraction(25), 9)
    assert (line.time_base, line.frame_rate, line.ticks) == (Fraction(1, 25), 25, tuple(range(9)))
    assert line.start == Fraction(first, clock)
    assert line.is_constant


def test_rounding_of_an_earlier_container_is_undone() -> None:
    """Would catch milliseconds copied from Matroska to a finer clock taken for a variable rate."""
    stamps = [round(n * 1000 / FILM) * 90 for n in range(200)]
    assert make_timeline(stamps, Fraction(1, 90000), FILM, 200).time_base == 1 / FILM
    stamps[7] += 900
    assert not make_timeline(stamps, Fraction(1, 90000), FILM, 200).is_constant


def test_even_stamps_count_more_than_the_nominal_rate() -> None:
    """Would catch a constant rate taken for a variable one because the container declares its clock as the rate."""
    assert make_timeline([0, 40, 80, 120], Fraction(1, 1000), Fraction(1000), 4).time_base == Fraction(1, 25)


@pytest.mark.parametrize(
    ("nominal", "declared"), [(60, 60), *((rate, Fraction(1000, 17)) for rate in (1000, 16000, 2))]
)
def test_a_clock_is_not_declared_as_the_rate(nominal: int, declared: Fraction) -> None:
    """Would catch a variable rate declared as 1000 frames a second, which encoders refuse; its stamps stay as ever."""
    stamps = (0, 16, 33, 83, 100, 133, 150)
    line = make_timeline(stamps, Fraction(1, 1000), Fraction(nominal), 7)
    assert (line.frame_rate, line.ticks, line.is_constant) == (declared, stamps, False)


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
    line = make_timeline(stamps, Fraction(1, 90000), Fraction(25), 4)
    assert tuple(tick * line.time_base * 90000 for tick in line.ticks) == ticks


def test_few_rounded_stamps() -> None:
    """Would catch 24 frames of 30000/1001 in milliseconds made 30 frames per second, and a true 30 made less."""
    television = Fraction(30000, 1001)
    rounded = [round(n * 1000 / television) for n in range(24)]
    line = make_timeline(rounded, Fraction(1, 1000), Fraction(30), 24, coded=television)
    assert (line.frame_rate, line.is_constant) == (television, True)
    exact = [n * 3000 for n in range(24)]
    assert make_timeline(exact, Fraction(1, 90000), Fraction(30), 24, coded=television).frame_rate == 30


@pytest.mark.parametrize("nominal", [4, 25, 1000])
@pytest.mark.parametrize("coded", [25, None])
def test_rare_stamps(nominal: int, coded: int | None) -> None:
    """Would catch an end in slow motion: where only groups are stamped, the nominal rate is one made from too few."""
    stamps = [UNKNOWN] * 38
    for n in (0, 12, 13, 24, 25):
        stamps[n] = 48600 + n * 3600
    rate = Fraction(coded) if coded else None
    line = make_timeline(stamps, Fraction(1, 90000), Fraction(nominal), 38, coded=rate)
    assert (line.is_constant, line.frame_rate, len(line.ticks)) == (True, 25, 38)


def test_one_stamp() -> None:
    """Would catch the rate of a whole made from a single stamp."""
    line = make_timeline([3600, UNKNOWN, UNKNOWN], Fraction(1, 90000), Fraction(1, 3), 3, coded=FILM)
    assert (line.frame_rate, line.start) == (FILM, Fraction(1, 25))


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
