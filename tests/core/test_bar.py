"""`Bar`, `current_bar`, and what a task knows of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from time import monotonic
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barexec import bars, counting
from barexec.bars import AGAIN, DEPTHS, Bar, Task, current_bar, track
from barexec.events import Advanced, Decoder, Event, encode


@contextmanager
def running(id: int = 1) -> Iterator[Task]:
    """A task that runs, as in a worker."""
    before, bars.alone = bars.alone, Task(id)
    try:
        yield bars.alone
    finally:
        bars.alone.end()
        bars.alone = before


@pytest.fixture
def task() -> Iterator[Task]:
    with running() as task:
        yield task


def look(task: Task, slot: int = 0) -> Advanced:
    """What would be sent now of one bar."""
    task._seen = ()
    event = task.sample(monotonic())[slot]
    assert isinstance(event, Advanced)
    return event


def received(event: Event) -> Advanced:
    """What the parent makes of it."""
    (got,) = Decoder().feed(encode(event))
    assert isinstance(got, Advanced)
    return got


# --- the handle ----------------------------------------------------------------------


def test_a_new_bar_is_at_nothing_of_unknown(task: Task) -> None:
    bar = Bar()
    assert (bar.n, bar.total, bar.desc, bar.unit, bar.postfix) == (0, None, "", "it", "")
    assert not bar.closed
    assert look(task)[3:5] == (0, None)
    assert look(task)[6:] == (False, "", "it", "")


def test_it_says_what_it_was_told(task: Task) -> None:
    bar = Bar(10, desc="loading", unit="MB")
    bar.update()
    bar.update(2.5)
    bar.postfix = "slow"
    assert look(task)[3:5] == (3.5, 10)
    assert look(task)[6:] == (False, "loading", "MB", "slow")
    bar.n = 7
    bar.total = 20
    bar.desc = "still loading"
    assert look(task)[3:5] == (7, 20)
    assert look(task).desc == "still loading"
    bar.n -= 2
    bar.update(-1)
    assert bar.n == look(task).n == 4
    bar.total = None
    bar.unit = "step"
    assert (look(task).total, look(task).unit) == (None, "step")


def test_the_signature_is_that_of_the_design() -> None:
    with pytest.raises(TypeError):
        Bar(1, "desc")  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        Bar().nn = 1  # type: ignore[attr-defined]


def test_as_a_context_it_is_closed_at_the_end_however_that_comes(task: Task) -> None:
    with Bar(2) as bar:
        assert isinstance(bar, Bar)
        bar.update()
    assert bar.closed
    with pytest.raises(KeyError), Bar(2) as bar:
        raise KeyError
    assert bar.closed
    assert len(task.slots) == 1


def test_closing_twice_is_closing_once(task: Task) -> None:
    bar = Bar(2)
    bar.update()
    bar.close()
    first = look(task)
    bar.close()
    with bar:
        pass
    assert look(task) == first
    assert first.closed


def test_after_its_end_its_time_stands_still_and_its_numbers_may_change(task: Task) -> None:
    bar = Bar(2)
    bar.close()
    elapsed = look(task).elapsed
    bar.update()
    assert look(task).n == 1
    assert look(task).elapsed == elapsed
    (event,) = task.sample(monotonic() + 5) or [look(task)]
    assert isinstance(event, Advanced)
    assert event.elapsed == elapsed


def test_reset_starts_anew(task: Task) -> None:
    bar = Bar(5, desc="x")
    bar.update(3)
    bar._born -= 1000
    before = look(task)
    assert before.elapsed >= 1000
    bar.reset()
    after = look(task)
    assert after[3:] == (0, 5, after.elapsed, False, "x", "it", "")
    assert after.serial != before.serial
    assert 0 <= after.elapsed < 1000
    bar.reset(9)
    assert look(task).total == 9
    bar.reset(total=0)
    assert look(task).total == 0


def test_after_its_loop_a_bar_is_what_it_will_be_once_somebody_has_looked(task: Task) -> None:
    for _ in track(range(10)):
        pass
    bar = task.slots[0]
    assert (bar.n, bar.closed) == (10, True)
    for _ in track(range(10)):
        pass
    bar = task.slots[0]
    bar.reset(50)
    bar.update(3)
    assert (look(task).n, look(task).total, look(task).closed) == (3, 50, False)
    for _ in track(range(10)):
        pass
    task.slots[1].n = 4
    assert (look(task, 1).n, look(task, 1).closed) == (4, True)


def test_reset_of_a_closed_bar_opens_it_even_if_its_place_was_taken(task: Task) -> None:
    bar = Bar(5)
    bar.update(3)
    bar.close()
    bar.reset()
    assert [*task.slots] == [bar]
    assert not look(task).closed
    bar.close()
    other = Bar(7)
    assert [*task.slots] == [other]
    bar.reset()
    bar.update(2)
    assert [*task.slots] == [other, bar]
    assert look(task, 1).n == 2


def test_within_a_loop_the_count_may_be_set_and_goes_on(task: Task) -> None:
    for size in (10, counting.SMALL):
        for item in track(range(size)):
            bar = task.slots[0]
            if item == 3:
                assert bar.n == 3
                bar.n = 100
                assert bar.n == look(task).n == 100
            if item == 5:
                assert bar.n == 102
                bar.update(10)
                assert bar.n == 112
                bar.reset(50)
                assert (bar.n, bar.total) == (0, 50)
        assert look(task).n == size - 5
        assert bar.n == size - 5


def test_closing_the_bar_of_a_loop_does_not_disturb_it(task: Task) -> None:
    for make in (range, lambda n: iter(range(n))):
        items = []
        for item in track(make(6)):
            if item == 2:
                current_bar().close()
            items.append(item)
        assert items == [0, 1, 2, 3, 4, 5]
        assert look(task)[3] == 2


def test_the_count_that_is_set_is_the_count_that_is_told(task: Task) -> None:
    bar = Bar()
    for value in (0.1, 0.7, 1e16, 1, 0.3, -2, 0):
        bar.n = value
        assert bar.n == value


# --- numbers -------------------------------------------------------------------------


@given(st.floats() | st.integers() | st.integers(10**300, 10**320), st.booleans())
def test_any_number_can_be_told(value: float, negative: bool) -> None:
    with running() as task:
        bar = Bar()
        bar.update(-value if negative else value)
        event = received(look(task))
        assert event.n == event.n
        if value == value and abs(value) < 2**53:
            assert event.n == (-value if negative else value)


@given(st.integers(0) | st.floats(0))
def test_any_total_can_be_told(total: float) -> None:
    with running() as task:
        Bar(total)
        event = received(look(task))
        known = event.total is not None
        assert known == (total < 10**308 * 1.79) or total == total > 1e308
        if total < 2**53:
            assert event.total == total


@pytest.mark.parametrize("total", [float("inf"), 10**400, Decimal("Infinity")])
def test_an_endless_total_is_an_unknown_one(total: Any, task: Task) -> None:
    assert Bar(total).total is None


class Scalar:
    """As NumPy's scalars: no int, no float, but a number."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        return float(self.value)


