"""What is said of a task that came to no good end, and of any error, in one line.

Never here: how a task ended; dead processes (`tasks`).
"""

from __future__ import annotations

import errno
import sys
from concurrent.futures import BrokenExecutor, CancelledError
from typing import TextIO

from .cautions import caution
from .state import Status

#: Characters of an error's text.
LIMIT = 500
#: What writing to a terminal or a pipe gives that is there no longer.
GONE = (errno.EIO, errno.EPIPE, errno.EBADF)


def message(status: Status, error: BaseException | None) -> str:
    """What to say of a task besides how it ended; "" where there is nothing."""
    if error is None:
        return ""
    if status is Status.FAILED:
        return in_one_line(error)
    if status is Status.CANCELLED:
        return "" if isinstance(error, CancelledError) else "interrupted"
    return _why_broken(error)


def in_one_line(error: BaseException) -> str:
    """The name of an error, and what it says of itself."""
    name = type(error).__name__
    try:
        text = str(error)
    except BaseException as trouble:  # the user's __str__ may raise anything
        text = f"({type(trouble).__name__} in its __str__)"
    text = " ".join(text[:LIMIT].split())
    return f"{name}: {text}" if text else name


def _why_broken(error: BaseException) -> str:
    """Why a pool broke although no worker had died, where the stock class says so."""
    if not isinstance(error, BrokenExecutor) or error.__cause__ is None:
        return ""
    said = [line for line in str(error.__cause__).splitlines() if line.strip('" ')]
    return " ".join(["a result could not be read:", *said[-1:]])[:LIMIT]


def is_gone(error: BaseException) -> bool:
    """Whether the terminal or pipe that was written to is there no longer."""
    return isinstance(error, OSError) and error.errno in GONE


def warn(error: BaseException, stream: TextIO) -> None:
    """Say once what keeps a display from showing more, unless there is nobody to read it."""
    if is_gone(error) and stream is sys.stderr:
        # and Python exits with status 120 over what it can't flush
        return
    caution(f"barexec shows no more progress ({in_one_line(error)}); the work goes on", 3)
