"""The training loop, to be read from top to bottom. What is trained is behind :class:`~..objectives.base.Objective`."""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ...errors import TrainingError
from ...reasons import reason
from ..config import Config, absolute, check
from ..config.paths import located
from ..data.build import build_samples, check_store
from ..data.degrade import describe
from ..data.loader import batches
from ..data.opened import open_store
from ..data.partners import words_of
from ..data.store import Store
from ..objectives import Objective, Phase, objective_of
from ..objectives.base import NotFiniteError, Validator
from ..objectives.networks import with_init
from ..precision import resolve, warn_if_slow
from . import checkpoint
from .divergence import leave_resumable
from .folder_lock import folder_lock
from .interruption import Interruption
from .logs import Logs
from .parallel import Processes, any_process, connect, disconnect, pick_device, processes
from .progress import Means, TrainingProgress
from .watch import Watch

log = logging.getLogger(__name__)


@dataclass
class Run:
    """A training run between two iterations."""

    config: Config
    folder: Path
    own: Processes
    device: torch.device
    store: Store
    objective: Objective
    first: Phase | None
    """The phase in progress before the first iteration of the objective, or None."""
    validator: Validator | None = None
    watch: Watch | None = None
    began: int = 0
    """Iteration that this session began from."""
    best: float = float("-inf")
    best_iteration: int = -1
    scores: dict[str, float] = field(default_factory=dict)
    """Of the best checkpoint."""
    seconds: float = 0.0
    """Time spent in earlier sessions."""
    waited: float = 0.0
    """Time that the last iteration waited for its samples."""
    started: float = field(default_factory=time.monotonic)
    saved_at: float = field(default_factory=time.monotonic)


def train(config: Config, folder: Path, resume: dict[str, Any] | None = None) -> bool:
    """Train until the run's iterations or minutes are over, or until a polite interruption.

    :param folder: the run: checkpoints, best checkpoint, metrics.csv, samples, TensorBoard files.
    :param resume: a checkpoint to go on from.
    :return: whether all iterations are done.
    :raises TrainingError: settings, data or disk do not allow it; whatever was saved stays.
    """
    own = processes()
    check(config, own.world)
    if resume is None:
        config = with_init(config)
    config = absolute(config)
    device = pick_device(config.loop.device, own)
    if config.loop.threads:
        torch.set_num_threads(config.loop.threads)
    if own.main:
        warn_if_slow(config.loop.precision, device)
    connect(own, device)
    held = ExitStack()
    try:
        run = set_up(config, folder, own, device, resume, held)
        with Interruption() as interruption:
            if run.first is not None and optimise(run, run.first, interruption):
                run.first = None
            if run.first is None:
                optimise(run, run.objective, interruption)
        log.info("stopped at iteration %d after %.1f minutes", run.objective.iteration, elapsed(run) / 60)
        return objective_done(run)
    finally:
        disconnect(own)
        held.close()


def set_up(
    config: Config, folder: Path, own: Processes, device: torch.device, resume: dict[str, Any] | None, held: ExitStack
) -> Run:
    """Open the data, build the networks, take up a checkpoint.

    :param held: what must be let go at the end of the run is given to it: the folder's lock.
    """
    if resume is None:
        checkpoint.refuse_another_run(folder)
    store = open_store(config)
    if resume is None and own.main:
        check_store(config.degradation, store)
    objective = objective_of(config, device, own.world, begin=resume is None)
    objective.dataset(store)
    run = Run(config, folder, own, device, store, objective, objective.first())
    if resume is not None:
        take_up(run, resume)
    if own.main:
        open_folder(run, held)
        run.watch = Watch(folder, config, str(device), active=True)
        if config.loop.eval_every:
            run.validator = objective.validator(store)
    log.info(
        "%d clips, %s, %s, from iteration %d",
        len(store.clips("train")), device, resolve(config.loop.precision, device), objective.iteration,
    )  # fmt: skip
    return run


