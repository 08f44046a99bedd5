"""The small terminals of workers: what both ends of one share.

A worker that is to be heard opens a pseudo-terminal (pty), and sends the master to the
parent over the pool's `Link`, with a page of memory that both look at. The page tells whose
task runs; a *mark* in the text tells where that of a task ends, if it printed any. So a
task that prints nothing costs nothing, and the border between two is exact.

A mark is made of control characters that show nothing anywhere, so that one that was cut
does no harm; each pty has marks of its own, which no text can hold but by guessing 48 bits.

Whatever of this is particular to a platform is here. Where there are no ptys, or no
descriptors can be sent, `open_link` gives None.

Never here: what is done with the text; threads.
"""

from __future__ import annotations

import mmap
import os
import re
import socket
import struct
import sys
from contextlib import suppress
from multiprocessing import context, reduction
from typing import Any, NamedTuple

#: What a worker says of its pty: the number of its marks, and its process.
_HELLO = struct.Struct("<QQ")
#: Octal digits, and what stands for them in a mark: control characters that neither a
#: terminal nor our own line discipline takes for anything.
_DIGITS = bytes.maketrans(b"01234567", b"\x01\x02\x03\x04\x06\x14\x16\x17")
_BEGIN, _END = b"\x1e", b"\x1f"
#: The most bytes of a mark: a digit for three bits of 48, and of 64.
MARK_LIMIT = 1 + 16 + 22 + 1


class Mark(NamedTuple):
    """Where the text of a task ends, which began at the mark before.

    Attributes:
        task: its number; 0: it was nobody's.
        begin, end: where the mark stands.
    """

    task: int
    begin: int
    end: int


class Marks:
    """The marks of one pty.

    Args:
        number: from 0 to 2**48 - 1, and hard to guess.
    """

    def __init__(self, number: int) -> None:
        self._head = _BEGIN + (b"%016o" % number).translate(_DIGITS)
        digits = b"[" + _DIGITS[48:56] + b"]"
        self._mark = re.compile(re.escape(self._head) + b"(" + digits + b"{1,22})" + _END)
        # the beginning of one, at the end of what came
        self._cut = re.compile(_BEGIN + digits + b"{0,38}\\Z")
        self._back = bytes.maketrans(_DIGITS[48:56], b"01234567")

    def of(self, task: int) -> bytes:
        """The bytes of the mark that ends the text of a task."""
        return self._head + (b"%o" % task).translate(_DIGITS) + _END

    def find(self, text: bytes, start: int = 0) -> list[Mark]:
        """All that stand in the text from `start` on, in order."""
        return [
            Mark(int(found[1].translate(self._back), 8), *found.span())
            for found in self._mark.finditer(text, start)
        ]

    def cut(self, text: bytes) -> int:
        """Where a mark begins of which the text's end is only a part; else its length."""
        found = self._cut.search(text, max(0, len(text) - MARK_LIMIT))
        return len(text) if found is None else found.start()


def _cell(at: int) -> Any:
    def get(page: Any) -> int:
        return page._cells[at]  # type: ignore[no-any-return]

    def set(page: Any, value: int) -> None:
        page._cells[at] = value

    return property(get, set)


class Page:
    """Numbers in memory that a worker and the parent share.

    Attributes:
        count: while the parent reads the pty it is odd; each read that gave text after the
            last mark leaves it higher. So a worker can tell, without asking, whether a task
            has printed: it is still in the pty, or being read, or was counted.
        heard: 1 once the parent's thread reads.
        owner: the number of the task that runs; 0: none. Set by the worker.
        marks: how many were written, or are just being. Set by the worker.
    """

    SIZE = mmap.PAGESIZE

    def __init__(self, fd: int) -> None:
        self._map = mmap.mmap(fd, self.SIZE)
        self._cells = memoryview(self._map).cast("Q")

    count = _cell(0)
    heard = _cell(1)
    owner = _cell(2)
    marks = _cell(3)

    def close(self) -> None:
        """Let go of the memory. A second call does nothing."""
        self._cells.release()
        self._map.close()


class Pty(NamedTuple):
    """The parent's end of a worker's terminal."""

    fd: int
    page: Page
    marks: Marks
    pid: int

    def close(self) -> None:
        """Close the descriptor, and let go of the page."""
        os.close(self.fd)
        self.page.close()


