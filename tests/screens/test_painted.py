"""What is seen: frames through the painter, on the screen of a terminal emulator.

Never here: a process; a real terminal, except tmux, the second judge of how terminals
wrap lines anew, and a pty of which is asked what was typed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic, sleep
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_composed import STORIES, Screens

from barexec.frame import Frame
from barexec.painters.glass import Glass, _typed
from barexec.painters.library import Capabilities
from barexec.painters.terminal import InlinePainter
from barexec.policy import Policy
from barexec.terminal_text import clip, columns_of
from barexec.testing import Screen

ABLE = Capabilities(
    lambda rows: f"\x1b[{rows}A",
    lambda columns: f"\x1b[{columns}C",
    "\x1b[K",
    "\x1b[J",
    {"normal": "\x1b[m"},
    "\x1b[?7l",
    "\x1b[?7h",
)
CONTROLS = re.compile(r"\x1b\[[\d;?]*[A-Za-z]|[\r\n]")


class OnScreen(Glass):
    """A glass that can be looked at."""

    def __init__(self, columns: int, rows: int, above: Sequence[str] = ()) -> None:
        # raw: the painter needs no terminal device to return the cursor at a line feed
        self.screen = Screen(columns, rows, raw=True)
        for line in above:
            self.screen.write(f"{line}\r\n")
        super().__init__(self.screen)  # type: ignore[arg-type]
        self.written: list[str] = []
        self.foreground = True
        self.frozen = False
        self.typed = False

    def write(self, text: str) -> None:
        self.written.append(text)
        super().write(text)

    def size(self) -> tuple[int, int] | None:
        return self.screen.size

    def ours(self) -> bool:
        self.front = self.foreground
        return self.foreground

    def ready(self, patience: float = 0.0) -> bool:
        return not self.frozen

    def types(self, line: str) -> None:
        """Somebody types a line, which the terminal shows."""
        self.screen.write(f"{line}\r\n")
        self.typed = True

    def entered(self) -> bool:
        typed, self.typed = self.typed, False
        return typed

    @property
    def all(self) -> list[str]:
        """Every line, also those that have scrolled out; without the empty ones at the end."""
        return trimmed([*self.screen.history, *self.screen.rows])

    def runs_of(self, frame: Frame) -> list[tuple[tuple[str, str], ...]]:
        """The text and colours of the last rows above the cursor, as many as the frame has."""
        begin = self.rows_above(frame)
        return [self.screen.runs(row) for row in range(begin, begin + len(frame))]

    def rows_above(self, frame: Frame) -> int:
        """The screen's first row that belongs to the frame."""
        column, row = self.screen.cursor
        assert column == 0
        rows = self.screen.size[1]
        return row - (len(frame) if len(frame) < rows else len(frame) - 1)


def trimmed(lines: Sequence[str]) -> list[str]:
    end = len(lines)
    while end and not lines[end - 1]:
        end -= 1
    return list(lines[:end])


def plain(frame: Frame) -> list[str]:
    """The frame's text, as a screen shows it."""
    return [re.sub(r"\x1b\[[\d;]*m", "", line).rstrip(" ") for line in frame]


def drawn(frame: Frame) -> list[tuple[tuple[str, str], ...]]:
    """The frame as it is when all of it is simply printed on a big screen."""
    screen = Screen(200, 60)
    screen.write("\n".join(frame))
    return [screen.runs(row) for row in range(len(frame))]


def painter_on(glass: Glass, reflows: bool = True) -> InlinePainter:
    return InlinePainter(glass, ABLE, Policy("inline", unicode=True, reflows=reflows))


# --- any frames ---

