"""Finding an ffmpeg that can do a job, and asking it.

The first one on PATH that passes a short test is used. One that is broken, too old or without what a job needs is
passed over, in the end for the one that the imageio-ffmpeg wheel carries. One that cannot move encoded packets on a
clock of their own, such as 5.1, serves only where no other has the encoder that is asked for.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

from ..errors import VideoError

OLDEST = (5, 1)
"""The first release with the option -fps_mode, which keeps each frame's own timestamp."""
_PATIENCE = 20.0
"""Seconds after which a program that answers nothing counts as broken: they take a tenth of one on a busy machine."""
_KILLED = -9
_ATTEMPTS = 3
_OWN_GROUP = 0 if os.name == "posix" else None


def candidates() -> list[str]:
    """Every ffmpeg at hand, whether it works or not: those on PATH first, then the one of the imageio-ffmpeg wheel."""
    return list(dict.fromkeys([*_on_path("ffmpeg"), *_bundled()]))


def _on_path(program: str) -> Iterator[str]:
    for folder in os.get_exec_path():
        if found := shutil.which(program, path=folder):
            yield found


def _bundled() -> Iterator[str]:
    try:
        import imageio_ffmpeg  # not needed where a system's own ffmpeg does all

        yield str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return


def find_ffmpeg(codec: str | None = None, *, packet_filter: tuple[str, str] | None = None) -> str:
    """Path of the first ffmpeg that works and has all that is asked for.

    :param codec: a video encoder.
    :param packet_filter: a filter of encoded packets and an option of it.
    :raises VideoError: there is none; the text says why those at hand are not used.
    """
    found = candidates()
    working = sorted((path for path in found if not fault_of(path)), key=_is_dated)
    for path in working:
        has_codec = codec is None or has_encoder(path, codec)
        if has_codec and (packet_filter is None or filter_takes(path, *packet_filter)):
            return path
    if not working:
        faults = "".join(f"; {path} {fault_of(path)}" for path in found)
        raise VideoError(f"no ffmpeg found that works: pip install imageio-ffmpeg, or put one on PATH{faults}")
    if packet_filter is not None:
        raise VideoError(f"no ffmpeg found with {codec or 'any encoder'} and the option {packet_filter[1]}")
    raise VideoError(f"unknown video codec {codec!r}; see {working[0]} -encoders for those that this ffmpeg has")


def _is_dated(ffmpeg: str) -> bool:
    """True for a release before 6: its Matroska writer and reader place sound 20 ms and more from today's."""
    return not filter_takes(ffmpeg, "setts", "prescale")


@cache  # it is asked for each clip of a training sample, and costs a tenth of a second
def fault_of(ffmpeg: str) -> str:
    """Why an ffmpeg cannot be used, in a few words after its name; empty where it can.

    Two frames of raw video are sent through it, with the options that reading and writing need.
    """
    frames = bytes(range(256)) * 2
    raw = ("-f", "rawvideo", "-pix_fmt", "gray", "-s", "16x16")
    command = [ffmpeg, "-v", "error", *raw, "-i", "pipe:0", "-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"]
    try:
        done = _not_killed(
            lambda: subprocess.run(command, input=frames, capture_output=True, timeout=_PATIENCE, check=False)
        )
        if done.returncode == 0 and done.stdout == frames:
            return ""
        if done.returncode == _KILLED:
            return f"was killed by signal 9, {_ATTEMPTS} times in a row"
        release = version(ffmpeg)
    except subprocess.TimeoutExpired:
        return f"gives no answer within {_PATIENCE:.0f} s"
    except OSError as error:
        return f"cannot be run ({error.strerror})"
    except VideoError:
        return "does not say its version"
    match = re.match(r"n?(\d+)\.(\d+)", release)
    if match and (int(match[1]), int(match[2])) < OLDEST:
        return f"is version {release}, and {'.'.join(map(str, OLDEST))} or newer is needed"
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return f"fails in a short test ({lines[-1].strip()[:80] if lines else f'exit status {done.returncode}'})"


@cache
def _encoders(ffmpeg: str) -> frozenset[str]:
    listing = ask(ffmpeg, "-hide_banner", "-encoders").stdout
    return frozenset(re.findall(r"^ V\S{5} (\S+) ", listing, re.MULTILINE))


