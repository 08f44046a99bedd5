"""What a stream of text looks like on a terminal: rows that live, and lines that are done.

`TerminalText` is fed what a task writes. A line that was never drawn over is finished by
its newline and is to scroll above the bars; one that was (by a carriage return, a cursor
move or an erase) is a row of the task and stays one. So nested bars of tqdm, which move
up and down, keep rows of their own.

Understood are `\\r`, `\\n`, backspace, tab, cursor moves that are relative or within the
row, erase in line and in display, colours (SGR), and whether the cursor is hidden. Every
other control character, sequence or string is dropped, whole, at constant memory.

Never here: the real terminal, a stream, a clock.
"""

from __future__ import annotations

import re

from .terminal_text import JUNK, OSC_PAYLOAD, STRING_PAYLOAD
from .text_row import WIDEST, Row, change, combined

#: The most characters of an unfinished line that are kept, with its colours.
PIECE = 1 << 16
#: The most characters of a control sequence that is still read.
_LONGEST = 256
#: Text of so many characters is added to, rather than kept beside what follows.
_SHORT = 256

_TEXT = re.compile("[^\x00-\x08\x0b-\x1f\x7f-\x9f]+")
#: Control characters that are dropped, each for itself.
_DROPPED = re.compile("[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x8f\x91-\x97\x99\x9a\x9c]+")
_SEQUENCE = re.compile(
    rf"""
    (?: \x1b[{JUNK}]*\[ | \x9b ) (?P<body>[{JUNK}\x20-?]*) (?P<final>[@-~])?
    | (?P<osc> \x1b[{JUNK}]*\] | \x9d )
    | (?P<string> \x1b[{JUNK}]*[PX^_k] | [\x90\x98\x9e\x9f] )
    | \x1b [{JUNK}\x20-/]* (?P<end>[0-~])?
    """,
    re.VERBOSE,
)
#: What is passed over, up to what ends it: of control strings, and of endless sequences.
_OSC = re.compile(OSC_PAYLOAD)
_STRING = re.compile(STRING_PAYLOAD)
_LONG_CSI = re.compile(f"[{JUNK}\x20-?]*([@-~])?")
_LONG_ESCAPE = re.compile(f"[{JUNK}\x20-/]*([0-~])?")
_JUNK_OUT = re.compile(f"[{JUNK}]+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"([0-9]{0,4})(?:;[0-9;]*)?")
_SGR = re.compile(r"\x1b\[([0-9;:]{0,128})m")


class TerminalText:
    """The line discipline of one stream.

    A line longer than `PIECE` leaves in pieces, each of them a line to print. A piece is
    a multiple of `columns` long, so that on a terminal of so many columns the narrow
    text looks as if it had been wrapped there.

    A line break on an empty row may be a blank line, or the way down to a bar that is
    drawn further below. It leaves, in its order, with the next line that does, or at the
    end, unless the cursor comes back to it or above it.

    While the cursor is hidden, all is taken for drawn over: who hides it draws.

    Args:
        columns: of the terminal that the stream believes to write to, at least 1; it may change.
        height: the most rows that live, at least 1. Where there are more, the oldest
            leaves as a finished line.
        drawn: whether all is taken for drawn over from the start, as of a task that has
            its own place on the screen.
        scrolls: whether rows leave with a plain line that is finished below them, as of a
            stream that has no place of its own.

    Guarantees: not thread-safe. Memory is bounded by `height`, `WIDEST` and `PIECE`,
    whatever comes; no text raises. How the text is split makes no difference. What comes
    out is printable text and SGR (in finished lines also tabs), with no style left on.
    """

    def __init__(
        self, columns: int = 80, height: int = 10, drawn: bool = False, scrolls: bool = False
    ) -> None:
        self._scrolls = scrolls
        self.columns = max(1, columns)
        self._height = max(1, height)
        self._rows = [Row()]
        self._y = 0
        self._x = 0
        self._moved = False
        """Whether the cursor was set to a column, and nothing written there yet."""
        self._drawn = self._hidden = drawn
        self._style = ""
        self._line: list[tuple[str, str]] = []
        """Style and text of the cursor's row, as long as it was only ever added to. Its
        cells are empty meanwhile."""
        self._length = 0
        self._finished: list[str] = []
        self._rest = ""
        """The beginning of a control sequence."""
        self._passing: re.Pattern[str] | None = None
        """What is passed over, within a control string or an endless sequence."""

    def feed(self, text: str) -> list[str]:
        """The lines that `text` finishes, without their newlines, in order.

        They keep every printable character as it was; halves of surrogate pairs are
        replaced.
        """
        if not text.isascii():
            text = _SURROGATES.sub("\ufffd", text)
        text = self._rest + text.replace("\r\n", "\n")
        self._rest = ""
        at, end = 0, len(text)
        while at < end:
            if self._passing is not None:
                at = self._pass_over(text, at)
            elif found := _TEXT.match(text, at):
                self._read(found[0])
                at = found.end()
            elif found := _SGR.match(text, at):
                self._style = combined(f"{self._style};{found[1]}")
                at = found.end()
            elif text[at] in "\x1b\x90\x98\x9b\x9d\x9e\x9f":
                at = self._sequence(text, at)
            else:
                if text[at] == "\r":
                    self._to_column(0)
                elif text[at] == "\b":
                    self._sideways(-1)
                elif found := _DROPPED.match(text, at):
                    at = found.end() - 1
                at += 1
        finished, self._finished = self._finished, []
        return finished

    def end(self) -> list[str]:
        """The stream has ended: what plain text was not finished by a newline."""
        self._rest, self._passing = "", None
        if self._drawn:
            self._draw()
        self._leave()
        self._renew()
        finished, self._finished = self._finished, []
        return finished

    def let_go(self) -> list[str]:
        """The rows above the cursor, where it stands at the beginning of an empty one, as
        finished lines: nobody draws there any more."""
        if self._x or self._line or self._rows[self._y].chars:
            return []
        self._renew()
        self._leave_above()
        finished, self._finished = self._finished, []
        return finished

    @property
    def rows(self) -> tuple[str, ...]:
        """What lives now, from the top: printable text and SGR, at most `height` rows.

        Blank rows at the end are left out, and at the top those that were never used.
        """
        return self._seen(self._line)

    @property
    def settled(self) -> tuple[str, ...]:
        """The same without the line that is not finished, if it was only ever added to: perhaps
        its end is on its way."""
        return self._seen([])

    @property
    def unfinished(self) -> bool:
        """Whether there is such a line."""
        return bool(self._line)

    def _seen(self, line: list[tuple[str, str]]) -> tuple[str, ...]:
        rows = [row.text() for row in self._rows]
        if line:
            row = Row()
            x = 0
            for style, text in line:
                if x >= WIDEST:
                    break
                x = row.put(x, text, style)
            rows[self._y] = row.text()
        for y in self._leftovers():
            rows[y] = ""
        top = 0
        while top < len(rows) and not (rows[top] or self._rows[top].used):
            top += 1
        end = len(rows)
        while end > top and not rows[end - 1]:
            end -= 1
        return tuple(rows[top:end][: self._height])

    # --- control sequences ---

    def _sequence(self, text: str, at: int) -> int:
        """Obey or drop the sequence at `at`. Returns where it ends."""
        found = _SEQUENCE.match(text, at)
        assert found is not None  # its last branch takes an escape alone
        body, final = found["body"], found["final"]
        if found["osc"]:
            self._passing = _OSC
        elif found["string"]:
            self._passing = _STRING
        elif final:
            self._obey(_JUNK_OUT.sub("", body), final)
        elif found.end() == len(text) and not found["end"]:
            self._rest = _JUNK_OUT.sub("", found[0])
            if len(self._rest) > _LONGEST:
                self._rest, self._passing = "", _LONG_ESCAPE if body is None else _LONG_CSI
        return found.end()

    def _pass_over(self, text: str, at: int) -> int:
        assert self._passing is not None
        found = self._passing.match(text, at)
        assert found is not None  # each may be empty
        if found.end() < len(text) or found.lastindex:
            self._passing = None
        return found.end()

    def _obey(self, body: str, final: str) -> None:
        if body == "?25" and final in "hl":
            self._hidden = self._drawn or final == "l"
            return
        number = _NUMBER.fullmatch(body)
        if number is None:
            return
        count = int(number[1] or 0)
        if final == "K":
            self._erase(count)
        elif final == "J":
            self._erase_display(count)
        elif final in "AF":
            self._up(count or 1)
        elif final in "BE":
            self._down(count or 1)
        elif final == "C":
            self._sideways(count or 1)
        elif final == "D":
            self._sideways(-(count or 1))
        elif final in "G`":
            self._to_column((count or 1) - 1)
        if final in "EF":
            self._to_column(0)

    # --- the cursor ---

    def _to_column(self, x: int) -> None:
        self._x = min(x, self.columns - 1)
        self._moved = True

    def _sideways(self, by: int) -> None:
        self._draw()
        x = self._x + by
        if by > 0:
            x = max(self._x, min(x, self.columns - 1))
        self._x = max(0, x)
        self._moved = True

    def _up(self, by: int) -> None:
        self._draw()
        y = self._y - by
        if y < 0:
            # the lines there have left: rows in their place
            missing = min(-y, max(0, self._height - len(self._rows)))
            self._rows[:0] = [Row(drawn=True) for _ in range(missing)]
            y = 0
        self._y, self._moved = y, False
        for row in self._rows[y:]:
            row.blank = False

    def _down(self, by: int) -> None:
        self._draw()
        bottom = max(len(self._rows), self._height) - 1
        self._y, self._moved = min(self._y + by, bottom), False
        while len(self._rows) <= self._y:
            self._rows.append(Row())

    def _newline(self) -> None:
        row = self._rows[self._y]
        self._moved, self._x = False, 0
        if self._line:
            if not (self._hidden and self._length <= WIDEST):
                if self._scrolls:
                    self._leave_above()
                self._leave()
                del self._rows[self._y]
                if self._y == len(self._rows):
                    self._rows.append(Row())
                self._renew()
                # what was wiped to make room for the line is as new
                self._rows[self._y :] = [
                    Row() if row.is_wiped() else row for row in self._rows[self._y :]
                ]
                return
            self._draw()
            self._x = 0
        elif not row.drawn and not self._hidden:
            row.blank = True
        self._y += 1
        if self._y == len(self._rows):
            self._rows.append(Row())
            if self._y > self._height:
                self._scroll()

    # --- text ---

    def _read(self, text: str) -> None:
        """Text with newlines and tabs, but no other control."""
        if "\n" not in text:
            self._write(text)
            return
        lines = text.split("\n")
        last = lines.pop()
        self._write(lines[0])
        self._newline()
        at = 1
        too_many = "\n" * (self._height - self._y + 2)  # blank lines: they need rows
        if (
            len(lines) > 1
            and self._is_simple()
            and too_many not in text
            and max(map(len, lines)) <= self._piece
        ):
            # lines that nothing can draw over any more, up to the last that is not blank
            end = len(lines)
            while end > 1 and not lines[end - 1]:
                end -= 1
            if end > 1:
                self._leave()
                self._finished += lines[1:end]
                at = end
        for line in lines[at:]:
            self._write(line)
            self._newline()
        self._write(last)

    def _leftovers(self) -> list[int]:
        """The rows from the cursor's down that are a copy of the one before it.

        A bar of tqdm that is not in the first row is drawn once more in the first at its
        end, and a newline written.
        """
        if self._x or self._moved or self._hidden or not self._y:
            return []
        above = self._rows[self._y - 1].chars
        rows = range(self._y, len(self._rows))
        return [y for y in rows if above and self._rows[y].chars == above]

    def _renew(self) -> None:
        for y in self._leftovers():
            self._rows[y] = Row()

    def _is_simple(self) -> bool:
        """Whether a line to come is finished by its newline, as it is."""
        return (
            self._y == len(self._rows) - 1
            and not self._rows[self._y].drawn
            and not self._hidden
            and not self._style
        )

    def _write(self, text: str) -> None:
        """Text with tabs, but no other control."""
        if not text:
            return
        row = self._rows[self._y]
        if self._x == 0 and row.is_wiped():
            row = self._rows[self._y] = Row()
        elif self._moved or (self._x and not self._line):
            self._draw()
            row.drawn = True
        elif row.drawn:
            self._renew()
            row = self._rows[self._y]
        self._moved = False
        if not row.drawn:
            self._add(text)
            return
        if self._y >= self._height:
            self._scroll()
        self._put(text, self._style)

    def _put(self, text: str, style: str) -> None:
        """Write text into the cells of the cursor's row. What is too wide wraps."""
        row = self._rows[self._y]
        if self._x + 8 * len(text) <= WIDEST:
            self._x = row.put(self._x, text, style)
            return
        for at, char in enumerate(text):
            if not row.fits(self._x, char):
                self._newline()
                self._write(text[at:])
                return
            self._x = row.put(self._x, char, style)

    @property
    def _piece(self) -> int:
        return max(1, PIECE // self.columns) * self.columns

    def _add(self, text: str) -> None:
        """Write text behind a line that was only ever added to."""
        style, limit, at = self._style, self._piece, 0
        while at < len(text):
            if self._length >= limit:
                self._leave()
            last, before = self._line[-1] if self._line else ("", None)
            if before is None or last != style:
                self._length += len(change("", style))
            part = text[at : at + max(1, limit - self._length)]
            self._length += len(part)
            at += len(part)
            if before is not None and last == style and len(before) < _SHORT:
                self._line[-1] = (style, before + part)
            else:
                self._line.append((style, part))

    def _draw(self) -> None:
        """From now on, the cursor's row is one that is drawn over, if there is text in it."""
        if not self._line:
            return
        row, x = self._rows[self._y], 0
        if self._length <= WIDEST:
            for style, text in self._line:
                x = row.put(x, text, style)
        if self._length > WIDEST or x >= WIDEST:
            # too long to be a bar, and nothing of it is to be lost
            row.clear()
            self._leave()
            x = 0
        else:
            row.drawn = True
            self._line, self._length = [], 0
            if self._y >= self._height:
                self._scroll()
        if not self._moved:
            self._x = x

    # --- what leaves ---

    def _leave(self) -> None:
        """Finish the line that was only ever added to, and the blank ones before it."""
        blank = [row for row in self._rows[: self._y] if row.blank]
        if blank:
            self._finished += [""] * len(blank)
            self._rows = [row for row in self._rows if row not in blank]
            self._y -= len(blank)
        if not self._line:
            return
        parts, last = [], ""
        for style, text in self._line:
            if style != last:
                parts.append(change(last, style))
            parts.append(text)
            last = style
        parts.append(change(last, ""))
        self._finished.append("".join(parts))
        self._line, self._length = [], 0

    def _leave_above(self) -> None:
        """The rows above the cursor's leave."""
        texts = [(row.text(), row.blank) for row in self._rows[: self._y]]
        self._finished += [text for text, blank in texts if text or blank]
        self._rows, self._y = self._rows[self._y :], 0

    def _scroll(self) -> None:
        """The oldest row leaves."""
        row = self._rows.pop(0)
        self._y -= 1
        text = row.text()
        if text or row.blank:
            self._finished.append(text)

    # --- erasing ---

    def _erase(self, what: int) -> None:
        """Erase in the row: 0 behind the cursor, 1 up to it, 2 all of it."""
        row = self._rows[self._y]
        if what == 0 and not self._moved and self._line:
            return  # nothing is behind the end
        self._draw()
        if what == 0:
            row.cut(self._x)
        elif what in (1, 2):
            row.drawn = True
            if what == 1:
                row.blank_out(self._x + 1)
            else:
                row.clear()

    def _erase_display(self, what: int) -> None:
        """Erase rows: 0 from the cursor on, 1 up to it, 2 and 3 all."""
        if what in (0, 1):
            self._erase(what)
            for row in self._rows[self._y + 1 :] if what == 0 else self._rows[: self._y]:
                row.clear()
        elif what in (2, 3):
            self._rows, self._y, self._x = [Row()], 0, 0
            self._line, self._length, self._moved = [], 0, False
