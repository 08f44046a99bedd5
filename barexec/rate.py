"""How fast, and how much longer: a time-weighted rate and the remaining time.

The rate is an exponential average over time (not over updates), corrected for its own
start, so that it does not depend on how often it is fed. What comes in bursts is no
stall: only a pause longer than the usual ones lowers it, and gently. `now` is always an
argument.

Never here: reading a clock.
"""

from __future__ import annotations

from math import exp

#: Seconds after which a sample counts 1/e of what it counted when new.
MEMORY = 15.0
#: Remaining time is told once the bar has run this many seconds.
KNOWN_AFTER = 1.0
#: Seconds in which the remaining time that is told comes 1/e near to a new estimate.
CALM = 2.0


class Rate:
    """An estimator of one quantity that grows with time.

    Args:
        now: seconds, of any monotonic clock, at which it stood at `n`.
        n: its value then.
        memory: seconds after which a sample counts 1/e; more makes it calmer.

    Guarantees: not thread-safe; constant memory; never raises for finite input.
    """

    __slots__ = (
        "_last_n",
        "_last_now",
        "_memory",
        "_pause",
        "_rate",
        "_start",
        "_told",
        "_told_at",
        "_weight",
    )

    def __init__(self, now: float, n: float = 0, memory: float = MEMORY) -> None:
        self._memory = memory
        self._restart(now, n)

    def _restart(self, now: float, n: float) -> None:
        self._start = self._last_now = now
        self._last_n = n
        self._rate = 0.0
        self._weight = 0.0
        self._pause = 0.0
        """The longest pause between two steps, as far as it is remembered."""
        self._told: float | None = None
        self._told_at = now

    def update(self, now: float, n: float) -> None:
        """The quantity stands at `n` at the time `now`. A step back starts afresh."""
        span = now - self._last_now
        if n < self._last_n:
            self._restart(now, n)
            return
        if span <= 0 or n == self._last_n:
            # nothing new: the stretch without progress counts when progress comes
            return
        keep = exp(-span / self._memory)
        self._rate = self._rate * keep + (n - self._last_n) / span * (1 - keep)
        self._weight = self._weight * keep + (1 - keep)
        self._pause = max(span, self._pause * keep)
        self._last_now, self._last_n = now, n

    def per_second(self, now: float) -> float | None:
        """Units a second at `now`, or None before anything moved.

        A stall shows: the time without progress beyond the usual lowers it.
        """
        if self._weight <= 0:
            return None
        rate = self._rate / self._weight
        if rate > 0:
            stalled = now - self._last_now - max(1.0, 2.0 / rate, 1.5 * self._pause)
            if stalled > 0:
                keep = exp(-stalled / self._memory)
                rate *= keep * self._weight / (keep * self._weight + 1 - keep)
        return rate

    def remaining(self, now: float, total: float | None) -> float | None:
        """Seconds from `now` until `total`, or None where not known well enough.

        It counts down with the clock, and glides to a new estimate.
        """
        if total is None or now - self._start < KNOWN_AFTER:
            return None
        if self._last_n >= total:
            return 0.0
        rate = self.per_second(now)
        if not rate:
            return None
        # beyond the next step that is due, nothing is known to have passed
        passed = min(now - self._last_now, max(1.0 / rate, self._pause))
        told = max(0.0, (total - self._last_n) / rate - passed)
        if self._told is not None:
            span = max(0.0, now - self._told_at)
            before = max(0.0, self._told - span)
            told += (before - told) * exp(-span / CALM)
        self._told, self._told_at = told, now
        return told
