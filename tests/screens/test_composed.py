"""Whole frames, as a person would see them, against text files that a person can read.

Each story drives `Tasks` with real events at fixed times and shows a few frames. Run
pytest with `--rewrite-screens` to write the files anew, and read the difference.

Never here: a clock, a process, a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from barexec.events import Advanced, Started
from barexec.frame import Frame, Layout
from barexec.policy import Leave
from barexec.renderers import get
from barexec.state import Status, TaskState
from barexec.tasks import NONE_DEAD, Tasks, apply
from barexec.theme import Theme

STYLES = {
    "bar": "\x1b[36m",
    "rest": "\x1b[2m",
    "done": "\x1b[32m",
    "failed": "\x1b[31m",
    "lost": "\x1b[35m",
    "cancelled": "\x1b[33m",
    "dim": "\x1b[2m",
    "bold": "\x1b[1m",
    "normal": "\x1b[m",
}
NAMES = {
    "\x1b[36m": "⟨cyan⟩",
    "\x1b[2m": "⟨dim⟩",
    "\x1b[32m": "⟨green⟩",
    "\x1b[31m": "⟨red⟩",
    "\x1b[35m": "⟨magenta⟩",
    "\x1b[33m": "⟨yellow⟩",
    "\x1b[1m": "⟨bold⟩",
    "\x1b[m": "⟨/⟩",
}
COLOUR = Theme(True, STYLES)
SGR = re.compile(r"\x1b\[[0-9;]*m")


class Story:
    """Tasks to which things happen, and the layout that shows them."""

    def __init__(self, theme: Theme = COLOUR, pool: bool = True) -> None:
        self.now = 0.0
        self.tasks = Tasks()
        self.tasks.bare = not pool
        self.tasks.desc = "compress"
        self.layout = Layout(get("bar", theme), theme)
        self._ids: dict[str, int] = {}
        self._born: dict[tuple[str, int, int], float] = {}

    def submit(self, *names: str, items: int = 1) -> None:
        for name in names:
            self._ids[name] = len(self._ids) + 1
            self.tasks.submit({self._ids[name]: (name, items)}, self.now)

    def start(self, *names: str, at: tuple[int, int] | None = None) -> None:
        for name in names:
            apply(self.tasks, Started(self._ids[name], 4700 + self._ids[name], 0.0), self.now)
            if at is not None:
                task = self.tasks.located[self._ids[name]] = self._task(name)
                task.location = at

    def draw(self, name: str, *lines: str) -> None:
        self._task(name).written = lines

    def _task(self, name: str) -> TaskState:
        task = self.tasks.get(self._ids[name])
        assert task is not None
        return task

    def bar(
        self,
        name: str,
        n: float,
        total: float | None = None,
        *,
        unit: str = "file",
        desc: str = "",
        postfix: str = "",
        slot: int = 0,
        serial: int = 1,
    ) -> None:
        age = self.now - self._born.setdefault((name, slot, serial), self.now)
        event = Advanced(
            self._ids[name], slot, serial, n, total, age, n == total, desc, unit, postfix
        )
        apply(self.tasks, event, self.now)

    def end(
        self,
        *names: str,
        status: Status = Status.DONE,
        message: str = "",
        dead: Mapping[int, str] = NONE_DEAD,
    ) -> None:
        for name in names:
            self.tasks.end(self._ids[name], status, message, self.now, dead)

    def until(self, now: float, *steady: tuple[str, float, int], unit: str = "file") -> None:
        """Let time pass, a tenth of a second at once.

        Args:
            now: until when.
            steady: bars that advance: name, steps a second, total.
        """
        while self.now < now - 1e-6:
            self.now = round(self.now + 0.1, 1)
            for name, rate, total in steady:
                begun = self._born.setdefault((name, 0, 1), self.now - 0.1)
                n = min(total, int((self.now - begun) * rate + 1e-6))
                self.bar(name, n, total, unit=unit)
            self.tasks.whole(self.now)

    def frame(self, columns: int = 80, rows: int = 24) -> Frame:
        return self.layout.compose(self.tasks, columns - 1, rows, self.now)

    def final(self, columns: int = 80, rows: int = 24, leave: Leave = None) -> Frame:
        return self.layout.final(self.tasks, columns - 1, rows, self.now, leave)


Screens = Iterator[tuple[str, Frame]]
PACKAGES = re.findall(
    r"\w+",
    "asyncio collections concurrent ctypes curses dbm email encodings ensurepip html http idlelib"
    " importlib json logging multiprocessing pydoc_data re sqlite3 test tkinter tomllib turtledemo"
    " unittest urllib venv wsgiref xml xmlrpc zipfile zoneinfo",
)


def _running(theme: Theme = COLOUR) -> Story:
    story = Story(theme)
    story.submit(*PACKAGES)
    story.start("asyncio", "collections", "concurrent", "ctypes")
    return story


def _busy(theme: Theme = COLOUR) -> Story:
    story = _running(theme)
    story.until(2.0, ("asyncio", 4, 34), ("collections", 3, 3), ("concurrent", 9, 9))
    story.end("collections", "concurrent")
    story.start("curses", "dbm")
    story.until(2.6, ("asyncio", 4, 34), ("curses", 14, 8))
    story.end("dbm", status=Status.FAILED, message="OSError: not a dbm file: 'spam.db'")
    story.start("email")
    story.until(6.0, ("asyncio", 4, 34), ("email", 5, 40))
    story.end("curses")
    story.start("encodings")
    story.until(7.3, ("asyncio", 4, 34), ("email", 5, 40), ("encodings", 31.4, 123))
    return story


def start() -> Screens:
    story = _running()
    story.now = 0.4
    yield "four tasks run, none has a bar yet", story.frame()
    story.until(1.0, ("asyncio", 4, 34), ("concurrent", 2, 9))
    yield "two have one", story.frame()


def middle() -> Screens:
    yield "some are done, one has failed; ctypes has no bar", _busy().frame()


def _ended() -> Story:
    story = _busy()
    story.until(10.6, ("asyncio", 4, 34), ("email", 5, 40), ("encodings", 31.4, 123))
    story.end("asyncio", "email", "encodings", "ctypes")
    story.start(*PACKAGES[8:])
    story.until(14.0, ("test", 700, 2100), ("json", 2, 6))
    story.end(*PACKAGES[8:])
    return story


def end() -> Screens:
    story = _ended()
    yield "the last live frame: what was done first has left", story.frame()
    yield "what stays: all does not fit, so the whole and the failures", story.final()
    yield "the same on 40 rows: everything, as it was submitted", story.final(rows=40)
    yield "the same with leave=False", story.final(leave=False)


def overflow() -> Screens:
    story = Story()
    story.submit(*(f"run {n}" for n in range(20_000)))
    story.start(*(f"run {n}" for n in range(40)))
    story.until(3.0, *((f"run {n}", n + 1, 200) for n in range(0, 40, 3)), unit="step")
    story.end("run 2", status=Status.FAILED, message="ZeroDivisionError: division by zero")
    story.end("run 1", "run 4", "run 5")
    yield "more tasks run than there are rows", story.frame(rows=12)
    story.end(*(f"run {n}" for n in range(6, 36)))
    story.now += 0.1
    yield "most are done: the failure has its row", story.frame(rows=12)


def failure() -> Screens:
    story = _busy()
    message = "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe9 in position 41: oh"
    story.end("email", status=Status.FAILED, message=message)
    story.end("ctypes", status=Status.CANCELLED)
    yield "a long message takes the rest of its row", story.frame()
    yield "on 120 columns", story.frame(120)
    yield "on 48 columns", story.frame(48)
    yield "what stays", story.final()


def lost_worker() -> Screens:
    story = _busy()
    dead = {4707: "SIGKILL"}
    story.end("asyncio", "email", "encodings", "ctypes", status=Status.LOST, dead=dead)
    story.end(*PACKAGES[8:], status=Status.LOST, dead=dead)
    yield "the pool broke", story.frame(rows=16)
    yield "what stays", story.final(rows=16)


def tiny() -> Screens:
    story = _busy()
    yield "30x6", story.frame(30, 6)
    yield "20x3", story.frame(20, 3)
    yield "10x2", story.frame(10, 2)
    yield "6x2", story.frame(6, 2)
    yield "2x1", story.frame(2, 1)
    yield "1x1 (all but the last column)", story.layout.compose(story.tasks, 1, 1, story.now)


def resize() -> Screens:
    story = _busy()
    yield "80x10", story.frame(80, 10)
    story.now += 0.1
    yield "60x8", story.frame(60, 8)
    story.now += 0.1
    yield "back to 80x10", story.frame(80, 10)


def wide_characters() -> Screens:
    story = Story()
    story.tasks.desc = "圧縮"
    accent = "cafe\N{COMBINING ACUTE ACCENT}"
    names = ("日本語のファイル", accent, "🎉 party 👩‍💻", "ascii", "한국어")
    story.submit(*names)
    story.start(*names)
    story.until(2.0, *((name, at + 1, 12) for at, name in enumerate(names)), unit="枚")
    story.end("한국어", status=Status.FAILED, message="ValueError: 値が正しくありません")
    yield "the grid holds", story.frame()
    yield "names are cut between characters", story.frame(36)
    story.submit("bad \x1b[31mred\x1b]0;title\x07 \u202eright\u2066 two\nlines\x00")
    story.start("bad \x1b[31mred\x1b]0;title\x07 \u202eright\u2066 two\nlines\x00")
    yield "nothing but text reaches the glass", story.frame()


def unknown_total() -> Screens:
    story = Story(pool=False)
    story.submit("", items=0)
    for tenth in range(124):
        story.now = tenth / 10
        story.bar("", tenth * 3, desc="reading", unit="line")
    yield "one bar outside any pool: no row for the whole", story.frame()
    story.end("")
    yield "what stays", story.final()
    story = _running()
    for tenth in range(42):
        story.now = tenth / 10
        story.bar("asyncio", tenth * 12_345, unit="B")
        story.bar("ctypes", tenth, 60, postfix="loss=0.31")
        story.bar("concurrent", tenth // 8, unit="chapter", desc="writing")
        story.tasks.whole(story.now)
    yield "in a pool, beside one that is known", story.frame()


def nested() -> Screens:
    story = _running()
    for tenth in range(33):
        story.now = tenth / 10
        story.bar("asyncio", tenth // 8, 4, desc="asyncio")
        story.bar(
            "asyncio", tenth % 8, 8, desc="level 2", slot=1, serial=tenth // 8 + 1, unit="step"
        )
        story.bar("collections", tenth, 40)
        story.bar("concurrent", tenth, 50)
        story.bar("concurrent", tenth * 7, desc="lines", slot=1, unit="line")
        story.bar("concurrent", tenth % 4, 4, desc="words", slot=2, serial=tenth // 4 + 1)
        story.tasks.whole(story.now)
    yield "inner bars stand under their task", story.frame()
    story.end("asyncio")
    yield "one ends: no running task moves", story.frame()
    story.start("curses")
    yield "the next takes a free row", story.frame()
    yield "with too few rows, inner bars leave before tasks do", story.frame(rows=7)


def _pinned() -> Story:
    """The article's three bars, each at its own place."""
    story = Story()
    story.tasks.desc = "article"
    story.submit("first", "second", "third")
    for name, row in (("first", 1), ("second", 6), ("third", 7)):
        story.start(name, at=(0, row))
    return story


