"""What workers print, read in the parent: whose text is whose.

A thread of its own reads, so that a worker that prints much is not held up from frame to
frame; what it has read waits for the display, and while much waits, it reads no more: who
prints has to wait, as on a slow terminal.

    ptys ─► reader's thread: split at the marks, decode ─► `take` (display's thread)

Never here: rows, the screen; what a worker is told.
"""

from __future__ import annotations

import codecs
import os
import selectors
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple
from weakref import WeakSet

from .locks import RLock
from .ptys import MARK_LIMIT, Link, Pty, set_size
from .ticker import Ticker

#: Seconds between two looks: what is written meanwhile is read at once.
NAP = 0.002
#: Bytes of a pty that are read at a time: what it holds, on Linux.
ROOM = 1 << 16
#: Bytes of one pty after which there is no nap: about half of what it holds, or on macOS a bit
#: less. So many times it is done without at most.
MUCH, AT_ONCE = 400 if sys.platform == "darwin" else 1 << 13, 50
#: Characters that wait for the display; beyond, nothing more is read. Not more at a time: texts of
#: a million, which two threads make and give back, left gaps of 80 to 200 MB in glibc's heap (now
#: 48 to 75; `test_a_long_flood_leaves_no_gaps_in_the_heap`).
LIMIT = 1 << 18
#: Seconds for which who writes waits at most for the thread that reads.
AWHILE = 1.0
#: Seconds for which, and bytes after which, a mark that is on its way is waited for.
UNMARKED, UNMARKED_LIMIT = 1.0, 1 << 20


class Said(NamedTuple):
    """Text of a task, or with a number below 0 of the worker of that process."""

    owner: int
    text: str
    over: bool
    """Whether that was its last."""


class _Ear:
    """Splits what comes from one pty."""

    def __init__(self, pty: Pty, encoding: str) -> None:
        self.pty = pty
        self.fresh = False
        """Whether there was text after the last mark in what was heard last."""
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self.slot: list[Said] | None = None
        """The place in the queue that is kept for what is not marked yet."""
        self.bordered: int | None = None
        """How many of what was heard last come up to its first mark; None: there was none."""
        self._owner: int | None = None
        self._marks = 0
        self._rest = b""
        self._since = 0.0

    @property
    def unmarked(self) -> int:
        """Bytes of which it is not known yet whose they are: a mark is on its way."""
        return len(self._rest)

    def hear(self, data: bytes, now: float) -> list[Said]:
        """What is known now, with this data."""
        if not self._rest:
            self._since = now
        # what was there held no mark, but perhaps the beginning of one
        looked = max(0, len(self._rest) - MARK_LIMIT)
        data, at = self._rest + data, 0
        said: list[Said] = []
        self.bordered = None
        for task, begin, end in self.pty.marks.find(data, looked):
            said += self._turn_to(task or -self.pty.pid)
            said += self._close(data[at:begin])
            if self.bordered is None:
                self.bordered = len(said)
            self._marks, self._since, at = self._marks + 1, now, end
        self._rest = data[at:]
        self.fresh = bool(self._rest)
        # the task that runs has written all since the last mark, if none is on its way. Not the
        # other way round: it may end in between
        owner = self.pty.page.owner
        if self._rest and self._marks == self.pty.page.marks:
            said += self._say(owner, self.pty.marks.cut(self._rest))
        return said

    def late(self, now: float) -> list[Said]:
        """A mark that does not come any more is not waited for."""
        if now - self._since <= UNMARKED and len(self._rest) <= UNMARKED_LIMIT:
            return []
        self._marks = self.pty.page.marks
        return self._say(self.pty.page.owner, len(self._rest))

    def end(self) -> list[Said]:
        """Nobody will write any more."""
        said = self._say(self.pty.page.owner, len(self._rest)) if self._rest else []
        return [*said, *self._close(b""), Said(-self.pty.pid, "", True)]

    def _say(self, task: int, end: int) -> list[Said]:
        """What is there, up to `end`, is of that task."""
        owner = task or -self.pty.pid
        said = self._turn_to(owner)
        text, self._rest = self._decoder.decode(self._rest[:end]), self._rest[end:]
        return [*said, Said(owner, text, False)] if text else said

    def _turn_to(self, owner: int) -> list[Said]:
        said = [] if self._owner in (None, owner) else self._close(b"")
        self._owner = owner
        return said

    def _close(self, data: bytes) -> list[Said]:
        """The owner's text ends with this."""
        owner, self._owner = self._owner, None
        text = self._decoder.decode(data, True)
        self._decoder.reset()
        return [] if owner is None else [Said(owner, text, True)]


