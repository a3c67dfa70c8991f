"""The official protocol's crop and frame rules."""

import pytest

from vs_tecogan.errors import MetricsError
from vs_tecogan.metrics.protocol import crop_of, kept, kept_frames


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (720, 576, (16, 8, 544, 704)),
        (704, 576, (16, 16, 544, 672)),
        (720, 480, (16, 8, 448, 704)),
        (1280, 534, (11, 16, 512, 1248)),
    ],
)
def test_official_crop(width: int, height: int, expected: tuple[int, ...]) -> None:
    """A crop that removes too little, or is not centred, on the sizes of Vid4 and ToS3."""
    crop = crop_of("official", height, width)
    assert (crop.top, crop.left, crop.height, crop.width) == expected


def test_an_unknown_protocol_is_refused() -> None:
    """Would catch a misspelt name that is measured by half of each protocol."""
    with pytest.raises(MetricsError, match="protocol 'Official'; give"):
        crop_of("Official", 576, 720)


def test_plain_crop_is_the_whole_picture() -> None:
    """A plain protocol that cuts anything."""
    crop = crop_of("plain", 33, 51)
    assert (crop.top, crop.left, crop.height, crop.width) == (0, 0, 33, 51)


@pytest.mark.parametrize("size", [(32, 200), (200, 47)])
def test_official_crop_of_nothing_is_refused(size: tuple[int, int]) -> None:
    """A mean over no pixels, which would be NaN."""
    with pytest.raises(MetricsError, match=f"{size[1]}x{size[0]}.*plain protocol"):
        crop_of("official", *size)


def test_smallest_official_picture() -> None:
    """An off-by-one at the limit: 48 pixels keep 32."""
    assert crop_of("official", 48, 48).height == 32


def test_vid4_frame_counts() -> None:
    """Wrong ends: 171 frames of Vid4 are 155 for pictures and 151 for steps, which need a predecessor inside."""
    lengths = (41, 34, 49, 47)
    kept_of = [kept_frames(n, "official") for n in lengths]
    assert sum(map(len, kept_of)) == 155
    assert sum(len(some) - 1 for some in kept_of) == 151
    assert kept_of[0] == range(2, 39)


@pytest.mark.parametrize("protocol", ["official", "plain"])
@pytest.mark.parametrize("total", [5, 6, 20])
def test_streaming_selection_agrees(protocol: str, total: int) -> None:
    """A look-ahead that loses or adds frames at the end of a stream of unknown length."""
    assert [i for i, _ in kept(range(total), protocol)] == list(kept_frames(total, protocol))  # type: ignore[arg-type]


@pytest.mark.parametrize(("protocol", "total"), [("official", 4), ("official", 0), ("plain", 0)])
def test_too_short(protocol: str, total: int) -> None:
    """Silence, or a NaN, for a clip of which the protocol leaves nothing."""
    with pytest.raises(MetricsError, match=f"has {total} frame"):
        list(kept(range(total), protocol))  # type: ignore[arg-type]
