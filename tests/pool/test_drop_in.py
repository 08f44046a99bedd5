"""The executor in the stock one's place: the same calls, results, errors and shutdown."""

from __future__ import annotations

import asyncio
import concurrent.futures as cf
import gc
import inspect
import multiprocessing
import pickle
import re
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import pytest
import tasks
from displays_seen import Script, Shown

from barexec import ProgressPoolExecutor, ProgressThreadPoolExecutor, worker
from barexec.executor import PoolOptions

FORKS = "fork" in multiprocessing.get_all_start_methods()
needs_fork = pytest.mark.skipif(not FORKS, reason="there is no fork here")
KINDS: list[Any] = [ProcessPoolExecutor, ProgressPoolExecutor]


def told(error: BaseException | None) -> list[str]:
    """All that an error says: its kind, its words, and the worker's traceback below it."""
    words = []
    while error is not None:
        words.append(type(error).__qualname__)
        words.append(re.sub(r"0x[0-9a-f]+|\b\d{3,}\b(?=,| )", "…", str(error)))
        error = error.__cause__
    return words


def settle(executor: Any) -> None:
    """Let it forget the tasks that are cancelled. Up to CPython 3.11.2 the stock one's shutdown may
    wait for ever where it has not done so yet (gh-94440); ours may not, and is not helped."""
    if type(executor) is ProcessPoolExecutor:
        executor.submit(int).result()


# --- the shape -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["submit", "map", "shutdown", "__enter__", "__exit__"])
def test_methods_have_the_stock_signatures_and_words(name: str) -> None:
    stock, ours = getattr(ProcessPoolExecutor, name), getattr(ProgressPoolExecutor, name)
    assert inspect.signature(ours) == inspect.signature(stock)
    assert inspect.getdoc(ours) == inspect.getdoc(stock)
    assert ours.__name__ == stock.__name__


@pytest.mark.parametrize("name", ["submit", "map"])
def test_methods_behind_options_have_the_stock_signatures(name: str) -> None:
    stock, ours = getattr(ProcessPoolExecutor, name), getattr(PoolOptions, name)
    assert inspect.signature(ours) == inspect.signature(stock)


def test_the_constructor_takes_what_the_stock_one_takes_in_the_same_places() -> None:
    stock = inspect.signature(ProcessPoolExecutor).parameters
    ours = inspect.signature(ProgressPoolExecutor).parameters
    for name, parameter in stock.items():
        assert ours[name].kind == parameter.kind
        assert ours[name].default == parameter.default
    positional = [p.name for p in ours.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == [p.name for p in stock.values() if p.kind is p.POSITIONAL_OR_KEYWORD]


def test_it_is_a_process_pool_executor() -> None:
    assert issubclass(ProgressPoolExecutor, ProcessPoolExecutor)
    with ProgressPoolExecutor(1) as executor:
        assert isinstance(executor, cf.Executor)


@pytest.mark.parametrize(
    "call",
    [
        lambda ex: ex.submit(),
        lambda ex: ex.submit(fn=tasks.square),
        lambda ex: ex.map(),
        lambda ex: ex.map(tasks.square, [1], chunks=2),
        lambda ex: ex.map(tasks.square, 7),
        lambda ex: ex.map(tasks.square, [1], chunksize=0),
        lambda ex: ex.map(tasks.square, [1], chunksize="2"),
        lambda ex: ex.shutdown(True, True),
        lambda ex: ex.shutdown(cancel=True),
    ],
)
def test_a_wrong_call_is_refused_in_the_stock_words(
    call: Callable[[Any], object], shown: Shown
) -> None:
    words = []
    for kind in KINDS:
        with kind(1) as executor:
            with pytest.raises((TypeError, ValueError)) as caught:
                call(executor)
            # some of the words are CPython's own, and name the method's class
            words.append(str(caught.value).replace("ProgressPoolExecutor.", ""))
    assert words[1].split()[1:] == words[0].replace("ProcessPoolExecutor.", "").split()[1:]
    assert shown.outcomes == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_workers": 0},
        {"max_workers": -1},
        {"max_workers": "2"},
        {"initializer": 7},
        {"initializer": tasks.initialize, "initargs": 7},
        {"max_tasks_per_child": 0},
        {"max_tasks_per_child": "2"},
        {"max_tasks_per_child": 1, "mp_context": multiprocessing.get_context("spawn")},
        {"bars": True},
    ],
)
def test_a_wrong_constructor_call_is_refused_as_by_the_stock_one(
    arguments: dict[str, Any], children: Callable[[], set[int]]
) -> None:
    before, heard = children(), []
    for kind in KINDS:
        try:
            kind(**arguments).shutdown()
        except Exception as error:
            heard.append((type(error), str(error).replace("ProgressPool", "ProcessPool")))
    assert heard[:1] == heard[1:]
    assert children() == before


