"""Programs that go wrong, and what is done to them: the other half of the table.

Each is run with every start method, on a terminal, in full screen and off a terminal, but
where it says otherwise. What must be true of all of them in the end is in
`test_programs_at_fault`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from textwrap import dedent
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from table import DISPLAYS, METHODS

if TYPE_CHECKING:
    from test_programs_at_fault import Run

#: What each program begins with. `right()` says that all results were as they should be.
HEAD = '''
import faulthandler, gc, hashlib, multiprocessing, os, signal, sys, threading, time, warnings
from concurrent.futures import CancelledError, ProcessPoolExecutor, as_completed
from pathlib import Path
from barexec import Bar, ProgressPoolExecutor, crew, current_writer, display as displays
from barexec import interrupts, sharing, track, view

view.QUIET = 0.0
folder = Path(os.environ["FOLDER"])
METHOD = os.environ["METHOD"]

def executor(workers=2, **options):
    options = {"display": os.environ["DISPLAY"], "leave": True} | options
    return ProgressPoolExecutor(workers, multiprocessing.get_context(METHOD), **options)

def note(name):
    (folder / name).touch()

def wait_for(name):
    while not (folder / name).exists():
        time.sleep(0.005)

def square(n):
    return n * n

def steps(n):
    """A second's loop, or a minute's."""
    note("started")
    for _ in track(range(100), desc=f"steps {n}"):
        time.sleep(n)
    return n

def until(name):
    """Runs until it is told to end."""
    note("started")
    for _ in track(range(10)):
        pass
    wait_for(name)
    return name

def stubborn(_):
    """Takes no notice of Ctrl-C."""
    note("started")
    while True:
        try:
            time.sleep(600)
        except KeyboardInterrupt:
            pass

def in_c(_):
    """One long call in C, which nothing interrupts."""
    note("started")
    hashlib.pbkdf2_hmac("sha256", b"", b"", 1_000_000_000)

def slow_start():
    note("started")
    time.sleep(600)

def cleans_up(n):
    try:
        note("started")
        time.sleep(600)
    finally:
        note(f"cleaned {n}")

def arrives():
    """In a worker, when a task has arrived, but is not called yet: until Ctrl-C is heard."""
    note("started")
    while not interrupts.alarmed:
        time.sleep(0.005)
    return 3

class Slow:
    """Arrives as 3, and takes its time."""
    def __reduce__(self):
        return arrives, ()

def tell_of_the_end():
    stock = ProcessPoolExecutor.shutdown
    def shutdown(*args, **kwargs):
        note("ends")
        return stock(*args, **kwargs)
    ProcessPoolExecutor.shutdown = shutdown

def stop(self, stop=crew.Crew.stop):
    note("interrupted")
    stop(self)
crew.Crew.stop = stop

def right():
    note("right")

def batch(ex, n=9):
    """Some tasks, and whether their results are right."""
    futures = [ex.submit(square, k) for k in range(n)]
    assert list(ex.map(square, range(n), chunksize=4)) == [k * k for k in range(n)]
    assert [f.result() for f in futures] == [k * k for k in range(n)]

if multiprocessing.parent_process() is None:
    faulthandler.register(signal.SIGUSR2, all_threads=True, chain=False)
'''


#: What becomes of Futures where no code of the program's runs any more.
GONE = "gone with the program"


class Program(NamedTuple):
    """A program, what is done to it, and what comes of it.

    Attributes:
        code: its body.
        act: what is done to it.
        status: its exit status; a signal's as its negative number.
        futures, bar, terminal: what comes of each, in words.
        right: whether it must have seen that all its results are right.
        tracebacks: how many there are; None where that is not ours to say.
        env: variables of its environment; None takes one away.
        size: columns and rows of the terminal.
        files: that must be there in the end, in its folder.
        shows: what must have been on the screen, or been said.
        crossed: whether each start method is run with each display; else all of both are, in
            turn, and each with each with `--slow`.
        controlling: whether it leads the terminal's session, so that keys make signals; all
            that is left of a session is hung up when such a program ends.
    """

    code: str
    act: Callable[[Run], object] = lambda run: None
    status: int | None = 0
    futures: str = "results"
    bar: str = "done"
    terminal: str = "as before"
    right: bool = True
    tracebacks: int | None = 0
    env: Mapping[str, str | None] = MappingProxyType({})
    size: tuple[int, int] = (100, 30)
    files: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    controlling: bool = True
    crossed: bool = True
    methods: tuple[str, ...] = METHODS
    displays: tuple[str, ...] = DISPLAYS
    only: str = ""


C = "\x03"


def _presses(keys: str, after: str = "started", drawn: bool = False) -> Callable[[Run], None]:
    def act(run: Run) -> None:
        run.await_file(after)
        if drawn:
            run.await_frame()
        for key in keys:
            run.program.type(key)
            if len(keys) > 1:
                run.program.listen(0.2)  # two that come before it takes one are one
        if set(keys) == {C}:
            run.press_again_if_lost(C)

    return act


def _signals(number: int, after: str = "started") -> Callable[[Run], None]:
    def act(run: Run) -> None:
        run.await_file(after)
        run.await_frame()
        run.program.process.send_signal(number)

    return act


def _interrupted(code: str, keys: str = "\x03", **more: object) -> Program:
    futures = (
        "interrupted: KeyboardInterrupt; not started: cancelled; unheeding: its worker's death"
    )
    usual = {
        "act": _presses(keys),
        "status": -signal.SIGINT,
        "futures": futures,
        "bar": "cancelled",
        "right": False,
        "tracebacks": 1,
    }
    return Program(code, **usual | more)  # type: ignore[arg-type]


def _killed(number: int, code: str = "", **more: object) -> Program:
    code = code or "with executor() as ex: [ex.submit(steps, 1) for _ in range(4)]"
    usual = {
        "act": _signals(number),
        "status": -number,
        "futures": GONE,
        "bar": "as it stood",
        "right": False,
        "tracebacks": None,
        "controlling": False,
    }
    return Program(code, **usual | more)  # type: ignore[arg-type]


#: Not before it has begun: an exception that falls into the call of `__exit__` ends a block
#: without any code of its own.
AT_ITS_END = """
    tell_of_the_end()
    with executor() as ex:
        [ex.submit(stubborn, n) for n in range(9)]
        wait_for("started")
