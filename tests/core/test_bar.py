"""`Bar`, `current_bar`, and the life of a task in its worker."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any
from weakref import ref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from still import StillTicker

from barexec import counting, worker
from barexec.channel import ATOMIC
from barexec.events import Advanced, Decoder, Event, Started, encode
from barexec.worker import Bar, Call, Chunk, Task, Worker, begin, current_bar, track


@contextmanager
def running(id: int = 1) -> Iterator[Task]:
    """A task that runs, as in a worker."""
    before, worker._task = worker._task, Task(id)
    try:
        yield worker._task
    finally:
        worker._task.end()
        worker._task = before


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
    assert look(task).total is None


def test_the_signature_is_that_of_the_design() -> None:
    with pytest.raises(TypeError):
        Bar(1, "desc")  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        Bar().unit = "x"  # type: ignore[misc]
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
    bars = [Bar(10) for _ in range(worker.DEPTHS + 50)]
    for bar in bars:
        bar.update()
    assert len(task.sample(0.0)) == len(task.slots) == worker.DEPTHS
    assert bars[-1].n == 1
    bars[-1].close()
    bars[-1].reset()
    bars[0].close()
    bars[-1].reset()
    assert task.slots[0] is bars[-1]


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
    assert worker._task is None
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
    monkeypatch.setattr(worker, "stage", lambda: task)
    current_bar().update(2)
    current_bar().update(3)
    assert [bar.n for bar in task.slots] == [5]
    assert sum(track(range(4))) == 6
    assert ended == []
    current_bar().close()
    assert ended == [task]


# --- the life of a task --------------------------------------------------------------


class Memory:
    """A sender that remembers, and can be full or broken."""

    waits = False

    def __init__(self, room: float = float("inf")) -> None:
        self.room = room
        self.data = b""
        self.broken = False
        self.asked = 0
        self.sizes: list[int] = []

    def send(self, data: bytes) -> bool:
        self.asked += 1
        if self.broken:
            raise BrokenPipeError
        if len(data) > self.room:
            return False
        self.room -= len(data)
        self.data += data
        self.sizes.append(len(data))
        return True

    def ready(self, timeout: float) -> bool:
        return self.room > 0

    def listened_to(self) -> bool:
        return True

    def told(self) -> list[Event]:
        decoder = Decoder()
        events = decoder.feed(self.data)
        assert decoder.dropped == 0
        return events


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Worker:
    """This process's `Worker`, whose sampler ticks by hand."""
    monkeypatch.setattr(worker, "Ticker", StillTicker)
    machine = Worker()
    monkeypatch.setattr(worker, "_worker", machine)
    monkeypatch.setattr(worker, "_task", None)
    monkeypatch.setattr(worker, "senders", {})
    return machine


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(worker, "monotonic", clock)
    return clock


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def run(call: Any, *args: Any, **kwargs: Any) -> Any:
    """As the stock loop calls what arrived, and lets go of it."""
    import pickle

    return pickle.loads(pickle.dumps(call))(*args, **kwargs)


def work(n: int) -> int:
    for _ in track(range(n)):
        pass
    return n


def nothing(*_: object) -> None:
    pass


def test_a_call_travels_as_the_function_and_arrives_as_it(machine: Worker) -> None:
    assert run(Call(("", 1, work)), 5) == 5
    assert run(Call(("", 1, partial(work, 4)))) == 4
    assert Call(("", 1, work))(3) == 3
    arrived = begin("", 1, work)
    assert worker._task is not None
    assert arrived(2) == 2
    assert isinstance(arrived, partial)
    del arrived
    assert worker._task is None


def test_what_cannot_be_called_arrives_as_it_is(machine: Worker) -> None:
    assert begin("", 1, 5) == 5  # type: ignore[comparison-overlap, arg-type]
    assert worker._task is None


def test_the_numbers_are_exact_at_the_end_of_each_task(machine: Worker, clock: Clock) -> None:
    sender = worker.senders["p"] = Memory()
    for id, size in ((1, 7), (2, counting.SMALL), (3, 2 * counting.BLOCK)):
        arrived = begin("p", id, work)
        arrived(size)
        clock.now += 1
        del arrived
        last = sender.told()[-1]
        assert isinstance(last, Advanced)
        assert (last.task, last.n, last.total, last.closed) == (id, size, size, True)


def test_a_task_is_announced_once_a_tick_at_most(machine: Worker, clock: Clock) -> None:
    sender = worker.senders["p"] = Memory()
    for id in range(10):
        run(Call(("p", id, nothing)))
        clock.now += worker.TICK / 3.9
    announced = [event.task for event in sender.told() if isinstance(event, Started)]
    assert announced == [0, 4, 8]
    assert not machine._waiting


