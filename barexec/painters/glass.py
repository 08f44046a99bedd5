"""Where text leaves for a stream: writes that do not hang on Python's own locks, and the size.

Where a stream has a descriptor, text goes there in one write past the stream's own
buffer: a display thread that a frozen terminal (Ctrl-S) holds in a write then holds no
lock, over which the interpreter would abort at its exit. Whatever is particular to a
platform's terminals is here, with a fallback.

Never here: what is written.
"""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress
from functools import lru_cache
from time import monotonic
from typing import Any, TextIO

from ..streams import device_of

#: Seconds that a non-blocking terminal may take no byte before it counts as gone.
PATIENCE = 10.0


#: Bytes that are written in pieces, so that one sees them go; and those of a piece. No frame
#: is so large.
MUCH, PIECE = 1 << 15, 1 << 10


class Glass:
    """One stream.

    Args:
        stream: any text stream.

    Guarantees: `write` blocks as long as the terminal does; the other methods never do.
    """

    USUAL = (80, 24)
    """Columns and rows of a terminal that does not say: those of a VT100."""
    taken = 0
    """Bytes that all terminals have taken: whether one that is slow still moves."""
    blocked = 0.0
    """Seconds for which all terminals have held up who writes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self.fd = _descriptor(stream)
        """Its descriptor; None where it has none."""
        self.front: bool | None = None
        """Whether the program was in the foreground there when `ours` was asked last; None where
        that is not known."""
        self._was_ours = False
        self._typed = 0

    def encoded(self, text: str) -> bytes:
        """The text as it goes there; what cannot be encoded becomes a question mark."""
        return text.encode(self._encoding, "replace")

    def write(self, text: str) -> None:
        """Write all of it.

        Raises:
            OSError: nobody takes it any longer.
            ValueError: the stream is closed.
        """
        self.write_bytes(self.encoded(text))

    def write_bytes(self, some: bytes) -> None:
        """Write all of what `encoded` gave; as `write`."""
        since = monotonic()
        try:
            self._write(some)
        finally:
            Glass.blocked += monotonic() - since

    def _write(self, some: bytes) -> None:
        if self.fd is None or os.name == "nt":  # on Windows the stream speaks to the console
            text = some.decode(self._encoding, "replace")
            size = len(text) if len(some) <= MUCH else PIECE
            for at in range(0, len(text), size or 1):
                self._stream.write(text[at : at + size])
                self._stream.flush()
                Glass.taken += size
            return
        if getattr(self._stream, "closed", False):
            name = getattr(self._stream, "name", self._stream)
            raise ValueError(f"{name} was closed: keep it open until the executor is shut down")
        at, size = 0, len(some)
        while at < size:
            end = size
            if size > MUCH:  # what others write meanwhile stands between two rows
                end = some.rfind(b"\n", at, at + PIECE) + 1 or at + PIECE
            try:
                written = os.write(self.fd, some[at:end])
                Glass.taken += written
                at += written
            except BlockingIOError:
                # somebody made the terminal non-blocking, for all who share it
                if not self.ready(PATIENCE):
                    raise

    def ready(self, patience: float = 0.0) -> bool:
        """Whether a write would not be held up, as by a frozen terminal (Ctrl-S), within
        so many seconds."""
        if self.fd is None or os.name == "nt":
            return True
        try:
            return bool(select.select([], [self.fd], [], patience)[1])
        except (OSError, ValueError):
            return True  # closed, which the write will tell; or a descriptor beyond 1023

    def size(self) -> tuple[int, int] | None:
        """Columns and rows; None where the terminal does not say."""
        try:
            columns, rows = os.get_terminal_size(self.fd if self.fd is not None else -1)
        except (OSError, ValueError):
            return None
        return (columns, rows) if columns > 0 and rows > 0 else None

    def device(self) -> int:
        """By which a descriptor that leads there is known (`st_rdev`); 0 where none can be."""
        if self.fd is None or os.name == "nt":
            return 0
        try:
            return device_of(self.fd)
        except OSError:
            return 0

    def path(self) -> str:
        """The file by which another process may ask for its size; "" where there is none."""
        if self.fd is None or not hasattr(os, "ttyname"):
            return ""
        try:
            return os.ttyname(self.fd)
        except OSError:
            return ""

    def ours(self) -> bool:
        """Whether the terminal is ours to draw on: False once the job went to the background.

        A process that was never in the foreground, as under `timeout` in a script, draws.
        """
        if self.fd is None or not hasattr(os, "tcgetpgrp"):
            return True
        try:
            self.front = os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:
            return True  # not our controlling terminal
        self._was_ours |= self.front
        return self.front or not self._was_ours

    def entered(self) -> bool:
        """Whether lines were typed since the last call, which nobody has read, and whose echo
        has taken the cursor to another row."""
        if self.fd is None:
            return False
        before, self._typed = self._typed, _typed(self.fd)
        return self._typed > before and self.shows_typed()

    def shows_typed(self) -> bool:
        """Whether it shows the lines that are typed, as far as is known."""
        return self.fd is None or os.name == "nt" or _echoes(self.fd)


def comes_back(stream: object) -> bool:
    """Whether what the program prints into a pipe is written to this terminal by another process,
    as by `tee` in `program | tee log`, and so into the midst of bars. Known on Linux alone."""
    fd = _descriptor(stream)
    try:
        pipe = _link("/proc/self/fd/1")
        terminal = _link(f"/proc/self/fd/{fd}")
    except OSError:
        return False
    return pipe.startswith("pipe:") and _leads_to(pipe, terminal)


@lru_cache(maxsize=4)  # it takes milliseconds, and a shell makes pipes before all programs
def _leads_to(pipe: str, terminal: str) -> bool:
    pipes = [pipe]
    for each in pipes:
        for process in os.listdir("/proc"):  # noqa: PTH208
            with suppress(OSError):  # no process; somebody else's; one that has just ended
                if _link(f"/proc/{process}/fd/0") == each:
                    end = _link(f"/proc/{process}/fd/1")
                    if end == terminal:
                        return True
                    if end.startswith("pipe:") and end not in pipes:
                        pipes.append(end)
    return False


def _link(path: str) -> str:
    return os.readlink(path)  # noqa: PTH115


def _descriptor(stream: Any) -> int | None:
    try:
        fd = stream.fileno()
    except (AttributeError, OSError, ValueError):
        return None
    return fd if isinstance(fd, int) and fd >= 0 else None


def _typed(fd: int) -> int:
    """Bytes of whole lines that wait on a terminal to be read; 0 where it cannot be asked."""
    try:
        import fcntl
        import termios

        return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)
    except (ImportError, OSError, ValueError):
        return 0  # Windows; gone


def _echoes(fd: int) -> bool:
    """Whether a terminal shows the lines that are typed."""
    import termios

    try:
        modes = termios.tcgetattr(fd)[3]
    except (termios.error, ValueError):
        return False
    return bool(modes & termios.ECHO and modes & termios.ICANON)
