"""Settings of a training run: one frozen dataclass a table of the TOML file, every field also a command-line option."""

import argparse
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from ..errors import TrainingError
from .ranges import check_ranges


def _option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where samples come from and what they look like."""

    store: str = _option("", "folder made by vs-tecogan prepare")
    eval_store: str = _option("", "store or folder of videos to evaluate on; default: the val clips of the store")
    batch: int = _option(4, "samples an optimiser step, over all processes")
    frames: int = _option(10, "frames of a sample, before ping-pong")
    curriculum: tuple[str, ...] = _option((), "sequence length by iteration, as '0:4 5000:7'; overrides frames")
    burn_in: int = _option(0, "frames at most, by every other iteration, that run before a sample without gradient")
    crop: int = _option(32, "side of the LR crop; multiple of 8, of 16 with a discriminator at scale 2")
    seed: int = _option(1, "seed of weights, samples and augmentation")
    workers: int = _option(2, "processes that prepare samples; 0 prepares them in the loop")
    flip: Literal["none", "horizontal", "axis"] = _option("horizontal", "mirror samples: official, or both axes")
    time_flip: bool = _option(False, "play samples backwards with p = 1/2")
    rotate: bool = _option(False, "turn samples by multiples of 90 degrees")
    moving_share: float = _option(0.3, "share of samples that are moving crops of one frame")
    moving_steps: Literal["official", "unbiased"] = _option("official", "distribution of their steps")
    still_share: float = _option(0.0, "share of samples that are moving crops of the store's stills; not pairs")
    camera_share: float = _option(0.0, "share of those that a drawn camera films, as footage moves; 0.7")
    synthetic_share: float = _option(0.0, "share of samples that are drawn: flat colours and moving shapes; not pairs")
    permute_share: float = _option(0.0, "share of samples whose colour channels change places")
    zoom: tuple[float, ...] = _option((), "range of a factor up to 1 by which HR is made smaller first; not pairs")
    detail: float = _option(0.0, "mean step between neighbours, 8-bit levels, below which a crop is drawn again; 5")
    detail_share: float = _option(0.8, "share of samples that this holds for")
    soft_share: float = _option(0.0, "share of samples that are blurred first, as what is out of focus; not pairs")
    soft_sigma: tuple[float, ...] = _option((0.4, 1.6), "range of that blur's sigma along each axis, HR pixels")
    forcing_share: float = _option(0.0, "share of samples whose second frame sees part of the original in its past")


@dataclass(frozen=True, kw_only=True)
class DegradationConfig:
    """How LR is made; the ``real_`` fields matter to ``realistic`` only."""

    degradation: Literal["bd", "bi", "realistic", "pairs"] = _option("bd", "rule that makes LR, or the store's own LR")
    blur_sigma: float = _option(1.5, "BD, alone and within realistic: standard deviation in HR pixels")
    bd_quantise: bool = _option(False, "BD: round LR to 8 bits, as files do; realistic always does")
    quantise: bool = _option(True, "BI: round LR to 8 bits")
    centred_pairs: bool = _option(False, "pairs: LR sits on half-pixel centres (as BI) instead of corners (as BD)")
    real_clean: float = _option(0.15, "share of samples with plain BD")
    real_blur: tuple[float, ...] = _option((0.6, 2.4), "range of blur sigma, HR pixels")
    real_rescale: float = _option(0.4, "share of samples resized to another raster and back")
    real_factor: tuple[float, ...] = _option((0.6, 1.3), "range of that raster's factor")
    real_noise: float = _option(0.6, "share of samples with sensor noise")
    real_noise_sigma: tuple[float, ...] = _option((1.0, 12.0), "range of its sigma, 8-bit levels")
    real_jpeg: float = _option(0.25, "share of samples with JPEG compression")
    real_quality: tuple[float, ...] = _option((40.0, 95.0), "range of JPEG quality")
    real_codec: float = _option(0.6, "share of samples with video compression")
    real_mpeg2: float = _option(0.3, "share of MPEG-2 among those, the rest is H.264")
    real_crf: tuple[float, ...] = _option((18.0, 32.0), "range of the H.264 rate factor")
    real_quantiser: tuple[float, ...] = _option((2.0, 10.0), "range of the MPEG-2 quantiser")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The generator."""

    scale: int = _option(4, "2 or 4")
    blocks: int = _option(10, "residual blocks: 10 (FRVSR, TecoGAN-minus) or 16 (TecoGAN)")
    channels: int = _option(64, "features of the reconstruction network")
    flow_rounds: int = _option(
        -1,
        "rounds in which FNet's flow is refined against the frames; 2 or 3 do, published 0; -1: as init's, or 0",
    )
    init: str = _option("", "start from these weights (.safetensors, .pth or a shipped model's name)")