class PtyReader:
    """Reads the ptys of all workers of one display.

    Args:
        encoding: of their text.
        notify: called by its thread now and then while text waits; with True, when so much
            waits that no more is read.

    Guarantees: every method may be called by any thread, and none blocks, but `stop` for at
    most a second. What waits is bounded by about `LIMIT`, and `ROOM` for each worker.
    """

    def __init__(self, encoding: str, notify: Callable[[bool], object]) -> None:
        self._encoding = encoding
        self._notify = notify
        self._links: list[Link] = []
        self._ears: dict[int, _Ear] = {}
        self._owners: dict[int, Link] = {}
        self._ran: dict[int, int] = {}
        """Tasks in which workers have ended, and those."""
        self._said: deque[Said | int | list[Said]] = deque()
        self._size = 0
        self._screen: tuple[int, int] | None = None
        """The columns and rows of the terminals."""
        self._lock: Any = RLock()
        """Held while reading, and never while waiting."""
        self._changed = True
        self._selector: selectors.BaseSelector | None = None
        self._alarm: tuple[int, int] | None = None
        self._error: Exception | None = None
        """What its thread has met: it reads no more."""
        self._ticker = Ticker(self._tick, NAP, "barexec-reader", self._interrupt)
        _readers.add(self)

    def add(self, link: Link) -> None:
        """Listen to the workers of one more pool.

        Raises:
            OSError: no descriptor is left for that.
        """
        with self._lock:
            if self._alarm is None:
                self._alarm = os.pipe()
                for fd in self._alarm:
                    os.set_blocking(fd, False)
            self._links.append(link)
            self._changed = True
        self._interrupt()

    def start(self) -> None:
        """Run the thread, if it does not run.

        Raises:
            RuntimeError: no thread can be started any more.
        """
        if self._ticker.parked:
            self._ticker.wake()
        elif not self._ticker.running and self._links:
            self._ticker.start()

    def put(self, token: int, sync: bool) -> None:
        """Keep a place among what is read, for something else.

        Args:
            token: comes out of `take` there.
            sync: whether all that was written up to now is to come before it. Not so where
                the calling thread is just reading, or another one does so for `AWHILE`.
        """
        # a finalizer or a signal handler may print in the midst of what a thread does with the
        # lock held, and must not wait for itself; `Condition`, too, asks a lock for its owner so
        # nor may it wait for long: its thread may hold what a finalizer in the other one wants,
        # such as the lock of a log
        if sync and not self._lock._is_owned():
            try:
                if self._lock.acquire(timeout=AWHILE):
                    self._hear_all()
            finally:
                if self._lock._is_owned():
                    self._lock.release()
        self._said.append(token)

    def take(self, now: float, drain: bool = True) -> list[Said | int]:
        """What was read, the pieces of one owner joined, and the tokens that were put between.

        Args:
            now: seconds.
            drain: whether all that was written up to now is to be among it.

        Raises:
            Exception: what its thread has met, which reads no more; once.
        """
        error, self._error = self._error, None
        if error is not None:
            raise error
        if not (drain or self._said):
            return []
        with self._lock:
            if drain:
                self._accept()
                for ear in list(self._ears.values()):
                    self._read(ear, now)
            for ear in list(self._ears.values()):
                if ear.slot is not None:
                    # all waits for its mark, which is not read otherwise where much waits
                    self._read(ear, now)
            taken = self._taken()
            changed = self._changed
        if changed:
            self._interrupt()
        return taken

    def rest(self) -> list[str]:
        """The texts that were not taken, once it has stopped."""
        said: list[Said | int] = []
        while self._said:
            one = self._said.popleft()
            said += one if isinstance(one, list) else [one]
        return [one.text for one in said if isinstance(one, Said)]

    @property
    def waits(self) -> bool:
        """Whether something is to be taken."""
        return bool(self._said)

    @property
    def reads(self) -> bool:
        """Whether its thread runs."""
        return self._ticker.running

    def ran_in(self, task: int) -> int | None:
        """The process of the worker that ended in this task, or that runs it; None: in none."""
        with self._lock:
            running = {ear.pty.page.owner: ear.pty.pid for ear in self._ears.values()}
            return running.get(task) or self._ran.get(task)

    def resize(self, columns: int, rows: int) -> None:
        """The display has another size now, which all terminals get, also those to come."""
        with self._lock:
            self._screen = columns, rows
            for ear in self._ears.values():
                set_size(ear.pty.fd, columns, rows)

    def remove(self, link: Link) -> list[Said | int]:
        """The workers of a pool have ended. Returns their last words.

        What processes say that they have left behind comes to `take` later.
        """
        with self._lock:
            self._accept()
            ears = [self._ears[fd] for fd, owner in self._owners.items() if owner is link]
            for ear in ears:
                self._read(ear, monotonic())
                if ear.pty.fd in self._ears:  # somebody else still writes there
                    self._add(ear, ear.end())
                    ear.pty.page.owner = 0
            taken = self._taken()
            if link in self._links:
                self._links.remove(link)
            link.close()
            self._changed = True
            left = bool(self._links or self._ears)
        if left:
            self._interrupt()
        else:
            self._rest(1.0)
        return taken

    def _rest(self, patience: float) -> None:
        """There is nobody to be heard: close everything, and end the thread."""
        self._ticker.stop(patience)
        with self._lock:
            if not self._links:
                self._close(Link.close)
                return
        self._ticker.start()  # one was added just now

    def stop(self, patience: float = 1.0, *, starting: bool = False) -> None:
        """End the thread, and close everything. A second call does nothing.

        Args:
            patience: seconds to wait at most for the thread's end.
            starting: whether workers may be just starting: what those are to be given stays
                open (`Pool.forget` closes it).
        """
        self._ticker.stop(patience)
        with self._lock:
            for ear in list(self._ears.values()):
                self._read(ear, monotonic())  # its worker may have ended meanwhile
            for ear in self._ears.values():
                self._add(ear, ear.end())
            self._close(Link.leave if starting else Link.close)

    # --- with the lock held ---

    def _hear_all(self) -> None:
        """Read what is there, and keep a place for what is not known yet."""
        self._accept()
        for ear in list(self._ears.values()):
            self._read(ear, monotonic())
            if ear.unmarked and ear.slot is None:
                ear.slot = []
                self._said.append(ear.slot)

    def _accept(self) -> None:
        for link in self._links:
            for pty in link.accept():
                if self._screen is not None:  # it may have changed since the worker looked
                    set_size(pty.fd, *self._screen)
                self._ears[pty.fd] = _Ear(pty, self._encoding)
                self._owners[pty.fd] = link
                self._changed = True

    def _read(self, ear: _Ear, now: float) -> int:
        """Read what is there. Returns how many bytes that were."""
        page, parts, size, ended = ear.pty.page, [], 0, False
        count = page.count
        page.count = count + 1
        try:
            while size < ROOM:
                part = os.read(ear.pty.fd, ROOM)
                parts.append(part)
                size += len(part)
                if not part:
                    ended = True
                    break
        except BlockingIOError:
            pass
        except OSError:
            ended = True  # Linux says so (EIO) once the last writer is gone
        said = ear.hear(b"".join(parts), now) if size else []
        bordered = ear.bordered if size else None
        # text of whose end its worker has to tell
        page.count = count + 2 if size and ear.fresh else count
        if ended:
            said += ear.end()
        elif ear.unmarked:
            said += ear.late(now)
        self._add(ear, said, bordered)
        if ended:
            self._drop(ear.pty.fd)
        return size

    def _add(self, ear: _Ear, said: list[Said], bordered: int | None = None) -> None:
        """What was heard, of which so many come up to a mark (None: all)."""
        self._size += sum([len(one.text) for one in said])
        if ear.slot is not None:
            # the next task may have printed by now, after what was put in between
            ear.slot += said[:bordered]
            said = [] if bordered is None else said[bordered:]
            if bordered is not None or not ear.unmarked:
                ear.slot = None
        self._said += said

    def _taken(self) -> list[Said | int]:
        """Take out what is known, up to where something is not known yet."""
        unknown = [ear.slot for ear in self._ears.values() if ear.slot is not None]
        taken: list[Said | int] = []
        while self._said:
            one = self._said[0]
            if isinstance(one, list):
                if any(one is slot for slot in unknown):
                    break
                taken += one
            else:
                taken.append(one)
            self._said.popleft()
        self._size -= sum([len(one.text) for one in taken if isinstance(one, Said)])
        return _joined(taken)

    def _drop(self, fd: int) -> None:
        del self._owners[fd]
        pty = self._ears.pop(fd).pty
        if pty.page.owner:
            self._ran[pty.page.owner] = pty.pid
        pty.close()
        self._changed = True

    def _close(self, close: Callable[[Link], object]) -> None:
        for link in self._links:
            close(link)
        self._links.clear()
        for fd in list(self._ears):
            self._drop(fd)
        selector, self._selector = self._selector, None
        alarm, self._alarm = self._alarm, None
        if selector is not None:
            selector.close()
        for fd in alarm or ():
            os.close(fd)

    # --- for its own thread ---

    def _tick(self) -> bool:
        """Wait for text, and read it. Returns whether there is anybody to be heard."""
        try:
            return self._listen()
        except Exception as error:
            self._error = error
            self._notify(True)
            return False

    def _listen(self) -> bool:
        # while much comes it is read without a nap, but a fork need not wait for long
        for _ in range(AT_ONCE):
            with self._lock:
                self._accept()
                ears = list(self._ears.values())
                for ear in ears:
                    ear.pty.page.heard = 1
                if self._size > LIMIT:
                    break  # the display is to take some first
                selector = self._select() if self._links or ears else None
            if selector is None:
                self._rest(0)
                return False
            waits = self._said or any(ear.unmarked for ear in ears)
            try:
                ready = {key.fd for key, _ in selector.select(UNMARKED / 10 if waits else None)}
            except (OSError, ValueError):
                break  # one was closed meanwhile
            with self._lock:
                if self._read_all(ready, monotonic()) < MUCH:
                    break
        if self._said:
            self._notify(self._size > LIMIT)
        return True

    def _read_all(self, ready: set[int], now: float) -> int:
        """Read what is ready, with the lock held. Returns the most bytes that one had."""
        most = 0
        if self._alarm is not None and self._alarm[0] in ready:
            with suppress(BlockingIOError):
                os.read(self._alarm[0], 1 << 10)
        for fd, ear in list(self._ears.items()):
            if fd in ready:
                most = max(most, self._read(ear, now))
            elif ear.unmarked:
                self._add(ear, ear.late(now))
        return most

    def _select(self) -> selectors.BaseSelector:
        """What to wait for: anew, where that has changed."""
        if self._selector is None or self._changed:
            if self._selector is not None:
                self._selector.close()
            self._selector = _new_selector()
            alarm = self._alarm[:1] if self._alarm is not None else ()
            for fd in (*alarm, *(link.fileno() for link in self._links), *self._ears):
                self._selector.register(fd, selectors.EVENT_READ)
            self._changed = False
        return self._selector

    def _interrupt(self) -> None:
        """Let the thread look up from its waiting."""
        with self._lock:
            if self._alarm is not None:
                with suppress(BlockingIOError):  # it rings already
                    os.write(self._alarm[1], b"!")

    def _leave(self) -> None:
        """In a forked child: none of this is its own, but its own end of a link."""
        self._lock = RLock()
        self._close(Link.leave)


_readers: WeakSet[PtyReader] = WeakSet()


def _forget() -> None:
    for reader in list(_readers):
        reader._leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _joined(taken: list[Said | int]) -> list[Said | int]:
    """The same, with the pieces of one owner that follow one another in one."""
    joined: list[Said | int] = []
    parts: list[str] = []
    for one, following in zip(taken, [*taken[1:], 0], strict=False):
        if isinstance(one, int):
            joined.append(one)
            continue
        parts.append(one.text)
        if one.over or isinstance(following, int) or following.owner != one.owner:
            joined.append(one._replace(text="".join(parts)))
            parts = []
    return joined


def _new_selector() -> selectors.BaseSelector:
    # on macOS neither `poll` nor kqueue knows terminals
    if sys.platform == "darwin" or not hasattr(selectors, "PollSelector"):
        return selectors.SelectSelector()
    return selectors.PollSelector()
