"""What is known of the tasks: the transitions, the counts, and the row of the whole."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barexec.events import Advanced, Started
from barexec.state import BarState, Status
from barexec.tasks import Tasks, apply


def advanced(task: int = 1, n: float = 0, total: float | None = None, **other: Any) -> Advanced:
    return Advanced(task, 0, 1, n, total, 1.0, False, "", "it", "")._replace(**other)


def submitted(count: int = 1, items: int = 1, **options: Any) -> Tasks:
    tasks = Tasks(**options)
    for id in range(1, count + 1):
        tasks.submit({id: (f"task {id}", items)}, 0.0)
    return tasks


def running(count: int = 1, items: int = 1) -> Tasks:
    tasks = submitted(count, items)
    for id in range(1, count + 1):
        apply(tasks, Started(id, 100 + id, 0.0), 0.0)
    return tasks


@pytest.mark.parametrize("event", [Started(1, 99, 2.0), advanced(n=3, elapsed=2.0)])
def test_any_event_of_a_waiting_task_says_that_it_runs(event: Started | Advanced) -> None:
    tasks = submitted()
    apply(tasks, event, 5.0)
    assert list(tasks.running) == [1]
    assert not tasks.pending
    assert tasks.running[1].elapsed(6.0) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("status", "room"),
    [
        (Status.DONE, "finished"),
        (Status.CANCELLED, "finished"),
        (Status.FAILED, "failed"),
        (Status.LOST, "failed"),
    ],
)
def test_an_end_is_the_end(status: Status, room: str) -> None:
    tasks = running()
    ended = tasks.end(1, status, "why", 3.0)
    assert ended is not None
    assert list(getattr(tasks, room)) == [1]
    assert not tasks.running
    assert tasks.end(1, Status.DONE, "", 4.0) is None
    apply(tasks, Started(1, 101, 3.5), 3.5)
    assert ended.status is status
    assert ended.elapsed(9.0) == pytest.approx(3.5)


def test_a_late_sample_still_counts() -> None:
    tasks = running()
    apply(tasks, advanced(n=7, total=9), 1.0)
    tasks.end(1, Status.DONE, "", 2.0)
    apply(tasks, advanced(n=9, total=9, closed=True), 2.1)
    (row,) = tasks.finished[1].bars(3.0)
    assert (row.n, row.total, row.status) == (9, 9, Status.DONE)


def test_a_lost_task_says_so() -> None:
    tasks = running(2)
    tasks.submit({3: ("waits", 1)}, 0.0)
    tasks.end(2, Status.LOST, "", 1.0)
    tasks.end(3, Status.LOST, "", 1.0)
    assert tasks.failed[2].message == "its worker died, pid 102"
    assert tasks.finished[3].message == "a worker died and broke the pool"
    assert tasks.counts[Status.LOST] == 2


def test_a_lost_task_says_how_its_worker_died_or_whose_death_stopped_it() -> None:
    tasks = running(2)
    tasks.submit({3: ("waits", 1)}, 0.0)
    for id in (1, 2, 3):
        dead = {102: "SIGKILL", 101: "exit 0"}
        tasks.end(id, Status.LOST, "no other reason counts", 1.0, dead, lambda id: None)
    assert [task.message for task in (*tasks.failed.values(), tasks.finished[3])] == [
        "its worker died (exit 0), pid 101",
        "its worker died (SIGKILL), pid 102",
        "never started: a worker died (SIGKILL), pid 102",
    ]


def test_a_task_in_which_its_worker_died_before_it_told_of_it_says_so() -> None:
    tasks = running(1)
    tasks.submit(dict.fromkeys((2, 3), ("soon", 1)), 0.0)
    for id in (1, 2, 3):
        tasks.end(id, Status.LOST, "", 1.0, {102: "SIGSEGV"}, {2: 102}.get)
    assert [*tasks.failed] == [1, 2]  # those that ran, which nothing crowds out
    assert [task.message for task in (*tasks.failed.values(), *tasks.finished.values())] == [
        "stopped: a worker died (SIGSEGV), pid 102",
        "its worker died (SIGSEGV), pid 102",
        "never started: a worker died (SIGSEGV), pid 102",
    ]


def test_where_nobody_knows_what_a_worker_ran_nothing_is_claimed() -> None:
    tasks = submitted(1)
    tasks.end(1, Status.LOST, "", 1.0, {102: "SIGSEGV"})
    assert tasks.finished[1].message == "a worker died (SIGSEGV), pid 102"


def test_tasks_of_a_pool_that_broke_without_a_death_say_why() -> None:
    tasks = running(1)
    tasks.submit({2: ("waits", 1)}, 0.0)
    for id in (1, 2):
        tasks.end(id, Status.LOST, "a result could not be read: EOFError", 1.0, {}, lambda id: None)
    assert tasks.failed[1].message == "stopped: a result could not be read: EOFError"
    assert tasks.finished[2].message == "never started: a result could not be read: EOFError"


def test_tasks_that_never_ran_do_not_crowd_out_those_that_were_lost() -> None:
    tasks = submitted(50, kept=10)
    apply(tasks, Started(1, 99, 0.0), 0.0)
    for id in range(1, 51):
        tasks.end(id, Status.LOST, "", 1.0)
    assert list(tasks.failed) == [1]
    assert tasks.whole(1.0).postfix == "50 failed"


def test_nested_bars_stand_under_their_task_while_it_runs() -> None:
    tasks = running()
    apply(tasks, advanced(n=1, total=2), 1.0)
    apply(tasks, advanced(n=3, total=4, slot=1, serial=2, desc="inner"), 1.0)
    apply(tasks, advanced(n=1, total=4, slot=1, serial=1, desc="older"), 1.0)
    outer, inner = tasks.running[1].bars(1.0)
    assert (outer.desc, outer.depth, inner.desc, inner.depth, inner.n) == (
        "task 1",
        0,
        "inner",
        1,
        3,
    )
    tasks.end(1, Status.DONE, "", 2.0)
    assert len(tasks.finished[1].bars(2.0)) == 1


def test_a_task_without_a_bar_has_a_name_and_a_time() -> None:
    (row,) = running().running[1].bars(2.5)
    assert not row.counted
    assert (row.desc, row.elapsed, row.fraction) == ("task 1", 2.5, None)


def test_the_whole_counts_calls_and_partial_progress() -> None:
    tasks = submitted(4, items=10)
    apply(tasks, Started(1, 99, 0.0), 0.0)
    apply(tasks, advanced(n=1, total=2), 1.0)
    tasks.end(2, Status.DONE, "", 1.0)
    whole = tasks.whole(1.0)
    assert (whole.n, whole.total) == (10, 40)
    assert whole.fraction == pytest.approx(15 / 40)


def stepped(
    tasks: Tasks, seconds: range, ids: tuple[int, ...], total: int, begun: float = 0.0
) -> BarState:
    """Each second these tasks make a step of so many. Gives the whole after them."""
    for second in seconds:
        for id in ids:
            event = advanced(id, n=second, total=total, elapsed=float(second))
            apply(tasks, event, begun + second)
        whole = tasks.whole(begun + second)
    return whole


def test_the_time_to_go_counts_partial_progress_and_what_waits() -> None:
    tasks = submitted(8)
    for id in (1, 2, 3):
        apply(tasks, Started(id, 99, 0.0), 0.0)
    stepped(tasks, range(1, 11), (1, 2, 3), 10)
    for id in (1, 2, 3):
        tasks.end(id, Status.DONE, "", 10.0)
    for id in (4, 5):
        apply(tasks, Started(id, 99, 0.0), 10.0)
    # two more are half done after 15 s: at 0.2 to 0.3 a second, four are to go
    assert stepped(tasks, range(1, 6), (4, 5), 10, 10.0).remaining == pytest.approx(16, abs=3)


def test_of_the_first_wave_no_time_to_go_is_told_before_a_minute() -> None:
    """That the rest is like those that run first is a guess: the largest may be first."""
    tasks = submitted(8)
    for id in (1, 2):
        apply(tasks, Started(id, 99, 0.0), 0.0)
    assert stepped(tasks, range(1, 61), (1, 2), 100).remaining is None
    # six tenths of two tasks of a hundred seconds each; six more are to go
    assert stepped(tasks, range(61, 62), (1, 2), 100).remaining == pytest.approx(339, rel=0.01)


def test_the_whole_takes_no_less_than_the_longest_that_runs() -> None:
    tasks = submitted(4)
    for id in (1, 2):
        apply(tasks, Started(id, 99, 0.0), 0.0)
    stepped(tasks, range(1, 11), (1,), 1000)
    tasks.end(2, Status.DONE, "", 10.0)
    tasks.end(3, Status.DONE, "", 10.0)
    # by the rate, two more tasks would take ten seconds
    assert tasks.pending
    assert tasks.whole(11.0).remaining == pytest.approx(989, rel=0.01)


def test_without_bars_the_time_to_go_is_not_told_before_a_wave_is_through() -> None:
    tasks = running(8)
    for id in range(9, 41):
        tasks.submit({id: ("", 1)}, 0.0)
    told = []
    for id in range(1, 9):
        now = 10.0 + id / 10
        tasks.end(id, Status.DONE, "", now)
        apply(tasks, Started(8 + id, 99, 0.0), now)
        told.append(tasks.whole(now).remaining)
    assert told[:7] == [None] * 7
    assert told[7] == pytest.approx(32 * 10.8 / 8, rel=0.1)


def test_the_whole_does_not_step_back_when_one_bar_follows_another() -> None:
    tasks = running(2)
    apply(tasks, advanced(n=8, total=10), 1.0)
    before = tasks.whole(1.0).fraction
    apply(tasks, advanced(n=0, total=10, serial=2), 2.0)
    assert tasks.whole(2.0).fraction == before
    assert tasks.running[1].bars(2.0)[0].fraction == 0


def test_the_clock_of_the_whole_stands_while_nothing_is_live() -> None:
    tasks = submitted()
    tasks.end(1, Status.DONE, "", 2.0)
    assert tasks.whole(50.0).elapsed == 2
    tasks.submit({2: ("", 1)}, 100.0)
    assert tasks.whole(103.0).elapsed == 5
    tasks.withdraw(2, 103.0)
    assert tasks.whole(200.0).elapsed == 5
    assert tasks.all == 1


def test_a_task_that_is_withdrawn_is_heard_of_no_more() -> None:
    tasks = Tasks()
    tasks.submit({1: ("task", 3, (0, 0))}, 0.0)
    apply(tasks, Started(1, 9, 0.0), 1.0)
    tasks.withdraw(1, 2.0)
    apply(tasks, advanced(n=2, total=3), 3.0)
    assert tasks.all == 0
    assert not tasks.live
    assert not tasks.located
    assert tasks.whole(9.0).elapsed == 2


actions = st.lists(
    st.tuples(
        st.sampled_from(["submit", "withdraw", "start", "bar", *Status]),
        st.integers(1, 12),
        st.integers(1, 5),
    ),
    max_size=80,
)


@given(actions)
def test_whatever_happens_the_counts_add_up(what: list[tuple[object, int, int]]) -> None:
    tasks = Tasks(kept=3)
    known: dict[int, tuple[int, Status]] = {}
    fraction, size, gone = 0.0, 0, 0
    for tenth, (action, id, number) in enumerate(what):
        now = tenth / 10
        items, status = known.get(id, (0, None))
        if action == "submit":
            if id not in known:
                tasks.submit({id: ("", number)}, now)
                known[id] = number, Status.PENDING
        elif action == "withdraw":
            tasks.withdraw(id, now)
            if status in (Status.PENDING, Status.RUNNING):
                del known[id]
        elif isinstance(action, Status):
            if action.ended:
                tasks.end(id, action, "", now)
                if status in (Status.PENDING, Status.RUNNING):
                    known[id] = items, action
        else:
            start = Started(id, 9, 0.0)
            apply(tasks, start if action == "start" else advanced(id, number, 5), now)
            if status is Status.PENDING:
                known[id] = items, Status.RUNNING
        for each in Status:
            of_it = [items for items, status in known.values() if status is each]
            assert tasks.counts[each] == len(of_it)
            assert tasks.items[each] == sum(of_it)
        assert len(tasks.finished) <= 3
        assert len(tasks.failed) <= 3
        assert tasks.live == bool(tasks.counts[Status.PENDING] + tasks.counts[Status.RUNNING])
        whole = tasks.whole(now)
        before, gone = gone, tasks.items[Status.CANCELLED]
        assert whole.n == tasks.ended - gone <= tasks.all == whole.total
        # what a task had done is not done once it is cancelled
        if tasks.all == size and size and gone == before:
            assert whole.fraction is not None
            assert fraction - 1e-9 <= whole.fraction <= 1
        fraction, size = whole.fraction or 0.0, tasks.all


def test_in_a_flood_the_newest_that_are_kept_are_new() -> None:
    tasks = Tasks(kept=40)
    for first in range(0, 4000, 100):
        ids = range(first, first + 100)
        tasks.submit({id: str(id) for id in ids}, float(first))
        tasks.done(ids, first + 1.0)
    assert 3999 in tasks.finished and min(tasks.finished) > 3800
    assert tasks.ended == 4000
