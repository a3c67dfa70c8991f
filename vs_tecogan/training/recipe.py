"""Recipes: the stages of a model from nothing to a file for the filter, as data.

::

    description = "..."                # of the model; licence = "..." likewise
    base = "recurrent-4x"              # a recipe whose stages come first
    weights = { late = 0.6, early = 0.4 }    # parts of the stages in the model; without it the last stage alone

    [[stage]]
    name = "late"
    presets = ["frvsr-modern"]         # files of recipes/presets
    init = { early = 0.5, other = 0.5 }     # or one stage, "" for nothing; without it the stage before
    seconds = 2.0                      # per iteration, where and how is said in a comment; for the plan

    [stage.data]                       # any setting of a run
    batch = 4

Each stage is a run in a folder of its own. What is finished is left alone, what was interrupted goes on: the same
command again is all it takes.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..errors import TrainingError, UserError
from ..weights import Model, interpolate, load_model, save_model
from .config import Config, check, load, merge, read_toml
from .data.build import check_store
from .data.loader import batches
from .data.opened import needs_store, open_store
from .data.store import Store
from .objectives import Phase, objective_of
from .objectives.networks import with_init
from .run import checkpoint
from .run.export import export
from .run.loop import train
from .run.parallel import Processes, pick_device, processes

log = logging.getLogger(__name__)

Tables = Mapping[str, Mapping[str, Any]]

MEASURED_STEPS = 4
"""Steps by which a plan measures, after one that does not count; even, as a burn-in comes in every other one."""
PATIENCE = 600.0
"""Seconds that other processes wait for a file of the first one."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One run of a recipe."""

    name: str
    tables: Tables
    """Settings over those of the presets."""
    presets: tuple[str, ...] = ()
    init: Mapping[str, float] | str = ""
    """Parts of earlier stages, or a model's name or file; empty for nothing."""
    seconds: float = 0.0
    """Stated seconds per iteration; 0 where none are stated."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A model as its stages."""

    name: str
    description: str
    licence: str
    stages: tuple[Stage, ...]
    weights: Mapping[str, float]
    """Parts of stages in the model."""
    half: bool
    """Store float16."""


