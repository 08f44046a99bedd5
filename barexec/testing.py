"""For tests, of barexec and of programs that use it: a screen that can be read, and what
is asked of a renderer.

    screen = Screen(80, 24)
    screen.write("\\x1b[32mdone\\x1b[m, all of it\\n")
    assert screen.rows[0] == "done, all of it"
    assert screen.runs(0) == (("green", "done"), ("", ", all of it"))

    check_renderer(MyRenderer())    # an AssertionError says what it does wrong, and where
    check_way(open_channel, lambda function, *args: executor.submit(function, *args).result())

The terminal emulator beneath is pyte, which barexec does not depend on. What it lacks is
added here: wide characters of which one half is overwritten, characters of no width, faint
text, the rows that scroll out at the top, and wrapping anew at a resize.

Never here: being imported by the rest of barexec.
"""

from __future__ import annotations

import math
import os
import re
import reprlib
import sys
import tempfile
from bisect import bisect_right
from collections import defaultdict, namedtuple
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import lru_cache
from io import StringIO
from itertools import count, islice
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any, cast

from .channel import ATOMIC, Receiver
from .events import Decoder, Started, encode
from .remote import Route, close
from .renderers import Renderer, make
from .state import BarState, Status
from .terminal_text import columns_of, width
from .theme import Theme
from .writer import Screen as Screenless

__all__ = ["Screen", "check_renderer", "check_way"]

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
            for char in data.translate(self.g1_charset if self.charset else self.g0_charset):
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


# --- renderers ---

_SGR = re.compile(r"\x1b\[[0-9;:]*m")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: How a style may end: all of it, or the colour alone.
_ENDS = ("\x1b[m", "\x1b[0m", "\x1b[39m")
_WIDTHS = (*range(1, 13), *range(14, 52, 2), 59, 79, 80, 119, 160, 200)


def check_renderer(renderer: object) -> None:
    """See that a renderer keeps the rules: for all that a bar can be, at 1 to 200 columns.

    Where it has `align`, it is asked with that before, and without.

    Args:
        renderer: an object as for `ProgressPoolExecutor(renderer=…)`, or one of the names.

    Raises:
        AssertionError: it does not. The message has the rule, the state and the columns.
            The rules: `render` gives a str; one line; no control sequence but SGR, and
            none that is not ended, nor any where there is no colour and it has
            `with_theme`; the line is not wider than the columns; the same for the same
            state; nothing is raised; nothing is written to stdout or stderr.
        ValueError, ImportError: it is no renderer, or its library is not installed.
    """
    colour = {name: f"\x1b[3{at}m" for at, name in enumerate(("bar", "done", "failed", "lost"))}
    themes = Theme(True, colour | {"normal": "\x1b[m"}), Theme(True), Theme()
    for theme, aligned in zip(themes, (True, False, True), strict=True):
        drawn = make(renderer, theme)
        themed = hasattr(renderer, "with_theme") or isinstance(renderer, str)
        _check(drawn, aligned, coloured=bool(theme.styles) or not themed)


def _check(renderer: Renderer, aligned: bool, coloured: bool) -> None:
    states = list(_states())
    align = getattr(renderer, "align", None) if aligned else None
    with _silence() as heard:
        for columns in _WIDTHS:
            if align is not None:
                _asked(align, states, columns)
            for state in states:
                line = _line(renderer, state, columns, coloured)
                if align is not None:
                    _same(renderer, state, columns, line)
        for state in states:
            # also without `align` nothing is left that could change its mind
            _line(renderer, state, columns, coloured)
        for state in states:
            _same(renderer, state, columns, _line(renderer, state, columns, coloured))
    assert not heard, f"the renderer wrote to a stream: {heard[0][:200]!r}"


def _asked(call: Any, *args: Any) -> Any:
    try:
        return call(*args)
    except Exception as error:
        told = f"{type(error).__name__}: {error}, raised by {_call(*args)}"
        raise AssertionError(told) from error


