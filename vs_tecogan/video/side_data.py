"""What a picture carries beside its samples, and does not reach the new file: said before the work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from .alpha import KEPT_BY

_HDR10_ENCODERS = frozenset(("libx264", "libx265", "libsvtav1"))
"""Encoders that are told the mastering display and the light levels."""
_UNTRAINED = {16: "PQ", 18: "HLG"}
"""H.273 codes of the transfers of HDR."""


def lost_side_data(
    props: Mapping[str, object],
    codec: str,
    *,
    captions: bool,
    light: bool = False,
    alpha: Literal["", "lost", "opaque", "unread"] = "",
) -> Iterator[str]:
    """One line for each thing that is lost, and one for pictures of a kind that no model has seen.

    :param props: of the first frame, as BestSource gives them.
    :param codec: ffmpeg's name of the new encoder.
    :param captions: whether the picture has closed captions in it.
    :param light: whether ffmpeg can tell any encoder of display and light.
    :param alpha: "lost" where the encoder does not store the picture's transparency, "opaque" where that seems to be
        none, "unread" where BestSource gives none of it.
    """
    if (transfer := _UNTRAINED.get(_code(props.get("_Transfer")))) is not None:
        yield (
            f"the picture is HDR ({transfer}), and no model was trained on that: look at a part of the result first "
            "(--start, --end), or convert to SDR before"
        )
    if alpha == "lost":
        yield f"the alpha channel (transparency) is left out: the new picture is opaque; {KEPT_BY} keep it"
    if alpha == "opaque":
        yield f"the alpha channel is left out; nothing shows through in the frames looked at; {KEPT_BY} keep it"
    if alpha == "unread":
        yield "the alpha channel (transparency) is left out: it cannot be read from this codec; convert to ffv1 first"
    if captions:
        yield (
            "closed captions inside of the picture are left out; to keep them as subtitles, extract them first, "
            "for example with ccextractor"
        )
    if "DolbyVisionRPU" in props:
        yield "Dolby Vision's metadata is left out: only the base layer is kept"
    if "HDR10Plus" in props:
        yield "HDR10+ metadata, which changes from scene to scene, is left out"
    static = any(name.startswith(("MasteringDisplay", "ContentLightLevel")) for name in props)
    if static and codec not in _HDR10_ENCODERS and not light:
        yield (
            f"mastering display and light levels of HDR10 are left out: this ffmpeg cannot tell {codec} of them; "
            "release 9 can (pip install -U imageio-ffmpeg), and libx265, libx264 and libsvtav1 are told by any"
        )


def _code(value: object) -> int:
    return int(value) if isinstance(value, int) else -1
