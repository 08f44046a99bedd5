"""The way from the workers to the parent: one pipe, many writers, no lock between them.

A write of at most PIPE_BUF bytes to a pipe is whole or not at all (POSIX, write(2)), so a
worker killed in mid-write leaves neither half a record nor a lock that no one opens. A
full pipe refuses; the writer keeps the newest values and tries again later.

Everything that is particular to a platform is in this file. Where there is no POSIX pipe
(Windows) a message pipe of `multiprocessing` takes its place: its messages are whole too,
but a send may wait, so that it is left to the worker's sampling thread.

Never here: what the bytes mean; an unbounded wait in the worker.
"""

from __future__ import annotations

import os
import select
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import connection, context, reduction
from threading import Lock, get_ident
from time import monotonic, sleep
from typing import Any, Protocol
from weakref import WeakSet

from .locks import RLock

#: Bytes that one write carries whole, `RECORD_LIMIT` at least: PIPE_BUF, less the length that a
#: message pipe puts before each message. On Windows messages are whole, of any size.
ATOMIC = getattr(select, "PIPE_BUF", 4096) - 4
#: Bytes that the pipe should hold: what Linux allows any user (pipe(7), pipe-max-size).
CAPACITY = 1 << 20
#: Records or bundles of them that a channel within a process holds.
_PIECES = 2000