def _call(state: BarState | Sequence[BarState], columns: int) -> str:
    """The call, with what of the state is not as usual."""
    if not isinstance(state, BarState):
        return f"align(…, {columns})"
    usual = BarState._field_defaults
    some = {k: v for k, v in state._asdict().items() if k not in usual or v != usual[k]}
    words = (f"{k}={_shortened(v)}" for k, v in some.items())
    return f"render(BarState({', '.join(words)}), {columns})"


def _shortened(value: object) -> str:
    if isinstance(value, int) and value > 10**18:
        return f"10**{int(math.log10(value))}"
    return reprlib.repr(value) if isinstance(value, str) else str(value)


def _line(renderer: Renderer, state: BarState, columns: int, coloured: bool) -> str:
    line = _asked(renderer.render, state, columns)
    if not isinstance(line, str):
        fault = f"{type(line).__name__} and no str"
    elif _CONTROL.search(bare := _SGR.sub("", line)):
        fault = f"a control character in {line!r}"
    elif bare != line and not coloured:
        fault = f"a colour where there is none: {line!r}"
    elif bare != line and _SGR.findall(line)[-1] not in _ENDS:
        fault = f"a style that is not ended: {line!r}"
    elif width(bare) > columns:
        fault = f"{width(bare)} columns: {line!r}"
    else:
        return line
    raise AssertionError(f"{fault}, given by {_call(state, columns)}")


def _same(renderer: Renderer, state: BarState, columns: int, line: str) -> None:
    again = _line(renderer, state, columns, True)
    assert again == line, f"{line!r}, then {again!r}, given by {_call(state, columns)}"


def _states() -> Iterator[BarState]:
    """Bars of all kinds, each of their extremes at least once."""
    usual = BarState("task", 23, 61, "file", 12.5, 2.1, 18.0, fraction=23 / 61)
    figures: tuple[tuple[float, float | None], ...] = (
        (0, None), (5, None), (0, 0), (5, 0), (0, 61), (61, 61), (70, 61), (2.5, 7.5),
        (0.1, 1e-9), (1e-12, 3), (10**17, 10**18), (10**400, 10**401), (1e300, 1e308),
        (5, float("inf")), (float("inf"), None), (float("inf"), 61),
    )  # fmt: skip
    for n, total in figures:
        share = None if total is None else min(1.0, n / total) if total else 1.0
        if share is not None and not 0 <= share <= 1:
            share = 1.0
        yield usual._replace(n=n, total=total, fraction=share)
    odd = (0.0, 1e-12, 59.99, 1e5, 1e12, 1e300, float("inf"), float("nan"), -1.0)
    for some in odd:
        yield usual._replace(elapsed=some)
        yield usual._replace(rate=some)
        yield usual._replace(remaining=some)
        yield usual._replace(elapsed=some, rate=None, remaining=None)
    for text in ("", " ", "a {brace} 100% %s %(n)s |", "日本語のとても長い名前" * 3, "x" * 300):
        yield usual._replace(desc=text)
        yield usual._replace(unit=text)
        yield usual._replace(postfix=text)
        yield usual._replace(desc=text, unit=text, postfix=text, depth=2, total=None, fraction=None)
    for status in Status:
        for message in ("", "ValueError: bad codec name", "日本語" * 60):
            for counted in (True, False):
                yield usual._replace(status=status, message=message, counted=counted)
        yield usual._replace(status=status, n=61, fraction=1.0)
        yield usual._replace(status=status, whole=True, unit="task", postfix="3 failed")
        yield usual._replace(status=status, whole=True, n=0, total=0, fraction=None, rate=None)
    yield BarState("")
    yield usual._replace(depth=1)
    yield usual._replace(depth=63, desc="deep")


