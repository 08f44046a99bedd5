"""A thread that calls a function at a steady pace, and steps aside for forks.

The worker's sampler and the parent's display both live on one. Before its process forks
(whoever asks for it) the thread ends, and afterwards, in the parent alone, it starts
again: so a fork never sees a thread of ours, neither to warn of nor to deadlock with
(CPython 3.12 warns; a lock held by a thread that is not copied stays locked for ever).

Never here: what is done at a tick; any reading of a clock other than to wait.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic, sleep
from types import CodeType
from typing import Any
from weakref import WeakSet

from .interrupts import hides_ctrl_c

#: Seconds that a fork waits for a tick under way (one stuck in a frozen terminal).
PATIENCE = 1.0
#: Seconds that a thread which was joined may take to be gone.
LEAVES = 1.0

_started: WeakSet[Ticker] = WeakSet()


class _Bell:
    """An event that may be rung at any moment.

    `threading.Event` holds a lock while Python code runs. The garbage collector may run
    within, and a finalizer that sets the same event would wait for itself
    (tests/pool/test_drop_in.py, executors dropped in cycles).
    """

    def __init__(self) -> None:
        self._silence = threading.Lock()
        self._silence.acquire()

    def set(self) -> None:
        """Ring. Does nothing if it rings already."""
        with suppress(RuntimeError):
            self._silence.release()

    def wait(self, seconds: float = -1) -> None:
        """Wait until it rings, at most so many seconds (-1: for ever), and silence it."""
        self._silence.acquire(timeout=seconds)


class Ticker:
    """Calls `tick()` every `interval` seconds in a daemon thread of the name `name`.

    The thread parks when `tick` returns False, and goes on at `wake()`. Where no daemon
    threads are allowed it ends instead, and `start` starts another.

    Args:
        tick: returns whether there is more to do; must not raise.
        interval: seconds, > 0.
        name: of the thread.
        interrupt: makes a tick that waits come back; called by whoever stops it.

    Guarantees: every method may be called by any thread; `start`, `wake` and `kick` do not
    block; `stop` waits for a tick under way, at most `patience` seconds. After a fork,
    the child's copy is stopped for good; the parent's goes on after the last one, if
    several threads fork at the same time.
    """

    def __init__(
        self,
        tick: Callable[[], bool],
        interval: float,
        name: str,
        interrupt: Callable[[], object] | None = None,
    ) -> None:
        self._tick = tick
        self._interrupt = interrupt
        self.interval = interval
        """Seconds between two ticks; may be changed."""
        self._name = name
        self._thread: threading.Thread | None = None
        self._bell = _Bell()
        self._starting = threading.Lock()
        self._leaving: threading.Thread | None = None
        self._stopping = False
        self.parks = True
        """Whether the thread sleeps while there is nothing to do; else it ends."""
        self.parked = False
        """Whether the thread sleeps until `wake()`; the caller may skip the call if not."""

    def start(self, patience: float = 0.0) -> None:
        """Begin to tick. Does nothing if it does already.

        Args:
            patience: seconds to wait for another thread that is at it, to see that it does.

        Raises:
            RuntimeError: no thread can be started, now or any more.
        """
        if self._thread is None and self._starting.acquire(timeout=patience):
            try:
                if _forks:  # the last of them starts it
                    _resting.append(self)
                elif self._thread is None:
                    self._start()
            finally:
                self._starting.release()

    def _start(self) -> None:
        self._stopping = False
        self.parked = False
        # each thread has a bell of its own: one that was given up is not woken again
        bell = self._bell = _Bell()
        named = partial(threading.Thread, target=self._run, args=(bell,), name=self._name)
        try:
            thread = named(daemon=True)
        except RuntimeError:
            # an interpreter beside the main one, whose end waits for each thread
            thread = named(daemon=False)
            self.parks = False
        try:
            self._thread = thread
            _started.add(self)
            thread.start()
        except BaseException as error:
            # Ctrl-C, too: it may have started all the same, and ends at once
            self._thread = None
            _started.discard(self)
            self._stopping = True
            bell.set()
            if hides_ctrl_c(error):
                raise KeyboardInterrupt from None
            raise

    def wake(self) -> None:
        """Tick again, if parked."""
        if self.parked:
            self._bell.set()

    def kick(self) -> None:
        """Tick now, without waiting for the interval's end."""
        self._bell.set()

    def stop(self, patience: float = PATIENCE) -> bool:
        """End the thread. Returns whether it did end within `patience` seconds."""
        _started.discard(self)
        thread, self._thread = self._thread, None
        self._stopping = True
        self._bell.set()
        if self._interrupt is not None:
            self._interrupt()
        if thread is not None:
            self._leaving = thread
        return self.join(patience)

    def join(self, patience: float = PATIENCE) -> bool:
        """Wait for a stopped thread to be gone. Returns whether it is."""
        thread = self._leaving
        # without an ident, another thread is just starting it: it will end at once
        if thread is None or thread.ident is None or thread is threading.current_thread():
            return True
        thread.join(patience)
        if thread.is_alive():
            return False
        if _JOINS_EARLY:
            until = monotonic() + LEAVES
            while os.path.exists(f"/proc/self/task/{thread.native_id}"):  # noqa: PTH110
                if monotonic() > until:
                    break
                sleep(0.0005)
            if sys.platform == "darwin":  # where nobody tells
                sleep(0.001)
        return True

    @property
    def running(self) -> bool:
        """Whether it has a thread (perhaps parked)."""
        return self._thread is not None

    def _run(self, bell: _Bell) -> None:
        while not self._stopping and bell is self._bell:
            if self._tick():
                bell.wait(self.interval)
            elif not self.parks:
                self._thread = None
                _started.discard(self)
                # what came before the line above has started no other
                if self._tick():
                    self.start()
                return
            else:
                self.parked = True
                # what came between the tick and the line above rings no bell: look again
                if self._tick():
                    self.parked = False
                    bell.wait(self.interval)
                else:
                    bell.wait()
                self.parked = False