def take_up(run: Run, state: dict[str, Any]) -> None:
    """Go on from a checkpoint."""
    try:
        run.objective.load_state_dict(state["objective"])
        if run.first is not None and state["first"] is not None:
            run.first.load_state_dict(state["first"])
    except (RuntimeError, ValueError, KeyError) as error:
        raise TrainingError(f"the checkpoint does not fit this architecture: {reason(error)}") from error
    if state["first"] is None:
        run.first = None
    run.began, run.seconds = run.objective.iteration, state["seconds"]
    run.best, run.best_iteration, run.scores = state["best"], state["best_iteration"], dict(state["scores"])
    if run.best > float("-inf") and located(state["standard"]) != run.objective.standard():
        log.info("scores do not compare with earlier ones any more: the next evaluated checkpoint is the best")
        run.best = float("-inf")
    checkpoint.restore_rng(state)


def open_folder(run: Run, held: ExitStack) -> None:
    """Make the run's folder and keep others out, or set aside what another session left there behind this iteration."""
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"cannot create {run.folder}: {error.strerror}") from error
    held.enter_context(folder_lock(run.folder))
    checkpoint.set_newer_aside(run.folder, run.objective.iteration)
    if run.best > float("-inf") and not (checkpoint.checkpoint_folder(run.folder) / "best.pt").exists():
        log.info("no best checkpoint is there any more; the next evaluation begins anew")
        run.best = float("-inf")


def optimise(run: Run, phase: Phase, interruption: Interruption) -> bool:
    """Step until the phase is over; whether the run may go on behind it."""
    loop, own = run.config.loop, run.own
    if phase is not run.objective:
        log.info("%s: from iteration %d of %d", phase.name, phase.iteration, phase.iterations)
    logs = Logs(run.folder, tensorboard=loop.tensorboard, active=own.main, iteration=phase.iteration, name=phase.name)
    over, stop, means = phase.iteration >= phase.iterations, False, Means()
    if phase is run.objective and not phase.iteration and run.config.model.init and loop.eval_every:
        log.info("the weights of init, before any training:")
        validate(run, logs)
    deadline = run.started + 60 * loop.minutes if loop.minutes > 0 else math.inf
    with TrainingProgress(phase.iterations, phase.iteration, active=own.main, deadline=deadline) as bar:
        for batch in feed(run, phase):
            with not_finite_stops(run, phase, batch):
                metrics = phase.step(batch)
            iteration = phase.iteration
            over = iteration >= phase.iterations
            bar.show(iteration, metrics)
            means.add(metrics | {"waited": run.waited})
            if iteration % loop.log_every == 0 or over:
                log_row(run, phase, logs, means, bar.speed)
            if loop.eval_every and (iteration % loop.eval_every == 0 or over) and phase is run.objective:
                show(run, logs, batch)
                validate(run, logs)
            if run.watch is not None and run.watch.due():
                watch(run, phase, batch, bar.speed)
            if over:
                phase.finish()
            stop = any_process(time_is_up(run) or interruption.came, own.world, run.device)
            if stop and means:
                log_row(run, phase, logs, means, bar.speed)
            if stop or over or checkpoint_due(run, iteration):
                save(run)
            if stop or (over and phase is run.objective):
                watch(run, phase, batch, bar.speed, ended=True)
            if stop:
                break
    logs.close()
    return over and not stop


def log_row(run: Run, phase: Phase, logs: Logs, means: Means, speed: float) -> None:
    """A row of the means since the last one."""
    mean = means.take()
    times = {"seconds": elapsed(run), "speed": speed, "waited": mean.pop("waited")}
    logs.scalars(phase.iteration, phase.summary(mean) | times)


def feed(run: Run, phase: Phase) -> Iterator[Any]:
    """The batches of a phase, from its present iteration on; how long each was waited for is noted."""
    workers = min(run.config.data.workers, phase.most_workers)
    samples, indices = phase.dataset(run.store), phase.indices(run.own)
    loader = batches(samples, indices, workers, pin=run.device.type == "cuda")
    while phase.iteration < phase.iterations:
        began = time.monotonic()
        items = next(loader)
        run.waited = time.monotonic() - began
        yield phase.to_batch(items)


