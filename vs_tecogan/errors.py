"""The errors that a user can cause.

Their text is one line: what came, what was expected, and what to do. The command prints it and exits with 2; the filter
raises it as ``vapoursynth.Error``. Every other exception is a fault of the program.
"""

LONGEST = 500
"""Characters of a message."""


def one_line(text: object) -> str:
    """`text` as one line without control characters, which a terminal would obey; a long middle is cut out."""
    words = " ".join(str(text).split())
    clean = "".join(_shown(character) for character in words)
    half = (LONGEST - 3) // 2
    return clean if len(clean) <= LONGEST else f"{clean[:half]}...{clean[-half:]}"


def _shown(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


class UserError(ValueError):
    """The base of them all; catch this one. Its text is made :func:`one_line`: file names and cards are strangers'."""

    def __init__(self, text: object = "") -> None:
        super().__init__(one_line(text))


class UsageError(UserError):
    """Arguments of a command or function that cannot be used together, or at all."""


class VideoError(UserError):
    """A video, image or sound file cannot be read or written."""


class ColourError(UserError):
    """A clip's format or colour tags cannot be converted."""


class EngineError(UserError):
    """A device or precision that this machine does not have."""


class WeightsError(UserError):
    """A weight file, or the card in it, cannot be used."""


class TrainingError(UserError):
    """Data or settings with which training or its preparation cannot go on."""


class MetricsError(UserError):
    """Input that cannot be measured as asked."""


class JobError(UserError):
    """A job's folder cannot be used, or what it was begun with is not what is there now."""
