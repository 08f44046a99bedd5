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
        """Whether there was one since `mark`."""
        if self._seen is None or not hasattr(signal, "SIGTSTP"):  # Windows has no such thing
            return False
        gap, ran = monotonic() - self._seen[0], process_time() - self._seen[1]
        if gap <= STOPPED or ran > gap * SHARE + SECONDS:
            return False
        # by thread: one that has ended meanwhile takes what it had ever waited with it
        threads = waited()
        more = sum(now - self._waited.get(thread, 0.0) for thread, now in threads.items())
        return gap > (STOPPED if threads else UNCOUNTED) and ran + more < gap * EXPLAINED

    def mark(self) -> None:
        """From now on."""
        now = monotonic()
        self._seen = now, process_time()
        if now - self._asked > FRESH:
            self._asked, self._waited = now, waited()

    def forget(self) -> None:
        """What follows is no stop, until the next `mark`."""
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