def test_a_long_task_without_a_bar_says_how_long_it_took(machine: Worker, clock: Clock) -> None:
    sender = worker.senders["p"] = Memory()
    arrived = begin("p", 1, nothing)
    clock.now += 5
    del arrived
    assert [
        (event.task, event.elapsed) for event in sender.told() if isinstance(event, Started)
    ] == [
        (1, 0.0),
        (1, 5.0),
    ]


def test_what_a_full_channel_refuses_is_sent_later_and_only_the_newest(
    machine: Worker, clock: Clock
) -> None:
    sender = worker.senders["p"] = Memory(room=0)
    arrived = begin("p", 1, nothing)
    bar = Bar(100)
    for _ in range(50):
        bar.update()
        clock.now += 1
        machine._tick()
    del arrived
    run(Call(("p", 2, work)), 3)
    assert sender.data == b""
    assert len(machine._waiting) <= 4
    sender.room = 10_000
    machine._tick()
    told = sender.told()
    assert [(e.n, e.closed) for e in told if isinstance(e, Advanced) and e.task == 1] == [
        (50, True)
    ]
    assert not machine._waiting
    machine._tick()
    assert sender.told() == told


def test_records_are_sent_whole_in_writes_that_cannot_tear(machine: Worker, clock: Clock) -> None:
    sender = worker.senders["p"] = Memory(room=0)
    arrived = begin("p", 1, nothing)
    bars = [Bar(desc="x" * 300) for _ in range(worker.DEPTHS)]
    clock.now += 1
    machine._tick()
    sender.room = float("inf")
    machine._tick()
    assert len(sender.told()) == 1 + len(bars)
    assert max(sender.sizes) <= ATOMIC
    del arrived


def test_of_what_nobody_reads_only_so_much_is_kept(
    machine: Worker, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "BACKLOG", 20)
    worker.senders["p"] = Memory(room=0)
    for id in range(100):
        arrived = begin("p", id, work)
        arrived(5)
        clock.now += 1
        del arrived
    assert len(machine._waiting) == 20
    assert {key[0] for key in machine._waiting} == set(range(90, 100))


def test_once_the_parent_is_gone_the_work_goes_on(machine: Worker, clock: Clock) -> None:
    sender = worker.senders["p"] = Memory()
    arrived = begin("p", 1, work)
    sender.broken = True
    clock.now += 1
    assert machine._tick()
    assert arrived(5) == 5
    clock.now += 1
    del arrived
    asked = sender.asked
    assert run(Call(("p", 2, work)), 6) == 6
    machine._exit()
    assert sender.asked <= asked + 1
    assert any(not machine._tick() for _ in range(worker.IDLE_TICKS + 1))  # and it rests