# --- results ---------------------------------------------------------------------------


def test_arguments_and_results_travel_as_they_are(context: BaseContext) -> None:
    with ProgressPoolExecutor(2, context) as executor:
        assert executor.submit(tasks.square, 7).result() == 49
        sent = executor.submit(tasks.given, 1, [2], x={"y": (3,)})
        assert sent.result() == ((1, [2]), {"x": {"y": (3,)}})
        # all names are the user's own
        names = dict.fromkeys(["self", "fn", "func", "bar", "desc", "pool", "task", "args"], 1)
        assert executor.submit(tasks.given, **names).result() == ((), names)
        assert executor.submit(tasks.Counted(3), 2).result() == 8
        assert executor.submit("{}-{}".format, 1, 2).result() == "1-2"
        assert list(executor.map(tasks.add, range(5), range(10, 100))) == [10, 12, 14, 16, 18]
        assert list(executor.map(tasks.square, range(10), chunksize=4)) == [
            n * n for n in range(10)
        ]
        assert list(executor.map(tasks.square, [])) == []


def test_the_workers_are_initialized(context: BaseContext) -> None:
    with ProgressPoolExecutor(1, context, tasks.initialize, (["a"],)) as executor:
        assert executor.submit(tasks.initialized).result()[-1] == ["a"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="new in CPython 3.11")
@pytest.mark.parametrize("method", sorted({*multiprocessing.get_all_start_methods()} - {"fork"}))
def test_a_worker_is_replaced_after_so_many_tasks(context: BaseContext, shown: Shown) -> None:
    with ProgressPoolExecutor(1, context, max_tasks_per_child=2) as executor:
        pids = [executor.submit(tasks.process_id).result() for _ in range(6)]
    assert pids[0::2] == pids[1::2]
    assert len(set(pids)) == 3
    assert {status for _, status in shown.outcomes} == {"DONE"}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="new in CPython 3.11")
@needs_fork
def test_forked_workers_are_not_replaced_as_with_the_stock_one() -> None:
    words = []
    for kind in KINDS:
        with pytest.raises(ValueError, match="fork") as caught:
            kind(1, multiprocessing.get_context("fork"), max_tasks_per_child=2)
        words.append(str(caught.value))
    assert words[0] == words[1]


def test_asyncio_awaits_its_tasks(context: BaseContext) -> None:
    async def main(executor: ProgressPoolExecutor) -> list[int]:
        loop = asyncio.get_running_loop()
        calls = [loop.run_in_executor(executor, tasks.square, n) for n in range(4)]
        with pytest.raises(ValueError, match="it broke"):
            await loop.run_in_executor(executor, tasks.raises)
        return await asyncio.gather(*calls)

    with ProgressPoolExecutor(2, context) as executor:
        assert asyncio.run(main(executor)) == [0, 1, 4, 9]


def test_futures_can_be_waited_for(context: BaseContext) -> None:
    with ProgressPoolExecutor(2, context) as executor:
        futures = [executor.submit(tasks.square, n) for n in range(5)]
        assert {f.result() for f in cf.as_completed(futures)} == {0, 1, 4, 9, 16}
        assert cf.wait(futures) == (set(futures), set())
        bad = executor.submit(tasks.raises)
        done, _ = cf.wait([bad], return_when=cf.FIRST_EXCEPTION)
        assert done == {bad}


