"""One row of a terminal: cells with a character and a style each.

`Row` is written to and erased as a terminal does it, wide and combining characters
included; `text` gives it back as printable text with SGR. A style is a string: the
parameters of the one SGR sequence that sets it, empty for none. `combined` and `change`
calculate with styles.

Never here: a cursor, control sequences other than SGR.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby

from .terminal_text import columns_of, is_narrow, printable, shown

#: The most columns that a row keeps: more than any terminal has.
WIDEST = 1024
#: The most characters in one cell: one, and what combines with it.
_STACKED = 8


class Row:
    """One row of cells.

    Attributes:
        chars: the character of each cell with what combines with it; empty for the right
            half of a wide one.
        styles: of each cell, its SGR parameters; empty for none.
        drawn: whether it is drawn over, so that its newline does not finish it.
        used: whether it ever had text.
        blank: whether it got its newline while it was empty, and may be a blank line.
    """

    __slots__ = ("blank", "chars", "drawn", "styles", "used")

    def __init__(self, drawn: bool = False) -> None:
        self.chars: list[str] = []
        self.styles: list[str] = []
        self.drawn = drawn
        self.used = False
        self.blank = False

    def fits(self, x: int, char: str) -> bool:
        """Whether there is room for the character at column `x`."""
        return char == "\t" or x + len(_cells_of(char) or ()) <= WIDEST

    def put(self, x: int, text: str, style: str) -> int:
        """Write text with tabs over what is at column `x`. Returns the column behind it."""
        for number, part in enumerate(text.split("\t")):
            if number:
                x = min(x - x % 8 + 8, WIDEST)
            if part and x < WIDEST:
                cells = list(part) if is_narrow(part) else self._cells(x, part)
                room, end = WIDEST - x, min(x + len(cells), WIDEST)
                if len(cells) > room:
                    # not the half of a wide character
                    del cells[room - (not cells[room]) :]
                if cells:
                    self._set(x, cells, style)
                x = end
        return x

    def _cells(self, x: int, text: str) -> list[str]:
        """The cells of text that is to be written at column `x`."""
        cells: list[str] = []
        for char in text:
            some = _cells_of(char)
            if some is not None:
                cells += some
            elif x + len(cells) < WIDEST:
                on, end = (cells, len(cells)) if cells else (self.chars, x)
                base = min(end, len(on)) - 1
                while base > 0 and not on[base]:
                    base -= 1
                if base >= 0 and len(on[base]) < _STACKED:
                    on[base] += shown(char)
        return cells

    def _set(self, x: int, cells: list[str], style: str) -> None:
        self.used = True
        missing = x - len(self.chars)
        if missing > 0:
            self.chars += [" "] * missing
            self.styles += [""] * missing
        end = x + len(cells)
        self._halve(x)
        self._halve(end)
        self.chars[x:end] = cells
        self.styles[x:end] = [style] * len(cells)

    def _halve(self, x: int) -> None:
        """A wide character that lies across the border before `x` becomes two blanks."""
        if 0 < x < len(self.chars) and not self.chars[x]:
            self.chars[x - 1] = self.chars[x] = " "

    def cut(self, x: int) -> None:
        """Nothing is left from column `x` on."""
        self._halve(x)
        del self.chars[x:], self.styles[x:]

    def blank_out(self, end: int) -> None:
        """Nothing is left up to column `end`."""
        self._halve(end)
        end = min(end, len(self.chars))
        self.chars[:end] = [" "] * end
        self.styles[:end] = [""] * end

    def clear(self) -> None:
        self.chars.clear()
        self.styles.clear()

    def is_wiped(self) -> bool:
        """Whether there is nothing but blanks, which someone wrote over what was there."""
        return (
            bool(self.chars)
            and self.chars[0] == " "
            and self.chars.count(" ") == len(self.chars)
            and not any(self.styles)
        )

    def text(self) -> str:
        """Printable text and SGR."""
        end = len(self.chars)
        while end and self.chars[end - 1] == " " and not self.styles[end - 1]:
            end -= 1
        if not any(self.styles):
            return printable("".join(self.chars[:end]))
        parts, at, last = [], 0, ""
        for style, same in groupby(self.styles[:end]):
            size = len(list(same))
            parts += [change(last, style), printable("".join(self.chars[at : at + size]))]
            at += size
            last = style
        parts.append(change(last, ""))
        return "".join(parts)


@lru_cache(maxsize=4096)
def _cells_of(char: str) -> tuple[str, ...] | None:
    """The cells that a character takes; None for one that combines with the last."""
    char = shown(char)
    columns = columns_of(char) if char else 0
    return (char, "")[:columns] if columns or not char else None


#: What a parameter of SGR takes back.
_ENDS = {
    "22": ("1", "2"),
    "23": ("3",),
    "24": ("4",),
    "25": ("5",),
    "27": ("7",),
    "28": ("8",),
    "29": ("9",),
    "39": ("38",),
    "49": ("48",),
    "55": ("53",),
    "59": ("58",),
}
#: What each parameter of SGR sets: of those in one place the last counts.
_SETS = {
    **{code: code for code in ("1", "2", "3", "4", "5", "7", "8", "9", "53")},
    "6": "5",
    "21": "4",
    **{str(code): "38" for code in (*range(30, 38), *range(90, 98))},
    **{str(code): "48" for code in (*range(40, 48), *range(100, 108))},
}


@lru_cache(maxsize=4096)
def combined(codes: str) -> str:
    """The parameters of SGR that are left of so many, in a row."""
    style: dict[str, str] = {}
    left = iter(codes.split(";"))
    for code in left:
        code = code.lstrip("0")
        kind, colon, value = code.partition(":")
        if not kind:
            style.clear()
        elif kind in ("38", "48", "58"):
            if not colon:
                mode = next(left, "")
                more = {"5": 1, "2": 3}.get(mode.lstrip("0"), 0)
                numbers = [next(left, "")[:3] for _ in range(more)]
                code = ";".join((kind, mode, *numbers))
                if not more:
                    continue
            style[kind] = code[:40]
        elif kind in _ENDS or (kind == "4" and value == "0"):
            for ended in _ENDS.get(kind, ("4",)):
                style.pop(ended, None)
        elif kind in _SETS:
            style[_SETS[kind]] = code[:8]
    return ";".join(style.values())


def change(old: str, new: str) -> str:
    """The SGR that leads from one style to another."""
    if old == new:
        return ""
    if not new:
        return "\x1b[m"
    return f"\x1b[0;{new}m" if old else f"\x1b[{new}m"