@dataclass(frozen=True, kw_only=True)
class FlowConfig:
    """How FNet begins, and the stage before all others in which it is trained alone, on motion that is known."""

    flow_init: Literal["xavier", "motion"] = _option("xavier", "FNet's first weights: plain, or that see motion")
    flow_pretraining: int = _option(0, "iterations of FNet alone on synthetic motion; 0 is none")
    flow_again: bool = _option(False, "that stage also where FNet comes from init, which goes without it otherwise")
    flow_teacher: Literal["none", "dis"] = _option("none", "what also tells it the motion of real pairs: OpenCV's DIS")
    flow_crop: int = _option(0, "side of its LR crops; 0 takes those of the run")
    flow_batch: int = _option(18, "pairs an iteration of it: two thirds synthetic, one third real")
    flow_lr: float = _option(3e-4, "its learning rate")
    flow_from: float = _option(1.5, "LR pixels of motion that it begins with; more where FNet sees motion already")
    flow_reach: float = _option(7.5, "LR pixels of motion that it goes up to")
    flow_patience: int = _option(1500, "iterations after which a flow network that sees no motion is reported")


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """What is minimised."""

    penalty: Literal["l2", "charbonnier"] = _option("l2", "official losses, or those of TecoGAN-PyTorch")
    content_weight: float = _option(1.0, "distance from the target")
    warp_weight: float = _option(1.0, "photometric loss of the flow on LR")
    ping_pong: bool = _option(False, "run forwards and back, and compare")
    ping_pong_weight: float = _option(0.5, "weight of that comparison")
    temporal_weight: float = _option(0.0, "change of the error along the flow from frame to frame, about 2; 0 is off")
    checkerboard_weight: float = _option(0.0, "error that repeats with the output's grid, about 100; 0 is off")
    discriminator: Literal["none", "ds", "dsdt", "dst"] = _option("none", "none is FRVSR; dst is TecoGAN's")
    adversarial: Literal["vanilla", "lsgan", "relativistic"] = _option("vanilla", "adversarial loss")
    adversarial_weight: float = _option(0.01, "weight of the adversarial loss")
    feature_weight: float = _option(1.0, "weight of the discriminator feature loss; 0 is off")
    fade_in: int = _option(0, "iterations over which the weights of both grow from 0; 4000 is the published proposal")
    perceptual_weights: str = _option(
        "", "VGG19 (.pth of torchvision) or SqueezeNet (.h5); default: torchvision's VGG19"
    )
    perceptual_weight: float = _option(0.2, "weight of the perceptual loss; 0 is off")
    perceptual_alone: bool = _option(False, "that loss also without a discriminator: a stage between the two")
    perceptual_frames: int = _option(0, "frames of each sequence that the perceptual loss looks at; 0 is all")
    perceptual_phases: int = _option(1, "positions a side from which that network's view begins, by turns; 4 is robust")
    gate: float = _option(0.4, "step D only while its averaged lead is below this; 0 steps it always")
    gate_decay: float = _option(0.99, "decay of that average over iterations")
    normalisation: Literal["batch", "spectral", "none"] = _option("batch", "in the discriminators")
    r1_weight: float = _option(0.0, "weight of the R1 gradient penalty of D; 0 is off")
    r1_every: int = _option(16, "iterations between two such penalties (lazy regularisation)")

    @property
    def perceptual(self) -> bool:
        """Whether the perceptual loss is wanted."""
        return self.perceptual_weight > 0 and (self.discriminator != "none" or self.perceptual_alone)


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """Adam for the generator and for the discriminators."""

    optimiser: Literal["adam", "muon"] = _option("adam", "of the generator; muon: for its convolutions, Adam elsewhere")
    momentum: float = _option(0.95, "Muon")
    lr: float = _option(5e-5, "learning rate of the generator")
    flow_lr_factor: float = _option(1.0, "FNet's learning rate as a multiple of it; 0 freezes FNet")
    d_lr: float = _option(5e-5, "learning rate of the discriminators (Dt of dsdt takes 0.3 of it, as published)")
    beta1: float = _option(0.9, "Adam")
    beta2: float = _option(0.999, "Adam")
    epsilon: float = _option(1e-8, "Adam")
    schedule: Literal["constant", "steps", "cosine"] = _option("constant", "learning rate over the run")
    milestones: tuple[int, ...] = _option((), "steps: iterations at which it is halved")
    lr_floor: float = _option(0.01, "cosine: share of the learning rate left at the end")
    warmup: int = _option(0, "iterations over which it grows linearly from 0")
    clip: float = _option(0.0, "largest norm of the generator's gradient; 0 is off")
    ema: float = _option(0.0, "decay of the averaged generator that is evaluated and exported; 0 is off")


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How long and on what."""

    iterations: int = _option(500_000, "optimiser steps of the whole run")
    minutes: float = _option(0.0, "stop after this time with a checkpoint, to be resumed; 0 is no limit")
    accumulate: int = _option(1, "micro-batches that an optimiser step is divided into")
    precision: Literal["fp32", "bf16", "fp16"] = _option("fp32", "of convolutions; flow, warps and losses stay fp32")
    channels_last: bool = _option(True, "memory layout of convolutions")
    compile: bool = _option(False, "torch.compile the networks")
    device: str = _option("", "cpu, cuda, cuda:1 ...; default: cuda where there is one")
    threads: int = _option(0, "CPU threads of torch; 0 leaves torch's choice")
    log_every: int = _option(100, "iterations between lines in metrics.csv and TensorBoard")
    image_every: int = _option(5000, "iterations between pictures, clips and flow histograms; 0 is never")
    eval_every: int = _option(5000, "iterations between evaluations; 0 is never")
    eval_clips: int = _option(8, "clips in an evaluation, 0 is all")
    eval_frames: int = _option(30, "frames of each clip in an evaluation")
    checkpoint_every: int = _option(1000, "iterations between checkpoints; 0 leaves it to the minutes")
    checkpoint_minutes: float = _option(10.0, "and minutes between them")
    keep: int = _option(3, "checkpoints kept, besides the best")
    tensorboard: bool = _option(True, "write TensorBoard files where tensorboard is installed")


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole run."""

    data: DataConfig = field(default_factory=DataConfig)
    degradation: DegradationConfig = field(default_factory=DegradationConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)


