"""The model behind an argument: a name, a path or itself; and of the kind that the caller can use."""

import os
from typing import NamedTuple

from torch import nn

from ..errors import UsageError, WeightsError
from .card import ModelCard
from .store import Model, load_model


class Opened[N: nn.Module](NamedTuple):
    """A network of a known kind, and what its file says of it."""

    network: N
    card: ModelCard


def as_model(model: object) -> Model:
    """A model that is loaded already, or that a name or a path stands for.

    :raises WeightsError: it cannot be opened.
    :raises UsageError: it is none of these.
    """
    if isinstance(model, Model):
        return model
    if isinstance(model, str | os.PathLike):
        return load_model(model)
    raise UsageError(f"model {model!r}; give a name, a path or a loaded Model")


def open_model[N: nn.Module](model: object, kind: type[N], refusal: str) -> Opened[N]:
    """The same, of one kind of network.

    :param refusal: what is said of a model of another kind, after its name: what it is not, and what to give.
    :raises WeightsError: it cannot be opened, or is of another kind.
    :raises UsageError: it is no name, path or model.
    """
    opened = as_model(model)
    if not isinstance(opened.network, kind):
        raise WeightsError(f"model {opened.card.name!r} {refusal}")
    return Opened(opened.network, opened.card)
