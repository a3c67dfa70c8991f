"""Painted skies: clouds that drift, form and dissolve over a bay, through days that pass, without end.

Every frame is a pure function of the seed and its number, at any size. The place, its wind and its days are the same
for all seeds; the clouds and the weather are not. So the truth of "new content over time" is known: what a cloud looks
like is forgotten after its life, how cloudy it is after about 200 frames, and the light comes back after a day.
"""

import math

import numpy as np
import numpy.typing as npt

type Pictures = npt.NDArray[np.uint8]
"""(T, H, W, 3) RGB."""
type Field = npt.NDArray[np.float32]

DAY = 256
"""Frames of a day."""
WEATHER = 128
"""Frames between the knots of the slow change of how cloudy it is."""
WIND = 0.011
"""Drift of the clouds' plane per frame, in widths of the picture at middle height."""
SEASON = 0.3
"""Mean height of the sun."""
HORIZON = 0.78
"""Part of the height above the sea."""
OCTAVES = ((2.2, 1.0, 80.0), (4.6, 0.55, 48.0), (9.5, 0.3, 28.0), (19.0, 0.16, 16.0))
"""Of the clouds: cells per width, amplitude, frames of a cell's life."""
FINEST = 2.0
"""Pixels per cell below which an octave would only be grain, and is left out."""

SUN_HEIGHTS = (-0.5, -0.12, 0.04, 0.22, 0.6, 1.0)
"""Heights of the sun (1 is overhead) at which the colours below hold."""
ZENITH = ((14, 20, 56), (28, 36, 84), (66, 84, 142), (72, 122, 196), (48, 108, 202), (36, 94, 196))
SKYLINE = ((30, 38, 78), (82, 64, 100), (246, 150, 84), (240, 206, 160), (186, 214, 236), (174, 208, 240))
LIT = ((54, 60, 92), (110, 82, 112), (255, 176, 120), (255, 236, 206), (255, 253, 248), (255, 255, 255))
SHADED = ((26, 30, 60), (52, 46, 80), (122, 84, 104), (150, 144, 158), (168, 178, 194), (176, 186, 202))
LAND = ((6, 9, 18), (16, 17, 28), (40, 34, 36), (52, 62, 42), (58, 84, 46), (60, 90, 48))
SUN = (255, 244, 214)


def skies(seed: int, frames: npt.ArrayLike, height: int, width: int, *, season: float = SEASON) -> Pictures:
    """Paint frames.

    :param seed:   of clouds and weather, at least 0.
    :param frames: their numbers, (T,); fractions lie between frames.
    :param season: mean height of the sun, see :func:`sun_height`; from 0.6 on the nights stay light.
    :return: (T, height, width, 3).
    """
    times = np.asarray(frames, np.float64).reshape(-1)
    y, x = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    light = _light(times, season)
    up = np.clip(1 - y / HORIZON, 0, 1).astype(np.float32)[None, :, None]
    picture = _mix(light["skyline"], light["zenith"], up**0.6)
    picture = picture + _glow(times, season, x, y, height / width)
    cover, thick = _clouds(seed, times, x, y, height / width)
    shaded = _mix(light["lit"], light["shaded"], np.clip(thick, 0, 1))
    picture += cover[..., None] * (shaded - picture)
    picture = _below(picture, light, x, y)
    return (picture.clip(0, 255) + np.float32(0.5)).astype(np.uint8)


def sun_height(times: npt.ArrayLike, season: float = SEASON) -> npt.NDArray[np.float64]:
    """Height of the sun, 1 is overhead: 0.7 below the season's mean at midnight, as much above it at noon.

    By the usual season it stands above the horizon for about two thirds of a day.
    """
    return 0.7 * np.sin(2 * math.pi * np.asarray(times, np.float64) / DAY) + season


def _light(times: npt.NDArray[np.float64], season: float) -> dict[str, Field]:
    """Colours (T, 1, 1, 3) by the height of the sun."""
    sun = sun_height(times, season)
    tables = {"zenith": ZENITH, "skyline": SKYLINE, "lit": LIT, "shaded": SHADED, "land": LAND}
    return {
        name: np.stack([np.interp(sun, SUN_HEIGHTS, [c[k] for c in table]) for k in range(3)], -1)
        .astype(np.float32)[:, None, None]
        for name, table in tables.items()
    }  # fmt: skip


def _mix(a: Field, b: Field, part: Field) -> Field:
    """``a`` where ``part`` (T, H, W) is 0, ``b`` where it is 1."""
    return np.asarray(a + part[..., None] * (b - a))


def _glow(
    times: npt.NDArray[np.float64], season: float, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], shape: float
) -> Field:
    """Light (T, H, W, 3) around the sun, which rises at the left and sets at the right."""
    sun = sun_height(times, season)
    across = 0.5 - 0.42 * np.cos(2 * math.pi * times / DAY)
    down = HORIZON - 0.72 * HORIZON * sun
    dx, dy = x[None, None, :] - across[:, None, None], (y[None, :, None] - down[:, None, None]) * shape
    square = (dx * dx + dy * dy).astype(np.float32)
    bright = np.clip(sun * 6 + 0.6, 0, 1).astype(np.float32)[:, None, None]
    wide = 70 * np.exp(square * np.float32(-14)) + 230 * np.exp(square * np.float32(-420))
    return np.asarray((bright * wide)[..., None] * (np.asarray(SUN, np.float32) / 255))


