"""Fixtures of the scheduler's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import vapoursynth as vs


@pytest.fixture
def warnings(core: vs.Core) -> Iterator[list[str]]:
    """What the scheduler logs during the test."""
    messages: list[str] = []

    def note(_kind: vs.MessageType, text: str) -> None:
        if "tecogan" in text:
            messages.append(text)

    handle = core.add_log_handler(note)
    yield messages
    core.remove_log_handler(handle)
