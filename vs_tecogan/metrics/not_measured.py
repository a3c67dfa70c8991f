"""The exceptions by which measuring refuses to go on."""


class NotMeasured(Exception):  # noqa: N818 - an outcome that reports carry, not an error
    """A metric that cannot be computed here; the text says why and what would make it possible."""
