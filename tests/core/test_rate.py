"""The rate and the remaining time: true, calm, and independent of how often they are fed."""

from __future__ import annotations

import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barexec.rate import SURE, Rate

spans = st.floats(1.1 * SURE, 100)
steps = st.lists(st.tuples(spans, st.integers(1, 1000)), min_size=1, max_size=40)


def fed(times: list[tuple[float, float]], **options: float) -> Rate:
    rate = Rate(0.0, **options)
    for now, n in times:
        rate.update(now, n)
    return rate


def test_nothing_is_known_before_anything_moved() -> None:
    rate = Rate(10.0, 5)
    rate.update(20.0, 5)
    assert rate.per_second(20.0) is None
    assert rate.remaining(20.0, 100) is None


def test_a_burst_at_the_start_tells_nothing_yet() -> None:
    """Of three steps in 0.2 ms no rate is known, but of those in the next tenth of a second."""
    rate = fed([(0.0002, 3)])
    assert rate.per_second(0.0002) is None
    assert rate.per_second(9.0) is None
    rate.update(0.1, 10)
    assert rate.per_second(0.1) == pytest.approx(100, rel=0.01)


@given(st.floats(0.01, 1e6), st.lists(st.floats(0.01, 100), min_size=6, max_size=40))
def test_a_steady_pace_is_found_exactly_however_often_it_is_fed(
    pace: float, pauses: list[float]
) -> None:
    rate, now = Rate(0.0), 0.0
    for pause in pauses:
        now += pause
        rate.update(now, now * pace)
    assert rate.per_second(now) == pytest.approx(pace)


@given(steps)
def test_the_rate_lies_between_the_slowest_and_the_fastest_step(
    taken: list[tuple[float, int]],
) -> None:
    rate, now, n = Rate(0.0), 0.0, 0
    for span, step in taken:
        now, n = now + span, n + step
        rate.update(now, n)
    paces = [step / span for span, step in taken]
    told = rate.per_second(now)
    assert told is not None
    assert min(paces) * 0.999 <= told <= max(paces) * 1.001


@given(steps, st.lists(spans, max_size=5))
def test_time_without_progress_never_raises_the_rate(
    taken: list[tuple[float, int]], waits: list[float]
) -> None:
    rate, now, n = Rate(0.0), 0.0, 0
    for span, step in taken:
        now, n = now + span, n + step
        rate.update(now, n)
    told = [rate.per_second(now)]
    for wait in waits:
        now += wait
        rate.update(now, n)
        told.append(rate.per_second(now))
    assert all(after <= before for before, after in pairwise(told))  # type: ignore[operator]


def test_a_stall_lowers_the_rate_gently() -> None:
    rate = fed([(t / 10, t * 10) for t in range(200)])
    told = [rate.per_second(20 + t / 10) or 0 for t in range(600)]
    assert told[0] == pytest.approx(100, rel=0.01)
    assert told[-1] < 10
    # no jump where the stall is noticed
    assert all(0.98 * before < after <= before for before, after in pairwise(told))


def test_bursts_with_regular_pauses_are_no_stall() -> None:
    rate = fed([(wave * 10 + i / 10, wave * 8 + i) for wave in range(1, 7) for i in range(8)])
    told = [rate.per_second(60.7 + t) for t in range(10)]
    assert len(set(told)) == 1


def test_a_step_back_starts_afresh() -> None:
    rate = fed([(t, t * 100) for t in range(1, 10)])
    rate.update(10, 0)
    assert rate.per_second(10) is None
    rate.update(12, 2)
    assert rate.per_second(12) == pytest.approx(1)


def test_remaining_is_told_only_when_it_means_something() -> None:
    rate = fed([(0.1, 1), (0.5, 5)])
    assert rate.remaining(0.5, 100) is None
    rate.update(2.0, 20)
    assert rate.remaining(2.0, None) is None
    assert rate.remaining(2.0, 100) == pytest.approx(8)
    assert rate.remaining(2.0, 20) == 0


def test_remaining_counts_down_between_steps_but_not_beyond_the_next() -> None:
    rate = fed([(10, 1), (20, 2)])
    assert rate.remaining(20, 4) == pytest.approx(20)
    assert rate.remaining(25, 4) == pytest.approx(15, abs=0.01)
    assert rate.remaining(35, 4) == pytest.approx(10, abs=0.2)


