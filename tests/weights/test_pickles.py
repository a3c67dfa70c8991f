"""Pickles are looked through before anything in them is made."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vs_tecogan.errors import WeightsError
from vs_tecogan.weights import load_model
from vs_tecogan.weights.pickles import DEEPEST, check_pickle, tuple_depths

things = st.recursive(
    st.integers() | st.text(max_size=3) | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(inner, max_size=4).map(tuple) | st.dictionaries(st.text(), inner)
    ),
    max_leaves=12,
)


def depth_of(thing: Any) -> int:
    items = list(thing.values()) if isinstance(thing, dict) else thing if isinstance(thing, list | tuple) else []
    return max(map(depth_of, items), default=0) + isinstance(thing, tuple)


@given(thing=things, protocol=st.integers(0, 5))
def test_depths_are_those_of_what_would_be_made(thing: Any, protocol: int) -> None:
    """Would catch an operation that takes more or less off the stack than pickle does."""
    assert max(tuple_depths(io.BytesIO(pickle.dumps(thing, protocol)))) == depth_of(thing)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_key_that_takes_for_ever_to_hash(legacy: bool, tmp_path: Path) -> None:
    """Would catch a file of 200 bytes that never ends to open: a tuple of twice the same tuple, forty times over."""
    bomb, path = b"\x80\x02}K\x01" + b"q\x00h\x00\x86" * 40 + b"K\x01s.", tmp_path / "m.pth"
    if legacy:
        path.write_bytes(bomb)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("m/data.pkl", bomb)
            archive.writestr("m/version", "3\n")
    with pytest.raises(WeightsError, match=f"m.pth: holds tuples within tuples, more than {DEEPEST} deep"):
        load_model(path)


def test_more_steps_than_any_weights_take(tmp_path: Path) -> None:
    """Would catch minutes of reading before a refusal."""
    (tmp_path / "m.pth").write_bytes(b"\x80\x02]" + b"N0" * 300_000 + b".")
    with pytest.raises(WeightsError, match="steps to unpickle"):
        check_pickle(tmp_path / "m.pth")


@pytest.mark.parametrize("legacy", [False, True])
def test_checkpoints_pass(legacy: bool, tmp_path: Path) -> None:
    """Would catch the refusal of what trainers write: parameters, an optimiser, settings."""
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    adam = torch.optim.Adam(model.parameters())
    model(torch.rand(1, 3, 8, 8)).sum().backward()
    adam.step()
    state = {
        "params": model.state_dict(),
        "raw": list(model.parameters()),
        "adam": adam.state_dict(),
        "k": [(1, (2, 3))],
    }
    torch.save(state, tmp_path / "m.pth", _use_new_zipfile_serialization=not legacy)
    check_pickle(tmp_path / "m.pth")


@pytest.mark.parametrize("content", [b"", b"no pickle", b"\x80\x02(", b"\x80\x02\x86.", b"PK\x03\x04"])
def test_damage_is_one_line(content: bytes, tmp_path: Path) -> None:
    """Would catch a traceback, and a file that is opened though the look could not follow it."""
    (tmp_path / "m.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=r"m\.pth: is no whole PyTorch checkpoint; copy or download it again"):
        load_model(tmp_path / "m.pth")