def places() -> Screens:
    story = _pinned()
    story.until(0.5)
    yield "three tasks at (0, 1), (0, 6), (0, 7)", story.frame()
    story.until(4.0, ("first", 10, 100), ("second", 20, 100), ("third", 30, 105))
    yield "a while later", story.frame()
    story.end("third")
    story.end("second", status=Status.FAILED, message="OSError: disk full")
    yield "two have ended", story.frame()
    story.end("first")
    yield "what stays", story.final()
    yield "what stays on 7 rows, where a place is missing: in their order", story.final(rows=7)
    yield "and with leave='failed'", story.final(leave="failed")


def places_and_flow() -> Screens:
    story = _pinned()
    story.submit(*PACKAGES[:9])
    story.start("asyncio", "collections", "concurrent")
    story.until(1.0, ("first", 10, 100), ("second", 20, 100), ("asyncio", 8, 34))
    yield "the others flow into the free rows", story.frame()
    story.end("collections")
    story.start("ctypes", "curses", "dbm")
    story.until(2.0, ("first", 10, 100), ("second", 20, 100), ("asyncio", 8, 34))
    yield "around what is pinned; nothing that runs moves", story.frame()
    yield "on 9 rows, the last line is where there is a row", story.frame(rows=9)
    story.start("email", at=(0, 2))
    story.until(2.5, ("first", 10, 100), ("asyncio", 8, 34))
    yield "a pin takes a row: only the task that had it moves", story.frame()
    story.start("encodings", at=(0, 0))
    yield "one in the first row: the whole goes to the first that is free", story.frame()
    story.end("first", "second", "third", "asyncio", "email", "encodings", "concurrent")
    story.end("ctypes", "curses", "dbm", "ensurepip")
    yield "what stays", story.final()


