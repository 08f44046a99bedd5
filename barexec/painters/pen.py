"""The rows that are ours on a terminal: what stands in them, and what turns them into others.

`Rows` writes only the cells that differ, with a `Pen` that knows where the cursor is.

Never here: where on the screen the rows are; a stream.
"""

from __future__ import annotations

from collections.abc import Sequence

from .cells import Cells, cells, differences
from .library import Capabilities

_EMPTY = Cells([], [])
#: A row in which anything may stand.
_DOUBTFUL = Cells(["?"], [""], False)


class Pen:
    """Collects what moves the cursor over our rows, and what it writes there.

    Args:
        able: what the terminal can do.
        row: that of the cursor, counted from the first of ours.
    """

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


class Rows:
    """Our rows, from the top.

    Attributes:
        frame: what was drawn last.
        cells: the same as cells; as long as `frame`.
    """

    def __init__(self) -> None:
        self.frame: tuple[str, ...] = ()
        self.cells: list[Cells] = []

    def forget(self) -> None:
        """None is ours any longer."""
        self.frame, self.cells = (), []

    def doubt(self, row: int) -> None:
        """Anything may stand in this row: the next frame writes it whole."""
        self.frame = (*self.frame[:row], "\0", *self.frame[row + 1 :])
        self.cells[row] = _DOUBTFUL

    def draw(self, frame: Sequence[str], pen: Pen) -> None:
        """Turn the rows into this frame."""
        old = self.cells
        new = [
            old[at] if at < len(old) and line == self.frame[at] else cells(line)
            for at, line in enumerate(frame)
        ]
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
        self.frame, self.cells = tuple(frame), new


def lines_of(printed: Sequence[str]) -> str:
    """Printed lines as they go to a terminal: whole, each with its end, and no style left."""
    return "".join([f"{line}\x1b[m\r\n" if "\x1b" in line else f"{line}\r\n" for line in printed])
