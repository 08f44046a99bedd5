"""Frames on a terminal, below what stands there: only what differs is written.

The cursor waits in the first column below the frame, visible: so there is nothing to put
back where the process is killed. On a screen of few rows it waits in the frame's last.
The last column stays empty, since a full row leaves the cursor between two rows.

Never here: a task, a clock, the name of a terminal library.
"""

from __future__ import annotations

from typing import TextIO

from ..policy import Policy
from ..theme import Theme
from . import Painter
from .cells import Cells, cells, differences, rows_of
from .glass import Glass
from .library import Capabilities, capabilities

#: The size of a terminal that does not say: the one of a VT100.
USUAL = (80, 24)
#: A screen with fewer rows than this has none to spare for the cursor.
SPARING = 4

#: Seconds that the last frame waits for a frozen terminal.
FAREWELL = 1.0

_EMPTY = Cells([], [])


class InlinePainter:
    """Shows frames inline.

    Args:
        glass: where.
        able: what the terminal can do.
        policy: for the size, and for whether the terminal reflows.

    Guarantees: not thread-safe. A frame that is shown already writes nothing; any other
    is one write.
    """

    def __init__(self, glass: Glass, able: Capabilities, policy: Policy) -> None:
        self._glass = glass
        self._able = able
        self._policy = policy
        self._frame: tuple[str, ...] = ()
        self._cells: list[Cells] = []
        """The rows that are ours on the screen; as long as `_frame`."""
        self._row = 0
        """The row, counted from the first of ours, in which the cursor waits."""
        self._size = (0, 0)
        self._asked = self._screen()

    def size(self) -> tuple[int, int]:
        self._asked = columns, rows = self._screen()
        return max(1, columns - 1), rows if rows < SPARING else rows - 1

    def _screen(self) -> tuple[int, int]:
        known = self._glass.size()
        columns, rows = known or USUAL
        wished = self._policy.columns or columns, self._policy.rows or rows
        # what is wider than the terminal would be torn
        return (min(columns, wished[0]), min(rows, wished[1])) if known else wished

    def repaint(self) -> None:
        self._frame, self._cells, self._row = (), [], 0

    def paint(self, frame: tuple[str, ...]) -> bool:
        if not self._glass.ours():
            self.repaint()
            return True
        if self._screen() != self._asked or not self._glass.ready():
            return False  # resized since the frame was composed, or frozen
        text = self._changed(frame)
        if text:
            self._glass.write(text)
        return True

    def finish(self, frame: tuple[str, ...]) -> None:
        if not self._glass.ours() or not self._glass.ready(FAREWELL):
            return
        text = self._changed(frame)
        if 0 < len(self._frame) == self._row + 1:
            text += "\r\n"
        if text:
            self._glass.write(text)

    def _changed(self, frame: tuple[str, ...]) -> str:
        """What turns the screen into this frame; "" where it is that already."""
        screen = self._screen()
        text = ""
        if not self._cells and frame:
            text = self._begun()
        elif self._cells and screen != self._size:
            text = self._erased(screen[0])
        if frame == self._frame and not text:
            return ""
        self._size = screen
        return text + self._redrawn(frame, screen[1])

    def _begun(self) -> str:
        """Go to the beginning of an empty row, wherever in its row the cursor is.

        As many blanks as there are columns take it to the next row; only from the first
        column, they leave it in the last one.
        """
        clear = self._able.clear_eos or self._able.clear_eol
        columns = (self._glass.size() or self._screen())[0]
        return f"{' ' * columns}\r{clear}"

    def _erased(self, columns: int) -> str:
        """Take our rows off a screen that has changed its size.

        Most terminals wrap what has become too long, so that a row takes several.
        """
        rows = self._row
        if self._policy.reflows:
            rows = sum(rows_of(line, columns) for line in self._cells[: self._row])
        self.repaint()
        up = self._able.up(rows) if rows else ""
        return f"\r{up}{self._able.clear_eos or self._able.clear_eol}"

    def _redrawn(self, frame: tuple[str, ...], rows: int) -> str:
        """What turns our rows into this frame, on a screen of so many rows."""
        old = self._cells
        new = [
            old[at] if at < len(old) and line == self._frame[at] else cells(line)
            for at, line in enumerate(frame)
        ]
        pen = _Pen(self._able, self._row)
        for at, line in enumerate(new):
            before = old[at] if at < len(old) else _EMPTY
            if line is before or line == before:
                continue
            if len(before.chars) > len(line.chars) or not (before.sure and line.sure):
                # the whole row: what is erased of a row that keeps its beginning still
                # counts as text where a terminal wraps it anew (seen with tmux); and where
                # columns are not sure, no part of it can be told where it is to stand
                pen.clear(at)
                before = _EMPTY
            pen.wrap(line.sure)
            for begin, end in differences(before, line):
                pen.write(at, begin, line.chars[begin:end], line.styles[begin:end])
            pen.wrap(True)
        for at in range(len(new), len(old)):
            pen.clear(at)
        # a row below the frame for the cursor, if there is one
        pen.go(len(new) if len(new) < rows else len(new) - 1, 0)
        self._frame, self._cells, self._row = frame, new, pen.row
        return "".join(pen.parts)


class _Pen:
    """Collects what moves the cursor over our rows, and what it writes there."""

    def __init__(self, able: Capabilities, row: int) -> None:
        self.parts: list[str] = []
        self.row = row
        self._able = able
        self._column = 1 << 30  # not known: somebody may have pressed keys
        self._wraps = True
        self._normal = able.styles.get("normal", "\x1b[m")

    def go(self, row: int, column: int) -> None:
        parts = self.parts
        if row != self.row or column < self._column:
            parts.append("\r")
            self._column = 0
        if row < self.row:
            parts.append(self._able.up(self.row - row))
        else:
            # a line feed moves down on every terminal, and at the end it makes a row
            parts.append("\n" * (row - self.row))
        if column > self._column:
            parts.append(self._able.right(column - self._column))
        self.row, self._column = row, column

    def write(self, row: int, column: int, chars: list[str], styles: list[str]) -> None:
        self.go(row, column)
        begin, count = 0, len(chars)
        while begin < count:
            style, end = styles[begin], begin + 1
            while end < count and styles[end] == style:
                end += 1
            text = "".join(chars[begin:end])
            self.parts.append(f"{style}{text}{self._normal}" if style else text)
            begin = end
        self._column += count

    def wrap(self, wraps: bool) -> None:
        """Say whether what turns out too long may go on in the next row."""
        if wraps != self._wraps:
            self.parts.append(self._able.wrap_on if wraps else self._able.wrap_off)
            self._wraps = wraps

    def clear(self, row: int) -> None:
        """Erase the row."""
        self.go(row, 0)
        self.parts.append(self._able.clear_eol)


def open_terminal(stream: TextIO, policy: Policy) -> tuple[Painter, Theme] | None:
    """A painter for a terminal, and what it can show.

    Returns:
        None where its cursor cannot be moved, or its kind is not known.
    """
    glass = Glass(stream)
    able = capabilities(glass.fd, policy.colour)
    if able is None:
        return None
    return InlinePainter(glass, able, policy), Theme(policy.unicode, able.styles)