@pytest.mark.parametrize("kind", [Decimal, Fraction, Scalar, bool])
def test_a_total_may_be_any_kind_of_number(kind: Any, task: Task) -> None:
    bar = Bar(kind(1))
    assert bar.total == 1
    assert type(bar.total) in (int, float, bool)
    for _ in track([7], kind(1)):
        pass
    bar.total = kind(0)
    assert bar.total == 0


def test_the_count_may_be_of_other_numbers_in_c(task: Task) -> None:
    bar = Bar(10)
    three: Any = Decimal(3)
    bar.update(three)
    assert look(task).n == 3
    assert type(look(task).n) is float
    bar.update(True)
    assert received(look(task)).n == 4


def test_no_code_of_a_number_is_run_by_the_sampler(task: Task) -> None:
    calls = []

    class Number:
        def _called(self, *_: object) -> Any:
            calls.append(1)
            return self

        __add__ = __radd__ = __eq__ = __lt__ = __gt__ = __bool__ = __hash__ = _called
        __float__ = __int__ = __index__ = __repr__ = __str__ = _called

    bar = Bar(10)
    number: Any = Number()
    bar.update(number)
    assert calls.pop()
    for _ in range(3):
        encode(look(task))
    assert calls == []


@pytest.mark.parametrize("value", ["1", None, [1], b"1", object()])
def test_what_is_no_number_is_an_error_at_the_call(value: Any, task: Task) -> None:
    bar = Bar(10)
    with pytest.raises(TypeError):
        bar.update(value)
    assert bar.n == 0
    total: Any = "None" if value is None else value
    with pytest.raises(TypeError):
        bar.total = total
    assert bar.total == 10


def test_not_a_number_is_nothing(task: Task) -> None:
    bar = Bar()
    bar.update(float("nan"))
    assert received(look(task)).n == 0


# --- words ---------------------------------------------------------------------------


def test_a_postfix_may_be_words_or_a_mapping(task: Task) -> None:
    bar = Bar()
    bar.postfix = {"loss": 0.123456, "epoch": 3, "big": 123456789.0, "name": "x", "none": None}
    assert bar.postfix == "loss=0.123, epoch=3, big=1.23e+08, name=x, none=None"
    bar.postfix = 5  # type: ignore[assignment]
    assert look(task).postfix == "5"
    bar.postfix = ""
    assert look(task).postfix == ""
    bar.postfix = {}
    assert bar.postfix == ""


