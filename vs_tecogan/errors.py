"""The errors that a user can cause.

Their text is one line: what came, what was expected, and what to do. The command prints it and exits with 2; the filter
raises it as ``vapoursynth.Error``. Every other exception is a fault of the program.
"""


class UserError(ValueError):
    """The base of them all; catch this one."""


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
