"""What methods and truths are called."""

from pathlib import Path

from vs_tecogan.metrics.methods import distinct_names, with_methods
from vs_tecogan.metrics.sources import Clip, ClipPair


def clip(path: str) -> Clip:
    return Clip(path=Path(path), images=(Path("0.png"),), width=8, height=8, length=1, fps=None)


def named(*rows: tuple[str, str]) -> list[tuple[str, str]]:
    pairs = [ClipPair(name="", result=clip(a), reference=clip(b)) for a, b in rows]
    return [(pair.name, pair.method) for pair in with_methods(pairs)]


def test_methods_go_by_what_differs() -> None:
    """Would catch methods called by the clip, pairs of one truth apart, or a method where there is one only."""
    assert named(("/r/a", "/t/a"), ("/r/b", "/t/b")) == [("a", ""), ("b", "")]
    assert named(("/x/a", "/t/a"), ("/x/b", "/t/b"), ("/y/a", "/t/a")) == [("a", "x"), ("a", "y"), ("b", "x")]
    assert named(("/r/one", "/t/a"), ("/r/two", "/t/a")) == [("a", "one"), ("a", "two")]
    assert named(("/r/one", "/t/a"), ("/r/one", "/t/a")) == [("a", "one"), ("a", "one (2)")]
    assert named(("/r/a", "/t/a"), ("/r/a", "/u/a")) == [("t/a", ""), ("u/a", "")]


def test_shortest_ends() -> None:
    """Would catch whole paths in a table."""
    assert distinct_names([Path("/p/x/film"), Path("/p/y/film")]) == ["x/film", "y/film"]
    assert distinct_names([Path("/p/a"), Path("/q/b")]) == ["a", "b"]
    assert distinct_names([]) == []
