"""Every engine's executor: the results of the engine's own, and the same bars."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import (
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import work

import barexec
from barexec import bars, channel, pool, remote, sampler, shown, worker
from barexec import display as displays
from barexec.channel import open_memory_channel, open_named_channel, open_shared_channel, reach
from barexec.state import Status
from barexec.tasks import Tasks
from barexec.testing import check_way

TESTS = Path(__file__).parents[1]
EXAMPLE = TESTS.parent / "examples" / "engines.py"
sys.path += [str(TESTS / "terminal"), str(Path(__file__).parent)]
posix = pytest.mark.skipif(os.name != "posix", reason="there is no pty")
if os.name == "posix":
    from pty_program import PtyProgram, environment

#: Engines that this Python has, and that are installed.
ENGINES = [
    name
    for name, there in {
        "threads": True,
        "loky": find_spec("loky") and os.name == "posix",
        "wrapped threads": True,
        "wrapped processes": os.name == "posix",
    }.items()
    if there
]
#: Engines whose tests are run in a process of their own: `distributed` changes how all of Python
#: pickles errors (tblib); interpreters find modules by PYTHONPATH alone.
DASK = find_spec("distributed") is not None
#: On Windows they have no way to tell of their bars.
INTERPRETERS = sys.version_info >= (3, 14) and sys.platform != "win32"
INNER = os.environ.get("BAREXEC_TESTS_OF", "")
if INNER:
    ENGINES = [INNER]
MPI = find_spec("mpi4py") is not None and bool(
    shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin"]))
)
needs_mpi = pytest.mark.skipif(not MPI, reason="there is no mpi4py here, or no MPI")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    from distributed import Client, LocalCluster

    # in this process: it starts at once; another test has processes
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=2, processes=False, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def make(request: pytest.FixtureRequest, engine: str) -> Iterator[Make]:
    """Makes executors of the engine."""
    if engine == "dask":
        request.getfixturevalue("client")

    def make(workers: int = 2, **looks: Any) -> Any:
        looks = {"display": "plain", **looks}
        if engine == "threads":
            return barexec.ProgressThreadPoolExecutor(workers, **looks)
        if engine == "interpreters":
            return barexec.ProgressInterpreterPoolExecutor(workers, **looks)
        if engine == "dask":
            client = request.getfixturevalue("client")
            return barexec.ProgressDaskExecutor(client, **looks)
        if engine == "wrapped threads":
            return barexec.wrap(ThreadPoolExecutor(workers), **looks)
        if engine == "wrapped processes":
            return barexec.wrap(ProcessPoolExecutor(workers, get_context("fork")), **looks)
        from loky import ProcessPoolExecutor as LokyExecutor

        return barexec.wrap(LokyExecutor(workers), **looks)

    yield make
    until = monotonic() + 30
    while bars.threads and monotonic() < until:  # Dask can't stop what it has cancelled
        sleep(0.01)
    assert not bars.threads
    assert not [pool for pool in worker.samplers if worker.samplers[pool]._others]


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> list[Tasks]:
    """What the displays of the test know."""
    found: list[Tasks] = []

    class Watched(displays.Display):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            found.append(self.tasks)

    monkeypatch.setattr(displays, "Display", Watched)
    return found


every = pytest.mark.parametrize("engine", ENGINES)


def bar_of(tasks: Tasks, desc: str) -> tuple[Status, float, float | None]:
    all_of_them = [*tasks.finished.values(), *tasks.failed.values(), *tasks.running.values()]
    (task,) = [task for task in all_of_them if task.desc == desc]
    meter = task.meters[0] if task.meters else None
    return task.status, meter.event.n if meter else -1, meter.event.total if meter else None


@every
def test_results_errors_and_bars(make: Make, tasks: list[Tasks]) -> None:
    with make() as ex:
        futures = [ex.submit(work.counted, n) for n in (100, 20_000)]
        broken = ex.submit(work.fails, 7)
        assert list(ex.map(work.square, range(30))) == [n * n for n in range(30)]
        assert ex.submit(work.makes_its_bar, 4).result() == 4
        assert [future.result() for future in futures] == [100, 20_000]
        with pytest.raises(ValueError, match="no 7"):
            broken.result()
    (told,) = tasks
    assert bar_of(told, "counted(20000)") == (Status.DONE, 20_000, 20_000)
    assert bar_of(told, "fails(7)")[0] is Status.FAILED
    assert told.counts[Status.DONE] == 33
    assert told.counts[Status.FAILED] == 1


@every
def test_parameters_are_filled(make: Make, tasks: list[Tasks]) -> None:
    with make() as ex:
        assert ex.submit(work.filled, 5).result() == 5
        assert list(ex.map(work.filled, [1, 2])) == [1, 2]
        assert ex.options(location=(3, 4)).submit(work.writes, 1).result() == (3, 4)
        named = ex.options(desc="a name", total=8, unit="page").submit(work.makes_its_bar, 8)
        assert named.result() == 8
        assert list(ex.options(desc="m{}".format).map(work.square, [1, 2])) == [1, 4]
    (told,) = tasks
    assert bar_of(told, "filled(5)") == (Status.DONE, 5, 5)
    assert bar_of(told, "a name") == (Status.DONE, 8, 8)
    assert bar_of(told, "m2")[0] is Status.DONE


@every
def test_where_nothing_is_shown_all_works(make: Make) -> None:
    with make(display="off") as ex:
        assert ex.submit(work.counted, 10).result() == 10
        assert ex.submit(work.filled, 5).result() == 5
        assert list(ex.map(work.square, [1, 2, 3])) == [1, 4, 9]


@every
def test_a_bar_moves_while_its_task_runs(make: Make, tasks: list[Tasks], tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with make() as ex:
        future = ex.submit(work.waits, str(gate))
        seen = threading.Event()
        while not seen.wait(0.01):
            running = list(tasks[0].running.values())
            if running and running[0].meters and running[0].meters[0].event.n == 3:  # type: ignore[union-attr]
                seen.set()
            assert not future.done()
        gate.touch()
        assert future.result() == str(gate)


@every
def test_what_waits_can_be_cancelled(make: Make, tasks: list[Tasks], tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with make(2) as ex:
        running = [ex.submit(work.waits, str(gate)) for _ in range(4)]
        waiting = [ex.submit(work.square, n) for n in range(5)]
        assert waiting[-1].cancel()
        gate.touch()
        assert {future.result() for future in running} == {str(gate)}
    assert tasks[0].counts[Status.CANCELLED] == 1


@every
def test_a_shutdown_can_cancel_what_waits(make: Make, tasks: list[Tasks], tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    ex = make(1)
    running = ex.submit(work.waits, str(gate))
    while not tasks[0].running:  # the display hears of it
        threading.Event().wait(0.01)
    waiting = [ex.submit(work.slow, 20 + n, 0.05) for n in range(12)]
    threading.Timer(0.2, gate.touch).start()
    ex.shutdown(cancel_futures=True)
    # Dask and loky may have begun some, and Dask cancels also what runs
    assert sum(future.cancelled() for future in waiting) >= 6
    assert running.cancelled() or running.result() == str(gate)


@every
def test_after_ctrl_c_nothing_more_is_started(make: Make, tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    def interrupted() -> list[Any]:
        with make(1) as ex:
            futures = [ex.submit(work.waits, str(gate))]
            futures += [ex.submit(work.slow, 20 + n, 0.05) for n in range(12)]
            found.extend(futures)
            threading.Timer(0.2, gate.touch).start()
            raise KeyboardInterrupt
        return futures

    found: list[Any] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert sum(future.cancelled() for future in found) >= 6


@every
def test_bad_options_fail_at_the_call(make: Make) -> None:
    for wrong in ({"renderer": "none"}, {"leave": 3}, {"capture": "x"}, {"display": "up"}):
        with pytest.raises(ValueError, match=re.escape(repr(next(iter(wrong.values()))))):
            make(**wrong)
    with pytest.raises(TypeError, match="unknown option 'color'"):
        make(color=True)
    with make() as ex, pytest.raises(TypeError, match="total must be a number"):
        ex.options(total="many")


@every
def test_nothing_is_left(make: Make) -> None:
    with make() as ex:
        ex.submit(work.counted, 100).result()
    until = monotonic() + 30
    while left := [t.name for t in threading.enumerate() if t.name.startswith("barexec")]:
        assert monotonic() < until, left
        sleep(0.01)  # a worker's sampler ends with its tick
    assert not worker.senders
    assert not worker.samplers


# --- what only some have ---


def test_chunks_count_their_items(tasks: list[Tasks]) -> None:
    with barexec.wrap(ThreadPoolExecutor(2), display="plain") as ex:
        squares = list(ex.map(work.square, range(250), chunksize=100))
        assert list(ex.map(work.filled, range(1, 8), chunksize=3)) == [1, 2, 3, 4, 5, 6, 7]
    assert squares == [n * n for n in range(250)]
    assert bar_of(tasks[0], "square[100:200]") == (Status.DONE, 100, 100)
    assert tasks[0].items[Status.DONE] == 257


def _is_filled(x: int, chunk: barexec.Bar, function: barexec.Writer) -> int:
    return x if isinstance(chunk, barexec.Bar) and isinstance(function, barexec.Writer) else -1


def test_parameters_of_any_name_are_filled_in_chunks() -> None:
    with (
        barexec.wrap(ThreadPoolExecutor(1)) as ex,
        closing(ex.map(_is_filled, [1, 2, 3], chunksize=2)) as results,  # type: ignore[type-var]
    ):
        assert list(results) == [1, 2, 3]


class Elsewhere(Executor):
    """One whose workers can't reach the display: tasks arrive there by bytes alone."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        import pickle

        sent = pickle.dumps(fn)

        def arrive() -> Any:

            route, remote._routes = remote._routes, {}
            made, remote._made = remote._made, set()
            senders = dict(worker.senders)
            worker.senders.clear()
            try:
                return pickle.loads(sent)(*args, **kwargs)
            finally:
                remote._routes, remote._made = route, made
                worker.senders.clear()
                worker.senders.update(senders)
                worker.serves = False

        return self._pool.submit(arrive)

    def shutdown(self, wait: bool = True, **options: Any) -> None:
        self._pool.shutdown(wait)


