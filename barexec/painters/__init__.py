"""What puts frames on the glass: the `Painter` protocol.

`terminal.py` paints live frames, `plain.py` writes lines for a log. `glass.py` is where
text leaves for a stream, and `library.py` alone knows the terminal library.

Never here: a task, a clock.
"""

from __future__ import annotations

from typing import Protocol


class Painter(Protocol):
    """Shows frames, one in the place of the other. The only writer to its terminal.

    Every method may raise `OSError`: the terminal is gone.
    """

    def size(self) -> tuple[int, int]:
        """The columns and rows that a frame may take now; both at least 1."""

    def paint(self, frame: tuple[str, ...]) -> bool:
        """Show this frame, made for the size that was asked last. Costs nothing where it
        is the one that is shown already.

        Returns False where that was not possible now, as on a frozen terminal: there is
        to be another frame soon.
        """

    def repaint(self) -> None:
        """Somebody else has written to the terminal: the next frame is painted whole,
        at where the cursor is."""

    def finish(self, frame: tuple[str, ...]) -> None:
        """Leave this frame on the screen, with the cursor below it."""