def test_without_a_thread_for_the_sampler_the_work_goes_on(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(worker, "_task", None)
    monkeypatch.setattr(worker, "_worker", None)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    sender = Memory()
    monkeypatch.setattr(worker, "senders", {"p": sender})
    for id in (1, 2):
        arrived = begin("p", id, work)
        assert arrived(5) == 5
        clock.now += 1
        del arrived
    ended = [e for e in sender.told() if isinstance(e, Advanced) and e.closed]
    assert [(event.task, event.n) for event in ended] == [(1, 5), (2, 5)]
    machine = worker._worker
    assert machine is not None
    machine._exit()
    assert not machine._sampler.running


def test_the_last_words_of_a_worker_wait_for_room_but_not_for_ever(
    machine: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Opens(Memory):
        def ready(self, timeout: float) -> bool:
            assert 0 < timeout <= worker.LAST_WORDS
            self.room = 10_000
            return True

    sender = worker.senders["p"] = Opens(room=0)
    arrived = begin("p", 1, work)
    arrived(5)
    machine._tick()
    del arrived
    machine._exit()
    assert [e.n for e in sender.told() if isinstance(e, Advanced)] == [5]

    stuck = worker.senders["q"] = Memory(room=0)
    arrived = begin("q", 2, work)
    machine._tick()
    del arrived
    machine._exit()  # `ready` says no: given up
    assert stuck.data == b""


def test_a_task_ends_before_the_next_begins_whatever_is_kept_of_it(machine: Worker) -> None:
    kept = [begin("", 1, nothing)]  # as if its call never died
    first = worker._task
    assert first is not None
    bar, loop = Bar(10), track([1, 2, 3])
    next(loop)
    kept.append(begin("", 2, nothing))
    assert bar.closed
    second = worker._task
    assert second is not first
    bar.update()
    assert next(loop) == 2
    assert second is not None
    assert not second.slots
    kept.pop(0)  # the end of the first does not end the second
    assert worker._task is second
    kept.clear()
    assert worker._task is None


def test_of_a_chunk_that_nobody_looked_at_nothing_is_kept() -> None:
    class Kept:
        pass

    thing = Kept()
    alive = ref(thing)
    task = Task(1)  # as a writer holds it that outlives the task
    task.chunk = iter((thing,)), 1
    del thing
    task.end()
    assert alive() is None


def test_after_a_task_nothing_of_it_is_kept(machine: Worker, clock: Clock) -> None:
    worker.senders["p"] = Memory()

    class Kept:
        pass

    alive: list[ref[Kept]] = []

    def hold(thing: Kept) -> None:
        for _ in track([thing] * counting.SMALL):
            break
        Bar(desc="dropped")
        alive.append(ref(thing))

    arrived = begin("p", 1, hold)
    arrived(Kept())
    machine._tick()
    assert alive[0]() is None
    assert worker._task is not None
    del arrived
    assert worker._task is machine._task is None


def test_very_many_tasks_leave_nothing_behind(machine: Worker, clock: Clock) -> None:
    sender = worker.senders["p"] = Memory()

    def some(count: int) -> int:
        for id in range(count):
            run(Call(("p", id, work)), 3)
            clock.now += worker.TICK / 50
            if id % 50 == 0:
                machine._tick()
        sender.data = b""
        sender.sizes.clear()
        gc.collect()
        return len(gc.get_objects())

    some(500)
    before = some(500)
    assert some(3000) <= before + 50
    assert len(machine._waiting) < 200


# --- map's chunks --------------------------------------------------------------------


def test_a_chunk_counts_its_items(machine: Worker) -> None:
    import pickle

    arrived = begin("", 1, nothing)
    items = pickle.loads(pickle.dumps(Chunk((("a",), ("b",), ("c",)), False)))
    for item in items:
        assert item == ("abc"[int(current_bar().n)],)
    assert current_bar().total == 3
    task = worker._task
    assert task is not None
    del arrived, items
    assert (task.slots[0].n, task.slots[0].closed) == (3, True)


def test_a_chunk_of_one_has_no_bar_of_its_own(machine: Worker) -> None:
    arrived = begin("", 1, nothing)
    assert list(worker.open_chunk((("a",),), False)) == [("a",)]
    assert worker._task is not None
    assert worker._task.slots == ()
    del arrived


def test_the_bar_of_a_chunk_starts_anew_with_each_item(machine: Worker) -> None:
    arrived = begin("", 1, nothing, (), (("bar", "Bar"),), (None, 5, "it"))
    bar = arrived.keywords["bar"]  # type: ignore[attr-defined]
    assert bar is current_bar()
    serials = []
    for item in worker.open_chunk((("a",), ("b",), ("c",)), True):
        assert (bar.n, bar.total, bar.closed) == (0, 5, False)
        assert bar in worker._task.slots  # type: ignore[union-attr]
        serials.append(bar._serial)
        bar.update(3)
        bar.total = 9
        if item == ("a",):
            with bar:
                pass
            for _ in track([1]):
                pass
    assert len({*serials}) == 3
    del arrived


# --- real workers --------------------------------------------------------------------

PROGRAM = """
import multiprocessing, sys
from barexec import Bar, ProgressPoolExecutor, track, worker

kept = []

def fail(n):
    for at in track(range(n)):
        if at == 3:
            error = KeyError(at)
            kept.append(error)
            raise error

def chain():
    try:
        fail(5)
    except KeyError as error:
        raise ValueError("second") from error

def keep():
    kept.append(Bar(5))
    kept.append(track([1, 2, 3]))
    next(kept[-1])

def state():
    task = worker._task
    return [len(task.slots), [bar.closed for bar in kept if isinstance(bar, Bar)], len(kept)]

def outcome(future):
    error = future.exception()
    return f"{type(error).__name__}: {error}" if error else future.result()

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with ProgressPoolExecutor(1, context, display="plain") as ex:
        for what in (fail, 5), (state,), (chain,), (state,), (keep,), (state,), (5,), (state,):
            print(outcome(ex.submit(*what)))
"""

EXPECTED = """\
KeyError: 3
[0, [], 1]
ValueError: second
[0, [], 2]
None
[0, [True], 4]
TypeError: 'int' object is not callable
[0, [True], 4]
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_in_a_real_worker_each_task_starts_with_a_clean_slate(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, program, "fork"], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == EXPECTED, done.stderr
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
