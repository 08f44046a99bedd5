"""The worker processes of one executor: how they are started, interrupted and ended.

The stock class asks its context for each process, so the context is the place to know them
all: `Roster` is one, and passes everything on to the real one; `Crew` is one that Ctrl-C ends.

    Ctrl-C ─► KeyboardInterrupt in the program ─► Crew.stop ─► Halt: nothing more is started
                                                           ├─► SIGINT: running tasks
                                                           ├─► SIGTERM, after GRACE
                                                           └─► SIGKILL, after LAST_GRACE

Never here: tasks, Futures, the display; private attributes of the stock class.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from multiprocessing import connection
from operator import attrgetter
from time import monotonic, sleep
from types import FrameType
from typing import Any
from weakref import WeakSet, ref

from .interrupts import Halt, HoldingBack, held_back, is_usual, postponed

#: Seconds that interrupted tasks have to clean up, before their workers get SIGTERM.
GRACE = 0.5
#: Seconds from then until what still lives is killed.
LAST_GRACE = 0.2

#: What `multiprocessing` takes for the exit code of a process of the fork server of which another
#: thread has just read the true one (CPython, popen_forkserver.poll).
STOLEN = 255
#: Seconds for which a thread is waited for without a look for Ctrl-C.
AWHILE = 0.1
#: Seconds for which a broken executor waits for a `submit`, which may be starting a fork server.
ADDING = 5.0
#: Seconds between two looks at what another thread is about to say.
MOMENT = 0.001

_crews: WeakSet[Crew] = WeakSet()


class Roster:
    """A context of `multiprocessing` that knows the processes that were started by it.

    Args:
        context: the real one.
        fresh: whether processes end as they should, to be replaced, in the midst of the work.

    Guarantees: every method may be called by any thread.
    """

    def __init__(self, context: Any, fresh: bool = False) -> None:
        self._context = context
        self._fresh = fresh
        self._processes: WeakSet[Any] = WeakSet()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def Process(self, *args: Any, **kwargs: Any) -> _Process:  # the context's name
        """A process of the real context, whose start is seen."""
        return _Process(self._context.Process(*args, **kwargs), self)

    @property
    def _is_served(self) -> bool:
        """Whether a fork server starts its processes."""
        return bool(self._context.get_start_method() == "forkserver")

    def start(self, process: Any) -> None:
        """Start one."""
        self._processes.add(process)
        process.start()

    def dead(self) -> dict[int, str]:
        """How processes died that live no more, by their number; those that were not killed
        and say that all is well are last. Waits a moment for one that is just ending."""
        processes: dict[int, Any] = {}
        for process in self._known():
            with suppress(ValueError):  # not started, or closed
                processes[process.sentinel] = process
        codes = []
        for sentinel in _ended(processes, 0):
            process = processes[sentinel]
            code = _exit_code(process)
            if self._fresh and (code == 0 or (code == STOLEN and self._is_served)):
                continue  # it has ended as it should, or perhaps so
            if code is not None:
                codes.append((code == 0, process.pid, code))
        return {pid: _how(code) for _, pid, code in sorted(codes)}

    def dismiss(self, process: Any) -> None:
        """The stock class has waited for the end of one: however it died, that is no news."""
        if process.exitcode is not None:
            self._processes.discard(process)

    def kill(self) -> None:
        """End all processes at once."""
        self._each("kill")

    def _known(self) -> list[Any]:
        """Its processes, held: else their sentinels would be closed."""
        while True:
            with suppress(RuntimeError):  # one more was added meanwhile
                return list(self._processes)

    def _each(self, action: str) -> None:
        for process in self._known():
            with suppress(AttributeError, ValueError):  # not started, or closed
                getattr(process, action)()


class Crew(Roster):
    """One whose processes Ctrl-C ends.

    Raises:
        OSError: no descriptors are left.

    Guarantees: what `stop` begins is over within `GRACE` and twice `LAST_GRACE` seconds, whatever
    tasks do.
    """

    def __init__(self, context: Any, fresh: bool = False) -> None:
        super().__init__(context, fresh)
        self.halt = Halt()
        self._stopping: threading.Thread | None = None
        self._killing = False
        _crews.add(self)

    def start(self, process: Any) -> None:
        """Start one. It cannot be interrupted before it knows what to do about that."""
        # what the fork server is started with, all that it ever starts would have
        if self._is_served:
            process.name = HoldingBack(process.name)
            super().start(process)
        else:
            with postponed():
                held_back(partial(super().start, process))

    def stop(self) -> None:
        """Start nothing more, interrupt what runs, and end all processes: those that go on
        are killed, at the second call at once."""
        if self._stopping is not None:
            self.kill()
            return
        self.halt.set()
        self._stopping = threading.Thread(target=self.end, name="barexec-stop", daemon=True)
        try:
            self._stopping.start()
        except RuntimeError:  # the interpreter exits
            self.end()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping is not None

    @contextmanager
    def waited_for(
        self, thread: threading.Thread | None, interrupt: Callable[[bool], object]
    ) -> Iterator[None]:
        """Within, where the stock class's thread is joined, Ctrl-C raises nothing: a `join`
        that is left by an exception takes the thread for ended (CPython before 3.13), and the
        stock class then closes what that still needs (tests/faults, Ctrl-C twice).

        Args:
            thread: the stock class's, if it runs.
            interrupt: called instead; with whether the `join` has begun.
        """
        within = False

        def interrupted(number: int, frame: FrameType | None) -> None:
            nonlocal within
            # pressed again in the midst of this, it is where the first one says
            first, within = not within, True
            try:
                interrupt(first and _joins(frame))
            finally:
                within = not first

        before = signal.getsignal(signal.SIGINT)
        ours = threading.current_thread() is threading.main_thread() and is_usual(before)
        if ours:
            signal.signal(signal.SIGINT, interrupted)
        try:
            with joined(thread):
                yield
        finally:
            if self._stopping is not None and self._stopping.ident is not None:
                self._stopping.join()
            if ours and signal.getsignal(signal.SIGINT) is interrupted:
                signal.signal(signal.SIGINT, before)

    def end(self) -> None:
        """End all processes; what runs is interrupted, and has a little time to clean up."""
        self.halt.set()
        self._signal(getattr(signal, "SIGINT", None) if os.name == "posix" else None)
        if not self._gone(GRACE):
            self._each("terminate")
            if not self._gone(LAST_GRACE):
                self.kill()
                self._gone(LAST_GRACE)

    def close(self) -> None:
        """The stock class has seen all processes end."""
        self.halt.close()

    def kill(self) -> None:
        """End all processes at once."""
        self._killing = True  # no `Event`: a handler may come in the midst of its lock
        super().kill()

    def _signal(self, number: int | None) -> None:
        for process in self._known():
            with suppress(ProcessLookupError, ValueError):
                if number is not None and process.is_alive():
                    os.kill(process.pid, number)

    def _gone(self, seconds: float) -> bool:
        """Wait until all have ended, at most so long. Returns whether they have."""
        until = monotonic() + seconds
        processes = self._known()
        left = {p.sentinel for p in processes if p.pid is not None and p.exitcode is None}
        while left:
            patience = until - monotonic()
            if patience <= 0 or self._killing:
                return False
            # not for long, so that `kill` is noticed
            left.difference_update(_ended(left, min(patience, 0.05)))
        return True


def _how(code: int) -> str:
    """What an exit code of `multiprocessing` says."""
    if code >= 0:
        return f"exit {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # one of the real-time signals
        return f"signal {-code}"


def _ended(sentinels: Iterable[int], seconds: float) -> list[Any]:
    try:
        return connection.wait(list(sentinels), seconds)
    except OSError:
        return []


def _exit_code(process: Any) -> int | None:
    """How a process ended; None where it has not, but has closed its sentinel. One thread alone is
    told by the system: where that was another, it says so in a moment."""
    until = monotonic() + LAST_GRACE
    while (code := process.exitcode) is None and monotonic() < until:
        sleep(MOMENT)
    return code  # type: ignore[no-any-return]


def _join(thread: threading.Thread, timeout: float | None = None) -> None:
    """Wait for the end of a thread. A Ctrl-C that comes just as the main thread begins to wait,
    CPython tells of only once it does so no longer: it does not for long."""
    join = threading.Thread.join
    while timeout is None and thread.is_alive():
        join(thread, AWHILE)
        if sys.version_info < (3, 11, 3):
            _wake(thread)
    join(thread, timeout)


def _joins(frame: FrameType | None) -> bool:
    """Whether a thread is being waited for by that."""
    while frame is not None and frame.f_code is not _join.__code__:
        frame = frame.f_back
    return frame is not None


@contextmanager
def joined(thread: threading.Thread | None) -> Iterator[None]:
    """Within, whoever joins the stock class's thread, if there is one, waits as here."""
    if thread is not None:
        thread.join = partial(_join, thread)  # type: ignore[method-assign]
    try:
        yield
    finally:
        if thread is not None:
            vars(thread).pop("join", None)


