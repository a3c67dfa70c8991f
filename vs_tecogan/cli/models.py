"""``vs-tecogan models``: the models that come with the package."""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import WeightsError
from ..networks import (
    Alignment,
    FluidSpec,
    GeneratorSpec,
    LongVideoSpec,
    LongVideoSRSpec,
    MotionSpec,
    SourceSpec,
    Spec,
    StyleSpec,
)
from ..weights import DEFAULT_MODEL, ModelCard, load_model, models_folder, shipped_models, shipped_use

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser(
        "models",
        description="Say in one line what each shipped model is for; * marks the filter's default. With a name or a "
        "file: everything that the model says of itself. Any name goes to --model, and to model= in a script.",
        allow_abbrev=False,
    )
    parser.add_argument("model", metavar="MODEL", nargs="?", help="name of a shipped model, or a weight file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the list, or one card, to stdout.

    :raises WeightsError: no model is there, or the one that was named cannot be opened.
    """
    if args.model is not None:
        print(details(load_model(args.model).card, shipped_use(args.model)))  # noqa: T201
        return 0
    cards = shipped_models()
    if not cards:
        raise WeightsError(f"no model found in {models_folder()}; install the package again")
    print(listing(((card.name, shipped_use(card.name) or card.description) for card in cards), DEFAULT_MODEL))  # noqa: T201
    return 0


def listing(models: Iterable[tuple[str, str]], default: str) -> str:
    """One aligned line for each model: its name, marked where it is the default, and what it is for."""
    rows = [(f"{name}*" if name == default else name, use) for name, use in models]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.ljust(width)}  {use}".rstrip() for name, use in rows)


def details(card: ModelCard, use: str = "") -> str:
    """A card as lines of name and value, without what it does not say."""
    spec = card.spec
    facts = {
        "name": card.name,
        "for": use,
        "description": card.description,
        "scale": "" if isinstance(spec, SourceSpec) else f"{spec.scale}x",
        "network": _network(spec),
        "flow": _flow(spec),
        "degradation": card.degradation,
        "data": card.data,
        "training": card.training,
        "licence": card.licence,
        "scores": ", ".join(f"{name} {value:g}" for name, value in card.scores.items()),
    }
    width = max(map(len, facts))
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in facts.items() if value)


def _network(spec: Spec) -> str:
    if isinstance(spec, GeneratorSpec):
        return f"FRNet, {spec.blocks} blocks of {spec.channels} channels, dialect {spec.dialect.value}"
    if isinstance(spec, FluidSpec):
        return f"tempoGAN for smoke in {spec.dimensions}-D, design {spec.design}, sees {spec.inputs}"
    if isinstance(spec, StyleSpec):
        return f"image generator, {spec.size}x{spec.size}"
    if isinstance(spec, LongVideoSpec):
        return f"LongVideoGAN, {spec.width}x{spec.height}, {spec.channels} channels, {spec.step} frames a step"
    if isinstance(spec, LongVideoSRSpec):
        widths = ", ".join(map(str, spec.widths))
        return f"LongVideoGAN's second stage, {spec.scale}x, {widths} channels, sees {spec.window} frames"
    if isinstance(spec, MotionSpec):
        return f"MoCoGAN-HD, {spec.image.size}x{spec.image.size}, {spec.components} components"
    ahead = f", looks {spec.ahead} frame ahead" if spec.ahead else ""
    handle = ", takes a strength" if spec.strength else ""
    return f"RecurrentSR, {spec.blocks} blocks of {spec.channels} channels{ahead}{handle}"


def _flow(spec: Spec) -> str:
    if isinstance(spec, GeneratorSpec):
        return f"refined in {spec.flow_rounds} rounds" if spec.flow_rounds else "as the flow network gives it"
    if isinstance(spec, FluidSpec | SourceSpec):
        return "none"
    return "none" if spec.alignment is Alignment.NONE else f"without weights, {spec.flow_rounds} rounds"
