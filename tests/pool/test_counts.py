"""Counts are exact at every task's end, whatever the start method, the channel and the pace."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.context import BaseContext
from typing import Any

import pytest
import tasks
from displays_seen import Shown

from barexec import ProgressPoolExecutor, ProgressThreadPoolExecutor, channel, sharing, worker
from barexec import display as displays
from barexec import events as records
from barexec.display import FLOOD, INTERVAL, Display
from barexec.policy import Policy
from barexec.pool import Pool
from barexec.state import Status, TaskState

full = pytest.mark.skipif(sys.platform == "win32", reason="a full channel waits there")


def counted(task: TaskState, slot: int = 0) -> tuple[float, float | None, bool]:
    """Count and total of a bar of a task, and whether it is closed."""
    meter = task.meters[slot]
    assert meter is not None, f"nothing was told of bar {slot} of {task.desc}"
    return meter.event.n, meter.event.total, meter.event.closed


def test_a_count_is_exact_at_the_tasks_end(context: BaseContext, shown: Shown) -> None:
    lengths = [1, 10, 2345]
    calls = [(task, n) for task in tasks.COUNTED for n in lengths]
    with ProgressPoolExecutor(6, context) as executor:
        futures = [executor.submit(task, n) for task, n in calls]
        assert [future.result() for future in futures] == [n for _, n in calls]
    for (task, n), state in zip(calls, shown.tasks.values(), strict=True):
        assert state.status is Status.DONE
        total = {tasks.tracked_generator: None, tasks.tracked_until: n + 10}.get(task, n)
        assert counted(state) == (n, total, True), state.desc
        if task is tasks.nested:
            assert counted(state, 1) == (3, 3, True)


def test_bars_that_the_executor_makes_count_too(context: BaseContext, shown: Shown) -> None:
    with ProgressPoolExecutor(2, context) as executor:
        executor.submit(tasks.injected, 7)
        options = executor.options(total=lambda n: n + 1, desc="with {}".format, unit="step")
        list(options.map(tasks.injected, [3, 4]))
    assert [counted(task) for task in shown.tasks.values()] == [
        (7, None, True),
        (3, 4, True),
        (4, 5, True),
    ]
    assert [task.desc for task in shown.tasks.values()] == ["injected(7)", "with 3", "with 4"]


@pytest.mark.parametrize("chunksize", [1, 7, 50, 1000])
def test_the_whole_counts_items_and_not_chunks(
    chunksize: int, context: BaseContext, shown: Shown
) -> None:
    with ProgressPoolExecutor(2, context) as executor:
        results = list(executor.map(tasks.square, range(100), chunksize=chunksize))
    assert results == [n * n for n in range(100)]
    whole = shown.only.tasks.whole(0)
    assert (whole.n, whole.total) == (100, 100)
    assert len(shown.tasks) == -(-100 // chunksize)
    if chunksize == 7:
        assert [t.desc for t in shown.tasks.values()][::7] == [
            "square[0:7]",
            "square[49:56]",
            "square[98:100]",
        ]


def test_the_items_of_a_chunk_are_counted(context: BaseContext, shown: Shown) -> None:
    with ProgressPoolExecutor(1, context) as executor:
        list(executor.map(tasks.pause, [0.03] * 8, chunksize=4))
    assert [counted(task) for task in shown.tasks.values()] == [(4, 4, True)] * 2


def test_of_a_chunk_that_fails_all_items_count_as_failed(shown: Shown) -> None:
    with ProgressPoolExecutor(1) as executor:
        results = executor.map(tasks.raises_at, range(9), chunksize=3)
        with pytest.raises(ValueError, match="item 5"):
            list(results)
    items = shown.only.tasks.items
    assert items[Status.FAILED] == 3
    # what comes behind the error may have been cancelled before it ran
    assert items[Status.DONE] + items[Status.CANCELLED] == 6


def test_hundreds_of_short_tasks_are_all_counted(context: BaseContext, shown: Shown) -> None:
    """They tell next to nothing of themselves: their ends come from their Futures."""
    with ProgressPoolExecutor(2, context) as executor:
        assert list(executor.map(tasks.short, [5] * 600)) == [5] * 600
    assert {task.status for task in shown.tasks.values()} == {Status.DONE}
    whole = shown.only.tasks.whole(0)
    assert (whole.n, whole.total) == (600, 600)
    told = [counted(task) for task in shown.tasks.values() if task.meters]
    assert set(told) == {(5, 5, True)}


@full
def test_counts_are_exact_when_the_channel_was_full(
    context: BaseContext, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The display does not read, and the channel has no room, until all tasks have ended."""
    reads, has_read = threading.Event(), threading.Event()
    receive = channel.PipeReceiver.receive

    def received(self: channel.PipeReceiver) -> bytes:
        if not reads.is_set():
            return b""
        data = receive(self)
        has_read.set()
        return data

    monkeypatch.setattr(channel.PipeReceiver, "receive", received)
    # each of them short of room for one more, so that the pipe gets full to the brim
    filling = records.encode(records.Started(2**63, 1, 0.0))
    with ProgressPoolExecutor(2, context) as executor:
        sender = shown.only.pools[0].sender
        while sender.send(filling):
            pass
        results = executor.map(tasks.tracked_list, range(1, 9))
        assert list(results) == list(range(1, 9))
        assert not any(task.meters for task in shown.tasks.values())
        reads.set()
        assert has_read.wait(60)  # a worker that ends waits for room, but only so long
    assert [counted(task) for task in shown.tasks.values()] == [(n, n, True) for n in range(1, 9)]