# few characters, so that one frame has much in common with the next
ACUTE = "\N{COMBINING ACUTE ACCENT}"
GLYPHS = st.sampled_from(
    ["a", "b", " ", " ", "-", "日", "한", "🎉", "é", f"a{ACUTE}", f"日{ACUTE}"]
)
TEXTS = st.lists(GLYPHS, max_size=14).map("".join)
STYLES = st.sampled_from(["", "", "\x1b[31m", "\x1b[2m", "\x1b[1;36m"])
PIECES = st.tuples(STYLES, TEXTS).map(lambda p: f"{p[0]}{p[1]}\x1b[m" if p[0] else p[1])
LINES = st.lists(PIECES, max_size=3).map("".join)
FRAMES = st.lists(st.lists(LINES, max_size=9), min_size=1, max_size=6)
SIZES = [(1, 1), (2, 1), (3, 2), (20, 3), (24, 4), (24, 9), (24, 12)]


def fitted(lines: Sequence[str], painter: InlinePainter) -> Frame:
    columns, rows = painter.size()
    return tuple(clip(line, columns) for line in lines[:rows])


@pytest.mark.parametrize(("columns", "rows"), SIZES)
@settings(max_examples=20)
@given(st.integers(0, 14), FRAMES)
def test_frame_after_frame(columns: int, rows: int, printed: int, frames: list[list[str]]) -> None:
    """Each is seen exactly, below what stood there; the cursor waits below, in column 0."""
    above = [f"{number}"[:columns] for number in range(printed)]
    glass = OnScreen(columns, rows, above)
    painter = painter_on(glass)
    frame: Frame = ()
    for lines in frames:
        frame = fitted(lines, painter)
        painter.paint(frame)
        assert glass.all == trimmed(above + plain(frame))
        assert glass.runs_of(frame) == drawn(frame)
        wrote = len(glass.written)
        painter.paint(frame)
        assert len(glass.written) == wrote, "an unchanged frame writes nothing"
    assert len(glass.written) <= len(frames), "one write a frame"
    painter.finish(frame)
    glass.screen.write(".")
    assert glass.all == above + plain(frame) + ["."], "what is printed next stands below"


@given(st.integers(0, 12), FRAMES, st.lists(LINES, max_size=30))
def test_the_last_frame_may_be_higher_than_the_screen(
    printed: int, frames: list[list[str]], last: list[str]
) -> None:
    above = [f"{number}" for number in range(printed)]
    glass = OnScreen(24, 6, above)
    painter = painter_on(glass)
    for lines in frames:
        painter.paint(fitted(lines, painter))
    wrote = len(glass.written)
    frame = tuple(clip(line, 23) for line in last)
    painter.finish(frame)
    assert len(glass.written) <= wrote + 1, "one write"
    glass.screen.write(".")
    assert glass.all == above + plain(frame) + ["."], "what is printed next stands below"


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_golden_screens(story: Callable[[], Screens]) -> None:
    glass = OnScreen(130, 42, ["$ python compress.py"])
    painter = painter_on(glass)
    for _, frame in story():
        painter.paint(frame)
        assert glass.all == ["$ python compress.py", *plain(frame)]
        assert glass.runs_of(frame) == drawn(frame)


# --- printed lines ---

PRINTED = st.lists(st.lists(LINES, max_size=5), min_size=1, max_size=6)


@pytest.mark.parametrize(("columns", "rows"), SIZES)
@settings(max_examples=20)
@given(st.integers(0, 14), FRAMES, PRINTED)
def test_printed_lines_scroll_away_above_the_frame(
    columns: int, rows: int, before: int, frames: list[list[str]], printed: list[list[str]]
) -> None:
    """Each once, whole and in order; never within the frame; in one write with it."""
    above = [f"{number}"[:columns] for number in range(before)]
    glass = OnScreen(columns, rows, above)
    painter = painter_on(glass)
    for lines, more in zip(frames, printed, strict=False):
        frame = fitted(lines, painter)
        wrote = len(glass.written)
        assert painter.paint(frame, more)
        assert len(glass.written) <= wrote + 1, "one write"
        for line in more:
            above += wrapped(line, columns)
        assert glass.all == trimmed(above + plain(frame))
        assert glass.runs_of(frame) == drawn(frame)
    painter.finish(frame, ["the last"])
    assert glass.all == trimmed(above + wrapped("the last", columns) + plain(frame))


