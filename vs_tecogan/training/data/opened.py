"""The data of a run: the store that it names, or none where the system makes its samples itself."""

from pathlib import Path

from ...errors import TrainingError
from ..config import Config
from .store import Store

NO_STORE = "no data: give --store, a folder made by vs-tecogan prepare"


class NoFootage(Store):
    """What stands for a store where none is needed."""

    def __init__(self) -> None:
        self.folder, self.settings, self.records = Path(), {}, []


def makes_its_own(config: Config) -> bool:
    """Whether the samples come from no footage: simulated, painted, or nothing but random numbers."""
    if config.model.architecture in ("long-video", "long-video-sr"):
        return config.long_video.footage != "store"
    return config.model.architecture in ("tempogan", "pca") or config.style.pictures_from != "store"


def needs_store(config: Config) -> bool:
    """Whether a run cannot begin before a store is named."""
    return not config.data.store and not makes_its_own(config)


def open_store(config: Config) -> Store:
    """The store of a run.

    :raises TrainingError: none is named and one is needed, or it cannot be used.
    """
    if needs_store(config):
        raise TrainingError(NO_STORE)
    if makes_its_own(config):
        return NoFootage()
    return Store(Path(config.data.store))
