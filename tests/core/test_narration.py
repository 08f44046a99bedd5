"""What a log is told: whole sentences, few of them, and true ones."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barexec.events import Advanced, Started
from barexec.narration import BURST, BUSY, CALM, FAILURES, Narration
from barexec.painters.plain import PlainPainter
from barexec.state import Status
from barexec.tasks import Tasks, apply


class Log:
    """Tasks to which things happen, and all that is said of them."""

    def __init__(self, desc: str = "tasks", bare: bool = False) -> None:
        self.now = 0.0
        self.tasks = Tasks()
        self.tasks.desc = desc
        self.tasks.bare = bare
        self.narration = Narration()
        self.lines: list[str] = []

    def submit(self, *names: str, items: int = 1) -> Log:
        for name in names:
            self.tasks.submit({self.tasks.all + 1: (name, items)}, self.now)
        return self

    def start(self, *ids: int) -> Log:
        for id in ids:
            apply(self.tasks, Started(id, 4700 + id, 0.0), self.now)
        return self

    def bar(self, id: int, n: float, total: float | None, unit: str = "file") -> Log:
        event = Advanced(id, 0, 1, n, total, self.now, False, "", unit, "")
        apply(self.tasks, event, self.now)
        return self

    def end(self, *ids: int, status: Status = Status.DONE, message: str = "") -> Log:
        for id in ids:
            task = self.tasks.end(id, status, message, self.now)
            assert task is not None
            self.lines += self.narration.ended(task, self.tasks, self.now)
        return self

    def wait(self, seconds: float) -> Log:
        """Let time pass, a second at a time, as the display would ten times a second."""
        end = self.now + seconds
        while self.now < end:
            self.now += 1.0
            self.lines += self.narration.tick(self.tasks, self.now)
        return self

    def sum_up(self) -> str:
        (line,) = self.narration.summary(self.tasks, self.now)
        return line


# --- a task ends ---


def test_a_task_without_a_bar_is_done() -> None:
    log = Log().submit("load(3)").start(1).wait(12).end(1)
    assert log.lines == ["load(3) is done after 12 s"]


@pytest.mark.parametrize(
    ("n", "total", "unit", "amount"),
    [
        (34, 34, "file", "34 file"),
        (30, 34, "file", "30 of 34 file"),
        (7, None, "it", "7 it"),
        (7, 7, "it", "7 of 7"),
        (6, 7, "it", "6 of 7"),
        (2.5, 2.5, "GB", "2.5 GB"),
    ],
)
def test_a_task_with_a_bar_says_how_much(
    n: float, total: float | None, unit: str, amount: str
) -> None:
    log = Log().submit("load").start(1).wait(3).bar(1, n, total, unit).end(1)
    assert log.lines == [f"load is done after 3.0 s, {amount}"]


@pytest.mark.parametrize(
    ("status", "message", "sentence"),
    [
        (Status.FAILED, "ValueError: no", "load failed after 2.0 s: ValueError: no"),
        (Status.CANCELLED, "", "load was cancelled"),
        (Status.LOST, "", "load was lost after 2.0 s: its worker died, pid 4701"),
    ],
)
def test_every_other_end_has_its_words(status: Status, message: str, sentence: str) -> None:
    log = Log().submit("load").start(1).wait(2).end(1, status=status, message=message)
    assert log.lines == [sentence]


def test_a_task_that_never_started_does_not_claim_to_have_run() -> None:
    log = Log().submit("load", "save").wait(2).end(1, status=Status.LOST)
    log.end(2, status=Status.CANCELLED)  # of which there may be thousands
    assert log.lines == [
        "load was lost: a worker died and broke the pool",
    ]


def test_a_task_without_a_name_is_a_task() -> None:
    assert Log().submit("").start(1).end(1).lines == ["a task is done after 0.0 s"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.0 s"), (9, "9.0 s"), (10, "10 s"), (65, "1 min 5 s"), (3600, "1 h 0 min")],
)
def test_a_time_can_be_read_aloud(seconds: int, words: str) -> None:
    log = Log().submit("load").start(1)
    log.now = seconds
    assert log.end(1).lines == [f"load is done after {words}"]


# --- the whole ---


@pytest.mark.parametrize(
    ("desc", "begin"), [("tasks", "4 tasks in 3.0 s: "), ("build", "build: 4 tasks in 3.0 s: ")]
)
def test_the_summary_tells_what_became_of_all(desc: str, begin: str) -> None:
    log = Log(desc).submit("a", "b", "c", "d").start(1, 2, 3).wait(3)
    log.end(1).end(2, status=Status.FAILED, message="no").end(3, status=Status.LOST)
    log.end(4, status=Status.CANCELLED)
    assert log.sum_up() == f"{begin}1 done, 1 failed, 1 lost, 1 cancelled"


def test_the_summary_counts_what_is_left() -> None:
    log = Log().submit("a", "b", "c").start(1, 2).wait(1).end(1)
    assert log.sum_up() == "3 tasks in 1.0 s: 1 done, 1 still running, 1 never started"


def test_chunks_are_counted_by_their_items() -> None:
    log = Log().submit("f[0:100]", items=100).start(1).end(1)
    assert log.sum_up() == "100 tasks in 0.0 s: 100 done"


def test_one_is_not_spoken_of_as_many() -> None:
    assert Log().submit("a").start(1).end(1).sum_up() == "1 task in 0.0 s: 1 done"


def test_a_long_silence_is_broken() -> None:
    log = Log("build").submit("a", "b").start(1, 2).end(1)
    del log.lines[:]
    log.wait(CALM - 1)
    assert log.lines == []
    log.wait(1)
    (line,) = log.lines
    assert line.startswith("build: 1 of 2 tasks done (50%), 1 running, 1 min 0 s elapsed")
    log.wait(3 * CALM)
    assert len(log.lines) == 4


def test_partial_progress_is_in_the_percentage_and_failures_are_told() -> None:
    log = Log().submit("a", "b", "c", "d").start(1, 2)
    log.end(1, status=Status.FAILED, message="no").wait(1).bar(2, 50, 100)
    del log.lines[:]
    log.wait(CALM)
    (line,) = log.lines
    assert line.startswith("1 of 4 tasks done (37%), 1 running, 1 failed, 1 min ")


def test_who_is_done_needs_no_words() -> None:
    """Between the last task's end and the summary, or while an executor idles."""
    log = Log().submit("a").start(1).end(1)
    del log.lines[:]
    assert log.wait(10 * CALM).lines == []


