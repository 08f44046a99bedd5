"""The tasks of one display, and how an event changes what is known of them.

`apply` and the methods of `Tasks` are the only ways it changes. What is finished is folded
into counts; of each kind only the newest `KEPT` stay whole.

Never here: I/O, threads, a clock, columns; what is known of one task (`state`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice, repeat
from types import MappingProxyType

from .events import Advanced, Started
from .rate import Rate
from .state import (
    CANCELLED,
    DONE,
    FAILED,
    LOST,
    PENDING,
    RUNNING,
    BarState,
    Status,
    Submission,
    TaskState,
)

#: Finished tasks that stay whole, of each kind: more than any screen has rows.
KEPT = 300
#: Tasks that may come to a good end between two frames without being `folded`.
FEW = 30
#: Bars nested deeper than this are not shown.
DEEPEST = 64
#: The memory, in seconds, of the rate of all tasks together: they end in bursts.
WHOLE_MEMORY = 60.0
#: Seconds after which it is told how long all tasks would take if the rest were as those that
#: run first, of which none has ended: who waits so long wants to know.
WAVE = 60.0
#: No worker is known to have died.
NONE_DEAD: Mapping[int, str] = MappingProxyType({})


class Tasks:
    """The tasks of one display, by status, and counts of them all.

    Attributes:
        pending: what was submitted, by id, of the tasks that wait, of which there may be many.
        running, finished, failed: the others by id, in the order in which they came into
            that status. `failed` (FAILED, and LOST while running) and `finished`
            (the rest: DONE, CANCELLED, and LOST before it ran, which must not crowd out
            what was lost) keep at least the newest `KEPT`; `counts` and `items` tell of all.
        located: those of `running` that have a location.

    Guarantees: not thread-safe (the display's thread alone uses it); no method raises
    for an unknown, late or doubled id.
    """

    def __init__(self, kept: int | None = KEPT) -> None:
        self.pending: dict[int, Submission] = {}
        self.running: dict[int, TaskState] = {}
        self.located: dict[int, TaskState] = {}
        self.finished: dict[int, TaskState] = {}
        self.failed: dict[int, TaskState] = {}
        self._ended: Counter[Status] = Counter()
        """Tasks of each status in which they have ended."""
        self._more: Counter[Status] = Counter()
        """Items of each status beyond the first of each task."""
        self.folded = 0
        """Tasks that ended and were only counted."""
        self.desc = "tasks"
        self.bare = True
        """No pool has reported yet: only bars outside any task, which need no whole."""
        self._kept = kept
        self._rate: Rate | None = None
        self._active = 0.0
        self._since: float | None = None

    @property
    def counts(self) -> Counter[Status]:
        """Tasks of each status."""
        live = {PENDING: len(self.pending), RUNNING: len(self.running)}
        return Counter({**live, **self._ended})

    @property
    def items(self) -> Counter[Status]:
        """The same in calls of the user's function, in which the whole is counted."""
        items = self.counts
        items.update(self._more)
        return items

    def get(self, id: int) -> TaskState | None:
        """The task, if it has started, and is kept."""
        return self.running.get(id) or self.finished.get(id) or self.failed.get(id)

    def waiting(self) -> list[TaskState]:
        """The tasks that wait, as tasks like the others."""
        return [_task(id, submission) for id, submission in self.pending.items()]

    def submit(self, submissions: Mapping[int, Submission], now: float) -> None:
        """Tasks of these numbers were submitted: they wait."""
        if submissions:
            self.pending.update(submissions)
            more = [_items(words) - 1 for words in submissions.values() if type(words) is not str]
            self._more[PENDING] += sum(more)
            if self._since is None:
                self._since = now

    def begin(self, id: int) -> TaskState | None:
        """A task runs. Returns it, or None where it does not wait."""
        task = self._no_longer_waiting(id)
        if task is not None:
            task.status = RUNNING
            self.running[id] = task
            if task.location is not None:
                self.located[id] = task
            if task.items != 1:
                self._more[RUNNING] += task.items - 1
        return task

    def withdraw(self, id: int, now: float) -> None:
        """The executor did not take the task after all, or nobody can know what becomes of it: it
        never was, and what a worker tells of it later does nothing."""
        task = self.running.pop(id, None)
        if task is None:
            self._no_longer_waiting(id)
        else:
            self.located.pop(id, None)
            self._more[RUNNING] -= task.items - 1
        self._rest(now)

    def _no_longer_waiting(self, id: int) -> TaskState | None:
        submission = self.pending.pop(id, None)
        if type(submission) is str:
            return TaskState(id, submission)
        if submission is None:
            return None
        task = _task(id, submission)
        if task.items != 1:
            self._more[PENDING] -= task.items - 1
        return task

    def _rest(self, now: float) -> None:
        """Stop the clock of the whole where nothing is live any longer."""
        if not self.live and self._since is not None:
            self._active += now - self._since
            self._since = None

    def end(
        self,
        id: int,
        status: Status,
        message: str,
        now: float,
        dead: Mapping[int, str] = NONE_DEAD,
        ran_in: Callable[[int], int | None] | None = None,
    ) -> TaskState | None:
        """A task ended: its Future said so. A second end of a task changes nothing.

        Args:
            message: what to say of it; of one that is lost, where no dead worker is known.
            dead: how workers died, by their processes; the one that broke the pool is first.
            ran_in: tells of a task that was never heard of in which process it ran, if in any;
                None where nobody knows.

        Returns:
            The task, or None where it had ended before or was never submitted.
        """
        task = self.running.pop(id, None)
        if task is None:
            task = self._no_longer_waiting(id)
            if task is None:
                return None
            pid = ran_in(id) if status is LOST and ran_in is not None else None
            sure = ran_in is not None
        else:
            self.located.pop(id, None)
            if task.items != 1:
                self._more[RUNNING] -= task.items - 1
            pid, sure = task.pid, True
        if status is LOST:
            message = _loss(pid, dead, message, sure)
        lost = status is LOST and (task.started is not None or pid is not None)
        task.status, task.ended, task.message = status, now, message
        self._ended[status] += 1
        if task.items != 1:
            self._more[status] += task.items - 1
        room = self.failed if lost or status is FAILED else self.finished
        room[id] = task
        if self._kept is not None and len(room) > self._kept + self._kept // 16:
            # many at once: the front of a dict that is emptied one by one is slow to find
            for old in list(islice(room, len(room) - self._kept)):
                del room[old]
        if not (self.pending or self.running):
            self._rest(now)
        return task

    def done(self, ids: Sequence[int], now: float) -> list[TaskState]:
        """So many tasks are done.

        Returns those that are kept. Of many at once, those that never were heard of and are
        more than any screen has rows are only counted: they are `folded`.
        """
        ended: list[TaskState | None] = []
        kept = len(ids)
        if self._kept is not None and kept > FEW:
            kept = max(FEW, self._kept - len(self.finished))
        first = max(0, len(ids) - kept)
        # thousands at each frame
        submissions = list(map(self.pending.pop, ids[:first], repeat(None)))
        others = [(id, s) for id, s in zip(ids, submissions, strict=False) if type(s) is not str]
        heard = [id for id, s in others if s is None]
        count = len(submissions) - len(heard)
        more = sum(_items(s) - 1 for _, s in others if s is not None)
        ended += [self.end(id, DONE, "", now) for id in heard]
        self._ended[DONE] += count
        self._more[PENDING] -= more
        self._more[DONE] += more
        self.folded += count
        ended += [self.end(id, DONE, "", now) for id in ids[first:]]
        return [task for task in ended if task is not None]

    @property
    def live(self) -> bool:
        """Whether any task runs or waits."""
        return bool(self.pending or self.running)

    @property
    def ended(self) -> int:
        """How many items have ended, in whatever way."""
        return sum(count for status, count in self.items.items() if status.ended)

    @property
    def all(self) -> int:
        """How many items were ever submitted."""
        return sum(self.items.values())

    def elapsed(self, now: float) -> float:
        """Seconds during which any task was live."""
        return self._active + (now - self._since if self._since is not None else 0.0)

    def whole(self, now: float) -> BarState:
        """The row for all tasks together; its fraction counts partial progress.

        What is cancelled is not done, and never will be.
        """
        items = self.items
        part = sum(task.reached * task.items for task in self.running.values())
        gone = items[CANCELLED]
        bad = items[FAILED] + items[LOST]
        total, ended = sum(items.values()), items[DONE] + bad
        elapsed = self.elapsed(now)
        if self._rate is None:
            self._rate = Rate(0.0, memory=WHOLE_MEMORY)
        self._rate.update(elapsed, ended + part)
        words = [f"{bad} failed"] * bool(bad) + [f"{gone} cancelled"] * bool(gone)
        over = not self.live
        # before the first wave is through, all that is known are its own tasks: a guess at the
        # others, and of those without a bar, none
        known = ended >= items[RUNNING] or (part > 0 and (elapsed > WAVE or not self.pending))
        outcome = FAILED if bad else CANCELLED if gone else DONE
        return BarState(
            desc=self.desc,
            n=ended,
            total=total,
            unit="task",
            elapsed=elapsed,
            rate=(ended / elapsed if elapsed > 0 and ended else None)
            if over
            else self._rate.per_second(int(elapsed)),
            remaining=self._remaining(elapsed, total - gone, now) if known and not over else None,
            status=outcome if over else RUNNING,
            fraction=min(1.0, (ended + part) / total) if total else None,
            postfix=", ".join(words),
            whole=True,
        )

    def _remaining(self, elapsed: float, total: int, now: float) -> float | None:
        """Seconds until the last task ends, or None where not known."""
        assert self._rate is not None  # `whole` has made it
        by_rate = self._rate.remaining(elapsed, total)
        # of thousands, those that began first: to ask each would cost more than it tells
        most = KEPT if self.pending else None
        each = [task.remaining(now) for task in islice(self.running.values(), most)]
        longest = max((seconds for seconds in each if seconds is not None), default=0.0)
        if not self.pending and None not in each:
            return longest
        # no less than the longest of those that run
        return None if by_rate is None else max(by_rate, longest)


def _items(submission: Submission) -> int:
    return 1 if isinstance(submission, str) else submission[1]


def _task(id: int, submission: Submission) -> TaskState:
    if isinstance(submission, str):
        return TaskState(id, submission)
    return TaskState(id, *submission)


def _loss(pid: int | None, dead: Mapping[int, str], why: str, sure: bool) -> str:
    """What is said of a task that is lost, and ran in that process, or did not start; if that is
    not sure, it may have ended before anything was heard of it."""
    if pid is not None and pid in dead:
        return f"its worker died ({dead[pid]}), pid {pid}"
    if dead:
        first, how = next(iter(dead.items()))
        why = f"a worker died ({how}), pid {first}"
    if pid is not None:
        return f"stopped: {why}" if why else f"its worker died, pid {pid}"
    why = why or "a worker died and broke the pool"
    return f"never started: {why}" if sure else why


def apply(tasks: Tasks, event: Started | Advanced, now: float) -> None:
    """Let one event of a worker change what is known.

    There may be thousands in each frame.

    A task that has ended keeps its status, and takes later numbers: a result may
    overtake the last sample. Events of tasks that are unknown (or folded) do nothing.
    """
    id = event.task
    task = tasks.running.get(id) or tasks.begin(id) or tasks.get(id)
    if task is None:
        return
    begun = (now if task.ended is None else task.ended) - event.elapsed
    if type(event) is Started:
        task.start(event, begun)
    else:
        if task.started is None:
            task.started = begun
        if event.slot < DEEPEST:
            task.advance(event, now)
