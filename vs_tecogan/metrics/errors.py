"""The exceptions by which measuring refuses to go on."""


class MetricsError(ValueError):
    """Input that cannot be measured as asked; the text is one line for the user, and commands exit with 2."""


class NotMeasured(Exception):  # noqa: N818 - an outcome that reports carry, not an error
    """A metric that cannot be computed here; the text says why and what would make it possible."""
