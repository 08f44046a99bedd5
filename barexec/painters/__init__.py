"""What puts frames on the glass: the `Painter` protocol.

`inline.py` and `fullscreen.py` paint live frames, `terminal.py` chooses between them,
`plain.py` writes lines for a log. `glass.py` is where text leaves for a stream, and
`library.py` alone knows the terminal library.

Never here: a task, a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Painter(Protocol):
    """Shows frames, one in the place of the other, and printed lines above them. The only
    writer to its terminal.

    A printed line is text with SGR and tabs, and may be wider than the screen. It scrolls
    away above the frame; in full screen it is kept for the normal screen.

    Every method may raise `OSError`: the terminal is gone.
    """

    def size(self) -> tuple[int, int]:
        """The columns and rows that a frame may take now; both at least 1."""

    def paint(self, frame: tuple[str, ...], printed: Sequence[str] = ()) -> bool:
        """Show this frame, made for the size that was asked last. Costs nothing where it
        is the one that is shown already.

        Returns False where that was not possible now, as on a frozen terminal: nothing of
        it was taken, there is to be another frame soon, and the same lines with it.
        """

    def ready(self) -> bool:
        """Whether printed lines could be left now by `finish`: not on a frozen terminal."""

    def repaint(self) -> None:
        """Somebody else has written to the terminal: the next frame is painted whole,
        inline at where the cursor is."""

    def pause(self) -> None:
        """Give the terminal to somebody else: nothing is written to it until `resume`. In
        full screen that is the normal screen. May be called by any thread."""

    def resume(self) -> None:
        """It is ours again: the next frame is painted whole. May be called by any thread."""

    def finish(self, frame: tuple[str, ...], printed: Sequence[str] = ()) -> bool:
        """Leave this frame on the screen, with the cursor below it, and give the terminal
        back as it was found. Returns False where it is frozen, and has nothing of it."""

    def give_up(self) -> None:
        """Give the terminal back as it was found, with what is shown already and no more."""
