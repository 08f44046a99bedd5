"""`Writer`: the text stream of a task that knows its place on the screen.

What is written goes to a `put` of the worker's, which takes it to the parent; there the
line discipline makes rows of it. So anything that draws with `\\r` on a file-like object
draws in the rows of its task: `tqdm(file=writer)`, `progressbar.ProgressBar(fd=writer)`,
`rich.console.Console(file=writer)`, `print(…, file=writer)`.

Never here: the channel, the screen, how the text looks.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

#: Columns of a terminal that does not say: the ones of a VT100.
USUAL = 80


class Screen(NamedTuple):
    """What a worker knows of the display's terminal.

    Attributes:
        live: whether bars are drawn on a terminal; else what is written becomes lines.
        columns: as they were when the pool began, at least 1.
        path: the terminal's file, where it has one that tells how wide it is now.
        limit: the most columns that the user wants; None: all there are.
        device: by which descriptors that lead there are known (`st_rdev`); 0: none is.
        rows: as they were when the pool began, at least 1.
    """

    live: bool = False
    columns: int = USUAL
    path: str = ""
    limit: int | None = None
    device: int = 0
    rows: int = 24

    def size(self) -> tuple[int, int]:
        """The columns that a row may take now, as the last one stays empty, and the rows of the
        terminal; both at least 1."""
        columns, rows = self.columns, self.rows
        if self.path:
            with suppress(OSError):  # it is gone, or not ours to open: as they were
                fd = os.open(self.path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
                try:
                    now = os.get_terminal_size(fd)
                finally:
                    os.close(fd)
                columns, rows = now.columns or columns, now.lines or rows
        return max(1, min(columns, self.limit or columns) - 1), rows


class Writer(io.TextIOBase):
    """The location-aware text stream of a task.

    A task gets it by a parameter annotated `Writer`, or by `current_writer()`; outside any
    task it takes everything and shows nothing. A line that is drawn over (with `\\r` or
    cursor moves) is a row of the task; a plain line scrolls above the bars once it is
    finished. Closing it does nothing: the task's next bar may use it.

    Attributes:
        location: (x, y), the zero-based column and row at which the task is shown; (0, 0)
            where it flows into the free rows.

    Guarantees: threads of a task may share it; what one call of `write` is given stays
    together. `write` waits while the parent takes nothing, as on a terminal that is
    frozen; it never raises for that, nor once the parent is gone.
    """

    encoding = "utf-8"
    errors = "replace"
    newlines = None
    name = "<barexec>"

    def __init__(
        self,
        put: Callable[[str], object] | None = None,
        screen: Screen = Screen(),  # noqa: B008  # frozen
        location: tuple[int, int] = (0, 0),
    ) -> None:
        self._put = put
        self._screen = screen
        self.location = location

    def write(self, text: str, /) -> int:
        """Write text. Returns how many characters it has.

        Raises:
            TypeError: it is no text.
        """
        if not isinstance(text, str):
            raise TypeError(f"a Writer takes str, not {type(text).__name__}")
        text = str.__str__(text)  # of a class of the user's, too
        if text and self._put is not None:
            self._put(text)
        return len(text)

    def flush(self) -> None:
        """Does nothing: what was written is on its way."""

    def close(self) -> None:
        """Does nothing: the stream is the task's."""

    def writable(self) -> bool:
        """Yes."""
        return True

    def isatty(self) -> bool:
        """Whether it is shown on a terminal, so that it is worth while to draw."""
        return self._put is not None and self._screen.live

    def fileno(self) -> int:
        """It has no descriptor of its own.

        Raises:
            io.UnsupportedOperation: always.
        """
        raise io.UnsupportedOperation("a Writer has no descriptor")

    @property
    def columns(self) -> int:
        """How wide its rows may be now, in display columns, at least 1."""
        return max(1, self._screen.size()[0] - self.location[0])
