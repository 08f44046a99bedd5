"""Which task gets which row: `Layout` composes frames of all tasks.

A frame is the row of the whole, the rows of tasks, and a last line that counts what has
no row. Running tasks come first, then failures (the newest, where there are too many),
then bars nested in running tasks, then what is done. A task keeps its row; the row of
the task that was done first is the first to be given to another.

Never here: escape codes other than SGR, how a bar looks, a stream, a clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal

from .renderers import Renderer
from .state import BarState, Status, Tasks, TaskState
from .terminal_text import clip, printable
from .theme import Theme

__all__ = ["Frame", "Layout", "clip"]

#: One string for each terminal row.
Frame = tuple[str, ...]
Leave = Literal["failed"] | bool | None


class Layout:
    """Composes the frames of one display, and remembers which task has which row.

    Args:
        renderer: draws each row.
        theme: what the glass can show; that of the renderer, if not given.

    Guarantees: not thread-safe. The cost of a frame depends on its rows and on how many
    tasks run, not on how many wait or have ended.
    """

    def __init__(self, renderer: Renderer, theme: Theme | None = None) -> None:
        self._renderer = renderer
        self._align = getattr(renderer, "align", None)
        self._theme: Theme = theme or getattr(renderer, "theme", None) or Theme()
        self._mark = "…" if self._theme.unicode else ".."
        self._heights: dict[int, int] = {}
        """The rows of each task that has any, by id, from the top of the frame down."""

    def compose(self, tasks: Tasks, columns: int, rows: int, now: float) -> Frame:
        """The frame of a live display.

        Args:
            tasks: what is known.
            columns, rows: the most that the frame may take, at least 0.
            now: seconds, by the clock by which `tasks` was told things.
        """
        if columns <= 0 or rows <= 0 or not (tasks.bare or tasks.all):
            return ()
        head = [] if tasks.bare else [tasks.whole(now)]
        room = rows - len(head)
        bars = {id: task.bars(now) for id, task in islice(tasks.running.items(), room)}
        nested = sum(map(len, bars.values())) - len(bars)
        # nested bars may be left out without a word, but not for what is done
        spare = room - sum(tasks.counts.values())
        everything = not tasks.pending and spare >= (nested if tasks.finished else 0)
        if not everything and len(head) + room > 1:
            room -= 1
        self._place(tasks, bars, room, everything)
        shown, states = [], list[BarState | None](head)
        for id, height in self._heights.items():
            task = tasks.get(id)
            assert task is not None  # `_place` took it from `tasks`
            shown.append(task)
            block = (bars.get(id) or task.bars(now))[:height]
            states += [*block, *[None] * (height - len(block))]
        frame = self._render(states, columns)
        return frame if len(frame) == rows else frame + self._rest(tasks, shown, columns)

    def final(self, tasks: Tasks, columns: int, rows: int, now: float, leave: Leave) -> Frame:
        """What stays on the screen at the end.

        Args:
            tasks, columns, rows, now: as in `compose`.
            leave: True: every task that is kept whole, in the order of submission, however
                many rows that takes. False: nothing. "failed": the whole and the failures.
                None: every task if they fit, else as "failed".
        """
        if leave is False or columns <= 0 or rows <= 0 or not (tasks.bare or tasks.all):
            return ()
        head = [] if tasks.bare else [tasks.whole(now)]
        room = rows - len(head)
        count = sum(tasks.counts.values())
        shown = [*tasks.finished.values(), *tasks.failed.values(), *tasks.running.values()]
        whole = len(shown) + len(tasks.pending) == count <= room
        if leave is True or (leave is None and whole):
            shown += tasks.waiting()
        else:
            failed = list(reversed(tasks.failed.values()))
            fits = len(failed) == count <= room
            shown = failed if fits else failed[: max(0, room - 1)]
        shown.sort(key=lambda task: task.id)
        states = head + [task.bars(now)[0] for task in shown]
        frame = self._render(list(map(_standing, states)), columns)
        if leave is not True and len(frame) == rows:
            return frame
        return frame + self._rest(tasks, shown, columns)

    def _place(
        self, tasks: Tasks, bars: dict[int, list[BarState]], room: int, everything: bool
    ) -> None:
        """Decide which tasks have which of so many rows.

        A block of rows may be higher than its task needs: when a task ends, the rows of
        its nested bars stay empty as long as closing up would move a running task.
        """
        old = self._heights
        needs = dict.fromkeys(islice(bars, room), 1)
        left = room - len(needs)
        failed = list(islice(reversed(tasks.failed), left))
        left -= len(failed)
        depth = max((len(block) - 1 for block in bars.values()), default=0)
        while sum(min(len(bars[id]) - 1, depth) for id in needs) > left:
            depth -= 1
        for id in needs:
            needs[id] += min(len(bars[id]) - 1, depth)
        needs.update(dict.fromkeys(reversed(failed), 1))
        if everything:
            needs.update(dict.fromkeys(tasks.finished, 1))

        roomy, moves = dict[int, int](), False
        for id in reversed(old):
            roomy[id] = old[id] if moves else 0
            moves = moves or id in bars
        heights = {id: max(need, roomy.get(id, 0)) for id, need in needs.items()}
        if sum(heights.values()) > room:
            heights = needs
        left = room - sum(heights.values())
        done = [task for id in old if id not in heights and (task := tasks.finished.get(id))]
        for task in sorted(done, key=_when_ended, reverse=True):
            height = max(1, roomy[task.id])
            if height > left:
                break
            heights[task.id] = height
            left -= height

        fresh = [id for id in heights if id not in old]
        placed = dict[int, int]()
        for id in old:
            if id in heights:
                placed[id] = heights[id]
            elif fresh:
                new = fresh.pop(0)
                more = min(left, max(0, roomy[id] - heights[new]))
                placed[new] = heights[new] + more
                left -= more
        placed.update((id, heights[id]) for id in fresh)
        unseen = (
            id
            for id, task in islice(reversed(tasks.finished.items()), room)
            if id not in placed and task.started is not None
        )
        placed.update(dict.fromkeys(reversed(list(islice(unseen, left))), 1))
        self._heights = placed

    def _render(self, states: Sequence[BarState | None], columns: int) -> Frame:
        """The lines of these states; None is an empty line."""
        cleaned = [state and self._clean(state) for state in states]
        if self._align is not None:
            self._align([state for state in cleaned if state], columns)
        render, mark = self._renderer.render, self._mark
        return tuple(
            [clip(render(state, columns), columns, mark) if state else "" for state in cleaned]
        )

    def _clean(self, state: BarState) -> BarState:
        """The state with nothing in its texts that the glass cannot show."""
        text = state.desc + state.unit + state.postfix + state.message
        if text.isascii() and text.isprintable():
            return state
        return state._replace(
            desc=self._shown(state.desc),
            unit=self._shown(state.unit),
            postfix=self._shown(state.postfix),
            message=self._shown(state.message),
        )

    def _shown(self, text: str) -> str:
        text = printable(text)
        return text if self._theme.unicode else text.encode("ascii", "replace").decode()

    def _rest(self, tasks: Tasks, shown: Iterable[TaskState], columns: int) -> Frame:
        """The last line, which counts what has no row; no line where there is nothing."""
        hidden = Counter(tasks.counts if tasks.bare else tasks.items)
        for task in shown:
            hidden[task.status] -= 1 if tasks.bare else task.items
        if tasks.bare:
            hidden[Status.PENDING] = 0
        failed = hidden[Status.FAILED] + hidden[Status.LOST]
        words = [
            (failed, "failed"),
            (hidden[Status.RUNNING], "running"),
            (hidden[Status.PENDING], "waiting"),
            (hidden[Status.DONE], "done"),
            (hidden[Status.CANCELLED], "cancelled"),
        ]
        told = [(count, word) for count, word in words if count > 0]
        if not told:
            return ()
        dots = "…" if self._theme.unicode else "..."
        line = f"  {dots} " + ", ".join(f"{count} {word}" for count, word in told)
        if len(line) > columns:
            line = " ".join(f"{count}{word[0]}" for count, word in told)
            if len(line) + 4 <= columns:
                line = f"  {dots[0]} {line}"
        return (self._theme.paint("dim", clip(line, columns, self._mark)),)


def _standing(state: BarState) -> BarState:
    """The state for a frame that no other follows: what has not ended stands still."""
    if state.status.ended:
        return state
    return state._replace(
        status=Status.PENDING,
        rate=None,
        remaining=None,
        message="still running" if state.status is Status.RUNNING else "still waiting",
    )


def _when_ended(task: TaskState) -> float:
    return task.ended or 0.0
