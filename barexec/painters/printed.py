"""Lines printed in full screen, kept for the normal screen.

They are in an unlinked temporary file: so they take no memory, and the watcher has them
when the program is killed.

Never here: when they are shown.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

#: Bytes that are read at once.
PIECE = 1 << 16


class Printed:
    """Everything printed, in order.

    Guarantees: not thread-safe. Where no file can be had, or the disk is full, memory
    takes what the file does not.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None
        try:
            # without a buffer: what was printed just before a kill is in it
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        except OSError:
            self._file = None
        self._rest = io.BytesIO()

    @property
    def fd(self) -> int | None:
        """The descriptor of the file; None where there is none."""
        return None if self._file is None else self._file.fileno()

    def add(self, some: bytes) -> None:
        """Keep it."""
        rest = memoryview(some)
        with suppress(OSError):  # the disk is full: memory takes the rest, and all that follows
            while rest and self._file is not None and not self._rest.tell():
                rest = rest[self._file.write(rest) :]
        self._rest.write(rest)

    def pieces(self) -> Iterator[bytes]:
        """All of it, in pieces."""
        for kept in (self._file, self._rest):
            if kept is not None:
                kept.seek(0)
                while some := kept.read(PIECE):
                    yield some

    def clear(self) -> None:
        """Forget what was kept: it stands on the normal screen."""
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()
        self._rest = io.BytesIO()

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()

    __del__ = close
