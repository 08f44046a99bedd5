"""The life of a task in its worker, and what its sampler tells of it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import ref

import pytest
from still import StillTicker

from barexec import bars, counting, sampler, worker
from barexec.bars import DEPTHS, Bar, Task, current_bar, track
from barexec.channel import ATOMIC
from barexec.events import Advanced, Decoder, Event, Started
from barexec.sampler import Sampler
from barexec.worker import Call, Chunk, begin


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
def machine(monkeypatch: pytest.MonkeyPatch) -> Sampler:
    """This process's sampler, which ticks by hand."""
    monkeypatch.setattr(sampler, "Ticker", StillTicker)
    machine = Sampler()
    monkeypatch.setattr(worker, "_sampler", machine)
    monkeypatch.setattr(bars, "alone", None)
    monkeypatch.setattr(worker, "senders", {})
    return machine


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (bars, sampler, worker):
        monkeypatch.setattr(module, "monotonic", clock)
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


def test_a_call_travels_as_the_function_and_arrives_as_it(machine: Sampler) -> None:
    assert run(Call(("", 1, work)), 5) == 5
    assert run(Call(("", 1, partial(work, 4)))) == 4
    assert Call(("", 1, work))(3) == 3
    arrived = begin("", 1, work)
    assert bars.alone is not None
    assert arrived(2) == 2
    assert isinstance(arrived, partial)
    del arrived
    assert bars.alone is None


