"""The ticker: a steady pace, a rest where there is nothing to do, and no thread at a fork."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from barexec import ticker as tickers
from barexec.ticker import Ticker

#: Seconds for what must happen; nothing here waits so long unless it has failed.
LONG = 20
#: An interval that does not end within a test.
NEVER = 3600.0


class Ticks:
    """A function to tick with: counts, and can be waited for."""

    def __init__(self, more: bool = True) -> None:
        self.more = more
        self.count = 0
        self.threads: set[int] = set()
        self.came = threading.Semaphore(0)
        self.hold = threading.Event()
        self.hold.set()

    def __call__(self) -> bool:
        self.threads.add(threading.get_ident())
        self.count += 1
        self.came.release()
        assert self.hold.wait(LONG)
        return self.more

    def wait(self, count: int = 1) -> None:
        for _ in range(count):
            assert self.came.acquire(timeout=LONG)


Make = Callable[..., tuple[Ticker, Ticks]]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Ticker] = []

    def make(interval: float = 0.001, more: bool = True) -> tuple[Ticker, Ticks]:
        ticks = Ticks(more)
        made.append(Ticker(ticks, interval, "test-ticker"))
        return made[-1], ticks

    before = set(threading.enumerate())
    yield make
    for ticker in made:
        assert ticker.stop(LONG)
    assert set(threading.enumerate()) <= before


def until_parked(ticker: Ticker) -> None:
    """Once it says so, it ticks once more and then sleeps."""
    for _ in range(LONG * 1000):
        if ticker.parked:
            return
        threading.Event().wait(0.001)
    raise AssertionError


def test_it_ticks_in_a_daemon_thread_of_its_name(make: Make) -> None:
    ticker, ticks = make()
    assert not ticker.running
    ticker.start()
    assert ticker.running
    ticks.wait(5)
    (thread,) = (t for t in threading.enumerate() if t.name == "test-ticker")
    assert thread.daemon
    assert ticks.threads == {thread.ident}


def test_the_first_tick_comes_at_once_and_the_next_after_the_interval(make: Make) -> None:
    ticker, ticks = make(NEVER)
    ticker.start()
    ticks.wait()
    assert not ticks.came.acquire(timeout=0.01)


def test_to_start_twice_is_to_start_once(make: Make) -> None:
    ticker, ticks = make()
    for _ in range(3):
        ticker.start()
    ticks.wait(3)
    assert len(ticks.threads) == 1


def test_after_a_stop_no_tick_comes(make: Make) -> None:
    ticker, ticks = make()
    ticker.start()
    ticks.wait(2)
    assert ticker.stop()
    assert not ticker.running
    count = ticks.count
    assert ticker.stop()
    ticker.kick()
    ticker.wake()
    assert ticks.count == count


def test_a_stop_before_any_start_is_nothing(make: Make) -> None:
    ticker, ticks = make()
    assert ticker.stop()
    assert ticker.join()
    ticker.wake()
    ticker.kick()
    assert ticks.count == 0


def test_after_a_stop_it_can_start_again(make: Make) -> None:
    ticker, ticks = make(NEVER)
    for _ in range(3):
        ticker.start()
        ticks.wait()
        assert ticker.stop(LONG)
    assert ticks.count == 3


def test_a_stop_from_its_own_thread_does_not_wait_for_itself(make: Make) -> None:
    ticker, ticks = make(NEVER)
    stopped: list[bool] = []

    def tick() -> bool:
        stopped.append(ticker.stop())
        return ticks()

    ticker._tick = tick
    ticker.start()
    ticks.wait()
    assert ticker.join(LONG)
    assert stopped == [True]
    assert not ticker.running
    assert ticks.count == 1


def test_a_stop_waits_only_so_long_for_a_tick_that_is_stuck(make: Make) -> None:
    ticker, ticks = make(NEVER)
    ticks.hold.clear()
    ticker.start()
    ticks.wait()
    assert not ticker.stop(0.001)
    assert not ticker.running
    assert not ticker.join(0.001)
    (stuck,) = (t for t in threading.enumerate() if t.name == "test-ticker")
    ticker.start()  # another takes its place; it ends with its tick
    ticks.wait()
    ticks.hold.set()
    stuck.join(LONG)
    assert not stuck.is_alive()
    assert ticks.count == 2
    assert ticker.stop(LONG)


def test_it_parks_where_there_is_no_more_to_do_and_wakes(make: Make) -> None:
    ticker, ticks = make(more=False)
    ticker.start()
    until_parked(ticker)
    ticks.wait(2)  # the second look, after it said that it parks
    assert not ticks.came.acquire(timeout=0.01)
    ticks.more = True
    ticker.wake()
    ticks.wait(5)
    assert not ticker.parked


def test_what_comes_just_when_it_parks_is_not_missed(make: Make) -> None:
    """It said that there is no more to do; before it sleeps, there is, and nobody wakes it."""
    ticker, ticks = make(more=False)
    looks: list[bool] = []

    def tick() -> bool:
        looks.append(ticker.parked)
        ticks.more = len(looks) > 1  # came between the first look and the second
        return ticks()

    ticker._tick = tick
    ticker.start()
    ticks.wait(5)
    assert looks[:3] == [False, True, False]


def test_a_kick_is_a_tick_without_the_wait(make: Make) -> None:
    ticker, ticks = make(NEVER)
    ticker.start()
    ticks.wait()
    for _ in range(5):
        ticker.kick()
        ticks.wait()
    assert ticks.count == 6


def test_a_parked_one_stops_too(make: Make) -> None:
    ticker, _ = make(NEVER, more=False)
    ticker.start()
    until_parked(ticker)
    assert ticker.stop(LONG)


def test_many_threads_that_start_it_start_one_thread(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticker, ticks = make()
    ready = threading.Barrier(8)
    real, made = threading.Thread, []

    class Slow(threading.Thread):
        """Takes its time to be made, as on a busy machine."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            made.append(self)
            threading.Event().wait(0.01)

    def start() -> None:
        ready.wait()
        ticker.start()

    threads = [real(target=start) for _ in range(8)]
    monkeypatch.setattr(threading, "Thread", Slow)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ticks.wait(10)
    assert len(made) == len(ticks.threads) == 1