FIXED = (
    "scale", "blocks", "channels", "degradation", "centred_pairs", "init", "discriminator", "normalisation",
    "optimiser",
)  # fmt: skip
"""Fields that a resumed run cannot change: its weights or the state of its optimiser depend on them."""


def options() -> Iterator[tuple[str, str, Any, str]]:
    """(table, name, type, help) of every field; names are unique over all tables."""
    for table in fields(Config):
        for item in fields(table.type):  # type: ignore[arg-type]
            yield table.name, item.name, item.type, item.metadata["help"]


def to_dict(config: Config) -> dict[str, dict[str, Any]]:
    """Plain tables, for checkpoints."""
    return asdict(config)


def merge(config: Config, tables: Mapping[str, Mapping[str, Any]], origin: str) -> Config:
    """Replace fields by those of ``tables``.

    :param origin: file or command, named in errors.
    :raises TrainingError: an unknown table or field, or a value of the wrong type.
    """
    known = {(table, name): kind for table, name, kind, _ in options()}
    for table, values in tables.items():
        if table not in {key for key, _ in known}:
            names = ", ".join(item.name for item in fields(Config))
            raise TrainingError(f"{origin}: unknown table [{table}]; expected one of {names}")
        if not isinstance(values, Mapping):
            raise TrainingError(f"{origin}: '{table}' stands outside a table; expected it under [table]")
        for name, value in values.items():
            if (table, name) not in known:
                hint = next((f"; it belongs to [{t}]" for t, n in known if n == name), "")
                raise TrainingError(f"{origin}: unknown option '{name}' in [{table}]{hint}")
            checked = {name: convert(value, known[table, name], f"{origin}: {name}")}
            config = replace(config, **{table: replace(getattr(config, table), **checked)})
    return config