@contextmanager
def not_finite_stops(run: Run, phase: Phase, batch: Any) -> Iterator[None]:
    """On a NaN the batch is saved and the run stops; the text names the checkpoint to resume."""
    try:
        yield
    except NotFiniteError as error:
        path = run.folder / f"not-finite-{phase.iteration:08d}-rank{run.own.rank}.pt"
        tensors = [x for x in (batch if isinstance(batch, tuple) else vars(batch).values()) if torch.is_tensor(x)]
        checkpoint.save(path, {"phase": phase.name, "iteration": phase.iteration, "batch": tensors})
        advice = "go on"
        if run.own.main:
            advice = leave_resumable(run.folder, run.objective.iteration, run.began, state_of(run))
        raise TrainingError(
            f"{phase.name}, iteration {phase.iteration}: a loss is not finite ({error}); the batch is in "
            f"{path}, {advice} with a lower learning rate or another precision"
        ) from error


def show(run: Run, logs: Logs, batch: Any) -> None:
    """Clips in motion and flow histograms from the current batch."""
    if run.own.main and (preview := run.objective.preview(batch)) is not None:
        logs.motion(run.objective.iteration, "train", preview)


def watch(run: Run, phase: Phase, batch: Any, speed: float, *, ended: bool = False) -> None:
    """The picture and the page of the run."""
    if run.watch is not None:
        preview = run.objective.preview(batch) if phase is run.objective else None
        at = (phase.iteration, phase.iterations)
        run.watch.write(phase.name, at, elapsed(run), speed, preview, ended=ended)


def validate(run: Run, logs: Logs) -> None:
    """Evaluate on the held-out clips, and keep the checkpoint if it is the best."""
    if run.validator is None:
        return
    iteration = run.objective.iteration
    result = run.validator(iteration)
    logs.scalars(iteration, {f"eval_{name}": value for name, value in result.values.items()} | result.motion)
    if result.preview is not None:
        logs.motion(iteration, "eval", result.preview)
        if run.watch is not None:
            run.watch.held_out(iteration, result.preview)
    shown = (result.values | result.motion).items()
    log.info("iteration %d: %s", iteration, ", ".join(f"{name} {value:.4f}" for name, value in shown))
    if result.score is not None and result.score > run.best:
        run.best, run.best_iteration, run.scores = result.score, iteration, result.values
        checkpoint.save(checkpoint.checkpoint_folder(run.folder) / "best.pt", state_of(run))


def state_of(run: Run) -> dict[str, Any]:
    """The run as a checkpoint."""
    extra = {
        "first": run.first.state_dict() if run.first is not None and not run.objective.iteration else None,
        "best": run.best,
        "best_iteration": run.best_iteration,
        "scores": run.scores,
        "standard": run.objective.standard(),
        "seconds": elapsed(run),
        "degradation": describe(build_samples(run.config).degradation) | words_of(run.store.settings),
        "device": str(run.device),
        "precision": resolve(run.config.loop.precision, run.device),
        "sources": sorted({record.name for record in run.store.records}),
    }
    return checkpoint.pack(run.config, run.objective.iteration, run.objective.state_dict(), extra)


def save(run: Run) -> None:
    """Write the checkpoint of this iteration."""
    if run.own.main:
        checkpoint.save_numbered(run.folder, run.objective.iteration, state_of(run), run.config.loop.keep)
    run.saved_at = time.monotonic()


def objective_done(run: Run) -> bool:
    """Whether all iterations of the run are done."""
    return run.objective.iteration >= run.objective.iterations


def elapsed(run: Run) -> float:
    """Seconds of training in this and earlier sessions."""
    return run.seconds + time.monotonic() - run.started


def checkpoint_due(run: Run, iteration: int) -> bool:
    """By iterations or by minutes, whichever comes first; only the main process keeps time, and only it saves."""
    every, minutes = run.config.loop.checkpoint_every, (time.monotonic() - run.saved_at) / 60
    return (every > 0 and iteration % every == 0) or minutes >= run.config.loop.checkpoint_minutes


def time_is_up(run: Run) -> bool:
    """Whether this session's minutes are over."""
    minutes = run.config.loop.minutes
    return minutes > 0 and (time.monotonic() - run.started) / 60 >= minutes