def wrapped(line: str, columns: int) -> list[str]:
    """The rows of a line that is simply printed."""
    screen = Screen(columns, 1, raw=True)
    screen.write(f"{line}\r\n")
    return list(screen.history)


def test_a_printed_line_ends_its_style() -> None:
    glass = OnScreen(40, 8)
    painter = painter_on(glass)
    painter.paint(("whole", "run"), ["\x1b[31mred\x1b[1m", "a\ttab"])
    assert [glass.screen.runs(row) for row in range(4)] == [
        (("red", "red"),),
        (("", "a       tab"),),
        (("", "whole"),),
        (("", "run"),),
    ]


def test_printed_lines_without_a_frame() -> None:
    glass = OnScreen(40, 8)
    glass.screen.write("$ begun")
    painter = painter_on(glass)
    painter.paint((), ["one"])
    painter.paint((), ["two"])
    painter.paint(("frame",), [])
    painter.finish((), ["three"])
    assert glass.all == ["$ begun", "one", "two", "three"]


def test_printed_lines_after_a_resize() -> None:
    glass = OnScreen(30, 12, ["above"] * 8)
    painter = painter_on(glass)
    painter.paint(fitted(["x" * 29, "y" * 29], painter))
    glass.screen.resize(20, 12)
    frame = fitted(["z" * 29, "w" * 29], painter)
    painter.paint(frame, ["printed"])
    assert glass.all == ["above"] * 8 + ["printed"] + plain(frame)


@pytest.mark.parametrize("why", ["frozen", "resized", "paused"])
def test_printed_lines_that_were_not_taken_are_not_written(why: str) -> None:
    glass = OnScreen(40, 8)
    painter = painter_on(glass)
    painter.paint(("frame",))
    glass.frozen = why == "frozen"
    if why == "resized":
        glass.screen.resize(30, 8)
    if why == "paused":
        painter.pause()
    assert not painter.paint(("frame",), ["line"])
    assert len(glass.written) == 1
    glass.frozen = False
    painter.resume()
    painter.size()
    assert painter.paint(("frame",), ["line"])
    assert len(glass.written) == 2
    assert glass.all[-2:] == ["line", "frame"]


def test_the_end_in_the_background_has_what_was_printed() -> None:
    """As with any program; the frame is for who looks at it."""
    glass = OnScreen(40, 8)
    painter = painter_on(glass)
    glass.foreground = False
    assert painter.finish(("frame",), ["line"])
    assert glass.all == ["line"]


def test_a_frozen_terminal_has_nothing_of_the_end() -> None:
    glass = OnScreen(40, 8)
    painter = painter_on(glass)
    glass.frozen = True
    assert not painter.finish(("frame",), ["line"])
    assert glass.written == []


# --- what is written ---


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("run  12/40  30%  0:01", "run  13/40  32%  0:01", "32"),
        ("run  ━━━━───────  30%", "run  ━━━━╾──────  30%", "╾"),
        ("⠋ run   0:01", "⠙ run   0:01", "⠙"),
        ("日本  1%", "日本  2%", "2"),
        ("日本  1%", "中本  1%", "中"),
        ("done", "", ""),
        ("longer", "long", "long"),
        ("a much longer line", "another line", "another line"),
    ],
)
def test_only_changed_cells_are_written(old: str, new: str, text: str) -> None:
    """But a row that gets shorter is written anew: what a terminal only erased up to its
    end still counts, in tmux, when lines are wrapped anew."""
    glass = OnScreen(80, 24)
    painter = painter_on(glass)
    painter.paint(("whole", old, "other", "another"))
    painter.paint(("whole", new, "other", "another"))
    assert CONTROLS.sub("", glass.written[1]) == text
    assert len(glass.written[1]) < len(text) + 24


