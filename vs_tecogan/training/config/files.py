"""Settings from TOML tables: what is unknown or of another type is an error that names the file."""

import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from ...errors import TrainingError
from .tables import Config, options


def load(path: Path, base: Config | None = None) -> Config:
    """Settings from a TOML file over the defaults.

    :raises TrainingError: unreadable, not TOML, or holding something unknown.
    """
    return merge(base or Config(), read_toml(path), str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file.

    :raises TrainingError: unreadable, or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path}: cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"{path}: not TOML ({error})") from error


def merge(config: Config, tables: Mapping[str, Mapping[str, Any]], origin: str) -> Config:
    """Replace fields by those of ``tables``.

    :param origin: file or command, named in errors.
    :raises TrainingError: an unknown table or field, or a value of the wrong type.
    """
    known = {(table, item.name): item.type for table, item in options()}
    for table, values in tables.items():
        if not isinstance(values, Mapping):
            raise TrainingError(f"{origin}: '{table}' stands outside a table; expected it under [table]")
        if table not in {key for key, _ in known}:
            names = ", ".join(item.name for item in fields(Config))
            raise TrainingError(f"{origin}: unknown table [{table}]; expected one of {names}")
        for name, value in values.items():
            if (table, name) not in known:
                hint = next((f"; it belongs to [{t}]" for t, n in known if n == name), "")
                raise TrainingError(f"{origin}: unknown option '{name}' in [{table}]{hint}")
            checked = {name: convert(value, known[table, name], f"{origin}: {name}")}
            config = replace(config, **{table: replace(getattr(config, table), **checked)})
    return config


def convert(value: Any, kind: Any, origin: str) -> Any:
    """Check a TOML value against the type of its field.

    A single value stands for a list of one, and a number for a word: ``frames = 10``.

    :raises TrainingError: it does not fit.
    """
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise TrainingError(f"{origin} = {value!r}; expected one of {', '.join(get_args(kind))}")
        return value
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        values = value if isinstance(value, list | tuple) else [value]
        words = [str(item) if inner is str and type(item) is int else item for item in values]
        return tuple(convert(item, inner, origin) for item in words)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TrainingError(f"{origin} = {value!r}; expected {kind.__name__}")
    return value
