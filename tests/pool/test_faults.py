"""What goes wrong in a worker: the Future as the stock executor has it, and what the bar says.

One table: a fault, what the Future must be, what becomes of the bar. The stock executor runs
through the very same fault, and ours must give the same.
"""

from __future__ import annotations

import gc
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tasks
from displays_seen import Shown

from barexec import ProgressPoolExecutor, sharing
from barexec import display as displays
from barexec import pool as pools
from barexec.crew import Crew
from barexec.view import View

posix = pytest.mark.skipif(sys.platform == "win32", reason="there the channel has no descriptor")

DIED = r"its worker died \(.*\), pid \d+"
UNSTARTED = r"a worker died \(.*\), pid \d+"
UNREAD = "stopped: a result could not be read: .*"


class Fault(NamedTuple):
    """A fault, and what comes of it."""

    task: Callable[..., Any]
    args: tuple[Any, ...]
    future: Any
    """A value, or the type of an exception."""
    status: str
    message: str = ""
    alive: bool = True
    """Whether the pool takes the next task."""


FAULTS = {
    # errors
    "raises": Fault(tasks.raises, (), ValueError, "FAILED", "ValueError: it broke"),
    "raises in a loop": Fault(tasks.raises_in_a_loop, (), ValueError, "FAILED", ".*item 3"),
    "raises what can't be pickled": Fault(
        tasks.raises_what_cannot_be_pickled, (), TypeError, "FAILED", ".*does not travel"
    ),
    "raises what can't be unpickled": Fault(
        tasks.raises_what_cannot_be_unpickled, (), BrokenProcessPool, "LOST", UNREAD, False
    ),
    "raises what has no text": Fault(
        tasks.raises_what_has_no_text, (), tasks.Sly, "FAILED", r"Sly: \(SystemExit in its.*"
    ),
    "raises a long text": Fault(
        tasks.raises, ("long\n" * 9999,), ValueError, "FAILED", "ValueError: (long ){99}long"
    ),
    "returns what can't be pickled": Fault(
        tasks.returns_what_cannot_be_pickled, (), TypeError, "FAILED", "TypeError: cannot pickle.*"
    ),
    "sys.exit": Fault(tasks.exits, (), SystemExit, "FAILED", "SystemExit: 3"),
    "KeyboardInterrupt": Fault(tasks.interrupts, (), KeyboardInterrupt, "CANCELLED", "interrupted"),
    # deaths
    "os._exit": Fault(tasks.exits_at_once, (), BrokenProcessPool, "LOST", DIED, False),
    "SIGSEGV": Fault(tasks.crashes, (), BrokenProcessPool, "LOST", DIED, False),
    "SIGKILL": Fault(tasks.kill_myself, (), BrokenProcessPool, "LOST", DIED, False),
    "SIGKILL in a loop": Fault(
        tasks.is_killed_in_a_loop, (), BrokenProcessPool, "LOST", DIED, False
    ),
    # liberties
    "forks": Fault(tasks.forks, (), 0, "DONE"),
    "leaves a thread": Fault(tasks.leaves_a_thread, (), "done", "DONE"),
    "leaves a loop to a thread": Fault(tasks.leaves_a_loop_to_a_thread, (), "done", "DONE"),
    "closes descriptors 3-9": Fault(tasks.closes_descriptors, (3, 9), ..., ..., alive=...),  # type: ignore[arg-type]
    "closes descriptors 0-9": Fault(tasks.closes_descriptors, (0, 9), ..., ..., alive=...),  # type: ignore[arg-type]
    "changes its directory": Fault(tasks.changes_directory, (), os.path.abspath("/"), "DONE"),  # noqa: PTH100
    "takes the streams away": Fault(tasks.takes_the_streams, (), "done", "DONE"),
    "clears the environment": Fault(tasks.clears_the_environment, (), "done", "DONE"),
    "no thread can be had": Fault(tasks.finds_no_thread, (), 9, "DONE"),
    "SIGPIPE is deadly": Fault(tasks.sets_a_deadly_signal, (), "done", "DONE"),
}


