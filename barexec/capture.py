"""A worker's descriptors 1 and 2, as far as they are the display's terminal, made a small
terminal of its own, so that whatever it prints is caught and told apart by task.

    print, logging, C code, subprocesses ─► descriptor 1, 2 ═ pty ═► parent

Most tasks print nothing, and are to cost nothing: only where one has printed is the end of
its text marked (`ptys`).

Once nobody reads any longer, the descriptors become again what they were, and what had not
been read is passed on to them: nothing is lost, and no writer hangs.

Never here: what the text means; the channel; anything of the parent's.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from time import monotonic, sleep
from typing import Any
from weakref import WeakSet

from .ptys import Link, Terminal
from .streams import device_of

#: Seconds that a border between two tasks waits for room in the terminal, or for another
#: thread that writes much at once.
PATIENCE = 1.0
#: Milliseconds after which a write that had to wait is through, once it is read.
STALLED = 200
#: Milliseconds between two looks whether the descriptors are what they were.
SOON = 5
_POLL: Any = getattr(select, "poll", None)  # as `channel` has it
#: Bytes that are passed on at once.
AT_ONCE = 1 << 16
#: Seconds after which it is taken for sure that nobody reads.
UNHEARD = 2.0


class Capture:
    """What this worker prints, on its way to the parent.

    Args:
        terminal: of the worker's own.
        captured: the descriptors that it stands for.
        always: whether each task is marked, also one that printed nothing.

    Guarantees: `begin` and `over` are for the thread that runs tasks; `over` waits at most
    `PATIENCE` seconds, and takes about a microsecond where the task has printed nothing.
    `watch` may be called by another thread. No method raises.
    """

    def __init__(self, terminal: Terminal, captured: frozenset[int], always: bool = False) -> None:
        self.captured = captured
        self._always = always
        self._terminal = terminal
        self._page = terminal.page
        self._seen = 0
        self._since = monotonic()
        self._streams = [stream for stream in (sys.stdout, sys.stderr) if self._catches(stream)]
        self._marks = _opened_anew(terminal.slave)
        # not the `poll` of any task: it may have replaced that
        self._unread = _poll(terminal.master, select.POLLIN)
        # one object serves one thread at a time (tests/faults, painting raises)
        self._left = _poll(terminal.master, select.POLLIN)
        self._watching = threading.Lock()
        self._originals = {fd: _kept(fd) for fd in captured}
        self.restored = False
        for fd in captured:
            os.dup2(terminal.slave, fd)
        os.close(terminal.slave)
        self._made = {fd: _identity(fd) for fd in self.descriptors}
        _captures.add(self)

    def _catches(self, stream: object) -> bool:
        # no code of the user's is run at each border: only Python's own streams are flushed
        if type(stream) is not TextIOWrapper:
            return False
        with suppress(OSError, ValueError):
            return stream.fileno() in self.captured
        return False

    @property
    def descriptors(self) -> list[int]:
        """All that it holds besides those that it stands for."""
        return [self._marks, self._terminal.master, *self._originals.values()]

    def leave(self) -> None:
        """In a forked child, which prints there, and no more."""
        self.restored = True
        for fd, made in self._made.items():
            with suppress(OSError):
                # a task may have closed it, and have got its number again for a file of its own
                if _identity(fd) == made:
                    os.close(fd)

    def begin(self, task: int) -> None:
        """What is printed from now on is of that task."""
        self._page.owner = task

    def over(self, task: int) -> None:
        """The task has ended (0: none has begun yet): what was printed is of it."""
        page = self._page
        for stream in self._streams:
            with suppress(OSError, ValueError):  # closed by the task, or nobody reads
                stream.flush()
        # in this order: what is no longer in the pty makes the counter another
        if self._unread(0) or page.count != self._seen or self._always:
            # as it was before the read under way: that one may find more
            self._seen = page.count & ~1
            if not self.restored:
                self._mark(task)
        page.owner = 0

    def _mark(self, task: int) -> None:
        mark = self._terminal.marks.of(task)
        self._page.marks += 1
        until = monotonic() + PATIENCE
        while True:
            try:
                if os.write(self._marks, mark) == len(mark):
                    return  # else only a part, which harms nobody
            except BlockingIOError:
                pass
            except OSError:
                break  # there is no terminal any more
            if self.restored or monotonic() > until:
                break
            sleep(0.001)
        self._page.marks -= 1

    def watch(self, listens: Callable[[], bool]) -> bool:
        """To be called now and then: see to it that somebody reads. Returns whether."""
        if not self._watching.acquire(timeout=PATIENCE):
            return False
        try:
            return self._watch(listens)
        finally:
            self._watching.release()

    def _watch(self, listens: Callable[[], bool]) -> bool:
        if not self.restored:
            unheard = not self._page.heard and monotonic() - self._since > UNHEARD
            if not unheard and listens():
                return True
            # first, as far as it goes, so that all but the last lines come in their order; the
            # end of one that is cut may be still on its way
            begun = self._pass_on(whole=True)
            if sys.platform == "darwin":
                # whose `dup2` waits for those who just write there, who wait for a reader
                restoring = threading.Thread(target=self.restore, daemon=True)
                try:
                    restoring.start()
                except RuntimeError:  # no thread can be had
                    self.restore()
                while restoring.is_alive():
                    begun = self._pass_on(begun, SOON, whole=True)
            else:
                self.restore()
            self._pass_on(begun, STALLED)
        self._pass_on()
        return False

    def restore(self) -> None:
        """The descriptors are again what they were."""
        self.restored = True
        self._streams = []
        for fd, original in self._originals.items():
            with suppress(OSError):
                # a task may have redirected it since
                if _is_same(fd, self._marks):
                    os.dup2(original, fd)

    def _pass_on(self, begun: bytes = b"", patience: int = 0, whole: bool = False) -> bytes:
        """What nobody has read goes where it would have gone.

        Args:
            begun: the beginning of a line, which comes before.
            patience: milliseconds for which it is waited for more.
            whole: whether a line that has no end yet is kept back, and returned.
        """
        original = next(iter(self._originals.values()))
        text = begun
        with suppress(OSError):
            while text or self._left(patience):
                with suppress(BlockingIOError):  # somebody reads after all, and was faster
                    while len(text) < AT_ONCE and self._left(patience):
                        text += os.read(self._terminal.master, AT_ONCE)
                for mark in reversed(self._terminal.marks.find(text)):
                    text = text[: mark.begin] + text[mark.end :]
                end = text.rfind(b"\n") + 1 if whole and len(text) < AT_ONCE else len(text)
                rest, text = text[end:], text[:end]
                while text:
                    text = text[os.write(original, text) :]
                if rest and not self._left(0):
                    return rest
                text = rest
        return b""


_captures: WeakSet[Capture] = WeakSet()


def _forget() -> None:
    """A forked child that outlives the worker must not keep its terminal open, which nobody would
    read: who prints there is to be told so, and not to wait for ever."""
    for capture in list(_captures):
        capture.leave()
    _captures.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _opened_anew(slave: int) -> int:
    """The terminal for marks alone: a write that would have to wait does not."""
    try:
        return os.open(os.ttyname(slave), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return _kept(slave)


def _kept(fd: int) -> int:
    """A duplicate out of the way of those who close or count the low ones."""
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64)


def _identity(fd: int) -> tuple[int, int, int]:
    made = os.fstat(fd)
    return made.st_dev, made.st_ino, made.st_rdev


def _is_same(one: int, other: int) -> bool:
    return os.fstat(one).st_rdev == os.fstat(other).st_rdev


def _poll(fd: int, event: int) -> Callable[[int], object]:
    """Waits at most so many milliseconds for it to be ready, and says whether it is."""
    if sys.platform == "darwin" or _POLL is None:  # whose `poll` knows no terminals
        return lambda patience: select.select([fd], [], [], patience / 1000)[0]
    poll = _POLL()
    poll.register(fd, event)
    return poll.poll  # type: ignore[no-any-return]


def leading_to(device: int) -> frozenset[int]:
    """Which of the descriptors 1 and 2 are that terminal; `device` is its `st_rdev`."""
    found = []
    for fd in (1, 2):
        with suppress(OSError):
            if os.isatty(fd) and device_of(fd) == device:
                found.append(fd)
    return frozenset(found)


def capture_terminal(
    link: Link, device: int, columns: int, rows: int, always: bool = False
) -> Capture | None:
    """Catch what this process prints to a terminal.

    Args:
        link: to the parent.
        device: of the terminal (`st_rdev`).
        columns, rows: of the one that stands for it, at least 1.
        always: whether each task is marked, also one that printed nothing.

    Returns:
        None where it prints to no such terminal, or where no pty is left.
    """
    captured = leading_to(device)
    if not captured:
        return None
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    try:
        return Capture(link.open(columns, rows), captured, always)
    except OSError:
        return None