def recipes_folder() -> Path:
    """Where recipes lie: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_recipes"
    return installed if installed.is_dir() else package.parent / "recipes"


def find_preset(name: str) -> Path:
    """A file of settings by path, or a preset by name."""
    known = recipes_folder() / "presets" / f"{name}.toml"
    return known if known.is_file() else Path(name)


def find_recipe(name: str) -> Recipe:
    """A recipe by name, or by the path of a file that ends in .toml.

    :raises TrainingError: there is none, or it cannot be used.
    """
    path = Path(name) if name.endswith(".toml") else recipes_folder() / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in recipes_folder().glob("*.toml")))
        raise TrainingError(f"recipe {name!r} is not known; expected one of {known}, or a file that ends in .toml")
    return read_recipe(path)


def read_recipe(path: Path) -> Recipe:
    """Read a file, and the recipe that it builds on.

    :raises TrainingError: it is no recipe, or a stage names what does not come before it.
    """
    content = read_toml(path)
    unknown = content.keys() - {"description", "licence", "base", "weights", "half", "stage"}
    if unknown or not isinstance(content.get("stage"), list):
        raise TrainingError(f"{path}: expected description, licence, base, weights, half and [[stage]]; see {__name__}")
    base = content.get("base", "")
    stages = list(find_recipe(base).stages) if base else []
    for table in content["stage"]:
        stages.append(read_stage(dict(table), stages, path))
    names = {stage.name for stage in stages}
    weights = content.get("weights", {stages[-1].name: 1.0})
    if missing := weights.keys() - names:
        raise TrainingError(f"{path}: weights of {', '.join(sorted(missing))}, but no stage has that name")
    return Recipe(
        name=path.stem,
        description=content.get("description", ""),
        licence=content.get("licence", ""),
        stages=tuple(stages),
        weights=weights,
        half=content.get("half", True),
    )


def read_stage(table: dict[str, Any], before: list[Stage], path: Path) -> Stage:
    """One ``[[stage]]``.

    :raises TrainingError: its name is missing or taken, or it begins with a stage that does not come before it.
    """
    name = table.pop("name", "")
    names = [stage.name for stage in before]
    if not name or name in names:
        raise TrainingError(f"{path}: each stage needs a name of its own; got {name!r}")
    init = table.pop("init", {names[-1]: 1.0} if names else "")
    if init in names:
        init = {init: 1.0}
    if isinstance(init, dict) and (missing := init.keys() - set(names)):
        raise TrainingError(f"{path}: stage {name} begins with {', '.join(sorted(missing))}, which is no earlier stage")
    presets, seconds = tuple(table.pop("presets", ())), float(table.pop("seconds", 0))
    stage = Stage(name=name, tables=table, presets=presets, init=init, seconds=seconds)
    settings(stage, {})
    return stage


def settings(stage: Stage, changes: Tables) -> Config:
    """Of its run, but for the weights to start with.

    :param changes: options of the command, which win over the recipe's.
    :raises TrainingError: an unknown setting, or a value that cannot be.
    """
    config = Config()
    for preset in stage.presets:
        config = load(find_preset(preset), config)
    config = merge(merge(config, stage.tables, f"stage {stage.name}"), changes, "command line")
    check(config, 1)
    return config


def run_recipe(recipe: Recipe, changes: Tables, out: Path) -> Path | None:
    """Run what is not finished yet.

    :param out: folder of the stages and of the model.
    :return: the model's file; ``None`` after an interruption, or when the minutes are over.
    :raises UserError: settings, data or disk do not allow it; whatever was saved stays. What a later stage lacks is
        said before the first one begins.
    """
    if "init" in changes.get("model", {}):
        raise TrainingError("a recipe says itself what its stages begin with; leave out --init")
    check_needs(recipe, changes, out, data=True)
    main = processes().main
    files: dict[str, Path] = {}
    for number, stage in enumerate(recipe.stages, 1):
        folder, files[stage.name] = stage_paths(out, number, stage)
        if files[stage.name].exists():
            log.info("stage %s: finished", stage.name)
            continue
        log.info("stage %s: %d of %d", stage.name, number, len(recipe.stages))
        if not run_stage(stage, changes, folder, files, main=main):
            log.info("stage %s is not finished; the same command goes on with it", stage.name)
            return None
        if main:
            export(folder, files[stage.name], last=True)
        wait_for(files[stage.name])
    target = out / f"{recipe.name}.safetensors"
    if main:
        model = average({files[name]: part for name, part in recipe.weights.items()})
        steps = ", ".join(f"{s.name} {settings(s, changes).loop.iterations}" for s in recipe.stages)
        card = replace(
            model.card,
            name=recipe.name,
            description=recipe.description,
            licence=recipe.licence,
            training=f"recipe {recipe.name}, iterations by stage: {steps}",
        )
        save_model(target, model.network, card, half=recipe.half)
        log.info("finished: %s", target)
    return target


def stage_paths(out: Path, number: int, stage: Stage) -> tuple[Path, Path]:
    """Folder of a stage's run, and the file of its weights; stages count from 1."""
    name = f"{number:02d}-{stage.name}"
    return out / name, out / f"{name}.safetensors"


def check_needs(recipe: Recipe, changes: Tables, out: Path | None, *, data: bool) -> None:
    """See that every stage that has not begun finds its data and its weight files, without training.

    Networks are built on the CPU, whatever device the stages run on.

    :param out: folder of the stages, if there is one.
    :param data: a store must be named; else, where none is, the weight files alone are checked.
    :raises TrainingError: the text names the stage and what it lacks.
    """
    for number, stage in enumerate(recipe.stages, 1):
        if out is not None:
            folder, file = stage_paths(out, number, stage)
            if file.exists() or checkpoint.numbered(folder):
                continue
        try:
            check_stage(stage, settings(stage, changes), data=data)
        except UserError as error:
            raise TrainingError(f"stage {stage.name}: {error}") from error


def check_stage(stage: Stage, config: Config, *, data: bool) -> None:
    """See that a stage can begin, but for the weights of the stages before.

    :raises UserError: data or a weight file is missing, or does not serve.
    """
    later = not isinstance(stage.init, str)
    if isinstance(stage.init, str):
        config = with_init(replace(config, model=replace(config.model, init=stage.init)))
    objective = objective_of(config, torch.device("cpu"), begin=not later)
    if needs_store(config) and not data:
        return
    store = open_store(config)
    check_store(config.degradation, store)
    objective.dataset(store)
    if not later and (first := objective.first()) is not None:
        first.dataset(store)


