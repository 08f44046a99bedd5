"""The text of tasks: what scrolls, and what stays in their rows."""

from __future__ import annotations

from barexec.events import Printed, Started
from barexec.state import Status
from barexec.task_text import TaskText
from barexec.tasks import Tasks, apply


def running(location: tuple[int, int] | None = None) -> tuple[Tasks, TaskText]:
    tasks = Tasks()
    tasks.submit({1: ("task 1", 1, location)}, 0.0)
    apply(tasks, Started(1, 101, 0.0), 0.0)
    return tasks, TaskText(tasks)


def test_half_a_line_that_is_just_being_read_is_not_shown() -> None:
    """A flood is read in pieces, which end anywhere: rows would come and go with each frame."""
    tasks, text = running()
    task = tasks.running[1]
    assert text.hear(1, "one\ntw", False, 5.0) == ["one"]
    text.settle(5.0)
    assert [*task.lines] == []
    assert text.hear(1, "o\nthr", False, 5.1) == ["two"]
    text.settle(5.1)
    assert [*task.lines] == []
    text.settle(5.2)  # nothing more came: it stands there, as a question does
    assert [*task.lines] == ["thr"]
    assert text.hear(1, "ee", False, 5.21) == []
    assert [*task.lines] == ["three"]
    assert text.hear(1, "\r50%", False, 5.3) == []  # drawn over: a row at once
    assert [*task.lines] == ["50%ee"]
    assert text.hear(1, "\nfo", False, 5.4) == []
    assert [*task.lines] == ["50%ee"]
    assert text.hear(1, "", True, 5.5) == ["fo"]
    text.settle(6.0)
    assert [*task.lines] == ["50%ee"]


def test_a_line_without_an_end_is_said_once_its_task_has_ended() -> None:
    tasks, text = running()
    assert text.read(Printed(1, "one\ntwo"), 1.0) == ["one"]
    assert text.last_words() == []
    tasks.end(1, Status.DONE, "", 2.0)
    assert text.read(Printed(1, " and a half"), 2.1) == []  # the result has overtaken it
    assert text.last_words() == ["two and a half"]
    assert text.last_words() == []


def test_text_of_a_task_that_waits_says_that_it_runs() -> None:
    tasks = Tasks()
    tasks.submit({1: "one", 2: "two"}, 0.0)
    text = TaskText(tasks)
    assert text.read(Printed(1, "a\n"), 1.0) == ["a"]
    assert text.hear(2, "b\n", False, 1.0) == ["b"]
    assert list(tasks.running) == [1, 2]


def test_text_of_a_task_that_is_kept_no_longer_is_not_lost() -> None:
    text = TaskText(Tasks())
    assert text.read(Printed(7, "one\ntwo"), 1.0) == ["one"]
    assert text.last_words() == ["two"]


def test_each_line_of_a_task_that_is_to_be_named_has_its_name() -> None:
    _, text = running()
    text.names[1] = "t │ "
    assert text.read(Printed(1, "one\ntwo\n"), 1.0) == ["t │ one", "t │ two"]
    assert text.hear(1, "three\nfour", False, 1.0) == ["t │ three"]
    assert text.hear(1, "", True, 1.1) == ["t │ four"]
    assert text.names == {}


def test_a_task_with_a_location_draws_there_where_there_is_a_screen() -> None:
    tasks, text = running((0, 3))
    assert text.read(Printed(1, "one\ntwo"), 1.0) == []
    assert tasks.running[1].lines == ("one", "two")
    tasks, text = running((0, 3))
    text.placed = False
    assert text.read(Printed(1, "one\ntwo"), 1.0) == ["one"]
