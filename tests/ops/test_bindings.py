"""The extension's bindings under hostile arguments: each is refused by ValueError, or computed within its own memory.

Arguments that stand for sizes are drawn at random around the limits. What an accepted call may touch is given room for,
with a mark behind it that must still be there afterwards.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vs_tecogan.ops import native

pytestmark = pytest.mark.skipif(not native.available(), reason=f"native extension {native.describe()}")

MARK, ROOM, MARGIN = 77.0, 1 << 16, 256
hostile = st.sampled_from([-(2**63), -(2**31) - 1, -1, 0, 2**20 + 1, 2**31 - 1, 2**31, 2**32 + 1, 2**62])
"""Numbers that no size may have."""


def small(most: int) -> st.SearchStrategy[int]:
    return st.integers(1, most)


class Memory:
    """Buffers of zeros with marks behind them."""

    def __init__(self) -> None:
        self._all: list[np.ndarray[Any, Any]] = []

    def address(self, values: int = ROOM) -> int:
        """Of room for so many float32."""
        buffer = np.zeros(values + MARGIN, np.float32)
        buffer[values:] = MARK
        self._all.append(buffer)
        return int(buffer.ctypes.data)

    def check(self) -> None:
        """:raises AssertionError: something was written behind a buffer's end."""
        assert all((buffer[-MARGIN:] == MARK).all() for buffer in self._all)


def module() -> Any:
    return native._module()


SIDES = {"h": small(9), "w": small(40)}
WIDE = {"n": small(2), "h": small(5), "w": small(9), "inputs": st.just(64), "outputs": st.sampled_from([64, 128])}
Call = Callable[[Any, Memory, dict[str, Any]], None]


def _warp(m: Any, memory: Memory, a: dict[str, Any]) -> None:
    m.warp(*(memory.address() for _ in range(3)), *(a[k] for k in ("n", "c", "h", "w", "threads", "level")))


def _warp_backward(m: Any, memory: Memory, a: dict[str, Any]) -> None:
    m.warp_backward(*(memory.address() for _ in range(5)), *(a[k] for k in ("n", "c", "h", "w", "threads", "level")))


def _recur(m: Any, memory: Memory, a: dict[str, Any]) -> None:
    room = [memory.address() for _ in range(4)]
    m.recur(*room, False, *(a[k] for k in ("h", "w", "scale", "grid", "threads", "level")))


def _interleave(m: Any, memory: Memory, a: dict[str, Any]) -> None:
    planes = [memory.address() for _ in range(a["c"])] if a["c"] < 9 else []
    m.interleave(planes, memory.address(), True, *(a[k] for k in ("h", "w", "threads", "level")))


def _narrow_conv(m: Any, memory: Memory, a: dict[str, Any]) -> None:
    room = [memory.address() for _ in range(6)]
    m.narrow_conv(
        *room[:4], False, a["h"], a["w"], a["inputs"], a["outputs"], a["bottom"], room[4] * a["skip"], a["skip_height"],
        a["skip_width"], a["scale"], a["grid"], a["first_row"], room[5], a["output_height"], a["threads"], a["level"],
    )  # fmt: skip


def _refine(m: Any, memory: Memory, a: dict[str, Any]) -> None:
    m.refine(*(memory.address() for _ in range(4)), *(a[k] for k in ("h", "w", "rounds", "threads", "level")))


def _winograd(m: Any, memory: Memory, a: dict[str, Any]) -> None:
    room = [memory.address(1 << 19) for _ in range(6)]
    m.winograd(*room, *(a[k] for k in ("n", "h", "w", "inputs", "outputs")), True, a["threads"], a["level"])


def _winograd_gradient(m: Any, memory: Memory, a: dict[str, Any]) -> None:
    room = [memory.address(1 << 19) for _ in range(3)]
    m.winograd_gradient(*room, *(a[k] for k in ("n", "h", "w", "inputs", "outputs", "threads", "level")))


def _deconv(m: Any, memory: Memory, a: dict[str, Any]) -> None:
    room = [memory.address(1 << 17) for _ in range(4)]
    names = ("n", "h", "w", "inputs", "outputs", "top", "left", "output_height", "output_width", "threads", "level")
    m.deconv(*room, *(a[k] for k in names))


