"""Whether the process was stopped (Ctrl-Z) and went on, told by clocks: no signal is taken.

A stop shows as a gap between two looks in which hardly any processor time was used. So does a
machine with far more to do than it can; but then our threads waited for a processor, which
Linux counts. Elsewhere the two look alike.

Never here: what is done about it.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from time import monotonic, process_time

#: Seconds of a gap that is taken for a stop; where nobody counts how long threads have waited.
STOPPED, UNCOUNTED = 0.5, 1.0
#: Processor time that a gap may have used: a share of it, and seconds.
SHARE, SECONDS = 0.1, 0.2
#: Seconds for which it is not asked again how long our threads have waited: it costs 75 us.
FRESH = 0.3
#: The share of a gap for which they have run, or waited, if that is what made it.
EXPLAINED = 0.7


class Stops:
    """Looks for stops. Guarantees: not thread-safe; no method blocks, or raises."""

    def __init__(self) -> None:
        self._seen: tuple[float, float] | None = None
        self._asked = float("-inf")
        self._waited: dict[str, float] = {}
        """For how long our threads had waited, when it was asked last."""

    def found(self) -> bool:
        """Whether there was one since the last call."""
        if not hasattr(signal, "SIGTSTP"):  # Windows has no such thing
            return False
        # one look at the clocks ends a gap and begins the next: what falls between is not lost
        before, self._seen = self._seen, (monotonic(), process_time())
        now, told = self._seen[0], self._waited
        if now - self._asked > FRESH:
            self._asked, self._waited = now, waited()
        if before is None:
            return False
        gap, ran = now - before[0], self._seen[1] - before[1]
        if gap <= STOPPED or ran > gap * SHARE + SECONDS:
            return False
        # by thread: one that has ended meanwhile takes what it had ever waited with it
        more = sum(time - told.get(thread, 0.0) for thread, time in self._waited.items())
        return gap > (STOPPED if self._waited else UNCOUNTED) and ran + more < gap * EXPLAINED

    def excuse(self, seconds: float) -> None:
        """So much of the time since the last look was no stop."""
        if self._seen is not None:
            self._seen = self._seen[0] + seconds, self._seen[1]

    def forget(self) -> None:
        """What follows is no stop, until the next look."""
        self._seen = None


def waited() -> dict[str, float]:
    """Seconds that each of our threads has waited for a processor; none where no one counts
    them. Source: proc_pid_schedstat(5), the second number, in ns."""
    seconds = {}
    with suppress(OSError, ValueError, IndexError):
        for thread in os.listdir("/proc/self/task"):  # noqa: PTH208
            with suppress(OSError), open(f"/proc/self/task/{thread}/schedstat") as file:  # noqa: PTH123
                seconds[thread] = int(file.read().split()[1]) / 1e9
    return seconds
