"""What tasks write by their Writers, and print on their own terminals: lines that scroll, and
rows of the task that wrote them.

Never here: where text comes from; the screen.
"""

from __future__ import annotations

from .events import Printed
from .line_discipline import TerminalText
from .state import TaskState
from .tasks import Tasks

#: Seconds after which an unfinished line is shown: its end may be on its way.
WHOLE = 0.05
#: Rows of text that a task has at most.
TEXT_ROWS = 10


class TaskText:
    """The text of the tasks of one display.

    Args:
        tasks: those.
        placed: whether there is a screen, on which a task can have a place for its text.

    Attributes:
        names: what is to stand before each line of a task, where it is to be named.
        silent: tasks that have ended, and of which `hear` will not tell that they are over.
        heard: how many pieces of text have been taken in: whether that still goes on.

    Guarantees: as of `Tasks`.
    """

    def __init__(self, tasks: Tasks, placed: bool = True) -> None:
        self._columns = 80
        """Of the terminal that tasks believe to write to."""
        self.placed = placed
        self.names: dict[int, str] = {}
        self.silent: list[int] = []
        self.heard = 0
        self._tasks = tasks
        self._writers: dict[int, TaskState] = {}
        """Tasks that have written, and may leave a line without a newline."""
        self._strays: dict[int, TerminalText] = {}
        """What tasks wrote that are kept no longer."""
        self._said: dict[int, TerminalText] = {}
        """What tasks print on their own terminals, from the first text to the last."""
        self._begun: dict[int, float] = {}
        """Since when what is not finished of that stands there."""

    def resize(self, columns: int) -> None:
        """The terminal that tasks believe to write to has so many columns now."""
        self._columns = columns = max(1, columns)
        written = [task.text for task in self._writers.values() if task.text is not None]
        for text in (*self._said.values(), *self._strays.values(), *written):
            text.columns = columns

    def read(self, event: Printed, now: float) -> list[str]:
        """A task has written text. Returns the lines that are finished now."""
        self.heard += 1
        task = self._task(event.task)
        if task is None:  # one that is kept no longer
            text = self._strays.setdefault(event.task, TerminalText(self._columns))
            return text.feed(event.text)
        if task.started is None:
            task.started = now
        if task.text is None:
            placed = self.placed and task.location is not None
            task.text = TerminalText(self._columns, TEXT_ROWS, drawn=placed)
        lines = task.text.feed(event.text)
        task.written = task.text.rows
        self._writers[task.id] = task
        return self._named(event.task, lines)

    def hear(self, owner: int, text: str, over: bool, now: float) -> list[str]:
        """Text that a task has printed, or with a number below 0 its worker outside any task.

        Args:
            over: whether that was its last.

        Returns:
            The lines that are finished now.
        """
        self.heard += 1
        task = self._task(owner) if owner > 0 else None
        said = self._said.get(owner)
        if said is None:
            if not text:
                self.names.pop(owner, None)
                return []
            said = self._said[owner] = TerminalText(self._columns, TEXT_ROWS)
        lines = said.feed(text)
        if over:
            lines += said.end()
            del self._said[owner]
        if lines or not said.unfinished:
            self._begun.pop(owner, None)
        if task is not None:
            if task.started is None:
                task.started = now
            began = self._begun.setdefault(owner, now) if said.unfinished else now
            task.printed = said.settled if now - began < WHOLE else said.rows
        elif over:
            lines += filter(None, said.rows)  # there is no row in which they could stay
        lines = self._named(owner, lines)
        if over:
            self.names.pop(owner, None)
        return lines

    def settle(self, now: float) -> None:
        """What has stood unfinished for a while is to be seen so, as a question is; but not the
        half of a line that is just being read."""
        for owner, began in list(self._begun.items()):
            task, said = self._tasks.get(owner), self._said.get(owner)
            if task is None or said is None:
                del self._begun[owner]
            elif now - began >= WHOLE:
                task.printed = said.rows

    def _task(self, id: int) -> TaskState | None:
        """The task, which runs, if it waited."""
        return self._tasks.get(id) or self._tasks.begin(id)

    def _named(self, owner: int, lines: list[str]) -> list[str]:
        name = self.names.get(owner)
        return lines if name is None else [f"{name}{line}" for line in lines]

    def last_words(self) -> list[str]:
        """What tasks that have ended left without a newline: they write no more.

        To be called once all that they wrote was read.
        """
        lines = [line for text in self._strays.values() for line in text.end()]
        self._strays.clear()
        for task in [task for task in self._writers.values() if task.status.ended]:
            del self._writers[task.id]
            if task.text is not None:
                lines += self._named(task.id, task.text.end())
                task.written = task.text.rows
        for id in self.silent:
            self.names.pop(id, None)
        self.silent.clear()
        return lines