def _clouds(
    seed: int, times: npt.NDArray[np.float64], x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], shape: float
) -> tuple[Field, Field]:
    """Cover in [0, 1] and thickness (T, H, W), on a plane above the eye: far clouds are small and low."""
    away = 1 / (np.clip(HORIZON - y, 0, None) / HORIZON + 0.35)
    across = (x[None, :] - 0.5) * away[:, None]
    depth = np.broadcast_to(away[:, None] * 1.3 * shape, across.shape)
    total = np.zeros((len(times), len(y), len(x)), np.float32)
    for octave, (cells, amplitude, life) in enumerate(OCTAVES):
        if octave and len(x) / cells < FINEST:
            continue
        moved = (across[None] - WIND * times[:, None, None]) * cells
        total += np.float32(amplitude) * _noise(seed, octave, moved, depth * cells, times / life)
    weather = _noise(seed, 99, np.zeros((len(times), 1, 1)), np.zeros((1, 1)), times / WEATHER)
    depth_of = total + np.float32(0.55) * weather - np.float32(0.06)
    haze = np.clip((HORIZON - y) / 0.12, 0, 1).astype(np.float32)[None, :, None]
    cover = np.clip(depth_of * np.float32(1.7), 0, 1)
    return cover * cover * (3 - 2 * cover) * haze, depth_of * np.float32(0.8)


def _noise(
    seed: int, octave: int, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], t: npt.NDArray[np.float64]
) -> Field:
    """Smooth noise of about unit variance at (T, H, W) places: random values on a lattice, interpolated.

    :param x: (T, H, W) in cells. :param y: (H, W) in cells. :param t: (T,) in lives of a cell.
    """
    (xi, xf), (yi, yf), (ti, tf) = (_split(values) for values in (x, y, t))
    wx, wy = _smooth(xf), _smooth(yf)[None]
    # Old and new values are uncorrelated, so the shares of their mix keep its variance.
    angle = _smooth(tf) * np.float32(math.pi / 2)
    total: Field = np.zeros(1, np.float32)
    for later, share in ((0, np.cos(angle)), (1, np.sin(angle))):
        key = _hash(ti + later, np.uint32((seed * 0x9E3779B1 + octave * 0x85EBCA6B) & 0xFFFFFFFF))[:, None, None]
        rows = []
        for low in (0, 1):
            row = _hash(yi[None] + low, key)
            left, right = _value(_hash(xi, row)), _value(_hash(xi + 1, row))
            rows.append(left + wx * (right - left))
        total = np.asarray(total + share[:, None, None] * (rows[0] + wy * (rows[1] - rows[0])))
    return np.asarray(total * np.float32(1.6))


def _split(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], Field]:
    """Whole cells and the rest."""
    whole = np.floor(values)
    return whole.astype(np.int64), (values - whole).astype(np.float32)


def _smooth(part: Field) -> Field:
    return part * part * (3 - 2 * part)


def _hash(number: npt.NDArray[np.int64], key: npt.NDArray[np.uint32] | np.uint32) -> npt.NDArray[np.uint32]:
    """Mixed bits of a number and a key (the finaliser of MurmurHash3)."""
    bits = number.astype(np.uint32) * np.uint32(0xCC9E2D51) ^ key
    bits ^= bits >> np.uint32(16)
    bits *= np.uint32(0x85EBCA6B)
    bits ^= bits >> np.uint32(13)
    bits *= np.uint32(0xC2B2AE35)
    bits ^= bits >> np.uint32(16)
    return bits


def _value(bits: npt.NDArray[np.uint32]) -> Field:
    """Uniform in [-1, 1)."""
    return bits.astype(np.float32) * np.float32(2.0**-31) - np.float32(1)


def _below(picture: Field, light: dict[str, Field], x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Field:
    """Sea that mirrors the sky, and the hills before it."""
    rows = np.arange(len(y))
    mirrored = np.clip(np.searchsorted(y, 2 * HORIZON - y), 0, len(y) - 1)
    sea = np.where(y > HORIZON, mirrored, rows)
    dim = np.where(y > HORIZON, 0.62, 1.0).astype(np.float32)
    picture = picture[:, sea] * dim[None, :, None, None]
    ridge = HORIZON - 0.075 - 0.05 * np.sin(5.2 * x + 0.6) - 0.022 * np.sin(17 * x + 2)
    ridge = ridge + np.clip(x - 0.52, 0, None) * 0.5
    part = np.clip((y[:, None] - ridge[None, :]) * len(y) + 0.5, 0, 1) * np.clip((0.88 - y) * len(y), 0, 1)[:, None]
    return _mix(picture, light["land"], part.astype(np.float32)[None])
