"""From settings to samples: the degradation, and how samples are made."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from ...degrade import BicubicDown, BlurDown, Degradation
from ...errors import TrainingError
from ..config import Config, DataConfig, DegradationConfig
from .augment import Augmentation
from .degrade import Blur, Codec, Jpeg, Noise, Realistic, Rescale
from .pairs import check_pair
from .samples import SampleOptions
from .store import Store

log = logging.getLogger(__name__)

CHECKED = 6
"""Clips of a store whose partners are looked at before a run."""

NOT_AUGMENTATION = frozenset(
    ["store", "eval_store", "batch", "frames", "burn_in", "crop", "seed", "workers", "teacher_forcing_prob"]
)
"""Settings of ``[data]`` that are used elsewhere. All others are fields of :class:`.augment.Augmentation`."""


def build_degradation(config: DegradationConfig) -> Degradation | None:
    """The rule that makes LR; ``None`` takes the store's own LR frames.

    :raises TrainingError: no rule has that name.
    """
    if config.degradation not in RULES:
        raise TrainingError(f"degradation {config.degradation!r}; expected one of {', '.join(RULES)}")
    return RULES[config.degradation](config)


def _realistic(config: DegradationConfig) -> Realistic:
    return Realistic(
        blur=Blur(sigma=_range(config.blur_sigma)),
        stages=(
            Rescale(prob=config.rescale_prob),
            Noise(prob=config.noise_prob, sigma=_range(config.noise_sigma)),
            Jpeg(prob=config.jpeg_prob),
            Codec(prob=config.codec_prob),
        ),
    )


RULES: Mapping[str, Callable[[DegradationConfig], Degradation | None]] = {
    "bd": lambda config: BlurDown(quantise=config.quantise),
    "bi": lambda _: BicubicDown(),
    "realistic": _realistic,
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
    )


def check_store(config: DegradationConfig, store: Store) -> None:
    """See that low-resolution partners in a store are used, and lie where the degradation expects them.

    :raises TrainingError: the degradation would ignore them.
    """
    clips = [clip for clip in store.clips() if clip.lr_file]
    if not clips:
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