"""

INTERRUPTS = {
    "Ctrl-C while tasks run": _interrupted(
        """
        crew.GRACE = 30  # for who gets no processor
        with executor(1) as ex:  # of two, the second may be the first to start
            for f in [ex.submit(cleans_up, n) for n in range(9)]: f.result()
        """,
        files=("cleaned 0",),
        shows=("interrupted",),
    ),
    "Ctrl-C as a task arrives": _interrupted(
        """
        crew.GRACE = 600
        with executor(1) as ex: ex.submit(cleans_up, Slow()).result()
        """,
        futures="cancelled",
    ),
    "Ctrl-C as a task arrives, caught": Program(
        """
        with executor(1) as ex:
            batch(ex)
            try:
                f = ex.submit(square, Slow())
                f.result()
            except KeyboardInterrupt: note("interrupted")
            assert f.result() == 9
            right()
        """,
        _presses(C),
    ),
    "Ctrl-C while workers idle": _interrupted(
        """
        with executor() as ex:
            batch(ex)
            note("started")
            time.sleep(600)
        """,
        futures="results",
        bar="done",
    ),
    "Ctrl-C, and tasks take no notice": _interrupted(
        "with executor() as ex: ex.submit(stubborn, 1).result()"
    ),
    "Ctrl-C in the midst of C code": _interrupted(
        "with executor() as ex: ex.submit(in_c, 1).result()"
    ),
    "Ctrl-C twice": _interrupted(
        "with executor() as ex: [ex.submit(stubborn, n) for n in range(9)][0].result()", C * 2
    ),
    "Ctrl-C five times": _interrupted(AT_ITS_END, tracebacks=None, act=_presses(C * 5, "ends")),
    "Ctrl-C in submit": _interrupted(
        """
        with executor(1) as ex:
            batch(ex)
            note("started")
            for n in range(10**9): ex.submit(square, n)
        """
    ),
    "Ctrl-C in a submit whose task runs already": _interrupted(
        """
        crew.GRACE = 30
        begin = ProcessPoolExecutor._start_executor_manager_thread
        def slow(ex):
            begin(ex)
            wait_for("started")
            note("within")
            for _ in range(6000): time.sleep(0.01)
        ProcessPoolExecutor._start_executor_manager_thread = slow
        with executor(1) as ex: ex.submit(cleans_up, 0)
        """,
        act=_presses(C, "within"),
        files=("cleaned 0",),
        shows=("interrupted",),
    ),
    "Ctrl-C in map": _interrupted(
        """
        with executor(1) as ex:
            batch(ex)
            note("started")
            for _ in ex.map(square, range(10**9), chunksize=10): pass
        """
    ),
    "Ctrl-C at the end of the block": _interrupted(AT_ITS_END, act=_presses(C, "ends")),
    "Ctrl-C twice at the end of the block": _interrupted(AT_ITS_END, act=_presses(C * 2, "ends")),
    "Ctrl-C just as the block ends": _interrupted(
        """
        from barexec import executor as executors
        is_ctrl_c = executors.is_ctrl_c
        def slow(*error):
            executors.is_ctrl_c = is_ctrl_c
            note("ends")
            for _ in range(6000): time.sleep(0.01)
        executors.is_ctrl_c = slow
        with executor() as ex:
            [ex.submit(stubborn, n) for n in range(9)]
            wait_for("started")
        """,
        act=_presses(C, "ends"),
    ),
    "Ctrl-C just before the end is waited for": _interrupted(
        """
        with executor() as ex:
            [ex.submit(stubborn, n) for n in range(9)]
            wait_for("started")
            is_at_it = ex._pool.is_at_it
            def slow():
                if threading.current_thread() is threading.main_thread():
                    ex._pool.is_at_it = is_at_it
                    note("ends")
                    while not (folder / "interrupted").exists(): threading.Event().wait(0.01)
                return is_at_it()
            ex._pool.is_at_it = slow
        """,
        act=_presses(C, "ends"),
        shows=("9 cancelled",),
    ),
    "Ctrl-C while workers start": _interrupted(
        "with executor(initializer=slow_start) as ex: ex.submit(square, 1).result()"
    ),
    "Ctrl-C while the display starts": _interrupted(
        """
        start = displays.Display.start
        def slow(display):
            displays.Display.start = start
            note("started")
            # not in one sleep: the kernel may give a signal to any thread, whose sleep ends then
            for _ in range(6000): time.sleep(0.01)
            start(display)
        displays.Display.start = slow
        with executor() as ex: ex.submit(square, 1).result()
        """
    ),
    "Ctrl-C in shutdown, without a block": _interrupted(
        """
        tell_of_the_end()
        ex = executor()
        [ex.submit(stubborn, n) for n in range(9)]
        wait_for("started")
        ex.shutdown()
        """,
        act=_presses(C, "ends"),
    ),
    "Ctrl-C under asyncio.run": _interrupted(
        """
        import asyncio
        crew.GRACE = 30
        async def main():
            with executor(1) as ex:  # of two, the second may be the first to start
                run = asyncio.get_running_loop().run_in_executor
                await asyncio.gather(*[run(ex, cleans_up, n) for n in range(9)])
        asyncio.run(main())
        """,
        files=("cleaned 0",),
    ),
    "Ctrl-C under asyncio.run, twice": _interrupted(
        """
        import asyncio
        async def main():
            with executor() as ex:
                run = asyncio.get_running_loop().run_in_executor
                await asyncio.gather(*[run(ex, stubborn, n) for n in range(9)])
        asyncio.run(main())
        """,
        C * 2,
    ),
    "SIGINT to the program alone": _interrupted(
        "crew.GRACE = 30\nwith executor() as ex: ex.submit(cleans_up, 0).result()",
        act=_signals(signal.SIGINT),
        files=("cleaned 0",),
    ),
    "Ctrl-C, caught, and the pool goes on": Program(
        """
        with executor(1) as ex:
            batch(ex)
            try:
                f = ex.submit(cleans_up, 0)
                f.result()
            except KeyboardInterrupt: note("interrupted")
            batch(ex)
            right()
        """,
        _presses(C),
        futures="interrupted: KeyboardInterrupt; the others: results",
        bar="interrupted; done",
        files=("cleaned 0",),
    ),
    "Ctrl-C with on_interrupt='finish'": _interrupted(
        """
        with executor(1, on_interrupt="finish") as ex:
            ex.submit(square, 1).result()
            fs = [ex.submit(steps, n) for n in (1, 0.003, 0.003)]
            fs[-1].add_done_callback(lambda f: note("all"))
            wait_for("started")
            note("waits")
            fs[-1].result()
        """,
        futures="as of the stock executor: the first interrupted, the others run",
        bar="interrupted; done",
        files=("all",),
        act=_presses(C, "waits", drawn=True),
        status=None,  # Python's own, which it forgets if something is imported after
    ),
    "Ctrl-C outside a block": _interrupted(
        """
        ex = executor(1)
        ex.submit(square, 1).result()
        fs = [ex.submit(steps, n) for n in (1, 0.003, 0.003)]
        fs[-1].add_done_callback(lambda f: note("all"))
        wait_for("started")
        note("waits")
        fs[-1].result()
        """,
        futures="as of the stock executor: the first interrupted, the others run",
        bar="interrupted; done",
        files=("all",),
        act=_presses(C, "waits", drawn=True),
        status=None,  # Python's own, which it forgets if something is imported after
    ),
    "Ctrl-C twice outside a block": _interrupted(
        "ex = executor(); [ex.submit(stubborn, n) for n in range(9)][0].result()",
        C * 2,
        tracebacks=None,
        status=None,
        futures="as of the stock executor, but for a hang",
    ),
}

PARENTS = {
    "SIGTERM": _killed(signal.SIGTERM),
    "SIGHUP": _killed(signal.SIGHUP),
    "SIGQUIT": _killed(signal.SIGQUIT),
    "SIGKILL": _killed(signal.SIGKILL),
    "SIGKILL while workers idle": _killed(
        signal.SIGKILL,
        """
        with executor() as ex:
            batch(ex)
            note("started")
            time.sleep(600)
        """,
    ),
    "SIGKILL while tasks take no notice": _killed(
        signal.SIGKILL,
        """
        def deaf(_):
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            note("started")
            time.sleep(600)
        with executor() as ex: ex.submit(deaf, 1).result()
        """,
        methods=("fork",),
        only="its task is not a module's",
    ),
    "SIGABRT": _killed(
        signal.SIGABRT,
        "with executor() as ex: ex.submit(until, 'never'); wait_for('started'); os.abort()",
        act=lambda run: None,
    ),
    "os._exit": _killed(
        signal.SIGKILL,
        "with executor() as ex: ex.submit(until, 'never'); wait_for('started'); os._exit(3)",
        act=lambda run: None,
        status=3,
        tracebacks=0,
    ),
    "SIGSTOP and SIGCONT": Program(
        "with executor() as ex: batch(ex); assert ex.submit(until, 'go').result() == 'go'; right()",
        lambda run: run.stop_and_continue(),
    ),
    "an exception in the block": Program(
        """
        with executor() as ex:
            f = ex.submit(square, 3)
            f.add_done_callback(lambda f: f.result() == 9 and right())
            raise ValueError("mine")
        """,
        status=1,
        tracebacks=1,
    ),
    "sys.exit in the block": Program(
        "with executor() as ex: batch(ex); right(); sys.exit(3)", status=3
    ),
    "shutdown(wait=False)": Program(
        """
        ex = executor()
        f = ex.submit(square, 3)
        f.add_done_callback(lambda f: f.result() == 9 and right())
        ex.shutdown(wait=False)
        """
    ),
    "shutdown(cancel_futures=True)": Program(
        """
        ex = executor(1)
        first = ex.submit(until, "go")
        others = [ex.submit(square, n) for n in range(20)]
        wait_for("started")
        others[-1].add_done_callback(lambda f: note("go"))
        ex.shutdown(cancel_futures=True)
        assert first.result() == "go" and any(f.cancelled() for f in others)
        right()
        """,
        futures="of those that wait: cancelled",
        bar="done; cancelled",
        shows=("(18|19|20) cancelled",),  # up to two are with the worker by then
    ),
    "never shut down": Program(
        """
        ex = executor()
        fs = [ex.submit(square, n) for n in range(9)]
        fs[-1].add_done_callback(lambda f: f.result() == 64 and right())
        """
    ),
    "dropped, and collected": Program(
        """
        fs = [executor(1).submit(square, n) for n in range(3)]
        gc.collect()
        assert [f.result() for f in fs] == [0, 1, 4]
        # CPython 3.11 may write to a pipe that it is just closing, where these end with it
        for thread in threading.enumerate():
            if "ExecutorManager" in type(thread).__name__: thread.join()
        right()
        """
    ),
    "the interpreter exits while tasks run": Program(
        """
        ex = executor(1)
        fs = [ex.submit(steps, 0.002) for n in range(2)]
        fs[-1].add_done_callback(lambda f: f.result() == 0.002 and right())
        """
    ),
    "ten threads submit": Program(
        """
        with executor() as ex:
            threads = [threading.Thread(target=batch, args=(ex,)) for _ in range(10)]
            [t.start() for t in threads], [t.join() for t in threads]
            right()
        """
    ),
    "two executors at once": Program(
        "with executor() as one, executor() as two: batch(one); batch(two); right()"
    ),
    "ten executors at once": Program(
        """
        from contextlib import ExitStack
        with ExitStack() as stack:
            for ex in [stack.enter_context(executor(1)) for _ in range(10)]: batch(ex)
            right()
        """
    ),
    "an executor in a thread": Program(
        """
        def work():
            with executor() as ex: batch(ex)
            right()
        thread = threading.Thread(target=work); thread.start(); thread.join()
        """
    ),
    "forks while bars are live": Program(
        """
        warnings.simplefilter("ignore")
        with executor() as ex:
            f = ex.submit(until, "go")
            wait_for("started")
            for _ in range(3):
                if not os.fork():
                    print("a child", flush=True)
                    os._exit(0)
                os.wait()
            note("go")
            assert f.result() == "go"
            batch(ex)
            right()
        """
    ),
    "terminate_workers, and kill_workers": Program(
        """
        for how in ("terminate_workers", "kill_workers"):
            with executor(1) as ex:
                f = ex.submit(until, "never")
                wait_for("started")
                if hasattr(ex, how):  # CPython 3.14 on
                    getattr(ex, how)()
                    assert f.exception() is not None
                else:
                    os.kill(next(iter(multiprocessing.active_children())).pid, signal.SIGKILL)
                    assert f.exception() is not None
            (folder / "started").unlink()
        right()
        """,
        futures="BrokenProcessPool",
        bar="lost",
    ),
    "100,000 tasks": Program(
        """
        with executor() as ex:
            assert sum(ex.map(square, range(100_000), chunksize=100)) == 333328333350000
            fs = [ex.submit(square, n) for n in range(5000)]
            assert [f.result() for f in fs] == [n * n for n in range(5000)]
        right()
        """,
        methods=("fork",),
        displays=("inline", "plain"),
        only="for the time it takes",
    ),
    "a result of 1 GB": Program(
        """
        with executor(1) as ex: assert len(ex.submit(bytes, 1 << 30).result()) == 1 << 30
        right()
        """,
        methods=("fork",),
        displays=("inline",),
        only="for the time it takes",
    ),
    "no descriptors are left": Program(
        """
        import resource
        with executor() as ex:
            batch(ex)
            right()
            few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
            used = max(map(int, os.listdir("/proc/self/fd")))
            resource.setrlimit(resource.RLIMIT_NOFILE, (used, most))
            taken = []
            try:
                while True: taken.append(os.dup(0))
            except OSError: pass
            batch(ex)
            resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
            for fd in taken: os.close(fd)
        """
    ),
}

_BATCH = """
        with executor() as ex:
            batch(ex)
            note("started")
            assert ex.submit(until, "go").result() == "go"
        right()
        """


def _then_go(what: Callable[[Run], object] = lambda run: None) -> Callable[[Run], None]:
    def act(run: Run) -> None:
        run.await_file("started")
        what(run)
        run.make_file("go")

    return act


def _then_batch(code: str) -> str:
    return dedent(code) + dedent(_BATCH)


def _odd(code: str, **more: object) -> Program:
    """A program that changes something before its executor, mostly for the parent alone."""
    usual = {"act": _then_go(), "crossed": False}
    return Program(_then_batch(code), **usual | more)  # type: ignore[arg-type]


LIVE = ("inline", "fullscreen")

TERMINALS = {
    "closed while tasks run (EIO)": Program(
        _then_batch("signal.signal(signal.SIGHUP, signal.SIG_IGN)"),
        _then_go(lambda run: run.hang_up()),
        displays=LIVE,
        terminal="gone",
        bar="none any more",
        only="there is none",
        tracebacks=None,
    ),
    "a pipe whose reader is gone (EPIPE)": Program(
        _BATCH,
        _then_go(lambda run: run.close_pipe()),
        displays=("plain",),
        only="there is no pipe",
        bar="none any more",
        tracebacks=None,
    ),
    "frozen by Ctrl-S, and thawed": Program(
        _BATCH,
        _then_go(lambda run: run.freeze(1.0)),
        displays=LIVE,
        only="nothing is drawn there",
    ),
    "sys.stderr is None": _odd(
        "sys.stderr = None\n",
        bar="none",
        displays=("plain",),
        only="one way is enough: nothing is shown",
    ),
    "sys.stderr is closed": _odd(
        "sys.stderr.close()\n",
        bar="none",
        displays=("plain",),
        only="one way is enough: nothing is shown",
    ),
    "sys.stderr has no fileno": _odd(
        """
        class Odd:
            encoding = "utf-8"
            def write(self, text): return len(text)
            def flush(self): pass
        sys.stderr = Odd()
        """,
        bar="as text",
    ),
    "sys.stderr raises": _odd(
        """
        class Bad:
            encoding = "utf-8"
            def isatty(self): return False
            def write(self, text): raise ValueError("no")
            def flush(self): raise ValueError("no")
        sys.stderr = Bad()
        warnings.simplefilter("ignore")
        """,
        bar="none, one warning",
        status=120,  # Python's own: it could not flush it
    ),
    "resized at every frame": Program(
        _BATCH, _then_go(lambda run: run.resize_often()), displays=LIVE, only="there is none"
    ),
    "1x1": _odd("", size=(1, 1), displays=LIVE, only="there is none"),
    "0x0": _odd("", size=(0, 0), displays=LIVE, only="there is none"),
    "20x3": _odd("", size=(20, 3), displays=LIVE, only="there is none"),
    "TERM is unknown": _odd(
        "", env={"TERM": "nosuch"}, displays=LIVE, bar="in sentences", only="there is none"
    ),
    "TERM is missing": _odd(
        "", env={"TERM": None}, displays=LIVE, bar="in sentences", only="there is none"
    ),
    "TERM=dumb": _odd(
        "", env={"TERM": "dumb"}, displays=LIVE, bar="in sentences", only="there is none"
    ),
    "TERM=vt100, whose strings carry padding": _odd(
        "", env={"TERM": "vt100"}, displays=LIVE, only="there is none"
    ),
    "TERM=linux, with no alternate screen": _odd(
        "", env={"TERM": "linux"}, displays=LIVE, only="there is none"
    ),
    "the locale is ASCII": _odd(
        "", env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ),
    "curses is set up with another kind": _odd(
        "import curses; curses.setupterm('vt100', 1)\n", displays=LIVE, only="there is none"
    ),
    "the clock jumps": _odd(
        """
        clock = time.time
        time.time = lambda: clock() + (-1e9 if int(clock() * 100) % 2 else 1e9)
        """
    ),
    "stdin is closed": _odd("sys.stdin.close(); os.close(0)\n"),
}

OURS = {
    "the display's thread raises": _odd(
        """
        warnings.simplefilter("always")
        def broken(*_): raise ZeroDivisionError("a bug")
        displays.Display._take = broken
        """,
        bar="none, one warning",
        shows=("barexec shows no more progress",),
    ),
    "the thread that reads prints raises": _odd(
        """
        warnings.simplefilter("always")
        from barexec import pty_reader
        def broken(*_): raise ZeroDivisionError("a bug")
        pty_reader.PtyReader._select = broken
        """,
        bar="none, one warning",
        shows=("barexec shows no more progress",),
        displays=LIVE,
        only="a log reads none",
    ),
    "composing raises": _odd(
        """
        warnings.simplefilter("ignore")
        from barexec import frame
        def broken(*_): raise ZeroDivisionError("a bug")
        frame.Layout.compose = frame.Layout.final = broken
        """,
        bar="in sentences, one warning",
    ),
    "painting raises": _odd(
        """
        warnings.simplefilter("ignore")
        from barexec.painters import pen
        def broken(*_): raise ZeroDivisionError("a bug")
        pen.Rows.draw = broken
        """,
        bar="in sentences, one warning",
    ),
    "the terminal refuses a write (ENOSPC)": _odd(
        """
        warnings.simplefilter("ignore")
        from barexec.painters import glass
        def broken(*_): raise OSError(28, "No space left")
        glass.Glass.write = broken
        """,
        bar="none, one warning",
    ),
    **{
        f"a renderer {what}": _odd(
            f"""
        warnings.simplefilter("always")
        class Odd:
            def render(self, state, columns):
                {how}
        stock = executor
        def executor(*args, **options): return stock(*args, renderer=Odd(), **options)
        """,
            bar=bar,
            shows=(r"renderer 'Odd'\s+failed",) * ("warning" in bar),
            # a renderer that is a log's is asked for nothing
            displays=LIVE,
            only="a log has no bars",
        )
        for what, how, bar in (
            ("raises", "raise ZeroDivisionError('a bug')", "our own look, one warning"),
            ("raises SystemExit", "raise SystemExit(3)", "our own look, one warning"),
            ("returns two lines", "return 'one\\ntwo'", "one line"),
            ("returns 10,000 columns", "return 'x' * 10_000", "cut"),
            ("returns None", "return None", "our own look, one warning"),
            ("returns control characters", "return '\\x1b[2J\\x1b[?1049h\\x07'", "without them"),
        )
    },
    "no channel can be made": _odd(
        """
        warnings.simplefilter("ignore")
        def broken(): raise OSError(24, "Too many open files")
        sharing.open_channel = broken
        """,
        bar="none, one warning",
        crossed=True,
    ),
    "no pty can be had": _odd(
        """
        from barexec import ptys
        def broken(*_): raise OSError(24, "Too many open files")
        os.openpty = broken
        sharing.open_link = lambda: None
        """,
        crossed=True,
    ),
    "no thread can be started": _odd(
        """
        warnings.simplefilter("ignore")
        from barexec import ticker
        def broken(*_): raise RuntimeError("can't start new thread")
        ticker.Ticker._start = broken
        """,
        bar="none, one warning",
        methods=("spawn",),
        only="a forked worker has none either",
    ),
    "the watcher is killed": Program(
        _BATCH,
        _then_go(lambda run: run.kill_watcher()),
        displays=("fullscreen",),
        only="there is none",
    ),
    "a hostile record on the channel": _odd(
        """
        def hostile():
            import pickle
            from barexec import worker
            class Evil:
                def __reduce__(self): return os.system, (f"touch {folder}/evil",)
            sender = next(iter(worker.senders.values()))
            evil = pickle.dumps(Evil())
            for data in (evil, os.urandom(3000), b"\\xff" * 4000, b"", b"\\0" * 999):
                sender.send(data)
            return 9
        hostile.__module__ = "__main__"
        with executor() as ex: assert ex.submit(hostile).result() == 9
        """,
        methods=("fork",),
        only="its task is not a module's",
    ),
}

PROGRAMS = {**INTERRUPTS, **PARENTS, **TERMINALS, **OURS}
assert os.name == "posix"