def convert(value: Any, kind: Any, origin: str) -> Any:
    """Check a TOML value against the type of its field.

    :raises TrainingError: it does not fit.
    """
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise TrainingError(f"{origin} = {value!r}; expected one of {', '.join(get_args(kind))}")
        return value
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise TrainingError(f"{origin} = {value!r}; expected a list")
        return tuple(convert(item, get_args(kind)[0], origin) for item in value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TrainingError(f"{origin} = {value!r}; expected {kind.__name__}")
    return value


def load(path: Path, base: Config | None = None) -> Config:
    """Settings from a TOML file over the defaults.

    :raises TrainingError: unreadable, not TOML, or holding something unknown.
    """
    try:
        tables = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path}: cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"{path}: not TOML ({error})") from error
    return merge(base or Config(), tables, str(path))


def add_options(parser: argparse.ArgumentParser) -> None:
    """One option for every field; those not given stay absent, so that a file's values are not overridden."""
    standard = Config()
    for table, name, kind, text in options():
        flag = f"--{name.replace('_', '-')}"
        value = _shown(getattr(getattr(standard, table), name))
        about = f"[{table}] {text}" + (f" (default {value})" if value else "")
        settings: dict[str, Any] = {"default": argparse.SUPPRESS, "help": about.replace("%", "%%")}
        if kind is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, **settings)
        elif get_origin(kind) is Literal:
            parser.add_argument(flag, choices=get_args(kind), **settings)
        elif get_origin(kind) is tuple:
            parser.add_argument(flag, nargs="*", type=get_args(kind)[0], metavar="X", **settings)
        else:
            parser.add_argument(flag, type=kind, metavar=kind.__name__.upper(), **settings)


def _shown(value: object) -> str:
    """A default in the words of the command line; empty where there is none, or the option's text says it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def from_arguments(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Tables of the options that were given on the command line."""
    given = vars(arguments)
    tables: dict[str, dict[str, Any]] = {}
    for table, name, _, _ in options():
        if name in given:
            tables.setdefault(table, {})[name] = given[name]
    return tables


