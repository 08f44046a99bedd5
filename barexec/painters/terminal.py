"""Which painter a terminal gets: full screen where that is wanted and it can, else inline.

Never here: how either paints.
"""

from __future__ import annotations

from typing import TextIO

from ..policy import Policy
from ..theme import Theme
from . import Painter
from .fullscreen import FullscreenPainter
from .glass import Glass
from .inline import InlinePainter
from .library import capabilities

__all__ = ["FullscreenPainter", "InlinePainter", "open_terminal"]


def open_terminal(
    stream: TextIO, policy: Policy, terminal: object = None
) -> tuple[Painter, Theme] | None:
    """A painter for a terminal, and what it can show.

    Args:
        stream: where; that of `terminal`, where one is given.
        policy: how to show.
        terminal: the user's own, of either library, whose capabilities are to be used.

    Returns:
        None where its cursor cannot be moved, or its kind is not known.
    """
    glass = Glass(stream)
    able = capabilities(glass.fd, policy.colour, terminal)
    if able is None:
        return None
    full = policy.mode == "fullscreen" and able.enter and able.leave
    painter = FullscreenPainter if full else InlinePainter
    return painter(glass, able, policy), Theme(policy.unicode, able.styles)