def _deconv_backward(m: Any, memory: Memory, a: dict[str, Any]) -> None:
    room = [memory.address(1 << 17) for _ in range(5)]
    m.deconv_backward(*room, *(a[k] for k in ("n", "h", "w", "inputs", "outputs", "threads", "level")))


def _double_size(m: Any, memory: Memory, a: dict[str, Any]) -> None:
    room = [memory.address() for _ in range(2)]
    m.double_size(*room, False, *(a[k] for k in ("h", "w", "c", "grid", "threads", "level")))


BINDINGS: dict[str, tuple[Call, dict[str, st.SearchStrategy[Any]]]] = {
    "warp": (_warp, {"n": small(2), "c": small(4), **SIDES}),
    "warp_backward": (_warp_backward, {"n": small(2), "c": small(4), **SIDES}),
    "recur": (_recur, {**SIDES, "scale": st.integers(1, 8), "grid": st.integers(0, 2)}),
    "interleave": (_interleave, {"c": small(6), **SIDES}),
    "narrow_conv": (
        _narrow_conv,
        {
            **SIDES, "inputs": small(40), "outputs": st.integers(2, 3), "bottom": st.booleans(),
            "skip": st.sampled_from([0, 1]), "skip_height": small(9), "skip_width": small(20),
            "scale": st.integers(1, 8), "grid": st.integers(0, 2), "first_row": st.integers(0, 9),
            "output_height": small(40),
        },
    ),
    "refine": (_refine, {"h": small(9), "w": small(30), "rounds": st.integers(0, 2)}),
    "winograd": (_winograd, WIDE),
    "winograd_gradient": (_winograd_gradient, WIDE),
    "deconv": (
        _deconv,
        {
            **WIDE, "top": st.integers(0, 2), "left": st.integers(0, 2), "output_height": small(13),
            "output_width": small(21),
        },
    ),
    "deconv_backward": (_deconv_backward, WIDE),
    "double_size": (_double_size, {**SIDES, "c": small(32), "grid": st.integers(1, 2)}),
}  # fmt: skip
CALLS = {"threads": st.integers(1, 3), "level": st.integers(0, 0)}
BEYOND = {"scale": [9, 100], "grid": [3, -2], "outputs": [1, 4], "threads": [5000], "level": [8], "inputs": [0, -64]}