def test_map_gives_up_at_its_timeout(tmp_path: Path, shown: Shown) -> None:
    go = tmp_path / "go"
    with ProgressPoolExecutor(1) as executor:
        results = executor.map(tasks.wait_for, [str(go)], timeout=0.05)
        with pytest.raises(cf.TimeoutError):
            next(results)
        go.touch()
    assert [status for _, status in shown.outcomes] == ["DONE"]


@pytest.mark.parametrize("chunksize", [1, 3, 4, 100])
def test_map_stops_at_the_error_that_the_stock_one_stops_at(chunksize: int) -> None:
    heard = []
    for kind in KINDS:
        with kind(2) as executor:
            results, got = executor.map(tasks.raises_at, range(9), chunksize=chunksize), []
            with pytest.raises(ValueError, match="item 5") as caught:
                got.extend(results)
            heard.append((got, list(results), told(caught.value)))
            settle(executor)
    assert heard[0] == heard[1]


class _Traced(ProgressPoolExecutor):
    """A subclass that hands on something else, as one that logs or tries again."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        return super().submit(tasks.called, fn, *args, **kwargs)


class _Bound(ProgressPoolExecutor):
    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        return super().submit(partial(fn, *args, **kwargs))


class _TracedThreads(ProgressThreadPoolExecutor):
    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        return super().submit(tasks.called, fn, *args, **kwargs)


@pytest.mark.parametrize("kind", [_Traced, _Bound, _TracedThreads])
@pytest.mark.parametrize("chunksize", [1, 2])
def test_map_of_a_subclass_whose_submit_wraps_the_function(kind: Any, chunksize: int) -> None:
    with kind(1) as executor:
        assert list(executor.map(tasks.square, range(3), chunksize=chunksize)) == [0, 1, 4]


def test_an_optimiser_may_use_its_map() -> None:
    """As `scipy.optimize.differential_evolution(workers=executor.map)` does."""

    def minimise(objective: Callable[[int], int], workers: Callable[..., Iterable[int]]) -> int:
        population = list(range(-6, 7))
        for _ in range(5):
            costs = list(workers(tasks.Counted(2), population))
            best = population[costs.index(min(costs))]
            population = [best + step for step in range(-3, 4)]
        return best

    with ProgressPoolExecutor(2) as executor:
        assert minimise(abs, executor.map) == 0


@pytest.mark.skipif(sys.version_info < (3, 14), reason="new in CPython 3.14")
def test_map_submits_no_more_than_the_buffer_holds(shown: Shown) -> None:
    with ProgressPoolExecutor(1) as executor:
        results = executor.map(tasks.square, iter(range(100)), chunksize=2, buffersize=3)
        assert [next(results) for _ in range(4)] == [0, 1, 4, 9]
    assert 3 <= len(shown.tasks) <= 6
    assert shown.outcomes[1] == ("square[2:4]", "DONE")


# --- errors ----------------------------------------------------------------------------


def test_an_error_has_the_stock_traceback_without_a_frame_of_ours(context: BaseContext) -> None:
    calls: list[tuple[Any, ...]] = [
        (tasks.raises,),
        (tasks.raises_in_context,),
        (tasks.raises_in_a_loop,),
        (tasks.raises_what_cannot_be_pickled,),
        (tasks.returns_what_cannot_be_pickled,),
        (tasks.exits,),
        (tasks.interrupts,),
        ("not a function",),
        (int, object),
        (len, 7),
        (tasks.square,),
        (tasks.square, 1, 2),
        (tasks.Counted(2), None),
    ]
    heard = []
    for kind in KINDS:
        with kind(1, context) as executor:
            futures = [executor.submit(*call) for call in calls]
            heard.append([told(future.exception(60)) for future in futures])
    for stock, ours in zip(*heard, strict=True):
        assert ours == stock
        assert "Traceback" in stock[-1]
        assert not re.search(r"barexec/\w+\.py", ours[-1])


@pytest.mark.parametrize("chunksize", [1, 2])
def test_an_error_in_map_has_the_stock_traceback(context: BaseContext, chunksize: int) -> None:
    heard = []
    for kind in KINDS:
        with kind(1, context) as executor:
            with pytest.raises(ValueError, match="item 5") as caught:
                list(executor.map(tasks.raises_at, range(4, 8), chunksize=chunksize))
            settle(executor)
        heard.append(told(caught.value))
    assert heard[0] == heard[1]


@pytest.mark.parametrize("where", ["function", "argument", "argument of map", "callable object"])
def test_what_cannot_be_pickled_fails_in_the_stock_words(
    where: str, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    # of pytest-xdist it is none, as of a shell, and functions of that are carried by value
    monkeypatch.setattr(worker, "is_interactive", lambda: False)
    lock = threading.Lock()
    heard = []
    for kind in KINDS:
        with kind(1) as executor:
            if where == "function":
                future = executor.submit(lambda: None)
            elif where == "argument":
                future = executor.submit(tasks.given, lock)
            elif where == "callable object":
                future = executor.submit(tasks.Counted(lock), 1)  # type: ignore[arg-type]
            else:
                future = executor.submit(list, executor.map(tasks.given, [lock]))
                executor.submit(tasks.square, 2).result()
            error = future.exception(60)
            assert isinstance(error, (TypeError, pickle.PicklingError, AttributeError))
            assert executor.submit(tasks.square, 2).result() == 4  # the pool lives on
            heard.append(told(error)[:3])
    assert heard[0] == heard[1]
    assert shown.outcomes[0][1] == "FAILED"


def test_an_initializer_that_raises_is_logged_in_the_stock_words(
    capfd: pytest.CaptureFixture[str],
) -> None:
    heard = []
    for kind in KINDS:
        capfd.readouterr()
        context = multiprocessing.get_context("spawn")
        executor = kind(1, context, tasks.initializer_raises)
        with executor, pytest.raises(BrokenProcessPool) as caught:
            executor.submit(tasks.square, 1).result()
        log = capfd.readouterr().err
        log = log[log.index("Exception in") : log.index("no start") + 8]
        heard.append((log, told(caught.value)))
    assert heard[0] == heard[1]
    assert "Traceback" in heard[0][0]


# --- shutdown --------------------------------------------------------------------------


def test_submitting_after_shutdown_is_refused_in_the_stock_words(shown: Shown) -> None:
    words = []
    for kind in KINDS:
        executor = kind(1)
        executor.submit(tasks.square, 1).result()
        executor.shutdown()
        for call in (lambda e: e.submit(tasks.square, 1), lambda e: e.map(tasks.square, [1])):
            with pytest.raises(RuntimeError) as caught:
                call(executor)
            words.append(str(caught.value))
    assert words[:2] == words[2:]
    assert shown.outcomes == [("square(1)", "DONE")]


def test_submitting_to_a_broken_pool_is_refused_in_the_stock_words(shown: Shown) -> None:
    words = []
    for kind in KINDS:
        with kind(1) as executor:
            assert executor.submit(tasks.exits_at_once).exception() is not None
            with pytest.raises(BrokenProcessPool) as caught:
                executor.submit(tasks.square, 1)
            words.append(str(caught.value))
    assert words[0] == words[1]
    assert [status for _, status in shown.outcomes] == ["LOST"]


def test_shutdown_may_come_twice_and_in_any_way(context: BaseContext) -> None:
    executor = ProgressPoolExecutor(1, context)
    future = executor.submit(tasks.square, 3)
    executor.shutdown(wait=False)
    executor.shutdown(True)
    executor.shutdown(wait=True, cancel_futures=True)
    assert future.result() == 9
    with executor:
        pass


def test_shutdown_without_waiting_leaves_the_tasks_to_their_end(
    context: BaseContext, shown: Shown, tmp_path: Path
) -> None:
    executor = ProgressPoolExecutor(1, context)
    futures = [executor.submit(tasks.wait_for, str(tmp_path / "go")) for _ in range(3)]
    executor.shutdown(wait=False)
    assert not any(future.done() for future in futures)
    (tmp_path / "go").touch()
    assert [future.result() for future in futures] == [str(tmp_path / "go")] * 3
    assert shown.only.finished.wait(60)
    assert [status for _, status in shown.outcomes] == ["DONE"] * 3


def test_cancelled_futures_are_shown_as_cancelled(shown: Shown, tmp_path: Path) -> None:
    executor = ProgressPoolExecutor(1)
    futures = [executor.submit(tasks.wait_for, str(tmp_path / "go")) for _ in range(9)]
    assert futures[-1].cancel()
    executor.shutdown(wait=False, cancel_futures=True)
    cancelling = threading.Event()  # the stock `wait` does not hear of it
    futures[-2].add_done_callback(lambda future: cancelling.set())
    assert cancelling.wait(60)
    (tmp_path / "go").touch()
    futures[0].result(60)  # no second `shutdown` waits for it
    executor.shutdown()
    cancelled = [future.cancelled() for future in futures]
    assert sum(cancelled) > 3
    assert [status == "CANCELLED" for _, status in shown.outcomes] == cancelled
    assert {status for _, status in shown.outcomes} == {"CANCELLED", "DONE"}


def is_gone(executor: weakref.ref[Any]) -> bool:
    """In a moment: the stock class's own thread holds it now and then."""
    until = time.monotonic() + 60
    while executor() is not None and time.monotonic() < until:
        gc.collect()
        time.sleep(0.001)  # nothing to wait for: it tells nobody
    return executor() is None


