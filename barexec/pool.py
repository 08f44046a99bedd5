"""`Pool`: what the display knows of one executor, and how it hears of its tasks.

Whatever thread submits or ends a task appends to what is here; the display's thread takes
it out in batches. What is kept for each task is little, and nothing that the garbage
collector walks: there may be thousands.

Never here: the screen, a reference to the executor that stays.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Future, InvalidStateError
from contextlib import suppress
from itertools import count, islice
from traceback import walk_tb
from typing import Any, Protocol

from . import carrying, worker
from .channel import Receiver, Sender
from .events import Decoder
from .interrupts import release_forgotten
from .ptys import Link
from .state import Status, Submission
from .writer import Screen

#: Ticks for which a closed pool is still listened to: its workers' last records.
LINGER = 3
#: Seconds that `close` waits for the last frame; a frozen terminal must not hold the work.
PATIENCE = 2.0

#: Seconds without an end after which tasks of a broken executor are taken for forgotten.
FORGOTTEN = 1.0

#: Tasks that are looked at, of those that have not ended: as many as run in a pool of so many.
OLDEST = 100

#: What the state of a Future is that has ended, in the stock class and in those made from it.
_ENDED = ("FINISHED", "CANCELLED", "CANCELLED_AND_NOTIFIED")

#: Where the stock classes are; the `submit` of each calls its Future `f` (CPython 3.10 to 3.15).
_STOCK = ("concurrent.futures.process", "concurrent.futures.thread")

#: What tasks end with that were interrupted, or not even started.
INTERRUPTED = (KeyboardInterrupt, CancelledError)

#: The numbers of all tasks of this process.
ids = count(1)
_keys = count(1)


class Listener(Protocol):
    """What a pool needs of its display."""

    ended: deque[tuple[Pool | None, int, Status | None, BaseException | None]]
    """Tasks that came to no good end, and how; without a status, one that was not taken."""
    reported: bool
    """To be set when a task has ended."""

    def start(self) -> None:
        """Run, if it does not yet."""

    def kick(self, may_wait: bool = True) -> None:
        """Look now, not at the next tick."""

    def await_end(self, over: Callable[[float], bool]) -> None:
        """Wait, `PATIENCE` seconds at least, by a call that waits for so many and says whether it
        is over; and, if the display has finished, until its thread is gone."""


class Pool:
    """What the display knows of one executor.

    Guarantees: every method may be called by any thread; none blocks but `close`.
    """

    def __init__(
        self,
        display: Listener,
        sender: Sender,
        receiver: Receiver,
        screen: Screen = Screen(),  # noqa: B008  # frozen
        link: Link | None = None,
        named: bool = False,
    ) -> None:
        self.key = f"{os.getpid()}-{next(_keys)}"
        self.sender = sender
        self.screen = screen
        self.link = link
        """By which the workers' own terminals come; None where there are none."""
        self.named = named
        """Whether each line of a task is to have its name before it."""
        self.receiver = receiver
        self.decoder = Decoder()
        self.closing = False
        self.interrupted = False
        """Whether it is ended by Ctrl-C: tasks whose worker does not survive that are cancelled."""
        self.lost: tuple[type[BaseException], ...] = (BrokenExecutor,)
        """What a task ends with whose worker died."""
        self.forgetful = False
        """Whether its executor, once it is broken, may forget tasks: `recall` looks after them."""
        self.late = 0
        """Ticks for which records may come after the last result."""
        self.linger = LINGER
        self.live = 0
        """Tasks that have not ended. The display's thread alone touches it."""
        self.used = False
        """Whether it ever had a task, and so workers. The display's thread alone touches it."""
        self.broken: tuple[type[BaseException], tuple[Any, ...]] | None = None
        """What its executor is broken by: not the error itself, whose traceback may hold it."""
        self._left = (-1, 0.0)
        """How many tasks had not ended after that, and since when they are as many."""
        self._looked = 0.0
        """When it was last looked for dead workers."""
        self.end_workers: Callable[[], object] = bool
        """Ends the workers that a broken executor has left behind."""
        self.is_at_it: Callable[[], bool] = bool
        """Whether the executor's own thread runs, which ends the tasks of a broken one."""
        self.find_dead: Callable[[], dict[int, str]] = dict
        """Finds how workers died, by their processes."""
        self.dead: dict[int, str] = {}
        """What that found as its executor broke; once set, it stays."""
        self._asked = False
        """Whether that was looked for when the first task was lost."""
        self._seen: dict[int, str] = {}
        """What that found last, once a second. The display's thread alone touches it."""
        self.on_forget: Callable[[], object] = bool
        """To be called once nobody listens any more."""
        self.gone = threading.Event()
        self._display = display
        # what is kept for each task is little, and nothing that the garbage collector walks
        self.fresh: dict[int, Submission] = {}
        self.done: list[int] = []
        """The numbers of tasks that came to a good end; of any other, `Display.ended` tells."""
        self._numbers: dict[Future[Any], int] = {}
        self._report = self._ended
        worker.senders[self.key], worker.screens[self.key] = sender, screen

    def submitted(self, desc: str, items: int, location: tuple[int, int] | None = None) -> int:
        """A task of so many items is about to be submitted. Gives its number."""
        id = next(ids)
        self.fresh[id] = desc if items == 1 and location is None else (desc, items, location)
        return id

    def accepted(self, id: int, future: Future[Any]) -> None:
        """The executor took the task. Its workers have been forked by now."""
        before = self._numbers.pop(future, None)
        self._numbers[future] = id
        if isinstance(future, Future):  # that of another engine may be its own
            carrying.have_explained(future, self._is_lost)
        future.add_done_callback(self._report)
        if before not in (None, id):  # the executor knew the task, and gave the same Future
            self._display.ended.append((self, before, None, None))
        self._display.start()

    def refused(self, id: int, error: BaseException, future: Future[Any] | None = None) -> None:
        """The executor's `submit` failed: it did not take the task. With a Future it did, though
        nobody has that (`taken`)."""
        if isinstance(error, KeyboardInterrupt):
            release_forgotten(error.__traceback__)
        if self.forgetful and isinstance(error, self.lost):
            self.broken = self.broken or (type(error), error.args)
        if future is not None:
            self.accepted(id, future)
            return
        self._display.ended.append((self, id, None, None))
        self._display.start()

    def _ended(self, future: Future[Any]) -> None:
        # in the executor's own thread, which must not wait for what an error's `__str__` does
        id = self._numbers.pop(future, None)
        if id is None:  # one that the executor gave twice
            return
        self._display.reported = True
        try:
            error = future.exception()
        except CancelledError:
            self._display.ended.append((self, id, Status.CANCELLED, None))
            return
        if error is None:
            self.done.append(id)
        else:
            lost = self._is_lost(error)
            status = Status.LOST if lost else Status.FAILED
            if lost:
                carrying.explain(error)  # at once: whoever waits for the result may have it already
                if not (self._asked or self.dead):
                    self._asked = True
                    self._broke_by(self.find_dead())  # now: the stock class will end the others
                if self.forgetful:
                    self.broken = type(error), error.args
            if isinstance(error, INTERRUPTED) or (self.interrupted and status is Status.LOST):
                status = Status.CANCELLED
            self._display.ended.append((self, id, status, error))

    def _is_lost(self, error: BaseException) -> bool:
        """Whether a task ends with it whose worker died."""
        return isinstance(error, self.lost) and not _raised(error)

    def take_done(self) -> list[int]:
        """The numbers of tasks that came to a good end since the last call. Others may report
        more meanwhile: each step is whole, and they are at the end."""
        numbers = self.done[:]
        del self.done[: len(numbers)]
        return numbers

    @property
    def ending(self) -> bool:
        """Whether a task has ended, and whoever waits for its result may have it, before that was
        reported here: looked for among the `OLDEST`, as the stock class starts them in order."""
        try:
            return any(map(_has_ended, islice(self._numbers, OLDEST)))
        except RuntimeError:  # one was submitted, or has ended, meanwhile
            return True

    def recall(self, now: float) -> None:
        """Look after tasks that the stock class may have forgotten: `give_up` those that have
        not ended `FORGOTTEN` seconds after the others did, if its thread has: in that, callbacks
        of the user's may take their time. For the display's thread."""
        if not self._numbers:
            return
        if self.broken is None:
            self.is_at_it()  # as long as it can be found
            self._notice_deaths(now)
            return
        left, since = self._left
        if left != len(self._numbers):
            self._left = len(self._numbers), now
        elif now - since > FORGOTTEN:
            self.end_workers()  # for whose end the thread may wait
            if not self.is_at_it():
                self.give_up()

    def _notice_deaths(self, now: float) -> None:
        """End the other workers where one died, which breaks the pool, and the stock class has
        not noticed: its thread does not know of the worker that was started last, before it
        wakes for a result or a task (tests/pool/test_faults.py, whose death)."""
        if now - self._looked > FORGOTTEN:
            self._looked = now
            before, self._seen = self._seen, self.find_dead()
            if before.keys() & self._seen.keys():
                self._broke_by(self._seen)
                self.end_workers()

    def _broke_by(self, dead: dict[int, str]) -> None:
        """Its executor is broken: these had died then. The display's thread and the executor's
        own may both say so; it is the first that counts, before workers are ended for it."""
        self.dead = self.dead or dead

    def give_up(self) -> None:
        """End what its executor, which is broken, will never end.

        Up to CPython 3.12.0 that is broken without a lock: a `submit` at the same moment adds a
        task that nobody ends, or makes its thread fail in the midst of ending them all
        (tests/faults/soak.py, killed pools)."""
        if self.broken is not None:
            kind, args = self.broken
            error = kind(*args)
            self.end_workers()
            for future in list(self._numbers):
                with suppress(InvalidStateError):  # it has been ended after all
                    future.set_exception(error)

    def close(self, wait: bool) -> None:
        """No more tasks will come. With `wait`, until the last frame is drawn (bounded)."""
        if not self.closing:
            # after a shutdown that waited, the workers are gone: nothing is to be waited for
            self.linger = self.late if wait else LINGER
            self.closing = True
            self._display.kick()
        if wait:
            self._display.await_end(self.gone.wait)
        if self.gone.is_set():
            self.forget()  # a display that failed has not

    def abandon(self) -> None:
        """Its executor is gone. To be called by the garbage collector: in any thread, at any
        moment, so that it may wait for no lock. Its caller may hold it
        (tests/pool/test_drop_in.py, executors dropped in cycles)."""
        self.closing = True
        self._display.kick(may_wait=False)
        if self.gone.is_set():
            self.forget()

    def deafen(self) -> None:
        """The display has failed: what is still reported is heard by nobody, nor kept."""
        self.fresh = Nothing()
        self.done = Unkept()
        self.gone.set()

    def forget(self) -> None:
        """It is over: give back the descriptors. A second call does nothing."""
        worker.senders.pop(self.key, None)
        worker.screens.pop(self.key, None)
        carrying.forget(self.key)
        self.receiver.close()
        if self.link is not None:
            self.link.close()
        # of its executor's it holds nothing any more
        self.end_workers, self.find_dead = bool, dict
        on_forget, self.on_forget = self.on_forget, bool
        on_forget()
        if not self.gone.is_set():
            self.gone.set()


