"""From settings to samples: no setting is lost on the way, and no name falls through to another rule."""

from dataclasses import fields, replace
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest

from vs_tecogan.degrade import BicubicDown, BlurDown, Frames
from vs_tecogan.errors import TrainingError
from vs_tecogan.training.config import DataConfig, DegradationConfig
from vs_tecogan.training.data import build
from vs_tecogan.training.data.augment import Augmentation
from vs_tecogan.training.data.build import NOT_AUGMENTATION, RULES, build_augmentation, build_degradation, build_samples
from vs_tecogan.training.data.degrade import Realistic
from vs_tecogan.training.data.known_motion import FlowSamples, plain_rule
from vs_tecogan.training.data.store import Store

from ..conftest import options

OTHER = {bool: True, float: 0.25, tuple[float, ...]: (0.5, 0.75)}
"""A value, by type, that is no option's default."""


def test_every_augmentation_setting_arrives() -> None:
    """Would catch an option that is accepted and does nothing."""
    names = {item.name for item in fields(DataConfig)}
    assert names >= NOT_AUGMENTATION
    for name, kind in get_type_hints(DataConfig).items():
        if name in NOT_AUGMENTATION:
            continue
        default = getattr(DataConfig(), name)
        value = OTHER[kind] if kind in OTHER else next(v for v in get_args(kind) if v != default)
        assert value != default, name
        built = build_augmentation(replace(DataConfig(), **{name: value}))
        assert built == replace(build_augmentation(DataConfig()), **{name: value}), name


def test_a_setting_without_a_field_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a mapping that passes over what it does not know."""
    monkeypatch.setattr(build, "NOT_AUGMENTATION", NOT_AUGMENTATION - {"batch"})
    with pytest.raises(TypeError, match="batch"):
        build_augmentation(DataConfig())


def test_defaults_of_both_sides_agree() -> None:
    """Would catch samples made without settings that are other than those of a run."""
    assert build_augmentation(DataConfig()) == Augmentation()


def test_degradations_by_name() -> None:
    """Would catch a name without a rule, a rule under another name, and a name that falls through to one."""
    assert set(RULES) == set(get_args(get_type_hints(DegradationConfig)["degradation"]))
    kinds = {"bd": BlurDown, "bi": BicubicDown, "realistic": Realistic, "pairs": type(None)}
    for name, kind in kinds.items():
        assert type(build_degradation(replace(DegradationConfig(), degradation=name))) is kind  # type: ignore[arg-type]
    rule = build_degradation(replace(DegradationConfig(), degradation="realistic", clean_prob=0.7))
    assert isinstance(rule, Realistic) and rule.clean_prob == 0.7
    unknown = replace(DegradationConfig(), degradation="film")  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match="degradation 'film'; expected one of bd, bi, realistic"):
        build_degradation(unknown)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("bd", BlurDown), ("bi", BicubicDown), ("realistic", BlurDown), ("pairs", BlurDown),
        ("pairs-centred", BicubicDown),
    ],
)  # fmt: skip
def test_known_motion_keeps_the_grid(name: str, kind: type) -> None:
    """Would catch moved pictures on another pixel grid than the run's."""
    assert type(plain_rule(build_samples(options(f"--degradation {name}")))) is kind


def test_known_motion_refuses_a_rule_of_an_unknown_grid(store: Path) -> None:
    """Would catch a new degradation that is taken for BD."""

    class Other:
        def margin(self, scale: int) -> int:
            return scale

        def __call__(self, hr: Frames, scale: int, rng: np.random.Generator) -> Frames:
            return hr[:, ::scale, ::scale]

    samples = replace(build_samples(options("")), degradation=Other())
    with pytest.raises(TrainingError, match="degradation Other"):
        FlowSamples(Store(store), samples)
