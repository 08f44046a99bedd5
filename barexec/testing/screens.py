"""A terminal whose screen can be read.

The terminal emulator beneath is pyte, which barexec does not depend on. What it lacks is
added here: wide characters of which one half is overwritten, characters of no width, faint
text, the rows that scroll out at the top, and wrapping anew at a resize.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, namedtuple
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, cast

from ..terminal_text import columns_of

_FLAGS = ("bold", "dim", "italics", "underscore", "blink", "reverse", "strikethrough")


class Screen:
    """A terminal whose screen can be read: a text stream that shows what is written to it.

    Args:
        columns, rows: its size, at least 1 each.
        raw: whether a line feed only moves down. Where False it also returns to the first
            column, as it does behind the kernel's terminal device.

    Raises:
        ImportError: pyte is not installed.

    Guarantees: not thread-safe. Any text may be written, in pieces of any length.
    """

    encoding = "utf-8"

    def __init__(self, columns: int = 80, rows: int = 24, *, raw: bool = False) -> None:
        terminal, stream = _emulator()
        self._terminal = terminal(columns, rows)
        self._stream = stream(self._terminal)
        self._raw = raw

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._terminal.columns, self._terminal.lines

    @property
    def rows(self) -> tuple[str, ...]:
        """The text of each row, without the blanks at its end."""
        terminal = self._terminal
        return tuple(terminal.text(terminal.buffer[row]) for row in range(terminal.lines))

    @property
    def history(self) -> tuple[str, ...]:
        """The rows that have scrolled out at the top, the oldest first."""
        return tuple(map(self._terminal.text, self._terminal.scrolled))

    def lines(self, history: bool = True) -> tuple[str, ...]:
        """The rows, of which those that are one line, wrapped, are joined.

        Args:
            history: whether those that have scrolled out come first.
        """
        terminal, text = self._terminal, ""
        rows = [
            *(terminal.scrolled if history else ()),
            *map(terminal.buffer.__getitem__, range(terminal.lines)),
        ]
        for row in rows:
            text += terminal.text(row) + ("" if row.wrapped else "\n")
        return tuple(text.split("\n")[: -1 if text.endswith("\n") else None])

    @property
    def cursor(self) -> tuple[int, int]:
        """Where the cursor is: column and row, both from 0."""
        cursor = self._terminal.cursor
        # behind a full row it waits in the last column
        return min(cursor.x, self._terminal.columns - 1), cursor.y

    @property
    def answers(self) -> tuple[str, ...]:
        """What a terminal would have answered to questions that were written to it."""
        return tuple(self._terminal.answers)

    def runs(self, row: int) -> tuple[tuple[str, str], ...]:
        """The text of one row in runs of one style: pairs of a style and a text.

        A style is words such as "red" or "bold bright blue on black"; "" is the usual one.
        """
        runs: list[tuple[str, str]] = []
        for char in self._terminal.chars(self._terminal.buffer[row]):
            style = _words(char)
            if runs and runs[-1][0] == style:
                runs[-1] = style, runs[-1][1] + char.data
            else:
                runs.append((style, char.data))
        if runs and not runs[-1][0]:
            runs[-1] = "", runs[-1][1].rstrip(" ")
        return tuple(run for run in runs if run[1])

    def write(self, text: str | bytes) -> int:
        """Show it."""
        some = text if isinstance(text, bytes) else text.encode(self.encoding, "replace")
        self._stream.feed(some if self._raw else some.replace(b"\n", b"\r\n"))
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        """It is a terminal."""
        return True

    def resize(self, columns: int, rows: int, *, reflow: bool = True) -> None:
        """Give it another size.

        Args:
            columns, rows: the size, at least 1 each.
            reflow: whether lines are wrapped anew, as most terminals do; xterm and the
                Linux console cut them.
        """
        self._terminal.another_size(columns, rows, reflow)


def _words(char: Any) -> str:
    words = [flag for flag in _FLAGS if getattr(char, flag)]
    if char.fg != "default":
        words.append(_colour(char.fg))
    if char.bg != "default":
        words.append(f"on {_colour(char.bg)}")
    return " ".join(words)


def _colour(name: str) -> str:
    # pyte calls the third colour by its name on a VGA card
    return name.replace("brown", "yellow").replace("bright", "bright ")


@lru_cache(maxsize=1)
def _emulator() -> tuple[Any, Any]:
    """The class of the terminal, and the one that feeds it with bytes."""
    try:
        import pyte
        from pyte import modes
    except ImportError as error:
        raise ImportError(
            "barexec.testing.Screen needs the terminal emulator pyte: pip install pyte"
        ) from error

    usual = pyte.screens.Char._field_defaults
    names, defaults = ("data", *usual, "dim"), (*usual.values(), False)
    Char = cast(Any, namedtuple("Char", names, defaults=defaults))

    class Line(pyte.screens.StaticDefaultDict[int, Any]):
        """The cells of a row by column.

        A cell is there once it was written, until the whole line is erased: so it counts,
        as in tmux, when lines are wrapped anew. The right half of a wide character is a
        cell without text.
        """

        wrapped = False
        """Whether the row below goes on with the same line."""

    class Terminal(pyte.Screen):
        def __init__(self, columns: int, rows: int) -> None:
            super().__init__(columns, rows)
            self.buffer = defaultdict(self._blank)

        def _blank(self) -> Line:
            return Line(self.default_char)

        @property
        def default_char(self) -> Any:
            return Char(" ", reverse=modes.DECSCNM in self.mode)

        def reset(self) -> None:
            self.mode: set[int] = set()
            self.scrolled: list[Line] = []
            self.answers: list[str] = []
            super().reset()
            self.cursor.attrs = self.default_char

        def chars(self, line: Line) -> list[Any]:
            cells = (line[at] for at in range(max(line, default=-1) + 1))
            return [char for char in cells if char.data]

        def text(self, line: Line) -> str:
            return "".join(char.data for char in self.chars(line)).rstrip(" ")

        def write_process_input(self, data: str) -> None:
            self.answers.append(data)

        def select_graphic_rendition(self, *attrs: int) -> None:
            super().select_graphic_rendition(*attrs)
            codes = iter(attrs)
            for code in codes:
                if code in (38, 48):  # a colour follows, as a number or as three
                    list(islice(codes, 3 if next(codes, 5) == 2 else 1))
                elif code in (2, 22):
                    dim: Any = {"dim": code == 2}
                    self.cursor.attrs = self.cursor.attrs._replace(**dim)

        def draw(self, data: str) -> None:
            data = data.translate(self.g1_charset if self.charset else self.g0_charset)
            if data.isascii() and data.isprintable() and modes.IRM not in self.mode:
                self._put_all(data)
                return
            for char in data:
                columns = columns_of(char)
                if not columns:
                    self._join(char)
                elif columns <= self.columns:
                    self._put(char, columns)

        def _join(self, char: str) -> None:
            """A character of no width joins the one before it."""
            line, at = self.buffer[self.cursor.y], self.cursor.x - 1
            if at > 0 and not line[at].data:
                at -= 1
            if at >= 0:
                line[at] = line[at]._replace(data=line[at].data + char)

        def _put(self, char: str, columns: int) -> None:
            if self.cursor.x + columns > self.columns:
                if modes.DECAWM in self.mode:
                    self.buffer[self.cursor.y].wrapped = True  # type: ignore[attr-defined]
                    self.carriage_return()
                    self.linefeed()
                else:
                    self.cursor.x = self.columns - columns
            if modes.IRM in self.mode:
                self.insert_characters(columns)
            line, at = self.buffer[self.cursor.y], self.cursor.x
            self._part(line, at, at + columns)
            line[at] = self.cursor.attrs._replace(data=char)
            if columns == 2:
                line[at + 1] = self.cursor.attrs._replace(data="")
            self.cursor.x += columns

        def _put_all(self, text: str) -> None:
            """Characters of one column each: as `_put` does, a row at a time."""
            while text:
                self._put(text[0], 1)
                line, at = self.buffer[self.cursor.y], self.cursor.x
                run, text = text[1 : 1 + self.columns - at], text[1 + self.columns - at :]
                if run:
                    self._part(line, at, at + len(run))
                    cells = {char: self.cursor.attrs._replace(data=char) for char in {*run}}
                    line.update((x, cells[char]) for x, char in enumerate(run, at))
                    self.cursor.x += len(run)

        def _part(self, line: Any, begin: int, end: int) -> None:
            """Of wide characters that are about to lose one half, the other turns blank."""
            for lost, other in ((begin, begin - 1), (end, end)):
                if not line[lost].data:
                    line[other] = line[other]._replace(data=" ")

        def erase_in_line(self, how: int = 0, private: bool = False) -> None:
            line: Any = self.buffer[self.cursor.y]
            begin = 0 if how else self.cursor.x
            end = self.cursor.x + 1 if how == 1 else self.columns
            self._part(line, begin, end)
            super().erase_in_line(how, private)
            if begin == 0 and end >= self.columns:
                self._forget(line)

        def erase_in_display(self, how: int = 0, *args: Any, **kwargs: Any) -> None:
            super().erase_in_display(how, *args, **kwargs)
            begin = 0 if how else self.cursor.y + 1
            for row in range(begin, self.cursor.y if how == 1 else self.lines):
                self._forget(self.buffer[row])

        def _forget(self, line: Any) -> None:
            line.wrapped = False
            if self.cursor.attrs == self.default_char:
                line.clear()

        def index(self) -> None:
            top, bottom = self.margins or (0, self.lines - 1)
            if self.cursor.y == bottom and top == 0:
                self.scrolled.append(self.buffer[0])  # type: ignore[arg-type]
            super().index()

        def another_size(self, columns: int, rows: int, reflow: bool) -> None:
            """As tmux does it: rows go below the cursor, then at the top; those come back."""
            shown: list[Any] = [self.buffer[row] for row in range(self.lines)]
            less = min(self.lines - rows, self.lines - 1 - self.cursor.y)
            if less > 0:
                del shown[-less:]
            more = max(0, rows - self.lines - len(self.scrolled))
            lines = [*self.scrolled, *shown, *(self._blank() for _ in range(more))]
            at, column = len(self.scrolled) + self.cursor.y, self.cursor.x
            if columns != self.columns and reflow:
                lines, at, column = self._wrap_anew(lines, at, column, columns)
            elif columns < self.columns:
                for line in shown:
                    self._cut(line, columns)
            lines += [self._blank() for _ in range(rows - len(lines))]
            top = len(lines) - rows
            self.scrolled = lines[:top]
            self.buffer.clear()
            self.buffer.update(enumerate(lines[top:]))
            self.columns, self.lines, self.margins = columns, rows, None
            self.cursor.x, self.cursor.y = min(column, columns - 1), max(0, at - top)

        def _cut(self, line: Any, columns: int) -> None:
            self._part(line, columns, columns)
            for column in [column for column in line if column >= columns]:
                del line[column]

        def _wrap_anew(
            self, lines: list[Any], at: int, column: int, columns: int
        ) -> tuple[list[Any], int, int]:
            """The lines for so many columns, and where the cursor is then."""
            wrapped: list[Any] = []
            cells: list[Any] = []
            here: int | None = None
            place = 0, 0
            for number, line in enumerate(lines):
                if number == at:
                    here = len(cells) + column
                cells += [line[x] for x in range(max(line, default=-1) + 1)]
                if line.wrapped and number + 1 < len(lines):
                    continue
                starts = _starts(cells, columns)
                if here is not None:
                    piece = bisect_right(starts, min(here, len(cells))) - 1
                    place, here = (len(wrapped) + piece, here - starts[piece]), None
                for start, end in zip(starts, [*starts[1:], len(cells)], strict=True):
                    row: Any = self._blank()
                    row.update(enumerate(cells[start:end]))
                    row.wrapped = end < len(cells)
                    wrapped.append(row)
                cells = []
            return wrapped, *place

    return Terminal, pyte.ByteStream


def _starts(cells: Sequence[Any], columns: int) -> list[int]:
    """Where a line is cut into rows of so many columns: not within a wide character."""
    starts = [0]
    for at in range(1, len(cells)):
        wide = at + 1 < len(cells) and not cells[at + 1].data
        if at + wide - starts[-1] >= columns and cells[at].data:
            starts.append(at)
    return starts
