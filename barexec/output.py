"""What is printed, by tasks and by the program, on its way to the screen.

    a task ──────► its own terminal ══► PtyReader ─┐ in the order   ┌► lines, above the bars
    the program ─► its streams ───────► ProgramText┘ of its coming ─┴► rows that are not finished

Never here: the screen, the frame; when anything is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from .line_discipline import TerminalText
from .program_text import ProgramText
from .pty_reader import PtyReader, Said
from .ptys import Link
from .state import FAULTS
from .task_text import TaskText

#: Characters of lines that may wait for a terminal that takes none; beyond, nothing more is
#: read, and who prints waits.
UNPRINTED = 1 << 20


class Output:
    """What is printed on one stream.

    Args:
        stream: where.
        tasks: what tasks write and print.
        device: of the terminal (`st_rdev`); 0 where terminals have none.
        write: writes text to it.
        is_own: whether the calling thread is the display's, at work.
        put: called with a number for each text of the program, which is to be given to
            `place` at once.
        notify: called when text of the program waits; with True, when its writer does.
        spoken: called when text of workers waits; with True, when they do.
        is_frozen: whether the terminal takes nothing just now.

    Attributes:
        lines: those that are finished, and no screen has shown.

    Guarantees: `open`, `listen`, `place` and `waits` are for any thread; all else is for the
    one that draws.
    """

    def __init__(
        self,
        stream: TextIO,
        tasks: TaskText,
        device: int,
        write: Callable[[str], object],
        is_own: Callable[[], bool],
        put: Callable[[int], object],
        notify: Callable[[bool], object],
        spoken: Callable[[bool], object],
        is_frozen: Callable[[], bool],
    ) -> None:
        self.lines: list[str] = []
        self._stream = stream
        self.tasks = tasks
        self._write = write
        self._reader = PtyReader(getattr(stream, "encoding", None) or "utf-8", spoken)
        self._program = ProgramText(device, is_own, put, notify, is_frozen)
        self._words = TerminalText(scrolls=True)
        """What the program writes."""

    # --- where it comes from ---

    def open(self) -> None:
        """From now on, what the program writes is taken. A second call does nothing."""
        self._program.open()

    def close(self) -> None:
        """What the program writes goes where it ever went."""
        self._program.close()

    def leave(self) -> None:
        """The same in a forked child: what waits is the parent's to show."""
        self._program.leave()

    def go_straight(self, on: bool) -> None:
        """Whether what the program writes goes to the terminal for now."""
        self._program.straight = on

    def listen(self, link: Link) -> None:
        """Workers of one more pool are to be heard.

        Raises:
            OSError: no descriptor is left for that.
        """
        self._reader.add(link)

    def start(self) -> None:
        """Workers were started: from now on, a thread reads what they print."""
        # where none can be started, they notice that nobody reads (capture.UNHEARD)
        with suppress(RuntimeError):
            self._reader.start()

    def stop(self) -> None:
        """Read no more; workers may be just starting."""
        self._reader.stop(starting=True)

    def resize(self, columns: int, rows: int) -> None:
        """The display has another size now."""
        self.tasks.resize(columns)
        self._words.columns = columns
        self._reader.resize(columns, rows)

    # --- what has come ---

    @property
    def waits(self) -> bool:
        """Whether anything is to be shown, or to be heard."""
        return bool(self.lines or self._reader.waits)

    @property
    def full(self) -> bool:
        """Whether so many lines wait for the terminal that no more are taken in."""
        return sum(map(len, self.lines)) + len(self.lines) >= UNPRINTED

    @property
    def rows(self) -> tuple[str, ...]:
        """What the program has not finished yet."""
        return self._words.rows

    def place(self, number: int, sync: bool) -> None:
        """The text of that number, of the program's, comes after what was read.

        Args:
            sync: and after all that tasks have printed.
        """
        self._reader.put(number, sync)

    def collect(self, now: float) -> list[Said | int]:
        """What has come, for `hear`.

        Raises:
            Exception: what the thread that reads has met.
        """
        return self._reader.take(now, not self._reader.reads)

    def hear(self, said: list[Said | int], now: float) -> None:
        """What has come becomes lines, rows of tasks, and rows of the program."""
        silent = True
        for one in said:
            if isinstance(one, int):
                self.lines += self._words.feed(self._program.take(one))
                silent = False
            else:
                self.lines += self.tasks.hear(*one, now)
        if silent:
            # a bar that the program has drawn, and left, scrolls, too
            self.lines += self._words.let_go()

    def ran_in(self, task: int) -> int | None:
        """The process of the worker that ended in this task, or that runs it; None: in none."""
        return self._reader.ran_in(task)

    def remove(self, link: Link, now: float) -> None:
        """The workers of a pool have ended: these were their last words."""
        self.hear(self._reader.remove(link), now)

    def end(self) -> None:
        """All is said: what is not finished has become lines, as far as it scrolls."""
        self.lines += self.tasks.last_words()
        self.lines += self._words.let_go()

    # --- where it goes, besides the screen ---

    def taken(self) -> None:
        """The terminal has taken the lines."""
        self.lines = []

    def write_lines(self) -> None:
        """They are written as they are: there are no bars."""
        if self.lines:
            self._write("".join([f"{line}\r\n" for line in self.lines]))
            self.taken()

    def leave_rows(self) -> None:
        """What the program has not finished yet stands where the cursor is."""
        finished, line, rows = self._words.let_go(), self._words.end(), self._words.rows
        self._words = TerminalText(self._words.columns, scrolls=True)
        text = "".join([f"{line}\r\n" for line in finished]) + "\r\n".join([*rows, *line])
        if text:
            self._write(text)

    def give_back(self) -> None:
        """What no screen has shown is written as it came."""
        text = [f"{line}\n" for line in self.lines] + self._reader.rest()
        self.taken()
        with suppress(OSError, ValueError):  # the terminal is gone
            self._write("".join(text))

    def pass_on(self, now: float) -> None:
        """There is no display any more: processes that tasks have left behind still print."""
        try:
            self.hear(self._reader.take(now), now)
            lines = self.lines
            self.taken()
            with suppress(OSError, ValueError):  # it is gone
                self._stream.write("".join(f"{line}\n" for line in lines))
                self._stream.flush()
        except FAULTS:
            self._reader.stop(0)  # nobody is left to be told of it
