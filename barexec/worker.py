"""All of barexec that runs in a worker: counting, sampling, and the life of one task.

The user's function is called by the stock worker loop itself: what travels in its place
is a `Call`, which on arrival (`begin`) says which task starts and turns into a
`functools.partial` of the function. So no frame of ours is ever in a traceback; and when
the stock loop lets go of the call, the task has ended.

Counts are read from outside the loop by the sampler, about ten times a second. The
sampler never calls a user's Python code: it reads iterators of built-in types and
`itertools.repeat` objects of our own, and text is made into `str` where it is set.

Never here: display, renderers, painters, the executor; any third-party module.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from io import BytesIO
from itertools import chain, count, repeat
from multiprocessing.reduction import ForkingPickler
from multiprocessing.util import Finalize
from pickle import Unpickler
from sys import modules
from threading import RLock, get_ident
from time import monotonic, sleep
from types import BuiltinFunctionType, FunctionType
from typing import Any, TypeVar
from weakref import ref

from . import interrupts
from .adopted import adopt_tqdm
from .capture import Capture, capture_terminal
from .carrying import carried, is_interactive
from .channel import ATOMIC, Sender
from .counting import Counted, Frozen, Held, OfKnownTotal, feeds_a_loop, length_of, may_be_held
from .events import RECORD_LIMIT, Advanced, Event, Started, encode, split_text
from .interrupts import Halt
from .orphans import Orphan
from .ptys import Link
from .streams import Streams, capture_streams
from .ticker import Ticker
from .writer import Screen, Writer

T = TypeVar("T")

#: The largest number that the wire carries.
MOST = sys.float_info.max
#: Seconds between two samples.
TICK = 0.1
#: Ticks without a task after which the sampler sleeps.
IDLE_TICKS = 20
#: Tasks shorter than a tick whose last numbers are told: so many at once, and a second.
SHORT_BURST, SHORT_RATE = 20.0, 30.0
#: Seconds that a worker waits at its exit for room in a full channel.
LAST_WORDS = 1.0
#: Bars of one task that are shown at most, each below the one before.
DEPTHS = 100
#: Records that wait for room in a full channel; beyond, the oldest are dropped.
BACKLOG = 10_000
#: Records of text that one write to the channel takes.
TEXT_AT_ONCE = ATOMIC // RECORD_LIMIT


# --- the handles ---------------------------------------------------------------------


def _valid_total(total: float | None) -> float | None:
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
    pool it shows as a plain bar on a terminal, and as nothing elsewhere.

    Args:
        total: how much there is to do, >= 0; None where unknown.
        desc: what it is; by default the task's name.
        unit: what is counted.

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
        self._make(task, _valid_total(total), "" if desc is None else _text(desc), _text(unit))
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
        """`n` more are done."""
        self._n += n

    @property
    def n(self) -> float:
        reading = self._reading
        return self._n if reading is None else self._n + reading.read(self.closed)[0]

    @n.setter
    def n(self, value: float) -> None:
        reading = self._reading
        self._n = value if reading is None else value - reading.read(self.closed)[0]

    @property
    def total(self) -> float | None:
        """How much there is to do; None where unknown."""
        return self._total

    @total.setter
    def total(self, value: float | None) -> None:
        self._total = _valid_total(value)

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
        """Start anew at 0, now; with another `total`, if one is given."""
        if total is not None:
            self._total = _valid_total(total)
        self.n = 0
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
        if self._reading is not None:
            n, total = self._reading.read(True)
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
        if isinstance(self._reading, Held) and self._reading.let_go():
            self.close()

    def _event(self, task: int, slot: int, now: float) -> Advanced:
        self._sweep()
        reading, n, total = self._reading, _plain(self._n), self._total
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
            (now if closed_at is None else closed_at) - self._born,
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
    return task.slots[0] if task.slots else Bar()


def current_writer() -> Writer:
    """The text stream of the running task, which knows its place on the screen.

    Outside any task: one that takes everything and shows nothing.
    """
    task = running()
    if task is None:
        return Writer()
    if task.writer is None:
        put = partial(_put, task) if task.pool in senders else None
        screen = screens.get(task.pool, Screen())
        task.writer = Writer(put, screen, task.location or (0, 0))
    return task.writer


def _put(task: Task, text: str) -> None:
    sender = senders.get(task.pool)
    if sender is not None:
        # None where the task has forked
        worker = workers.get(task.pool) or _worker or _new_worker()
        worker.put(task, text, sender)


def _new_worker() -> Worker:
    """What tells of the tasks of this process, now and at its exit."""
    global _worker
    _worker = Worker()
    Finalize(None, _worker._exit, exitpriority=10)
    return _worker


#: What a parameter may be filled with, by the name of its class.
given_by: dict[str, Callable[[], Any]] = {"Bar": current_bar, "Writer": current_writer}


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
        desc: what it is; by default the task's name.
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
    total = _valid_total(total)
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


# --- the life of a task --------------------------------------------------------------

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
    life: ref[Callable[..., Any]] | None = None
    """What the stock loop calls; its end is the task's."""
    location: tuple[int, int] | None = None
    writer: Writer | None = None
    chunk: tuple[Iterator[Any], int] | None = None
    """The items of a chunk, and how many: its bar is made once somebody looks."""
    _seen: tuple[tuple[object, ...], ...] = ()

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
        """What has changed since the last call."""
        if self.chunk is not None:
            self.unfold()
        slots = self.slots
        if not slots:
            return []
        self.gone = tuple([bar._reading for bar in slots])
        events = [bar._event(self.id, slot, now) for slot, bar in enumerate(slots)]
        # all but `elapsed`, which changes always
        looks = [(e.serial, e.n, e.total, e.closed, *e[7:]) for e in events]
        seen, self._seen = self._seen, tuple(looks)
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


