"""Several methods measured on the same truths: what each is called, and which results are of which method."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .sources import ClipPair


def with_methods(pairs: Sequence[ClipPair]) -> list[ClipPair]:
    """Pairs with distinct names, those of one truth after each other, and with methods where a truth comes twice.

    A result that is called as its truth is of the method that its folder is called by; any other is one by itself.
    """
    truths = [_place(pair) for pair in pairs]
    names = dict(zip(dict.fromkeys(truths), distinct_names(list(dict.fromkeys(truths))), strict=True))
    named = [replace(pair, name=names[truth]) for pair, truth in zip(pairs, truths, strict=True)]
    if len(names) == len(pairs):
        return named
    sources = [_method_place(pair) for pair in named]
    methods = dict(zip(dict.fromkeys(sources), distinct_names(list(dict.fromkeys(sources))), strict=True))
    taken: dict[tuple[str, str], int] = {}
    result = []
    for pair, source in zip(named, sources, strict=True):
        method = methods[source]
        taken[pair.name, method] = count = taken.get((pair.name, method), 0) + 1
        result.append(replace(pair, method=method if count == 1 else f"{method} ({count})"))
    order = list(dict.fromkeys(pair.name for pair in result))
    return sorted(result, key=lambda pair: order.index(pair.name))


def _place(pair: ClipPair) -> Path:
    return (pair.reference or pair.result).path.absolute()


def _method_place(pair: ClipPair) -> Path:
    path = pair.result.path.absolute()
    called_as_truth = pair.reference is None or pair.result.name == pair.reference.name
    return path.parent if called_as_truth else path


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of different paths that tell them apart, without the ending of a file."""
    whole = [[*path.parts[:-1], path.stem if path.is_file() else path.name] for path in paths]
    for count in range(1, max((len(parts) for parts in whole), default=0) + 1):
        names = ["/".join(parts[-count:]) for parts in whole]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]