class Sender(Protocol):
    """The worker's end. Pickles only on its way into a new worker process."""

    waits: bool
    """Whether `send` may wait for the parent to read."""

    def send(self, data: bytes) -> bool:
        """Send at most `ATOMIC` bytes, whole. False: full, try later.

        Raises OSError once the parent is gone.
        """

    def ready(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds until a send may succeed."""

    def listened_to(self) -> bool:
        """Whether the parent listens; True where that shows at a send only."""


class Receiver(Protocol):
    """The parent's end."""

    def receive(self) -> bytes:
        """What has arrived, at once; b"" if nothing."""

    def deafen(self) -> None:
        """Listen no more; the workers notice at their next send. New ones may still start."""

    def close(self) -> None:
        """Close both ends of the parent's. A second close does nothing."""


_poll: Any = getattr(select, "poll", None)  # eventlet takes it away from programs that it patches
#: What a pipe's writing end shows once nobody can read any more.
_GONE = getattr(select, "POLLERR", 0) | getattr(select, "POLLHUP", 0)


class PipeSender:
    """The writing end of a POSIX pipe.

    Guarantees: `send` never blocks; may be called by any process at any time.
    """

    waits = False
    _fd = -1  # where none could be opened

    def __init__(self, fd: int) -> None:
        self._pipe = _identity(fd)  # before what `close` looks for
        self._fd = fd

    def send(self, data: bytes) -> bool:
        # a task may close any descriptor, and get the number again for a file of its own
        if _identity(self._fd) != self._pipe:
            raise BrokenPipeError("the descriptor of barexec's channel was closed by the task")
        # not left to `write`: a task may have given SIGPIPE its deadly default back
        if self._poll(0) & _GONE:
            raise BrokenPipeError("the parent listens no more")
        try:
            return os.write(self._fd, data) == len(data)
        except BlockingIOError:
            return False

    def ready(self, timeout: float) -> bool:
        try:
            return bool(self._poll(timeout))
        except ValueError:  # closed by another thread just now: `send` says so
            return True

    def listened_to(self) -> bool:
        with suppress(OSError, ValueError):  # closed by the task, or by another thread just now
            return _identity(self._fd) == self._pipe and not self._poll(0) & _GONE
        return False

    def _poll(self, timeout: float) -> int:
        if _poll is None:
            return select.POLLOUT * bool(select.select([], [self._fd], [], timeout)[1])
        poll = _poll()
        poll.register(self._fd, select.POLLOUT)
        return sum(event for _, event in poll.poll(timeout * 1000))

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with suppress(OSError):  # closed by somebody else, who may have got its number again
                if _identity(fd) == self._pipe:
                    os.close(fd)

    __del__ = close

    def __reduce__(self) -> tuple[Any, ...]:
        context.assert_spawning(self)
        if self._fd < 0:  # the display is gone; a worker that starts now has to start all the same
            return ClosedSender, ()
        return _arrive, (reduction.DupFd(self._fd),)


class ClosedSender:
    """The sender of a worker that was started after its channel was closed."""

    waits = False

    def send(self, data: bytes) -> bool:
        raise BrokenPipeError("barexec's channel is closed")

    def ready(self, timeout: float) -> bool:
        return False

    def listened_to(self) -> bool:
        return False

    def recipe(self) -> tuple[Callable[..., Sender], tuple[()]]:
        return ClosedSender, ()


def _identity(fd: int) -> tuple[int, int]:
    stat = os.fstat(fd)
    return stat.st_dev, stat.st_ino


def _arrive(duplicate: Any) -> PipeSender:
    return PipeSender(duplicate.detach())


class PipeReceiver:
    """The reading end of a POSIX pipe, with the parent's copy of the writing end."""

    _fd = -1

    def __init__(self, fd: int, sender: PipeSender) -> None:
        self._fd = fd
        self._sender = sender
        _receivers.add(self)

    def receive(self) -> bytes:
        chunks: list[bytes] = []
        while self._fd >= 0:
            try:
                chunk = os.read(self._fd, 1 << 16)
            except BlockingIOError:
                break
            if not chunk:
                break
            chunks.append(chunk)
            if len(chunks) == CAPACITY >> 16:
                break  # a flood must not keep the frame from being drawn
        return b"".join(chunks)

    def deafen(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def close(self) -> None:
        self.deafen()
        self._sender.close()

    __del__ = deafen


_receivers: WeakSet[PipeReceiver] = WeakSet()


def _forget() -> None:
    """A forked worker keeps no reading end: nobody would notice that the parent's is closed."""
    for receiver in list(_receivers):
        receiver.deafen()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class MessageSender:
    """The writing end of a `multiprocessing` message pipe, for where POSIX pipes are not.

    It refuses two who send at once (CPython 3.11 on): of two threads one is to try it again,
    and what a finalizer sends within a send goes right after that.
    """

    waits = True

    def __init__(self, end: connection.Connection) -> None:
        self._end = end
        self._busy = Lock()
        self._sends = 0
        self._within: deque[bytes] = deque()

    def send(self, data: bytes) -> bool:
        if not self._busy.acquire(blocking=False):
            if self._sends != get_ident():
                return False
            self._within.append(data)
            return True
        self._sends = get_ident()
        try:
            self._end.send_bytes(data)
            while self._within:
                self._end.send_bytes(self._within.popleft())
        finally:
            self._sends = 0
            self._busy.release()
        return True

    def ready(self, timeout: float) -> bool:
        if self._busy.acquire(timeout=timeout):
            self._busy.release()
        return True

    def listened_to(self) -> bool:
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        context.assert_spawning(self)
        return MessageSender, (self._end,)


class MessageReceiver:
    """The reading end of a `multiprocessing` message pipe."""

    def __init__(self, end: connection.Connection, sender: MessageSender) -> None:
        self._end = end
        self._sender = sender
        self._closing = RLock()

    def receive(self) -> bytes:
        chunks: list[bytes] = []
        # every writer may be gone: then what has come is all there is
        with suppress(EOFError, OSError):
            while not self._end.closed and len(chunks) < 10_000 and self._end.poll(0):
                chunks.append(self._end.recv_bytes())
        return b"".join(chunks)

    def deafen(self) -> None:
        with self._closing:  # two threads that close one at once close its handle twice
            self._end.close()

    def close(self) -> None:
        with self._closing:
            self.deafen()
            self._sender._end.close()


class MemorySender:
    """The writing end of a channel within one process.

    Guarantees: `send` never blocks; may be called by any thread.
    """

    waits = False

    def __init__(self, pieces: deque[bytes]) -> None:
        self._pieces = pieces
        self.closed = False

    def send(self, data: bytes) -> bool:
        if self.closed:
            raise BrokenPipeError("the display listens no more")
        if len(self._pieces) >= _PIECES:
            return False
        self._pieces.append(data)
        return True

    def ready(self, timeout: float) -> bool:
        until = monotonic() + timeout
        while len(self._pieces) >= _PIECES and not self.closed and monotonic() < until:
            sleep(0.005)  # it is emptied at each frame
        return len(self._pieces) < _PIECES

    def listened_to(self) -> bool:
        return not self.closed

    def recipe(self) -> tuple[Callable[..., Sender], tuple[()]]:
        return ClosedSender, ()  # it leads out of no process


class MemoryReceiver:
    """The reading end of a channel within one process, or of one that others put into.

    Args:
        on_close: called once, when it is closed.
    """

    def __init__(self, on_close: Callable[[], object] | None = None) -> None:
        self.pieces: deque[bytes] = deque()
        self.sender = MemorySender(self.pieces)
        self._on_close = on_close

    def receive(self) -> bytes:
        pieces = self.pieces
        return b"".join([pieces.popleft() for _ in range(len(pieces))])

    def deafen(self) -> None:
        self.sender.closed = True
        self.pieces.clear()

    def close(self) -> None:
        self.deafen()
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()


def open_memory_channel() -> tuple[MemorySender, MemoryReceiver]:
    """A channel for tasks that run in this process."""
    receiver = MemoryReceiver()
    return receiver.sender, receiver


class SharedSender(PipeSender):
    """The writing end of a pipe whose descriptor all interpreters of this process share."""

    def recipe(self) -> tuple[Callable[..., Sender], tuple[int]]:
        return _share, (self._fd,)


def _share(fd: int) -> Sender:
    try:
        return PipeSender(os.dup(fd))
    except OSError:
        return ClosedSender()


def open_shared_channel() -> tuple[Sender, Receiver]:
    """A channel for tasks that run in other interpreters of this process.

    Raises:
        OSError: no descriptors are left.
    """
    if sys.platform == "win32":
        raise OSError("this platform has no pipes that interpreters could share")
    return _open_pipe(SharedSender)


class NamedSender(PipeSender):
    """The writing end of a named pipe, which any process of this machine can open.

    Guarantees: as of `PipeSender`.
    """

    def __init__(self, path: str) -> None:
        """Raises OSError where there is nobody who reads."""
        self.path = path
        super().__init__(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))

    def recipe(self) -> tuple[Callable[..., Sender], tuple[str]]:
        return reach, (self.path,)


def reach(path: str) -> Sender:
    """The sender of a worker on this machine, if it is one."""
    try:
        return NamedSender(path)
    except OSError:
        return ClosedSender()


class NamedReceiver(PipeReceiver):
    """The reading end of a named pipe, and its file in a folder of its own."""

    def __init__(self, fd: int, sender: NamedSender) -> None:
        super().__init__(fd, sender)
        self._path = sender.path

    def close(self) -> None:
        super().close()
        with suppress(OSError):  # somebody has tidied up
            os.unlink(self._path)  # noqa: PTH108
            os.rmdir(os.path.dirname(self._path))  # noqa: PTH106, PTH120


def open_named_channel() -> tuple[NamedSender, NamedReceiver]:
    """A channel for workers that are any processes of this machine.

    Raises:
        OSError: no descriptors are left; there is no place for temporary files; or the
            platform has no such pipes.
    """
    if not hasattr(os, "mkfifo"):
        raise OSError("this platform has no named pipes")
    import shutil
    import tempfile
    from contextlib import ExitStack

    folder = tempfile.mkdtemp(prefix="barexec-")
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        path = os.path.join(folder, "channel")  # noqa: PTH118
        os.mkfifo(path, 0o600)
        read = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        undo.callback(os.close, read)
        sender = NamedSender(path)
        undo.pop_all()
    _enlarge(read)
    return sender, NamedReceiver(read, sender)


def open_channel() -> tuple[Sender, Receiver]:
    """A new channel for the workers of one pool.

    Raises:
        OSError: no descriptors are left.
    """
    if sys.platform == "win32":
        return open_message_channel()
    return _open_pipe(PipeSender)


def _open_pipe(kind: type[PipeSender]) -> tuple[PipeSender, PipeReceiver]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    _enlarge(write)
    sender = kind(write)
    return sender, PipeReceiver(read, sender)


def _enlarge(fd: int) -> None:
    """Let a pipe hold much."""
    import fcntl

    if hasattr(fcntl, "F_SETPIPE_SZ"):
        # where the user's share of pipe memory is used up, the usual 64 KiB do
        with suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, CAPACITY)


def open_message_channel() -> tuple[MessageSender, MessageReceiver]:
    """The channel of platforms without POSIX pipes; works, and is tested, on all."""
    read, write = connection.Pipe(duplex=False)
    sender = MessageSender(write)
    return sender, MessageReceiver(read, sender)
