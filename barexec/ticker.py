"""A thread that calls a function at a steady pace, and steps aside for forks.

The worker's sampler and the parent's display both live on one. Before its process forks
(whoever asks for it) the thread ends, and afterwards, in the parent alone, it starts
again: so a fork never sees a thread of ours, neither to warn of nor to deadlock with
(CPython 3.12 warns; a lock held by a thread that is not copied stays locked for ever).

Never here: what is done at a tick; any reading of a clock other than to wait.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from weakref import WeakSet

#: Seconds that a fork waits for a tick under way (one stuck in a frozen terminal).
PATIENCE = 1.0

_started: WeakSet[Ticker] = WeakSet()


class Ticker:
    """Calls `tick()` every `interval` seconds in a daemon thread of the name `name`.

    The thread parks when `tick` returns False, and goes on at `wake()`.

    Args:
        tick: returns whether there is more to do; must not raise.
        interval: seconds, > 0.
        name: of the thread.

    Guarantees: every method may be called by any thread; `start`, `wake` and `kick` do not
    block; `stop` waits for a tick under way, at most `patience` seconds. After a fork,
    the child's copy is stopped for good.
    """

    def __init__(self, tick: Callable[[], bool], interval: float, name: str) -> None:
        self._tick = tick
        self._interval = interval
        self._name = name
        self._thread: threading.Thread | None = None
        self._bell = threading.Event()
        self._leaving: threading.Thread | None = None
        self._stopping = False
        self.parked = False
        """Whether the thread sleeps until `wake()`; the caller may skip the call if not."""

    def start(self) -> None:
        """Begin to tick. Does nothing if it does already."""
        if self._thread is None:
            _register_fork_hooks()
            self._stopping = False
            self.parked = False
            # each thread has a bell of its own: one that was given up is not woken again
            self._bell = threading.Event()
            _started.add(self)
            thread = threading.Thread(
                target=self._run, args=(self._bell,), name=self._name, daemon=True
            )
            self._thread = thread
            thread.start()

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
        if thread is not None:
            self._leaving = thread
        return self.join(patience)

    def join(self, patience: float = PATIENCE) -> bool:
        """Wait for a stopped thread to be gone. Returns whether it is."""
        thread = self._leaving
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(patience)
        return not thread.is_alive()

    @property
    def running(self) -> bool:
        """Whether it has a thread (perhaps parked)."""
        return self._thread is not None

    def _run(self, bell: threading.Event) -> None:
        while not self._stopping and bell is self._bell:
            if self._tick():
                bell.wait(self._interval)
            else:
                self.parked = True
                # what came between the tick and the line above rings no bell: look again
                if self._tick():
                    self.parked = False
                    bell.wait(self._interval)
                else:
                    bell.wait()
                self.parked = False
            bell.clear()


_hooked = False
_resting: list[Ticker] = []


def _register_fork_hooks() -> None:
    global _hooked
    if not _hooked and hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
        os.register_at_fork(before=_rest, after_in_parent=_resume, after_in_child=_forget)
        _hooked = True


def _rest() -> None:
    _resting[:] = list(_started)
    for ticker in _resting:
        ticker.stop()


def _resume() -> None:
    for ticker in _resting:
        ticker.start()
    _resting.clear()


def _forget() -> None:
    for ticker in _resting:
        # a lock that its thread held at the fork must not be met again
        ticker._bell = threading.Event()
        ticker._thread = None
    _resting.clear()