def side_by_side() -> Screens:
    story = Story()
    story.submit("left", "right", "below", "far")
    story.start("left", at=(0, 1))
    story.until(1.0, ("left", 10, 80))
    yield "alone, it has all of the row", story.frame()
    story.start("right", at=(42, 1))
    story.start("far", at=(60, 2))
    story.start("below", at=(30, 2))
    story.until(4.0, ("left", 10, 80), ("right", 22, 90), ("below", 3, 50), ("far", 1, 9))
    yield "each begins where it was told to, and ends before the next", story.frame()
    yield "on 60 columns, one is off the screen", story.frame(60)
    yield "on 120 columns", story.frame(120)
    story.bar("left", 1, 4, desc="inner", slot=1)
    story.bar("right", 2, 4, desc="inner", slot=1)
    yield "no room for inner bars", story.frame()
    story.end("below", "far")
    story.end("right", status=Status.LOST)
    story.end("left")
    yield "what stays", story.final()


def one_after_the_other() -> Screens:
    story = Story()
    names = ("one", "two", "three", "four")
    story.submit(*names)
    story.start("one", at=(0, 2))
    story.until(1.0, ("one", 10, 40))
    story.start("two", at=(0, 2))
    story.until(2.0, ("one", 10, 40), ("two", 5, 40))
    yield "two on one place: the first that runs", story.frame()
    story.end("one")
    yield "it ended, and the other shows", story.frame()
    story.end("two")
    yield "that ended, too, and stays", story.frame()
    story.until(3.0)
    story.start("three", at=(0, 2))
    yield "until the next is there", story.frame()
    story.end("three")
    story.start("four", at=(0, 2))
    story.end("four", status=Status.FAILED, message="ValueError: four")
    yield "one that ended between two frames", story.frame()
    yield "what stays: all of them, and the last in its place", story.final()


