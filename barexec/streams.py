"""What a worker prints where it can have no terminal of its own: `sys.stdout` and
`sys.stderr`, as far as they lead to the display's, are streams that tell it as the task's.

So `print`, logging handlers that look the stream up, and whatever else goes by Python's own
streams is caught; what writes to the descriptors past them is not.

Where tasks run in threads, the streams stay what they are, and their `write` asks whose
thread it is.

Never here: the channel; whose text it is.
"""

from __future__ import annotations

import codecs
import functools
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, TextIO, TypeGuard


class _Voice(io.RawIOBase):
    """Bytes that somebody writes to a stream, told as text.

    Args:
        stream: the one in whose place it is, which has a descriptor.
        say: takes the text. Returns whether somebody heard it.
    """

    def __init__(self, stream: TextIO, say: Callable[[str], bool]) -> None:
        self.stream = stream
        self._say = say
        self._decoder = codecs.getincrementaldecoder(stream.encoding)("replace")

    def write(self, some: object, /) -> int:
        data = bytes(some)  # type: ignore[call-overload]
        if not self._say(self._decoder.decode(data)):
            self.stream.buffer.write(data)
            self.stream.flush()
        return len(data)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.stream.fileno()


class Streams:
    """The replaced streams of this process; the counterpart of `capture.Capture`.

    Args:
        names: which attributes of `sys` were found to lead to the display's terminal.
        say: takes a task's number (0: none runs) and its text. Returns whether somebody
            heard it.
    """

    def __init__(self, names: list[str], say: Callable[[int, str], bool]) -> None:
        self._task = 0
        self._say = say
        self._ours: dict[str, tuple[TextIO, TextIO]] = {}
        captured = set()
        for name in names:
            stream = getattr(sys, name)
            captured.add(stream.fileno())
            ours = io.TextIOWrapper(
                io.BufferedWriter(_Voice(stream, self._tell)),
                stream.encoding,
                stream.errors,
                line_buffering=True,
            )
            ours.mode = "w"  # type: ignore[misc]  # as of Python's own
            self._ours[name] = ours, stream
            setattr(sys, name, ours)
        self.captured = frozenset(captured)

    def _tell(self, text: str) -> bool:
        return self._say(self._task, text)

    def begin(self, task: int) -> None:
        """What is printed from now on is of that task."""
        self._task = task

    def over(self, task: int) -> None:
        """The task has ended; what was printed is of it."""
        for ours, _ in self._ours.values():
            with suppress(OSError, ValueError):  # closed by the task
                ours.flush()
        self._task = 0

    def watch(self, listens: Callable[[], bool]) -> None:
        """To be called now and then: once nobody listens, the streams are as they were."""
        if self._ours and not listens():
            self.over(0)
            for name, (ours, stream) in self._ours.items():
                if getattr(sys, name) is ours:
                    setattr(sys, name, stream)
            self._ours = {}


#: The number by which a process's own terminal is known, whichever that is.
_OWN = "/dev/tty"
#: What asks Linux for the number of the terminal behind that: TIOCGDEV (ioctl_tty(2)), by the
#: size and direction that it has on all but a few processors.
_WHICH = 0x80045432


def device_of(fd: int) -> int:
    """By which a terminal is known, whatever file it was opened by (`st_rdev`).

    Raises:
        OSError: there is no such descriptor.
    """
    device: int = getattr(os.fstat(fd), "st_rdev", 0)  # none on Windows
    if device and device == _own_device():
        with suppress(ImportError, OSError):
            import fcntl

            return int.from_bytes(fcntl.ioctl(fd, _WHICH, bytes(4)), sys.byteorder)
        for standard in (0, 1, 2):
            with suppress(OSError):
                other = os.fstat(standard).st_rdev
                if other != device and os.tcgetpgrp(standard) == os.tcgetpgrp(fd):
                    return other
    return device


@lru_cache(maxsize=1)
def _own_device() -> int:
    try:
        return os.stat(_OWN).st_rdev  # noqa: PTH116
    except OSError:
        return 0


def is_terminal(stream: Any) -> bool:
    """Whether a stream says that it leads to a terminal.

    Raises:
        ValueError: it is closed.
    """
    isatty = getattr(stream, "isatty", None)
    if isatty is None or not isatty():
        return False
    if os.name == "nt" and (fileno := getattr(stream, "fileno", None)):
        with suppress(ValueError):
            try:
                os.get_terminal_size(fileno())
            except OSError:
                return False  # there, the null device says so, too
    return True


def leads_to(stream: object, device: int) -> TypeGuard[io.TextIOWrapper]:
    """Whether a stream is one of Python's own, and leads to that terminal.

    Args:
        device: of the terminal (`st_rdev`); 0 where terminals have none.
    """
    if not isinstance(stream, io.TextIOWrapper):
        return False
    with suppress(OSError, ValueError):  # closed; without a descriptor
        if not device:  # on Windows there is but one console
            return os.name == "nt" and is_terminal(stream)
        return stream.isatty() and device_of(stream.fileno()) == device
    return False


def own_streams(device: int) -> list[io.TextIOWrapper]:
    """Python's own streams that lead to that terminal, each once.

    Args:
        device: of the terminal (`st_rdev`); 0 where terminals have none.
    """
    streams = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    # by identity: one of the user's own may have no hash
    distinct = {id(stream): stream for stream in streams}.values()
    return [stream for stream in distinct if leads_to(stream, device)]


def capture_streams(device: int, say: Callable[[int, str], bool]) -> Streams | None:
    """Catch what this process prints by Python's own streams to a terminal.

    Args:
        device: of the terminal (`st_rdev`); 0 where terminals have none.
        say: takes a task's number (0: none runs) and its text. Returns whether somebody
            heard it.

    Returns:
        None where neither leads there.
    """
    names = [name for name in ("stdout", "stderr") if leads_to(getattr(sys, name), device)]
    return Streams(names, say) if names else None


_heard: list[io.TextIOWrapper] = []


def hear_threads(device: int, say: Callable[[str], bool]) -> None:
    """From now on, ask for each text that this process writes to a terminal by Python's own
    streams. A second call does nothing, until `leave_threads`.

    Args:
        device: of the terminal (`st_rdev`); 0 where terminals have none.
        say: takes the text. Returns whether it did; else it is written as ever.
    """
    for stream in own_streams(device):
        _hear(stream, say)


def _hear(stream: io.TextIOWrapper, say: Callable[[str], bool]) -> None:
    if stream in _heard:
        return
    stock = stream.write

    @functools.wraps(stock)
    def write(text: str, /) -> int:
        return len(text) if isinstance(text, str) and say(text) else stock(text)

    stream.write = write  # type: ignore[method-assign]
    _heard.append(stream)


def leave_threads() -> None:
    """The streams are as they were."""
    while _heard:
        with suppress(AttributeError, IndexError):  # somebody else has done so
            del _heard.pop().write