def test_without_a_way_tasks_are_counted(
    tasks: list[Tasks], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "mkfifo", raising=False)
    with barexec.wrap(Elsewhere(), display="plain") as ex:
        assert ex.submit(work.counted, 10).result() == 10
        with pytest.raises(ValueError, match="no 1"):
            ex.submit(work.fails, 1).result()
    assert tasks[0].counts[Status.DONE] == 1
    assert tasks[0].counts[Status.FAILED] == 1


def test_only_executors_are_wrapped() -> None:
    with pytest.raises(TypeError, match=r"takes a concurrent\.futures\.Executor, not 3"):
        barexec.wrap(3)  # type: ignore[arg-type]

    class Own(barexec.ProgressThreadPoolExecutor):
        pass

    with Own(1) as ex, pytest.raises(TypeError, match="already"):
        barexec.wrap(ex)


def test_a_thread_whose_task_raises_the_error_of_a_broken_pool_is_not_lost(
    tasks: list[Tasks],
) -> None:
    """No worker of ours has died: a pool of its own has."""
    with barexec.ProgressThreadPoolExecutor(1) as ex:
        with pytest.raises(BrokenProcessPool, match="of its own"):
            ex.submit(work.breaks).result()
        assert ex.submit(abs, -1).result() == 1
    assert bar_of(tasks[0], "breaks")[0] is Status.FAILED


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_tasks_of_a_wrapped_pool_that_broke_are_left_to_its_own_thread(
    tasks: list[Tasks], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In whose midst callbacks may take long: only what it has forgotten is ended for it."""
    monkeypatch.setattr(pool, "FORGOTTEN", 0.0)
    recall, looked, goes_on, ended_by = pool.Pool.recall, [0], threading.Event(), set()

    def recalled(self: pool.Pool, now: float) -> None:
        recall(self, now)
        looked[0] += self.broken is not None
        if looked[0] > 5:
            goes_on.set()

    def ended(future: Future[Any]) -> None:
        ended_by.add(type(threading.current_thread()).__name__)
        assert goes_on.wait(60)

    monkeypatch.setattr(pool.Pool, "recall", recalled)
    with barexec.wrap(ProcessPoolExecutor(1, get_context("fork")), display="plain") as ex:
        ex.submit(work.waits, str(tmp_path / "gate"))
        futures = [ex.submit(work.dies), *(ex.submit(abs, n) for n in range(3))]
        for future in futures:
            future.add_done_callback(ended)
        (tmp_path / "gate").touch()
        assert [type(future.exception(60)) for future in futures] == [BrokenProcessPool] * 4
    assert ended_by == {"_ExecutorManagerThread"}


def test_a_task_may_be_submitted_while_all_are_cancelled() -> None:
    class Changing(weakref.WeakSet[Any]):
        times = 0

        def __iter__(self) -> Iterator[Any]:
            self.times += 1
            if self.times == 1:
                raise RuntimeError("Set changed size during iteration")
            return super().__iter__()

    future: Future[Any] = Future()
    assert shown._listed(Changing([future])) == [future]


def test_where_a_named_pipe_cannot_be_opened_nothing_is_said(tmp_path: Path) -> None:
    assert not reach(str(tmp_path / "none")).listened_to()


def test_a_thread_whose_submit_is_interrupted_is_shown(
    tasks: list[Tasks], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs the task all the same, though nobody has its Future."""
    start = ThreadPoolExecutor._adjust_thread_count  # type: ignore[attr-defined]
    runs, goes_on = threading.Event(), threading.Event()

    def task() -> None:
        runs.set()
        goes_on.wait(60)

    def interrupted(executor: ThreadPoolExecutor) -> None:
        start(executor)
        assert runs.wait(60)
        raise KeyboardInterrupt

    monkeypatch.setattr(ThreadPoolExecutor, "_adjust_thread_count", interrupted)
    with barexec.ProgressThreadPoolExecutor(1, display="plain") as executor:
        with pytest.raises(KeyboardInterrupt):
            executor.submit(task)
        goes_on.set()
    assert [(all.counts[Status.DONE], all.all) for all in tasks] == [(1, 1)]


def test_threads_heed_no_chunksize(tasks: list[Tasks]) -> None:
    """As those of the stock class."""
    with barexec.ProgressThreadPoolExecutor(1) as ex:
        assert list(ex.map(abs, [-1, -2], chunksize=0)) == [1, 2]
        nothing: Any = None
        assert list(ex.map(abs, [-1, -2], chunksize=nothing)) == [1, 2]


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
def test_of_a_way_by_name_that_cannot_be_made_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: Any) -> int:
        raise OSError("no descriptor is left")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(channel, "NamedSender", none)
    before = sorted(Path("/dev/fd").iterdir())
    with pytest.raises(OSError, match="no descriptor"):
        open_named_channel()
    assert sorted(Path("/dev/fd").iterdir()) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif("loky" not in ENGINES, reason="loky is not installed")