def test_styles_are_written_where_they_begin_and_never_left_on() -> None:
    glass = OnScreen(80, 24)
    painter = painter_on(glass)
    painter.paint(("\x1b[36m━━━━━━━━\x1b[m\x1b[2m────────\x1b[m",))
    painter.paint(("\x1b[36m━━━━━━━━━\x1b[m\x1b[2m───────\x1b[m",))
    assert "\x1b[36m━\x1b[m" in glass.written[1]
    assert CONTROLS.sub("", glass.written[1]) == "━"
    for text in glass.written:
        assert text.rfind("\x1b[m") > max(text.rfind("\x1b[36m"), text.rfind("\x1b[2m"))


def test_nothing_is_left_of_what_stood_below_the_cursor() -> None:
    """A program may have moved the cursor up, or cleared the screen in part."""
    glass = OnScreen(30, 8, ["old text to be overwritten"] * 6)
    glass.screen.write("\x1b[4A")
    painter_on(glass).paint(("a      b", "c"))
    assert glass.all == ["old text to be overwritten"] * 2 + ["a      b", "c"]


# --- the size ---


@pytest.mark.parametrize(
    ("terminal", "wish", "frame"),
    [
        # a row is left for the cursor, and the last column empty
        ((80, 24), (None, None), (79, 23)),
        ((80, 3), (None, None), (79, 3)),
        ((1, 1), (None, None), (1, 1)),
        ((80, 24), (40, None), (39, 23)),
        ((80, 24), (None, 10), (79, 9)),
        ((80, 24), (200, 100), (79, 23)),
        (None, (None, None), (79, 23)),
        (None, (200, 100), (199, 99)),
    ],
)
def test_the_size_is_what_the_user_wants_of_what_there_is(
    terminal: tuple[int, int] | None,
    wish: tuple[int | None, int | None],
    frame: tuple[int, int],
) -> None:
    class Sized(OnScreen):
        def size(self) -> tuple[int, int] | None:
            return terminal

    policy = Policy("inline", columns=wish[0], rows=wish[1])
    assert InlinePainter(Sized(80, 24), ABLE, policy).size() == frame


# --- other writers, and other jobs ---


@pytest.mark.parametrize("printed", ["", "x", "a question? ", "x" * 29, "x" * 30, "日" * 15])
def test_text_in_the_cursors_row_is_kept(printed: str) -> None:
    glass = OnScreen(30, 8)
    glass.screen.write(printed)
    painter = painter_on(glass)
    painter.paint(("one", "two"))
    painter.paint(("three", "four"))
    above = [printed.rstrip(" ")] if printed else []
    assert glass.all == [*above, "three", "four"]


def test_keys_that_are_pressed_do_not_shift_the_frame() -> None:
    glass = OnScreen(30, 1)
    painter = painter_on(glass)
    painter.paint(("one",))
    glass.screen.write("abc")  # the terminal shows what is typed
    painter.paint(("three",))
    assert glass.all == ["three"]


@pytest.mark.parametrize("rows", [8, 3, 2])
@pytest.mark.parametrize("line", ["", "a line"])
def test_a_line_that_is_typed_does_not_shift_the_frame(rows: int, line: str) -> None:
    glass = OnScreen(30, rows, ["above"])
    painter = painter_on(glass)
    painter.paint(("one", "two"))
    glass.types(line)
    painter.paint(("one", "three"))
    # what a full screen pushes off its top, nobody can take back
    lost = ["one"] if rows < 4 else []
    assert glass.all == ["above", *lost, "one", "three"]
    painter.paint(("one", "four"), ["printed"])
    assert glass.all == ["above", *lost, "printed", "one", "four"]


@pytest.mark.skipif(sys.platform == "win32", reason="no ptys")
@pytest.mark.parametrize("shown", [True, False])
def test_a_terminal_tells_of_lines_that_were_typed(shown: bool) -> None:
    import termios

    master, slave = os.openpty()
    if not shown:  # as while a password is asked for
        modes = termios.tcgetattr(slave)
        modes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, modes)
    with os.fdopen(slave, "w") as stream, os.fdopen(master, "wb", buffering=0) as keys:
        glass = Glass(stream)
        assert not glass.entered()
        lines = 0
        for typed, whole in ((b"ab", 0), (b"c\n", 4), (b"d", 4), (b"\n\n", 7)):
            keys.write(typed)
            assert eventually(lambda whole=whole: _typed(slave) == whole)  # type: ignore[misc]
            assert glass.entered() is (whole > lines and shown)
            assert not glass.entered()
            lines = whole
        assert os.read(slave, 100) == b"abc\n"
        assert not glass.entered()