if sys.platform == "win32":
    for name in ("forks", "SIGPIPE is deadly"):
        del FAULTS[name]


def outcome(future: Future[Any]) -> tuple[object, ...]:
    """All that the Future says, without what differs from process to process."""
    try:
        return (future.result(60),)
    except BaseException as error:
        cause = re.sub(r"\d{3,}", "…", str(error.__cause__))
        if "terminated abruptly with exit code" in cause:
            cause = "None"  # CPython 3.15 on tells it, if it is quick enough
        return type(error), error.args, cause


def run(kind: Any, fault: Fault, method: str) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """The Future of the fault, and that of the task that comes after it."""
    with kind(1, get_context(method)) as executor:
        first = outcome(executor.submit(fault.task, *fault.args))
        try:
            second = outcome(executor.submit(tasks.square, 4))
        except BrokenProcessPool as error:
            second = type(error), error.args
    return first, second


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_what_it_is_with_the_stock_executor(
    name: str, method: str, shown: Shown
) -> None:
    fault = FAULTS[name]
    stock = run(ProcessPoolExecutor, fault, method)
    ours = run(ProgressPoolExecutor, fault, method)
    assert ours == stock
    (first, *_), (second, *_) = ours
    if fault.future is ...:  # whether the worker can do without them depends on their numbers
        died = first is BrokenProcessPool
        fault = fault._replace(
            future=first, status="LOST" if died else "DONE", message=DIED if died else ""
        )._replace(alive=second == 16)
    assert first == fault.future
    assert (second == 16) is fault.alive
    task = next(iter(shown.tasks.values()))
    assert task.status.name == fault.status
    assert re.fullmatch(fault.message, task.message), task.message
    if fault.alive:
        assert shown.outcomes[1:] == [("square(4)", "DONE")]
    # all rows add up
    whole = shown.only.tasks
    assert whole.ended == whole.all == len(shown.tasks)


def test_tasks_that_wait_are_lost_with_the_worker(
    method: str, shown: Shown, tmp_path: Path
) -> None:
    def stands_at_five() -> bool:
        with suppress(RuntimeError):  # the display is just at it
            meters = [meter for task in shown.tasks.values() for meter in task.meters]
            return any(meter is not None and meter.event.n == 5 for meter in meters)
        return False

    seen = tmp_path / "seen"
    with ProgressPoolExecutor(1, get_context(method)) as executor:
        first = executor.submit(tasks.pause, tasks.LONG)
        futures = [executor.submit(tasks.is_killed_in_a_loop, str(seen))]
        futures += [executor.submit(tasks.square, n) for n in range(9)]
        assert first.result() == tasks.LONG
        until = time.monotonic() + 60
        while not stands_at_five():  # the display tells nobody
            assert time.monotonic() < until
            time.sleep(0.01)
        seen.touch()
        assert all(type(future.exception(60)) is BrokenProcessPool for future in futures)
    assert [status for _, status in shown.outcomes] == ["DONE"] + ["LOST"] * 10
    messages = [task.message for task in shown.tasks.values()]
    assert re.fullmatch(DIED, messages[1])
    assert all(re.fullmatch(UNSTARTED, message) for message in messages[2:])
    (killed,) = (task for task in shown.tasks.values() if task.meters)
    assert killed.meters[0] is not None
    assert killed.meters[0].event.n == 5


def test_whose_death_has_stopped_a_task_is_told(method: str, shown: Shown, tmp_path: Path) -> None:
    begun = str(tmp_path / "begun")
    with ProgressPoolExecutor(2, get_context(method)) as executor:
        other = executor.submit(tasks.stands, begun)
        executor.submit(tasks.is_killed_after, begun)
        assert type(other.exception(60)) is BrokenProcessPool
    stopped, killed = (task.message for task in shown.tasks.values())
    assert re.fullmatch(rf"stopped: a worker died \({tasks.KILLED}\), pid \d+", stopped)
    assert re.search(rf"worker died \({tasks.KILLED}\)", killed)
    assert re.findall(r"\d+", stopped) == re.findall(r"\d+", killed)


