"""What a log is told of the tasks, in whole sentences: for files, CI and screen readers.

A sentence for each task that ends, while there are few; a sentence for the whole now and
then, where there are many or nothing else is said; a summary. However many tasks there
are, the log stays short.

Never here: a stream, a clock, columns.
"""

from __future__ import annotations

from collections import Counter

from .state import BarState, Status, TaskState, number
from .tasks import Tasks

#: Sentences about single tasks that may come at once, and seconds until one more may.
BURST, REFILL = 30, 2.0
#: The same for tasks that failed.
FAILURES, FAILURE_REFILL = 30, 1.0
#: Seconds between two sentences on the whole, while tasks end untold; and otherwise.
BUSY, CALM = 10.0, 60.0


class Narration:
    """Decides what is worth a line. Each method gives the lines for now.

    Guarantees: not thread-safe; at most about one line a second in the long run.
    """

    def __init__(self) -> None:
        self._common = _Budget(BURST, REFILL)
        self._failures = _Budget(FAILURES, FAILURE_REFILL)
        self._spoke: float | None = None
        self._told: float | None = None
        """When it last spoke of the whole."""
        self._untold = False
        self._folded = 0

    def ended(self, task: TaskState, tasks: Tasks, now: float) -> list[str]:
        """A task has ended."""
        if tasks.bare or (task.status is Status.CANCELLED and task.started is None):
            return []  # of those that never ran, the summary tells
        bad = task.status is Status.FAILED or task.status is Status.LOST
        if not (self._failures if bad else self._common).take(now):
            self._untold = True
            return []
        state = task.bars(now)[0]
        name = state.desc or "a task"
        if task.status is Status.LOST and task.started is None:
            words = f"was lost: {task.message}"
        elif task.status is Status.LOST:
            words = f"was lost after {_span(state.elapsed)}: {task.message}"
        elif task.status is Status.FAILED:
            words = f"failed after {_span(state.elapsed)}: {task.message}"
        elif task.status is Status.CANCELLED:
            words = f"was {task.message or 'cancelled'}"
        else:
            words = f"is done after {_span(state.elapsed)}{_amount(state)}"
        self._spoke = now
        return [f"{name} {words}"]

    def tick(self, tasks: Tasks, now: float) -> list[str]:
        """Time has passed: now and then, how far the whole is."""
        if tasks.folded != self._folded:
            self._folded = tasks.folded
            self._untold = True
        whole = None if tasks.bare else tasks.whole(now)  # which also keeps its rate up to date
        if whole is None or not tasks.live:
            return []
        if self._told is None:
            self._told = now
        # sentences on single tasks do not stand for those that were left out
        since = self._told if self._untold or self._spoke is None else self._spoke
        if now - since < (BUSY if self._untold else CALM):
            return []
        self._spoke = self._told = now
        self._untold = False
        words = [f"{_tasks(whole.n, whole.total)} done", f"{len(tasks.running)} running"]
        if whole.fraction is not None:
            words[0] += f" ({int(whole.fraction * 100)}%)"
        if whole.postfix:
            words.append(whole.postfix)
        words.append(f"{_span(whole.elapsed)} elapsed")
        if whole.remaining is not None:
            words.append(f"about {_span(whole.remaining)} to go")
        return [f"{_name(tasks)}{', '.join(words)}"]

    def summary(self, tasks: Tasks, now: float) -> list[str]:
        """It is over: what became of all."""
        if tasks.bare or not tasks.all:
            return []
        words = Counter(
            {
                "done": tasks.items[Status.DONE],
                "failed": tasks.items[Status.FAILED],
                "lost": tasks.items[Status.LOST],
                "cancelled": tasks.items[Status.CANCELLED],
                "still running": tasks.items[Status.RUNNING],
                "never started": tasks.items[Status.PENDING],
            }
        )
        told = ", ".join(f"{count} {word}" for word, count in words.items() if count)
        return [f"{_name(tasks)}{_tasks(tasks.all)} in {_span(tasks.elapsed(now))}: {told}"]


class _Budget:
    """So many at once, and one more each so many seconds."""

    def __init__(self, burst: int, refill: float) -> None:
        self._burst = burst
        self._refill = refill
        self._left = float(burst)
        self._at: float | None = None

    def take(self, now: float) -> bool:
        if self._at is not None:
            self._left = min(self._burst, self._left + (now - self._at) / self._refill)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _name(tasks: Tasks) -> str:
    return "" if tasks.desc == "tasks" else f"{tasks.desc}: "


def _tasks(count: float, total: float | None = None) -> str:
    some = f"{count} of {total}" if total is not None else f"{count}"
    return f"{some} task{'s' * ((total if total is not None else count) != 1)}"


def _amount(state: BarState) -> str:
    """How much was done, where it was counted: `, 30 of 34 file`."""
    if not state.counted:
        return ""
    words = [number(state.n)]
    if state.total is not None and (state.n != state.total or state.unit == "it"):
        words += ["of", number(state.total)]
    # the default says nothing, but that something was counted
    return ", " + " ".join(words + [state.unit] * (state.unit != "it" or state.total is None))


def _span(seconds: float) -> str:
    """A length of time in words that a voice can read: `0.3 s`, `12 s`, `1 min 5 s`."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minute} min"
    return f"{minute} min {second} s" if minute else f"{second} s"
