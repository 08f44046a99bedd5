"""The terminal library, blessings or blessed, behind the few strings that painting needs.

The two differ, and both have sharp edges: an unknown `TERM` raises, `dumb` claims to
style, old terminals ask for padding (`$<5>`) that is not text, and blessed asks the
terminal a question, and waits for the answer, where it is given the real stderr. So the
library sees a stand-in for the stream, and of its strings only what is surely meant.
A Terminal of the user's own is used as it is.

curses takes one kind of terminal a process, the first that anybody names, and does not
tell which it was. Where somebody else was first, only strings that all of today's
terminals share are used.

The only file that imports either library.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple

LIBRARIES = ("blessings", "blessed")
#: Not empty once curses knows its kind from us.
_told: list[str] = []

_PADDING = re.compile(r"\$<[\d.]+[*/]*>")
_SGR = re.compile(r"\x1b\[[\d;:]*m")


class Capabilities(NamedTuple):
    """What a terminal does on which string; "" where it can't.

    Attributes:
        up, right: move by so many, at least 1.
        clear_eol, clear_eos: erase to the end of the line, of the screen.
        styles: SGR by the names of `Theme`; none without colour.
        wrap_off, wrap_on: whether what is too long for a row goes on in the next.
        enter, leave: the alternate screen.
        hide, show: the cursor.
        home: move to the first column of the first row.
    """

    up: Callable[[int], str]
    right: Callable[[int], str]
    clear_eol: str
    clear_eos: str
    styles: dict[str, str]
    wrap_off: str = ""
    wrap_on: str = ""
    enter: str = ""
    leave: str = ""
    hide: str = ""
    show: str = ""
    home: str = ""


class _StandIn(io.StringIO):
    """A stream that is the terminal by its descriptor, and takes nothing."""

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return True


def check(terminal: object) -> None:
    """See that this is a Terminal that `capabilities` can use.

    Raises:
        TypeError: it is none of either library.
    """
    # who has one, has imported its library
    loaded = [sys.modules[name] for name in LIBRARIES if sys.modules.get(name)]
    kinds = tuple(getattr(library, "Terminal", ()) for library in loaded)
    if not isinstance(terminal, kinds):
        names = " or ".join(f"{name}.Terminal" for name in LIBRARIES)
        raise TypeError(f"terminal must be a {names}, not {terminal!r}")


def capabilities(
    fd: int | None, colour: bool | None, terminal: object = None
) -> Capabilities | None:
    """What the terminal can do, by the library's database and `TERM`.

    Args:
        fd: its descriptor; None where there is none.
        colour: True (always), False (never), None (as it can).
        terminal: the user's own Terminal, which knows better than `TERM`.

    Returns:
        None where the terminal is of an unknown kind, or none that could hold a frame.
    """
    known = terminal is not None or _kind_is_known()
    able_to: Any = terminal
    # at NO_COLOR, blessed would not even move the cursor
    if able_to is None or (colour is False and not able_to.does_styling):
        able_to = _terminal(fd, getattr(terminal, "kind", None) or None)
    if able_to is None:
        return None

    hide, show = _text(able_to.hide_cursor), _text(able_to.normal_cursor)
    if hide == "\x1b[?25l":
        show = "\x1b[?25h"  # that of xterm ends its blinking, too
    able = Capabilities(
        _mover(able_to, "cuu", "cuu1"),
        _mover(able_to, "cuf", "cuf1"),
        _text(able_to.clear_eol),
        _text(able_to.clear_eos),
        _styles(able_to, colour),
        enter=_text(able_to.enter_fullscreen),
        leave=_text(able_to.exit_fullscreen),
        hide=hide,
        show=show,
        home=_text(able_to.home),
    )
    if able.up(1).startswith("\x1b["):
        # tmux and screen know it, although the database says nothing of it
        able = able._replace(wrap_off="\x1b[?7l", wrap_on="\x1b[?7h")
    elif not known:
        return None
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


def _kind_is_known() -> bool:
    """Whether curses will know, or was told by us, which kind of terminal this is."""
    curses = sys.modules.get("curses")
    if curses is None or _told:
        return True
    try:
        curses.tigetflag("am")
    except curses.error:  # it was told nothing yet
        return True
    return False


def _terminal(fd: int | None, kind: str | None) -> Any:
    try:
        library = import_module("blessings")
    except ImportError:  # Windows has no curses, so there it is blessed
        library = import_module("blessed")
    first = _kind_is_known()
    try:
        # a kind that curses does not know raises `curses.error`; no class to name it by
        # can be imported where there is no curses
        stream = io.StringIO() if fd is None else _StandIn(fd)
        forced = type("Terminal", (library.Terminal,), {"does_styling": True})
        made = forced(kind, stream=stream, force_styling=True)
    except Exception as error:
        if isinstance(error, (OSError, ValueError)) or type(error).__module__ == "_curses":
            return None
        raise
    if first:
        _told.append(kind or "TERM")
    if fd is not None:
        _let_sequences_through(fd)
    return made


def _let_sequences_through(fd: int) -> None:
    """A console of Windows takes control sequences only once it was told so. blessed's own library
    does that, but not where `TERM` or `WT_SESSION` tell it what kind of terminal it is."""
    if sys.platform == "win32":
        import msvcrt

        with suppress(OSError):  # no console, but what has taken its place
            import_module("jinxed.win32").enable_vt_mode(msvcrt.get_osfhandle(fd))


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
