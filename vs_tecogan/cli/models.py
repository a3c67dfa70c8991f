"""``vs-tecogan models``: the models that come with the package."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..weights import ModelCard


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser(
        "models",
        description="List the shipped models; * marks the one that the filter takes where none is named (upscale goes "
        "by the file's codec). Any of these names goes to --model.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)


def run(_args: argparse.Namespace) -> int:
    """Print the table to stdout."""
    from ..errors import UsageError
    from ..weights import DEFAULT_MODEL, models_folder, shipped_models

    cards = shipped_models()
    if not cards:
        raise UsageError(f"no model found in {models_folder()}; install the package again")
    print(table(cards, DEFAULT_MODEL))  # noqa: T201
    return 0


def table(cards: "Sequence[ModelCard]", default: str) -> str:
    """The models as an aligned table, then one paragraph each of what they are, their training and their licence."""
    head = ("name", "scale", "architecture", "scores")
    rows = [
        (
            f"{card.name}{'*' if card.name == default else ''}",
            f"{card.spec.scale}x",
            f"FRNet {card.spec.blocks}x{card.spec.channels} ({card.spec.dialect.value})",
            ", ".join(f"{name} {value:g}" for name, value in card.scores.items()) or "-",
        )
        for card in cards
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    return "\n".join(line.rstrip() for line in lines) + "".join(_details(card) for card in cards)


def _details(card: "ModelCard") -> str:
    facts = {"degradation": card.degradation, "data": card.data, "training": card.training, "licence": card.licence}
    lines = [f"\n\n{card.name}: {card.description}".rstrip(": ")]
    return "\n".join(lines + [f"  {name}: {text}" for name, text in facts.items() if text])