@contextmanager
def _silence() -> Iterator[list[str]]:
    """What is written meanwhile to stdout and stderr, and to their descriptors."""
    heard: list[str] = []
    python = StringIO()
    with tempfile.TemporaryFile() as file:
        kept = []
        for stream, fd in ((sys.stdout, 1), (sys.stderr, 2)):
            if stream is not None:
                stream.flush()
            try:
                kept.append((fd, os.dup(fd)))
            except OSError:
                continue  # closed
            os.dup2(file.fileno(), fd)
        try:
            with redirect_stdout(python), redirect_stderr(python):
                yield heard
        finally:
            for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
                if stream is not None:
                    stream.flush()
            for fd, copy in kept:
                os.dup2(copy, fd)
                os.close(copy)
        file.seek(0)
        written = python.getvalue() + file.read().decode(errors="replace")
        if written:
            heard.append(written)


# --- ways of engines ---

#: Records that are sent, and pieces of full size while nobody takes them.
_MANY, _FLOOD = 3000, 1500
#: Seconds that a send may take, and that the last record may need.
_AT_ONCE, _LATE = 1.0, 10.0


def check_way(way: Callable[[], tuple[Any, Receiver]], run: Callable[..., Any]) -> None:
    """What is asked of the way by which tasks of an engine tell the display.

    Args:
        way: makes it: a sender (`barexec.channel.Sender`, with a `recipe`), and a receiver.
        run: `run(function, *args)` calls the function at a worker of the engine, and gives its
            result. All arguments can be pickled.

    Raises:
        AssertionError: what it does wrong.
    """
    sender, receiver = way()
    pool = f"{os.getpid()}-check-{next(_checks)}"
    route = Route(pool, sender, Screenless(), False)
    decoder = Decoder()
    events: list[Any] = []
    try:
        assert receiver.receive() == b"", "something is received before anything was sent"
        over = Event()
        taker = Thread(target=_take, args=(receiver, decoder, events, over), daemon=True)
        taker.start()
        slowest = run(_send_many, route)
        until = monotonic() + _LATE
        while len(events) < _MANY and monotonic() < until:
            sleep(0.01)
        over.set()
        taker.join()
        assert decoder.dropped == 0, f"{decoder.dropped} stretches of records were damaged"
        numbers = [event.pid for event in events if isinstance(event, Started)]
        assert numbers == [*range(_MANY)], "records are lost, doubled, or out of order"
        assert slowest < _AT_ONCE, f"a send took {slowest:.1f} s while it was listened to"
        slowest = run(_flood, route)
        assert slowest < _AT_ONCE, f"a send took {slowest:.1f} s while nobody listened"
        until = monotonic() + _LATE
        while monotonic() < until and (some := receiver.receive()):
            decoder.feed(some)
        assert decoder.dropped == 0, "a flood has torn records"
    finally:
        receiver.close()
        receiver.close()
        close(pool)
    said = run(_send_late, route)
    assert said in ("OSError", "True", "False"), f"after the end, a send raises {said}"


_checks = count(1)


def _take(receiver: Receiver, decoder: Decoder, events: list[Any], over: Event) -> None:
    while not over.is_set():
        events += decoder.feed(receiver.receive())
        sleep(0.005)


def _send_many(route: Route) -> float:
    """At a worker. Gives the seconds that the slowest send took."""
    slowest = 0.0
    for number in range(_MANY):
        record = encode(Started(1, number, 0.0))
        until = monotonic() + 30
        while True:
            began = monotonic()
            sent = route.sender.send(record)
            slowest = max(slowest, monotonic() - began)
            if sent or monotonic() > until:
                break
            route.sender.ready(0.1)
    return slowest


def _flood(route: Route) -> float:
    record = encode(Started(1, 0, 0.0))
    piece = record * (ATOMIC // len(record))
    slowest = 0.0
    for _ in range(_FLOOD):
        began = monotonic()
        route.sender.send(piece)
        slowest = max(slowest, monotonic() - began)
    return slowest


def _send_late(route: Route) -> str:
    try:
        return str(route.sender.send(encode(Started(1, 0, 0.0))))
    except OSError:
        return "OSError"
    except Exception as error:
        return type(error).__name__