def test_remaining_does_not_jump_about() -> None:
    """Eight workers, tasks of 2 to 18 s: what is told moves with the clock, give or take."""
    ends = sorted(
        lane * 0.7 + (2 + lane * 16 / 7 + round_ * 10.3) for lane in range(8) for round_ in range(9)
    )
    rate, told = Rate(0.0, memory=60.0), []
    for tenth in range(20, int(ends[-1] * 10)):
        now = tenth / 10
        rate.update(now, sum(end <= now for end in ends))
        told.append(rate.remaining(now, len(ends)))
    settled = [seconds for seconds in told[200:] if seconds is not None]
    drift = [abs(after - before + 0.1) for before, after in pairwise(settled)]
    assert max(drift) < 1
    assert sum(drift) / len(drift) < 0.1


def test_remaining_is_not_told_in_a_long_stall() -> None:
    """A steady bar stops: what is told grows a little, then goes, instead of days."""
    rate = fed([(t / 10, t) for t in range(1, 201)])
    told = [rate.remaining(20 + t / 10, 1000) for t in range(6000)]
    assert told[0] == pytest.approx(80)
    first = told.index(None)
    assert 30 < first < 150
    assert told[first:] == [None] * (len(told) - first)
    known = [seconds for seconds in told[:first] if seconds is not None]
    assert max(known) <= 2 * 80
    assert all(after - before < 2 for before, after in pairwise(known))


def test_remaining_is_told_again_once_a_stall_means_little() -> None:
    rate = fed([(t / 10, t) for t in range(1, 201)])
    told = []
    for step in range(1, 400):
        now, n = 320 + step / 10, 200 + step
        rate.update(now, n)
        told.append((now, rate.remaining(now, 1000), (1000 - n) / 10))
    known = [(now, seconds, right) for now, seconds, right in told if seconds is not None]
    assert 325 < known[0][0] < 335
    assert len(known) == len(told) - told.index(known[0])
    assert all(seconds < 2.1 * right for _, seconds, right in known)
    assert known[-1][1] == pytest.approx(known[-1][2], rel=0.1)


def test_a_short_stall_at_the_beginning_hides_it_shortly() -> None:
    rate = fed([(t / 10, t) for t in range(1, 21)])
    assert rate.remaining(2, 100) == pytest.approx(8)
    assert rate.remaining(12, 100) is None
    for step in range(1, 120):
        rate.update(12 + step / 10, 20 + step)
    told = rate.remaining(12 + 11.9, 1000)
    assert told is not None and told < 2.1 * 86.1


def test_a_pause_in_which_as_much_was_done_as_ever_is_no_stall() -> None:
    rate = fed([(t / 10, t) for t in range(1, 201)])
    assert rate.remaining(60, 1000) is None
    rate.update(60, 600)
    assert rate.remaining(60, 1000) == pytest.approx(40)


@given(steps, st.lists(spans, max_size=20))
def test_a_stall_alone_never_more_than_doubles_what_remains(
    taken: list[tuple[float, int]], waits: list[float]
) -> None:
    rate, now, n = Rate(0.0), 0.0, 0
    for span, step in taken:
        now, n = now + span, n + step
        rate.update(now, n)
    pace = rate.per_second(now)
    assert pace
    for wait in waits:
        now += wait
        told = rate.remaining(now, n + 100)
        assert told is None or told <= 2 * 100 / pace + 1e-6


@given(steps, spans, st.floats(0, 1e6))
def test_remaining_is_never_negative_and_asking_twice_changes_nothing(
    taken: list[tuple[float, int]], wait: float, total: float
) -> None:
    rate, now, n = Rate(0.0), 0.0, 0
    for span, step in taken:
        now, n = now + span, n + step
        rate.update(now, n)
        told = rate.remaining(now, total)
        assert told is None or told >= 0
    told = rate.remaining(now + wait, total)
    assert told is None or told >= 0
    assert rate.remaining(now + wait, total) == told


def test_a_step_may_be_as_large_as_numbers_are() -> None:
    rate = Rate(0.0, -int(sys.float_info.max))
    rate.update(1.0, int(sys.float_info.max))
    assert rate.per_second(1.0) is not None