def run_stage(stage: Stage, changes: Tables, folder: Path, files: Mapping[str, Path], *, main: bool) -> bool:
    """Begin a stage, or go on with it; whether it is finished."""
    if checkpoint.numbered(folder):
        path = checkpoint.find(folder)
        state = checkpoint.load(path)
        return train(checkpoint.stored_config(state, changes, path), folder, state)
    config = settings(stage, changes)
    init = stage.init
    if not isinstance(init, str):
        begin = folder.with_name(f"{folder.name}-init.safetensors")
        if main:
            model = average({files[name]: part for name, part in init.items()})
            save_model(begin, model.network, model.card)
        wait_for(begin)
        init = str(begin)
    return train(replace(config, model=replace(config.model, init=init)), folder)


def wait_for(file: Path) -> None:
    """Return when another process has written a file.

    :raises TrainingError: it does not come.
    """
    began = time.monotonic()
    while not file.exists():
        if time.monotonic() - began > PATIENCE:
            raise TrainingError(f"{file} was not written by the first process")
        time.sleep(0.2)


def average(parts: Mapping[Path, float]) -> Model:
    """The weights of several models, averaged.

    :param parts: relative; their sum counts as 1.
    :raises WeightsError: a file cannot be used, or architectures differ.
    """
    total, result = 0.0, None
    for file, part in parts.items():
        model, total = load_model(file), total + part
        result = model if result is None else interpolate(result, model, part / total, name=file.stem)
    if result is None:
        raise TrainingError("an average of no weights; name at least one stage")
    return result


def plan(recipe: Recipe, changes: Tables, out: Path | None) -> Iterator[str]:
    """A line per stage: iterations, what it begins with, and how long it takes.

    Seconds per iteration are measured where there is a store, else those that the recipe states.

    :raises UserError: settings or data do not allow it, or a stage lacks something.
    """
    check_needs(recipe, changes, out, data=False)
    total = 0.0
    for number, stage in enumerate(recipe.stages, 1):
        config = settings(stage, changes)
        begin = stage.init if isinstance(stage.init, str) else " + ".join(f"{v:g} {k}" for k, v in stage.init.items())
        rate, source = stage.seconds, "stated"
        if config.data.store:
            rate, source = seconds_per_iteration(config), "measured"
        hours = rate * config.loop.iterations / 3600
        total += hours
        done = out is not None and stage_paths(out, number, stage)[1].exists()
        time_text = f"{hours:.2f} hours ({rate:.2f} s per iteration, {source})" if rate else "time unknown"
        yield (
            f"{number}. {stage.name}: {config.loop.iterations} iterations from {begin or 'nothing'}, {time_text}"
            f"{', finished' if done else ''}"
        )
    parts = " + ".join(f"{part:g} {name}" for name, part in recipe.weights.items())
    yield f"{recipe.name}.safetensors = {parts}; {total:.1f} hours in all"


def seconds_per_iteration(config: Config) -> float:
    """Measured on this machine; the phase before the first iteration is spread over all of them."""
    if config.loop.threads:
        torch.set_num_threads(config.loop.threads)
    device, store = pick_device(config.loop.device, Processes()), open_store(config)
    objective = objective_of(config, device, begin=False)
    seconds = _seconds(objective, store, config.data.workers, device)
    if (first := objective.first()) is not None:
        part = first.iterations / objective.iterations
        seconds += part * _seconds(first, store, config.data.workers, device)
    return seconds


def _seconds(phase: Phase, store: Store, workers: int, device: torch.device) -> float:
    """A step, or the making of its samples where that takes longer."""
    loader = batches(phase.dataset(store), phase.indices(Processes()), 0, pin=False)
    waited = worked = 0.0
    for number in range(1 + MEASURED_STEPS):
        began = time.monotonic()
        items = next(loader)
        made = time.monotonic()
        phase.step(phase.to_batch(items))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if number:
            waited, worked = waited + made - began, worked + time.monotonic() - made
    if not workers:
        return (waited + worked) / MEASURED_STEPS
    return max(waited / workers, worked) / MEASURED_STEPS