def test_after_a_repaint_the_frame_stands_below_what_others_wrote() -> None:
    glass = OnScreen(40, 8)
    painter = painter_on(glass)
    painter.paint(("one", "two"))
    glass.screen.write("^Z\r\n[1]+  Stopped\r\n$ fg\r\n")
    painter.repaint()
    painter.paint(("one", "two", "three"))
    assert glass.all == ["one", "two", "^Z", "[1]+  Stopped", "$ fg", "one", "two", "three"]


def test_in_the_background_nothing_is_drawn() -> None:
    glass = OnScreen(40, 8)
    painter = painter_on(glass)
    painter.paint(("one",))
    glass.foreground = False
    painter.paint(("two",))
    painter.finish(("three",))
    assert len(glass.written) == 1
    glass.foreground = True
    painter.paint(("four",))
    assert glass.all == ["one", "four"]


def test_in_the_background_what_is_printed_is_written() -> None:
    """Else the tasks would soon wait for it."""
    glass = OnScreen(40, 8)
    painter = painter_on(glass)
    painter.paint(("one",))
    glass.foreground = False
    glass.screen.write("$ ")
    assert painter.paint(("two",), ["printed"])
    assert glass.all == ["one", "$ printed"]


def test_a_job_that_comes_to_the_foreground_is_drawn_below_what_a_shell_wrote() -> None:
    """One that never was there is drawn all the same, as under `timeout` in a script."""
    glass = OnScreen(40, 8)
    glass.ours = lambda: True  # type: ignore[method-assign]
    glass.front = False
    painter = painter_on(glass)
    painter.paint(("one",))
    del glass.ours
    glass.screen.write("program.py\r\n")
    painter.paint(("two",))
    assert glass.all == ["one", "program.py", "two"]


# --- a terminal that disagrees on how wide a character is ---

HINDI = "हिन्दी"


