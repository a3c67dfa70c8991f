"""Real encoders, as files of all kinds went through them: which, how harshly, and once or twice.

Ranges of quantisers are those of everyday files: a disc, a web page, a phone. Every encoder runs on one thread, so that
the result does not depend on the machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...degrade import Frames
from ...errors import TrainingError
from ...video.roundtrip import through_encoder
from .amounts import Range, to_bytes

FRAME_RATE = 25
"""Frames per second that a bit rate is meant for, as :func:`~vs_tecogan.video.roundtrip.through_encoder` says."""


@dataclass(frozen=True, kw_only=True)
class FileEncoder:
    """One of ffmpeg's encoders and the options that leave its harshness open."""

    options: tuple[str, ...]
    """``-c:v`` and its name first."""
    form: str
    """ffmpeg's name of the bare stream."""
    quality: str
    """Option of the quantiser or rate factor."""
    limits: Range
    """Of that option, from the best everyday file to the worst."""
    whole: tuple[str, ...] = ()
    """What else a constant quality needs."""

    def at_quality(self, loss: float) -> list[str]:
        """Options for a constant quality.

        :param loss: 0 is the best of everyday files, 1 the worst.
        """
        low, high = self.limits
        return [*self.options, self.quality, str(round(low + (high - low) * loss)), *self.whole]

    def at_rate(self, bits: float) -> list[str]:
        """Options for a mean bit rate, in bits per second."""
        return [*self.options, "-b:v", str(max(1000, round(bits)))]


ENCODERS: Mapping[str, FileEncoder] = {
    "h264": FileEncoder(
        options=("-c:v", "libx264", "-preset", "veryfast"), form="h264", quality="-crf", limits=(18.0, 32.0)
    ),
    "hevc": FileEncoder(
        options=(
            "-c:v", "libx265", "-preset", "veryfast",
            "-x265-params", "pools=none:frame-threads=1:log-level=none",
        ),
        form="hevc", quality="-crf", limits=(20.0, 36.0),
    ),
    "mpeg2": FileEncoder(
        options=("-c:v", "mpeg2video", "-bf", "2", "-g", "12"), form="mpeg2video", quality="-q:v", limits=(2.0, 10.0)
    ),
    "mpeg4": FileEncoder(
        options=("-c:v", "mpeg4", "-bf", "1", "-g", "60"), form="m4v", quality="-q:v", limits=(3.0, 12.0)
    ),
    "vp9": FileEncoder(
        options=("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "6", "-row-mt", "0"),
        form="ivf", quality="-crf", limits=(26.0, 50.0), whole=("-b:v", "0"),
    ),
    "av1": FileEncoder(
        options=("-c:v", "libsvtav1", "-preset", "10", "-svtav1-params", "lp=1"),
        form="ivf", quality="-crf", limits=(28.0, 54.0),
    ),
}  # fmt: skip
"""H.264, HEVC, MPEG-2 of discs, MPEG-4 ASP of old downloads and phones, VP9 and AV1 of the web."""

USUAL = (("mpeg2", 0.3), ("h264", 0.7))


@dataclass(frozen=True, kw_only=True)
class Codec:
    """Real compression of the clip through ffmpeg, 4:2:0, with motion compensation between frames."""

    prob: float = 0.6
    kinds: tuple[tuple[str, float], ...] = USUAL
    """Names in :data:`ENCODERS`, and how often each is taken; any positive numbers."""
    loss: Range = (0.0, 1.0)
    """Harshness within an encoder's range of constant qualities: 0 the best everyday file, 1 the worst."""
    rate_prob: float = 0.0
    """Probability of a mean bit rate in place of a constant quality."""
    bits_per_pixel: Range = (0.05, 0.4)
    """Of that rate: a DVD has 0.4, web video 0.1, a phone's message 0.05. Logarithmically uniform."""

    def __call__(self, frames: Frames, rng: np.random.Generator) -> Frames:
        """Compress and decompress the clip as one stream.

        :raises VideoError: ffmpeg fails, or none has the encoder.
        """
        if rng.random() >= self.prob:
            return frames
        encoder = ENCODERS[self._kind(rng.random())]
        options = encoder.at_quality(rng.uniform(*self.loss))
        if self.rate_prob and rng.random() < self.rate_prob:
            pixels = frames.shape[1] * frames.shape[2] * FRAME_RATE
            options = encoder.at_rate(pixels * float(np.exp(rng.uniform(*np.log(self.bits_per_pixel)))))
        return compress(frames, options, encoder.form)

    def _kind(self, chance: float) -> str:
        total = sum(share for _, share in self.kinds)
        reached = 0.0
        for name, share in self.kinds:
            reached += share / total
            if chance < reached:
                return name
        return self.kinds[-1][0]


def compress(frames: Frames, encoder: list[str], form: str) -> Frames:
    """Send frames through an encoder and back.

    :param encoder: ffmpeg's options, ``-c:v`` and its name first.
    :param form: ffmpeg's name of the bare stream, such as "h264".
    :raises VideoError: ffmpeg fails, or none has the encoder.
    """
    return through_encoder(to_bytes(frames), encoder, form).astype(np.float32) / np.float32(255)


def parse_kinds(words: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    """Entries like "h264:0.7" or "h264", as :class:`Codec` takes them.

    :raises TrainingError: an unknown encoder, a share that is no positive number, or none at all.
    """
    kinds = []
    for word in words:
        name, _, share = word.partition(":")
        try:
            part = float(share or 1)
        except ValueError:
            part = 0.0
        if name not in ENCODERS or not 0 < part < float("inf"):
            raise TrainingError(f"codecs {word!r}; expected NAME or NAME:SHARE with one of {', '.join(ENCODERS)}")
        kinds.append((name, part))
    if not kinds:
        raise TrainingError("codecs is empty; give some, or codec_prob 0")
    return tuple(kinds)