def has_encoder(ffmpeg: str, codec: str) -> bool:
    """True where this ffmpeg has a video encoder of that name."""
    return codec in _encoders(ffmpeg)


def encoder_takes(ffmpeg: str, codec: str, option: str) -> bool:
    """True where an encoder has an option of its own of that name."""
    return _has_option(ask(ffmpeg, "-hide_banner", "-h", f"encoder={codec}").stdout, option)


@cache
def filter_takes(ffmpeg: str, bitstream_filter: str, option: str) -> bool:
    """True where a filter of encoded packets exists and has an option of that name."""
    return _has_option(ask(ffmpeg, "-hide_banner", "-h", f"bsf={bitstream_filter}").stdout, option)


def _has_option(listing: str, option: str) -> bool:
    return re.search(rf"^ +-{re.escape(option)} ", listing, re.MULTILINE) is not None


@cache
def knows_light(ffmpeg: str) -> bool:
    """True where ffmpeg can be told the mastering display and light levels of an input, for any encoder."""
    return "-mastering_display" in ask(ffmpeg, "-hide_banner", "-h", "long").stdout


def version(ffmpeg: str) -> str:
    """Version as ffmpeg tells it, such as "7.1.1" or "n8.0-12-gabcdef"."""
    match = re.match(r"ffmpeg version (\S+)", ask(ffmpeg, "-version", patience=_PATIENCE).stdout)
    return match[1] if match else "unknown"


def find_ffprobe() -> str | None:
    """Path of the ffprobe beside the ffmpeg that is used; None where there is none, as in the imageio-ffmpeg wheel.

    Both must see one start of a file: another release's ffprobe may tell another.
    """
    ffmpeg = Path(find_ffmpeg())
    beside = shutil.which("ffprobe", path=str(ffmpeg.parent))
    return beside if beside and _probes(beside) else None


@cache
def _probes(ffprobe: str) -> bool:
    question = ("-v", "error", "-of", "json", "-show_program_version")
    try:
        return "program_version" in json.loads(ask(ffprobe, *question, patience=_PATIENCE).stdout)
    except (VideoError, ValueError):
        return False


def ask(*command: str, patience: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run ffmpeg to its end, whatever its exit code, with nothing on its standard input.

    One that is killed with -9 has told half: it is asked again, three times in all.

    :param patience: seconds to wait; None = for ever, as for a whole file that is read.
    :raises VideoError: it cannot be run, takes longer, or is killed each time.
    """
    try:
        done = _not_killed(
            lambda: subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=patience,
                check=False,
            )
        )
    except subprocess.TimeoutExpired:
        raise VideoError(f"{command[0]} gives no answer within {patience:.0f} s") from None
    except OSError as error:
        raise VideoError(f"cannot run {command[0]}: {error.strerror}") from None
    _refuse_killed(done)
    return done


def send_through(command: Sequence[str], data: bytes) -> bytes:
    """What ffmpeg makes of ``data`` on its standard input.

    :raises VideoError: it cannot be run, fails, or is killed three times in a row.
    """
    try:
        # In a group of its own: Ctrl-C in a terminal must not cut a sample short that a run still waits for.
        done = _not_killed(
            lambda: subprocess.run(command, input=data, capture_output=True, check=False, process_group=_OWN_GROUP)
        )
    except OSError as error:
        raise VideoError(f"cannot run {command[0]}: {error.strerror}") from error
    _refuse_killed(done)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise VideoError(f"ffmpeg failed: {lines[-1]}")
    return done.stdout


def _not_killed[T: (str, bytes)](
    run: Callable[[], subprocess.CompletedProcess[T]],
) -> subprocess.CompletedProcess[T]:
    """The first of a few runs that nobody kills, as a system does that is short of memory; else the last."""
    done = run()
    for _ in range(_ATTEMPTS - 1):
        if done.returncode != _KILLED:
            break
        done = run()
    return done


def _refuse_killed(done: subprocess.CompletedProcess[str] | subprocess.CompletedProcess[bytes]) -> None:
    if done.returncode == _KILLED:
        raise VideoError(f"ffmpeg was killed by signal 9, {_ATTEMPTS} times in a row; memory may be short")
