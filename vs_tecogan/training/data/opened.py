"""The data of a run: the store that it names, or none where the system makes its samples itself."""

from pathlib import Path

from ...errors import TrainingError
from ..config import Config
from .store import Store

NO_STORE = "no data: give --store, a folder made by vs-tecogan prepare"
MAKES_ITS_OWN = frozenset(["tempogan"])
"""Architectures whose samples come from no footage."""


class NoFootage(Store):
    """What stands for a store where none is needed."""

    def __init__(self) -> None:
        self.folder, self.settings, self.records = Path(), {}, []


def needs_store(config: Config) -> bool:
    """Whether a run cannot begin before a store is named."""
    return not config.data.store and config.model.architecture not in MAKES_ITS_OWN


def open_store(config: Config) -> Store:
    """The store of a run.

    :raises TrainingError: none is named and one is needed, or it cannot be used.
    """
    if needs_store(config):
        raise TrainingError(NO_STORE)
    if config.model.architecture in MAKES_ITS_OWN:
        return NoFootage()
    return Store(Path(config.data.store))