def test_a_stop_just_when_another_thread_starts_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticker, ticks = make(NEVER)
    real = threading.Thread.start

    def start(self: threading.Thread) -> None:
        assert ticker.stop()  # the thread is there, but not started yet
        real(self)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        ticker.start()
    assert not ticker.running
    assert ticker.join(LONG)
    assert ticks.count == 0


def test_where_no_thread_can_be_started_it_says_so_and_is_not_running(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticker, ticks = make()

    stock = threading.Thread.start

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def interrupted(self: threading.Thread) -> None:
        stock(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        for start, error in (refuse, RuntimeError), (interrupted, KeyboardInterrupt):
            patch.setattr(threading.Thread, "start", start)
            for _ in range(2):
                with pytest.raises(error):
                    ticker.start()
                assert not ticker.running
            assert ticker.stop()
    for thread in threading.enumerate():
        if thread.name == "test-ticker":
            thread.join(LONG)
            assert not thread.is_alive()
    ticker.start()
    ticks.wait()


# --- forks ---------------------------------------------------------------------------


def around_a_fork(inside: Callable[[], None]) -> None:
    """What the hooks do to the parent, with no fork: pytest has a thread of its own."""
    tickers._forks.append(None)
    tickers._rest()
    try:
        inside()
    finally:
        tickers._forks.pop()
        tickers._resume()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a CPython whose `fork` has warned before the hooks that come after it."""
    monkeypatch.setattr(tickers, "_WARNS_LATE", False)


def test_at_a_fork_there_is_no_thread_and_afterwards_there_is(make: Make, at_once: None) -> None:
    running, ticks = make()
    parked, parked_ticks = make(more=False)
    stopped, _ = make()
    running.start()
    parked.start()
    stopped.start()
    stopped.stop(LONG)
    until_parked(parked)
    others = {t for t in threading.enumerate() if t.name == "test-ticker"}
    assert len(others) == 2

    def inside() -> None:
        assert not others & set(threading.enumerate())
        assert not running.running
        assert not parked.running

    around_a_fork(inside)
    while ticks.came.acquire(blocking=False):
        pass
    ticks.wait(3)
    assert running.running
    assert parked.running
    assert not stopped.running
    parked_ticks.wait()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_ctrl_c_at_a_fork_leaves_all_as_it_was(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(INTERRUPTED)
    done = subprocess.run([sys.executable, program], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("fine\n", 0), done.stderr
    assert "IndexError" not in done.stderr


def test_threads_may_fork_at_the_same_time(make: Make, at_once: None) -> None:
    ticker, ticks = make()
    ticker.start()

    def inner() -> None:
        assert not ticker.running

    def outer() -> None:
        thread = threading.Thread(target=around_a_fork, args=(inner,))
        thread.start()
        thread.join()
        assert not ticker.running  # the outer fork is still to come
        ticker.start()
        assert not ticker.running

    around_a_fork(outer)
    assert ticker.running
    while ticks.came.acquire(blocking=False):
        pass
    ticks.wait(3)
    assert tickers._resting == tickers._forks == []


def test_a_second_fork_waits_for_what_the_first_is_just_stopping(make: Make, at_once: None) -> None:
    ticker, ticks = make(NEVER)
    ticks.hold.clear()
    ticker.start()
    ticks.wait()
    over = threading.Event()
    first = threading.Thread(target=around_a_fork, args=(lambda: None,))
    first.start()  # it waits for the tick
    while ticker.running:
        over.wait(0.001)
    alive: list[bool] = []
    forked = threading.Event()

    def fork() -> None:
        alive.append(not ticker.join(0))
        forked.set()

    second = threading.Thread(target=around_a_fork, args=(fork,))
    second.start()
    assert not forked.wait(0.05)
    ticks.hold.set()
    second.join()
    first.join()
    assert alive == [False]
    assert ticker.running


def test_after_a_fork_that_no_thread_follows_all_else_goes_on(
    make: Make, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticker, _ = make()
    ticker.start()

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        around_a_fork(lambda: None)
    assert not ticker.running
    assert tickers._resting == []


def test_the_childs_copy_is_stopped_for_good(make: Make, at_once: None) -> None:
    ticker, ticks = make()
    ticker.start()
    ticks.wait()
    tickers._rest()
    tickers._forget()
    assert not ticker.running
    assert tickers._resting == tickers._forks == []
    assert ticker not in tickers._started
    tickers._start_again()
    assert not ticker.running


FORKS = """
import os, sys, threading, warnings
from functools import partial
from itertools import islice, repeat
from barexec import ticker as tickers

# the threads that there are after our hooks; told in C, for Python code would be the next step
tasks = []
if sys.platform == "linux":
    listed = map(os.listdir, repeat("/proc/self/task"))
    os.register_at_fork(after_in_parent=partial(tasks.extend, islice(listed, 1)))

ticked = threading.Event()
def tick():
    ticked.set()
    return True

ticker = tickers.Ticker(tick, 0.0005, "ticker")
if sys.argv[1] == "late":
    tickers._WARNS_LATE = True

def fork_some(count):
    for _ in range(count):
        pid = os.fork()
        if not pid:
            os._exit(0 if threading.active_count() == 1 and not ticker.running else 1)
        assert os.waitpid(pid, 0)[1] == 0
        ticked.clear()
        assert ticked.wait(20), "not back"

with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    ticker.start()
    ticked.wait()
    fork_some(60)
    if sys.version_info >= (3, 12):
        assert sys.monitoring.get_tool(4) is None
        sys.monitoring.use_tool_id(4, "another tool")
        fork_some(3 if sys.argv[1] == "late" else 0)
        assert sys.monitoring.get_tool(4) == "another tool"
if sys.argv[1] == "late":
    assert all(len(found) == 1 for found in tasks), tasks
elif sys.argv[1] == "real":
    assert not warned, str(warned[0].message)
assert sum(thread.name == "ticker" for thread in threading.enumerate()) == 1
print("fine")
"""


#: Ctrl-C as soon as each of our hooks begins: CPython drops what is raised there, and says so.
INTERRUPTED = """
import os, signal, sys, threading
from barexec import ticker as tickers

ticked = threading.Event()
def tick():
    ticked.set()
    return True

def trace(frame, event, arg):
    if frame.f_code is hook.__code__:
        pressed.append(hook)
        signal.raise_signal(signal.SIGINT)

def fork():
    pid = os.fork()
    if not pid:
        os._exit(bool(tickers._forks))
    assert os.waitpid(pid, 0)[1] == 0
    assert tickers._forks == []

ticker = tickers.Ticker(tick, 0.0005, "ticker")
ticker.start()
for hook in tickers._rest, tickers._resume:
    pressed = []
    sys.settrace(trace)
    fork()
    sys.settrace(None)
    assert pressed == [hook]
    fork()
    ticked.clear()
    assert ticked.wait(60), "not back"
print("fine")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize(
    "way",
    [
        "real",
        pytest.param(
            "late",
            marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="fork does not warn"),
        ),
    ],
)
def test_real_forks_see_no_thread_and_it_comes_back(way: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(FORKS)
    done = subprocess.run([sys.executable, program, way], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("fine\n", 0), done.stderr
    assert done.stderr == ""
