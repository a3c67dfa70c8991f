"""A table of measured values, as it stands in a figure's JSON, and its Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

type Value = float | str | None
"""None: not measured; the note says why."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """How the values of a column are headed and rounded."""

    label: str
    digits: int = 2
    signed: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """Values by row and column. Keys of rows and columns hold neither a space nor a full stop."""

    corner: str
    """Head of the first column."""
    columns: Mapping[str, Column]
    rows: Mapping[str, Mapping[str, Value]]
    labels: Mapping[str, str]
    """What a row is called where that is not its key."""
    note: str = ""
    """What was measured, in a sentence or two: it stands under the table."""

    def to_json(self) -> dict[str, object]:
        """As plain dictionaries; JSON has no infinity, so that stands as the text "inf"."""
        rows = {row: {key: _finite(value) for key, value in cells.items()} for row, cells in self.rows.items()}
        return asdict(self) | {"rows": rows}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Table:
        """The other way."""
        columns = {key: Column(**column) for key, column in data["columns"].items()}  # type: ignore[attr-defined]
        return cls(**{**data, "columns": columns})  # type: ignore[arg-type]

    def text(self, row: str, column: str) -> str:
        """One value, rounded.

        :raises KeyError: there is no such row or column.
        """
        return number(self.rows[row].get(column), self.columns[column])

    def markdown(self, rows: Iterable[str] | None = None, columns: Iterable[str] | None = None) -> str:
        """The table, or some rows and columns of it in the order given.

        :raises KeyError: there is no such row or column.
        """
        rows, columns = list(rows or self.rows), list(columns or self.columns)
        lines = [[self.corner, *(self.columns[key].label for key in columns)]]
        lines += [[self.labels.get(row, row), *(self.text(row, key) for key in columns)] for row in rows]
        rule = "|---|" + "---:|" * len(columns)
        head, *body = (f"| {' | '.join(cells)} |" for cells in lines)
        return "\n".join([head, rule, *body])


def number(value: Value, column: Column) -> str:
    """A value as the documents show it."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return {"inf": "∞"}.get(value, value)
    if math.isinf(value):
        return "∞"
    return f"{value:{'+' if column.signed else ''}.{column.digits}f}"


def _finite(value: Value) -> Value:
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)
