"""The training loop, to be read from top to bottom."""

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from ..errors import TrainingError
from ..reasons import reason
from . import checkpoint
from .build import build_feature_net, build_samples, settle, without_init
from .config import Config, check, curriculum_steps, merge
from .dataset import Curriculum, Samples, Share, Tickets, batches
from .degradations import describe
from .divergence import leave_resumable
from .evaluation import HeldOut, by_perception, evaluate, held_out, perceptual_name, rank, standard
from .flow_pretraining import MOST_WORKERS, FlowCheck, FlowPretraining, FlowTickets
from .flow_pretraining import Batch as FlowBatch
from .flow_pretraining import to_batch as to_flow_batch
from .learner import Learner, NotFinite
from .logs import Logs
from .parallel import Processes, any_process, connect, disconnect, pick_device, processes
from .progress import Progress
from .rollout import Batch, to_batch
from .store import Store
from .synthetic_motion import FlowSamples

log = logging.getLogger(__name__)


@dataclass
class Run:
    """A training run between two iterations."""

    config: Config
    folder: Path
    own: Processes
    device: torch.device
    learner: Learner
    logs: Logs
    clips: list[HeldOut]
    iteration: int = 0
    began: int = 0
    """Iteration that this session began from."""
    best: float = float("-inf")
    scores: dict[str, float] = field(default_factory=dict)
    judged: int = -1
    """Iteration of the best checkpoint, whose scores these are."""
    flow: FlowPretraining | None = None
    """The stage in which FNet is trained alone, before the first iteration."""
    check: FlowCheck | None = None
    seconds: float = 0.0
    """Time spent in earlier sessions."""
    waited: float = 0.0
    """Time that the last iteration waited for its samples."""
    started: float = field(default_factory=time.monotonic)
    saved_at: float = field(default_factory=time.monotonic)


def train(config: Config, folder: Path, resume: dict[str, Any] | None = None) -> None:
    """Train until the run's iterations or minutes are over, or until a polite interruption.

    :param folder: the run: checkpoints, best checkpoint, metrics.csv, samples, TensorBoard files.
    :param resume: a checkpoint to go on from.
    :raises TrainingError: settings, data or disk do not allow it; whatever was saved stays.
    """
    own = processes()
    check(config, own.world)
    config = settle(config)
    device = pick_device(config.loop.device, own)
    if config.loop.threads:
        torch.set_num_threads(config.loop.threads)
    connect(own, device)
    try:
        run, samples = set_up(config, folder, own, device, resume)
        with Interruption() as interruption:
            if run.flow is None or run.flow.over or pretrain(run, run.flow, interruption):
                optimise(run, samples, interruption)
        log.info("stopped at iteration %d after %.1f minutes", run.iteration, elapsed(run) / 60)
        run.logs.close()
    finally:
        disconnect(own)


def pretrain(run: Run, stage: FlowPretraining, interruption: "Interruption") -> bool:
    """Train FNet alone on known motion; whether the stage was finished."""
    loop, own = run.config.loop, run.own
    total = stage.options.flow_pretraining
    log.info("flow pre-training: FNet alone, from iteration %d of %d", stage.iteration, total)
    logs = Logs(
        run.folder, tensorboard=loop.tensorboard, active=own.main, iteration=stage.iteration, name="flow_pretraining"
    )
    with Progress(total, stage.iteration, active=own.main) as bar:
        for batch in feed_flow(run, stage):
            with nan_stops(run, "flow pre-training", stage.iteration, [batch]):
                metrics = stage.step(batch)
            bar.show(stage.iteration, metrics)
            if stage.iteration % loop.log_every == 0 or stage.over:
                logs.scalars(stage.iteration, stage.means() | {"speed": bar.speed, "waited": run.waited})
            stop = any_process(time_is_up(run) or interruption.came, own.world, run.device)
            if stage.over:
                finish_pretraining(run, stage)
            if stop or stage.over or checkpoint_due(run, stage.iteration):
                save(run)
            if stop:
                break
    logs.close()
    return stage.over and not stop


def finish_pretraining(run: Run, stage: FlowPretraining) -> None:
    """Hand FNet over to the run, and say what it has learnt."""
    stage.finish()
    if run.check is not None:
        result = run.check(run.learner.best_generator.estimate_unrefined, stage.iteration)
        log.info("flow pre-training: end-point error %(flow_epe).3f LR pixels, zero flow %(flow_epe_zero).3f", result)