def test_an_executor_that_is_dropped_finishes_its_tasks_and_goes(
    context: BaseContext, shown: Shown
) -> None:
    executor = ProgressPoolExecutor(2, context)
    gone = weakref.ref(executor)
    futures = [executor.submit(tasks.square, n) for n in range(5)]
    del executor
    assert is_gone(gone)
    assert [future.result() for future in futures] == [0, 1, 4, 9, 16]
    assert shown.only.finished.wait(60)
    assert [status for _, status in shown.outcomes] == ["DONE"] * 5


def test_an_executor_that_was_never_used_leaves_nothing(shown: Shown) -> None:
    ProgressPoolExecutor(1)
    ProgressPoolExecutor(1).shutdown()
    ProgressPoolExecutor(1).shutdown(wait=False)
    assert all(display.finished.is_set() for display in shown.displays)


def test_nothing_holds_a_dropped_executor_but_its_user(tmp_path: Path) -> None:
    executor = ProgressPoolExecutor(1)
    gone = weakref.ref(executor)
    pending = executor.submit(tasks.wait_for, str(tmp_path / "gate"))
    done = executor.submit(tasks.square, 2)
    results = executor.map(tasks.square, [3])
    del executor
    assert is_gone(gone)
    (tmp_path / "gate").touch()
    assert pending.result() == str(tmp_path / "gate")
    assert done.result() == 4
    assert list(results) == [9]