@pytest.mark.parametrize("columns", [60, 30, 26])
def test_rows_of_doubtful_width_stay_legible(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some terminals give the vowel signs of Hindi a column of their own. Then the row is
    wider than we think; but it is not torn, and no other is harmed."""
    monkeypatch.setattr(
        "barexec.testing.screens.columns_of",
        lambda char: 1 if category(char) == "Mc" else columns_of(char),
    )
    glass = OnScreen(columns, 8, ["above"])
    painter = painter_on(glass)
    frames: list[Frame] = [
        (f"whole  {n}/9", f"{HINDI}  {'━' * n}{'─' * (9 - n)}  {n}/9  {n}1%", "third ━━━")
        for n in range(10)
    ]
    frames += [(HINDI,), ("whole", f"{HINDI}  done"), ("whole", "plain row"), (f"x {HINDI}", HINDI)]
    for frame in frames:
        painter.paint(frame)
        shown = [line if len(line) < columns else line[: columns - 1] for line in plain(frame)]
        assert [row[: columns - 1] for row in glass.all] == ["above", *shown]


def test_rows_of_known_width_do_not_pay_for_others() -> None:
    glass = OnScreen(60, 8)
    painter = painter_on(glass)
    painter.paint((f"{HINDI}  10%", "日本語 café Привет  20%"))
    painter.paint((f"{HINDI}  10%", "日本語 café Привет  21%"))
    assert CONTROLS.sub("", glass.written[1]) == "1"
    painter.paint((f"{HINDI}  11%", "日本語 café Привет  21%"))
    assert CONTROLS.sub("", glass.written[2]) == f"{HINDI}  11%"
    assert "\x1b[?7l" not in glass.written[1]
    assert glass.written[2].count("\x1b[?7l") == glass.written[2].count("\x1b[?7h") == 1


def test_on_a_frozen_terminal_nothing_is_written_until_it_thaws() -> None:
    glass = OnScreen(40, 8)
    painter = painter_on(glass)
    assert painter.paint(("one",))
    glass.frozen = True
    assert not painter.paint(("two",))
    assert len(glass.written) == 1
    painter.finish(("three",))
    assert len(glass.written) == 1
    glass.frozen = False
    assert painter.paint(("four",))
    assert glass.all == ["four"]


# --- another size ---


@st.composite
def resizes(draw: st.DrawFn, higher: bool) -> list[tuple[int, int, list[str]]]:
    """Sizes of the screen, and a frame of at most three lines for each."""
    steps, rows = [], 20
    for _ in range(draw(st.integers(1, 5))):
        columns = draw(st.integers(6, 30))
        rows = draw(st.integers(rows, rows + 4) if higher else st.integers(1, 24))
        steps.append((columns, rows, draw(st.lists(LINES, min_size=1, max_size=3))))
    return steps


@pytest.mark.parametrize("reflows", [True, False])
@given(st.integers(12, 24), st.lists(LINES, max_size=3), resizes(higher=True))
def test_resized_wider_and_narrower(
    reflows: bool, printed: int, first: list[str], steps: list[tuple[int, int, list[str]]]
) -> None:
    """Nothing is left of the frame before, and nothing is lost of what stood above.

    As long as it is on the screen: tmux wraps what stands at the top out of it.
    """
    above = [f"{number}" for number in range(printed)]
    glass = OnScreen(20, 20, above)
    painter = painter_on(glass, reflows)
    painter.paint(fitted(first, painter))
    for columns, rows, lines in steps:
        glass.screen.resize(columns, rows, reflow=reflows)
        wrote = len(glass.written)
        frame = fitted(lines, painter)
        painter.paint(frame)
        assert glass.all == trimmed(above + plain(frame))
        assert glass.runs_of(frame) == drawn(frame)
        assert len(glass.written) <= wrote + 1, "one write a frame"


@pytest.mark.parametrize("reflows", [True, False])
@given(st.integers(0, 24), st.lists(LINES, min_size=1, max_size=20), resizes(higher=False))
def test_resized_to_any_size(
    reflows: bool, printed: int, first: list[str], steps: list[tuple[int, int, list[str]]]
) -> None:
    """Rows of ours that have scrolled out of a low screen stay there; that is all."""
    above = [f"{number}" for number in range(printed)]
    glass = OnScreen(20, 20, above)
    painter = painter_on(glass, reflows)
    painter.paint(fitted(first, painter))
    for columns, rows, lines in steps:
        glass.screen.resize(columns, rows, reflow=reflows)
        frame = fitted(lines, painter)
        painter.paint(frame)
        assert glass.all[:printed] == above
        assert glass.runs_of(frame) == drawn(frame)


def test_a_size_that_changes_while_a_frame_is_composed_leaves_nothing_behind() -> None:
    glass = OnScreen(30, 12, ["above"] * 8)
    painter = painter_on(glass)
    painter.paint(fitted(["x" * 29, "y" * 29], painter))
    late = fitted(["X" * 29, "Y" * 29], painter)
    glass.screen.resize(20, 12)
    painter.paint(late)
    frame = fitted(["z" * 29, "w" * 29], painter)
    painter.paint(frame)
    assert glass.all == ["above"] * 8 + plain(frame)


def test_a_last_frame_that_is_too_wide_by_now_is_all_there() -> None:
    glass = OnScreen(30, 12, ["above"] * 8)
    painter = painter_on(glass)
    painter.paint(fitted(["x" * 29, "y" * 29], painter))
    late = fitted(["X" * 29, "Y" * 29], painter)
    glass.screen.resize(20, 12)
    painter.finish(late)
    glass.screen.write(".")
    assert glass.all == ["above"] * 8 + ["X" * 20, "X" * 9, "Y" * 20, "Y" * 9, "."]


# --- the second judge ---


@pytest.fixture
def tmux() -> Iterator[Callable[..., str]]:
    """Runs a command of tmux, whose server is ours alone. Its window begins at 40x12."""
    program = shutil.which("tmux")
    if program is None:
        pytest.skip("tmux is not installed")

    # a socket's path is short
    folder = tempfile.TemporaryDirectory(dir="/tmp")

    def run(*words: str) -> str:
        command = [program, "-S", f"{folder.name}/tmux", "-u", "-f", "/dev/null", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    run("new-session", "-d", "-x", "40", "-y", "12", "cat")
    yield run
    run("kill-server")
    folder.cleanup()


def eventually(true: Callable[[], bool]) -> bool:
    """Whether something comes true within some seconds; tmux takes its time."""
    end = monotonic() + 60
    while not true():
        if monotonic() > end:
            return False
        sleep(0.01)
    return True


def test_tmux_shows_the_same(tmux: Callable[..., str]) -> None:
    """Also after resizes: nothing is left of the frame before, and nothing above is lost."""
    above = [*map(str, range(12)), "$ python program.py", "日本語 printed before"]
    steps: list[tuple[int, int, tuple[str, ...]]] = [
        (40, 12, ("whole   ━━━━━━━━━━━──────────  12%", "日本語  ━━━━━━━━━━━──────────  33%")),
        (40, 12, ("whole   ━━━━━━━━━━━━━━━━━────  82%", "short", "third  🎉 and café")),
        (22, 12, ("whole   ━━━──  82%", "日本語  ━━━━─  93%", "third")),
        (60, 12, ("whole   ━━━━━━━━━━━━━━━━━────  83%   0:04<0:01", "日本語", "4 done")),
        (30, 12, ("whole   ━━━━━━━━────  84%", "x")),
        (30, 18, ("whole   ━━━━━━━━────  84%", "x", "y", "z")),
        (50, 12, ("a row with blanks behind it           ", "\x1b[31mred\x1b[m")),
        (20, 12, ("all is done",)),
    ]
    with Path(tmux("display", "-p", "#{pane_tty}").strip()).open("w", encoding="utf-8") as pane:
        pane.write("".join(f"{line}\n" for line in above))
        pane.flush()
        glass = Glass(pane)
        painter = InlinePainter(glass, ABLE, Policy("inline", unicode=True))
        for columns, rows, frame in steps:
            tmux("resize-window", "-x", str(columns), "-y", str(rows))
            assert eventually(lambda size=(columns, rows): glass.size() == size)  # type: ignore[misc]
            painter.size()
            painter.paint(frame)
            wanted = above + plain(frame)
            shown: list[str] = []

            def settled(shown: list[str] = shown, wanted: list[str] = wanted) -> bool:
                captured = tmux("capture-pane", "-p", "-J", "-S", "-").splitlines()
                shown[:] = trimmed([line.rstrip(" ") for line in captured])
                return shown == wanted

            assert eventually(settled), shown


def test_tmux_keeps_nothing_of_frames_that_fill_the_screen(tmux: Callable[..., str]) -> None:
    """What is erased is gone, and was not printed."""
    with Path(tmux("display", "-p", "#{pane_tty}").strip()).open("w", encoding="utf-8") as pane:
        pane.write("$ python program.py\n")
        pane.flush()
        glass = Glass(pane)
        assert eventually(lambda: glass.size() == (40, 12))
        painter = InlinePainter(glass, ABLE, Policy("inline", unicode=True))
        painter.size()
        frames = [tuple(f"row {row} of frame {n}" for row in range(11)) for n in range(5)]
        for n, frame in enumerate(frames):
            painter.paint(frame, [f"printed {n}"])
        wanted = ["$ python program.py", *(f"printed {n}" for n in range(5)), *frames[-1]]
        shown: list[str] = []

        def settled() -> bool:
            shown[:] = trimmed(tmux("capture-pane", "-p", "-S", "-").splitlines())
            return shown == wanted

        assert eventually(settled), shown
