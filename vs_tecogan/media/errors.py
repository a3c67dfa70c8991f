"""The one error that this package raises on purpose."""


class MediaError(Exception):
    """A file cannot be read or written; the text is one line: what came, what was expected, what to do."""