class ManagerThread:
    """Tells whether the stock class's thread of an executor runs, also once the class, or the user,
    has let go of it; if it was asked before. Holds neither."""

    def __init__(self, executor: object) -> None:
        self._executor = ref(executor)
        self._thread: Callable[[], threading.Thread | None] = lambda: None

    def __call__(self) -> bool:
        thread = getattr(self._executor(), "_executor_manager_thread", None)
        if thread is not None:
            self._thread = ref(thread)
        last = self._thread()
        return last is not None and last.is_alive()


def _wake(thread: Any) -> None:
    """Let the stock class's thread look once more whether anything is to be waited for. Up to
    CPython 3.11.2 it waits for ever where all that was left had been cancelled (gh-94440)."""
    if thread.shutdown_lock.acquire(timeout=AWHILE):
        try:
            thread.thread_wakeup.wakeup()
        finally:
            thread.shutdown_lock.release()


class _Wakeup:
    """That of the stock class, which its thread may close in the midst of `wakeup`."""

    _closed: bool

    def wakeup(self) -> None:
        try:
            super().wakeup()  # type: ignore[misc]
        except (OSError, TypeError):  # no descriptor, or None
            if not self._closed:
                raise


@cache
def _that_closes(kind: Any) -> Any:
    return type(kind.__name__, (_Wakeup, kind), {})


