"""All that is known of one task, and the frozen `BarState` of each of its bars, that a
renderer draws.

Never here: I/O, threads, a clock, columns; other tasks (`tasks`).
"""

from __future__ import annotations

from enum import Enum
from math import floor
from typing import NamedTuple

from .events import Advanced, Started
from .line_discipline import TerminalText
from .rate import Rate

#: What code of the user's, or a fault of ours, may raise where the display draws. Not
#: KeyboardInterrupt, which is the main thread's.
FAULTS = (Exception, SystemExit)


class Status(str, Enum):
    """Where a task is in its life."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """Its worker died."""

    ended: bool
    # of `str` and not computed: a plain Enum runs Python code where it is a key
    __hash__ = str.__hash__


for _status in Status:
    _status.ended = _status not in (Status.PENDING, Status.RUNNING)

# up to CPython 3.11, a member costs 0.14 µs where it is asked of its class
PENDING, RUNNING, DONE, FAILED, CANCELLED, LOST = Status


class BarState(NamedTuple):
    """One bar at one moment: all that a renderer needs to draw it.

    Attributes:
        desc: what it is.
        n: how much is done, in its unit; at least 0.
        total: how much there is, or None where unknown.
        unit: what is counted.
        elapsed: seconds it has run, or ran.
        rate: units a second, or None where not known.
        remaining: seconds still to go, or None where not known.
        status: of its task: `Status.PENDING`, RUNNING, DONE, FAILED, CANCELLED or LOST, each
            a str ("pending", …).
        depth: 0 for the task's row, 1 and up for bars nested in it.
        fraction: between 0 and 1, or None where unknown. For a plain bar n / total.
        counted: whether there is a bar at all; a task without one has only a name and
            a time.
        postfix: words after the numbers.
        message: one line on how it ended, where there is something to say: why it failed or
            was lost, that it was interrupted; empty otherwise.
        whole: whether this is the row for all tasks together.
    """

    desc: str
    n: float = 0
    total: float | None = None
    unit: str = "it"
    elapsed: float = 0.0
    rate: float | None = None
    remaining: float | None = None
    status: Status = RUNNING
    depth: int = 0
    fraction: float | None = None
    counted: bool = True
    postfix: str = ""
    message: str = ""
    whole: bool = False


class _Meter:
    """The newest numbers of one bar of a running task."""

    __slots__ = ("_asked", "_left", "_rate", "_second", "_told", "event", "heard")

    def __init__(self, event: Advanced, now: float) -> None:
        self.event = event
        self.heard = now
        # of thousands of short tasks, most are over before anybody asks for these
        self._rate: Rate | None = None
        self._second = -1
        self._told: float | None = None
        self._asked: float | None = None

    @property
    def rate(self) -> Rate:
        """Its estimator, which has all its numbers."""
        if self._rate is None:
            self._rate = Rate(0.0)
            self._rate.update(self.event.elapsed, self.event.n)
        return self._rate

    def update(self, event: Advanced, now: float) -> None:
        self.rate.update(event.elapsed, event.n)
        self._asked = None
        self.event = event
        self.heard = now

    def elapsed(self, now: float) -> float:
        """The bar's age by its worker's clock, carried on from when it was heard."""
        if self.event.closed:
            return self.event.elapsed
        return self.event.elapsed + max(0.0, now - self.heard)

    def per_second(self, at: float) -> float | None:
        """Its rate: told anew once a second, so that it can be read, and costs few bytes."""
        second = int(at)
        if second != self._second or self._told is None:
            self._second, self._told = second, self.rate.per_second(second)
        return self._told

    def remaining(self, at: float) -> float | None:
        """Seconds until its total, which the row of the whole asks for, too."""
        if at != self._asked:
            self._asked, self._left = at, self.rate.remaining(at, self.event.total)
        return self._left


class TaskState:
    """All that is known of one task. Changed by `tasks` alone."""

    __slots__ = (
        "desc",
        "ended",
        "id",
        "items",
        "location",
        "message",
        "meters",
        "printed",
        "ran",
        "reached",
        "run",
        "started",
        "status",
        "text",
        "written",
    )

    def __init__(
        self, id: int, desc: str, items: int = 1, location: tuple[int, int] | None = None
    ) -> None:
        self.id = id
        self.desc = desc
        self.items = items
        """How many calls of the user's function it makes: the chunk's size under map."""
        self.status = PENDING
        self.started: float | None = None
        self.ended: float | None = None
        self.ran = 0.0
        """Seconds that it has run at least, by its worker's clock."""
        self.run: tuple[int, int] | None = None
        """The process in which it runs, and which of its runs there this is."""
        self.message = ""
        self.meters: tuple[_Meter | None, ...] = ()
        self.location = location
        """Where the user wants it: column and row of the display, from 0."""
        self.written: tuple[str, ...] = ()
        """The rows of text that it draws by its Writer, the first on top: printable text and
        SGR."""
        self.printed: tuple[str, ...] = ()
        """Those that it draws on its own terminal."""
        self.text: TerminalText | None = None
        """All that it wrote by its Writer, where it wrote any."""
        self.reached = 0.0
        """How much of the task is done by its own first bar; 0 where it has none. Where
        bars follow one another it is the most that any reached: it never steps back."""

    @property
    def pid(self) -> int | None:
        """The process in which it runs, or ran."""
        return None if self.run is None else self.run[0]

    def start(self, event: Started, begun: float) -> None:
        """Its worker tells that it runs."""
        run = event.pid, event.run
        if self.run != run:
            if self.run is not None:
                self._begin_anew()
            self.run = run
        # news are always late, so the earliest that was told is nearest to the truth
        if self.started is None or begun < self.started:
            self.started = begun
        if self.ran < event.elapsed:
            self.ran = event.elapsed

    def _begin_anew(self) -> None:
        """Its engine runs it once more, since the worker before was lost or it had failed."""
        self.started, self.ran, self.reached = None, 0.0, 0.0
        self.meters = ()
        self.written = ()
        self.text = None

    def advance(self, event: Advanced, now: float) -> None:
        """One of its bars moved, or is new."""
        slot, meters = event.slot, self.meters
        meter = meters[slot] if slot < len(meters) else None
        if meter is None or meter.event.serial < event.serial:
            above = meters[:slot] + (None,) * (slot - len(meters))
            self.meters = (*above, _Meter(event, now), *meters[slot + 1 :])
        # two threads of a worker may send what they sampled in either order
        elif meter.event.serial == event.serial and meter.event.elapsed <= event.elapsed:
            meter.update(event, now)
        if slot == 0 and (total := event.total) and (part := event.n / total) > self.reached:
            self.reached = 1.0 if part > 1.0 else part

    @property
    def lines(self) -> tuple[str, ...]:
        """The rows of text that it draws, the first on top: printable text and SGR."""
        return self.written + self.printed

    def elapsed(self, now: float) -> float:
        """Seconds it has run. One that ended before it was heard of ran next to none."""
        if self.started is None:
            return 0.0
        return max(self.ran, (now if self.ended is None else self.ended) - self.started)

    def remaining(self, now: float) -> float | None:
        """Seconds until its first bar is full, or None where not known."""
        meter = self.meters[0] if self.meters else None
        if meter is None or self.status.ended or meter.event.closed:
            return None
        return meter.remaining(meter.elapsed(now))

    def bars(self, now: float) -> list[BarState]:
        """The task's row, then a row for each bar nested in it while it runs."""
        first = self.meters[0] if self.meters else None
        rows = [self._row(first, 0, now)]
        if self.status is RUNNING:
            rows += [self._row(m, depth, now) for depth, m in enumerate(self.meters[1:], 1) if m]
        return rows

    def _row(self, meter: _Meter | None, depth: int, now: float) -> BarState:
        elapsed = self.elapsed(now)
        if meter is None:
            return BarState(
                self.desc,
                elapsed=elapsed,
                status=self.status,
                counted=False,
                message=self.message,
            )
        event = meter.event
        over = self.status.ended or event.closed
        at = meter.elapsed(now if self.ended is None else self.ended)
        if depth:
            elapsed = at
        total = event.total
        mean = event.n / at if at > 0 and event.n else None
        return BarState(
            desc=event.desc or (self.desc if depth == 0 else ""),
            n=event.n,
            total=total,
            unit=event.unit,
            elapsed=elapsed,
            rate=mean if over else meter.per_second(at),
            remaining=None if over else meter.remaining(at),
            status=self.status,
            depth=depth,
            fraction=None if total is None else _fraction(event.n, total),
            postfix=event.postfix,
            message=self.message if depth == 0 else "",
        )


def number(value: float) -> str:
    """A finite one as it is; what is no integer has one decimal, rounded down."""
    if isinstance(value, int):
        return str(value)
    near = f"{value:.1f}"
    return near if float(near) <= value else f"{floor(value * 10) / 10:.1f}"


def _fraction(n: float, total: float) -> float:
    """How much of it is done, between 0 and 1."""
    return max(0.0, min(1.0, n / total)) if total else 1.0


#: A task as it was submitted: its name, how many items it has, and its location. Of one item
#: and without a location the name alone: of thousands, nothing that the collector walks.
Submission = str | tuple[str, int] | tuple[str, int, tuple[int, int] | None]
