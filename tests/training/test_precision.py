"""What a run's precision means on a machine, and the warning before one that is slow there."""

import logging

import pytest
import torch

from vs_tecogan.training import precision
from vs_tecogan.training.config import load
from vs_tecogan.training.recipe import find_preset

CPU = torch.device("cpu")


@pytest.mark.parametrize("native", [False, True])
def test_auto_is_bf16_where_the_hardware_has_it(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    """Would catch presets that train sixteen times slower on a CPU without bfloat16."""
    monkeypatch.setattr(precision, "has_native_bf16", lambda: native)
    assert precision.resolve("auto", CPU) == ("bf16" if native else "fp32")
    assert precision.autocast_type("auto", CPU) == (torch.bfloat16 if native else None)
    assert precision.resolve("bf16", CPU) == "bf16"


@pytest.mark.parametrize("name", ["frvsr-modern", "tecogan-modern"])
def test_recommended_presets_leave_it_to_the_machine(name: str) -> None:
    """Would catch a preset that says bf16 to every machine."""
    assert load(find_preset(name)).loop.precision == "auto"


def test_what_the_machine_lacks_is_warned_of(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Would catch a slow precision that is taken in silence, a warning without the factor, or one without a cause."""
    monkeypatch.setattr(precision, "has_native_bf16", lambda: False)
    monkeypatch.setattr(precision, "slowdown", lambda *_: 16.2)
    for asked in ("auto", "fp32", "bf16", "fp16"):
        precision.warn_if_slow(asked, CPU)
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [line.split(":")[0] for line in lines] == ["precision bf16", "precision fp16"]
    assert all("about 16 times as long as in fp32" in line and "--precision auto" in line for line in lines)
    monkeypatch.setattr(precision, "has_native_bf16", lambda: True)
    caplog.clear()
    precision.warn_if_slow("bf16", CPU)
    assert not caplog.records


def test_the_factor_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a constant in place of a measurement: float32 beside itself takes about as long."""
    monkeypatch.setitem(precision.TYPES, "same", None)
    assert 0.2 < precision.slowdown("same", CPU) < 5