def test_executors_dropped_in_cycles_do_not_wait_for_themselves(script: Script) -> None:
    """The garbage collector finds executors in the midst of our own code, in any thread.

    A finalizer that takes a lock, or sets a `threading.Event`, then waits for a lock that its
    own thread holds.
    """
    done = script("""
class Cycle:
    def __init__(self):
        self.me, self.executor = self, ProgressPoolExecutor(1)
with ProgressPoolExecutor(1) as first:  # a fork server stays
    first.submit(tasks.square, 2).result()
def descriptors():  # where they can be counted
    return len(os.listdir("/dev/fd")) if os.name == "posix" else 0
before = descriptors()
gc.set_threshold(1, 1, 1)
for _ in range(1000):
    Cycle()
with ProgressPoolExecutor(1) as used:
    used.submit(tasks.square, 2).result()
    for _ in range(1000):
        Cycle()
        used._pool._display.kick()
gc.set_threshold(700, 10, 10)
gc.collect()
while ours() or descriptors() > before:
    time.sleep(0.01)
print("all gone")
""")
    assert done.stdout.endswith("all gone\n")


def test_a_finalizer_may_run_at_any_call_in_any_thread(script: Script) -> None:
    """The same without chance: as if the garbage collector found one at every single call."""
    script("""
pool = ProgressPoolExecutor(1)._pool
def finalize(*_):
    pool.abandon()
    for display in list(displays.live):
        display.kick(may_wait=False)
threading.setprofile(finalize)
sys.setprofile(finalize)
for _ in range(3):
    with ProgressPoolExecutor(1) as executor:
        assert executor.submit(tasks.square, 2).result() == 4
        executor._pool._display.kick()
        assert ours() == ["barexec-display"]
    assert ours() == [] == displays.live
    ProgressPoolExecutor(1)
sys.setprofile(None)
assert displays.live == []
""")


