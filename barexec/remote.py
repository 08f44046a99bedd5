"""What an engine other than the process pool submits in the place of the user's function, and
what that does where it arrives: in a thread, an interpreter, another process or machine.

    Remote(route, number, fn) ─► the engine's way ─► Remote.__call__: enter, fn(…), leave
                                                             │ sampler, one for each pool
    receiver ◄══ the engine's channel ◄══ route.sender ◄─────┘

A worker may run several tasks at a time, in threads of its own, and the same task more than
once; pools come and go while it lives.

Never here: an engine's library, the display, the executors.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from threading import get_ident
from time import monotonic
from typing import Any, Protocol

from . import bars, worker
from .bars import Bar, Task, track
from .channel import ClosedSender, Sender
from .sampler import TICK, Sampler
from .streams import hear_threads, leave_threads
from .writer import Screen

#: Ticks without a task after which what tells of a pool is given up, in a worker.
IDLE_TICKS = 50

#: Records a second that all workers of a pool together may send: the display spends some
#: microseconds on each (benchmarks/scale.py), and engines carry a few ten thousand.
ALL_TOGETHER = 2_000

_runs = count(1)


class Travelling(Sender, Protocol):
    """A sender that is made anew where a task arrives."""

    def recipe(self) -> tuple[Callable[..., Sender], tuple[Any, ...]]:
        """What makes it there, and with which arguments: both can be pickled."""


def pace(workers: int) -> float:
    """Seconds between two looks of the sampler of each of so many workers, at least 0.1."""
    return max(TICK, workers / ALL_TOGETHER)


class Route:
    """How tasks of one pool tell of themselves. Pickles as what makes it there, once in each
    worker; where it was made, it is the same object.

    Args:
        pool: the pool's key.
        sender: the way.
        screen: what is known of the display's terminal.
        capture: whether what tasks print there is theirs to tell.
        host: the machine of the display; None where this is its process.
        pace: seconds between two looks at each worker.
    """

    def __init__(
        self,
        pool: str,
        sender: Travelling,
        screen: Screen,
        capture: bool,
        host: str | None = None,
        pace: float = TICK,
    ) -> None:
        self.pool = pool
        self.pace = pace
        self.sender: Sender = sender
        self.screen = screen
        self.capture = capture
        self.home = host is None
        """Whether this is the process of the display."""
        self.host = platform.node() if host is None else host
        if not isinstance(sender, ClosedSender):
            _routes[pool] = self
        if self.home:
            _made.add(pool)
        if capture and screen.device and self.host == platform.node():
            hear_threads(screen.device, _say)

    def __reduce__(self) -> tuple[Any, ...]:
        make, args = self.sender.recipe()  # type: ignore[attr-defined]
        what = self.pool, make, args, self.screen, self.capture, self.host, self.pace
        return _arrive, what


_routes: dict[str, Route] = {}
#: The keys of pools whose display is in this interpreter, or was.
_made: set[str] = set()


def _arrive(
    pool: str,
    make: Callable[..., Sender],
    args: tuple[Any, ...],
    screen: Screen,
    capture: bool,
    host: str,
    pace: float,
) -> Route:
    """A route has come to this worker; perhaps it is known."""
    route = _routes.get(pool)
    if route is None and pool in _made:
        # it has come back to where it was made, and where its pool is over
        return Route(pool, ClosedSender(), screen, False)
    if route is None:
        worker.serves = True
        sender: Any = make(*args)
        route = Route(pool, sender, screen, capture, host)
        worker.senders[pool], worker.screens[pool] = sender, screen
    if not route.home:
        route.pace = pace
    return route


class _RemoteSampler(Sampler):
    """Tells of the tasks of one pool that run in threads of this process."""

    def __init__(self, pool: str) -> None:
        super().__init__()
        self._pool = pool
        self._looked = 0.0

    def enter(self, task: Task, sender: Sender) -> None:
        """A task runs in this thread."""
        if route := _routes.get(self._pool):
            self.pace = route.pace
        super().enter(task, sender)

    def leave(self, task: Task) -> None:
        """The task has ended. What is to be told of it is told now: nobody else may look at
        the end of this worker."""
        super().leave(task)
        if self._waiting:
            self._flush()

    def _tick(self) -> bool:
        now = monotonic()
        if self._others and now - self._looked < self.pace - TICK / 2:
            return True
        self._looked = now
        if super()._tick():
            return True
        route = _routes.get(self._pool)
        if route is None or route.home or not self._ticker.parks:
            return False
        if self._idle > IDLE_TICKS:
            # no more of it may ever come; if it does, all begins anew
            del _routes[self._pool]
            worker.senders.pop(self._pool, None)
            worker.screens.pop(self._pool, None)
            self.give_up()
        return True

    def give_up(self, patience: float = 0) -> None:
        """Tell no more, and wait for so many seconds until nobody does."""
        worker.samplers.pop(self._pool, None)
        self._ticker.stop(patience)


class Remote:
    """Called in the place of the user's function.

    Args:
        route: how it tells of itself; None where nothing is shown.
        id: the task's number.
        function: the user's.
        fill: names of parameters, and of the class of what they get.
        bar: desc, total and unit of the bar that the task has from the start, if any.
        location: where it is shown.
    """

    __slots__ = (
        "__name__",
        "__weakref__",
        "_bar",
        "_fill",
        "_id",
        "_location",
        "_route",
        "function",
    )

    def __init__(
        self,
        route: Route | None,
        id: int,
        function: Callable[..., Any],
        fill: tuple[tuple[str, str], ...] = (),
        bar: tuple[str | None, float | None, str] | None = None,
        location: tuple[int, int] | None = None,
    ) -> None:
        self._route = route
        self._id = id
        self.function = function
        self._fill = fill
        self._bar = bar
        self._location = location
        # by which engines call it
        self.__name__ = bars.called(function)

    def __reduce__(self) -> tuple[Any, ...]:
        what = self._route, self._id, self.function, self._fill, self._bar, self._location
        return Remote, what

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        route, thread = self._route, get_ident()
        outer = bars.threads.get(thread)
        task = bars.threads[thread] = Task(self._id, route.pool if route else "")
        task.run = next(_runs)
        told = _told(task.pool) if route else None
        if route and told:
            told.enter(task, route.sender)
        try:
            return self.function(*args, **self._given(task), **kwargs)
        finally:
            try:
                if told:
                    told.leave(task)
            finally:
                if outer is None:
                    del bars.threads[thread]
                else:  # this one was run within another, in the same thread
                    bars.threads[thread] = outer

    def _given(self, task: Task) -> dict[str, Any]:
        """The parameters that are ours to fill."""
        task.location = self._location
        if self._bar is not None:
            desc, total, unit = self._bar
            Bar(total, desc=desc, unit=unit)
        return {name: worker.given_by[kind]() for name, kind in self._fill}


def call(remote: Remote, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """The same where the function travels in another way than by `pickle`."""
    remote.function = function
    return remote(*args, **kwargs)


def call_each(
    function: Callable[..., Any], chunk: tuple[tuple[Any, ...], ...], /, **given: Any
) -> list[Any]:
    """What runs a chunk of `map`: its items are what its bar counts.

    The bar that the user's function is given, if any, starts anew with each item.
    """
    bars = [bar for bar in given.values() if isinstance(bar, Bar)]
    if not bars:
        return [function(*args, **given) for args in track(chunk)]
    results = []
    for args in chunk:
        for bar in bars:
            bar.reset()
        results.append(function(*args, **given))
    return results


def _told(pool: str) -> Sampler:
    told = worker.samplers.get(pool)
    # of two threads that make one, one is used by both
    return told or worker.samplers.setdefault(pool, _RemoteSampler(pool))


def _say(text: str) -> bool:
    """The calling thread prints. Returns whether it was told: where a task does; and what
    else a worker says, as its log, which would tear the display's screen."""
    task = bars.threads.get(get_ident())
    if task is not None:
        return worker.say(task.pool, task.id, text)
    for pool, route in list(_routes.items()):
        if not route.home and worker.say(pool, 0, text):
            return True
    return False


def close(pool: str) -> None:
    """In the process of the display: the pool is over."""
    _routes.pop(pool, None)
    told = worker.samplers.get(pool)
    if isinstance(told, _RemoteSampler):
        told.give_up(TICK)
    if not _routes:
        leave_threads()


def _forget() -> None:
    """A forked child is no worker of anybody's."""
    _routes.clear()
    _made.clear()


if hasattr(os, "register_at_fork"):
    with suppress(RuntimeError):  # not in every interpreter of a process
        os.register_at_fork(after_in_child=_forget)
