"""A line of text as the cells of a terminal, and where two lines differ.

Never here: how a cursor moves; a stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import compress, count
from operator import ne, or_
from sys import intern
from typing import NamedTuple

from ..terminal_text import columns_of, is_narrow, is_sure

_RESETS = ("\x1b[m", "\x1b[0m")
#: What a sequence begins with that ends all that was before.
_ANEW = ("\x1b[0;", "\x1b[;")
_SGR = re.compile(r"(\x1b\[[0-9;:]*m)")
#: Cells that are alike between two that differ, and are written all the same: to move
#: over fewer costs more bytes.
GAP = 4


class Cells(NamedTuple):
    """One entry a column: what stands there, and the SGR it stands in.

    A wide character is followed by an empty entry; combining characters share that of
    their base. `sure` tells whether every terminal agrees on the columns.
    """

    chars: list[str]
    styles: list[str]
    sure: bool = True


def cells(line: str) -> Cells:
    """The cells of a line whose only escape sequences are SGR.

    Blanks at its end are no cells, unless they have a style.
    """
    chars: list[str] = []
    styles: list[str] = []
    style = ""
    parts = _SGR.split(line)
    text = "".join(parts[::2])
    narrow = is_narrow(text)
    sure = narrow or is_sure(text)
    for at, part in enumerate(parts):
        if at % 2:
            style = "" if part in _RESETS else part if part.startswith(_ANEW) else style + part
        elif narrow:
            # a bar's are kept, as what is the same object is compared at once
            chars += part if part.isascii() else _apart(part)
            styles += [style] * len(part)
        else:
            for char in part:
                columns = columns_of(char)
                if columns:
                    chars += [char, ""][:columns]
                    styles += [style] * columns
                elif chars:
                    # behind a wide character its empty entry comes last
                    chars[-1 if chars[-1] else -2] += char
    while chars and chars[-1] == " " and not styles[-1]:
        del chars[-1], styles[-1]
    return Cells(chars, styles, sure)


@lru_cache(maxsize=512)
def _apart(text: str) -> tuple[str, ...]:
    return tuple(map(intern, text))


def rows_of(line: Cells, columns: int) -> int:
    """The rows that a line takes where it is wrapped at so many columns, at least 1."""
    rows, at = 1, columns
    while at < len(line.chars):
        if not line.chars[at] and columns > 1:
            at -= 1  # a wide character goes whole to the next row
        rows, at = rows + 1, at + columns
    return rows


def differences(old: Cells, new: Cells) -> Iterator[tuple[int, int]]:
    """Where `new` is to be written over `old`: the ranges of columns, from left to right.

    What `old` has beyond the end of `new` is not told.
    """
    columns = len(new.chars)
    short = columns - len(old.chars)
    was = old if short <= 0 else Cells(old.chars + [" "] * short, old.styles + [""] * short)
    differ: Iterator[bool] = map(ne, new.chars, was.chars)
    if new.styles != (was.styles if short >= 0 else was.styles[:columns]):
        differ = map(or_, differ, map(ne, new.styles, was.styles))
    begin = end = -1
    for at in compress(count(), differ):
        if at > end + GAP and end >= 0:
            yield begin, _whole(new, end)
            begin = -1
        if begin < 0:
            begin = at
        end = at + 1
    if end >= 0:
        yield begin, _whole(new, end)


def _whole(new: Cells, end: int) -> int:
    """The end moved so that it cuts no wide character in two: of two that differ, the
    right halves do not. Where the right half does, the left one does, too."""
    while end < len(new.chars) and not new.chars[end]:
        end += 1
    return end
