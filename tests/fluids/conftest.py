"""One thread: tiny fields are faster on it."""

import pytest


@pytest.fixture(autouse=True)
def always_one_thread(one_thread: None) -> None:
    """For all tests of this folder."""
