"""How fast, and how much longer: a time-weighted rate and the remaining time.

The rate is an exponential average over time (not over updates), corrected for its own
start, so that it does not depend on how often it is fed. What comes in bursts is no
stall: only a pause longer than the usual ones lowers it, and gently. `now` is always an
argument.

Never here: reading a clock.
"""

from __future__ import annotations

from math import exp, inf, log

#: Seconds after which a sample counts 1/e of what it counted when new.
MEMORY = 15.0
#: Seconds of progress before which no rate is told: the first look may come in a burst.
SURE = 0.05
#: Remaining time is told once the bar has run this many seconds.
KNOWN_AFTER = 1.0
#: A pause of so many seconds is no stall.
NO_STALL = 1.0
#: It is not told while a stall alone makes it more than so many times as long.
DOUBT = 2.0
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
        "_known_from",
        "_last_n",
        "_last_now",
        "_memory",
        "_pause",
        "_rate",
        "_told",
        "_told_at",
        "_weight",
    )

    def __init__(self, now: float, n: float = 0, memory: float = MEMORY) -> None:
        self._memory = memory
        self._restart(now, n)

    def _restart(self, now: float, n: float) -> None:
        self._last_now, self._last_n = now, n
        self._known_from = now + KNOWN_AFTER
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
        step = (float(n) - self._last_n) / span
        stalled = self._slowness(now) > DOUBT and step * DOUBT * self._weight < self._rate
        self._rate = self._rate * keep + step * (1 - keep)
        self._weight = self._weight * keep + (1 - keep)
        if stalled:
            # until the stall makes up no more than half of what is remembered
            self._known_from = now + self._memory * log(1 + 2 * (1 - keep) - self._weight)
        self._pause = max(span, self._pause * keep)
        self._last_now, self._last_n = now, n

    def per_second(self, now: float) -> float | None:
        """Units a second at `now`, or None before it has moved for `SURE` seconds.

        A stall shows: the time without progress beyond the usual lowers it.
        """
        if self._weight < 1 - exp(-SURE / self._memory):
            return None
        return self._rate / self._weight / self._slowness(now)

    def _slowness(self, now: float) -> float:
        """How many times slower it is for the time without progress: 1 where that is usual."""
        pause = now - self._last_now
        if self._rate <= 0 or pause <= NO_STALL:
            return 1.0
        usual = max(NO_STALL, 2.0 * self._weight / self._rate, 1.5 * self._pause)
        stalled = max(0.0, pause - usual)
        lost = 1 - exp(-stalled / self._memory)
        return 1 + lost / ((1 - lost) * self._weight) if lost < 1 else inf

    def remaining(self, now: float, total: float | None) -> float | None:
        """Seconds from `now` until `total`, or None where not known well enough.

        It counts down with the clock, and glides to a new estimate. In a long stall, and
        soon after one, it is not known.
        """
        if total is None or now < self._known_from:
            return None
        if self._last_n >= total:
            return 0.0
        rate = self.per_second(now)
        if not rate or self._slowness(now) > DOUBT:
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
