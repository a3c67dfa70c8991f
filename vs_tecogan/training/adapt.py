"""Adapting a model to a film: it learns to undo what made the film's own frames smaller; held-out scenes decide.

Nothing of the film's true detail is known. What is learned is what this film's edges, textures, grain and motion look
like at the scale that it has, which is close to what they look like one scale further up.
"""

import csv
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ..errors import TrainingError
from ..networks import Generator, RecurrentSR
from ..weights import Model, load_model
from .config import Config, check, load
from .data.build import build_realistic
from .data.partners import PartnerOptions
from .data.prepare import prepare
from .data.selection import PrepareOptions
from .data.store import Store
from .film_pieces import sample_pieces
from .recipe import find_preset
from .run import checkpoint
from .run.export import export
from .run.loop import train

log = logging.getLogger(__name__)

PRESET = "adapt"
HOLDOUT = 0.15
"""Part of the scenes that decides and is not trained on."""


EVALUATED = 900_000
"""LR pixels of an evaluation: a third of a minute of one core of a few years ago."""


@dataclass(frozen=True, kw_only=True)
class AdaptOptions:
    """What is adapted, for how long, on how much of the film."""

    model: str = "recurrent-4x"
    """Name of a shipped model, or a weight file."""
    minutes: float = 30.0
    """Of training; cutting pieces and evaluations before it come on top."""
    pieces: int = 60
    """Places of the film that are looked at."""
    piece_frames: int = 24
    """Frames of each."""
    degrade: str = ""
    """Preset or TOML file of a degradation made beforehand; empty = the film's frames are made smaller, no more."""
    min_size: int = 136
    """Least side of the film's frames, pixels."""
    settings: tuple[str, ...] = ()
    """TOML files over the preset."""


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """What came of it. Scores are Y-PSNR in dB on the held-out scenes."""

    before: float
    after: float
    """Of the best weights met on the way; as ``before`` where none was better."""
    iterations: int
    model: Path | None
    """The file that was written; ``None`` where nothing was better than the model that it began with."""

    @property
    def kept(self) -> bool:
        """Whether the adapted model is better on scenes that it was not trained on."""
        return self.model is not None

    def words(self) -> str:
        """One line for the user."""
        scores = f"held-out scenes: {self.before:.3f} dB before, {self.after:.3f} dB after {self.iterations} iterations"
        return f"{scores}; wrote {self.model}" if self.kept else f"{scores}; not better, nothing was written"


def adapt(film: Path, out: Path, options: AdaptOptions, changes: Config | None = None) -> Adaptation:
    """Fine-tune a model on a film, and write it where that helps. The same call goes on after an interruption.

    :param film: a video.
    :param out:  folder of the pieces, the store, the run and the model, which is named after film and model.
    :param changes: settings in place of the preset's, before the model's own and the options are filled in.
    :raises UserError: the film, the model or the folder cannot be used.
    """
    model = load_model(options.model)
    network = model.network
    if not isinstance(network, Generator | RecurrentSR):
        raise TrainingError(f"model {options.model} is a {type(network).__name__}; give one that enlarges video")
    target = out / f"{model.card.name}-{film.stem}.safetensors"
    if target.exists():
        raise TrainingError(f"{target} is there already; remove it, or give another --out")
    config = settings_of(model, out, options, changes)
    check(config, 1)
    sources = sample_pieces(film, out / "pieces", pieces=options.pieces, frames=options.piece_frames)
    needed = int(config.data.frames[0])
    chosen = PrepareOptions(
        downscale=1, min_frames=needed, max_frames=options.piece_frames, min_size=options.min_size, holdout=HOLDOUT
    )
    report = prepare(sources, out / "store", chosen, partners=_partners(options, network.spec.scale))
    log.info("%s", report.words())
    config = affordable(config, Store(out / "store"))
    run = out / "run"
    if checkpoint.numbered(run):
        path = checkpoint.find(run)
        state = checkpoint.load(path)
        train(checkpoint.stored_config(state, {}, path), run, state)
    else:
        train(config, run)
    return _decide(model, film, run, target)