@pytest.mark.parametrize("ending", ["", "del executor", "sys.exit(0)"])
def test_the_interpreter_exits_with_all_results_without_a_shutdown(
    script: Script, method: str, ending: str
) -> None:
    done = script(
        f"""
executor = ProgressPoolExecutor(2, context)
for n in range(20):
    future = executor.submit(tasks.square, n)
    future.add_done_callback(lambda future: print(future.result(), flush=True))
{ending}
""",
        method,
    )
    assert sorted(map(int, done.stdout.split())) == [n * n for n in range(20)]
    assert re.search(r"^20 tasks in .*: 20 done$", done.stderr, re.M)
    assert "rror" not in done.stderr


def test_an_executor_may_end_just_as_the_interpreter_exits(script: Script, method: str) -> None:
    """The exit wakes the stock class's thread, which may close just then what it is woken by, as
    after `shutdown(wait=False)`."""
    done = script(
        """
with ProgressPoolExecutor(1, context) as executor:
    executor.submit(tasks.square, 1).result()
    thread, wakeup = executor._executor_manager_thread, executor._executor_manager_thread_wakeup

class Writer:
    def send_bytes(self, words):
        wakeup._closed = True
        raise OSError(9, "Bad file descriptor")

if not hasattr(wakeup, "_lock"):
    wakeup._closed, wakeup._writer = False, Writer()
executor = ProgressPoolExecutor(1, context)
executor.submit(tasks.square, 3).add_done_callback(lambda future: print(future.result()))
""",
        method,
    )
    assert (done.returncode, done.stdout) == (0, "9\n")
    assert "rror" not in done.stderr


