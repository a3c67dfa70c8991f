"""Errors of VapourSynth that carry a printed traceback, for what a Python callback raised."""

import re


def innermost(error: Exception) -> tuple[str, str]:
    """Type and text of the exception that a callback of VapourSynth raised.

    :return: ("", the text of `error`) where there is no traceback in it.
    """
    text = str(error)
    if "Traceback (most recent call last)" not in text:
        return "", text
    after_last_frame = text[text.rfind('\n  File "') :].splitlines()[2:]
    raised = next((line for line in after_last_frame if re.match(r"[A-Za-z_][\w.]*(:|$)", line)), "Error: unknown")
    kind, _, message = raised.partition(": ")
    return kind, message