def optimise(run: Run, samples: Samples, interruption: "Interruption") -> None:
    """The run proper: all networks on sequences."""
    config, own = run.config, run.own
    with Progress(config.loop.iterations, run.iteration, active=own.main) as bar:
        for micro_batches in feed(run, samples):
            with nan_stops(run, "training", run.iteration, [(b.lr, b.hr) for b in micro_batches]):
                metrics = run.learner.step(micro_batches, run.iteration)
            run.iteration += 1
            bar.show(run.iteration, metrics)
            if run.iteration % config.loop.log_every == 0:
                run.logs.scalars(
                    run.iteration, metrics | {"seconds": elapsed(run), "speed": bar.speed, "waited": run.waited}
                )
            if due(run, config.loop.image_every):
                picture(run, micro_batches[0])
            if due(run, config.loop.eval_every):
                judge(run)
            over = time_is_up(run) or interruption.came
            finished = run.iteration >= config.loop.iterations
            stop = any_process(over, own.world, run.device) or finished
            if stop or checkpoint_due(run, run.iteration):
                save(run)
            if stop:
                break


def set_up(
    config: Config, folder: Path, own: Processes, device: torch.device, resume: dict[str, Any] | None
) -> tuple[Run, Samples]:
    """Open the data, build the networks, take up a checkpoint."""
    if not config.data.store:
        raise TrainingError("no data: give --store, a folder made by vs-tecogan prepare")
    if resume is None:
        checkpoint.refuse_another_run(folder)
    store, options = Store(Path(config.data.store)), build_samples(config)
    samples = Samples(store, options, curriculum(config).longest)
    features = build_feature_net(config, device)
    learner = Learner(config if resume is None else without_init(config), device, features, own.world)
    run = Run(config, folder, own, device, learner, logs=Logs(folder, tensorboard=False, active=False), clips=[])
    if resume is not None:
        try:
            learner.load_state_dict(resume["learner"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise TrainingError(f"the checkpoint does not fit this architecture: {reason(error)}") from error
        run.iteration, run.best, run.seconds = resume["iteration"], resume["best"], resume["seconds"]
        run.began = run.iteration
        run.scores, run.judged = dict(resume["scores"]), resume.get("judged", -1)
        if run.best > float("-inf") and judged_otherwise(run, merge(Config(), resume["config"], "checkpoint")):
            log.info("scores do not compare with earlier ones any more: the next checkpoint judged is the best")
            run.best = float("-inf")
        checkpoint.restore_rng(resume)
    run.flow = flow_stage(run, (resume or {}).get("flow"))
    if own.main:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(f"cannot create {folder}: {error.strerror}") from error
        checkpoint.set_newer_aside(folder, run.iteration)
        if run.best > float("-inf") and not (checkpoint.checkpoint_folder(folder) / "best.pt").exists():
            log.info("no best checkpoint is there any more; the next evaluation begins anew")
            run.best = float("-inf")
        run.logs = Logs(folder, tensorboard=config.loop.tensorboard, active=True, iteration=run.iteration)
        if config.loop.eval_every:
            run.clips = held_out(config, options, store)
            try:
                run.check = FlowCheck(FlowSamples(store, options), config.flow.flow_patience, device)
            except TrainingError as error:
                log.warning("evaluation goes without the flow's error on known motion: %s", error)
            if run.clips:
                log.info("evaluation on %d held-out clips", len(run.clips))
            else:
                log.warning("the store holds out no clip that can be evaluated: no scores and no best checkpoint")
    log.info(
        "%d clips, %s, %s, from iteration %d", len(store.clips("train")), device, config.loop.precision, run.iteration
    )
    return run, samples


def judged_otherwise(run: Run, before: Config) -> bool:
    """Whether the best score of an earlier session, with its settings, is of another kind than those to come."""
    (network,) = [name for name in run.scores if name.startswith("perceptual_")] or [""]
    return standard(before, network) != standard(run.config, perceptual_name(run.learner.features))


def curriculum(config: Config) -> Curriculum:
    """Sequence lengths of a run."""
    return Curriculum(curriculum_steps(config), config.data.burn_in, config.data.seed)


def feed(run: Run, samples: Samples) -> Iterator[list[Batch]]:
    """The micro-batches of each iteration, from the run's iteration on."""
    config = run.config
    share = Share(batch=config.data.batch, accumulate=config.loop.accumulate, rank=run.own.rank, world=run.own.world)
    lengths = curriculum(config)
    tickets = Tickets(run.iteration, share, lengths)
    loader = batches(samples, tickets, config.data.workers, pin=run.device.type == "cuda")
    while run.iteration < config.loop.iterations:
        began = time.monotonic()
        taken = list(islice(loader, config.loop.accumulate))
        run.waited = time.monotonic() - began
        burn_in = lengths.burn_in(run.iteration)
        yield [to_batch(lr, hr, forcing, run.device, burn_in) for lr, hr, forcing in taken]


def flow_stage(run: Run, state: dict[str, Any] | None) -> FlowPretraining | None:
    """FNet's own stage, as far as it has come, where the run is still before its first iteration.

    :param state: what a checkpoint says of it; those of earlier versions say nothing.
    """
    config = run.config
    if not config.flow.flow_pretraining or run.iteration:
        return None
    if config.model.init and not config.flow.flow_again:
        log.info("no flow pre-training: FNet comes from %s", config.model.init)
        return None
    stage = FlowPretraining(config, run.learner)
    if state is not None:
        stage.load_state_dict(state)
    return stage


def feed_flow(run: Run, stage: FlowPretraining) -> Iterator[FlowBatch]:
    """The batches of FNet's own stage."""
    config = run.config
    options = build_samples(config)
    options = replace(options, crop=config.flow.flow_crop or options.crop)
    samples = FlowSamples(Store(Path(config.data.store)), options, teacher=config.flow.flow_teacher != "none")
    share = Share(batch=config.flow.flow_batch, rank=run.own.rank, world=run.own.world)
    tickets = FlowTickets(stage.iteration, share, stage.pace)
    workers = min(config.data.workers, MOST_WORKERS)
    loader = batches(samples, tickets, workers, pin=run.device.type == "cuda")
    while not stage.over:
        began = time.monotonic()
        items = next(loader)
        run.waited = time.monotonic() - began
        yield to_flow_batch(items, run.device)


@contextmanager
def nan_stops(run: Run, stage: str, iteration: int, batch: list[tuple[Tensor, ...]]) -> Iterator[None]:
    """On a NaN the batch is saved and the run stops; the text names the checkpoint to resume."""
    try:
        yield
    except NotFinite as error:
        path = run.folder / f"not-finite-{iteration:08d}-rank{run.own.rank}.pt"
        checkpoint.save(path, {"stage": stage, "iteration": iteration, "batches": batch})
        advice = leave_resumable(run.folder, run.iteration, run.began, state_of(run)) if run.own.main else "go on"
        raise TrainingError(
            f"{stage}, iteration {iteration}: a loss is not finite ({error}); the batch is in {path}, {advice} "
            "with a lower learning rate or another precision"
        ) from error


def due(run: Run, every: int) -> bool:
    """Whether something that happens every so many iterations happens now."""
    return bool(every) and (run.iteration % every == 0 or run.iteration == run.config.loop.iterations)


def picture(run: Run, batch: Batch) -> None:
    """Clips in motion and flow histograms from the current batch."""
    if not run.own.main:
        return
    with torch.no_grad(), run.learner.precision():
        outputs, flows = run.learner.generator(batch.lr[:1])
    run.logs.motion(run.iteration, "train", batch.lr[0], outputs[0], batch.hr[0])
    run.logs.flow(run.iteration, flows)


def judge(run: Run) -> None:
    """Evaluate on the held-out clips and keep the checkpoint if it is the best by :func:`evaluation.rank`."""
    generator = run.learner.best_generator
    motion = run.check(generator.estimate_unrefined, run.iteration) if run.check is not None else {}
    if not run.clips:
        if motion:
            run.logs.scalars(run.iteration, motion)
        return
    with run.learner.precision():
        scores, shown = evaluate(generator, run.clips, run.device, run.learner.features)
    values = {"psnr": scores.psnr, "bicubic": scores.bicubic, "flicker": scores.flicker}
    if scores.perceptual is not None:
        values[perceptual_name(run.learner.features)] = scores.perceptual
    run.logs.scalars(run.iteration, {f"eval_{name}": value for name, value in values.items()} | motion)
    first = run.clips[0]
    run.logs.motion(run.iteration, "eval", first.lr[:10], stack(shown[:10]), first.hr[:10].float() / 255)
    log.info(
        "iteration %d: %s", run.iteration, ", ".join(f"{name} {value:.4f}" for name, value in (values | motion).items())
    )
    result = rank(scores, by_perception(run.config))
    if result > run.best:
        run.best, run.scores, run.judged = result, values, run.iteration
        checkpoint.save(checkpoint.checkpoint_folder(run.folder) / "best.pt", state_of(run))


def stack(frames: list[Tensor]) -> Tensor:
    """(T, 3, H, W) in [0, 1] from uint8 frames."""
    return torch.stack(frames).float() / 255


def state_of(run: Run) -> dict[str, Any]:
    """The run as a checkpoint."""
    extra = {
        "best": run.best,
        "scores": run.scores,
        "judged": run.judged,
        "seconds": elapsed(run),
        "degradation": describe(build_samples(run.config).degradation),
        "device": str(run.device),
        "flow": run.flow.state_dict() if run.flow is not None and not run.iteration else None,
        "sources": sorted({Path(r.source).name for r in Store(Path(run.config.data.store)).records}),
    }
    return checkpoint.pack(run.config, run.iteration, run.learner.state_dict(), extra)


def save(run: Run) -> None:
    """Write the checkpoint of this iteration."""
    if run.own.main:
        checkpoint.save_numbered(run.folder, run.iteration, state_of(run), run.config.loop.keep)
    run.saved_at = time.monotonic()


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


class Interruption:
    """Turns SIGINT and SIGTERM into a request to stop after the current iteration; a second one stops at once."""

    def __init__(self) -> None:
        self.came = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._before[number] = signal.signal(number, self._take)
            except ValueError:
                # Only the main thread may; elsewhere the caller's handlers stay.
                return self
        return self

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        signal.signal(number, self._before[number])

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
