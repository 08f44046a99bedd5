"""Ctrl-C in the parent, at its worst moments."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
import threading
import weakref
from concurrent.futures import CancelledError
from functools import partial
from typing import Any

import pytest

from barexec import interrupts
from barexec.interrupts import Halt, release_forgotten


def test_a_task_that_is_to_ask_first_runs_unless_all_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = partial(divmod, 7)
    life = weakref.ref(call)
    interrupts.ask_first(call)
    interrupts.ask_first(call)
    assert call(2) == (3, 1)
    assert life() is call
    monkeypatch.setattr(interrupts, "halted", lambda: True)
    with pytest.raises(CancelledError, match="before it started"):
        call(2)


def test_a_worker_that_starts_once_all_is_over_starts_no_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the fork server has just forked does not hear SIGINT yet."""
    for name in ("alarmed", "_running", "_called", "_halt", "_loop"):
        monkeypatch.setattr(interrupts, name, getattr(interrupts, name))
    halt, before = Halt(), signal.getsignal(signal.SIGINT)
    try:
        interrupts.arm(lambda: None, lambda: None, halt)
        assert not interrupts.alarmed
        halt.set()
        interrupts.arm(lambda: None, lambda: None, halt)
        assert interrupts.alarmed
        assert interrupts.halted()
    finally:
        signal.signal(signal.SIGINT, before)
        halt.close()


posix = pytest.mark.skipif(sys.platform == "win32", reason="there is no setitimer")

#: Interrupts itself until the lock was left locked three times, and finds it free each time. Some
#: versions of CPython never leave it.
PROGRAM = """
import signal, sys, threading, types
from barexec import interrupts
interrupts.FORGOTTEN = 0.05

lock = {lock}
forgotten = tries = 0
signal.signal(signal.SIGALRM, signal.default_int_handler)

def is_free():
    found = []
    def look():
        found.append(lock.acquire(timeout=0.05))
        if found[0]:
            lock.release()
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found[0]

class Own:
    pass

def enter(self):
    while True:
        with {entered}:
            pass

own = Own()
own.lock = lock
own.condition = threading.Condition(lock)
# as in the stock class's queue
enter = types.FunctionType(enter.__code__, {{"__name__": "queue", "lock": lock}})

while forgotten < 3 and tries < {tries}:
    tries += 1
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        enter(own)
    except KeyboardInterrupt as error:
        left = not is_free()
        assert interrupts.release_forgotten(error.__traceback__) == left
        assert is_free()
        forgotten += left
print("free")
"""


@posix
@pytest.mark.parametrize("lock", ["threading.Lock()", "threading.RLock()"])
@pytest.mark.parametrize(
    ("entered", "tries"),
    # CPython 3.14 leaves a lock, others only where Python code enters and leaves it
    [("self.condition", 100_000), ("self.lock", 50), ("lock", 50)],
)
def test_a_lock_that_ctrl_c_left_locked_is_given_back(lock: str, entered: str, tries: int) -> None:
    program = PROGRAM.format(lock=lock, entered=entered, tries=tries)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stdout == "free\n", done.stderr


def test_a_lock_of_somebody_else_is_left_alone() -> None:
    condition = threading.Condition(threading.Lock())
    try:
        with condition:
            raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        assert not release_forgotten(error.__traceback__)
    assert not release_forgotten(None)


@posix
@pytest.mark.parametrize("kind", [threading.Lock, threading.RLock])
def test_a_lock_of_the_users_own_that_another_thread_holds_is_left_alone(kind: Any) -> None:
    condition = threading.Condition(kind())
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with condition:
            held.set()
            enough.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(60)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with condition:
            pytest.fail("it is held")
    except KeyboardInterrupt as error:
        assert not release_forgotten(error.__traceback__)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not condition.acquire(blocking=False)
    enough.set()
    thread.join()
    assert condition.acquire(timeout=60)


def _hears(halt: Halt, ready: Any) -> None:
    """In a worker, asked twice. Ends with how often it was told."""
    ready.release()
    sys.exit(halt.is_set(60) + halt.is_set())


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_all_workers_are_told_to_start_nothing_more(method: str) -> None:
    """On Windows, who looks for a message of no length takes it out."""
    context: Any = multiprocessing.get_context(method)
    halt, ready = Halt(), context.Semaphore(0)
    workers = [context.Process(target=_hears, args=(halt, ready)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for _ in workers:
        assert ready.acquire(timeout=60)
    assert not halt.is_set()
    halt.set()
    halt.set()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [2, 2, 2]
    halt.close()


def test_whoever_else_closes_it_each_end_is_closed_once() -> None:
    """A descriptor that is closed twice may be another file's by then."""
    halt = Halt()
    halt.close()
    closed: list[str] = []

    class End:
        def __init__(self, name: str) -> None:
            self.name = name

        def close(self) -> None:
            closed.append(self.name)
            halt.close()  # as by another thread, in the midst of it

    halt._reader, halt._writer = End("reader"), End("writer")
    halt.close()
    assert sorted(closed) == ["reader", "writer"]
    halt.set()
    assert not halt.is_set()
