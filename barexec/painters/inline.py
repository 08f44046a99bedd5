"""Frames on a terminal, below what stands there: only what differs is written.

The cursor waits in the first column below the frame, visible: so there is nothing to put
back where the process is killed. On a screen of few rows it waits in the frame's last.
The last column stays empty, since a full row leaves the cursor between two rows.

Never here: a task, a clock, the name of a terminal library.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..policy import Policy
from .cells import rows_of
from .glass import Glass
from .library import Capabilities
from .pen import Pen, Rows, lines_of

#: A screen with fewer rows than this has none to spare for the cursor.
SPARING = 4
#: Seconds that the last frame waits for a frozen terminal.
FAREWELL = 1.0


def screen_of(glass: Glass, policy: Policy) -> tuple[int, int]:
    """The columns and rows of the screen, as far as the user wants it used."""
    known = glass.size()
    columns, rows = known or Glass.USUAL
    wished = policy.columns or columns, policy.rows or rows
    # what is wider than the terminal would be torn
    return (min(columns, wished[0]), min(rows, wished[1])) if known else wished


class InlinePainter:
    """Shows frames inline.

    Args:
        glass: where.
        able: what the terminal can do.
        policy: for the size, and for whether the terminal reflows.

    Guarantees: not thread-safe. A frame that is shown already writes nothing; any other
    is one write, together with the lines printed above it.
    """

    def __init__(self, glass: Glass, able: Capabilities, policy: Policy) -> None:
        self._glass = glass
        self._able = able
        self._policy = policy
        self._rows = Rows()
        self._row = 0
        """The row, counted from the first of ours, in which the cursor waits."""
        self._size = (0, 0)
        self._asked = screen_of(glass, policy)
        self._paused = False

    def size(self) -> tuple[int, int]:
        self._asked = columns, rows = screen_of(self._glass, self._policy)
        return max(1, columns - 1), rows if rows < SPARING else rows - 1

    def ready(self) -> bool:
        return self._glass.ready()

    def repaint(self) -> None:
        self._rows.forget()
        self._row = 0

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self.repaint()
        self._paused = False

    def paint(self, frame: tuple[str, ...], printed: Sequence[str] = ()) -> bool:
        if self._paused:
            return False
        if not self._glass.ready():
            return False  # frozen
        before, ours = self._glass.front, self._glass.ours()
        if not ours or (self._glass.front and not before):
            self.repaint()  # a shell has written to it
        if not ours:
            if printed:  # in the background, too, as by any program
                self._glass.write(lines_of(printed))
            return True
        if screen_of(self._glass, self._policy) != self._asked:
            return False  # resized since the frame was composed
        text = self._changed(frame, printed)
        if text:
            self._glass.write(text)
        return True

    def finish(self, frame: tuple[str, ...], printed: Sequence[str] = ()) -> bool:
        if not self._glass.ready(FAREWELL):
            return False
        if not self._glass.ours():
            self.repaint()
            frame = ()  # but lines are printed in the background, too, as by any program
        drawn, row = bool(self._rows.cells), self._row
        text = self._changed(frame, printed)
        if 0 < len(self._rows.frame) == self._row + 1:
            text += "\r\n"
        if drawn or frame:
            # what was typed meanwhile, such as ^C, stands where the next output is to begin
            text += f"\r{erased(self._able, max(0, row - self._row))}"
        if text:
            self._glass.write(text)
        return True

    def give_up(self) -> None:
        self._paused = True

    def _changed(self, frame: tuple[str, ...], printed: Sequence[str]) -> str:
        """What turns the screen into these lines and this frame; "" where it is that already."""
        screen = screen_of(self._glass, self._policy)
        text = ""
        typed = self._glass.entered()
        if not self._rows.cells and (frame or printed):
            text = begun(self._glass, self._able, screen[0])
        elif self._rows.cells and (typed or screen != self._size):
            self._row += typed  # the end of the line has moved the cursor
            text = self._erased(screen[0])
        elif printed:
            text = self._cleared()
        if frame == self._rows.frame and not text:
            return ""
        self._size = screen
        pen = Pen(self._able, self._row)
        self._rows.draw(frame, pen)
        # a row below the frame for the cursor, if there is one
        pen.go(len(frame) if len(frame) < screen[1] else len(frame) - 1, 0)
        self._row = pen.row
        return text + lines_of(printed) + "".join(pen.parts)

    def _erased(self, columns: int) -> str:
        """Take our rows off a screen that has changed its size.

        Most terminals wrap what has become too long, so that a row takes several.
        """
        rows = self._row
        if self._policy.reflows:
            above = self._rows.cells[:rows]
            rows += sum(rows_of(line, columns) for line in above) - len(above)
        self.repaint()
        up = self._able.up(rows) if rows else ""
        return f"\r{up}{erased(self._able, rows)}"

    def _cleared(self) -> str:
        """Take our rows off the screen, and go to where the first of them was."""
        pen = Pen(self._able, self._row)
        if not self._able.clear_eos:
            for row in range(len(self._rows.cells)):
                pen.clear(row)
        pen.go(0, 0)
        below = self._row
        self.repaint()
        return "".join(pen.parts) + (erased(self._able, below) if self._able.clear_eos else "")


def erased(able: Capabilities, below: int) -> str:
    """Erase the row of the cursor, which is in its first column, and, where rows of ours are
    below it, all that is there.

    Not from the cursor on in one go: at the top of the screen, tmux takes that for the wish to
    keep what stands there, and adds it to what has scrolled off.
    """
    if not (below and able.clear_eos):
        return able.clear_eol
    return f"{able.clear_eol}\n{able.clear_eos}{able.up(1)}"


def begun(glass: Glass, able: Capabilities, columns: int) -> str:
    """Go to the beginning of an empty row, wherever in its row the cursor is.

    As many blanks as there are columns take it to the next row; only from the first
    column, they leave it in the last one.
    """
    clear = able.clear_eos or able.clear_eol
    columns = (glass.size() or (columns, 0))[0]
    return f"{' ' * columns}\r{clear}"
