"""Functions that only an interactive session knows reach the workers, or the error says what
to do."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import weakref
from concurrent.futures import BrokenExecutor, Future
from importlib.util import find_spec

import pytest

from barexec import carrying

SESSION = """
import multiprocessing, sys
from functools import partial
from barexec import ProgressPoolExecutor, track, Bar
{before}
factor = 3

def times(n):
    for _ in track(range(5)):
        pass
    return n * factor

ex = ProgressPoolExecutor(1, multiprocessing.get_context({method!r}), display="plain")
{calls}
ex.shutdown()
"""

CALLS = """
print(ex.submit(times, 2).result(), list(ex.map(times, [1, 2])))
print(ex.submit(lambda n: n + factor, 1).result(), ex.submit(partial(times, 5)).result())
factor = 4

def later(n, bar: Bar):
    bar.update(n)
    return n * factor

print(ex.submit(later, 2).result(), ex.submit(pow, 2, 5).result())
"""

#: As where cloudpickle is not installed.
WITHOUT = "sys.modules['cloudpickle'] = None"

METHODS = multiprocessing.get_all_start_methods()


def session(text: str, **values: str) -> subprocess.CompletedProcess[str]:
    """What a shell says to these lines."""
    return subprocess.run(
        [sys.executable, "-i", "-"],
        input=text.format(**{"before": "", **values}),
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONSTARTUP"},
        timeout=100,
    )


@pytest.mark.skipif(find_spec("cloudpickle") is None, reason="cloudpickle is not installed")
@pytest.mark.parametrize("method", METHODS)
def test_functions_of_a_shell_are_carried(method: str) -> None:
    done = session(SESSION, method=method, calls=CALLS)
    assert done.stdout.splitlines() == ["6 [3, 6]", "4 15", "8 32"], done.stderr


INHERITED = """
import threading
lock = threading.Lock()

class Point:
    def __init__(self, n):
        self.n = n
    def twice(self):
        return Point(2 * self.n)

def called(function, n):
    return function(n)

def locked(point):
    with lock:
        return Point(point.n + isinstance(point, Point))

ex = ProgressPoolExecutor(1, multiprocessing.get_context("fork"), display="plain")
print(ex.submit(locked, Point(1)).result().n)
print(ex.submit(partial(locked, Point(2))).result().n, [p.n for p in ex.map(locked, [Point(3)])])
print(ex.submit(Point(4).twice).result().n)

def later(n):
    return n + isinstance(Point(n), Point)

def apply(function, n):
    return function(n)

print(ex.submit(partial(apply, later), 1).result(), ex.submit(partial(called, later), 2).result())
print(ex.submit(partial(called, lambda n: n), 3).result())
old = called

def called(function, n):
    return "new"

print(ex.submit(old, abs, 4).result(), ex.submit(called, abs, 4).result())
"""


@pytest.mark.skipif("fork" not in METHODS, reason="there is no fork here")
def test_what_forked_workers_have_from_their_parent_is_not_made_anew() -> None:
    """A class that is carried by value would be another one, and a lock can't be."""
    done = session(SESSION, method="fork", calls=INHERITED)
    assert done.stdout.splitlines() == ["2", "3 [4]", "8", "2 3", "3", "4 new"], done.stderr


@pytest.mark.parametrize("method", [m for m in METHODS if m != "fork"])
def test_without_cloudpickle_the_error_says_what_to_do(method: str) -> None:
    calls = "ex.submit(times, 2).result()\n"
    done = session(SESSION, method=method, calls=calls, before=WITHOUT)
    assert "BrokenProcessPool" in done.stderr
    assert "pip install 'barexec[notebook]'" in done.stderr
    assert "know nothing of times()" in done.stderr


def test_the_error_says_it_before_anybody_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the result may print it at once, before any callback."""
    monkeypatch.setattr(carrying, "is_interactive", lambda: True)
    monkeypatch.setattr(carrying, "_dumps", lambda: None)
    monkeypatch.setattr(carrying, "_left", ["times"])
    future: Future[int] = Future()
    carrying.have_explained(future, lambda error: isinstance(error, BrokenExecutor))
    others: Future[int] = Future()
    carrying.have_explained(others, lambda error: isinstance(error, BrokenExecutor))
    others.set_exception(ValueError("its own"))
    assert str(others.exception()) == "its own"
    seen: list[str] = []

    def see(future: Future[int]) -> None:
        error = future.exception()
        seen.extend([str(error), *getattr(error, "__notes__", [])])

    future.add_done_callback(see)
    gone = weakref.ref(future)
    future.set_exception(BrokenExecutor("broken"))
    assert "know nothing of times()" in "".join(seen)
    del future
    assert gone() is None


def test_a_pool_that_breaks_otherwise_says_nothing_of_it() -> None:
    calls = "import os\nex.submit(os.abort).result()\n"
    done = session(SESSION, method="spawn", calls=calls, before=WITHOUT)
    assert "BrokenProcessPool" in done.stderr
    assert "notebook" not in done.stderr


@pytest.mark.skipif("fork" not in METHODS, reason="there is no fork here")
def test_forked_workers_need_no_cloudpickle_for_what_they_were_forked_with() -> None:
    done = session(
        SESSION, method="fork", calls="print(ex.submit(times, 2).result())", before=WITHOUT
    )
    assert done.stdout == "6\n"


SENT = """
import os, socket
from functools import partial
from multiprocessing import Pipe
reads, writes = Pipe(duplex=False)
pair = socket.socketpair()

class Base:
    def run(self, n):
        return n

class Job(Base):
    def run(self, n):
        return n + 1
    def __private(self, n):
        return n + 2
    def submitted(self, ex, n):
        return [ex.submit(f, n) for f in (super().run, self.run, self.__private)]

ex = ProgressPoolExecutor(1, multiprocessing.get_context("{method}"), display="plain")
ex.submit(partial(writes.send, 5)).result()
print(reads.recv())
print(ex.submit(pair[0].send, b"six").result(), pair[1].recv(9).decode())
print([f.result() for f in Job().submitted(ex, 1)])
"""


@pytest.mark.skipif(find_spec("cloudpickle") is None, reason="cloudpickle is not installed")
@pytest.mark.parametrize("method", METHODS)
def test_what_only_multiprocessing_can_pickle_is_sent_from_a_shell_too(method: str) -> None:
    done = session(SESSION, method=method, calls=SENT.format(method=method))
    assert done.stdout.splitlines() == ["5", "3 six", "[1, 2, 3]"], done.stderr