def check(config: Config, world: int) -> None:
    """Refuse settings that no run can use, or that contradict each other.

    :raises TrainingError: they do; the text says which and what to do.
    """
    from ..networks.spec import MOST_FLOW_ROUNDS  # torch, which the command's help can do without

    data, objective, loop = config.data, config.objective, config.loop
    parts = world * loop.accumulate
    if config.model.scale not in (2, 4):
        raise TrainingError(f"scale {config.model.scale}; expected 2 or 4")
    if not -1 <= config.model.flow_rounds <= MOST_FLOW_ROUNDS:
        raise TrainingError(
            f"flow_rounds {config.model.flow_rounds}; expected 0 to {MOST_FLOW_ROUNDS}, or -1 for those of init"
        )
    if min(data.batch, data.crop, config.model.channels, loop.accumulate, loop.iterations, loop.log_every) < 1:
        raise TrainingError("batch, crop, channels, accumulate, iterations and log_every must be at least 1")
    if data.batch % parts:
        raise TrainingError(
            f"batch {data.batch} cannot be divided over {world} processes x {loop.accumulate} micro-batches"
        )
    if not 1 <= objective.perceptual_phases <= 16:
        raise TrainingError(f"perceptual_phases {objective.perceptual_phases}; expected 1 to 16")
    if config.flow.flow_crop < 0 or config.flow.flow_crop % 8:
        raise TrainingError(f"flow_crop {config.flow.flow_crop}; expected a multiple of 8, FNet's grid")
    if data.crop % 8:
        raise TrainingError(f"crop {data.crop}; expected a multiple of 8, FNet's grid")
    if objective.checkerboard_weight and data.crop < 16:
        raise TrainingError(f"crop {data.crop}; the checkerboard loss needs at least 16")
    if objective.discriminator != "none" and data.crop * config.model.scale % 64:
        raise TrainingError(f"HR crop {data.crop * config.model.scale}; a discriminator needs a multiple of 64")
    shortest = min(frames for _, frames in curriculum_steps(config))
    if data.burn_in < 0:
        raise TrainingError(f"burn_in {data.burn_in}; expected a number of frames, 0 for none")
    if shortest < 2:
        raise TrainingError("sequences need at least 2 frames")
    if objective.discriminator in ("dsdt", "dst") and (2 * shortest - 1 if objective.ping_pong else shortest) < 3:
        raise TrainingError("a temporal discriminator needs sequences of at least 3 frames")
    if objective.discriminator != "none" and objective.normalisation == "batch" and loop.accumulate > 1:
        raise TrainingError("batch normalisation in D sees micro-batches one by one; use accumulate 1 or spectral")
    if objective.r1_weight and objective.r1_every < 1:
        raise TrainingError(f"r1_every {objective.r1_every}; expected at least 1, or r1_weight 0 for no penalty")
    if loop.precision == "fp16" and objective.r1_weight:
        raise TrainingError("the R1 penalty overflows in fp16; use bf16 or fp32, or r1_weight 0")
    if config.flow.flow_pretraining and (config.flow.flow_batch < 3 or config.flow.flow_batch % world):
        raise TrainingError(
            f"flow_batch {config.flow.flow_batch}; expected at least 3, and a multiple of the {world} processes"
        )
    if not 0 < config.flow.flow_reach <= 16:
        raise TrainingError(f"flow_reach {config.flow.flow_reach}; expected up to 16 LR pixels, FNet's limit is 24")
    if not 0 < config.flow.flow_from <= 16:
        raise TrainingError(f"flow_from {config.flow.flow_from}; expected up to 16 LR pixels, FNet's limit is 24")
    if data.zoom and (len(data.zoom) != 2 or not 0 < data.zoom[0] <= data.zoom[1] <= 1):
        raise TrainingError(f"zoom = {data.zoom}; expected two factors above 0 and up to 1, the smaller first")
    if len(data.soft_sigma) != 2 or not 0 < data.soft_sigma[0] <= data.soft_sigma[1]:
        raise TrainingError(f"soft_sigma = {data.soft_sigma}; expected two numbers above 0, the smaller first")
    for name in (
        "moving_share", "still_share", "camera_share", "synthetic_share", "permute_share", "detail_share", "soft_share",
        "forcing_share",
    ):  # fmt: skip
        if not 0 <= getattr(data, name) <= 1:
            raise TrainingError(f"{name} {getattr(data, name)}; expected a share between 0 and 1")
    for name in ("real_blur", "real_factor", "real_noise_sigma", "real_quality", "real_crf", "real_quantiser"):
        limits = getattr(config.degradation, name)
        if len(limits) != 2 or limits[0] > limits[1]:
            raise TrainingError(f"{name} = {limits}; expected lowest and highest")
    if config.degradation.real_blur[0] <= 0:
        raise TrainingError(f"real_blur = {config.degradation.real_blur}; expected two sigmas above 0, such as 0.2 2.4")
    check_ranges(to_dict(config))


def curriculum_steps(config: Config) -> tuple[tuple[int, int], ...]:
    """(first iteration, frames) in ascending order; one entry without a curriculum.

    :raises TrainingError: entries that are no 'iteration:frames', or none for iteration 0.
    """
    if not config.data.curriculum:
        return ((0, config.data.frames),)
    try:
        steps = sorted((int(a), int(b)) for a, b in (entry.split(":") for entry in config.data.curriculum))
    except ValueError:
        raise TrainingError(f"curriculum {config.data.curriculum}; expected entries like 5000:7") from None
    if steps[0][0] != 0:
        raise TrainingError("the curriculum says nothing of iteration 0; begin it with an entry like 0:4")
    return tuple(steps)
