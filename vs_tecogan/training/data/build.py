"""From settings to samples: the degradation, and how samples are made."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from ...degrade import BicubicDown, BlurDown, Degradation
from ...errors import TrainingError
from ..config import Config, DataConfig, DegradationConfig
from .augment import Augmentation
from .codecs import Codec, parse_kinds
from .degrade import Blur, DegradationStage, Jpeg, Noise, Realistic, Rescale
from .faults import Banding, ChromaShift, Grain, Interlacing, Ringing, Tape
from .pairs import check_pair
from .samples import SampleOptions
from .store import Store

log = logging.getLogger(__name__)

CHECKED = 6
"""Clips of a store whose partners are looked at before a run."""

ENLARGED_BEFORE = (0.4, 0.77)
"""Part of its present size that a source had before somebody enlarged it."""

NOT_AUGMENTATION = frozenset(
    [
        "store",
        "eval_store",
        "batch",
        "frames",
        "burn_in",
        "crop",
        "seed",
        "workers",
        "teacher_forcing_prob",
        "full_strength_prob",
    ]
)
"""Settings of ``[data]`` that are used elsewhere. All others are fields of :class:`.augment.Augmentation`."""


def build_degradation(config: DegradationConfig) -> Degradation | None:
    """The rule that makes LR; ``None`` takes the store's own LR frames.

    :raises TrainingError: no rule has that name.
    """
    if config.degradation not in RULES:
        raise TrainingError(f"degradation {config.degradation!r}; expected one of {', '.join(RULES)}")
    return RULES[config.degradation](config)


def build_realistic(config: DegradationConfig) -> Realistic:
    """The realistic degradation of these settings, in the order in which a file gets its faults.

    :raises TrainingError: an encoder of an unknown name.
    """
    return Realistic(
        clean_prob=config.clean_prob, blur=Blur(sigma=_range(config.blur_sigma)), stages=tuple(_stages(config))
    )


def _stages(config: DegradationConfig) -> Iterator[DegradationStage]:
    # Those that are off are left out, so that they take no random number of the others.
    if config.upscaled_prob:
        yield Rescale(prob=config.upscaled_prob, factor=ENLARGED_BEFORE)
    yield Rescale(prob=config.rescale_prob)
    yield Noise(prob=config.noise_prob, sigma=_range(config.noise_sigma))
    if config.grain_prob:
        yield Grain(prob=config.grain_prob, sigma=_range(config.grain_sigma))
    for prob, stage in (
        (config.tape_prob, Tape), (config.fields_prob, Interlacing), (config.chroma_shift_prob, ChromaShift),
        (config.ringing_prob, Ringing), (config.banding_prob, Banding),
    ):  # fmt: skip
        if prob:
            yield stage(prob=prob)
    yield Jpeg(prob=config.jpeg_prob)
    codec = Codec(
        prob=config.codec_prob, kinds=parse_kinds(config.codecs), loss=_range(config.codec_loss),
        rate_prob=config.rate_prob, bits_per_pixel=_range(config.bits_per_pixel),
    )  # fmt: skip
    yield codec
    if config.second_codec_prob:
        yield replace(codec, prob=config.second_codec_prob * config.codec_prob)


RULES: Mapping[str, Callable[[DegradationConfig], Degradation | None]] = {
    "bd": lambda config: BlurDown(quantise=config.quantise),
    "bi": lambda _: BicubicDown(),
    "realistic": build_realistic,
    "pairs": lambda _: None,
    "pairs-centred": lambda _: None,
}
"""Each value of ``degradation``, and what makes its rule."""


def build_augmentation(data: DataConfig) -> Augmentation:
    """Every setting of ``[data]`` by its name, but for those that are used elsewhere.

    :raises TypeError: a setting was added that no field of the augmentation answers to.
    """
    values: dict[str, Any] = {
        item.name: getattr(data, item.name) for item in fields(data) if item.name not in NOT_AUGMENTATION
    }
    values["random_scale"] = _range(data.random_scale) if data.random_scale else None
    return Augmentation(**values)


def build_samples(config: Config) -> SampleOptions:
    """How samples are made."""
    data = config.data
    return SampleOptions(
        scale=config.model.scale,
        crop=data.crop,
        seed=data.seed,
        augmentation=build_augmentation(data),
        degradation=build_degradation(config.degradation),
        teacher_forcing_prob=data.teacher_forcing_prob,
        centred=config.degradation.centred,
        full_strength_prob=data.full_strength_prob if config.model.strength else None,
    )


def check_store(config: DegradationConfig, store: Store) -> None:
    """See that low-resolution partners in a store are used, and lie where the degradation expects them.

    :raises TrainingError: the degradation would ignore them.
    """
    clips = [clip for clip in store.clips() if clip.lr_file]
    if not clips:
        return
    made = bool(store.settings.get("degradation"))
    if made and config.degradation != "pairs":
        raise TrainingError(
            f"{store.folder} holds LR frames made beforehand, which --degradation {config.degradation} would ignore; "
            "give --degradation pairs, or prepare the videos without --degrade"
        )
    if made:
        return
    if not config.given:
        raise TrainingError(
            f"{store.folder} holds its own LR frames, which --degradation {config.degradation} would ignore; give "
            "--degradation pairs or pairs-centred, or prepare the videos without --lr"
        )
    check = check_pair([(store.hr(clip), store.lr(clip)) for clip in clips[:: -(-len(clips) // CHECKED)]])
    if check.wrong:
        log.warning("%s: %s; a network that learns from such pairs stays blurred", store.folder, check.wrong)
    elif check.grid not in (None, config.degradation):
        asked = config.degradation
        log.warning("%s: LR pixels lie as --degradation %s expects, not %s", store.folder, check.grid, asked)


def _range(values: tuple[float, ...]) -> tuple[float, float]:
    low, high = values
    return low, high
