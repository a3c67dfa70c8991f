"""Which codecs leave a picture clean enough for models that were trained on clean video."""

# fmt: off
_CLEAN = frozenset((
    "apng", "bmp", "dpx", "exr", "ffv1", "ffvhuff", "flashsv", "huffyuv", "jpegls", "lagarith", "magicyuv", "png",
    "ppm", "qtrle", "r10k", "r210", "rawvideo", "tiff", "utvideo", "v210", "vble", "ylc", "zlib", "zmbv",
    "cfhd", "dirac", "dnxhd", "hap", "hq_hqa", "hqx", "jpeg2000", "prores",
))
# fmt: on
"""ffmpeg's names of lossless formats and of those made for editing."""


def is_clean(codec: str) -> bool:
    """True for lossless codecs and those made for editing, False for those of distribution and cameras.

    H.264 and others that can be lossless, and seldom are, count as compressed.

    :param codec: ffmpeg's name of the codec, such as "h264".
    """
    return codec in _CLEAN
