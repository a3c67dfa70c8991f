"""Settings of a training run: one frozen dataclass per table of a TOML file.

Each field is an option of ``vs-tecogan train``, unless it is declared with ``file_only=True``: then files have it, and
``--set NAME=VALUE`` on the command line, and ``--help`` lists no more than its name. The command has about fifty
options, and a test holds that limit. So declare a new field with ``file_only=True``, or give that to an option that
is typed less often.
"""

from collections.abc import Iterator
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any, Literal

from ...networks.spec import MOST_FLOW_ROUNDS
from .long_video import LongVideoConfig
from .long_video_sr import LongVideoSrConfig
from .option import COUNT, DECAY, NO_LIMIT, POSITIVE, PROBABILITY, Range, option
from .smoke import SmokeConfig
from .style import MotionConfig, StyleConfig


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where samples come from, and how they are augmented."""

    store: str = option("", "folder made by vs-tecogan prepare")
    eval_store: str = option("", "store or folder of videos to evaluate on; default: the val clips of the store")
    batch: int = option(4, "samples per optimiser step, over all processes", COUNT)
    frames: tuple[str, ...] = option(("10",), "frames per sample before ping-pong; '0:4 5000:7' changes it on the way")
    burn_in: int = option(0, "most frames that run before a sample without gradient, every other iteration")
    crop: int = option(32, "side of the LR crop; multiple of 8, of 16 with a discriminator at scale 2", COUNT)
    # The random generators of numpy and torch have 63 bits in common.
    seed: int = option(1, "seed of weights, samples and augmentation", Range(high=2**63, open_high=True))
    workers: int = option(2, "processes that prepare samples; 0 prepares them in the loop")
    flip: Literal["none", "horizontal", "axis"] = option("horizontal", "mirror samples: official, or both axes")
    rotate: bool = option(False, "rotate samples by multiples of 90 degrees")
    time_flip: bool = option(False, "play samples backwards with p = 1/2", file_only=True)
    moving_first_frame_prob: float = option(0.3, "probability that a sample is a moving crop of one frame", PROBABILITY)
    moving_first_frame_steps: Literal["official", "unbiased"] = option(
        "official", "distribution of the steps of that crop", file_only=True
    )
    standing_prob: float = option(0.0, "of those, share that stands still", PROBABILITY, file_only=True)
    still_prob: float = option(0.0, "probability that a sample is made of one of the store's stills", PROBABILITY)
    camera_motion_prob: float = option(0.0, "of those, probability of a simulated camera; 0.7", PROBABILITY)
    camera_speed: float = option(
        7.0, "largest mean speed of the simulated camera, HR pixels per frame", POSITIVE, file_only=True
    )
    double_speed_prob: float = option(
        0.0, "probability that a clip plays at double speed: every other frame of it", PROBABILITY, file_only=True
    )
    synthetic_prob: float = option(
        0.0, "probability that a sample is synthetic: flat colours and moving shapes", PROBABILITY, file_only=True
    )
    channel_shuffle_prob: float = option(
        0.0, "probability that the colour channels of a sample change places", PROBABILITY, file_only=True
    )
    random_scale: tuple[float, ...] = option(
        (), "range of a factor, at most 1, by which HR is made smaller first", Range(high=1, open_low=True), pair=True
    )
    random_blur_prob: float = option(
        0.0, "probability that a sample is blurred first, as by a lens out of focus", PROBABILITY, file_only=True
    )
    detail_prob: float = option(
        0.0, "probability that crops without detail are sampled again", PROBABILITY, file_only=True
    )
    full_strength_prob: float = option(
        0.5, "with strength, probability of samples whose target is clean; others keep a part of the faults",
        PROBABILITY, file_only=True,
    )  # fmt: skip
    teacher_forcing_prob: float = option(
        0.0, "probability that the second frame sees part of the original in its past", PROBABILITY, file_only=True
    )


@dataclass(frozen=True, kw_only=True)
class DegradationConfig:
    """How LR is made. ``realistic`` and ``vs-tecogan prepare --degrade`` alone use the fields behind ``quantise``."""

    degradation: Literal["bd", "bi", "realistic", "pairs", "pairs-centred"] = option(
        "bd", "rule that makes LR, or the store's own LR, on corners as BD or on centres as BI"
    )
    quantise: bool = option(False, "bd: round LR to 8 bits, as files are; bi and realistic always are")
    clean_prob: float = option(0.15, "probability that a clip is as by bd", PROBABILITY, file_only=True)
    blur_sigma: tuple[float, ...] = option(
        (0.6, 2.4), "range of the blur's sigma, HR pixels", POSITIVE, pair=True, file_only=True
    )
    rescale_prob: float = option(0.4, "probability of a resize to another size and back", PROBABILITY, file_only=True)
    noise_prob: float = option(0.6, "probability of sensor noise", PROBABILITY, file_only=True)
    noise_sigma: tuple[float, ...] = option((1.0, 12.0), "range of its sigma, 8-bit levels", pair=True, file_only=True)
    jpeg_prob: float = option(0.25, "probability of JPEG compression", PROBABILITY, file_only=True)
    upscaled_prob: float = option(
        0.0, "probability of a source that was enlarged before, by 1.3 to 2.5", PROBABILITY, file_only=True
    )
    grain_prob: float = option(0.0, "probability of film grain", PROBABILITY, file_only=True)
    grain_sigma: tuple[float, ...] = option((1.0, 8.0), "range of its sigma, 8-bit levels", pair=True, file_only=True)
    tape_prob: float = option(0.0, "probability of a dubbed video tape", PROBABILITY, file_only=True)
    fields_prob: float = option(0.0, "probability of what interlacing leaves", PROBABILITY, file_only=True)
    chroma_shift_prob: float = option(0.0, "probability of colour beside its place", PROBABILITY, file_only=True)
    ringing_prob: float = option(0.0, "probability of edges made too sharp", PROBABILITY, file_only=True)
    banding_prob: float = option(0.0, "probability of steps in flat areas", PROBABILITY, file_only=True)
    codec_prob: float = option(0.6, "probability of compression by a real encoder", PROBABILITY, file_only=True)
    codecs: tuple[str, ...] = option(
        ("mpeg2:0.3", "h264:0.7"), "encoders and their shares: h264, hevc, mpeg2, mpeg4, vp9, av1", file_only=True
    )
    codec_loss: tuple[float, ...] = option(
        (0.0, 1.0), "range of harshness at constant quality: 0 is a good disc, 1 a phone", PROBABILITY, pair=True,
        file_only=True,
    )  # fmt: skip
    rate_prob: float = option(
        0.0, "probability of a mean bit rate instead of a constant quality", PROBABILITY, file_only=True
    )
    bits_per_pixel: tuple[float, ...] = option(
        (0.05, 0.4), "range of that rate; DVD 0.4, web 0.1", POSITIVE, pair=True, file_only=True
    )
    second_codec_prob: float = option(
        0.0, "probability that a compressed clip is compressed once more", PROBABILITY, file_only=True
    )

    @property
    def given(self) -> bool:
        """Whether LR comes from the store."""
        return self.degradation.startswith("pairs")

    @property
    def centred(self) -> bool:
        """Whether LR pixels sit in the middle of their HR blocks."""
        return self.degradation in ("bi", "pairs-centred")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The generator."""

    architecture: Literal[
        "frvsr", "recurrent", "tempogan", "stylegan", "pca", "mocogan-hd", "long-video", "long-video-sr"
    ] = option(
        "frvsr",
        "FRVSR's and TecoGAN's generator; RecurrentSR, which needs no flow network; tempoGAN's, for smoke; a stage of "
        "MoCoGAN-HD: pictures (stylegan), their principal components (pca), motion (mocogan-hd); or LongVideoGAN's "
        "two, the second of which enlarges (long-video-sr)",
        file_only=True,
    )
    scale: int = option(4, "2 or 4", Range(low=2, high=4))
    blocks: int = option(10, "residual blocks: 10 (FRVSR, TecoGAN-minus) or 16 (TecoGAN)")
    channels: int = option(64, "features of the reconstruction network", COUNT)
    dialect: Literal["auto", "tf", "bd", "bi", "egvsr"] = option(
        "auto", "family of the generator's graph; auto: as init's, else bd, or bi for centred LR", file_only=True
    )
    flow_rounds: int = option(
        -1,
        "rounds that refine the flow; published 0; -1: as init's, else 0, of recurrent 2",
        Range(low=-1, high=MOST_FLOW_ROUNDS),
    )
    strength: bool = option(
        False, "recurrent: one model with a handle, from keeping grain and faults (0) to cleaning (1)", file_only=True
    )
    init: str = option("", "start from these weights (.safetensors, .pth, a run's folder, a shipped model's name)")


