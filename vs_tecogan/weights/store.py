"""Find, open and write weight files."""

import os
import pickle
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..errors import WeightsError
from ..files import write_file
from ..networks import Generator, Network
from .card import FORMAT, ModelCard
from .dialects import build, load_published
from .pickles import check_pickle

DEFAULT_MODEL = "recurrent-texture-4x"
"""Of the shipped models the one for clean sources."""
REAL_MODEL = "recurrent-real-4x"
"""The one for compressed and noisy sources."""
RETIRED = {
    "frvsr-4x": "recurrent-4x",
    "tecogan-4x": "recurrent-texture-4x",
    "frvsr-2x": "recurrent-small-2x",
    "tecogan-2x": "recurrent-small-2x",
    "tecogan-real-4x": "recurrent-real-4x",
}
"""Models that were shipped once, and the one to take now."""

SUFFIXES = (".safetensors", ".pth", ".pt")
LARGEST = 512 << 20
"""Bytes of a weight file, unpacked: a hundred times a generator's."""
LARGEST_TABLE = 4 << 20
"""Bytes of what says which tensors a file holds; the shipped models take 9 kB."""
LONGEST_NAME = 4096
"""Characters of a path, as on Linux."""


@dataclass(frozen=True)
class Model:
    """Weights ready for use, and what they say of themselves."""

    network: Network
    card: ModelCard

    @property
    def generator(self) -> Generator:
        """The network, where it is one of FRVSR and TecoGAN.

        :raises WeightsError: it is of another architecture.
        """
        if not isinstance(self.network, Generator):
            raise WeightsError(
                f"model {self.card.name!r} is a {type(self.network).__name__}; expected FRVSR or TecoGAN"
            )
        return self.network


