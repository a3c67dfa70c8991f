"""Checkpoints that a crash, a kill or a full disk cannot spoil.

A checkpoint is written under another name, forced to disk and then renamed; older ones are removed only after that.
Who goes back to an older one keeps those that came after it, under another name.
"""

import io
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ...errors import TrainingError
from ...files import write_file
from ..config import FIXED, Config, merge, options, to_dict
from ..rates import eased, easing, learning_rate

log = logging.getLogger(__name__)

FORMAT = 2


def checkpoint_folder(run: Path) -> Path:
    """Where a run keeps its checkpoints."""
    return run / "checkpoints"


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a state atomically.

    :raises TrainingError: the disk is full or the folder cannot be written; what was there before stays intact.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, buffer.getbuffer())
    except OSError as error:
        raise TrainingError(f"cannot write {path}: {error.strerror}; earlier checkpoints are intact") from error


def save_numbered(run: Path, iteration: int, state: dict[str, Any], keep: int) -> Path:
    """Write the checkpoint of an iteration and remove all but that and the newest ``keep - 1`` of the others."""
    path = checkpoint_folder(run) / f"{iteration:08d}.pt"
    save(path, state)
    others = [other for other in numbered(run) if other != path]
    for old in others[: max(len(others) - max(keep - 1, 0), 0)]:
        old.unlink(missing_ok=True)
    return path


def refuse_another_run(folder: Path) -> None:
    """See that a folder is free for a run.

    :raises TrainingError: it holds checkpoints, which those of another run would mix with and push out.
    """
    if numbered(folder):
        raise TrainingError(f"{folder} already holds a run; continue it with --resume {folder}, or use another --out")


def set_newer_aside(run: Path, iteration: int) -> None:
    """Rename what a run that goes on from an iteration leaves behind: newer checkpoints, and a best one among them.

    The next ``--resume RUN`` would go on from those instead.

    :raises TrainingError: the best checkpoint is damaged, or a file cannot be renamed.
    """
    newer = [path for path in numbered(run) if path.name > f"{iteration:08d}.pt"]
    best = checkpoint_folder(run) / "best.pt"
    if newer and best.exists() and load(best)["iteration"] > iteration:
        newer.append(best)
    try:
        for path in newer:
            path.replace(path.with_name(path.name + ".aside"))
    except OSError as error:
        raise TrainingError(f"cannot rename checkpoints in {checkpoint_folder(run)}: {error.strerror}") from error
    if newer:
        names = ", ".join(path.name for path in newer)
        log.info("back to iteration %d: set aside as .aside in %s: %s", iteration, checkpoint_folder(run), names)


def numbered(run: Path) -> list[Path]:
    """Checkpoints of a run, oldest first."""
    return sorted(checkpoint_folder(run).glob("[0-9]*.pt"))


def load(path: Path) -> dict[str, Any]:
    """Read one checkpoint.

    :raises TrainingError: it is damaged or not one of this trainer's.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise TrainingError(f"{path} does not exist") from None
    except Exception as error:  # torch reports damaged archives by many types, and proposes to open them unsafely
        raise TrainingError(f"{path}: not a readable checkpoint: damaged, or of another program") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise TrainingError(f"{path}: not a checkpoint of this trainer, or of another version")
    return state


def find(run: Path) -> Path:
    """The newest checkpoint of a run's folder, or the file itself if one is named.

    :raises TrainingError: there is none.
    """
    if run.is_file():
        return run
    found = numbered(run)
    if not found:
        raise TrainingError(f"{run}: holds no checkpoint (looked in {checkpoint_folder(run)})")
    return found[-1]


def pick(run: Path, *, last: bool = False) -> Path:
    """The best checkpoint of a run by its rule, or the newest; a file that is named itself.

    :param last: the newest even where there is a best one.
    :raises TrainingError: there is none.
    """
    best = checkpoint_folder(run) / "best.pt"
    return best if run.is_dir() and best.exists() and not last else find(run)


def run_of(named: Path) -> Path | None:
    """The run's folder that was named, or that the file named lies in; None for a file elsewhere."""
    if not named.is_file():
        return named
    run = named.absolute().parent.parent
    return run if checkpoint_folder(run) == named.absolute().parent else None


def stored_config(state: dict[str, Any], changes: Mapping[str, Mapping[str, Any]], path: Path) -> Config:
    """The settings of a checkpoint with the given changes.

    :raises TrainingError: a change concerns what is fixed, so that the checkpoint would not fit.
    """
    config = merge(Config(), state["config"], str(path))
    for table, item in options():
        name = item.name
        new = changes.get(table, {}).get(name)
        old = getattr(getattr(config, table), name)
        if name in FIXED and new is not None and new != old:
            shown = "none" if old == "" else old
            raise TrainingError(
                f"{path}: {name} is {shown} in the checkpoint, {new} was asked for; start a new run for it"
            )
    changed = eased(config, merge(config, changes, "command line"), state["iteration"])
    if changed.loop.iterations != config.loop.iterations:
        _say_new_length(config, changed, state["iteration"])
    if changed.model.flow_rounds < 0:
        # The run has begun: init has been asked.
        changed = replace(changed, model=replace(changed.model, flow_rounds=max(config.model.flow_rounds, 0)))
    return changed


def _say_new_length(before: Config, after: Config, iteration: int) -> None:
    length = f"the run has {after.loop.iterations} iterations now, {before.loop.iterations} before"
    rates = after.optimiser
    if rates.eased_from != iteration:
        log.info("%s", length)
        return
    last = min(iteration + easing(iteration, after.loop.iterations), after.loop.iterations)
    factor = learning_rate(rates, last, after.loop.iterations)
    log.info(
        "%s: the learning rate moves from %.3g to %.3g up to iteration %d",
        length, rates.lr * rates.eased_factor, rates.lr * factor, last,
    )  # fmt: skip


def pack(config: Config, iteration: int, objective: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Everything that a run continues from. Samples depend on (seed, iteration) alone, so that is the data position."""
    rng: dict[str, Any] = {"torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        rng["cuda"] = torch.cuda.get_rng_state_all()
    return {
        "format": FORMAT,
        "config": to_dict(config),
        "iteration": iteration,
        "objective": objective,
        "rng": rng,
        **extra,
    }


def restore_rng(state: dict[str, Any]) -> None:
    """Set torch's random generators to where the checkpoint left them."""
    torch.set_rng_state(state["rng"]["torch"])
    if torch.cuda.is_available() and len(state["rng"].get("cuda", ())) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["rng"]["cuda"])