@full
def test_a_display_that_never_reads_holds_up_neither_task_nor_shutdown(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel.PipeReceiver, "receive", lambda self: b"")
    with ProgressPoolExecutor(2) as executor:
        sender = shown.only.pools[0].sender
        while sender.send(bytes(400)):
            pass
        assert list(executor.map(tasks.tracked_range, [3, 4])) == [3, 4]
    assert [status for _, status in shown.outcomes] == ["DONE"] * 2


def test_executors_that_live_side_by_side_are_counted_together(
    context: BaseContext, shown: Shown
) -> None:
    with ProgressPoolExecutor(1, context) as one, ProgressPoolExecutor(1, context) as two:
        futures = [ex.submit(tasks.tracked_range, n) for n in (3, 4) for ex in (one, two)]
        assert [future.result() for future in futures] == [3, 3, 4, 4]
    assert [counted(task)[0] for task in shown.tasks.values()] == [3, 3, 4, 4]
    assert shown.only.tasks.whole(0).n == 4


# --- the order in which things come ----------------------------------------------------


class Scripted:
    """A receiver that does something just when the display reads."""

    def __init__(self, *steps: Callable[[], bytes]) -> None:
        self.steps = list(steps)
        self.closed = False

    def receive(self) -> bytes:
        assert not self.closed, "read after its end"
        return self.steps.pop(0)() if self.steps else b""

    def deafen(self) -> None:
        self.closed = True

    close = deafen


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Display:
    """One that is looked at by hand: it has no thread, and shows nothing."""
    monkeypatch.setattr(worker, "senders", {})
    display = Display(Policy("plain"), None)  # type: ignore[arg-type]
    monkeypatch.setattr(display, "start", lambda: None)
    monkeypatch.setattr(display, "kick", lambda may_wait=True: None)
    monkeypatch.setattr(display._view, "show", lambda over, now, last: None)
    return display


def advanced(task: int, n: int, closed: bool) -> bytes:
    return records.encode(records.Advanced(task, 0, 1, n, 5, 0.1, closed, "", "it", ""))