def off_the_screen() -> Screens:
    story = _pinned()
    story.submit("low", "right", "waiting", "free")
    story.start("low", at=(0, 50))
    story.start("right", at=(200, 2))
    story.start("free")
    story.until(2.0, ("first", 10, 100), ("low", 20, 100), ("free", 7, 50))
    yield "two are off the screen", story.frame()
    story.end("low")
    yield "one has ended", story.frame()
    yield "on 6 rows, so are others", story.frame(rows=6)
    story.end("first", "second", "third", "right", "waiting", "free")
    yield "what stays: in the order of their places", story.final()


TEXTS = (
    "epochs:  40%|████      | 2/5 [00:04<00:06,  2.0s/it]",
    "batches: \x1b[32m 71%|███████▏  \x1b[m| 50/70 [00:01<00:00, 45.1it/s]",
)


def text_rows() -> Screens:
    story = _running()
    story.until(2.0, ("collections", 3, 30), ("concurrent", 9, 90))
    story.draw("asyncio", *TEXTS)
    story.draw("concurrent", "[#####       ] a bar of its own making")
    yield "texts stand in place of a name, or below a bar", story.frame()
    yield "on 40 columns they are cut", story.frame(40)
    story.draw("asyncio", TEXTS[0])
    yield "one that gets shorter keeps its rows while it runs", story.frame()
    story.draw("asyncio", *TEXTS)
    story.end("asyncio")
    story.start("curses")
    yield "and when it is done, its text stays", story.frame()
    yield "with too few rows, the first of each", story.frame(rows=7)
    story.end("collections", "concurrent", "ctypes", "curses", *PACKAGES[5:])
    yield "what stays", story.final(rows=40)
    yield "what stays on 33 rows: the first of each", story.final(rows=33)


