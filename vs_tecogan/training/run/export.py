"""From a run to a model that the filter takes by path, its card filled in from the run."""

from pathlib import Path
from typing import Any

from ...errors import TrainingError
from ...networks import Spec
from ...weights import ModelCard, save_model
from ..config import Config, frame_steps, merge
from ..objectives import SOURCES, objective_class
from . import checkpoint


def export(
    run: Path, output: Path, *, last: bool = False, half: bool = False, words: dict[str, str] | None = None
) -> ModelCard:
    """Write the generator of a run; the averaged one where the run keeps one.

    :param run: folder of the run, or a checkpoint file.
    :param words: entries of the card that replace those derived from the run.
    :raises TrainingError: no usable checkpoint, or the file cannot be written.
    """
    path = checkpoint.pick(run, last=last)
    state = checkpoint.load(path)
    config = merge(Config(), state["config"], str(path))
    network = objective_class(config).exported(config, state["objective"])
    card = card_of(config, network.spec, state, output.stem, words or {})
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        save_model(output, network, card, half=half)
    except OSError as error:
        raise TrainingError(f"cannot write {output}: {error.strerror or error}") from error
    return card


def card_of(config: Config, spec: Spec, state: dict[str, Any], name: str, words: dict[str, str]) -> ModelCard:
    """A model card from the settings and the history in a checkpoint."""
    kind = objective_class(config).title(config)
    degradation = dict(state["degradation"])
    parameters = ", ".join(f"{key} {value}" for key, value in degradation.items() if key != "name")
    start = f", starting from {Path(config.model.init).name}" if config.model.init else ""
    lengths = sorted({frames for begin, frames in frame_steps(config) if begin < max(state["iteration"], 1)})
    span = f"{lengths[0]} to {lengths[-1]}" if len(lengths) > 1 else str(lengths[0])
    precision = state.get("precision", config.loop.precision)
    batch = f"{config.data.batch} x {span} frames of {config.data.crop} x {config.data.crop} pixels"
    if config.model.architecture in SOURCES:
        batch = _batch_of_source(config)
    if config.model.architecture == "tempogan":
        batch = _batch_of_smoke(config)
    # A run keeps the scores of its best checkpoint; on another one's card they would be those of other weights.
    scores = state["scores"] if state["best_iteration"] == state["iteration"] else {}
    derived = {
        "description": f"{kind}, {config.model.scale}x, {config.model.blocks} blocks",
        "degradation": f"{degradation['name']} ({parameters})" if parameters else str(degradation["name"]),
        "data": ", ".join(state["sources"]),
        "licence": "",
        "training": (
            f"{kind}{start}, {state['iteration']} iterations of {batch}, {precision} on {state['device']}, "
            f"{state['seconds'] / 3600:.1f} hours"
        ),
    }
    if config.model.architecture == "tempogan":
        derived |= _of_smoke(config)
    if config.model.architecture in SOURCES:
        derived |= _of_source(config, derived)
    if config.model.architecture in ("long-video", "long-video-sr"):
        derived |= _of_long_video(config, state)
    return ModelCard(name=name, spec=spec, scores=scores, **(derived | words))


def _of_smoke(config: Config) -> dict[str, str]:
    """What a card says otherwise where the samples are smoke."""
    smoke = config.smoke
    return {
        "description": f"{objective_class(config).title(config)}, {config.model.scale}x, {smoke.dimensions}-D",
        "degradation": "Gaussian blur of fine simulations, then the middle of each coarse cell",
        "data": f"smoke of our own solver, simulated while training on grids of {smoke.grid}",
    }


def _batch_of_smoke(config: Config) -> str:
    """What an iteration looks at."""
    tile = " x ".join([str(config.data.crop)] * config.smoke.dimensions)
    return f"{config.data.batch} x 3 frames of {tile} coarse cells"


def _batch_of_source(config: Config) -> str:
    """What an iteration looks at."""
    kind, size = config.model.architecture, config.style.size
    if kind == "pca":
        return f"{config.motion.codes} codes"
    frames = 1 if kind == "stylegan" else config.motion.video_frames
    return f"{config.data.batch} x {frames} frames of {size} x {size} pixels"


def _of_source(config: Config, derived: dict[str, str]) -> dict[str, str]:
    """What a card says otherwise of what makes pictures or video from numbers."""
    style, motion, kind = config.style, config.motion, objective_class(config).title(config)
    data = derived["data"] if style.pictures_from == "store" else "painted skies of our own"
    if motion.domain == "cross":
        data += f"; motion of {'painted skies' if motion.motion_from == 'skies' else Path(motion.motion_store).name}"
    return {"description": f"{kind}, {style.size}x{style.size}", "degradation": "", "data": data}


def _of_long_video(config: Config, state: dict[str, Any]) -> dict[str, str]:
    """What a card says otherwise of a stage of LongVideoGAN."""
    own, title = config.long_video, objective_class(config).title(config)
    size, frames = f"{own.video_width}x{own.video_height}", " ".join(config.data.frames)
    described, degradation = size, ""
    if config.model.architecture == "long-video-sr":
        side, scale = config.data.crop * config.model.scale, config.model.scale
        described, size, degradation = f"{scale}x", f"{side}x{side}", f"mean of {scale}x{scale} pixels"
    footage = {"skies": "painted skies of our own", "smoke": "smoke of our own solver, simulated while training"}
    return {
        "description": f"{title}, {described}",
        "degradation": degradation,
        "data": footage.get(own.footage, ", ".join(state["sources"])),
        "training": (
            f"{title}, {state['iteration']} iterations of {config.data.batch} x {frames} frames of {size} pixels on "
            f"{state['device']}, {state['seconds'] / 3600:.1f} hours"
        ),
    }