class Worker:
    """The progress side of one worker process: its sampler, and what waits to be sent.

    Guarantees: `begin` and `end` take a lock that the sampler holds for microseconds and
    never while it waits; neither ever waits for the parent. Of what a full channel
    refuses, the newest values are kept and sent later, also after the task's end. Text is
    sent whole and in order: it is in the channel when `put` returns, so that neither a
    kill nor the task's result overtakes it.
    """

    pace = TICK
    """Seconds between two looks; more where a pool has thousands of workers."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._task: Task | None = None
        self._others: tuple[Task, ...] = ()
        """Tasks that run in threads of this process."""
        self._sender: Sender | None = None
        self._waiting: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._text: deque[bytes] = deque()
        self._speaking = RLock()
        """Held by the thread that sends text. It takes no other lock meanwhile: a finalizer
        may write while its thread holds `_lock` (tests/core/test_writer.py)."""
        self._sending = False
        """Whether its holder is at it. Within, a finalizer or a signal handler may write, too."""
        self._spoke = 0.0
        self._idle = 0
        self._allowed = SHORT_BURST
        self._asked = 0.0
        self._sampler = Ticker(self._tick, TICK, "barexec-sampler")

    def begin(self, task: Task, sender: Sender) -> None:
        """The task starts. It is announced at once, but at most once a tick."""
        self._task = task
        self._began(task, sender)

    def enter(self, task: Task, sender: Sender) -> None:
        """The same, of a task that runs in a thread, beside others."""
        with self._lock:
            self._others = *self._others, task
        self._began(task, sender)

    def leave(self, task: Task) -> None:
        """Such a task has ended."""
        with self._lock:
            self._others = tuple([other for other in self._others if other is not task])
        self.end(task)

    def _began(self, task: Task, sender: Sender) -> None:
        self._sender = sender
        self._idle = 0
        if task.born - self._spoke >= self.pace:
            with self._lock:
                self._announce(task, task.born)
                if not sender.waits:
                    self._flush()
        sampler = self._sampler
        if sampler.parked:
            sampler.wake()
        elif not sampler.running:
            # where no thread can be had, the numbers are told as tasks begin and end
            with suppress(RuntimeError):
                sampler.start()

    def end(self, task: Task) -> None:
        """The task has ended: its last numbers follow, if any were or are to be told."""
        now = monotonic()
        short = now - task.born < TICK
        if self._task is task:
            self._task = None
        if short and not task.announced:
            # the sampler, if it looks just now, may announce it all the same: no harm is done
            if not (task.slots or task.chunk):
                return
            if not self._may_tell(now):
                task.end()
                return
        task.unfold()
        task.end()  # without the lock: objects of the user's may die
        with self._lock:
            if self._sender is None:
                return
            if not short:
                self._announce(task, now)  # (again,) with the time that it ran in all
            self._keep(task.sample(now))
            if task.announced and not self._sender.waits:
                self._flush()

    def put(self, task: Task, text: str, sender: Sender) -> None:
        """Send text, in the order in which it comes; wait while the channel is full."""
        self._sender = sender
        self._text.extend([encode(part) for part in split_text(task.id, text)])
        with self._speaking:
            # what is written within a write is sent by the outer one: it may be one of many
            # signals that come while it waits
            while self._text and self._sender is not None and not self._sending:
                self._send_text(sender.ready)

    def _send_text(self, wait: Callable[[float], object] | None = None) -> bool:
        """Send the text that waits; to be called with `_speaking` held, and not within itself.
        False: the channel is full, and there is no `wait` for room."""
        self._sending = True
        try:
            while self._text and self._sender is not None:
                count = min(len(self._text), TEXT_AT_ONCE)
                if self._send(b"".join([self._text[at] for at in range(count)])):
                    for _ in range(min(count, len(self._text))):  # 0, once the parent is gone
                        self._text.popleft()
                elif wait is not None:
                    wait(TICK)
                else:
                    return False
        finally:
            self._sending = False
        return True

    def _speak(self) -> bool:
        """Send the text that waits. False: the channel is full, or another thread is at it."""
        if not self._text:
            return True
        if not self._speaking.acquire(blocking=False):
            return False
        try:
            return not self._sending and self._send_text()
        finally:
            self._speaking.release()

    def _send(self, data: bytes) -> bool:
        """False: the channel is full."""
        try:
            return self._sender is None or self._sender.send(data)
        except OSError:
            # the parent is gone, or the task closed our descriptor: the work goes on
            self._sender = None
            self._text.clear()
            return True

    def _may_tell(self, now: float) -> bool:
        """Whether the numbers of one more very short task may be told: not of thousands."""
        share = TICK / self.pace
        more = (now - self._asked) * SHORT_RATE * share
        self._allowed = min(max(1.0, SHORT_BURST * share), self._allowed + more)
        self._asked = now
        if self._allowed < 1:
            return False
        self._allowed -= 1
        return True

    def _announce(self, task: Task, now: float) -> None:
        task.announced = True
        self._spoke = now
        self._keep([Started(task.id, os.getpid(), now - task.born, task.run)])

    def _keep(self, events: list[Event]) -> None:
        for event in events:
            slot = event.slot if isinstance(event, Advanced) else -1
            self._waiting[event.task, slot] = encode(event)
        while len(self._waiting) > BACKLOG:
            self._waiting.popitem(last=False)

    def _tick(self) -> bool:
        with self._lock:
            task, sender = self._task, self._sender
            tasks = self._others if task is None else (task, *self._others)
            now = monotonic()
            for task in tasks:
                if not task.announced:
                    self._announce(task, now)
                self._keep(task.sample(now))
            if not tasks:
                self._idle += 1
            waits = sender is not None and sender.waits
            if not waits:
                self._flush()
        for task in tasks:
            task.gone = ()
        if _capture is not None:
            self._watch(_capture)
        if waits:
            self._flush()
        waits = bool(self._sender and (self._waiting or self._text))
        return bool(tasks) or waits or (self._sampler.parks and self._idle < IDLE_TICKS)

    def _watch(self, capture: Capture | Streams) -> None:
        """Somebody is to read what is printed."""
        capture.watch(lambda: self._sender is not None and self._sender.listened_to())

    def _flush(self) -> bool:
        """Send what waits, in writes that go through whole. False: the channel is full."""
        if not self._speak():
            return False
        while self._waiting and self._sender is not None:
            with self._lock:
                batch: dict[tuple[int, int], bytes] = {}
                size = 0
                for key, record in self._waiting.items():
                    size += len(record)
                    if size > ATOMIC:
                        break
                    batch[key] = record
            if not self._send(b"".join(batch.values())):
                return False
            with self._lock:
                for key, record in batch.items():
                    if self._waiting.get(key) is record:
                        del self._waiting[key]
        return True

    def _exit(self) -> None:
        """The worker exits: what still waits gets one last, bounded chance."""
        if _capture is not None:
            self._watch(_capture)
        until = monotonic() + LAST_WORDS
        sender = self._sender
        if sender is not None and sender.waits:
            while (self._waiting or self._text) and self._sender and monotonic() < until:
                self._sampler.kick()
                sleep(TICK / 10)
            return
        self._sampler.stop(patience=TICK)
        while self._sender is not None and not self._flush():
            left = until - monotonic()
            if left <= 0 or not self._sender.ready(left):
                return


#: The senders of the pools that this process works for, by the pool's key, and what is
#: known of the terminals on which they are shown.
senders: dict[str, Sender] = {}
screens: dict[str, Screen] = {}
#: Gives the task for bars outside of any; None where nothing is to be shown. Set by the
#: package in a main process, so that nothing here needs to know of a display.
stage: Callable[[], Task | None] | None = None

#: What runs in threads of this process, by the thread; and what tells of it, by the pool.
threads: dict[int, Task] = {}
workers: dict[str, Worker] = {}

#: Whether this process works for the display of another one, and has none of its own.
serves = False

_worker: Worker | None = None
_task: Task | None = None
_capture: Capture | Streams | None = None
_orphan: Orphan | None = None


def running() -> Task | None:
    """The task that runs here: in this process, or in this thread of it."""
    return _task if _task is not None or not threads else threads.get(get_ident())


def _current() -> Task | None:
    """The task that a new bar belongs to."""
    task = running()
    if task is not None:
        return task
    return stage() if stage is not None else None


#: A function, or the module and the name that it is found by.
Reference = Callable[..., Any] | tuple[str, str]


_references: dict[Callable[..., Any], tuple[str, str]] = {}


def _reference(function: Callable[..., Any]) -> Reference:
    """How a function is pickled: by its name, as `pickle` does, at a third of the cost.

    Whatever is not surely found by it is left to `pickle`, and to its errors.
    """
    kind = type(function)
    if kind is FunctionType or kind is BuiltinFunctionType:
        if known := _references.get(function):
            return known
        module, name = function.__module__, function.__qualname__
        if module == "__main__" and is_interactive():
            return carried(function)  # type: ignore[no-any-return]
        if module in modules and getattr(modules[module], name, None) is function:
            _references[function] = module, name
            return module, name
    return carried(function) if is_interactive() else function


def _function(reference: Reference) -> Any:
    if type(reference) is not tuple:
        return reference
    module, name = reference
    try:
        return getattr(modules[module], name)
    except (KeyError, AttributeError):
        return Unpickler(BytesIO()).find_class(module, name)  # it imports, and says what it lacks


class Call(tuple[Any, ...]):
    """What `submit` sends in the place of the user's function: the arguments of `begin`.

    It pickles as the function and plain values, and arrives as a `functools.partial`. A
    tuple, since of thousands that wait each object more is one more for the garbage
    collector to walk.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        if len(self) == 3:
            return begin, (self[0], self[1], _reference(self[2]))
        inner = tuple([_reference(function) for function in self[3]])
        return begin, (self[0], self[1], _reference(self[2]), inner, *self[4:])

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Run here and now, as it would in a worker."""
        return begin(*self)(*args, **kwargs)


def begin(
    pool: str,
    id: int,
    function: Reference,
    inner: tuple[Reference, ...] = (),
    fill: tuple[tuple[str, str], ...] = (),
    bar: tuple[str | None, float | None, str] | None = None,
    location: tuple[int, int] | None = None,
) -> Callable[..., Any]:
    """A task has arrived at this worker and starts. Gives what the stock loop calls.

    Args:
        pool: the pool's key; "" where nothing is shown.
        id: the task's number.
        function: the user's; or under `map` the stock one that calls it for a chunk.
        inner: under `map`, the user's function.
        fill: names of parameters, and of the class of what they get: the task's first
            `Bar`, or its `Writer`.
        bar: desc, total and unit of that bar, if the task is to have one from the start.
        location: where the task is shown: column and row.
    """
    global _task
    if _task is not None:
        _end(_task)
    if interrupts.alarmed and interrupts.halted():
        return interrupts.refuse
    call = _function(function)
    if not callable(call):  # the stock loop will say so
        return call  # type: ignore[no-any-return]
    task = _task = Task(id, pool)
    if fill or bar or location:
        task.location = location
        if bar is not None:
            desc, total, unit = bar
            Bar(total, desc=desc, unit=unit)
        given = {name: given_by[kind]() for name, kind in fill}
        if inner and given:
            running = partial(call, *[partial(_function(f), **given) for f in inner])
        else:
            running = partial(call, *map(_function, inner), **given)
    elif inner:
        running = partial(call, *map(_function, inner))
    else:
        running = partial(call)
    task.life = ref(running, _over)
    sender = senders.get(pool)
    if sender is not None:
        if _worker is None:
            _new_worker()
            if _capture is not None:
                _capture.over(0)  # what was printed before the first task
        _worker.begin(task, sender)  # type: ignore[union-attr]
        if _capture is not None:
            _capture.begin(id)
    return running


def _over(life: ref[Callable[..., Any]]) -> None:
    """The stock loop has let go of what it called: the task has ended."""
    global _task
    task = _task
    if task is None or task.life is not life:
        return
    if task.slots or task.chunk or task.announced or monotonic() - task.born >= TICK:
        _end(task)
    else:
        # the usual one of thousands: nothing to tell
        _task = None
        if _worker is not None:
            _worker._task = None
        if _capture is not None:
            _capture.over(task.id)


def _end(task: Task) -> None:
    global _task
    _task = None
    if _worker is not None:
        _worker.end(task)
    if _capture is not None:
        _capture.over(task.id)


class Chunk:
    """The items of one task of `map`; arrives as an iterator that counts them."""

    __slots__ = ("_fresh", "_items")

    def __init__(self, items: tuple[Any, ...], fresh: bool) -> None:
        self._items = items
        self._fresh = fresh

    def __reduce__(self) -> tuple[Any, ...]:
        return open_chunk, (self._items, self._fresh)


# in its own table, which the pool's pickler looks into first: the search for a class that is
# not there costs as much as all the rest
ForkingPickler.register(Call, Call.__reduce__)
ForkingPickler.register(Chunk, Chunk.__reduce__)


def open_chunk(items: tuple[Any, ...], fresh: bool) -> Iterator[Any]:
    """The items of a chunk that has arrived, counted as the task's first bar.

    With `fresh`, the bar that the user's function is given starts anew with each item.
    """
    if fresh:
        return _each_afresh(items, current_bar())
    iterator = iter(items)
    if _task is not None:
        _task.chunk = iterator, len(items)
    return iterator


def _each_afresh(items: tuple[Any, ...], bar: Bar) -> Iterator[Any]:
    total = bar.total
    for at, item in enumerate(items):
        if at:
            bar.reset()
            bar.total = total
        yield item


class Initargs:
    """The arguments of the user's initializer. A worker that unpacks them is attached.

    So it is before the initializer is called, and no frame of ours is in its tracebacks.
    """

    def __init__(
        self,
        args: Iterable[Any],
        pool: str,
        sender: Sender,
        screen: Screen,
        link: Link | None,
        capture: bool | str,
        halt: Halt | None,
    ) -> None:
        self._args = args
        self._attached = pool, sender, screen, link, capture, halt

    def __iter__(self) -> Iterator[Any]:
        if multiprocessing.parent_process() is not None:
            _attach(*self._attached)
        return iter(self._args)

    def __reduce__(self) -> tuple[Any, ...]:
        return Initargs, (self._args, *self._attached)


def _attach(
    pool: str,
    sender: Sender,
    screen: Screen,
    link: Link | None,
    capture: bool | str,
    halt: Halt | None,
) -> None:
    """This process works for a pool from now on."""
    global _capture, _orphan
    if halt is not None:
        interrupts.hold()
        interrupts.arm(lambda: _task, halt)
    _orphan = Orphan(_bid_farewell)
    senders[pool], screens[pool] = sender, screen
    if not (capture and screen.live and sender.listened_to()):
        return
    if link is not None:
        size = screen.width(), screen.rows
        _capture = capture_terminal(link, screen.device, *size, always=capture == "named")
    if _capture is None:
        _capture = capture_streams(screen.device, partial(say, pool))
    if _capture is not None:
        adopt_tqdm(_follower)


def _bid_farewell() -> None:
    """The parent is gone: what it has not read any more of what was printed is passed on."""
    if _capture is not None:
        _capture.watch(lambda: False)


def _follower(fd: int, unit: str) -> Bar | None:
    """A bar for one of tqdm that would draw on that descriptor, where that is caught."""
    caught = _task is not None and _capture is not None and fd in _capture.captured
    return Bar(unit=unit) if caught else None


def say(pool: str, task: int, text: str) -> bool:
    """Tell text of the task of that number. False: nobody listens."""
    sender = senders.get(pool)
    if sender is None or not sender.listened_to():
        return False
    _put(Task(task, pool), text)
    return True


def _forget() -> None:
    """A forked child is not the task that its parent runs, and shows nothing of its own."""
    global _capture, _opening, _task, _worker, stage
    _capture = None
    _opening = RLock()
    _task = None
    _worker = None
    stage = None
    threads.clear()
    workers.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
