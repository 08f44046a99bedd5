"""How an executor of any engine looks: the options that they share, checked.

Never here: what comes of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypedDict

from . import sharing
from .channel import Receiver, Sender
from .policy import Leave
from .pool import Pool

if TYPE_CHECKING:
    from .renderers import Renderer


class Looks(TypedDict, total=False):
    """The options that say how an executor of any engine looks, as `ProgressPoolExecutor` has
    them, which describes each: `renderer`, `fullscreen`, `display`, `desc`, `leave`, `capture`,
    `terminal`."""

    renderer: str | Renderer
    fullscreen: bool
    display: str | None
    desc: str | None
    leave: Leave
    capture: bool | Literal["named"]
    terminal: object


def join(looks: Looks, way: Callable[[], tuple[Sender, Receiver]] | None = None) -> Pool | None:
    """Let an executor take part in the display.

    Args:
        looks: how.
        way: makes the engine's channel; None: that of a pool of processes.

    Returns:
        None where nothing is to be shown.

    Raises:
        TypeError, ValueError: an option is unknown, or has a value that it cannot have.
        ImportError: the library that `renderer` is named for is not installed.
    """
    if unknown := {*looks} - {*Looks.__annotations__}:
        known = ", ".join(Looks.__annotations__)
        raise TypeError(f"unknown option {min(unknown)!r}: those of how it looks are {known}")
    renderer, leave = looks.get("renderer", "bar"), looks.get("leave")
    capture, display = looks.get("capture", True), looks.get("display")
    sharing.check_looks(renderer, leave)
    if capture not in (True, False, "named"):
        raise ValueError(f'capture must be True, False or "named", not {capture!r}')
    if looks.get("fullscreen") and display is None:
        display = "fullscreen"
    desc, terminal = looks.get("desc"), looks.get("terminal")
    return sharing.join(display, renderer, leave, desc, terminal, capture, way)
