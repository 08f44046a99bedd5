"""Full screen: frames through the painter, on a terminal emulator with a second screen."""

from __future__ import annotations

import errno
import re
import tempfile
from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_composed import STORIES, Screens
from test_painted import ABLE, FRAMES, LINES, SIZES, OnScreen, drawn, plain, trimmed, wrapped

from barexec.frame import Frame
from barexec.painters import fullscreen
from barexec.painters.fullscreen import FullscreenPainter
from barexec.painters.printed import PIECE, Printed
from barexec.policy import Policy
from barexec.terminal_text import clip
from barexec.testing import Screen

ENTER, LEAVE, HIDE, SHOW = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25l", "\x1b[?25h"
FULL = ABLE._replace(enter=ENTER, leave=LEAVE, hide=HIDE, show=SHOW, home="\x1b[H")


class OnTwoScreens(OnScreen):
    """A glass with a second screen; `screen` is the normal one."""

    def __init__(self, columns: int, rows: int, above: list[str] | None = None) -> None:
        super().__init__(columns, rows, above or [])
        self.alternate: Screen | None = None
        self.cursor_shown = True
        self.fd = None

    def write_bytes(self, some: bytes) -> None:
        for part in re.split(r"(\x1b\[\?(?:1049|25)[hl])", some.decode()):
            if part in (HIDE, SHOW):
                self.cursor_shown = part == SHOW
            elif part in (ENTER, LEAVE):
                self.alternate = Screen(*self.screen.size, raw=True) if part == ENTER else None
            else:
                (self.alternate or self.screen).write(part)

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(columns, rows)
        if self.alternate:
            self.alternate.resize(columns, rows)

    @property
    def shown(self) -> Screen:
        """The alternate screen, which is to be shown."""
        assert self.alternate is not None
        return self.alternate


def painter_on(glass: OnScreen, **sizes: int) -> FullscreenPainter:
    return FullscreenPainter(glass, FULL, Policy("fullscreen", unicode=True, **sizes))  # type: ignore[arg-type]


def fitted(lines: list[str], painter: FullscreenPainter) -> Frame:
    columns, rows = painter.size()
    return tuple(clip(line, columns) for line in lines[:rows])


@pytest.mark.parametrize(("columns", "rows"), SIZES)
@settings(max_examples=20)
@given(st.integers(0, 14), FRAMES)
def test_row_i_of_the_frame_is_row_i_of_the_screen(
    columns: int, rows: int, before: int, frames: list[list[str]]
) -> None:
    above = [f"{number}"[:columns] for number in range(before)]
    glass = OnTwoScreens(columns, rows, above)
    painter = painter_on(glass)
    for lines in frames:
        frame = fitted(["first", *lines], painter)
        wrote = len(glass.written)
        assert painter.paint(frame)
        assert trimmed(glass.shown.rows) == trimmed(plain(frame))
        assert [glass.shown.runs(row) for row in range(len(frame))] == drawn(frame)
        assert glass.shown.history == (), "nothing scrolls"
        assert not glass.cursor_shown
        assert painter.paint(frame)
        assert len(glass.written) <= wrote + 1, "one write a frame, none for an unchanged one"
    assert painter.finish(frame)
    assert glass.alternate is None
    assert glass.cursor_shown
    glass.screen.write(".")
    assert glass.all == [*above, *plain(frame), "."]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_golden_screens(story: Callable[[], Screens]) -> None:
    glass = OnTwoScreens(130, 42, ["$ python compress.py"])
    painter = painter_on(glass)
    for _, frame in story():
        painter.paint(frame)
        assert trimmed(glass.shown.rows) == trimmed(plain(frame))
    painter.finish(frame)
    assert glass.all == ["$ python compress.py", *plain(frame)]


@given(st.lists(st.lists(LINES, max_size=9), max_size=8), st.lists(LINES, max_size=8))
def test_all_that_was_printed_is_on_the_normal_screen_at_the_end(
    printed: list[list[str]], last: list[str]
) -> None:
    glass = OnTwoScreens(24, 9, ["above"])
    glass.screen.write("$ begun")
    painter = painter_on(glass)
    for at, lines in enumerate(printed):
        painter.paint((f"frame {at}",), lines)
    frame = fitted(last, painter)
    assert painter.finish(frame, ["the last"])
    rows = [row for line in [*chain(*printed), "the last"] for row in wrapped(line, 24)]
    assert glass.all == trimmed(["above", "$ begun", *rows, *plain(frame)])


def test_what_was_printed_last_is_seen_at_the_foot() -> None:
    glass = OnTwoScreens(20, 6)
    painter = painter_on(glass)
    painter.paint(("one", "two"), ["a", "b"])
    assert glass.shown.rows == ("one", "two", "", "", "a", "b")
    painter.paint(("one", "two"), ["c", "\x1b[31md" + "d" * 40 + "\x1b[m"])
    assert glass.shown.rows == ("one", "two", "", "b", "c", "d" * 18 + "…")
    assert glass.shown.runs(5) == (("red", "d" * 18 + "…"),)
    painter.paint(("one", "two", "three", "four", "five"))
    assert glass.shown.rows == ("one", "two", "three", "four", "five", "")
    painter.paint(tuple("123456"))
    assert glass.shown.rows == tuple("123456")
    painter.paint(("one",))
    assert glass.shown.rows[-1] == "d" * 18 + "…"


def test_only_what_differs_is_written_and_one_row_in_turn() -> None:
    glass = OnTwoScreens(80, 24)
    painter = painter_on(glass)
    for at in range(100):
        painter.paint(tuple(f"row {row:2} {'━' * 40} {at:2}%" for row in range(20)))
    assert all(len(text) < 450 for text in glass.written[1:])
    assert max(len(text) for text in glass.written) > 900


def test_what_others_write_does_not_stay() -> None:
    glass = OnTwoScreens(30, 6)
    painter = painter_on(glass)
    painter.paint(("count 0", "still"))
    glass.shown.write("keys\r\n" * 9 + "and more")
    for at in range(1, 7):
        painter.paint((f"count {at}", "still"))
    assert glass.shown.rows == ("count 6", "still", "", "", "", "")


def test_a_resize_paints_the_whole() -> None:
    glass = OnTwoScreens(30, 6, ["above"])
    painter = painter_on(glass)
    painter.paint(fitted(["x" * 29, "y" * 29], painter), ["printed"])
    late = fitted(["X" * 29], painter)
    glass.resize(20, 4)
    assert not painter.paint(late), "it was made for another size"
    frame = fitted(["z" * 29, "w"], painter)
    assert painter.paint(frame)
    assert glass.shown.rows == ("z" * 18 + "…", "w", "", "printed")


def test_nothing_is_taken_before_there_is_something_to_show() -> None:
    glass = OnTwoScreens(30, 6)
    painter = painter_on(glass)
    painter.paint(())
    assert painter.finish(())
    assert "".join(glass.written) == ""


def test_a_pause_shows_the_normal_screen() -> None:
    glass = OnTwoScreens(30, 6, ["above"])
    painter = painter_on(glass)
    painter.paint(("one",))
    painter.pause()
    assert glass.alternate is None
    assert glass.cursor_shown
    assert glass.all == ["above"]
    assert not painter.paint(("two",), ["line"])
    painter.pause()
    assert len(glass.written) == 2
    painter.resume()
    assert painter.paint(("three",))
    assert glass.shown.rows[0] == "three"
    assert not glass.cursor_shown
    painter.pause()
    assert painter.finish(("end",), ["line"])
    assert glass.all == ["above", "line", "end"]


def test_in_the_background_lines_are_kept_and_nothing_is_written() -> None:
    glass = OnTwoScreens(30, 6)
    painter = painter_on(glass)
    glass.foreground = False
    assert painter.paint(("one",), ["line"])
    assert glass.written == []
    glass.foreground = True
    assert painter.paint(("one",))
    assert glass.shown.rows == ("one", "", "", "", "", "line")


def test_a_frozen_terminal_gets_nothing_and_takes_nothing() -> None:
    glass = OnTwoScreens(30, 6)
    painter = painter_on(glass)
    painter.paint(("one",))
    glass.frozen = True
    assert not painter.paint(("two",), ["line"])
    painter.pause()
    assert not painter.finish(("three",), ["line"])
    assert len(glass.written) == 1


def test_given_up_it_leaves_what_is_shown() -> None:
    glass = OnTwoScreens(30, 6, ["above"])
    painter = painter_on(glass)
    painter.paint(("one", "", "two", ""), ["line"])
    painter.give_up()
    assert glass.alternate is None
    assert glass.all == ["above", "line", "one", "", "two"]
    assert not painter.paint(("three",))


def test_the_user_may_want_less_of_it() -> None:
    glass = OnTwoScreens(80, 24)
    assert painter_on(glass).size() == (79, 24)
    assert painter_on(glass, columns=40, rows=5).size() == (39, 5)


# --- the watcher ---


class Told:
    """In the place of the watcher: what it would say."""

    def __init__(self, terminal: int, printed: int | None) -> None:
        self.words: list[tuple[bytes, bytes]] = []
        self.over = False

    def tell(self, before: bytes, after: bytes) -> None:
        self.words.append((before, after))

    def dismiss(self) -> None:
        self.over = True


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> tuple[OnTwoScreens, FullscreenPainter]:
    monkeypatch.setattr(fullscreen, "Watcher", Told)
    glass = OnTwoScreens(30, 6)
    glass.fd = 1
    return glass, painter_on(glass)


def test_the_watcher_knows_what_stood_there(watched: Any) -> None:
    _, painter = watched
    painter.paint(("frame 0", ""))
    told = painter._watcher
    assert [after for _, after in told.words] == [b"frame 0\r\n"]
    for at in range(1, 25):
        painter.paint((f"frame {at}",))
    assert len(told.words) <= 1 + 25 // fullscreen.TELLING
    painter.paint(("frame 24",))
    assert told.words[-1][1] == b"frame 24\r\n", "at the latest when nothing changes any more"
    wrote = len(told.words)
    painter.paint(("frame 24",))
    assert len(told.words) == wrote
    before = told.words[-1][0].decode()
    assert LEAVE in before
    assert SHOW in before
    assert before.startswith("\x1b[m")
    painter.pause()
    before = told.words[-1][0].decode()
    assert LEAVE not in before, "the normal screen is shown already"
    painter.resume()
    painter.paint(("frame 25",))
    painter.finish(())
    assert told.over


# --- what was printed ---


def test_a_flood_is_kept_out_of_memory_and_in_order() -> None:
    printed = Printed()
    for at in range(300):
        printed.add(b"%07d\r\n" % at * 1000)
    assert b"".join(printed.pieces()) == b"".join(b"%07d\r\n" % at * 1000 for at in range(300))
    assert max(map(len, printed.pieces())) <= PIECE
    assert printed._rest.getbuffer().nbytes == 0
    printed.close()


FILE = tempfile.TemporaryFile


class _Full:
    """A file on a disk that is full after so many bytes."""

    def __init__(self, room: int) -> None:
        self._file = FILE(buffering=0)
        self._room = room

    def write(self, some: Any) -> int:
        if not self._room:
            raise OSError(errno.ENOSPC, "full")
        wrote = self._file.write(some[: self._room])
        self._room -= wrote
        return wrote

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.mark.parametrize("room", [0, 1, 10, 14, 100])
def test_nothing_printed_is_lost_on_a_full_disk(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda buffering: _Full(room))
    printed = Printed()
    lines = [b"line %d\r\n" % at for at in range(8)]
    for line in lines:
        printed.add(line)
    assert b"".join(printed.pieces()) == b"".join(lines)
    printed.close()


def test_nothing_printed_is_lost_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(errno.EACCES, "no temporary folder")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    printed = Printed()
    printed.add(b"one\r\n")
    printed.add(b"two\r\n")
    assert printed.fd is None
    assert b"".join(printed.pieces()) == b"one\r\ntwo\r\n"
    printed.close()