def let_close(executor: object) -> None:
    """Let the thread of an executor, which has not started yet, end just as the interpreter's exit
    wakes it. Else that fails, with a traceback, and joins no other executor's thread; CPython
    3.12.8 and 3.13.1 have a lock for it (gh-125451)."""
    wakeup: Any = getattr(executor, "_executor_manager_thread_wakeup", None)
    if wakeup is not None and not hasattr(wakeup, "_lock"):
        kind: Any = type(wakeup)
        wakeup.__class__ = _that_closes(kind)


def _break(executor: Any, reason: object) -> None:
    executor._broken_by = reason
    if reason and executor._shutdown_lock.acquire(timeout=ADDING):
        executor._shutdown_lock.release()


#: What the stock class's thread says as a worker has died, before it ends all tasks. From then on
#: `submit` refuses, but one may be in the midst of adding a task, under its lock: up to CPython
#: 3.12.0 that makes the thread fail, and its tasks, descriptors and a thread of its queue are kept
#: for ever. So it waits here until that one is added.
BROKEN_BETWEEN_SUBMITS = property(attrgetter("_broken_by"), _break)


class _Process:
    """A process as the stock class uses it."""

    def __init__(self, process: Any, roster: Roster) -> None:
        self._process = process
        self._roster = roster

    def start(self) -> None:
        self._roster.start(self._process)
        # the stock class asks every worker for it, after every result
        self.sentinel = self._process.sentinel

    def join(self, timeout: float | None = None) -> None:
        self._process.join(timeout)
        self._roster.dismiss(self._process)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._process, name)


def roster_of(context: Any, fresh: bool, stops: bool) -> Roster:
    """That of an executor with this context.

    Args:
        context: None for the one that the stock class would take.
        fresh: whether its workers are replaced after some tasks, which `fork` does not allow.
        stops: whether Ctrl-C is to end them: a `Crew`, unless no descriptors are left.
    """
    if context is None:
        context = multiprocessing.get_context("spawn" if fresh else None)
    if stops:
        with suppress(OSError):
            return Crew(context, fresh)
    return Roster(context, fresh)


def _end_all() -> None:
    """The interpreter exits. By now the stock class has waited for all workers, unless it was
    interrupted: then it would wait for them, and so for ever, once more."""
    for crew in list(_crews):
        crew.end()


atexit.register(_end_all)


def _forget() -> None:
    """The processes are the parent's, and no matter of a forked child's."""
    _crews.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
