"""The scripts' own package can be imported, and the command beside it, whose name it has."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))


@pytest.fixture(scope="session")
def command() -> ModuleType:
    """``scripts/figures.py``."""
    spec = importlib.util.spec_from_file_location("figures_command", SCRIPTS / "figures.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