def test_a_function_whose_module_was_loaded_anew_is_no_longer_known_by_its_name(
    machine: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("jobs")
    monkeypatch.setitem(sys.modules, "jobs", module)
    monkeypatch.setattr(worker, "is_interactive", lambda: False)
    exec("def f(): pass", module.__dict__)
    first = module.f
    assert worker._reference(first, "") == ("jobs", "f")
    exec("def f(): pass", module.__dict__)
    assert worker._reference(first, "") is first  # `pickle` will say so


def test_what_cannot_be_called_arrives_as_it_is(machine: Sampler) -> None:
    assert begin("", 1, 5) == 5  # type: ignore[comparison-overlap, arg-type]
    assert bars.alone is None


def test_the_numbers_are_exact_at_the_end_of_each_task(machine: Sampler, clock: Clock) -> None:
    sender = worker.senders["p"] = Memory()
    for id, size in ((1, 7), (2, counting.SMALL), (3, 2 * counting.BLOCK)):
        arrived = begin("p", id, work)
        arrived(size)
        clock.now += 1
        del arrived
        last = sender.told()[-1]
        assert isinstance(last, Advanced)
        assert (last.task, last.n, last.total, last.closed) == (id, size, size, True)


def test_a_task_is_announced_once_a_tick_at_most(machine: Sampler, clock: Clock) -> None:
    sender = worker.senders["p"] = Memory()
    for id in range(10):
        run(Call(("p", id, nothing)))
        clock.now += sampler.TICK / 3.9
    announced = [event.task for event in sender.told() if isinstance(event, Started)]
    assert announced == [0, 4, 8]
    assert not machine._waiting


def test_a_long_task_without_a_bar_says_how_long_it_took(machine: Sampler, clock: Clock) -> None:
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
    machine: Sampler, clock: Clock
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


def test_records_are_sent_whole_in_writes_that_cannot_tear(machine: Sampler, clock: Clock) -> None:
    sender = worker.senders["p"] = Memory(room=0)
    arrived = begin("p", 1, nothing)
    many = [Bar(desc="x" * 300) for _ in range(DEPTHS)]
    clock.now += 1
    machine._tick()
    sender.room = float("inf")
    machine._tick()
    assert len(sender.told()) == 1 + len(many)
    assert max(sender.sizes) <= ATOMIC
    del arrived


def test_records_and_text_of_the_largest_size_go_through_where_a_pipe_takes_the_least() -> None:
    """PIPE_BUF is 512 on macOS: who sends what can never go sends it for ever."""
    program = """
import select
select.PIPE_BUF = 512
import test_worker
from barexec import sampler, worker
from barexec.bars import Bar
from barexec.worker import begin, current_writer
machine = worker._sampler = sampler.Sampler()
sender = worker.senders["p"] = test_worker.Memory()
arrived = begin("p", 1, test_worker.nothing)
current_writer().write("x" * 2000)
bar = Bar(desc="d" * 999, unit="u" * 999)
bar.postfix = "p" * 999
machine._tick()
assert max(sender.sizes) <= 512, sender.sizes
started, *texts, told = sender.told()
assert "".join(text.text for text in texts) == "x" * 2000
assert told.desc.startswith("ddd")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([p for p in sys.path if p])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr


def test_of_what_nobody_reads_only_so_much_is_kept(
    machine: Sampler, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "BACKLOG", 20)
    worker.senders["p"] = Memory(room=0)
    for id in range(100):
        arrived = begin("p", id, work)
        arrived(5)
        clock.now += 1
        del arrived
    assert len(machine._waiting) == 20
    assert {key[0] for key in machine._waiting} == set(range(90, 100))


def test_once_the_parent_is_gone_the_work_goes_on(machine: Sampler, clock: Clock) -> None:
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
    machine.exit()
    assert sender.asked <= asked + 1
    assert any(not machine._tick() for _ in range(sampler.IDLE_TICKS + 1))  # and it rests


def test_a_sender_that_another_thread_finds_broken_meanwhile_fails_nothing(
    machine: Sampler, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Task(1, "p")
    machine.begin(task, Memory())
    keep = machine._keep

    def lost(events: list[Event]) -> None:
        keep(events)
        machine._sender = None

    monkeypatch.setattr(machine, "_keep", lost)
    clock.now += 10 * sampler.TICK
    machine.end(task)
    assert machine._sender is None


def test_without_a_thread_for_the_sampler_the_work_goes_on(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(bars, "alone", None)
    monkeypatch.setattr(worker, "_sampler", None)
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
    machine = worker._sampler
    assert machine is not None
    machine.exit()
    assert not machine._ticker.running


def test_the_last_words_of_a_worker_wait_for_room_but_not_for_ever(
    machine: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Opens(Memory):
        def ready(self, timeout: float) -> bool:
            assert 0 < timeout <= sampler.LAST_WORDS
            self.room = 10_000
            return True

    sender = worker.senders["p"] = Opens(room=0)
    arrived = begin("p", 1, work)
    arrived(5)
    machine._tick()
    del arrived
    machine.exit()
    assert [e.n for e in sender.told() if isinstance(e, Advanced)] == [5]

    stuck = worker.senders["q"] = Memory(room=0)
    arrived = begin("q", 2, work)
    machine._tick()
    del arrived
    machine.exit()  # `ready` says no: given up
    assert stuck.data == b""


def test_a_task_ends_before_the_next_begins_whatever_is_kept_of_it(machine: Sampler) -> None:
    kept = [begin("", 1, nothing)]  # as if its call never died
    first = bars.alone
    assert first is not None
    bar, loop = Bar(10), track([1, 2, 3])
    next(loop)
    kept.append(begin("", 2, nothing))
    assert bar.closed
    second = bars.alone
    assert second is not first
    bar.update()
    assert next(loop) == 2
    assert second is not None
    assert not second.slots
    kept.pop(0)  # the end of the first does not end the second
    assert bars.alone is second
    kept.clear()
    assert bars.alone is None


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


def test_after_a_task_nothing_of_it_is_kept(machine: Sampler, clock: Clock) -> None:
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
    assert bars.alone is not None
    del arrived
    assert bars.alone is machine.task is None


def test_very_many_tasks_leave_nothing_behind(machine: Sampler, clock: Clock) -> None:
    sender = worker.senders["p"] = Memory()

    def some(count: int) -> int:
        for id in range(count):
            run(Call(("p", id, work)), 3)
            clock.now += sampler.TICK / 50
            if id % 50 == 0:
                machine._tick()
        sender.data = b""
        sender.sizes.clear()
        gc.collect()
        return len(gc.get_objects())

    gc.collect()  # what other tests have left
    some(500)
    before = some(500)
    assert some(3000) <= before + 50
    assert len(machine._waiting) < 200


# --- map's chunks --------------------------------------------------------------------


def test_a_chunk_counts_its_items(machine: Sampler) -> None:
    import pickle

    arrived = begin("", 1, nothing)
    items = pickle.loads(pickle.dumps(Chunk((("a",), ("b",), ("c",)), False)))
    for item in items:
        assert item == ("abc"[int(current_bar().n)],)
    assert current_bar().total == 3
    task = bars.alone
    assert task is not None
    del arrived, items
    assert (task.slots[0].n, task.slots[0].closed) == (3, True)


def test_a_chunk_of_one_has_no_bar_of_its_own(machine: Sampler) -> None:
    arrived = begin("", 1, nothing)
    assert list(worker.open_chunk((("a",),), False)) == [("a",)]
    assert bars.alone is not None
    assert bars.alone.slots == ()
    del arrived


def test_the_bar_of_a_chunk_starts_anew_with_each_item(machine: Sampler) -> None:
    arrived = begin("", 1, nothing, (), (("bar", "Bar"),), (None, 5, "it"))
    bar = arrived.keywords["bar"]  # type: ignore[attr-defined]
    assert bar is current_bar()
    serials = []
    for item in worker.open_chunk((("a",), ("b",), ("c",)), True):
        assert (bar.n, bar.total, bar.closed) == (0, 5, False)
        assert bar in bars.alone.slots  # type: ignore[union-attr]
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
from barexec import Bar, ProgressPoolExecutor, bars, track

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
    task = bars.alone
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