#: CPython whose `Thread.join` returns a little before the thread is gone, and whose `fork`
#: warns if there is one.
_JOINS_EARLY = sys.version_info[:2] == (3, 12)
#: CPython whose `fork` warns of threads that the hooks below have started again (gh-137109).
_WARNS_LATE = (3, 13) <= sys.version_info < (3, 13, 10) or (3, 14) <= sys.version_info < (3, 14, 1)

_resting: list[Ticker] = []
#: One entry for each fork under way: threads may fork at the same time.
_forks: list[None] = []


def _call_soon(function: Callable[[], None]) -> None:
    """Call it at this thread's next step after the hooks of this fork."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined]
    step = monitoring.events.INSTRUCTION
    thread = threading.get_ident()

    def at_step(code: CodeType, offset: int) -> Any:
        if threading.get_ident() != thread:
            return None  # it may be just starting what is to be started
        if code.co_filename == at_step.__code__.co_filename:
            return monitoring.DISABLE  # still in the hook
        if monitoring.get_tool(_TOOL) == __name__:
            monitoring.set_events(_TOOL, 0)
            monitoring.register_callback(_TOOL, step, None)
            monitoring.free_tool_id(_TOOL)
            function()
        return None

    if monitoring.get_tool(_TOOL) is None:
        try:
            monitoring.use_tool_id(_TOOL, __name__)
        except ValueError:  # another thread, which forks too, has just taken it
            return
        monitoring.register_callback(_TOOL, step, at_step)
        monitoring.set_events(_TOOL, step)  # the last of this hook: any step elsewhere is the next
    elif monitoring.get_tool(_TOOL) != __name__:
        function()  # somebody else has it


#: A number that no tool has by custom (`sys.monitoring`).
_TOOL = 4


def _rest() -> None:
    for ticker in list(_started):
        _resting.append(ticker)  # another fork waits for it, too
        ticker.stop()
        _resting.append(ticker)  # one that just ended may have taken it before it had stopped
    for ticker in list(_resting):  # also those that another fork is just stopping
        ticker.join()


def _resume() -> None:
    if not _forks:
        if _WARNS_LATE:
            _call_soon(_start_again)
        else:
            _start_again()


def _start_again() -> None:
    while _resting and not _forks:
        # no thread can be started: the interpreter is exiting; or another thread has the last one
        with suppress(RuntimeError, IndexError):
            _resting.pop().start(PATIENCE)


def _forget() -> None:
    for ticker in _resting:
        # a lock that its thread held at the fork must not be met again
        ticker._bell = _Bell()
        ticker._thread = None
    _resting.clear()
    _forks.clear()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    with suppress(RuntimeError):  # not in every interpreter of a process
        # that there is a fork is counted in C, where no Ctrl-C can come between
        os.register_at_fork(before=_rest, after_in_parent=_forks.pop, after_in_child=_forget)
        # of those before a fork, the last comes first
        os.register_at_fork(before=partial(_forks.append, None), after_in_parent=_resume)