def taken(
    executor: object, call: object, error: BaseException, ends: Callable[[], bool]
) -> Future[Any] | None:
    """The Future of a call that the stock class has taken, though its `submit` failed, as where
    Ctrl-C comes in the midst of it; None where it has not, or will never end it.

    Args:
        executor: whose `submit` it is.
        call: what was submitted.
        error: what that failed with.
        ends: whether the class's own thread runs, which ends what waits.
    """
    items = getattr(executor, "_pending_work_items", None)
    # a copy, in one step: that thread takes out what it has ended
    pending = items.copy().values() if isinstance(items, dict) else ()
    found: list[Future[Any]] = [item.future for item in pending if item.fn is call]
    if found and ends():
        return found[0]
    if not found:
        frames = (frame for frame, _ in walk_tb(error.__traceback__))
        stock = [f for f in frames if f.f_globals.get("__name__") in _STOCK]
        found = [
            f.f_locals["f"] for f in stock if f.f_code.co_name == "submit" and "f" in f.f_locals
        ]
    return next((future for future in found if future.running() or future.done()), None)


def _raised(error: BaseException) -> bool:
    """Whether the task has raised it, as where a pool of its own broke: then what it comes with
    is the traceback of its worker, as text."""
    text = getattr(error.__cause__, "tb", None)  # no code of the user's is run, as by `str`
    return isinstance(text, str) and "in _process_worker" in text


def _has_ended(future: Future[Any]) -> bool:
    """Without its lock: who prints, as a finalizer may, can hold that of another one."""
    state = getattr(future, "_state", None)
    return future.done() if state is None else state in _ENDED


class Unkept(list[int]):
    """Keeps nothing."""

    def append(self, id: int) -> None:
        pass


class Nothing(dict[int, Submission]):
    """Keeps nothing."""

    def __setitem__(self, id: int, submission: Submission) -> None:
        pass