class Terminal(NamedTuple):
    """The worker's end: descriptors of the slave and of the master, with its page."""

    slave: int
    master: int
    page: Page
    marks: Marks


class Link:
    """What a pool's workers send their ptys over. Pickles only on its way into one."""

    def __init__(self, parent: socket.socket | None, worker: socket.socket) -> None:
        self._parent = parent
        self._worker = worker

    def fileno(self) -> int:
        """The parent's end, for a selector; -1 once closed."""
        return -1 if self._parent is None else self._parent.fileno()

    def accept(self) -> list[Pty]:
        """The ptys that have arrived."""
        ptys: list[Pty] = []
        while self._parent is not None:
            try:
                hello, fds, _, _ = socket.recv_fds(self._parent, _HELLO.size, 2, _FLAGS)
            except OSError:  # no more: or no descriptor was left for it
                return ptys
            if len(hello) < _HELLO.size or len(fds) < 2:
                for fd in fds:
                    os.close(fd)
                if not hello:
                    return ptys
                continue
            number, pid = _HELLO.unpack(hello)
            try:
                page = Page(fds[1])
            except OSError:  # no descriptor was left: its worker notices that nobody reads
                os.close(fds[0])
            else:
                os.set_inheritable(fds[0], False)
                os.set_blocking(fds[0], False)
                ptys.append(Pty(fds[0], page, Marks(number), pid))
            finally:
                os.close(fds[1])
        return ptys

    def open(self, columns: int, rows: int) -> Terminal:
        """In a worker: a new terminal of that size, whose master the parent is to get.

        Raises:
            OSError: no pty is left, or the parent listens no more.
        """
        master, slave = os.openpty()
        page_fd = -1
        try:
            set_size(slave, columns, rows)
            _make_raw(slave)
            page_fd = _memory(Page.SIZE)
            page = Page(page_fd)
            number = int.from_bytes(os.urandom(6), "little")
            self._worker.settimeout(PATIENCE)
            hello = _HELLO.pack(number, os.getpid())
            socket.send_fds(self._worker, [hello], [master, page_fd])
        except BaseException:
            os.close(master)
            os.close(slave)
            raise
        finally:
            if page_fd >= 0:
                os.close(page_fd)
        return Terminal(slave, master, page, Marks(number))

    def leave(self) -> None:
        """In a forked worker: the parent's end is not its own."""
        if self._parent is not None:
            self._parent.close()
            self._parent = None

    def close(self) -> None:
        """Close both ends. A second call does nothing."""
        self.leave()
        self._worker.close()

    def __reduce__(self) -> tuple[Any, ...]:
        context.assert_spawning(self)
        if self._worker.fileno() < 0:  # the display is gone, but the worker has to start
            return type(None), ()
        return _arrive, (reduction.DupFd(self._worker.fileno()),)


#: Seconds that a worker waits for room on the link.
PATIENCE = 2.0
_FLAGS = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


def _arrive(duplicate: Any) -> Link:
    return Link(None, socket.socket(fileno=duplicate.detach()))


def open_link() -> Link | None:
    """A new link for the workers of one pool; None where this platform, or this moment, has
    no descriptors to send."""
    if not (hasattr(os, "openpty") and hasattr(socket, "recv_fds")):
        return None
    try:
        parent, worker = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError:
        return None
    parent.setblocking(False)
    return Link(parent, worker)


def set_size(fd: int, columns: int, rows: int) -> None:
    """Tell a terminal its size. Where it cannot be told, nothing happens."""
    with suppress(OSError, ImportError):
        import fcntl
        import termios

        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _make_raw(fd: int) -> None:
    """Let pass what is written as it is."""
    import termios

    modes = termios.tcgetattr(fd)
    modes[1] &= ~termios.OPOST
    modes[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
    termios.tcsetattr(fd, termios.TCSANOW, modes)


def _memory(size: int) -> int:
    """A descriptor of so many bytes of memory that can be shared, all 0."""
    if sys.platform == "linux":
        fd = os.memfd_create("barexec")
    else:
        from tempfile import mkstemp

        fd, path = mkstemp()
        os.unlink(path)  # noqa: PTH108
    os.ftruncate(fd, size)
    return fd
