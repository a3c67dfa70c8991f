"""Settings from the command line: a group of options per table, and ``--set`` for what files alone have."""

import argparse
import tomllib
from dataclasses import Field, fields
from typing import Any, Literal, get_args, get_origin

from ...errors import TrainingError
from .tables import Config, options


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options; those not given stay absent, so that a file's values are not overridden."""
    for table in fields(Config):
        about = (table.type.__doc__ or "").partition("\n")[0]
        group = parser.add_argument_group(f"[{table.name}]", about)
        items = [item for name, item in options() if name == table.name]
        for item in items:
            if not item.metadata["file_only"]:
                _add_option(group, item)
        if rare := ", ".join(item.name for item in items if item.metadata["file_only"]):
            group.description = f"{about} In files, or by --set: {rare}."
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="any setting, in the words of TOML"
    )


def _add_option(group: "argparse._ArgumentGroup", item: "Field[Any]") -> None:
    flag, kind, value = f"--{item.name.replace('_', '-')}", item.type, _shown(item.default)
    about = item.metadata["help"] + (f" (default {value})" if value else "")
    settings: dict[str, Any] = {"default": argparse.SUPPRESS, "help": about.replace("%", "%%")}
    if kind is bool:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, **settings)
    elif get_origin(kind) is Literal:
        group.add_argument(flag, choices=get_args(kind), **settings)
    elif get_origin(kind) is tuple:
        group.add_argument(flag, nargs="*", type=get_args(kind)[0], metavar="X", **settings)
    else:
        assert isinstance(kind, type)
        group.add_argument(flag, type=kind, metavar=kind.__name__.upper(), **settings)


def _shown(value: object) -> str:
    """A default in the words of the command line; empty where there is none."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def from_arguments(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Tables of the options that were given on the command line.

    :raises TrainingError: a ``--set`` that is no NAME=VALUE, or names nothing.
    """
    given = dict(vars(arguments)) | dict(assignment(text) for text in arguments.set)
    tables: dict[str, dict[str, Any]] = {}
    for table, item in options():
        if item.name in given:
            tables.setdefault(table, {})[item.name] = given[item.name]
    return tables


def assignment(text: str) -> tuple[str, Any]:
    """Name and value of ``NAME=VALUE``; a value that is not TOML is a word.

    :raises TrainingError: it is none, or no setting has this name.
    """
    name, sign, value = text.partition("=")
    if not sign or name not in {item.name for _, item in options()}:
        raise TrainingError(f"--set {text}: expected NAME=VALUE with the name of a setting, such as keep=10")
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value