def test_a_worker_of_loky_that_dies(tasks: list[Tasks]) -> None:
    from loky import ProcessPoolExecutor

    with barexec.wrap(ProcessPoolExecutor(1), display="plain") as ex:
        error = ex.submit(work.dies).exception()
    assert type(error).__name__ == "TerminatedWorkerError"
    assert bar_of(tasks[0], "dies")[0] is Status.LOST


def test_interpreters_need_a_newer_python() -> None:
    if sys.version_info < (3, 14):
        with pytest.raises(RuntimeError, match=r"interpreters came with CPython 3\.14"):
            barexec.ProgressInterpreterPoolExecutor(1)


# --- ways ---


@pytest.mark.parametrize(
    "way",
    [
        open_memory_channel,
        *([open_shared_channel, open_named_channel] if os.name == "posix" else []),
    ],
)
def test_a_way_within_a_process(way: Callable[[], Any]) -> None:
    with ThreadPoolExecutor(1) as ex:
        check_way(way, lambda function, *args: ex.submit(function, *args).result())


@pytest.mark.skipif("loky" not in ENGINES, reason="loky is not installed")
def test_a_way_by_name() -> None:
    from loky import ProcessPoolExecutor

    with ProcessPoolExecutor(1) as ex:
        check_way(open_named_channel, lambda function, *args: ex.submit(function, *args).result())


