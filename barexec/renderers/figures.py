"""Numbers as people read them: counts, shares, rates and times. None promises more than is so.

Never here: columns, a style.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, isfinite

from ..state import BarState, number

#: Counts from here on are shortened to three digits and a prefix.
SHORTENED_FROM = 1_000_000
#: A longer time to go than this many seconds means nothing.
FORESEEABLE = 99 * 86_400

_PREFIXES = " kMGTPEZYRQ"


def counts(state: BarState) -> tuple[str, str]:
    """n and total, as people read them; an unknown total is empty."""
    n, total = state.n, state.total
    short = state.unit == "B" or max(n, total or 0) >= SHORTENED_FROM
    return _count(n, short), "" if total is None else _count(total, short)


def _count(value: float, short: bool) -> str:
    if not finite(value):
        return "?"
    if short and value >= 1000:
        return shortened(value)
    return number(value)


def finite(value: float) -> bool:
    """Whether a float can hold it; False also for integers beyond 1e308."""
    try:
        return isfinite(value)
    except OverflowError:
        return False


def shortened(value: float) -> str:
    """Three digits and an SI prefix, rounded down: 1.23k. For finite values from 1000 on."""
    digits = str(int(value))
    group = (len(digits) - 1) // 3
    if group >= len(_PREFIXES):
        return f"{float(value):.0e}"
    point = len(digits) - 3 * group
    return digits[:point] + ("." + digits[point:3] if point < 3 else "") + _PREFIXES[group]


def percent(state: BarState) -> str:
    """Percent done, rounded down; 100% only where nothing is left."""
    if state.fraction is None:
        return ""
    if state.total is not None and state.n >= state.total:
        return "100%"
    # bounded before it is multiplied: it may be as far off as a float goes
    return f"{int(max(0.0, min(0.99, state.fraction)) * 100 + 1e-9)}%"


@lru_cache(maxsize=1024)
def speed(rate: float | None, unit: str) -> tuple[str, str]:
    """The number and the unit of a rate: units a second, or time a unit where slow."""
    if rate is None or not finite(rate) or rate <= 0:
        return "", ""
    if rate >= 1000:
        text = shortened(rate)
        if unit == "B" and text[-1] in _PREFIXES:
            return text[:-1], f"{text[-1]}B/s"
        return text, f"{unit}/s"
    if rate >= 100:
        return str(int(rate)), f"{unit}/s"
    if rate >= 1:
        return f"{rate:.1f}", f"{unit}/s"
    seconds = 1 / rate
    for length, name in ((1, "s"), (60, "min"), (3600, "h"), (86_400, "d")):
        if seconds < 100 * length:
            return f"{seconds / length:.1f}", f"{name}/{unit}"
    return "", ""


def duration(seconds: float) -> str:
    """Whole seconds as 0:12, 1:02:03 or 2d 03:04."""
    return _clock(int(sane(seconds)))


@lru_cache(maxsize=1024)
def _clock(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    if hours >= 24:
        return f"{hours // 24}d {hours % 24:02}:{minute:02}"
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def until(remaining: float | None) -> str:
    """Time to go, rounded up; empty where it is not known, or beyond all use."""
    if remaining is None or not 0 <= remaining <= FORESEEABLE:
        return ""
    return duration(ceil(remaining - 1e-6))


def sane(seconds: float) -> float:
    """The same, or 0 where it is no time that can have passed."""
    return seconds if finite(seconds) and seconds > 0 else 0.0
