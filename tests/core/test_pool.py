"""What a pool looks after by itself, without an executor: `barexec.pool`."""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future
from functools import partial
from typing import Any

import pytest

from barexec.channel import open_memory_channel
from barexec.pool import Pool


class _Listener:
    def __init__(self) -> None:
        self.ended: deque[Any] = deque()
        self.reported = False

    def start(self) -> None:
        pass

    def kick(self, may_wait: bool = True) -> None:
        pass

    def await_end(self, over: Callable[[float], bool]) -> None:
        over(0)


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(_Listener(), *open_memory_channel())
    pool.accepted(pool.submitted("task", 1), Future())
    yield pool
    pool.forget()


def test_a_death_that_goes_unnoticed_ends_the_other_workers_at_the_second_look(pool: Pool) -> None:
    killed: list[float] = []
    now = 100.0
    pool.find_dead = lambda: {7: "SIGKILL"} if now > 101 else {}
    pool.end_workers = lambda: killed.append(now)
    for now in (100.0, 100.5, 101.5, 102.0, 102.4, 102.6):
        pool.recall(now)
    assert killed == [102.6]


def test_how_a_worker_died_is_not_forgotten_by_a_look_of_before(pool: Pool) -> None:
    """The display's thread looks for the dead while the executor's own breaks the pool."""
    (future,) = pool._numbers

    def looks_while_one_dies() -> dict[int, str]:
        pool.find_dead = lambda: {7: "exit 0"}
        future.set_exception(BrokenExecutor("it is broken"))
        return {}

    pool.find_dead = looks_while_one_dies
    pool.recall(100.0)
    assert pool.dead == {7: "exit 0"}


def test_how_a_worker_died_is_found_though_the_next_task_was_refused_before(pool: Pool) -> None:
    """Whoever waits for a result is woken before it is reported here."""
    (future,) = pool._numbers
    pool.forgetful = True
    pool.find_dead = lambda: {7: "SIGTERM"}
    pool.refused(pool.submitted("the next", 1), BrokenExecutor("it is broken"))
    future.set_exception(BrokenExecutor("it is broken"))
    assert pool.dead == {7: "SIGTERM"}


def test_it_is_looked_for_the_dead_of_a_broken_executor_once(pool: Pool) -> None:
    """Each look may wait for a moment, and the stock class ends the others meanwhile."""
    looks: list[dict[int, str]] = [{1: "SIGTERM"}, {}]
    (first,) = pool._numbers
    second: Future[Any] = Future()
    pool.accepted(pool.submitted("second", 1), second)
    pool.find_dead = looks.pop
    for future in (first, second):
        future.set_exception(BrokenExecutor("it is broken"))
    assert pool.dead == {}
    assert len(looks) == 1


def test_those_that_are_ended_for_a_death_are_not_taken_for_it(pool: Pool) -> None:
    (future,) = pool._numbers
    dead = {7: "SIGSEGV"}

    def end_workers() -> None:
        dead[1] = "SIGKILL"
        future.set_exception(BrokenExecutor("it is broken"))

    pool.find_dead = lambda: dict(sorted(dead.items()))
    pool.end_workers = end_workers
    for now in (100.0, 101.5):
        pool.recall(now)
    assert pool.dead == {7: "SIGSEGV"}


def test_tasks_of_a_broken_executor_are_not_given_up_while_its_thread_ends_them(pool: Pool) -> None:
    """A callback of the user's may take its time in that, and they come one after the other."""
    (future,) = pool._numbers
    killed: list[float] = []
    is_at_it = True
    pool.broken = BrokenExecutor, ("it is broken",)
    pool.is_at_it = lambda: is_at_it
    pool.end_workers = lambda: killed.append(now)
    for now in (100.0, 101.5):
        pool.recall(now)
    assert killed and not future.done()
    is_at_it = False
    pool.recall(102.0)
    assert isinstance(future.exception(0), BrokenExecutor)


def test_a_future_that_is_given_twice_is_one_task(pool: Pool) -> None:
    listener: Any = pool._display
    (future,) = pool._numbers
    first = pool._numbers[future]
    second = pool.submitted("the same", 1)
    pool.accepted(second, future)
    assert [*listener.ended] == [(pool, first, None, None)]
    future.set_result(1)
    assert pool.take_done() == [second]
    assert not pool.ending


def test_workers_that_die_one_after_the_other_are_left_to_the_stock_class(pool: Pool) -> None:
    """It replaces them: none is dead for long."""
    deaths = iter(range(10))
    pool.find_dead = lambda: {next(deaths): "exit 0"}
    pool.end_workers = lambda: pytest.fail("all is well")
    for now in range(0, 10, 2):
        pool.recall(float(now))


def test_nothing_is_looked_for_once_all_tasks_have_ended() -> None:
    pool = Pool(_Listener(), *open_memory_channel())
    pool.find_dead = lambda: pytest.fail("nobody asked")
    pool.recall(100.0)
    pool.forget()


def test_whether_a_task_ends_is_seen_without_its_lock(pool: Pool) -> None:
    """Who prints may hold that of another: a finalizer, as the stock class ends a task."""
    (future,) = pool._numbers
    seen: list[bool] = []

    def look() -> None:
        seen.append(pool.ending)

    for ends in (False, True):
        if ends:
            future._state = "FINISHED"  # its callbacks are not called yet
        with future._condition:
            other = threading.Thread(target=look, daemon=True)
            other.start()
            other.join(60)
        assert seen.pop() is ends


def test_a_lock_that_ctrl_c_left_locked_in_a_submit_is_given_back(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock: Any = threading.Lock()
    lock.acquire()

    class Interrupted:
        """One that is taken, and then Ctrl-C comes, before its block."""

        acquire, release, locked = lock.acquire, lock.release, lock.locked
        __enter__ = staticmethod(partial(signal.raise_signal, signal.SIGINT))
        __exit__ = lock.release

    stock: dict[str, Any] = {"__name__": "concurrent.futures.process"}
    exec("def submit(condition):\n    with condition: pass", stock)
    monkeypatch.setattr("barexec.interrupts.FORGOTTEN", 0.01)
    with pytest.raises(KeyboardInterrupt) as caught:
        stock["submit"](threading.Condition(Interrupted()))  # type: ignore[arg-type]
    assert lock.locked()
    pool.refused(pool.submitted("refused", 1), caught.value)
    assert not lock.locked()