def test_a_worker_that_is_killed_while_it_idles_takes_nothing_along(
    method: str, shown: Shown
) -> None:
    with ProgressPoolExecutor(1, get_context(method)) as executor:
        pid = executor.submit(tasks.process_id).result()
        os.kill(pid, tasks.KILL)
        with pytest.raises(BrokenProcessPool):  # at once, or at the result
            while True:
                executor.submit(tasks.square, 2).result(60)
    assert shown.outcomes[0] == ("process_id", "DONE")
    assert {status for _, status in shown.outcomes[1:]} <= {"LOST", "DONE"}


@pytest.mark.parametrize("initializer", [tasks.initializer_raises, tasks.kill_myself, tasks.exits])
def test_a_worker_that_does_not_start_loses_all_tasks(
    initializer: Callable[..., object],
    method: str,
    shown: Shown,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # under fork the worker would log to the handlers of the test run
    monkeypatch.setattr(logging.getLogger("concurrent.futures"), "disabled", True)
    with (
        ProgressPoolExecutor(1, get_context(method), initializer) as executor,
        pytest.raises(BrokenProcessPool),
    ):
        futures = [executor.submit(tasks.square, n) for n in range(3)]
        futures[0].result(60)
    assert {status for _, status in shown.outcomes} == {"LOST"}
    assert all(re.fullmatch(UNSTARTED, task.message) for task in shown.tasks.values())


def test_a_task_may_have_a_pool_of_its_own(method: str, shown: Shown) -> None:
    for kind in (ProcessPoolExecutor, ProgressPoolExecutor):
        with ProgressPoolExecutor(1, get_context(method)) as executor:
            future = executor.submit(tasks.starts_a_pool, kind, method)
            assert future.result() == [0, 1, 4, 9]
        # what it does in there is its own business
        assert [t.desc for t in shown.displays[-1].tasks.finished.values()] == [
            "starts_a_pool(…, " + repr(method) + ")"
        ]


@posix
@pytest.mark.parametrize("on_interrupt", ["stop", "finish"])
def test_a_task_whose_own_pool_breaks_has_failed_and_no_other(
    method: str, shown: Shown, on_interrupt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with the error that also stands for a dead worker of the pool that it runs in."""
    monkeypatch.setattr(pools, "FORGOTTEN", 0.0)
    recall, looks = pools.Pool.recall, threading.Semaphore(0)

    def looked(self: pools.Pool, now: float) -> None:
        recall(self, now)
        looks.release()

    gone = tmp_path / "gone"
    with ProgressPoolExecutor(2, get_context(method), on_interrupt=on_interrupt) as executor:
        waits = executor.submit(tasks.wait_for, str(gone))
        with pytest.raises(BrokenProcessPool):
            executor.submit(tasks.breaks_a_pool_of_its_own).result()
        monkeypatch.setattr(pools.Pool, "recall", looked)
        for _ in range(4):
            assert looks.acquire(timeout=60)
        assert not waits.done()
        gone.touch()
        assert waits.result() == str(gone)
        assert executor.submit(tasks.square, 3).result() == 9
    assert [status for _, status in shown.outcomes] == ["DONE", "FAILED", "DONE"]


@posix
def test_a_task_may_close_the_channel(method: str, shown: Shown) -> None:
    with ProgressPoolExecutor(1, get_context(method)) as executor:
        assert executor.submit(tasks.closes_the_channel).result() == "done"
        assert executor.submit(tasks.tracked_range, 5).result() == 5
    assert [status for _, status in shown.outcomes] == ["DONE"] * 2


@posix
def test_nothing_is_written_to_a_file_that_got_the_channels_number(
    method: str, shown: Shown
) -> None:
    with ProgressPoolExecutor(1, get_context(method)) as executor:
        assert executor.submit(tasks.gives_the_channel_away).result() == b""
        assert executor.submit(tasks.tracked_range, 5).result() == 5


def test_closed_streams_are_no_matter(method: str, shown: Shown) -> None:
    """Of the worker's own; CPython itself complains at its exit, but works."""
    with ProgressPoolExecutor(1, get_context(method)) as executor:
        assert executor.submit(tasks.closes_the_streams).result() == "done"
    assert [status for _, status in shown.outcomes] == ["DONE"]


# --- what goes wrong with the display itself -------------------------------------------


class Gone:
    """A stream that nobody takes anything from any longer."""

    encoding = "utf-8"
    closed = False

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        raise BrokenPipeError("nobody there")

    def flush(self) -> None:
        pass


def test_a_display_that_fails_is_one_warning_and_the_work_goes_on(
    method: str, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Gone())
    with (
        pytest.warns(RuntimeWarning, match=r"no more progress \(BrokenPipeError") as heard,
        ProgressPoolExecutor(2, get_context(method)) as executor,
    ):
        assert executor.submit(tasks.tracked_range, 3).result() == 3
        assert shown.only.finished.wait(60)
        assert list(executor.map(tasks.tracked_range, range(4))) == [0, 1, 2, 3]
    assert [w.category for w in heard].count(RuntimeWarning) == 1
    assert not shown.only.submitted
    assert not shown.only.ended
    assert not displays.live


class Odd(BaseException):
    """What no code but a framework's raises, as to cancel a coroutine or to skip a test."""


class Widget:
    """A stream in whose place nobody can write any more."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        raise RuntimeError("it was deleted")

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("stream", [None, Widget()])
def test_whatever_is_raised_where_the_display_draws_fails_no_more_than_that(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, stream: Any
) -> None:
    def show(*args: Any) -> None:
        raise Odd("it is")

    monkeypatch.setattr(View, "show", show)
    if stream is not None:
        monkeypatch.setattr(sys, "stderr", stream)
    with (
        pytest.warns(RuntimeWarning, match=r"no more progress \(Odd: it is\)"),
        ProgressPoolExecutor(1) as executor,
    ):
        pool = executor._pool
        assert pool is not None
        stock = pool.receiver.deafen

        def deafen() -> None:
            stock()
            raise OSError("closed by somebody else")

        monkeypatch.setattr(pool.receiver, "deafen", deafen)
        assert executor.submit(tasks.square, 3).result() == 9
        assert shown.only.finished.wait(60)
        assert pool.gone.wait(60)
        monkeypatch.undo()
    assert not displays.live


def test_an_executor_dropped_after_its_display_failed_leaves_nothing(
    method: str, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Gone())
    executor = ProgressPoolExecutor(1, get_context(method))
    with pytest.warns(RuntimeWarning, match="no more progress"):
        executor.submit(tasks.square, 3).result()
        assert shown.only.finished.wait(60)
        shown.only.join()
    executor.shutdown(wait=False)
    del executor


def test_a_thread_that_cannot_be_started_is_one_warning(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(ticker: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("barexec.ticker.Ticker._start", refuse)
    with (
        pytest.warns(RuntimeWarning, match="can't start new thread") as heard,
        ProgressPoolExecutor(1, get_context("spawn")) as executor,
    ):
        assert [executor.submit(tasks.square, n).result() for n in range(3)] == [0, 1, 4]
    assert [w.category for w in heard].count(RuntimeWarning) == 1


def test_no_descriptor_for_a_channel_is_one_warning(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(sharing, "open_channel", refuse)
    with pytest.warns(RuntimeWarning, match="no channel could be made .*Too many open files"):
        executor = ProgressPoolExecutor(1)
    with executor:
        assert executor.submit(tasks.square, 3).result() == 9
        assert executor.submit(tasks.injected, 2).result() == 2
    assert shown.displays == []


@pytest.mark.parametrize("stream", [None, "closed"])
def test_without_a_stderr_nothing_is_shown(
    stream: str | None, shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "closed").open("w") as file:
        pass
    monkeypatch.setattr(sys, "stderr", file if stream else None)
    with ProgressPoolExecutor(1) as executor:
        assert executor.submit(tasks.injected, 2).result() == 2
    assert shown.displays == []


@pytest.mark.parametrize("in_block", [True, False])
def test_a_task_that_a_broken_executor_forgets_is_ended(
    context: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, in_block: bool
) -> None:
    """As up to CPython 3.12.0, where one is submitted while it breaks."""
    from concurrent.futures import process

    manager: Any = process._ExecutorManagerThread  # type: ignore[attr-defined]
    terminate = manager.terminate_broken

    def forgets(self: Any, cause: object) -> None:
        self.pending_work_items.popitem()
        terminate(self, cause)

    monkeypatch.setattr(manager, "terminate_broken", forgets)
    with ProgressPoolExecutor(1, context, display="plain") as ex:
        ex.submit(tasks.wait_for, str(tmp_path / "all"))
        futures: list[Any] = [
            ex.submit(tasks.kill_myself),
            *(ex.submit(tasks.square, n) for n in range(9)),
        ]
        (tmp_path / "all").touch()
        if in_block:
            errors = [future.exception(60) for future in futures]
    errors = [future.exception(0) for future in futures]
    assert {type(error).__name__ for error in errors} == {"BrokenProcessPool"}


@posix
def test_nothing_stays_of_a_task_that_is_added_as_its_executor_breaks(
    context: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Up to CPython 3.12.0 the stock class's thread fails in the midst of ending all tasks, where
    one more is added meanwhile."""
    from concurrent.futures import process

    work_item: Any = process._WorkItem  # type: ignore[attr-defined]
    armed, ends, added = (threading.Event() for _ in range(3))

    def slow(*args: Any) -> Any:
        if armed.is_set():  # in the last `submit`, which has found the executor in order
            os.kill(worker, signal.SIGKILL)
            ends.wait(0.5)  # that it is ending tasks, which is not to be, before this one is added
        return work_item(*args)

    def ended(_: object) -> None:
        ends.set()
        assert added.wait(60)

    monkeypatch.setattr(process, "_WorkItem", slow)
    with ProgressPoolExecutor(1, context, display="plain") as executor:
        worker = executor.submit(os.getpid).result()
        first = executor.submit(tasks.wait_for, str(tmp_path / "never"))
        first.add_done_callback(ended)
        armed.set()
        second = executor.submit(tasks.square, 2)
        added.set()
        assert {type(f.exception(60)) for f in (first, second)} == {BrokenProcessPool}


@pytest.mark.parametrize("on_interrupt", ["stop", "finish"])
def test_a_task_that_is_cancelled_at_once_does_not_keep_the_shutdown(
    context: Any, monkeypatch: pytest.MonkeyPatch, on_interrupt: Any
) -> None:
    """The stock class's thread, up to CPython 3.11.2, if it is slow: it finds that all is to end
    before it finds that nothing is left, and waits for a result that never comes (gh-94440)."""
    from concurrent.futures import process

    connection: Any = process.mp.connection  # type: ignore[attr-defined]
    wait = connection.wait
    armed, goes_on, held, waits = (threading.Event() for _ in range(4))

    def slow(*args: Any, **kwargs: Any) -> Any:
        if type(threading.current_thread()).__name__ != "_ExecutorManagerThread":
            return wait(*args, **kwargs)
        waits.set()
        ready = wait(*args, **kwargs)
        waits.clear()
        if armed.is_set():
            held.set()
            assert goes_on.wait(60)
        return ready

    def go_on() -> None:
        while not executor._shutdown_thread:  # type: ignore[attr-defined]
            time.sleep(0.001)
        goes_on.set()

    monkeypatch.setattr(connection, "wait", slow)
    with ProgressPoolExecutor(1, context, on_interrupt=on_interrupt) as executor:
        executor.submit(tasks.square, 1).result()
        assert waits.wait(60)  # it has looked whether there are more tasks
        armed.set()
        future = executor.submit(tasks.square, 2)
        assert held.wait(60)
        armed.clear()
        assert future.cancel()
        threading.Thread(target=go_on).start()
    assert future.cancelled()


def test_ctrl_c_in_the_midst_of_what_the_first_one_does_ends_the_block_all_the_same(
    context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: Crew, stop: Callable[[Crew], None] = Crew.stop) -> None:
        stop(self)
        raise KeyboardInterrupt("second")

    monkeypatch.setattr(Crew, "stop", stop)
    with (
        pytest.raises(KeyboardInterrupt, match="first"),
        ProgressPoolExecutor(1, context) as executor,
    ):
        executor.submit(tasks.square, 3).result()
        raise KeyboardInterrupt("first")
    # its worker may have died before the pool was told of the end
    with pytest.raises(RuntimeError, match=r"after shutdown|not usable anymore"):
        executor.submit(tasks.square, 3)


def hidden() -> None:
    """What `threading.Condition.wait` makes of a Ctrl-C just after it has let go of its lock."""
    try:
        raise KeyboardInterrupt
    finally:
        threading.Lock().release()


def test_ctrl_c_that_cpython_hides_ends_the_block_all_the_same(
    context: Any, tmp_path: Path
) -> None:
    with (
        pytest.raises(RuntimeError, match="unlocked"),
        ProgressPoolExecutor(1, context) as executor,
    ):
        future = executor.submit(tasks.wait_for, str(tmp_path / "never"))
        hidden()
    assert future.done()


def test_ctrl_c_that_cpython_hides_as_the_display_starts_is_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = threading.Thread.start

    def starts(thread: threading.Thread) -> None:
        if thread.name == "barexec-display":
            monkeypatch.undo()
            hidden()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", starts)
    with ProgressPoolExecutor(1) as executor:
        with pytest.raises(KeyboardInterrupt):
            executor.submit(tasks.square, 3)
        assert executor.submit(tasks.square, 3).result() == 9


WITHIN = """
import os, time
from multiprocessing import get_context
from barexec import ProgressPoolExecutor

def inner():
    print("here", flush=True)
    time.sleep(600)

def outer(method):
    with ProgressPoolExecutor(1, get_context(method)) as executor:
        executor.submit(inner).result()

if __name__ == "__main__":
    with ProgressPoolExecutor(1, get_context({method!r})) as executor:
        executor.submit(outer, {method!r}).result()
"""


@posix
def test_the_workers_of_a_pool_within_a_task_end_with_the_program(
    method: str, tmp_path: Path
) -> None:
    program = tmp_path / "within.py"
    program.write_text(WITHIN.format(method=method), "utf-8")
    command = [sys.executable, str(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        process.kill()
        process.communicate(timeout=60)  # until nobody has the pipe any more


def test_a_broken_executor_is_not_held_by_its_error(context: Any) -> None:
    def breaks() -> weakref.ref[ProgressPoolExecutor]:
        executor = ProgressPoolExecutor(1, context, display="plain")
        with pytest.raises(BrokenProcessPool):  # whose traceback has this frame, and so it
            executor.submit(tasks.kill_myself).result()
        with pytest.raises(BrokenProcessPool):
            while True:
                executor.submit(tasks.square, 1).result()
        executor.shutdown()
        return weakref.ref(executor)

    executor = breaks()
    gc.collect()
    assert executor() is None
