"""What is said of a task that came to no good end, and of any error, in one line.

Never here: how a task ended; dead processes (`state`).
"""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, CancelledError

from .state import Status

#: Characters of an error's text.
LIMIT = 500


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