@pytest.mark.skipif(not INTERPRETERS, reason="new in CPython 3.14")
def test_a_way_between_interpreters() -> None:
    from concurrent.futures import InterpreterPoolExecutor  # type: ignore[attr-defined]

    with InterpreterPoolExecutor(1) as ex:
        check_way(open_shared_channel, lambda function, *args: ex.submit(function, *args).result())


@pytest.mark.skipif(INNER != "dask", reason="in a process of its own: test_apart")
def test_a_way_by_dask(client: Any) -> None:
    from barexec.engines.dask import open_channel

    def run(function: Callable[..., Any], *args: Any) -> Any:
        return client.submit(function, *args, pure=False).result()

    check_way(lambda: open_channel(client), run)


@pytest.mark.skipif(bool(INNER), reason="this is it")
@pytest.mark.parametrize(
    ("engine", "least"),
    [
        pytest.param("dask", 11, marks=pytest.mark.skipif(not DASK, reason="there is no dask")),
        pytest.param(
            "interpreters", 9, marks=pytest.mark.skipif(not INTERPRETERS, reason="new in 3.14")
        ),
    ],
)
def test_apart(engine: str, least: int) -> None:
    paths = [str(path) for path in (TESTS.parent, Path(__file__).parent)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
            *(__file__, "-k", f"[{engine}] or way_by_dask"),
        ],
        env={**os.environ, "BAREXEC_TESTS_OF": engine, "PYTHONPATH": os.pathsep.join(paths)},
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stdout[-9000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) >= least