@pytest.mark.parametrize("name", BINDINGS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_numbers_in_range(name: str, data: st.DataObject) -> None:
    """An operator that writes behind its result at some size; combinations that it must refuse are refused cleanly."""
    call, numbers = BINDINGS[name]
    arguments = {key: data.draw(value, key) for key, value in {**numbers, **CALLS}.items()}
    memory = Memory()
    try:
        call(module(), memory, arguments)
    except ValueError as error:
        assert name in ("narrow_conv", "deconv"), error
    memory.check()


@pytest.mark.parametrize("name", BINDINGS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_one_hostile_number(name: str, data: st.DataObject) -> None:
    """A crash (division by zero, a buffer too small on the stack), or a wrong result, instead of an error."""
    call, numbers = BINDINGS[name]
    arguments = {key: data.draw(value, key) for key, value in {**numbers, **CALLS}.items()}
    victims = [key for key in arguments if key not in ("bottom", "skip")]
    victim = data.draw(st.sampled_from(victims), "victim")
    bad = data.draw(hostile, "bad")
    if victim in BEYOND:
        bad = data.draw(st.sampled_from([bad, *BEYOND[victim]]), "bad")
    if bad in (0, 2**20 + 1) and victim in ("grid", "first_row", "top", "left", "rounds", "level"):
        bad = -1
    memory = Memory()
    with pytest.raises((ValueError, TypeError)):  # TypeError: more than 64 bits, or a list of no planes
        call(module(), memory, {**arguments, victim: bad})
    memory.check()


@pytest.mark.parametrize("name", BINDINGS)
def test_no_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A null address followed."""
    call, _ = BINDINGS[name]
    fitting: dict[str, Any] = {
        "n": 1, "c": 3, "h": 4, "w": 4, "scale": 2, "grid": 1, "inputs": 64, "outputs": 64, "bottom": True, "skip": 0,
        "skip_height": 2, "skip_width": 2, "first_row": 0, "output_height": 4, "output_width": 4, "rounds": 1, "top": 1,
        "left": 1, "threads": 1, "level": 0,
    }  # fmt: skip
    monkeypatch.setattr(Memory, "address", lambda *_: 0)
    with pytest.raises(ValueError, match="no memory"):
        call(module(), Memory(), {**fitting, "outputs": 2} if name == "narrow_conv" else fitting)


COLOUR = np.ones(16, np.float32)
LEFT, WEIGHT = np.arange(0, 8, 2, dtype=np.int32), np.full((2, 4), 0.5, np.float32)
LAYOUTS: dict[str, dict[str, Any]] = {
    "sample": {"sample": 4},
    "negative sample": {"sample": -1},
    "mode": {"mode": 3},
    "no planes": {"shapes": []},
    "two planes": {"shapes": [(4, 8), (4, 4)]},
    "four planes": {"shapes": [(4, 8)] * 4},
    "chroma of two sizes": {"shapes": [(4, 8), (4, 4), (4, 8)]},
    "larger chroma": {"shapes": [(4, 8), (4, 16), (4, 16)]},
    "no rows": {"shapes": [(0, 8), (0, 4), (0, 4)]},
    "short colour": {"colour": COLOUR[:15]},
    "colour of another type": {"colour": COLOUR.astype(np.float64)},
    "no colour": {"colour": None},
    "no taps": {"across": None},
    "taps that are no pair": {"across": (LEFT,)},
    "taps beyond the end": {"across": (LEFT + 1, WEIGHT)},
    "taps before the start": {"across": (LEFT - 1, WEIGHT)},
    "too few taps": {"across": (LEFT[:3], WEIGHT)},
    "weights the wrong way round": {"across": (LEFT, np.ascontiguousarray(WEIGHT.T))},
    "weights that are not contiguous": {"across": (LEFT, np.full((4, 8), 0.5, np.float32)[::2, ::2])},
    "int64": {"across": (LEFT.astype(np.int64), WEIGHT)},
    "taps down that nobody needs": {"down": (LEFT, np.full((4, 2), 0.5, np.float32))},
    "threads": {"threads": -3},
    "level": {"level": 99},
    "read-only planes": {"readonly": True},
}


def _pack(changes: dict[str, Any]) -> list[np.ndarray[Any, Any]]:
    a: dict[str, Any] = {
        "shapes": [(4, 8), (4, 4), (4, 4)], "sample": 3, "mode": 2, "colour": COLOUR, "across": (LEFT, WEIGHT),
        "down": None, "threads": 1, "level": 0, "readonly": False, **changes,
    }  # fmt: skip
    planes = [np.zeros(shape, np.float32) for shape in a["shapes"]]
    for plane in planes:
        plane.flags.writeable = not a["readonly"]
    memory = Memory()
    module().pack(
        memory.address(3 * 4 * 8), planes, a["shapes"], a["sample"], a["mode"], a["colour"], a["across"], a["down"],
        a["threads"], a["level"],
    )  # fmt: skip
    memory.check()
    return planes


def test_a_picture_that_fits() -> None:
    """The layouts below refused for another reason than theirs."""
    _pack({})


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_of_pictures(name: str) -> None:
    """A picture written by a table of taps that reads outside the image, or into planes of another layout."""
    with pytest.raises(ValueError):
        _pack(LAYOUTS[name])


@pytest.mark.parametrize("planes", [[], [np.zeros((4, 4), np.float32)] * 2, [None] * 3, ["abcd"] * 3])
def test_planes(planes: list[Any]) -> None:
    """Objects that are no planes."""
    memory = Memory()
    with pytest.raises(ValueError):
        module().read_planes(planes, memory.address(), 4, 4, False, 1, 0)
    with pytest.raises(ValueError):
        module().write_planes(memory.address(), planes, 4, 4, False, 1, 0)
