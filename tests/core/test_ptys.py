"""What both ends of a worker's terminal share, and who is taken to have written what."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import suppress
from threading import Event, Lock, Thread, current_thread, main_thread
from time import monotonic
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

if sys.platform == "win32":
    pytest.skip("no ptys", allow_module_level=True)

import resource

from barexec import pty_reader
from barexec.capture import Capture
from barexec.line_discipline import TerminalText
from barexec.pty_reader import PtyReader, Said
from barexec.ptys import MARK_LIMIT, Link, Marks, open_link
from barexec.ticker import Ticker

tasks = st.integers(0, 2**64 - 1)
numbers = st.integers(0, 2**48 - 1)


# --- marks ---


@given(numbers, tasks, st.binary(), st.binary())
def test_a_mark_is_found_in_any_text(number: int, task: int, before: bytes, after: bytes) -> None:
    marks = Marks(number)
    mark = marks.of(task)
    assert len(mark) <= MARK_LIMIT
    found = marks.find(before + mark + after)
    assert (task, len(before), len(before) + len(mark)) in found


@given(numbers, tasks)
def test_a_mark_shows_nothing_wherever_it_is_cut(number: int, task: int) -> None:
    mark = Marks(number).of(task).decode()
    for begin in range(len(mark)):
        for end in range(begin, len(mark) + 1):
            assert TerminalText().feed(f"a{mark[begin:end]}b\n") == ["ab"]


@given(numbers, tasks)
def test_the_beginning_of_a_mark_is_known_as_such(number: int, task: int) -> None:
    marks = Marks(number)
    mark = marks.of(task)
    for cut in range(1, len(mark)):
        assert marks.cut(b"text" + mark[:cut]) == 4
    assert marks.cut(b"text") == 4
    assert marks.cut(mark + b"text") == len(mark) + 4


def test_the_mark_of_another_terminal_is_none() -> None:
    assert Marks(1).find(Marks(2).of(7)) == []


# --- both ends ---


class Ends(NamedTuple):
    """A worker and its parent in one process."""

    link: Link
    reader: PtyReader
    capture: Capture
    fd: int
    """The descriptor that is captured: what it was is `glass`, of which `master` tells."""
    master: int

    def prints(self, data: bytes) -> None:
        os.write(self.fd, data)

    def heard(self) -> list[Said]:
        """All that is known now, but without who has fallen silent and said nothing."""
        return [one for one in self.taken() if one.text]

    def taken(self) -> list[Said]:
        """All that is known now."""
        return [one for one in self.reader.take(0.0) if isinstance(one, Said)]

    def shown(self) -> bytes:
        """What has reached the terminal itself."""
        os.set_blocking(self.master, False)
        parts = []
        with suppress(BlockingIOError):
            while True:
                parts.append(os.read(self.master, 1 << 16))
        return b"".join(parts)


@pytest.fixture
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    link = open_link()
    assert link is not None
    reader = PtyReader("utf-8", lambda much: None)
    reader.add(link)
    master, glass = os.openpty()
    always = getattr(request, "param", False)
    capture = Capture(link.open(79, 24), frozenset({glass}), always)
    yield Ends(link, reader, capture, glass, master)
    reader.stop()
    capture.restore()
    for fd in (master, glass, *capture.descriptors):
        os.close(fd)


def test_what_is_printed_is_heard_at_once_as_of_the_task_that_runs(ends: Ends) -> None:
    ends.capture.begin(5)
    ends.prints(b"one\n")
    assert ends.heard() == [Said(5, "one\n", False)]
    ends.prints(b"two")
    assert ends.heard() == [Said(5, "two", False)]
    assert ends.shown() == b""


def test_the_border_between_two_tasks_is_exact(ends: Ends) -> None:
    for task, text in ((1, b"a"), (2, b"b"), (3, b""), (4, b"c")):
        ends.capture.begin(task)
        ends.prints(text)
        ends.capture.over(task)
    ends.capture.begin(5)
    ends.prints(b"d")
    assert ends.heard() == [
        Said(1, "a", True),
        Said(2, "b", True),
        Said(4, "c", True),
        Said(5, "d", False),
    ]


def test_text_before_the_first_task_is_the_workers_own(ends: Ends) -> None:
    ends.prints(b"hello")
    ends.capture.over(0)
    ends.capture.begin(1)
    ends.prints(b"one")
    assert ends.heard() == [Said(-os.getpid(), "hello", True), Said(1, "one", False)]


def test_text_between_two_tasks_is_the_workers_own(ends: Ends) -> None:
    ends.capture.begin(1)
    ends.prints(b"one")
    ends.capture.over(1)
    ends.prints(b"nobody")
    assert ends.heard() == [Said(1, "one", True), Said(-os.getpid(), "nobody", False)]


def test_a_task_that_prints_nothing_writes_nothing(ends: Ends) -> None:
    page = ends.capture._page
    for task in range(1, 100):
        ends.capture.begin(task)
        ends.capture.over(task)
        if task % 3 == 0:
            ends.heard()
    assert page.marks == 0 and page.owner == 0
    ends.capture.begin(100)
    ends.prints(b"x")
    ends.heard()  # read before the task's end: it is known all the same
    ends.capture.over(100)
    assert page.marks == 1
    assert ends.reader.take(0.0) == [Said(100, "", True)]
    ends.capture.begin(101)
    ends.capture.over(101)
    marks = page.marks  # one may be spare: the text was read while it was looked
    for task in range(102, 200):
        ends.capture.begin(task)
        ends.capture.over(task)
        ends.heard()
    assert page.marks == marks <= 2


@pytest.mark.parametrize("ends", [True], indirect=True)
def test_where_tasks_are_named_each_end_is_told(ends: Ends) -> None:
    ends.capture.begin(7)
    ends.capture.over(7)
    assert ends.reader.take(0.0) == [Said(7, "", True)]


def test_a_character_may_come_in_pieces_but_not_over_a_border(ends: Ends) -> None:
    euro = "€".encode()
    ends.capture.begin(1)
    ends.prints(euro[:1])
    assert ends.heard() == []
    ends.prints(euro[1:] + euro[:2])
    assert ends.heard() == [Said(1, "€", False)]
    ends.capture.over(1)
    ends.capture.begin(2)
    ends.prints(euro[2:] + b"\xff")
    assert ends.heard() == [Said(1, "\ufffd", True), Said(2, "\ufffd\ufffd", False)]


#: What any pty holds: one of macOS, 1024 bytes.
ROOM = 500 if sys.platform == "darwin" else 3000


@pytest.mark.parametrize("seed", range(20))
def test_however_it_is_read_each_task_has_its_own(ends: Ends, seed: int) -> None:
    chance = random.Random(seed)
    wanted: dict[int, bytes] = {}
    heard: dict[int, str] = {}
    over: list[int] = []
    unheard = 0

    def hear() -> None:
        for owner, text, end in ends.taken():
            assert owner not in over
            heard[owner] = heard.get(owner, "") + text
            if end:
                over.append(owner)

    for task in range(1, 300):
        ends.capture.begin(task)
        for _ in range(chance.choice((0, 0, 1, 3))):
            text = chance.choice((b"a", b"\n", b"\x1e", b"\x1e\x01\x02", b"word " * 20)) * 2
            ends.prints(text)
            wanted[task] = wanted.get(task, b"") + text
            unheard += len(text)
            if chance.random() < 0.3 or unheard > ROOM:
                hear()
                unheard = 0
        ends.capture.over(task)
        if chance.random() < 0.3:
            hear()
    hear()
    assert {task: text.encode() for task, text in heard.items() if text} == wanted
    assert over == sorted(over) and set(wanted) <= set(over)


def test_what_a_killed_worker_had_written_is_heard(ends: Ends) -> None:
    ends.capture.begin(3)
    ends.prints(b"last words")
    said = ends.reader.remove(ends.link)
    assert said[0] == Said(3, "last words", True)


def test_a_mark_that_never_came_is_not_waited_for_long(ends: Ends) -> None:
    ends.capture.begin(1)
    ends.capture._page.marks += 1  # as one that was killed just then leaves it
    ends.prints(b"text")
    assert ends.reader.take(10.0) == []
    assert ends.reader.take(10.0 + pty_reader.UNMARKED / 2) == []
    assert ends.reader.take(10.1 + pty_reader.UNMARKED) == [Said(1, "text", False)]


# --- nobody reads ---


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_once_nobody_listens_all_goes_where_it_would_have_gone(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    ends.capture.begin(1)
    ends.prints(b"one\n")
    ends.capture.over(1)
    ends.capture.begin(2)
    ends.prints(b"two\n")
    ends.capture._page.heard = 1
    assert ends.capture.watch(lambda: True)
    assert ends.shown() == b""
    assert not ends.capture.watch(lambda: False)
    ends.prints(b"three\n")
    assert ends.shown().replace(b"\r", b"") == b"one\ntwo\nthree\n"
    ends.capture.over(2)
    ends.capture.begin(3)
    ends.capture.over(3)
    assert ends.shown() == b""


def test_a_parent_that_never_reads_is_not_waited_for(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends.prints(b"one\n")
    assert ends.capture.watch(lambda: True)
    monkeypatch.setattr("barexec.capture.UNHEARD", 0.0)
    assert not ends.capture.watch(lambda: True)
    assert ends.shown() == b"one\r\n"


def test_what_a_task_has_redirected_itself_stays_so(ends: Ends) -> None:
    read, write = os.pipe()
    os.dup2(write, ends.fd)
    ends.capture.watch(lambda: False)
    ends.prints(b"x")
    assert os.read(read, 10) == b"x"
    os.close(read)
    os.close(write)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process")
def test_what_a_task_forks_does_not_keep_the_workers_terminal(ends: Ends) -> None:
    """Else it would print for ever there, and wait, once nobody reads any more."""
    child = os.fork()
    if not child:
        left = 0
        for fd in ends.capture.descriptors:
            with suppress(OSError):
                os.fstat(fd)
                left += 1
        os._exit(left)
    assert os.waitpid(child, 0)[1] == 0


def test_a_border_does_not_wait_for_ever(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("barexec.capture.PATIENCE", 0.01)
    os.set_blocking(ends.fd, False)
    full = 0
    while full < 10:
        ends.capture._unread(0)  # the kernel moves on what it holds only then
        try:
            os.write(ends.fd, b"x")
            full = 0
        except BlockingIOError:
            full += 1
    ends.capture.begin(1)
    ends.capture.over(1)
    assert ends.capture._page.marks == 0


# --- the reader's thread ---


def test_the_thread_reads_while_the_display_does_not(ends: Ends) -> None:
    ends.reader.start()
    ends.capture.begin(1)
    text = b"0123456789abcde\n" * 4096  # more than a pty holds
    os.set_blocking(ends.fd, True)
    for at in range(0, len(text), 1024):
        ends.prints(text[at : at + 1024])
    ends.capture.over(1)
    assert "".join(one.text for one in ends.taken()).encode() == text


def test_its_size_is_that_of_the_display(ends: Ends) -> None:
    assert os.get_terminal_size(ends.fd) == (79, 24)
    ends.reader.take(0.0)
    ends.reader.resize(50, 10)
    assert os.get_terminal_size(ends.fd) == (50, 10)
    late = ends.link.open(79, 24)  # of a worker that looked before
    ends.reader.take(0.0)
    assert os.get_terminal_size(late.slave) == (50, 10)
    late.page.close()
    for fd in (late.slave, late.master):
        os.close(fd)


def test_who_is_left_behind_is_heard_until_it_ends(ends: Ends) -> None:
    ends.reader.start()
    left = os.dup(ends.fd)  # as a process that a task has started
    for fd in (ends.fd, ends.capture._marks, ends.capture._terminal.master):
        os.dup2(ends.master, fd)  # the worker has ended
    assert ends.reader.remove(ends.link) == [Said(-os.getpid(), "", True)]
    os.write(left, b"late\n")
    assert Said(-os.getpid(), "late\n", False) in ends.heard()
    os.close(left)
    until = monotonic() + 60
    while ends.reader._ticker.running:
        ends.reader.take(0.0)
        assert monotonic() < until
    assert ends.reader._ears == {}


# --- what others put between ---


def test_a_token_keeps_its_place(ends: Ends) -> None:
    ends.capture.begin(1)
    ends.prints(b"before")
    ends.reader.put(1, True)
    ends.prints(b"after")
    ends.reader.put(2, True)
    assert ends.reader.take(0.0) == [Said(1, "before", False), 1, Said(1, "after", False), 2]


def test_a_token_waits_for_text_of_which_it_is_not_known_yet_whose_it_is(ends: Ends) -> None:
    page = ends.capture._page
    ends.capture.begin(1)
    ends.prints(b"one")
    page.marks += 1  # the mark is on its way, and the result has overtaken it
    ends.reader.put(1, True)
    assert ends.reader.take(0.0) == []
    page.marks -= 1
    ends.capture.over(1)
    ends.capture.begin(2)
    ends.prints(b"two")
    # what comes after the mark comes after the token
    assert ends.reader.take(0.0) == [Said(1, "one", True), 1, Said(2, "two", False)]
    assert ends.reader.take(0.0) == []


def test_a_token_comes_though_a_mark_does_not(ends: Ends) -> None:
    ends.capture.begin(1)
    ends.prints(b"one")
    ends.capture._page.marks += 1
    ends.reader.put(1, True)
    assert ends.reader.take(0.0) == []
    assert ends.reader.take(1e9) == [Said(1, "one", False), 1]


def test_a_token_comes_though_its_thread_reads_no_more(ends: Ends) -> None:
    """As while much waits: of what a token waits for, the mark is read all the same."""
    ends.capture.begin(1)
    ends.prints(b"one")
    ends.capture._page.marks += 1
    ends.reader.put(1, True)
    assert ends.reader.take(0.0, drain=False) == []
    ends.capture._page.marks -= 1
    ends.capture.over(1)
    assert ends.reader.take(0.0, drain=False) == [Said(1, "one", True), 1]
    assert ends.reader._size == 0


def test_a_finalizer_may_print_in_the_midst(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a signal handler: it must not wait for its own thread."""
    accept = ends.reader._accept

    def finalizer() -> None:
        accept()
        ends.reader.put(1, True)

    monkeypatch.setattr(ends.reader, "_accept", finalizer)
    assert ends.reader.take(0.0) == [1]


