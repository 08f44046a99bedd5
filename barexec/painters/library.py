"""The terminal library, blessings or blessed, behind the few strings that painting needs.

The two differ, and both have sharp edges: an unknown `TERM` raises, `dumb` claims to
style, old terminals ask for padding (`$<5>`) that is not text, and blessed asks the
terminal a question, and waits for the answer, where it is given the real stderr. So the
library sees a stand-in for the stream, and of its strings only what is surely meant.

The only file that imports either library.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple

_PADDING = re.compile(r"\$<[\d.]+[*/]*>")
_SGR = re.compile(r"\x1b\[[\d;:]*m")


class Capabilities(NamedTuple):
    """What a terminal does on which string; "" where it can't.

    Attributes:
        up, right: move by so many, at least 1.
        clear_eol, clear_eos: erase to the end of the line, of the screen.
        styles: SGR by the names of `Theme`; none without colour.
        wrap_off, wrap_on: whether what is too long for a row goes on in the next.
    """

    up: Callable[[int], str]
    right: Callable[[int], str]
    clear_eol: str
    clear_eos: str
    styles: dict[str, str]
    wrap_off: str = ""
    wrap_on: str = ""


class _StandIn(io.StringIO):
    """A stream that is the terminal by its descriptor, and takes nothing."""

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return True


def capabilities(fd: int | None, colour: bool | None) -> Capabilities | None:
    """What the terminal can do, by the library's database and `TERM`.

    Args:
        fd: its descriptor; None where there is none.
        colour: True (always), False (never), None (as it can).

    Returns:
        None where the terminal is of an unknown kind, or none that could hold a frame.
    """
    terminal = _terminal(fd)
    if terminal is None:
        return None

    able = Capabilities(
        _mover(terminal, "cuu", "cuu1"),
        _mover(terminal, "cuf", "cuf1"),
        _text(terminal.clear_eol),
        _text(terminal.clear_eos),
        _styles(terminal, colour),
    )
    if able.up(1).startswith("\x1b["):
        # tmux and screen know it, although the database says nothing of it
        able = able._replace(wrap_off="\x1b[?7l", wrap_on="\x1b[?7h")
    return able if able.up(1) and able.right(1) and able.clear_eol else None


def _text(string: object) -> str:
    return _PADDING.sub("", str(string))


def _mover(terminal: Any, by: str, by_one: str) -> Callable[[int], str]:
    """The move by so many; where a terminal has none, that by one, repeated."""
    if not _text(getattr(terminal, by)):
        one = _text(getattr(terminal, by_one))
        return lambda columns: one * columns
    parametrized = getattr(terminal, by)
    return lru_cache(maxsize=1024)(lambda columns: _text(parametrized(columns)))


def _terminal(fd: int | None) -> Any:
    try:
        library = import_module("blessings")
    except ImportError:  # Windows has no curses, so there it is blessed
        library = import_module("blessed")

    try:
        # a kind that curses does not know raises `curses.error`; no class to name it by
        # can be imported where there is no curses
        stream = io.StringIO() if fd is None else _StandIn(fd)
        # forced: at NO_COLOR, blessed would not even move the cursor
        forced = type("Terminal", (library.Terminal,), {"does_styling": True})
        return forced(stream=stream, force_styling=True)
    except Exception as error:
        if isinstance(error, (OSError, ValueError)) or type(error).__module__ == "_curses":
            return None
        raise


def _styles(terminal: Any, colour: bool | None) -> dict[str, str]:
    if colour is False:
        return {}

    def sgr(name: str) -> str:
        return "".join(_SGR.findall(_text(getattr(terminal, name))))

    if not sgr("normal") and not colour:
        return {}
    # what ends a style has the same name everywhere: some say ESC[0;10m for it
    styles = {"normal": "\x1b[m", "dim": sgr("dim"), "bold": sgr("bold")}
    styles["rest"] = styles["dim"]
    colours = {"bar": 6, "done": 2, "failed": 1, "lost": 5, "cancelled": 3}
    if terminal.number_of_colors >= 8:
        names = ("black", "red", "green", "yellow", "blue", "magenta", "cyan")
        styles |= {style: sgr(names[number]) for style, number in colours.items()}
    elif colour:
        styles |= {style: f"\x1b[3{number}m" for style, number in colours.items()}
    return styles