def settings_of(model: Model, out: Path, options: AdaptOptions, changes: Config | None = None) -> Config:
    """The settings of the run: the preset's, with the shape of the model.

    :raises TrainingError: a preset cannot be read.
    """
    config = changes or load(find_preset(PRESET))
    for name in options.settings:
        config = load(find_preset(name), config)
    network = model.network
    assert isinstance(network, Generator | RecurrentSR)
    recurrent = isinstance(network, RecurrentSR)
    shape = replace(
        config.model, architecture="recurrent" if recurrent else "frvsr", scale=network.spec.scale,
        blocks=network.spec.blocks, channels=network.spec.channels, init=options.model,
        strength=isinstance(network, RecurrentSR) and network.spec.strength,
    )  # fmt: skip
    rule: Literal["pairs", "bi", "bd"] = "bi" if network.spec.phase == "centred" else "bd"
    if options.degrade:
        rule = "pairs"
    return replace(
        config,
        model=shape,
        data=replace(config.data, store=str(out / "store")),
        degradation=replace(config.degradation, degradation=rule),
        loop=replace(config.loop, minutes=options.minutes),
    )


def affordable(config: Config, store: Store) -> Config:
    """As many held-out clips per evaluation as small pictures allow: of large ones they would take the minutes.

    Two at least, so that no single scene decides.
    """
    clips, scale = store.clips("val"), config.model.scale
    area = max((clip.height * clip.width for clip in clips), default=1) // scale**2
    most = max(2, EVALUATED // (area * config.loop.eval_frames))
    return replace(config, loop=replace(config.loop, eval_clips=min(config.loop.eval_clips, most)))


def _partners(options: AdaptOptions, scale: int) -> PartnerOptions | None:
    if not options.degrade:
        return None
    given = load(find_preset(options.degrade))
    return PartnerOptions(rule=build_realistic(given.degradation), scale=scale, versions=2)


def _decide(model: Model, film: Path, run: Path, target: Path) -> Adaptation:
    """Export the best weights if they are better than those of the beginning."""
    state = checkpoint.load(checkpoint.pick(run))
    iterations = int(checkpoint.load(checkpoint.find(run))["iteration"])
    before, after = _first_score(run), float(state["scores"].get("psnr", float("nan")))
    if not state["best_iteration"] > 0:
        return Adaptation(before=before, after=before, iterations=iterations, model=None)
    words = {
        "description": f"{model.card.name} adapted to {film.name}; for this film",
        "data": f"{model.card.data}; {film.name}" if model.card.data else film.name,
        "licence": f"that of {model.card.name} ({model.card.licence}) and of {film.name}",
    }
    card = export(run, target, words=words)
    page = _PAGE.format(
        name=card.name, base=model.card.name, film=film.name, before=before, after=after, gain=after - before,
        training=card.training, degradation=card.degradation,
    )  # fmt: skip
    target.with_suffix(".md").write_text(page, encoding="utf-8")
    return Adaptation(before=before, after=after, iterations=int(state["iteration"]), model=target)


def _first_score(run: Path) -> float:
    """Y-PSNR of the weights that the run began with."""
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row.get("eval_psnr"):
                return float(row["eval_psnr"])
    raise TrainingError(f"{run}: no evaluation was made; the store holds out no scene")


_PAGE = """\
# {name}

`{base}` adapted to {film}. Use it for this film alone.

| held-out scenes of the film, made smaller and enlarged | Y-PSNR |
|---|--:|
| {base} | {before:.3f} dB |
| adapted | {after:.3f} dB ({gain:+.3f}) |

Training: {training}. Low resolution: {degradation}.

The scenes were chosen by a hash and not trained on. The score is of the film's own frames as the truth: what the film
itself has lost is not in it.
"""