def test_the_last_numbers_of_a_pool_that_closes_in_mid_round_are_taken_in(
    display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of a task may come between the display's look at what was reported and its look at
    who has closed."""
    take = display._take

    def take_first(now: float) -> Any:
        taken = take(now)
        if not last:
            id = pool.submitted("all of it", 1)
            pool.accepted(id, future)
            last.append(advanced(id, 5, True))
            future.set_result(None)
            pool.close(wait=False)
            pool.linger = 0  # as `close(wait=True)` has it
        return taken

    monkeypatch.setattr(display, "_take", take_first)
    future: Future[None] = Future()
    last: list[bytes] = []
    receiver: Any = Scripted(lambda: b"", lambda: last[0])
    pool = Pool(display, None, receiver)  # type: ignore[arg-type]
    display.pools.append(pool)
    display._step(1.0)
    assert not pool.gone.is_set()
    display._step(1.1)
    assert pool.gone.is_set()
    assert display.finished.is_set()
    (task,) = display.tasks.finished.values()
    assert counted(task) == (5, 5, True)


def test_numbers_that_come_after_the_end_are_the_tasks_all_the_same(display: Display) -> None:
    """The result may overtake the last record; the workers of a pool that nobody waits for
    are listened to for a while."""
    receiver: Any = Scripted(lambda: advanced(id, 2, False), lambda: advanced(id, 5, True))
    pool = Pool(display, None, receiver)  # type: ignore[arg-type]
    display.pools.append(pool)
    id = pool.submitted("late", 1)
    future: Future[None] = Future()
    pool.accepted(id, future)
    future.set_exception(ValueError("no"))
    pool.close(wait=False)
    assert display._step(1.0)
    (task,) = display.tasks.failed.values()
    assert counted(task) == (2, 5, False)
    assert display._step(1.1)
    assert counted(task) == (5, 5, True)
    assert not display._step(1.2)
    assert display.finished.is_set()
    assert task.message == "ValueError: no"


def test_an_end_is_seen_before_it_is_reported(display: Display) -> None:
    """Who waits for a result may have it before callbacks are called, and print something."""
    pool = Pool(display, None, Scripted())  # type: ignore[arg-type]
    future: Future[None] = Future()
    seen: list[bool] = []
    future.add_done_callback(lambda future: seen.append(pool.ending))
    pool.accepted(1, future)
    assert not pool.ending
    future.set_result(None)
    assert seen == [True]
    assert not pool.ending


def test_a_task_that_the_executor_refuses_never_was(display: Display) -> None:
    pool = Pool(display, None, Scripted())  # type: ignore[arg-type]
    display.pools.append(pool)
    pool.refused(pool.submitted("refused", 1), ValueError())
    display._step(1.0)
    assert display.tasks.all == 0
    assert display.tasks.counts == Counter({Status.PENDING: 0})
    pool.close(wait=False)
    pool.linger = 0
    display._step(1.1)
    assert display.finished.is_set()


def test_a_program_that_exits_waits_for_no_task(display: Display) -> None:
    """As after a second Ctrl-C: the stock executor no longer waits for its tasks either."""
    pool = Pool(display, None, Scripted())  # type: ignore[arg-type]
    display.pools.append(pool)
    pool.accepted(pool.submitted("endless", 1), Future())
    assert display._step(1.0)
    displays.live.append(display)
    pool.closing, pool.linger, display.exiting = True, 0, True
    assert not display._step(1.1)
    assert display.finished.is_set()
    assert display not in displays.live


def test_two_threads_never_look_at_the_same_time(
    display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a fork gave up a thread that hangs in a frozen terminal, and the next starts."""
    shows, thaws = threading.Event(), threading.Event()

    def freeze(over: object, now: float, last: bool) -> None:
        shows.set()
        assert thaws.wait(60)

    monkeypatch.setattr(display._view, "show", freeze)
    monkeypatch.setattr(displays, "PATIENCE", 0.01)
    display.pools.append(Pool(display, None, Scripted()))  # type: ignore[arg-type]
    frozen = threading.Thread(target=display._tick)
    frozen.start()
    assert shows.wait(60)
    shows.clear()
    assert display._tick()  # it asks for another try, and has not looked
    assert not shows.is_set()
    thaws.set()
    frozen.join()
    display._tick()
    assert shows.is_set()


def test_who_waits_for_a_slow_machine_is_patient_as_long_as_it_moves(display: Display) -> None:
    display._drawing = -1  # some thread is at it
    text = display._output.tasks
    waits = 0

    def wait(seconds: float) -> bool:
        nonlocal waits
        waits += 1
        if waits < 5:
            text.hear(-1, "one more line\n", False, 0.0)
        return False

    assert not display.patiently(wait)
    assert waits == 5


def test_what_the_program_writes_does_not_wait_for_a_last_frame_that_takes_too_long(
    display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(displays, "PATIENCE", 0.001)
    closed = []
    monkeypatch.setattr(display._output, "close", lambda: closed.append(True))
    display.join()  # it has not finished
    display.finished.set()
    display.join()
    assert closed == []
    with display._round:
        display.join()
    assert closed == [True]


def test_nor_does_it_wait_for_one_that_has_not_begun_when_the_interpreter_exits(
    display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(displays, "PATIENCE", 0.001)
    closed = []
    monkeypatch.setattr(display._view, "close", lambda: closed.append("view"))
    monkeypatch.setattr(display._output, "close", lambda: closed.append("output"))
    display.await_end()
    assert closed == []
    display.exiting = True
    display.await_end()
    assert closed == ["view", "output"]


def test_a_bar_that_another_thread_closes_is_not_waited_for(
    display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the garbage collector does, perhaps in the display's own thread."""
    monkeypatch.setattr(sharing, "_decide", lambda *_: Policy("inline"))
    monkeypatch.setattr(sharing, "_stages", {})
    monkeypatch.setattr(sharing, "_display_of", lambda *_: display)
    waits: list[float] = []
    monkeypatch.setattr(display.finished, "wait", waits.append)
    staged: list[Any] = []
    thread = threading.Thread(target=lambda: staged.append(sharing.stage()))
    thread.start()
    thread.join()
    for round in range(2):  # of the other thread, then of this one
        (task,) = staged
        task.on_end(task)
        assert len(waits) == round
        display._step(1.0)
        staged = [sharing.stage()]


def test_where_thousands_of_tasks_end_a_frame_comes_half_as_often(display: Display) -> None:
    pool = Pool(display, *channel.open_memory_channel())
    display.pools.append(pool)
    for ends, times in ((FLOOD, 1), (FLOOD + 1, 2), (FLOOD // 2, 1)):
        pool.done += [pool.submitted("short", 1) for _ in range(ends)]
        assert display._step(0.0)
        assert display._ticker.interval == times * INTERVAL
    pool.forget()


def test_the_end_of_a_task_whose_pool_begins_just_now_is_not_lost(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain, begin, drained = displays._drain, threading.Event(), threading.Event()
    others: list[ProgressThreadPoolExecutor] = []

    def begins() -> None:
        others.append(ProgressThreadPoolExecutor(1))
        future = others[0].submit(tasks.raises)
        assert isinstance(future.exception(60), ValueError)
        with suppress(ValueError):
            others[0].submit(tasks.square, 1).result(60)  # after it, the first has been told

    def drained_late(messages: Any) -> Any:
        if begin.is_set() and not drained.is_set():
            thread = threading.Thread(target=begins)
            thread.start()
            thread.join()
            drained.set()
        return drain(messages)

    monkeypatch.setattr(displays, "_drain", drained_late)
    with ProgressPoolExecutor(1) as executor:
        executor.submit(tasks.square, 3).result()
        begin.set()
        assert drained.wait(60)
        others[0].shutdown()
    assert [task.status for task in shown.tasks.values()] == [
        Status.DONE,
        Status.FAILED,
        Status.DONE,
    ]
