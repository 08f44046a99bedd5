"""What a task has in hand: `Bar` and `track`; and `Task`, which knows the bars that are open.

A bar's count is a number of its own, or is read from the outside of a loop (`counting`). It is
told by `Task.sample`, which never calls a user's Python code: it reads iterators of built-in
types and `itertools.repeat` objects of our own, and text is made into `str` where it is set.

Never here: a thread, a channel; whose work this process does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, count, repeat
from threading import get_ident
from time import monotonic
from types import FunctionType
from typing import Any, TypeVar
from weakref import ref

from .counting import Counted, Frozen, Held, OfKnownTotal, feeds_a_loop, length_of, may_be_held
from .events import Advanced, Event
from .locks import RLock
from .writer import Writer

T = TypeVar("T")

#: The largest number that the wire carries.
MOST = sys.float_info.max
#: Bars of one task that are shown at most, each below the one before.
DEPTHS = 100
#: Looks at a task from one at which all is told to the next: 5 s in a pool of processes.
AGAIN = 50


def valid_total(total: float | None) -> float | None:
    """The total as a number that can be told; None where it is unknown, or too large.

    Raises:
        TypeError, ValueError: it is not a number, or less than 0.
    """
    if total is None:
        return None
    if not isinstance(total, (int, float)):
        try:
            if isinstance(total, (str, bytes, bytearray)):
                raise TypeError
            total = float(total)  # NumPy's numbers
        except (TypeError, ValueError):
            raise TypeError(f"total must be a number or None, not {total!r}") from None
    if total < 0 or total != total:
        raise ValueError(f"total must be 0 or more, or None where unknown; got {total!r}")
    return None if total > MOST else total


def _plain(n: Any) -> float:
    """A bar's count as a number that can be told; no Python code of the user's is run.

    Where only such code could tell it (a class of the user's, a `Fraction`), it is 0.
    """
    if type(n) not in (int, float):
        try:
            if isinstance(type(n).__float__, FunctionType):
                return 0
            n = float(n)  # NumPy's numbers
        except Exception:  # it was not one: 0, as the work goes on all the same
            return 0
    return max(-MOST, min(MOST, n)) if n == n else 0


def _text(value: object) -> str:
    """As `str` itself, not of a class of the user's: its methods are called by the sampler."""
    return str.__str__(str(value))


class Bar:
    """The handle on one bar of the running task. Names as in tqdm.

    In a task, `Bar(total=…)` makes one, nested under those that are open; outside any
    pool it shows as one bar on a terminal, and as nothing elsewhere. `with Bar(…) as bar:`
    closes it at the block's end.

    Args:
        total: how much there is to do, >= 0; None where unknown.
        desc: what it is; by default the task's name for its first bar, none for others. 192
            bytes of UTF-8 of it are shown, 160 of `postfix` and 32 of `unit`.
        unit: what is counted; "B" is shown with prefixes of powers of 1,000 (41.9M), others
            from 1,000,000 on.

    Attributes:
        n: how much is done; may be set. Exact up to 2**53.

    Raises:
        TypeError, ValueError: `total` is not a number, or less than 0.

    Guarantees: `update` costs an addition (benchmarks/update.py), takes no lock and never
    blocks. Threads of one task may share a bar; only additions that meet in the same
    bytecode could be lost, which CPython's GIL rules out.
    """

    __slots__ = (
        "__weakref__",
        "_born",
        "_closed_at",
        "_desc",
        "_n",
        "_postfix",
        "_reading",
        "_serial",
        "_task",
        "_total",
        "_unit",
    )

    def __init__(
        self, total: float | None = None, *, desc: str | None = None, unit: str = "it"
    ) -> None:
        task = _current()
        self._make(task, valid_total(total), "" if desc is None else _text(desc), _text(unit))
        if task is not None:
            task.open(self)

    def _make(
        self, task: Task | None, total: float | None, desc: str = "", unit: str = "it"
    ) -> None:
        self._task = task
        self._total = total
        self._desc = desc
        self._unit = unit
        self._postfix = ""
        self._n: float = 0
        self._reading: Held | Counted | Frozen | None = None
        self._born = monotonic()
        self._closed_at: float | None = None
        self._serial = next(_serials)

    def update(self, n: float = 1) -> None:
        """`n` more are done; a number below 0 takes back.

        Raises:
            TypeError: it is no number.
        """
        self._n += n

    @property
    def n(self) -> float:
        self._sweep()
        reading = self._reading
        return self._n if reading is None else self._n + reading.read(self.closed)[0]

    @n.setter
    def n(self, value: float) -> None:
        self._sweep()
        reading = self._reading
        self._n = value if reading is None else value - reading.read(self.closed)[0]

    @property
    def total(self) -> float | None:
        """How much there is to do, >= 0; None where unknown. May be set, which raises TypeError
        or ValueError as the constructor does."""
        return self._total

    @total.setter
    def total(self, value: float | None) -> None:
        self._total = valid_total(value)

    @property
    def desc(self) -> str:
        """What it is."""
        return self._desc

    @desc.setter
    def desc(self, value: str) -> None:
        self._desc = _text(value)

    @property
    def unit(self) -> str:
        """What is counted."""
        return self._unit

    @unit.setter
    def unit(self, value: str) -> None:
        self._unit = _text(value)

    @property
    def postfix(self) -> str:
        """Words after the numbers; a mapping is written as `key=value, …`."""
        return self._postfix

    @postfix.setter
    def postfix(self, value: str | Mapping[str, object]) -> None:
        if isinstance(value, Mapping):
            value = ", ".join(
                f"{key}={v:.3g}" if isinstance(v, float) else f"{key}={v}"
                for key, v in value.items()
            )
        self._postfix = _text(value)

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._closed_at is not None

    def reset(self, total: float | None = None) -> None:
        """Start anew at `n` = 0, now; with another `total`, if one is given.

        Raises:
            TypeError, ValueError: `total` is not a number, or less than 0.
        """
        new = valid_total(total)
        self.n = 0
        if total is not None:  # after that: who looks just now finds no more done than there is
            self._total = new
        self._born = monotonic()
        self._closed_at = None
        self._serial = next(_serials)
        if self._task is not None and self not in self._task.slots:
            self._task.open(self)  # another has taken its place since it was closed

    def close(self) -> None:
        """It has ended. A second close does nothing."""
        if self._closed_at is None:
            if self._reading is not None:
                self._freeze()
            self._closed_at = monotonic()
            if self._task is not None:
                self._task.closed(self)

    def _freeze(self) -> None:
        """The loop has ended: keep the count, let go of the iterator."""
        reading = self._reading
        if reading is not None:
            n, total = reading.read(True)
            if total is not None:
                self._total = total
            # in one step: the sampler may look at any time, and two threads may close
            self._reading = Frozen(n)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _sweep(self) -> None:
        """Close it where it can be seen from outside that its loop has ended."""
        reading = self._reading  # once: another thread may freeze it at any moment
        if isinstance(reading, Held) and reading.let_go() and reading is self._reading:
            self.close()

    def _event(self, task: int, slot: int, now: float) -> Advanced:
        self._sweep()
        reading, total = self._reading, self._total
        n = _plain(self._n)  # after the total: see `reset`
        if reading is not None:
            read, grown = reading.read(False)
            n += read
            if grown is not None:
                total = grown
        closed_at = self._closed_at
        return Advanced(
            task,
            slot,
            self._serial,
            n,
            total,
            max(0.0, (now if closed_at is None else closed_at) - self._born),
            closed_at is not None,
            self._desc,
            self._unit,
            self._postfix,
        )


_serials = count()


def current_bar() -> Bar:
    """The first bar of the running task; made, if the task has none yet.

    Outside any task: a bar that shows on a terminal, and as nothing elsewhere.
    """
    task = _current()
    if task is None:
        return Bar()
    task.unfold()
    with _opening:  # one for all threads of the task
        return task.slots[0] if task.slots else Bar()


def track(
    iterable: Iterable[T],
    total: float | None = None,
    *,
    desc: str | None = None,
    unit: str = "it",
) -> Iterator[T]:
    """Iterate, and show how far the loop is. Nested calls show nested rows.

    Args:
        iterable: what to iterate over.
        total: how many items there are, >= 0; by default as many as `iterable` says
            (`len`, or its length hint), else unknown.
        desc: what it is; by default the task's name for its first bar, none for others.
        unit: what an item is called.

    Returns:
        An iterator over the very same items. In a task and straight in a `for`, it is the
        iterator of a tuple, range, str or bytes itself, or of a list, dict or set of 1,000
        items and more, at no cost an item; else one in C (4 to 10 ns an item,
        benchmarks/loop.py).

    Raises:
        TypeError: `iterable` is not iterable, or `total` not a number.
        ValueError: `total` is less than 0.
    """
    try:
        iterator = iter(iterable)
    except TypeError:
        kind = type(iterable)
        if hasattr(kind, "__iter__") or hasattr(kind, "__getitem__"):
            raise  # what its own code says
        raise TypeError(
            f"track() needs an iterable, such as a list or range({iterable}); got an int"
            if isinstance(iterable, int)
            else f"track() needs an iterable; got an object of type {kind.__name__}"
        ) from None
    total = valid_total(total)
    if _current() is None:
        return iterator
    derived = total is None
    if derived:
        total = length_of(iterable, iterator)
    bar = Bar(total, desc=desc, unit=unit)
    if running() is not None and may_be_held(iterable, iterator) and feeds_a_loop(sys._getframe(1)):
        bar._reading = Held(iterator) if derived else OfKnownTotal(iterator)
        return iterator
    counted = Counted()
    bar._reading = counted
    return counted.wrap(iterator, bar.close, derived and iterator is not iterable)


# --- the task ---

#: Threads of a task that open bars take turns.
_opening = RLock()

_things = [object()]
_ONE_HOLDER = sys.getrefcount(_things[0])


def _is_free(slots: tuple[Bar, ...], depth: int) -> bool:
    """Whether the bar there has ended, or was dropped, so that another may take its place."""
    slots[depth]._sweep()
    # the first is never dropped: it can be had again as `current_bar()`
    if depth and slots[depth]._reading is None and sys.getrefcount(slots[depth]) <= _ONE_HOLDER:
        slots[depth].close()
    return slots[depth].closed


def called(function: object) -> str:
    """The name of a function, or of its kind where it has none."""
    try:
        name = getattr(function, "__name__", None)
    except Exception:  # a proxy of the user's own may raise anything
        name = None
    return name if type(name) is str and name else type(function).__name__


class Task:
    """What a process knows of a task that runs in it: its open bars by depth.

    A bar takes the lowest depth that is free, so that one that follows another takes its
    place, and one that is opened within another stands below it.
    """

    # of the class, and so at no cost for tasks that need nothing of it
    announced = False
    slots: tuple[Bar, ...] = ()
    gone: tuple[object, ...] = ()
    """What `sample` may have let go of; to be cleared by who called it, without a lock:
    these may be the last references to objects of the user's."""
    life: ref[partial[Any]] | None = None
    """What the stock loop calls; its end is the task's."""
    location: tuple[int, int] | None = None
    writer: Writer | None = None
    chunk: tuple[Iterator[Any], int] | None = None
    """The items of a chunk, and how many: its bar is made once somebody looks."""
    _seen: tuple[tuple[object, ...], ...] = ()
    _looks = 0

    on_end: Callable[[Task], None] | None = None
    """To be called with it once all its bars are closed."""
    run = 0
    """Which of the runs in this process, where an engine may run a task more than once."""

    def __init__(self, id: int, pool: str = "") -> None:
        self.id = id
        self.pool = pool
        self.born = monotonic()

    def unfold(self) -> None:
        """Make the bar of the chunk, unless it is there."""
        with _opening:
            chunk, self.chunk = self.chunk, None
            if chunk is not None:
                bar = Bar.__new__(Bar)
                bar._make(self, chunk[1])
                bar._born = self.born
                bar._reading = Held(*chunk)
                self.slots = (bar, *self.slots)

    def open(self, bar: Bar) -> None:
        if self.chunk is not None:
            self.unfold()
        with _opening:
            for depth in range(len(self.slots)):
                if _is_free(self.slots, depth):
                    self.slots = (*self.slots[:depth], bar, *self.slots[depth + 1 :])
                    return
            if len(self.slots) < DEPTHS:
                self.slots = (*self.slots, bar)

    def closed(self, bar: Bar) -> None:
        if self.on_end is not None and all(b.closed for b in self.slots):
            self.on_end(self)

    def sample(self, now: float) -> list[Event]:
        """What has changed since the last call; once in `AGAIN` calls all, as it may be lost."""
        if self.chunk is not None:
            self.unfold()
        slots = self.slots
        if not slots:
            return []
        self.gone = tuple([bar._reading for bar in slots])
        events = [bar._event(self.id, slot, now) for slot, bar in enumerate(slots)]
        # all but `elapsed`, which changes always
        looks = [(e.serial, e.n, e.total, e.closed, *e[7:]) for e in events]
        self._looks = (self._looks + 1) % AGAIN
        seen, self._seen = self._seen if self._looks else (), tuple(looks)
        return [
            e
            for e, look, old in zip(events, looks, chain(seen, repeat(())), strict=False)
            if look != old
        ]

    def end(self) -> None:
        """Close all its bars: nothing of the user's is held any longer."""
        self.chunk = None
        for bar in reversed(self.slots):
            bar.close()


# --- which of them runs here ---

#: The one that this process runs for a pool of processes.
alone: Task | None = None
#: Those that run in threads of this process, by the thread.
threads: dict[int, Task] = {}
#: Gives the task for bars outside of any; None where nothing is to be shown. Set by the
#: package in a main process, so that nothing here needs to know of a display.
stage: Callable[[], Task | None] | None = None


def running() -> Task | None:
    """The task that runs here: in this process, or in this thread of it."""
    return alone if alone is not None or not threads else threads.get(get_ident())


def _current() -> Task | None:
    """The task that a new bar belongs to."""
    task = running()
    if task is not None:
        return task
    return stage() if stage is not None else None


def _forget() -> None:
    """A forked child is not the task that its parent runs, and shows nothing of its own."""
    global _opening, alone, stage
    _opening = RLock()
    alone = None
    stage = None
    threads.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