RANKS = """
from mpi4py.futures import MPIPoolExecutor
from barexec.engines.mpi import open_channel
from barexec.testing import check_way

if __name__ == "__main__":
    with MPIPoolExecutor() as ex:
        check_way(open_channel, lambda function, *args: ex.submit(function, *args).result())
    print("it holds")
"""


def mpi(*program: str) -> list[str]:
    """The command that runs a program on three ranks."""
    mpiexec = Path(sys.executable).with_name("mpiexec")
    start = [str(mpiexec if mpiexec.exists() else "mpiexec"), "--allow-run-as-root"]
    return [*start, "--oversubscribe", "-n", "3", sys.executable, "-m", "mpi4py.futures", *program]


@posix
@needs_mpi
def test_a_way_between_ranks(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(RANKS)
    env = environment(PYTHONPATH=str(TESTS.parent))
    with PtyProgram(mpi(str(tmp_path / "program.py")), columns=100, env=env) as program:
        program.wait()
        assert any("it holds" in row for row in program.screen.rows), program.screen.rows


@pytest.mark.skipif(INNER != "dask", reason="in a process of its own: test_apart")
def test_a_way_by_dask_keeps_nothing_once_nobody_listens() -> None:
    from barexec.engines.dask import open_channel

    heard: list[Any] = []
    client = type("Client", (), {"subscribe_topic": lambda *args: heard.append(args[-1])})()
    _, receiver = open_channel(client)
    (hear,) = heard
    hear((0.0, b"told"))
    assert receiver.receive() == b"told"
    receiver.deafen()
    hear((0.0, b"more"))
    assert receiver.receive() == b""


@pytest.mark.skipif(INNER != "dask", reason="in a process of its own: test_apart")
def test_a_way_by_dask_whose_client_is_closed(tasks: list[Tasks], tmp_path: Path) -> None:
    from distributed import Client, LocalCluster

    gate = tmp_path / "gate"
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as cluster:
        client = Client(cluster)
        ex = barexec.ProgressDaskExecutor(client, display="plain")
        futures = [ex.submit(work.waits, str(gate)) for _ in range(2)]
        client.close()
        gate.touch()
        for future in futures:
            with pytest.raises(CancelledError):
                future.result(60)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ex.shutdown()
    assert tasks[0].counts[Status.CANCELLED] == 2


def test_many_workers_tell_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    from barexec.channel import MemoryReceiver
    from barexec.events import Advanced, Decoder
    from barexec.writer import Screen

    assert remote.pace(1) == remote.pace(200) == pytest.approx(0.1)
    assert remote.pace(10_000) == pytest.approx(5.0)
    now = 100.0
    monkeypatch.setattr(remote, "monotonic", lambda: now)
    for module in (bars, sampler):
        monkeypatch.setattr(module, "monotonic", lambda: now)
    receiver = MemoryReceiver()
    route = remote.Route("pace", receiver.sender, Screen(), False, "elsewhere", 1.0)
    told = remote._RemoteSampler("pace")
    monkeypatch.setattr(told._ticker, "start", lambda: None)
    task = bars.Task(7, "pace")
    told.enter(task, receiver.sender)
    bars.threads[threading.get_ident()] = task
    try:
        with barexec.Bar(100) as bar:
            for _ in range(50):
                now += 0.1
                bar.update()
                assert told._tick()
            numbers = [e.n for e in Decoder().feed(receiver.receive()) if isinstance(e, Advanced)]
    finally:
        del bars.threads[threading.get_ident()]
        remote.close(route.pool)
    assert numbers == [1, 11, 21, 31, 41]


# --- on the screen ---


def settled(rows: list[str]) -> list[str]:
    """What does not differ from run to run: no times, no rates."""
    rows = [
        re.sub(r" +\d+:\d\d(?:<\d+:\d\d)?| +[\d.]+[kM]? page/s", "", row) for row in rows if row
    ]
    begin = next(at for at, row in enumerate(rows) if "tasks " in row)
    return [row.rstrip() for row in rows[begin:]]


@posix
@pytest.mark.parametrize(
    "engine",
    [
        "processes",
        "threads",
        *(["interpreters"] if INTERPRETERS else []),
        *(["loky"] if "loky" in ENGINES else []),
        pytest.param("dask", marks=pytest.mark.skipif(not DASK, reason="there is no dask")),
        pytest.param("mpi", marks=needs_mpi),
    ],
)
def test_one_program_on_every_engine(engine: str) -> None:
    command = [sys.executable, str(EXAMPLE), engine]
    if engine == "mpi":
        command = mpi(str(EXAMPLE), engine)
    env = environment(PYTHONPATH=str(TESTS.parent))
    with PtyProgram(command, columns=80, rows=24, env=env) as program:
        assert program.wait() == 0, program.screen.rows
        bar = "━" * 30
        rows = settled([*program.screen.history, *program.screen.rows])
        shown = [re.sub("━+", bar, row) for row in rows]
        assert shown == [
            f"✗ tasks        {bar}   4/4   100%       1 failed",
            f"✓ convert(30)  {bar}  30/30  100%",
            f"✓ convert(40)  {bar}  40/40  100%",
            "✗ convert(50)  ValueError: page 42 is torn",
            f"✓ convert(25)  {bar}  25/25  100%",
            "95 pages",
        ]


KILLED = """
import sys
sys.path.insert(0, {folder!r})
import work

if __name__ == "__main__":
    from distributed import Client
    from barexec import ProgressDaskExecutor

    with Client(n_workers=2, threads_per_worker=1, dashboard_address=":0") as client:
        with ProgressDaskExecutor(client) as ex:
            print(ex.submit(work.dies_once, {life!r}).result())
"""


def _shows(words: re.Pattern[str], screen: Any) -> bool:
    return any(map(words.search, screen.rows))


@posix
@pytest.mark.skipif(not DASK, reason="dask.distributed is not installed")
def test_a_worker_of_dask_that_dies(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(KILLED.format(folder=str(Path(__file__).parent), life=str(tmp_path)))
    env = environment(PYTHONPATH=os.pathsep.join([str(TESTS.parent), str(Path(__file__).parent)]))
    with PtyProgram(program, columns=100, rows=30, env=env) as run:
        for step, name in ((7, "seen"), (2, "seen again")):  # it begins anew
            run.until(partial(_shows, re.compile(rf"dies_once.* {step}/20")))
            (tmp_path / name).touch()
        assert run.wait() == 0
        assert any(row.startswith("✓ dies_once") and "20/20" in row for row in run.screen.rows)
        assert any("survived" in row for row in run.screen.rows)


THREADS = """
import sys
sys.path.insert(0, {folder!r})
import work
from barexec import ProgressThreadPoolExecutor

if __name__ == "__main__":
    writes = sys.stdout.write
    with ProgressThreadPoolExecutor(4, capture="named") as ex:
        assert list(ex.map(work.prints, range(8))) == list(range(8))
        assert sys.stdout.write is not writes
    sys.stdout.write.__self__
    print("as before")
"""


@posix
def test_what_threads_print_is_told_apart(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(THREADS.format(folder=str(Path(__file__).parent)))
    env = environment(PYTHONPATH=str(TESTS.parent))
    with PtyProgram(program, columns=100, rows=30, env=env) as run:
        assert run.wait() == 0
        lines = [*run.screen.history, *run.screen.rows]
    for n in range(8):
        mine = [line.partition("│ ")[2] for line in lines if line.startswith(f"prints({n})")]
        expected = [text for k in range(20) for text in (f"<{n} {k}>", f"({n} {k})")]
        assert sorted(mine) == sorted(expected)
        assert [text for text in mine if text[0] == "<"] == expected[::2]
    assert "as before" in lines
