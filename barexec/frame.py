"""Which task gets which row: `Layout` composes frames of all tasks.

A frame is the row of the whole, the rows of tasks, and a last line that counts what has
no row. Running tasks come first, then failures (the newest, where there are too many),
then bars nested in running tasks, then what is done. A task keeps its row; the row of
the task that was done first is the first to be given to another.

A task with a location is there and nowhere else, and the others flow around it. Text that
a task draws is shown row by row, below its bars or, where it has none, in their place.

Never here: escape codes other than SGR, how a bar looks, a stream, a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice, product
from operator import attrgetter

from . import places
from .places import Location, Place
from .policy import Leave
from .renderers import Renderer
from .state import CANCELLED, DONE, FAILED, LOST, PENDING, RUNNING, BarState, TaskState
from .tasks import Tasks
from .terminal_text import clip, printable, width
from .theme import Theme

#: One string for each terminal row.
Frame = tuple[str, ...]
#: What stands in a row: a bar or a text, its first column, and how many it may take.
Piece = tuple[BarState | str, int, int]


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
        self._fits = getattr(renderer, "fits", False)
        self._theme: Theme = theme or getattr(renderer, "theme", None) or Theme()
        self._mark = "…" if self._theme.unicode else ".."
        self._places: dict[int, Place] = {}
        """Of the tasks without a location that have rows, by id, from the top down."""
        self._asked: tuple[object, ...] = ()
        """What asked for these; while it is the same, nothing can have moved."""
        self._held: dict[Location, tuple[int, int]] = {}
        """The id of the task at each location, and the height kept for it."""

    def compose(self, tasks: Tasks, columns: int, rows: int, now: float) -> Frame:
        """The frame of a live display.

        Args:
            tasks: what is known.
            columns, rows: the most that the frame may take, at least 0.
            now: seconds, by the clock by which `tasks` was told things.
        """
        if columns <= 0 or rows <= 0 or not (tasks.bare or tasks.all):
            return ()
        if rows == 1 and not tasks.bare:
            return self._render([[(tasks.whole(now), 0, columns)]], columns)
        failed = [task for _, task in islice(reversed(tasks.failed.items()), rows)]
        ended = [task for _, task in islice(reversed(tasks.finished.items()), rows)]
        blocks = {
            task.id: _block(task, now)
            for task in islice(filter(_flows, tasks.running.values()), rows)
        }
        self._hold(tasks, chain(ended, failed), columns, rows)
        pins = self._pin(tasks, columns, rows, len(blocks))
        taken = {row for place in pins.values() for row in place.rows}
        free = [row for row in range(rows) if row not in taken]
        top = free.pop(0) if free and not tasks.bare else None

        # nested bars may be left out without a word, but not for what is done
        nested = sum(map(len, blocks.values())) - len(blocks) if tasks.finished else 0
        others = sum(tasks.counts.values()) - len(pins)
        everything = not tasks.pending and len(free) - others >= nested
        if everything and pins:
            kept = chain(tasks.running.values(), tasks.finished.values(), tasks.failed.values())
            everything = all(task.id in pins or _flows(task) for task in kept)
        if not everything and rows > 1:
            # a row for the last line: of the whole, or even of pins, where no other is left
            if free:
                free.pop()
            elif top is not None:
                top = None
            else:
                pins = self._pin(tasks, columns, rows - 1, rows)
        self._flow(tasks, blocks, failed, ended, free, everything)

        grid: list[list[Piece]] = [[] for _ in range(rows)]
        height = 0
        if top is not None:
            grid[top].append((tasks.whole(now), 0, columns))
            height = top + 1
        shown = []
        for id, place in chain(pins.items(), self._places.items()):
            task = tasks.get(id)
            assert task is not None  # it was found in `tasks` just now
            shown.append(task)
            block = (blocks.get(id) or _block(task, now))[: place.height]
            _put(grid, block, place, columns)
            running = task.status is RUNNING
            height = max(height, place.row + (place.height if running else len(block)))
        last = self._rest(tasks, shown, columns, rows)
        if last:
            empty = [row for row in range(rows) if not grid[row]]
            row = height if height < rows else max(empty, default=None)
            if row is not None:
                grid[row].append((last, 0, columns))
                height = max(height, row + 1)
        return self._render(grid[:height], columns)

    def final(self, tasks: Tasks, columns: int, rows: int, now: float, leave: Leave) -> Frame:
        """What stays on the screen at the end.

        Args:
            tasks, columns, rows, now: as in `compose`.
            leave: True: every task that is kept whole, in the order of submission, however
                many rows that takes. False: nothing. "failed": the whole and the failures.
                None: every task if they fit, else as "failed".

        Returns:
            The frame. Where every task is in it, and every location is on the screen, the
            tasks with a location are there; else they come first, in the order of these.
        """
        if leave is False or columns <= 0 or rows <= 0 or not (tasks.bare or tasks.all):
            return ()
        head = [] if tasks.bare else [_standing(tasks.whole(now))]
        count = sum(tasks.counts.values())
        over = [*tasks.finished.values(), *tasks.failed.values()]
        shown = [*over, *tasks.running.values()]
        whole = len(shown) + len(tasks.pending) == count
        grid = None
        if leave is True or (leave is None and whole and sum(map(_flows, shown)) <= rows):
            self._hold(tasks, over, columns, rows)
            pins = self._pin(tasks, columns, rows, rows)
            wished = {task.location for task in shown if task.location and task.started is not None}
            if len(pins) < len(wished):
                pins = {}
            shown += tasks.waiting()
            grids = (
                self._stack(head, shown, pinned, columns, now, full)
                for pinned, full in product((pins, {}), (True, False))
            )
            grid = next((grid for grid in grids if leave is True or len(grid) <= rows), None)
        if grid is None:
            shown = list(reversed(tasks.failed.values()))
            room = rows - len(head)
            told = len(shown) == count or (head and _quiet(tasks, ()) + len(shown) == count)
            if not (told and len(shown) <= room):
                room = max(0, room - 1)
            del shown[room:]
            grid = self._stack(head, shown, {}, columns, now, True)
            if len(grid) > len(head) + room:
                grid = self._stack(head, shown, {}, columns, now, False)
        frame = self._render(grid, columns)
        if head and leave is not True and _quiet(tasks, shown) == count - len(shown):
            words = head[0].postfix
            if not tasks.counts[CANCELLED] or any(words in row for row in frame):
                return frame  # the whole has said the rest
        last = self._rest(tasks, shown, columns, rows)
        return (*frame, last) if last and (leave is True or len(frame) < rows) else frame

    def _hold(self, tasks: Tasks, ended: Iterable[TaskState], columns: int, rows: int) -> None:
        """Decide which task has each location that is on the screen.

        It is the first of those that run; or of `ended` and the task that has it, which
        ended last.
        """
        held = {at: task for at, (id, _) in self._held.items() if (task := tasks.get(id))}
        for task in ended:
            if task.location and task.started is not None:
                other = held.get(task.location)
                if other is None or _when_ended(other) < _when_ended(task):
                    held[task.location] = task
        running = dict[Location, TaskState]()
        for task in tasks.located.values():
            if task.location:
                running.setdefault(task.location, task)
        held.update(running)
        old, self._held = self._held, {}
        for at, task in held.items():
            if _within(at, columns, rows):
                kept = old[at][1] if at in old else 0
                self._held[at] = task.id, max(kept, _height(task))

    def _pin(self, tasks: Tasks, columns: int, rows: int, others: int) -> dict[int, Place]:
        """The places of tasks that are where they are to be, by id.

        Rows that a task had below its own stay with its location, so that nobody moves
        for the next there, as long as `others` have rows enough.
        """
        pins = places.pin({at: kept for at, (_, kept) in self._held.items()}, columns, rows)
        if len({row for place in pins.values() for row in place.rows}) + others > rows - 2:
            needs = {}
            for at, (id, _) in self._held.items():
                task = tasks.get(id)
                assert task is not None  # `_hold` has found it
                needs[at] = _height(task)
            pins = places.pin(needs, columns, rows)
        return {self._held[at][0]: place for at, place in pins.items()}

    def _flow(
        self,
        tasks: Tasks,
        blocks: dict[int, list[BarState | str]],
        failed: list[TaskState],
        ended: list[TaskState],
        free: list[int],
        everything: bool,
    ) -> None:
        """Decide which tasks without a location have which of the free rows.

        Args:
            tasks: what is known.
            blocks: the rows of those that run, by id.
            failed, ended: the newest that failed, or ended in another way, newest first.
            free: the rows, ascending.
            everything: whether what has ended shall have its row as surely as the others.
        """
        needs = {id: len(block) for id, block in islice(blocks.items(), len(free))}
        bad = list(islice(filter(_flows, failed), len(free) - len(needs)))
        needs.update((task.id, _height(task)) for task in reversed(bad))
        if everything:
            done = {task.id: _height(task) for task in filter(_flows, tasks.finished.values())}
            fit = sum(needs.values()) + sum(done.values()) <= len(free)
            needs.update(done if fit else dict.fromkeys(done, 1))
        ran = {
            task.id: task for task in reversed(ended) if _flows(task) and task.started is not None
        }
        seen = (task for id in self._places if (task := tasks.finished.get(id)))
        older = sorted((task for task in seen if task.id not in ran), key=_when_ended)
        spare = {
            task.id: _height(task)
            for task in reversed([*older, *ran.values()])
            if task.id not in needs
        }
        asked = needs, set(blocks), spare, free
        if asked != self._asked:
            self._asked = asked
            self._places = places.flow(needs, blocks, spare, self._places, free)

    def _stack(
        self,
        head: list[BarState],
        shown: list[TaskState],
        pins: dict[int, Place],
        columns: int,
        now: float,
        full: bool,
    ) -> list[list[Piece]]:
        """All the rows of a last frame, around those that are pinned.

        Args:
            head: the row of the whole, if it has one.
            shown: the tasks, in any order.
            pins: the places of those that are where they were told to be.
            columns, now: as in `compose`.
            full: whether texts have all of their rows, or one each.
        """
        order = sorted(shown, key=_by_id if pins else _by_location)
        blocks = {task.id: _block(task, now, last=True)[: None if full else 1] for task in order}
        loose: list[list[BarState | str]] = [[state] for state in head]
        loose += [block for id, block in blocks.items() if id not in pins]
        stacked = [(place, blocks[id][: place.height]) for id, place in pins.items()]
        taken = {row for place, block in stacked for row in place.rows[: len(block)]}
        stacked += zip(places.pour(map(len, loose), taken), loose, strict=True)
        grid: list[list[Piece]] = []
        for place, block in stacked:
            grid += [[] for _ in range(place.row + len(block) - len(grid))]
            _put(grid, block, place, columns)
        return grid

    def _render(self, grid: Sequence[Sequence[Piece]], columns: int) -> Frame:
        """The lines of these rows."""
        rows = [
            [
                (what if isinstance(what, str) else self._clean(what), column, room)
                for what, column, room in row
            ]
            for row in grid
        ]
        if self._align is not None:
            states = [what for row in rows for what, *_ in row if not isinstance(what, str)]
            self._align(states, columns)
        return tuple(map(self._row, rows))

    def _row(self, pieces: Sequence[Piece]) -> str:
        """One row of what stands in it, from left to right."""
        line = ""
        for what, column, columns in pieces:
            if isinstance(what, str):
                text = clip(self._drawn(what), columns, self._mark)
            else:
                text = self._renderer.render(what, columns)
                if not self._fits:
                    text = clip(text, columns, self._mark)
            if column and text:
                line += "\x1b[m" if "\x1b" in line and not line.endswith("\x1b[m") else ""
                line += " " * (column - width(line))
            line += text
        return line

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

    def _drawn(self, text: str) -> str:
        """A row of text that a task has drawn, with its colours if there are any."""
        if not self._theme.styles:
            text = printable(text)
        return text if self._theme.unicode else text.encode("ascii", "replace").decode()

    def _rest(self, tasks: Tasks, shown: Iterable[TaskState], columns: int, rows: int) -> str:
        """The last line, which counts what has no row; empty where there is nothing."""
        hidden = tasks.counts if tasks.bare else tasks.items
        seen = set[int]()
        for task in shown:
            hidden[task.status] -= 1 if tasks.bare else task.items
            seen.add(task.id)
        if tasks.bare:
            hidden[PENDING] = 0
        off = sum(
            task.items
            for task in tasks.located.values()
            if task.location and task.id not in seen and not _within(task.location, columns, rows)
        )
        dots = "…" if self._theme.unicode else "..."
        line = ""
        # where there is no room for it, those off the screen are running ones like the others
        for away in (off, 0):
            words = [
                (hidden[FAILED] + hidden[LOST], "failed"),
                (hidden[RUNNING] - away, "running"),
                (away, "running off the screen"),
                (hidden[PENDING], "waiting"),
                (hidden[DONE], "done"),
                (hidden[CANCELLED], "cancelled"),
            ]
            told = [(count, word) for count, word in words if count > 0]
            if not told:
                return ""
            line = f"  {dots} " + ", ".join(f"{count} {word}" for count, word in told)
            if len(line) <= columns:
                break
        else:
            brief = ", ".join(f"{count} {_BRIEF[word]}" for count, word in told)
            letters = " ".join(f"{count}{word[0]}" for count, word in told)
            forms = (f"  {dots} {brief}", brief, f"  {dots[0]} {letters}", letters)
            line = next((form for form in forms if len(form) <= columns), letters)
        return self._theme.paint("dim", clip(line, columns, self._mark))


#: The words of the last line where there is no room for them.
_BRIEF = {
    "failed": "fail",
    "running": "run",
    "waiting": "wait",
    "done": "done",
    "cancelled": "cancel",
}


def _standing(state: BarState) -> BarState:
    """The state for a frame that no other follows: what has not ended stands still."""
    if state.status.ended:
        return state
    return state._replace(
        status=PENDING,
        rate=None,
        remaining=None,
        message="still running" if state.status is RUNNING else "still waiting",
    )


def _block(task: TaskState, now: float, last: bool = False) -> list[BarState | str]:
    """The rows of a task: its bars, and the rows of text that it draws.

    Where it has no bar, text stands in place of the row of its name. Of a task that did
    not end well that row is needed for the message: it takes the place of one of text.
    """
    bars = task.bars(now)
    if last:
        bars = [_standing(bars[0])]
    if not any(task.lines):
        return [*bars]
    if any(task.meters):
        return [*bars, *task.lines]
    if task.status is DONE or (task.status is RUNNING and not last):
        return list(task.lines)
    return [*bars, *task.lines[:-1]]


def _height(task: TaskState) -> int:
    """How many rows `_block` gives while the display is live."""
    nested = 0
    if task.status is RUNNING:
        nested = sum(meter is not None for meter in task.meters[1:])
    if any(task.meters):
        return 1 + nested + len(task.lines)
    return max(1, len(task.lines))


def _put(
    grid: list[list[Piece]], block: Sequence[BarState | str], place: Place, columns: int
) -> None:
    for row, what in enumerate(block, place.row):
        grid[row].append((what, place.column, place.columns or columns))


def _within(location: Location, columns: int, rows: int) -> bool:
    """Whether the location is on the screen."""
    return location[0] < columns and location[1] < rows


def _quiet(tasks: Tasks, shown: Iterable[TaskState]) -> int:
    """How many tasks without a row the whole says all of: they are done, or cancelled."""
    over = DONE, CANCELLED
    return sum(map(tasks.counts.__getitem__, over)) - sum(task.status in over for task in shown)


def _flows(task: TaskState) -> bool:
    return task.location is None


def _when_ended(task: TaskState) -> tuple[float, float, int]:
    # many end between two frames, and so at one time
    return task.ended or 0.0, task.started or 0.0, task.id


def _by_location(task: TaskState) -> tuple[bool, int, int, int]:
    column, row = task.location or (0, 0)
    return task.location is None, row, column, task.id


_by_id = attrgetter("id")