def test_who_prints_does_not_wait_for_a_thread_that_waits_for_it(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may hold the lock of a log, which a finalizer in the thread that reads wants."""
    log = Lock()
    taken: list[Said | int] = []
    reading, done = Event(), Event()
    accept = ends.reader._accept

    def finalizer() -> None:
        accept()
        if current_thread() is not main_thread():
            reading.set()
            with log:
                done.set()

    monkeypatch.setattr(ends.reader, "_accept", finalizer)
    with log:
        thread = Thread(target=lambda: taken.extend(ends.reader.take(0.0)))
        thread.start()
        assert reading.wait(60)
        ends.reader.put(1, True)
        assert not done.is_set()
    thread.join()
    assert [*taken, *ends.reader.take(0.0)] == [1]


def test_a_terminal_for_whose_page_no_descriptor_is_left_is_let_go() -> None:
    link = open_link()
    assert link is not None
    terminal = link.open(79, 24)
    # two come, which are the last: the page needs one more
    free = [os.dup(0), os.dup(0)]
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    for fd in free:
        os.close(fd)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(free) + 1, limits[1]))
        assert link.accept() == []
        taken = [fd for fd in free if _is_open(fd)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert taken == []
    terminal.page.close()
    for fd in (terminal.slave, terminal.master):
        os.close(fd)
    link.close()


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def test_no_descriptor_for_its_own_alarm_is_told_at_once() -> None:
    link = open_link()
    assert link is not None
    reader = PtyReader("utf-8", lambda much: None)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        with pytest.raises(OSError, match="Too many open files"):
            reader.add(link)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    link.close()


def test_what_its_thread_meets_comes_to_the_display(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that is gone reads no more: workers must not wait for it in a full pty."""
    link = open_link()
    assert link is not None
    told = Event()
    reader = PtyReader("utf-8", lambda much: told.set())
    reader.add(link)
    monkeypatch.setattr(PtyReader, "_select", lambda self: 1 / 0)
    reader.start()
    assert told.wait(60)
    with pytest.raises(ZeroDivisionError):
        reader.take(0.0)
    reader.stop()


def test_what_a_worker_that_starts_is_given_stays_open() -> None:
    link = open_link()
    assert link is not None
    reader = PtyReader("utf-8", lambda much: None)
    reader.add(link)
    reader.stop(starting=True)
    assert link._worker.fileno() >= 0
    link.close()
    assert link._worker.fileno() < 0


def test_a_pool_that_begins_while_another_ends_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = open_link(), open_link()
    assert first is not None
    assert second is not None
    reader = PtyReader("utf-8", lambda much: None)
    reader.add(first)
    reader.start()
    stop = Ticker.stop

    def slow(ticker: Ticker, *args: float) -> None:
        monkeypatch.undo()
        reader.add(second)
        reader.start()
        stop(ticker, *args)

    monkeypatch.setattr(Ticker, "stop", slow)
    reader.remove(first)
    assert second.fileno() >= 0
    assert reader.reads
    reader.stop()
    assert second.fileno() < 0