def test_bars_outside_any_pool_say_nothing() -> None:
    log = Log(bare=True).submit("a").start(1).wait(2 * CALM).end(1)
    assert log.lines == []
    assert log.narration.summary(log.tasks, log.now) == []


def test_no_task_no_words() -> None:
    log = Log().wait(2 * CALM)
    assert log.lines == []
    assert log.narration.summary(log.tasks, log.now) == []


# --- many ---


def test_a_hundred_thousand_tasks_at_once_are_few_lines() -> None:
    log = Log().submit(*["f"] * 100_000)
    log.start(*range(1, 100_001)).end(*range(1, 100_001))
    assert len(log.lines) == BURST
    assert log.sum_up() == "100000 tasks in 0.0 s: 100000 done"


def test_a_hundred_thousand_failures_at_once_are_few_lines() -> None:
    log = Log().submit(*["f"] * 100_000)
    log.end(*range(1, 50_001), status=Status.FAILED, message="no")
    log.start(*range(50_001, 100_001)).end(*range(50_001, 100_001), status=Status.LOST)
    assert len(log.lines) == FAILURES


def _steady(seconds: int, each: int, status: Status = Status.DONE) -> Log:
    log = Log().submit(*["f"] * seconds * each)
    for second in range(seconds):
        ids = range(second * each + 1, (second + 1) * each + 1)
        log.start(*ids).end(*ids, status=status, message="no").wait(1)
    return log


def test_while_tasks_go_untold_the_whole_is_told() -> None:
    """Sentences on the few that are told do not keep it from being told."""
    log = _steady(300, 20)
    whole = [line for line in log.lines if "of 6000 tasks done" in line]
    assert len(whole) == 300 / BUSY - 1
    assert re.fullmatch(
        r"\d+ of 6000 tasks done \(\d+%\), 0 running, [\w ]+ elapsed, about [\w ]+ to go",
        whole[20],
    )


@pytest.mark.parametrize("status", [Status.DONE, Status.FAILED])
def test_in_the_long_run_it_is_about_a_line_a_second(status: Status) -> None:
    log = _steady(600, 20, status)
    assert len(log.lines) <= BURST + 1.2 * 600


def test_few_tasks_are_all_told() -> None:
    assert len(_steady(BURST, 1).lines) == BURST


def test_failures_are_told_although_much_else_is() -> None:
    log = Log().submit(*["f"] * 1000).start(*range(1, 1001)).end(*range(1, 1000))
    assert log.end(1000, status=Status.FAILED, message="no").lines[-1].startswith("f failed")


# --- what is written ---


def written(lines: Sequence[str]) -> str:
    stream = io.StringIO()
    PlainPainter(stream).say(lines)
    return stream.getvalue()


HOSTILE = "\x1b[2J\x1b]0;title\x07two\nlines\r\x08\x9b31m\x00\u202e\u2028end"


@pytest.mark.parametrize("status", [Status.DONE, Status.FAILED, Status.LOST, Status.CANCELLED])
def test_a_sentence_is_one_line_whatever_names_say(status: Status) -> None:
    log = Log(HOSTILE).submit(HOSTILE, "b").start(1, 2).bar(1, 1, 3, HOSTILE)
    log.end(1, status=status, message=HOSTILE).wait(CALM).end(2)
    log.lines.append(log.sum_up())
    text = written(log.lines)
    assert text.count("\n") == len(log.lines) == 4
    assert "title" not in text
    assert all(line.isprintable() for line in text.splitlines())


@given(st.text(), st.text())
def test_no_control_character_comes_through(name: str, message: str) -> None:
    log = Log().submit(name).start(1).end(1, status=Status.FAILED, message=message)
    text = written(log.lines)
    assert text.endswith("\n")
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", text[:-1])


def test_lines_that_come_together_are_one_write() -> None:
    class Counting(io.StringIO):
        writes = 0

        def write(self, text: str) -> int:
            self.writes += 1
            return super().write(text)

    stream = Counting()
    PlainPainter(stream).say(["one", "two"])
    assert (stream.getvalue(), stream.writes) == ("one\ntwo\n", 1)


@pytest.mark.parametrize("errors", ["strict", "backslashreplace"])
def test_a_stream_of_ascii_gets_ascii(errors: str) -> None:
    log = io.BytesIO()
    stream = io.TextIOWrapper(log, "ascii", errors, newline="\n")
    PlainPainter(stream).say(["日本 is done"])
    assert log.getvalue() == b"?? is done\n"