def test_a_shutdown_that_is_interrupted_waits_for_nothing_more(
    shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a second Ctrl-C, which the stock executor's wait hands on at once."""

    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    executor = ProgressPoolExecutor(1)
    future = executor.submit(tasks.wait_for, str(tmp_path / "go"))
    waits: list[float] = []
    with monkeypatch.context() as patch:
        patch.setattr(ProcessPoolExecutor, "shutdown", interrupted)
        patch.setattr(shown.only.pools[0].gone, "wait", waits.append)
        with pytest.raises(KeyboardInterrupt):
            executor.shutdown()
    assert waits == []
    (tmp_path / "go").touch()
    assert future.result() == str(tmp_path / "go")
    executor.shutdown()
    assert [status for _, status in shown.outcomes] == ["DONE"]


def test_a_task_whose_submit_is_interrupted_is_shown_to_its_end(
    context: BaseContext, shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stock executor has it by then, and runs it, though nobody has its Future."""
    start = ProcessPoolExecutor._start_executor_manager_thread  # type: ignore[attr-defined]

    def interrupted(executor: ProcessPoolExecutor) -> None:
        start(executor)
        raise KeyboardInterrupt

    go = tmp_path / "go"
    with ProgressPoolExecutor(1, context) as executor:
        with monkeypatch.context() as patch:
            patch.setattr(ProcessPoolExecutor, "_start_executor_manager_thread", interrupted)
            with pytest.raises(KeyboardInterrupt):
                executor.submit(tasks.wait_for, str(go))
            with pytest.raises(KeyboardInterrupt):
                executor.map(tasks.square, [7])
        future = executor.submit(tasks.square, 3)
        go.touch()
    assert future.result() == 9
    assert shown.outcomes == [(name, "DONE") for name in ("wait_for(…)", "square(7)", "square(3)")]


def test_a_submit_that_is_interrupted_as_it_returns(
    context: BaseContext, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then its task may be done: what became of that, nobody can know."""
    submit = ProcessPoolExecutor.submit

    def interrupted(*args: Any, **kwargs: Any) -> None:
        submit(*args, **kwargs).result()
        raise KeyboardInterrupt

    with ProgressPoolExecutor(1, context) as executor:
        with monkeypatch.context() as patch:
            patch.setattr(ProcessPoolExecutor, "submit", interrupted)
            with pytest.raises(KeyboardInterrupt):
                executor.submit(tasks.tracked_list, 3)
        executor.submit(tasks.square, 3).result()
    assert shown.outcomes == [("square(3)", "DONE")]
    assert shown.only.tasks.all == 1


def test_a_submit_that_is_interrupted_after_it(shown: Shown, context: BaseContext) -> None:
    """In the midst of what we do then; so it is told of twice."""
    with ProgressPoolExecutor(1, context) as executor:
        pool = executor._pool
        assert pool is not None
        for before in (True, False):
            accepted = pool.accepted

            def interrupted(
                id: int, future: Future[Any], accepted: Any = accepted, before: bool = before
            ) -> None:
                pool.accepted = accepted  # type: ignore[method-assign]
                if not before:
                    accepted(id, future)
                raise KeyboardInterrupt

            pool.accepted = interrupted  # type: ignore[method-assign]
            with pytest.raises(KeyboardInterrupt):
                executor.submit(tasks.square, 3)
    assert [how for _, how in shown.outcomes] == ["DONE", "DONE"]
    assert pool.live == 0


# --- threads, processes, forks ---------------------------------------------------------


def test_ten_threads_may_submit_at_once(shown: Shown) -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(10):
            futures: list[Future[int]] = []
            barrier = threading.Barrier(10)
            with ProgressPoolExecutor(1) as executor:

                def submit() -> None:
                    barrier.wait()  # noqa: B023
                    futures.extend(executor.submit(tasks.square, n) for n in range(4))  # noqa: B023

                threads = [threading.Thread(target=submit) for _ in range(10)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                looking = [t for t in threading.enumerate() if t.name == "barexec-display"]
                assert len(looking) == 1
                assert sorted(f.result() for f in futures) == sorted([0, 1, 4, 9] * 10)
            tasks_shown = shown.displays.pop().tasks
            assert tasks_shown.counts["done"] == 40  # type: ignore[index]
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize("count", [2, 10])
def test_executors_live_side_by_side(count: int, shown: Shown) -> None:
    executors = [ProgressPoolExecutor(1) for _ in range(count)]
    futures = [ex.submit(tasks.square, n) for n in range(3) for ex in executors]
    assert sorted(f.result() for f in futures) == sorted([0, 1, 4] * count)
    for executor in executors:
        assert not shown.only.finished.is_set()
        executor.shutdown()
    assert shown.only.finished.is_set()
    assert len(shown.outcomes) == 3 * count


def test_executors_in_threads_that_start_at_once(context: BaseContext, shown: Shown) -> None:
    barrier, results = threading.Barrier(3), []

    def work() -> None:
        barrier.wait()
        with ProgressPoolExecutor(1, context) as executor:
            results.append(list(executor.map(tasks.square, range(3))))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[0, 1, 4]] * 3
    assert sum(len(d.tasks.finished) for d in shown.displays) == 9


def test_tasks_may_have_executors_of_their_own(context: BaseContext, method: str) -> None:
    with ProgressPoolExecutor(2, context) as executor:
        results = list(executor.map(tasks.starts_pools_of_ours, [method] * 2))
    assert results == [[[0, 1, 4, 9]] * 2] * 2


@needs_fork
def test_fork_does_not_warn_of_a_thread_of_ours(script: Script) -> None:
    """CPython 3.12 on warns of each fork of a process that has threads."""
    done = script(
        """
for _ in range(3):
    with ProgressPoolExecutor(4, context) as executor:
        assert list(executor.map(tasks.square, range(40))) == [n * n for n in range(40)]
        assert executor.submit(tasks.forks).result() == 0
executor = ProgressPoolExecutor(2, context)
executor.submit(tasks.tracked_range, 5)
executor.submit(tasks.forks)
""",
        "fork",
        ("-W", "error"),
    )
    assert "Warning" not in done.stderr


@needs_fork
@pytest.mark.parametrize("how", ["del executor; gc.collect()", "executor.shutdown()", "pass"])
def test_a_forked_child_neither_shows_nor_stops_what_its_parent_does(
    script: Script, method: str, how: str
) -> None:
    done = script(
        f"""
executor = ProgressPoolExecutor(1, context)
future = executor.submit(tasks.wait_for, "go")
def child():
    global executor
    {how}
    fork = multiprocessing.get_context("fork")  # a fork server is its starter's alone
    with ProgressPoolExecutor(1, fork, display="off") as other:
        assert other.submit(tasks.square, 2).result() == 4
    assert ours() == [], ours()
    sharing._close_all()
def fork():
    # not while the stock class's own thread holds its lock: it would stay locked in the child,
    # where the stock class waits for it once the executor is collected
    with executor._shutdown_lock:
        pid = os.fork()
    if not pid:
        status = 1
        try:
            child()
            status = 5
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] >> 8 == 5
    assert ours() == ["barexec-display"], ours()
fork()
fork()
open("go", "w").close()
assert future.result() == "go"
while executor._pool.live: time.sleep(0.01)
fork()  # all tasks have ended: there is a last frame to be drawn, but not by the child
executor.shutdown()
assert ours() == [], ours()
""",
        method,
    )
    assert len(done.stderr.splitlines()) == 2  # a sentence for the task, and the summary


@needs_fork
def test_threads_may_fork_at_once_while_bars_are_live(script: Script) -> None:
    script("""
def fork():
    barrier.wait()
    for _ in range(20):
        pid = os.fork()
        if not pid:
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    forked.append(None)
forked, barrier = [], threading.Barrier(4)
with ProgressPoolExecutor(1, context) as executor:
    future = executor.submit(tasks.wait_for, "go")
    threads = [threading.Thread(target=fork) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert len(forked) == 4
    open("go", "w").close()
    future.result()
    assert ours() == ["barexec-display"], ours()
assert ours() == [], ours()
""")


@pytest.mark.skipif(sys.version_info < (3, 14), reason="new in CPython 3.14")
@pytest.mark.parametrize("how", ["terminate_workers", "kill_workers"])
def test_workers_can_be_ended_by_force(how: str, context: BaseContext, shown: Shown) -> None:
    executor = ProgressPoolExecutor(1, context)
    future = executor.submit(tasks.pause, 600)
    while not future.running():
        pass
    getattr(executor, how)()
    with pytest.raises(BrokenProcessPool):
        future.result()
    assert shown.only.finished.wait(60)
    assert [status for _, status in shown.outcomes] == ["LOST"]


def test_signals_are_left_as_they_are() -> None:
    before = {s: signal.getsignal(s) for s in signal.valid_signals()}
    with ProgressPoolExecutor(1) as executor:
        executor.submit(tasks.square, 1).result()
        assert {s: signal.getsignal(s) for s in signal.valid_signals()} == before


# --- memory ----------------------------------------------------------------------------


def test_thousands_of_tasks_hold_no_argument_and_no_result(shown: Shown) -> None:
    tasks.Payload.alive.clear()
    with ProgressPoolExecutor(2) as executor:
        futures = [executor.submit(tasks.echo, tasks.Payload(n)) for n in range(5_000)]
        cf.wait(futures)
        total = sum(future.result().n for future in futures)
        assert total == sum(range(5_000))
        del futures
        # the executor's own threads hold the last of each until the next one comes
        executor.submit(tasks.square, 1).result()
        gc.collect()
        assert len(tasks.Payload.alive) <= 3
        pool = shown.only.pools[0]
        assert not pool._numbers
    assert shown.only.tasks.counts["done"] == 5_001  # type: ignore[index]
    assert len(shown.only.tasks.finished) < 1000