def models_folder() -> Path:
    """Where the shipped models lie: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_models"
    return installed if installed.is_dir() else package.parent / "models"


def shipped_models() -> list[ModelCard]:
    """Cards of the shipped models, sorted by name; reads headers only."""
    return [_read_card(path) for path in sorted(models_folder().glob("*.safetensors"))]


def shipped_use(name: str) -> str:
    """What a shipped model is for, in one sentence: from the card beside its weights; "" without one."""
    page = models_folder() / f"{name}.md"
    if page.parent != models_folder() or not page.is_file():
        return ""
    paragraphs = page.read_text(encoding="utf-8").split("\n\n")
    return " ".join(paragraphs[1].split()) if len(paragraphs) > 1 else ""


def find_model(model: str | os.PathLike[str]) -> Path:
    """The file behind a shipped model's name or a path.

    :raises WeightsError: an unknown name, a path that does not exist, or one that is no file of a known kind.
    """
    text = os.fspath(model)
    if not text:
        raise WeightsError("model '' is no name; give that of a shipped model, the path of a weight file, or None")
    if len(text) > LONGEST_NAME or "\0" in text:
        raise WeightsError(f"model {text!r} is no name or path; give a shipped model's name or a weight file")
    path = _expanded(Path(text))
    shipped = {file.stem: file for file in models_folder().glob("*.safetensors")}
    if isinstance(model, str) and text in shipped and not path.is_file():
        return shipped[text]
    if path.is_dir():
        raise WeightsError(f"model {text!r} is a directory; give a {', '.join(SUFFIXES)} file")
    if path.is_file():
        if path.suffix.lower() not in SUFFIXES:
            raise WeightsError(f"model {text!r} has suffix {path.suffix!r}; expected one of {', '.join(SUFFIXES)}")
        return path
    if path.suffix.lower() in SUFFIXES or len(path.parts) > 1:
        raise WeightsError(f"model file {text!r} does not exist; check the path")
    if text in RETIRED:
        raise WeightsError(f"model {text!r} is no longer shipped; take {RETIRED[text]!r} in its place")
    names = ", ".join(sorted(shipped)) or "none"
    raise WeightsError(f"model {text!r} is not known; shipped models: {names}; or give the path of a weight file")


def _expanded(path: Path) -> Path:
    """With ~ replaced where there is such a home."""
    try:
        return path.expanduser()
    except RuntimeError:  # no such user: a file may still begin with ~
        return path


def load_model(model: str | os.PathLike[str]) -> Model:
    """Open a shipped model by name, or a weight file by path; its architecture is read off the file.

    :param model: name of a shipped model, or path of a ``.safetensors``, ``.pth`` or ``.pt`` file: the project's own,
        or a generator of TecoGAN-PyTorch (BD or BI, x2 or x4) or EGVSR. Official TensorFlow checkpoints are converted
        first, by ``scripts/convert_tf.py``.
    :return: network in eval mode, float32, on the CPU, and its card.
    :raises WeightsError: anything that is wrong with the name or the file, in one line.
    """
    try:
        path = find_model(model)
    except OSError as error:  # a name too long, a folder that may not be looked into
        raise WeightsError(f"model {os.fspath(model)!r}: {error.strerror or error}; check the path") from error
    try:
        _check_size(path)
        if path.suffix.lower() == ".safetensors":
            return _load_safetensors(path)
        return _load_pickle(path)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error}); check the file") from error


def save_model(path: str | os.PathLike[str], network: Network, card: ModelCard, *, half: bool = False) -> None:
    """Write the project's own format, atomically.

    :param half: store float16, which halves the file; weights are always used as float32 or cast from it.
    :raises WeightsError: the file cannot be written.
    """
    dtype = torch.float16 if half else torch.float32
    tensors = {key: value.detach().to("cpu", dtype).contiguous() for key, value in network.state_dict().items()}
    try:
        write_file(Path(path), save(tensors, metadata=card.metadata()))  # save_file makes it private to its owner
    except OSError as error:
        raise WeightsError(f"cannot write {os.fspath(path)}: {error.strerror or error}") from error


def _check_size(path: Path) -> None:
    """:raises WeightsError: more than a generator can hold, in the file or unpacked from it, or too many tensors."""
    size = path.stat().st_size
    table = 0
    if path.suffix.lower() == ".safetensors":
        with path.open("rb") as file:
            said = int.from_bytes(file.read(8), "little")
        table = said if said < size else 0  # else it is damaged, which its own reader says
    elif zipfile.is_zipfile(path):
        # Damaged, or packed in a way that zipfile does not know: check_pickle refuses those.
        with suppress(zipfile.BadZipFile, ValueError, NotImplementedError), zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            size = max(size, sum(entry.file_size for entry in entries))
            table = sum(len(e.filename) + (0 if "/data/" in e.filename else e.file_size) for e in entries)
    if size > LARGEST:
        raise WeightsError(f"holds {size >> 20} MiB; expected a generator's weights, of at most {LARGEST >> 20} MiB")
    if table > LARGEST_TABLE:
        raise WeightsError(f"takes {table >> 20} MiB to name its tensors; expected at most {LARGEST_TABLE >> 20} MiB")


def _open_safetensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(str(path), framework="pt") as file:
            return file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise WeightsError(f"is no whole safetensors file ({error}); copy or export it again") from error


def _read_card(path: Path) -> ModelCard:
    try:
        with safe_open(str(path), framework="pt") as file:
            return ModelCard.from_metadata(file.metadata() or {})
    except SafetensorError as error:
        raise WeightsError(f"{path}: is no whole safetensors file ({error}); install the package again") from error


def _load_safetensors(path: Path) -> Model:
    metadata, tensors = _open_safetensors(path)
    if "format" in metadata and metadata["format"].startswith(FORMAT.split("/")[0]):
        card = ModelCard.from_metadata(metadata)
        return Model(build(card.spec, tensors), card)
    return _published(path, tensors)


def _load_pickle(path: Path) -> Model:
    check_pickle(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            "holds something other than plain tensors and was not opened; expected a state dict"
        ) from error
    except OSError:
        raise
    except Exception as error:  # torch reports damaged archives by many types
        raise WeightsError("is no whole PyTorch checkpoint; copy or download it again") from error
    return _published(path, _tensors(content))


def _tensors(content: object) -> dict[str, Tensor]:
    """The state dict in a checkpoint: bare, or behind one of the usual wrapper keys, with or without ``module.``."""
    for wrapper in ("state_dict", "params_ema", "params", "generator", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    if not isinstance(content, Mapping):
        raise WeightsError(f"holds a {type(content).__name__}; expected a state dict")
    tensors = {str(key).removeprefix("module."): value for key, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        raise WeightsError("holds no tensors; expected a state dict")
    return tensors


def _published(path: Path, tensors: dict[str, Tensor]) -> Model:
    network = load_published(tensors)
    card = ModelCard(name=path.stem, spec=network.spec, description="published weights, opened by path")
    return Model(network, card)
