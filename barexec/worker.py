"""What a worker process does for its pools: the life of one task, from its arrival to its end.

The user's function is called by the stock worker loop itself: what travels in its place
is a `Call`, which on arrival (`begin`) says which task starts and turns into a
`functools.partial` of the function. So no frame of ours is ever in a traceback; and when
the stock loop lets go of the call, the task has ended.

Never here: display, renderers, painters, the executor; any third-party module.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import BytesIO
from multiprocessing.reduction import ForkingPickler
from multiprocessing.util import Finalize
from pickle import Unpickler
from sys import modules
from time import monotonic
from types import BuiltinFunctionType, FunctionType
from typing import Any
from weakref import ref

from . import bars, interrupts
from .adopted import adopt_tqdm
from .bars import Bar, Task, current_bar, running
from .capture import Capture, capture_terminal
from .carrying import carried, is_interactive
from .channel import Sender
from .interrupts import Halt
from .orphans import Orphan
from .ptys import Link
from .sampler import TICK, Sampler
from .streams import Streams, capture_streams
from .writer import Screen, Writer

#: The senders of the pools that this process works for, by the pool's key, and what is
#: known of the terminals on which they are shown.
senders: dict[str, Sender] = {}
screens: dict[str, Screen] = {}

#: What tells of tasks that run in threads of this process, by the pool.
samplers: dict[str, Sampler] = {}

#: Whether this process works for the display of another one, and has none of its own.
serves = False

_sampler: Sampler | None = None
_capture: Capture | Streams | None = None
_orphan: Orphan | None = None


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
        sampler = samplers.get(task.pool) or _sampler or _new_sampler()
        sampler.put(task, text, sender)


def _new_sampler() -> Sampler:
    """What tells of the tasks of this process, now and at its exit."""
    global _sampler
    _sampler = Sampler()
    _sampler.capture = _capture
    Finalize(None, _sampler.exit, exitpriority=10)
    return _sampler


#: What a parameter may be filled with, by the name of its class.
given_by: dict[str, Callable[[], Any]] = {"Bar": current_bar, "Writer": current_writer}


#: A function, or the module and the name that it is found by.
Reference = Callable[..., Any] | tuple[str, str]


_references: dict[Callable[..., Any], tuple[str, str]] = {}


def _reference(function: Callable[..., Any], pool: str) -> Reference:
    """How a function is pickled for the workers of a pool: by its name, as `pickle` does, at a
    third of the cost.

    Whatever is not surely found by it is left to `pickle`, and to its errors.
    """
    kind = type(function)
    if kind is FunctionType or kind is BuiltinFunctionType:
        known = _references.get(function)
        if known and getattr(modules.get(known[0]), known[1], None) is function:
            return known  # else its module was loaded anew
        module, name = function.__module__, function.__qualname__
        if module == "__main__" and is_interactive():
            return carried(function, pool)  # type: ignore[no-any-return]
        if module in modules and getattr(modules[module], name, None) is function:
            _references[function] = module, name
            return module, name
    return carried(function, pool) if is_interactive() else function


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
        pool = self[0]
        if len(self) == 3:
            return begin, (pool, self[1], _reference(self[2], pool))
        inner = tuple([_reference(function, pool) for function in self[3]])
        return begin, (pool, self[1], _reference(self[2], pool), inner, *self[4:])

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
    if bars.alone is not None:
        _end(bars.alone)
    alarm = interrupts.alarmed
    if alarm and interrupts.halted():
        return interrupts.refuse
    call = _function(function)
    if not callable(call):  # the stock loop will say so
        return call  # type: ignore[no-any-return]
    task = bars.alone = Task(id, pool)
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
        if _sampler is None:
            _new_sampler()
            if _capture is not None:
                _capture.over(0)  # what was printed before the first task
        _sampler.begin(task, sender)  # type: ignore[union-attr]
        if _capture is not None:
            _capture.begin(id)
    if interrupts.alarmed > alarm:
        interrupts.ask_first(running)
    return running


def _over(life: ref[partial[Any]]) -> None:
    """The stock loop has let go of what it called: the task has ended."""
    task = bars.alone
    if task is None or task.life is not life:
        return
    if task.slots or task.chunk or task.announced or monotonic() - task.born >= TICK:
        _end(task)
    else:
        # the usual one of thousands: nothing to tell
        bars.alone = None
        if _sampler is not None:
            _sampler.task = None
        if _capture is not None:
            _capture.over(task.id)


def _end(task: Task) -> None:
    bars.alone = None
    if _sampler is not None:
        _sampler.end(task)
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
    if bars.alone is not None:
        bars.alone.chunk = iterator, len(items)
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

    Args:
        args: those.
        attached: the arguments of `_attach`; none for the worker of a pool within a task, which
            shows nothing, but ends with its parent, too.
    """

    def __init__(self, args: Iterable[Any], *attached: Any) -> None:
        self._args = args
        self._attached = attached

    def __iter__(self) -> Iterator[Any]:
        global _orphan
        if multiprocessing.parent_process() is not None:
            _orphan = Orphan(_bid_farewell)
            if self._attached:
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
    global _capture
    if halt is not None:
        interrupts.hold()
        interrupts.arm(lambda: bars.alone, _called, halt)
    senders[pool], screens[pool] = sender, screen
    if not (capture and screen.live and sender.listened_to()):
        return
    if link is not None:
        always = capture == "named"
        _capture = capture_terminal(link, screen.device, *screen.size(), always=always)
    if _capture is None:
        _capture = capture_streams(screen.device, partial(say, pool))
    if _sampler is not None:
        _sampler.capture = _capture
    if _capture is not None:
        adopt_tqdm(_follower)


def _called() -> partial[Any] | None:
    """What the stock loop calls for the task that has arrived, or will."""
    life = None if bars.alone is None else bars.alone.life
    return None if life is None else life()


def is_one() -> bool:
    """Whether this process is a worker that shows what its tasks do."""
    return bool(senders) and multiprocessing.parent_process() is not None


def _bid_farewell() -> None:
    """The parent is gone: what it has not read any more of what was printed is passed on."""
    if _capture is not None:
        _capture.watch(lambda: False)


def _follower(fd: int, unit: str) -> Bar | None:
    """A bar for one of tqdm that would draw on that descriptor, where that is caught."""
    caught = bars.alone is not None and _capture is not None and fd in _capture.captured
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
    global _capture, _sampler
    _capture = None
    _sampler = None
    samplers.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