def text_that_fails() -> Screens:
    story = _running()
    story.until(2.0, ("collections", 3, 30))
    for name in ("asyncio", "concurrent", "ctypes"):
        story.draw(name, *TEXTS)
    story.frame()
    story.end("asyncio", status=Status.FAILED, message="ValueError: bad batch")
    story.end("concurrent", status=Status.LOST)
    yield "the message takes the place of a text, and nothing moves", story.frame()
    yield "what stays, while one still runs", story.final()


def nested_places() -> Screens:
    story = Story()
    story.submit("deep", "other", "text", "flowing", "next")
    story.start("deep", at=(0, 2))
    story.start("other", at=(0, 4))
    story.start("text", at=(4, 6))
    story.start("flowing")
    story.until(2.0, ("deep", 3, 30), ("other", 3, 30), ("flowing", 2, 20))
    for slot in (1, 2, 3):
        story.bar("deep", slot, 9, desc="level", slot=slot)
    story.draw("text", *TEXTS)
    yield "inner bars and texts go down as far as no other is there", story.frame()
    story.end("deep")
    story.start("next")
    yield "their rows are kept for the next there", story.frame()
    yield "but not from a task that needs one", story.frame(rows=6)
    story.end("other", "text", "flowing", "next")
    yield "what stays", story.final()


def tiny_places() -> Screens:
    story = _pinned()
    story.submit("corner", "free")
    story.start("corner", at=(12, 1))
    story.start("free")
    story.until(2.0, ("first", 10, 100), ("corner", 20, 100), ("free", 7, 50))
    yield "20x3", story.frame(20, 3)
    yield "20x8", story.frame(20, 8)
    yield "12x2", story.frame(12, 2)
    yield "1x1 (all but the last column)", story.layout.compose(story.tasks, 1, 1, story.now)
    story.end("first", "second", "third", "corner", "free")
    yield "what stays on 20x8", story.final(20, 8)
    yield "what stays on 20x3", story.final(20, 3)


def ascii() -> Screens:
    story = _busy(Theme(False, STYLES))
    story.submit("日本語", "e\N{COMBINING ACUTE ACCENT}t\xe9")
    story.start("日本語", "e\N{COMBINING ACUTE ACCENT}t\xe9")
    story.end("ctypes", status=Status.LOST)
    yield "80 columns", story.frame()
    yield "30 columns", story.frame(30, 9)


def no_colour() -> Screens:
    story = _busy(Theme(True, {}))
    frame = story.frame()
    assert not any("\x1b" in line for line in frame)
    yield "status is told by glyphs alone", frame


def colours() -> Screens:
    story = _busy()
    story.end("ctypes", status=Status.LOST)
    named = tuple(SGR.sub(lambda found: NAMES[found[0]], line) for line in story.frame())
    yield "⟨name⟩ begins a style, ⟨/⟩ ends it", named


STORIES: tuple[Callable[[], Screens], ...] = (
    start,
    middle,
    end,
    overflow,
    failure,
    lost_worker,
    tiny,
    resize,
    wide_characters,
    unknown_total,
    nested,
    places,
    places_and_flow,
    side_by_side,
    one_after_the_other,
    off_the_screen,
    nested_places,
    tiny_places,
    text_rows,
    text_that_fails,
    ascii,
    no_colour,
    colours,
)
HERE = Path(__file__).parent


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_screen(story: Callable[[], Screens], request: pytest.FixtureRequest) -> None:
    shown = "\n".join(
        f"### {title}\n" + "".join(f"{SGR.sub('', line)}\n" for line in frame)
        for title, frame in story()
    )
    file = HERE / f"{story.__name__}.txt"
    if request.config.getoption("--rewrite-screens"):
        file.write_text(shown, encoding="utf-8", newline="\n")
    assert shown == file.read_text(encoding="utf-8")


def test_every_screen_has_its_story() -> None:
    assert {file.stem for file in HERE.glob("*.txt")} >= {story.__name__ for story in STORIES}
