"""What a card says of networks that make video from numbers: every field of their specs, by its name."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, cast, get_args, get_origin

from ..networks import LongVideoSpec, LongVideoSRSpec, MotionSpec, SourceSpec, StyleSpec

KINDS: Mapping[str, type[SourceSpec]] = {
    "stylegan": StyleSpec,
    "mocogan-hd": MotionSpec,
    "long-video": LongVideoSpec,
    "long-video-sr": LongVideoSRSpec,
}
"""Spec of each architecture."""


def source_words(spec: SourceSpec) -> dict[str, str]:
    """What :func:`source_spec` reads; fields of a spec within one are ``image.size``."""
    (architecture,) = (name for name, kind in KINDS.items() if isinstance(spec, kind))
    return {"architecture": architecture, **_words(spec, "")}


def source_spec(metadata: Mapping[str, str]) -> SourceSpec:
    """Read a spec.

    :raises KeyError, ValueError: an entry is missing or makes no sense.
    """
    return cast(SourceSpec, _read(KINDS[metadata["architecture"]], metadata, ""))


def _words(spec: Any, prefix: str) -> dict[str, str]:
    words: dict[str, str] = {}
    for item in fields(spec):
        value = getattr(spec, item.name)
        if is_dataclass(value):
            words |= _words(value, f"{prefix}{item.name}.")
        else:
            words[prefix + item.name] = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return words


def _read(kind: Any, metadata: Mapping[str, str], prefix: str) -> object:
    values: dict[str, object] = {}
    for item in fields(kind):
        if is_dataclass(item.type):
            values[item.name] = _read(item.type, metadata, f"{prefix}{item.name}.")
        else:
            values[item.name] = _value(item.type, metadata[prefix + item.name])
    return kind(**values)


def _value(kind: Any, text: str) -> object:
    if kind is bool:
        return {"True": True, "False": False}[text]
    if get_origin(kind) is tuple:
        return tuple(get_args(kind)[0](word) for word in text.split())
    return kind(text)
