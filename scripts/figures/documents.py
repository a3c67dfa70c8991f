"""Figures in the documents: tables and single values between markers, filled in and checked.

A table stands between ``<!-- table:FIGURE.TABLE rows=A,B columns=C,D -->`` and ``<!-- /table -->``, a value between
``<!-- value:FIGURE.TABLE.ROW.COLUMN -->`` and ``<!-- /value -->``. Values can be calculated with, and a format
may follow: ``<!-- value:a.b.c.d / a.b.e.d - 1 :.0% -->``.
"""

from __future__ import annotations

import ast
import hashlib
import operator
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from vs_tecogan.errors import UserError
from vs_tecogan.weights import WeightsError, find_model

from .record import Figure, folder_of, graph_hash, weights_hash
from .tables import Table

TABLE = re.compile(r"(<!-- table:(.*?) -->\n)(.*?)(<!-- /table -->)", re.DOTALL)
VALUE = re.compile(r"(<!-- value:(.*?) -->)(.*?)(<!-- /value -->)", re.DOTALL)
UNMARKED = re.compile(r"(?<![\w.])\d+(?:\.\d+)? (?:dB|ms|GB)\b")
"""A number that only a measurement can give. The training log keeps its own."""
OPENING = re.compile(r"<!-- (?:table|value):")
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


class FigureError(UserError):
    """A document asks for a figure that is not there."""


def documents(root: Path) -> list[Path]:
    """README, docs and model cards; the page that explains the markers shows them without being filled."""
    found = [root / "README.md", *sorted((root / "docs").rglob("*.md")), *sorted((root / "models").glob("*.md"))]
    return [path for path in found if path.is_file() and path != folder_of(root) / "README.md"]


def fill(text: str, figures: Mapping[str, Figure]) -> str:
    """A document with every marked table and value as the figures have it.

    :raises FigureError: a figure, table, row or column is unknown, or a marker has no end.
    """
    opened, whole = len(OPENING.findall(text)), len(TABLE.findall(text)) + len(VALUE.findall(text))
    if opened != whole:
        raise FigureError(
            f"{opened} markers begin and {whole} end; write <!-- /table --> or <!-- /value --> after each"
        )
    text = TABLE.sub(lambda m: f"{m[1]}{_table(m[2], figures)}\n{m[4]}", text)
    return VALUE.sub(lambda m: f"{m[1]}{_value(m[2], figures)}{m[4]}", text)


def problems(figures: Mapping[str, Figure], root: Path) -> Iterator[str]:
    """A line for everything that is not as the figures' JSON has it."""
    for path in documents(root):
        text, name = path.read_text(encoding="utf-8"), path.relative_to(root)
        try:
            wanted = fill(text, figures)
        except FigureError as error:
            yield f"{name}: {error}"
            continue
        for number, (have, want) in enumerate(zip(text.split("\n"), wanted.split("\n"), strict=False), 1):
            if have != want:
                yield f"{name}:{number}: {have.strip()[:100]!r}, the figures say {want.strip()[:100]!r}"
                break
        else:
            if text != wanted:
                yield f"{name}: a table has more or fewer rows than its figure"
        if "research" not in name.parts:
            for found in UNMARKED.findall(VALUE.sub("", TABLE.sub("", text))):
                yield f"{name}: {found!r} is typed, not measured; quote a figure as docs/figures/README.md says"
    for figure in figures.values():
        yield from _outdated(figure, folder_of(root))


def _outdated(figure: Figure, folder: Path) -> Iterator[str]:
    """Models and plots that are not those of the figure any more."""
    for kind, of, field in (("weights", weights_hash, "models"), ("shape", graph_hash, "graphs")):
        named = {pair: None for made in figure.made.values() for pair in getattr(made, field).items()}
        for model, wanted in named:
            try:
                found = of(find_model(model))
            except (WeightsError, FileNotFoundError):
                yield f"{figure.name}: measured with {model}, which is no longer shipped; measure it anew"
                continue
            if found != wanted:
                yield f"{figure.name}: measured with other {kind} of {model}; measure it anew"
    for name, wanted in figure.plots.items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
            yield f"{figure.name}: {name} is not the plot that was made with the numbers; measure it anew"


def _find(name: str, figures: Mapping[str, Figure]) -> tuple[Figure, Table]:
    figure, _, table = name.partition(".")
    if figure not in figures:
        raise FigureError(f"no figure is called {figure!r}; there are {', '.join(figures)}")
    if table not in figures[figure].tables:
        raise FigureError(f"{figure} has no table {table!r}; it has {', '.join(figures[figure].tables)}")
    return figures[figure], figures[figure].tables[table]


def _table(spec: str, figures: Mapping[str, Figure]) -> str:
    """The Markdown of a table marker, with its note and what made it."""
    name, *options = spec.split()
    chosen = dict(option.partition("=")[::2] for option in options)
    if unknown := chosen.keys() - {"rows", "columns", "note"}:
        raise FigureError(f"table:{spec}: {unknown.pop()!r}; options are rows=, columns= and note=no")
    figure, table = _find(name, figures)
    origin = figure.made.get(name.partition(".")[2])
    rows, columns = (chosen[key].split(",") if key in chosen else None for key in ("rows", "columns"))
    try:
        body = table.markdown(rows, columns)
    except KeyError as error:
        raise FigureError(f"table:{spec}: no row or column {error}") from None
    if chosen.get("note") == "no":
        return body
    made = "Not measured yet." if origin is None else origin.line()
    return f"{body}\n\n*{' '.join(part for part in (table.note, made) if part)}*"


def _value(spec: str, figures: Mapping[str, Figure]) -> str:
    """The text of a value marker."""
    expression, _, form = spec.partition(" :")
    parts: list[str] = []
    missing, texts = False, []
    for word in expression.split():
        if word in ("+", "-", "*", "/") or re.fullmatch(r"\d+(\.\d+)?", word):
            parts.append(word)
            continue
        found, text = _lookup(word, figures)
        missing |= found is None
        texts.append(text)
        parts.append(repr(found))
    if missing:
        return "–"
    if len(parts) == 1 and not form:
        return texts[0]
    try:
        result = _calculate(ast.parse(" ".join(parts), mode="eval").body)
    except (SyntaxError, TypeError, ZeroDivisionError):
        raise FigureError(f"value:{spec}: cannot be calculated; write values with + - * / and spaces between") from None
    digits = len(texts[0].partition(".")[2])
    return format(result, form or f".{digits}f")


def _lookup(name: str, figures: Mapping[str, Figure]) -> tuple[float | str | None, str]:
    """A value and its text.

    :raises FigureError: there is none of that name.
    """
    try:
        figure, table, row, column = name.split(".")
    except ValueError:
        raise FigureError(f"value {name!r}; write FIGURE.TABLE.ROW.COLUMN") from None
    _, found = _find(f"{figure}.{table}", figures)
    try:
        return found.rows[row].get(column), found.text(row, column)
    except KeyError as error:
        raise FigureError(f"{figure}.{table} has no row or column {error}") from None


def _calculate(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=float() | int() as value):
            return float(value)
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATORS[type(op)](_calculate(left), _calculate(right))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_calculate(operand)
    raise TypeError