def test_words_are_made_where_they_are_set_and_nowhere_else(task: Task) -> None:
    class Words(str):
        def __str__(self) -> str:
            return self

        def encode(self, *_: object) -> bytes:
            raise AssertionError("not by the sampler")

        __eq__ = __hash__ = __len__ = encode  # type: ignore[assignment]

    bar = Bar(desc=Words("d"), unit=Words("u"))
    bar.postfix = Words("p")
    assert look(task)[7:] == ("d", "u", "p")
    encode(look(task))
    bar.desc = Words("e")
    assert type(look(task).desc) is str
    assert bar.desc == "e"

    class Broken:
        def __str__(self) -> str:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        bar.desc = Broken()  # type: ignore[assignment]
    with pytest.raises(KeyError, match="mine"):
        Bar(desc=Broken())  # type: ignore[arg-type]
    assert received(look(task)).desc == "e"


@given(st.text(), st.text(), st.text())
def test_any_words_can_be_told(desc: str, unit: str, postfix: str) -> None:
    with running() as task:
        Bar(desc=desc, unit=unit).postfix = postfix
        assert received(look(task)).n == 0


# --- many bars -----------------------------------------------------------------------


def test_a_bar_takes_the_highest_place_that_is_free(task: Task) -> None:
    a, b, c = Bar(desc="a"), Bar(desc="b"), Bar(desc="c")
    assert [*task.slots] == [a, b, c]
    b.close()
    d = Bar(desc="d")
    assert [*task.slots] == [a, d, c]
    a.close()
    c.close()
    e = Bar(desc="e")
    assert [*task.slots] == [e, d, c]


def test_bars_that_were_dropped_make_room_but_the_first_one(task: Task) -> None:
    Bar(desc="first").update(3)
    for at in range(100):
        Bar(desc=str(at)).update(7)
        assert len(task.slots) == 2
        assert (look(task, 1).desc, look(task, 1).n) == (str(at), 7)
    assert not task.slots[0].closed
    assert current_bar().desc == "first"
    kept = [Bar() for _ in range(3)]
    assert len(task.slots) == 4
    assert all(bar in task.slots for bar in kept)


def test_of_very_many_bars_only_so_many_are_shown(task: Task) -> None:
    many = [Bar(10) for _ in range(DEPTHS + 50)]
    for bar in many:
        bar.update()
    assert len(task.sample(0.0)) == len(task.slots) == DEPTHS
    assert many[-1].n == 1
    many[-1].close()
    many[-1].reset()
    many[0].close()
    many[-1].reset()
    assert task.slots[0] is many[-1]


def test_only_what_has_changed_is_told(task: Task) -> None:
    now = monotonic()
    bar = Bar(10)
    assert len(task.sample(now)) == 1
    assert task.sample(now) == []
    changes: list[Callable[[], object]] = [
        bar.update,
        lambda: setattr(bar, "desc", "x"),
        lambda: setattr(bar, "postfix", "x"),
        lambda: setattr(bar, "total", 11),
        bar.reset,
        bar.close,
    ]
    for change in changes:
        change()
        assert len(task.sample(now + 1)) == 1
        assert task.sample(now + 2) == []


def test_what_was_told_and_may_be_lost_is_told_again(task: Task) -> None:
    bars = [Bar(total=3), Bar(total=4)]
    told = [task.sample(now) for now in range(2 * AGAIN)]
    assert [at for at, events in enumerate(told) if events] == [0, AGAIN - 1, 2 * AGAIN - 1]
    assert len(told[AGAIN - 1]) == len(bars)


def test_threads_of_a_task_may_share_a_bar(task: Task) -> None:
    bar = Bar()

    def update() -> None:
        for _ in range(10_000):
            bar.update()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=update) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    if sys.version_info >= (3, 11):
        assert bar.n == 40_000
    else:
        assert 0 < bar.n <= 40_000


def test_the_tasks_own_bar_is_its_first(task: Task) -> None:
    bar = current_bar()
    assert [*task.slots] == [bar]
    assert current_bar() is bar
    for _ in track([1, 2]):
        assert current_bar() is bar
    bar.close()
    assert current_bar().closed  # still the first
    for _ in track([1, 2]):
        assert current_bar() is not bar
        assert current_bar().total == 2


def test_outside_of_any_task_bars_do_nothing_but_count() -> None:
    assert bars.alone is None
    bar = current_bar()
    bar.update(3)
    bar.postfix = {"a": 1}
    with bar:
        bar.reset(5)
        bar.update(2)
    assert (bar.n, bar.total, bar.closed) == (2, 5, True)
    assert Bar(5).total == 5


def test_outside_of_any_task_on_a_stage_the_first_bar_is_the_current_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[Task] = []
    task = Task(7)
    task.on_end = ended.append
    monkeypatch.setattr(bars, "stage", lambda: task)
    current_bar().update(2)
    current_bar().update(3)
    assert [bar.n for bar in task.slots] == [5]
    assert sum(track(range(4))) == 6
    assert ended == []
    current_bar().close()
    assert ended == [task]


def test_a_bar_that_is_younger_than_the_look_at_it_has_no_negative_age(task: Task) -> None:
    """It was made after the sampler had asked for the time: no record may say less than 0."""
    bar = Bar(3)
    (event,) = task.sample(monotonic() - 1.0)
    assert isinstance(event, Advanced)
    assert (event.elapsed, bar.n) == (0.0, 0)