@dataclass(frozen=True, kw_only=True)
class FlowConfig:
    """FNet's first weights, and the phase before all others in which it is trained alone, on known motion."""

    flow_pretraining: int = option(0, "iterations of FNet alone on known motion, unless init is given; 0 is none")
    flow_init: Literal["xavier", "motion"] = option(
        "xavier", "first weights of FNet: published, or sensitive to motion", file_only=True
    )
    flow_teacher: Literal["none", "dis"] = option(
        "none", "what tells FNet the motion of real pairs: OpenCV's DIS flow", file_only=True
    )
    flow_crop: int = option(0, "side of the LR crops of that phase; 0 is that of the run", file_only=True)


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """What is minimised."""

    penalty: Literal["l2", "charbonnier"] = option("l2", "official losses, or those of TecoGAN-PyTorch")
    ping_pong_weight: float = option(0.0, "run forwards and back, and compare; published 0.5; 0 is off")
    temporal_weight: float = option(0.0, "change of the error from frame to frame along the flow, about 2; 0 is off")
    checkerboard_weight: float = option(0.0, "error that repeats with the output's grid, about 100; 0 is off")
    lattice_weight: float = option(
        0.0, "patterns of the output's grid that the target lacks, about 30000; 0 is off", file_only=True
    )
    perceptual_weight: float = option(0.0, "perceptual loss; published 0.2; 0 is off")
    perceptual_net: str = option(
        "", "weights: VGG19, VGG16 (.pth, .safetensors) or SqueezeNet (.h5); default: torchvision's VGG19"
    )
    perceptual_frames: int = option(0, "frames per sequence that it looks at; 0 is all", file_only=True)
    perceptual_phases: int = option(
        1, "positions per side from which its view begins, in turn", Range(low=1, high=16), file_only=True
    )
    discriminator: Literal["none", "ds", "dsdt", "dst", "projected", "dst-projected"] = option(
        "none", "none is FRVSR; dst is TecoGAN's; projected sees what the perceptual network sees"
    )
    adversarial_weight: float = option(0.01, "adversarial loss")
    feature_weight: float = option(1.0, "discriminator feature loss; 0 is off", file_only=True)
    fade_in: int = option(0, "iterations over which the weights of both grow from 0", file_only=True)
    gate: float = option(
        0.4, "step D only while its averaged lead is below this; 0 steps it always", NO_LIMIT, file_only=True
    )
    normalisation: Literal["batch", "spectral", "none"] = option("batch", "in the discriminators", file_only=True)
    r1_weight: float = option(0.0, "R1 gradient penalty of D, every 16th iteration; 0 is off", file_only=True)

    @property
    def ping_pong(self) -> bool:
        """Whether sequences run forwards and back."""
        return self.ping_pong_weight > 0


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """Optimisers and learning rates."""

    optimiser: Literal["adam", "muon"] = option("adam", "of the generator; muon: for its convolutions, Adam elsewhere")
    lr: float = option(5e-5, "learning rate of the generator")
    flow_lr_factor: float = option(1.0, "learning rate of FNet as a multiple of lr; 0 freezes FNet")
    d_lr: float = option(5e-5, "learning rate of the discriminators (Dt of dsdt takes 0.3 of it, as published)")
    schedule: Literal["constant", "cosine", "half"] = option(
        "constant", "learning rate over the run; half: constant for half of it, then falling, as tempoGAN's"
    )
    lr_floor: float = option(0.01, "part of the learning rate left at the end", PROBABILITY, file_only=True)
    eased_from: int = option(
        0, "iteration from which the rate moves over to the schedule of a run made longer; --resume sets it",
        file_only=True,
    )  # fmt: skip
    eased_factor: float = option(1.0, "and the factor on the rates there", file_only=True)
    warmup: int = option(0, "iterations over which the rate grows linearly from 0")
    beta2: float = option(0.999, "Adam", DECAY, file_only=True)
    clip: float = option(0.0, "largest norm of the generator's gradient; 0 is off", NO_LIMIT, file_only=True)
    ema: float = option(0.0, "decay of the averaged generator that is evaluated and exported; 0 is off", DECAY)


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How long, on what, and what is kept."""

    iterations: int = option(500_000, "optimiser steps of the whole run", COUNT)
    minutes: float = option(0.0, "stop after this time with a checkpoint, to be resumed; 0 is no limit", NO_LIMIT)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = option(
        "auto", "of convolutions: auto is bf16 where the hardware has it, else fp32; flow, warps and losses stay fp32"
    )
    device: str = option("", "cpu, cuda, cuda:1 ...; default: cuda where there is one")
    threads: int = option(0, "CPU threads of torch; 0 leaves torch's choice")
    eval_every: int = option(5000, "iterations between evaluations, with pictures; 0 is never")
    checkpoint_every: int = option(1000, "iterations between checkpoints; 0 leaves it to the minutes")
    checkpoint_minutes: float = option(10.0, "and minutes between them", NO_LIMIT, file_only=True)
    keep: int = option(3, "checkpoints kept, besides the best", file_only=True)
    eval_clips: int = option(8, "clips in an evaluation, 0 is all", file_only=True)
    eval_frames: int = option(30, "frames of each clip in an evaluation", COUNT, file_only=True)
    eval_stride: int = option(
        1, "frames from one that is evaluated to the next: 2 or 3 where the clips hardly move", COUNT, file_only=True
    )
    log_every: int = option(100, "iterations between lines in metrics.csv and TensorBoard", COUNT, file_only=True)
    watch_minutes: float = option(
        5.0, "minutes between pictures of the run and its page run.html; 0 is never", NO_LIMIT, file_only=True
    )
    tensorboard: bool = option(True, "write TensorBoard files where tensorboard is installed", file_only=True)


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
    smoke: SmokeConfig = field(default_factory=SmokeConfig)
    style: StyleConfig = field(default_factory=StyleConfig)
    motion: MotionConfig = field(default_factory=MotionConfig)
    long_video: LongVideoConfig = field(default_factory=LongVideoConfig)
    long_video_sr: LongVideoSrConfig = field(default_factory=LongVideoSrConfig)


FIXED = frozenset(
    [
        "architecture",
        "scale",
        "blocks",
        "channels",
        "strength",
        "dialect",
        "degradation",
        "init",
        "discriminator",
        "normalisation",
        "optimiser",
        "dimensions",
        "inputs",
        "design",
        "discriminator_width",
        "dense",
        "size",
        "widths",
        "latent",
        "mapping_layers",
        "noise",
        "components",
        "hidden",
        "residual",
        "domain",
        "d_video_width",
        "d_image_width",
        "queue",
        "video_height",
        "video_width",
        "time_levels",
        "space_levels",
        "style_width",
        "noise_channels",
        "filters",
        "shortest",
        "longest",
        "d_channels",
        "sr_widths",
        "sr_layers",
        "reach",
        "skip",
    ]
)
"""Fields that a resumed run cannot change: its weights or the state of its optimiser depend on them."""


def options() -> "Iterator[tuple[str, Field[Any]]]":
    """(table, field) of every option; names are unique over all tables."""
    for table in fields(Config):
        for item in fields(table.type):  # type: ignore[arg-type]
            yield table.name, item


def to_dict(config: Config) -> dict[str, dict[str, Any]]:
    """Plain tables, for checkpoints."""
    return asdict(config)
