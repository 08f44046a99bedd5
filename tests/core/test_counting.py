"""`track`: the very items of the bare loop, and a count that is read from outside of it.

What is here runs as in a task, with nobody who samples: the tests look when they want to.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from array import array
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from operator import length_hint
from pathlib import Path
from time import monotonic
from typing import Any
from weakref import ref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barexec import bars, counting, sampler
from barexec.bars import DEPTHS, Bar, Task, current_bar, track
from barexec.counting import BLOCK, SMALL
from barexec.events import Advanced


@contextmanager
def running() -> Iterator[Task]:
    """A task that runs, as in a worker."""
    before, bars.alone = bars.alone, Task(1)
    try:
        yield bars.alone
    finally:
        bars.alone.end()
        bars.alone = before


@pytest.fixture
def task() -> Iterator[Task]:
    with running() as task:
        yield task


def look(task: Task, slot: int = 0) -> tuple[float, float | None, bool]:
    """What the sampler would send now of one bar: n, total, closed."""
    task._seen = ()
    event = task.sample(monotonic())[slot]
    task.gone = ()
    assert isinstance(event, Advanced)
    return event.n, event.total, event.closed


class InPython:
    """An iterator whose every step is Python."""

    def __init__(self, n: int) -> None:
        self.left = n

    def __iter__(self) -> InPython:
        return self

    def __next__(self) -> int:
        if self.left <= 0:
            raise StopIteration
        self.left -= 1
        return self.left


class OfOldKind:
    """Iterable by `__getitem__` alone."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __getitem__(self, at: int) -> int:
        if at >= self.n:
            raise IndexError
        return at


class Sized:
    """Iterable by a generator, with a length."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[int]:
        yield from range(self.n)


def generator(n: int) -> Iterator[int]:
    yield from range(n)


class SubList(list[int]):
    """A list by another name."""


KINDS: dict[str, Callable[[int], Any]] = {
    "list": lambda n: list(range(n)),
    "tuple": lambda n: tuple(range(n)),
    "range": range,
    "range of huge numbers": lambda n: range(1 << 99, (1 << 99) + n),
    "str": lambda n: "a" * n,
    "str beyond ASCII": lambda n: "é" * n,
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": lambda n: memoryview(bytes(n)),
    "dict": lambda n: dict.fromkeys(range(n)),
    "dict keys": lambda n: dict.fromkeys(range(n)).keys(),
    "dict values": lambda n: dict.fromkeys(range(n)).values(),
    "dict items": lambda n: dict.fromkeys(range(n)).items(),
    "OrderedDict": lambda n: OrderedDict.fromkeys(range(n)),
    "set": lambda n: set(range(n)),
    "frozenset": lambda n: frozenset(range(n)),
    "deque": lambda n: deque(range(n)),
    "array": lambda n: array("i", range(n)),
    "file": lambda n: io.StringIO("line\n" * n),
    "reversed list": lambda n: reversed(list(range(n))),
    "reversed dict": lambda n: reversed(dict.fromkeys(range(n))),
    "reversed range": lambda n: reversed(range(n)),
    "list iterator": lambda n: iter(list(range(n))),
    "list iterator that has begun": lambda n: islice_off_one(list(range(n + 1))),
    "range iterator": lambda n: iter(range(n)),
    "enumerate": lambda n: enumerate(range(n)),
    "zip": lambda n: zip(range(n), range(n + 1), strict=False),
    "map": lambda n: map(str, range(n)),
    "filter": lambda n: filter(None, range(1, n + 1)),
    "chain": lambda n: chain(range(n // 2), range(n - n // 2)),
    "islice": lambda n: islice(iter(int, 1), n),
    "generator": generator,
    "generator expression": lambda n: (item for item in range(n)),
    "iterator in Python": InPython,
    "iterable by index": OfOldKind,
    "iterable with a length": Sized,
    "subclass of list": lambda n: SubList(range(n)),
}

kinds = pytest.mark.parametrize("kind", KINDS)
#: Nothing; one; few; as many as are read from outside; more than a block.
sizes = pytest.mark.parametrize("size", [0, 1, 7, SMALL + 1, 2 * BLOCK + 3])


def islice_off_one(items: list[int]) -> Iterator[int]:
    iterator = iter(items)
    next(iterator)
    return iterator


# --- every kind of iterable ----------------------------------------------------------


@kinds
@sizes
def test_the_items_are_the_same_and_the_count_is_exact(kind: str, size: int, task: Task) -> None:
    items = []
    for item in track(KINDS[kind](size)):
        items.append(item)
    assert items == list(KINDS[kind](size))
    n, total, closed = look(task)
    assert (n, closed) == (size, True)
    assert total in (None, size)
    task.end()
    assert (task.slots[0].n, task.slots[0].closed) == (size, True)


@kinds
@pytest.mark.parametrize("size", [7, SMALL + 1])
def test_within_the_fifth_item_four_are_done(kind: str, size: int, task: Task) -> None:
    done = 0
    for _ in track(KINDS[kind](size)):
        assert look(task)[::2] == (done, False)
        done += 1
    assert done == size


@kinds
@pytest.mark.parametrize("size", [7, SMALL + 1])
@pytest.mark.parametrize("way", ["break", "return", "raise"])
def test_a_loop_that_is_left_early_has_ended(kind: str, size: int, way: str, task: Task) -> None:
    def leave() -> None:
        left = 4
        for _ in track(KINDS[kind](size)):
            if not left:
                if way == "break":
                    break
                if way == "return":
                    return
                raise RuntimeError
            left -= 1

    if way == "raise":
        with pytest.raises(RuntimeError) as kept:  # the traceback is kept, the loop is not
            leave()
        assert kept.tb
    else:
        leave()
    assert look(task)[::2] == (4, True)
    task.end()
    assert task.slots[0].n == 4


@kinds
@pytest.mark.parametrize("size", [7, SMALL + 1])
def test_the_last_item_is_done_only_after_its_body(kind: str, size: int, task: Task) -> None:
    left = size
    for _ in track(KINDS[kind](size)):
        left -= 1
        if not left:
            break
    n, _, closed = look(task)
    assert closed
    # the one place where a held iterator cannot tell: a range has no end of its own
    assert n == (size if kind == "range" else size - 1)


@kinds
def test_an_end_that_nobody_looked_at_is_seen_by_the_next_loop(kind: str, task: Task) -> None:
    for _ in track(KINDS[kind](SMALL)):
        pass
    first = task.slots[0]
    for _ in track(KINDS[kind](SMALL)):
        assert first.closed
        assert len(task.slots) == 1
        break
    assert first.n == SMALL


@kinds
def test_a_wrong_total_of_the_users_changes_nothing(kind: str, task: Task) -> None:
    for total in (0, 3, 10**6):
        items = []
        for item in track(KINDS[kind](SMALL), total):
            items.append(item)
            assert look(task)[1] == total
        assert items == list(KINDS[kind](SMALL))
        assert look(task) == (SMALL, total, True)


def test_the_total_is_asked_of_the_iterable(task: Task) -> None:
    untold = {
        "file",
        "filter",
        "map",
        "zip",
        "enumerate",
        "chain",
        "islice",
        "generator",
        "generator expression",
        "iterator in Python",
        "iterable by index",
    }
    for kind in KINDS:
        for _ in track(KINDS[kind](7)):
            assert look(task)[1] == (None if kind in untold else 7), kind
    for _ in track(range(1 << 99)):
        assert look(task)[1] is None
        break


def test_more_items_than_a_machine_can_count_are_begun(task: Task) -> None:
    for at in track(range(1 << 99)):
        if at == 3:
            break
    assert look(task) == (3, None, True)


@given(
    st.lists(st.integers() | st.text(max_size=3), max_size=30),
    st.sampled_from([list, tuple, iter, deque, lambda items: (item for item in items)]),
    st.integers(0, 31),
    st.booleans(),
    st.integers(1, 5),
)
def test_whatever_the_items_they_come_as_they_are_and_are_counted(
    items: list[Any], kind: Callable[[list[Any]], Iterable[Any]], stop: int, small: bool, block: int
) -> None:
    got: list[Any] = []
    with pytest.MonkeyPatch.context() as patch, running() as task:
        patch.setattr(counting, "SMALL", SMALL if small else 0)
        patch.setattr(counting, "BLOCK", block)
        for item in track(kind(items)):
            if len(got) == stop:
                break
            got.append(item)
        assert all(a is b for a, b in zip(got, items, strict=False))
        assert len(got) == min(stop, len(items))
        assert look(task)[::2] == (len(got), True)


# --- where the loop is ---------------------------------------------------------------


def reading(task: Task) -> str:
    return type(task.slots[-1]._reading).__name__.replace("OfKnownTotal", "Held")


def test_straight_in_a_for_the_iterator_is_handed_out_itself(task: Task) -> None:
    xs = list(range(SMALL))
    for _ in track(xs):
        assert reading(task) == "Held"
        break
    for _ in track(
        xs,
        desc="written over some lines",
    ):
        assert reading(task) == "Held"
        break
    for a, b in track(dict.fromkeys(xs).items(), total=3):
        assert (a, b) == (0, None)
        assert reading(task) == "Held"
        break
    for _ in bars.track(range(3)):
        assert reading(task) == "Held"
    for _ in track(xs) if xs else ():
        assert reading(task) in ("Held", "Counted")
        break
    if sys.version_info < (3, 15):  # which has no GET_ITER of a comprehension right behind
        assert [reading(task) for _ in track((1, 2))] == ["Held"] * 2


async def a_coroutine(task: Task) -> None:
    for _ in track(range(3)):
        assert reading(task) == "Held"


def a_generator(task: Task) -> Iterator[int]:
    for item in track(range(3)):
        assert reading(task) == "Held"
        yield item


def test_so_it_is_in_a_generator_and_a_coroutine(task: Task) -> None:
    with pytest.raises(StopIteration):
        a_coroutine(task).send(None)
    assert list(a_generator(task)) == [0, 1, 2]


@pytest.mark.parametrize("watch", ["settrace", "setprofile", "monitoring"])
def test_so_it_is_under_debuggers_and_profilers(watch: str, task: Task) -> None:
    def in_a_loop() -> str:
        for _ in track((1, 2)):
            pass
        for _ in track(
            range(3)  # GET_ITER begins a line of its own
        ):
            return reading(task)
        return ""

    if watch == "monitoring":
        if sys.version_info < (3, 12):
            pytest.skip("sys.monitoring came with CPython 3.12")
        events = 0
        monitoring: Any = sys.monitoring
        tool = 3
        monitoring.use_tool_id(tool, "test")

        def on_event(*_: object) -> None:
            nonlocal events
            events += 1

        which = monitoring.events.LINE | monitoring.events.INSTRUCTION
        for event in (monitoring.events.LINE, monitoring.events.INSTRUCTION):
            monitoring.register_callback(tool, event, on_event)
        try:
            monitoring.set_events(tool, which)
            in_a_loop()
            found = in_a_loop()
        finally:
            monitoring.set_events(tool, 0)
            monitoring.free_tool_id(tool)
        assert events
    else:
        before = getattr(sys, watch.replace("set", "get"))()
        events = 0

        def on_call(frame: Any, event: str, arg: object) -> Any:
            nonlocal events
            events += 1
            return on_call

        try:
            getattr(sys, watch)(on_call)
            in_a_loop()
            found = in_a_loop()
        finally:
            getattr(sys, watch)(before)
        assert events
    assert found == "Held"


def test_anywhere_else_the_items_are_counted_on_their_way(task: Task) -> None:
    xs = list(range(SMALL))

    def counted() -> float:
        n, _, closed = look(task)
        assert closed
        return n

    def delegates() -> Iterator[int]:
        yield from track(xs)

    assert list(track(xs)) == xs
    assert reading(task) == "Frozen"
    assert counted() == SMALL
    assert [*track(xs)] == xs
    assert counted() == SMALL
    assert sum(track(xs)) == sum(xs)
    assert counted() == SMALL
    assert max(track(tuple(xs))) == SMALL - 1
    assert counted() == SMALL
    assert deque(track(range(SMALL)), maxlen=0) == deque()
    assert counted() == SMALL
    assert sorted(track(set(xs))) == xs
    assert counted() == SMALL
    assert dict(track(dict.fromkeys(xs).items())) == dict.fromkeys(xs)
    assert counted() == SMALL
    assert list(delegates()) == xs
    assert counted() == SMALL
    assert list(map(str, track(xs))) == list(map(str, xs))
    assert counted() == SMALL
    first, *_ = track(xs)
    assert first == 0
    assert counted() == SMALL
    assert 3 in track(xs)
    assert counted() == 3
    assert next(track(xs)) == 0
    assert counted() == 0
    assert "".join(track("abc")) == "abc"
    assert counted() == 3


def test_beside_others_in_zip_none_too_many_is_counted(task: Task) -> None:
    assert len(list(zip(track([1, 2, 3]), "abcd", strict=False))) == 3
    assert look(task)[0] == 3
    assert len(list(zip("ab", track([1, 2, 3]), strict=False))) == 2
    assert look(task)[0] == 1  # two were handed out, and the second was not asked to go on
    # here `zip` itself takes a third and throws it away
    assert len(list(zip(track([1, 2, 3, 4]), "ab", strict=False))) == 2
    assert look(task)[0] == 2


def test_an_iterator_may_be_taken_up_again(task: Task) -> None:
    tracked = track([1, 2, 3, 4, 5])
    assert next(tracked) == 1
    for item in tracked:
        if item == 3:
            break
    assert look(task)[::2] == (2, False)
    assert list(tracked) == [4, 5]
    assert look(task)[0] == 5
    del tracked
    assert look(task)[::2] == (5, True)


def test_what_the_owner_of_an_iterator_takes_is_not_counted(task: Task) -> None:
    for kind in (list, tuple, range, dict.fromkeys, set):
        iterator = iter(kind(range(2 * SMALL)) if kind is not range else range(2 * SMALL))
        left = 3
        for _ in track(iterator):
            next(iterator)
            left -= 1
            if not left:
                break
        assert look(task)[::2] == (2, True)
        assert len(list(iterator)) == 2 * SMALL - 6
        assert look(task)[0] == 2


def test_loops_in_loops_show_one_below_the_other(task: Task) -> None:
    serials = set()
    for outer in track(range(3), desc="outer"):
        for inner in track(range(SMALL), desc="inner"):
            if inner == 2:
                assert [bar.desc for bar in task.slots][:2] == ["outer", "inner"]
                assert (look(task, 0)[0], look(task, 1)[0]) == (outer, 2)
            for _ in track([1], desc="innermost"):
                if inner == 1:
                    assert [bar.desc for bar in task.slots] == ["outer", "inner", "innermost"]
                    serials.add(task.slots[2]._serial)
                break
    assert len(serials) == 3
    assert len(task.slots) == 3


def test_a_tracked_iterator_may_be_tracked(task: Task) -> None:
    assert list(track(track([1, 2, 3], desc="in"), desc="out")) == [1, 2, 3]
    assert [(bar.desc, bar.n) for bar in task.slots] == [("in", 3), ("out", 3)]


def test_recursion_may_be_deep(task: Task) -> None:
    def go_down(depth: int) -> int:
        for _ in track(range(1)):
            if depth:
                return go_down(depth - 1) + 1
        return 1

    assert go_down(2 * DEPTHS) == 2 * DEPTHS + 1
    assert len(task.slots) == DEPTHS
    assert len(task.sample(0.0)) == DEPTHS


# --- what changes in the loop --------------------------------------------------------


def test_a_list_that_grows_in_the_loop(task: Task) -> None:
    work, done = [0], 0
    for item in track(work):
        assert look(task) == (done, len(work), False)
        if item < 30:
            work += [2 * item + 1, 2 * item + 2]
        done += 1
    assert look(task) == (done, done, True)
    assert done == len(work)


def test_a_list_that_shrinks_in_the_loop(task: Task) -> None:
    work, done = list(range(10)), 0
    for item in track(work):
        work.remove(item)
        done += 1
    assert done == 5
    assert look(task) == (5, 5, True)


@pytest.mark.parametrize("size", [10, SMALL])
def test_what_happens_to_a_list_after_the_loop_is_not_counted(size: int, task: Task) -> None:
    changes: list[Callable[[list[int]], object]] = [
        lambda xs: xs.append(1),
        lambda xs: xs.extend(xs),
        list[int].pop,
        list[int].clear,
    ]
    for change in changes:
        xs = list(range(size))
        for _ in track(xs):
            pass
        change(xs)
        assert look(task) == (size, size, True)


@pytest.mark.parametrize("size", [10, SMALL])
def test_what_happens_to_a_list_after_a_break_is_not_counted(size: int, task: Task) -> None:
    for change in (list[int].clear, list[int].sort, lambda xs: xs.extend(xs)):
        xs = list(range(size))
        for item in track(xs):
            if item == 6:
                break
        change(xs)
        assert look(task)[::2] == (6, True)


def test_a_long_list_that_is_seen_to_grow(task: Task) -> None:
    work, done = list(range(SMALL)), 0
    for item in track(work):
        if item % 10 == 0:
            work.append(1)
        if item == 500:
            assert look(task) == (500, len(work), False)
        done += 1
    assert look(task) == (done, done, True)


def test_a_long_list_that_is_seen_to_shrink(task: Task) -> None:
    work, done = list(range(SMALL)), 0
    for _ in track(work):
        work.pop()
        done += 1
        if done == 400:
            assert look(task) == (399, SMALL - 400, False)
    assert done == SMALL // 2
    assert look(task) == (done, done, True)


@pytest.mark.parametrize("size", [10, SMALL])
def test_a_list_walked_from_behind_may_shrink(size: int, task: Task) -> None:
    xs, done = list(range(size)), 0
    for _ in track(reversed(xs)):
        del xs[-2:]
        done += 1
    assert done < size
    assert look(task)[::2] == (done, True)


changing: list[tuple[Callable[[int], Any], Callable[[Any], object]]] = [
    (lambda n: dict.fromkeys(range(n)), lambda d: d.update(new=1)),
    (lambda n: set(range(n)), lambda s: s.add("new")),
    (lambda n: deque(range(n)), lambda q: q.append("new")),
]


@pytest.mark.parametrize(("make", "change"), changing)
@pytest.mark.parametrize("size", [10, SMALL])
def test_a_container_that_is_changed_in_the_loop_fails_as_ever(
    make: Callable[[int], Any], change: Callable[[Any], object], size: int, task: Task
) -> None:
    container, done = make(size), 0
    with pytest.raises(RuntimeError, match=r"changed size|mutated") as error:
        for _ in track(container):
            if done == 4:
                look(task)
                change(container)
                assert look(task)[::2] == (4, False)
            done += 1
    container = make(size)
    with pytest.raises(RuntimeError) as expected:
        for _ in container:
            change(container)
    assert str(error.value) == str(expected.value)
    # of the item before the error one cannot say whether it was done
    n, _, closed = look(task)
    assert closed
    assert n in (4, 5)


@pytest.mark.parametrize(("make", "change"), changing)
def test_a_container_may_be_changed_before_a_break(
    make: Callable[[int], Any], change: Callable[[Any], object], task: Task
) -> None:
    for size in (10, SMALL):
        container, left = make(size), 4
        for _ in track(container):
            if not left:
                change(container)
                break
            left -= 1
        n, _, closed = look(task)
        assert closed
        assert n == 4 if size == 10 else n <= 4
        container = make(size)
        for _ in track(container):
            pass
        change(container)
        assert look(task) == (size, size, True)


@given(
    st.integers(1, 12),
    st.lists(st.sampled_from(["append", "pop", "clear", "insert", "look"]), max_size=40),
    st.booleans(),
)
def test_however_a_list_changes_its_loop_is_the_bare_one_and_counted(
    size: int, actions: list[str], with_end: bool
) -> None:
    def loop(xs: list[int], iterable: Iterable[int], see: Callable[[], object]) -> list[int]:
        got, todo = [], iter(actions)
        for item in iterable:
            got.append(item)
            action = next(todo, "")
            if action == "append":
                xs.append(item)
            elif action == "pop" and xs:
                xs.pop()
            elif action == "clear":
                xs.clear()
            elif action == "insert":
                xs.insert(0, 7)
            elif action == "look":
                see()
            elif not action and with_end:
                break
        return got

    with running() as task:
        xs, same = list(range(size)), list(range(size))
        expected = loop(same, same, int)
        got = loop(xs, track(xs), lambda: look(task))
        assert (got, xs) == (expected, same)
        n, _, closed = look(task)
        assert closed
        assert len(got) - 1 <= n <= len(got)


@given(st.integers(1, 9), st.lists(st.sampled_from(["append", "look", ""]), max_size=30))
def test_never_more_than_was_handed_out_of_a_list_that_grows(size: int, actions: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch, running() as task:
        patch.setattr(counting, "SMALL", 0)  # read from outside, however short it is
        xs, done, todo = list(range(size)), 0, iter(actions)
        for _ in track(xs):
            assert reading(task) == "Held"
            action = next(todo, None)
            if action == "append":
                xs.append(1)
            elif action == "look":
                n, total, _ = look(task)
                assert (n, total) == (done, len(xs))
            done += 1
        assert size <= look(task)[0] <= done


# --- nothing of the user's is called or kept -----------------------------------------


def test_the_sampler_calls_no_code_of_the_users(task: Task) -> None:
    calls = 0

    class Asked:
        """Says that it was asked."""

        def __init__(self) -> None:
            self.left = 5

        def __iter__(self) -> Asked:
            return self

        def __next__(self) -> int:
            if not self.left:
                raise StopIteration
            self.left -= 1
            return self.left

        def _asked(self, *_: object) -> int:
            nonlocal calls
            calls += 1
            return self.left

        __len__ = __length_hint__ = __reduce__ = __sizeof__ = __bool__ = _asked  # type: ignore

    class Dict(dict[int, None]):
        __len__ = __reduce__ = __getitem__ = Asked._asked  # type: ignore

    class List(list[int]):
        __len__ = __reduce__ = __getitem__ = Asked._asked  # type: ignore

    for whole in (Asked(), Dict.fromkeys(range(SMALL)), List(range(SMALL))):
        items: Any = whole
        for at, _ in enumerate(track(items, 3)):
            if at == 2:
                break
        for _ in track(items):
            before = calls
            look(task)
            assert task.slots[0].n == 0
            if type(items) is Dict:
                dict.clear(items)  # it has to be asked for its size
                look(task)
            assert calls == before
            break
        before = calls
        look(task)
        task.end()
        assert calls == before
    assert calls


@pytest.mark.parametrize("name", ["__len__", "__length_hint__"])
@pytest.mark.parametrize("value", [-1, 1.5, "seven", 1 << 99, RuntimeError, TypeError])
def test_a_length_that_lies_or_raises_does_not_matter(name: str, value: Any, task: Task) -> None:
    def tell(self: object) -> Any:
        if isinstance(value, type):
            raise value("no")
        return value

    kind = type("Liar", (InPython,), {name: tell})
    assert list(track(kind(5))) == [4, 3, 2, 1, 0]
    assert look(task) == (5, None, True)


def test_a_length_hint_that_is_wrong_is_only_a_total(task: Task) -> None:
    class Optimist(InPython):
        def __length_hint__(self) -> int:
            return 2 * self.left

    for at, _ in enumerate(track(Optimist(5))):
        assert look(task) == (at, 10, False)
    assert look(task) == (5, 10, True)


def test_a_generator_is_closed_at_the_break_as_in_a_bare_loop(task: Task) -> None:
    for way in (iter, track):
        log: list[str] = []

        def gen(log: list[str] = log) -> Iterator[int]:
            try:
                yield from range(10)
            finally:
                log.append("closed")

        generator = gen()
        alive = ref(generator)
        source = [way(generator)]
        del generator
        for item in source.pop():
            task.sample(0.0)  # what it has seen is not let go of yet
            if item == 3:
                break
        log.append("after")
        assert log == ["closed", "after"]
        assert alive() is None
    assert look(task)[::2] == (3, True)


def test_an_error_in_the_body_closes_the_generator_too(task: Task) -> None:
    log = []

    def gen() -> Iterator[int]:
        try:
            yield from range(10)
        finally:
            log.append("closed")

    def fail() -> None:
        for item in track(gen()):
            look(task)
            if item == 3:
                raise KeyError(item)

    with pytest.raises(KeyError) as kept:
        fail()
    assert log == ["closed"]
    assert kept.value.args == (3,)
    assert look(task)[::2] == (3, True)


def test_an_error_in_the_generator_comes_out_as_it_is(task: Task) -> None:
    def gen() -> Iterator[int]:
        yield from range(4)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as error:
        for _ in track(gen()):
            pass
    assert look(task)[::2] == (4, True)
    frames = [frame.path for frame in error.traceback]
    assert len(frames) == 2
    assert not any("barexec" in Path(path).parts[-2:] for path in map(str, frames))


def test_while_a_generator_makes_the_next_item_the_last_is_done(task: Task) -> None:
    seen = []

    def gen() -> Iterator[int]:
        for item in range(3):
            seen.append(look(task)[0] if task.slots else None)
            yield item
        seen.append(look(task)[0])

    for _ in track(gen()):
        pass
    assert seen == [0, 1, 2, 3]


class Kept:
    """An object whose life is watched."""


@pytest.mark.parametrize("size", [7, SMALL])
@pytest.mark.parametrize("kind", [list, tuple, set, dict.fromkeys, iter, deque, "generator"])
def test_items_live_no_longer_than_in_a_bare_loop(kind: Any, size: int, task: Task) -> None:
    alive: list[ref[Kept]] = []

    def make() -> Iterator[Kept]:
        for _ in range(size):
            item = Kept()
            alive.append(ref(item))
            yield item
            del item

    for _ in track(make() if kind == "generator" else kind(make())):
        pass
    del _
    assert len(alive) == size
    assert not any(item() for item in alive)


@pytest.mark.parametrize("size", [7, SMALL])
@pytest.mark.parametrize("kind", [list, set, dict.fromkeys, iter, deque])
@pytest.mark.parametrize("way", ["break", "raise"])
def test_after_a_break_items_are_kept_until_the_next_look_at_most(
    kind: Any, size: int, way: str, task: Task
) -> None:
    alive: list[ref[Kept]] = []

    def make() -> Iterator[Kept]:
        for _ in range(size):
            item = Kept()
            alive.append(ref(item))
            yield item
            del item

    def leave() -> None:
        for _ in track(kind(make())):
            if way == "raise":
                raise RuntimeError
            break

    try:
        leave()
    except RuntimeError as error:
        error.__traceback__ = None
    if size < SMALL:
        assert not any(item() for item in alive)  # not even so long
    look(task)
    assert not any(item() for item in alive)


def test_no_reference_is_left_behind(task: Task) -> None:
    for size in (7, SMALL):
        for make in (list, tuple, set, dict.fromkeys, deque):
            whole: Any = make(range(size))
            before = sys.getrefcount(whole)
            for at, _ in enumerate(track(whole)):
                if at == 3:
                    break
            for _ in enumerate(track(whole)):
                pass
            for _ in track(whole):
                break
            look(task)
            for _ in track(whole):
                pass
            task.end()
            assert sys.getrefcount(whole) == before


def test_what_dies_with_a_loop_dies_without_a_lock_held(task: Task) -> None:
    """A destructor of the user's may wait for a thread that begins or ends a task."""
    held: list[bool] = []

    class Waits:
        def __del__(self) -> None:
            other = threading.Thread(target=lambda: held.append(not lock.acquire(timeout=5)))
            other.start()
            other.join()

    machine = sampler.Sampler()
    lock = machine._lock
    try:
        machine.task = task
        items: list[Any] = [Waits()]
        items += [None] * SMALL
        for _ in track(items):
            del items, _
            break
        assert not held
        machine._tick()
        assert held == [False]
    finally:
        machine._ticker.stop()


# --- who else runs -------------------------------------------------------------------

consumers: dict[str, Callable[[Iterable[int]], object]] = {
    "sum": sum,
    "max": max,
    "list": list,
    "deque": lambda items: deque(items, maxlen=0),
    "set": set,
}


@pytest.mark.parametrize("consumer", consumers)
@pytest.mark.parametrize("kind", [range, lambda n: [0] * n, lambda n: map(abs, range(n))])
def test_the_bar_moves_while_c_code_consumes(consumer: str, kind: Any, task: Task) -> None:
    size = 50 * BLOCK
    seen, over = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.is_set() and not seen.is_set():
            if task.slots and 0 < look(task)[0] < size - 1 and not look(task)[2]:
                seen.set()
            over.wait(0.0001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for _ in range(200):
            consumers[consumer](track(kind(size)))
            if seen.is_set():
                break
    finally:
        over.set()
        watcher.join()
    assert seen.is_set()


@pytest.fixture
def quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_may_share_a_tracked_iterator(
    task: Task, monkeypatch: pytest.MonkeyPatch, quick_switches: None
) -> None:
    monkeypatch.setattr(counting, "BLOCK", 3)  # each block is an occasion to collide
    size = 5000
    sources: list[Callable[[], Iterable[int]]] = [
        lambda: range(size),
        lambda: list(range(size)),
        lambda: map(abs, range(size)),
        lambda: InPython(size),
    ]
    for source in sources:
        tracked = track(source())
        got: list[int] = []
        errors: list[BaseException] = []

        def take(
            tracked: Iterator[int],
            got: list[int] = got,
            errors: list[BaseException] = errors,
        ) -> None:
            try:
                for item in tracked:
                    got.append(item)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=take, args=(tracked,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        if not isinstance(source(), InPython):  # which is not thread-safe itself
            assert sorted(got) == list(range(size))
        assert look(task)[0] <= len(got)
        del tracked, threads, thread
        assert look(task)[2]


def test_threads_that_come_at_once_count_in_the_same_block(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = counting.Counted()
    blocks = counting.Blocks(counted, Bar().close, iter(()))
    real, of_the_other = length_hint, []

    def interrupted(block: object) -> int:
        left = real(block)
        monkeypatch.setattr(counting, "length_hint", real)
        of_the_other.append(blocks.next())  # just here, another thread comes first
        return left

    monkeypatch.setattr(counting, "length_hint", interrupted)
    assert [blocks.next()] == of_the_other
    assert counted.begun == 0


def test_threads_of_a_task_may_each_have_their_bars(task: Task, quick_switches: None) -> None:
    ready = threading.Barrier(8)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for at in range(30):
                ready.wait()
                with Bar(10, desc=f"{number}.{at}") as bar:
                    bar.update(10)
                    ready.wait()
                    assert bar in task.slots
                    ready.wait()
        except BaseException as error:
            errors.append(error)
            ready.abort()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(task.slots) == 8


def test_threads_that_open_bars_at_once_do_not_get_the_same_place(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    Bar(desc="over").close()
    real, both, looks = bars._is_free, threading.Event(), []

    def slow(slots: tuple[Bar, ...], depth: int) -> bool:
        free = real(slots, depth)
        looks.append(depth)
        if len(looks) == 2:
            both.set()
        both.wait(0.05)  # for the other, which must not come
        return free

    monkeypatch.setattr(bars, "_is_free", slow)
    opened: list[Bar] = []
    threads = [threading.Thread(target=lambda: opened.append(Bar())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {*task.slots} == {*opened}


def test_coroutines_of_a_task_may_take_turns(task: Task) -> None:
    import asyncio

    async def work(size: int) -> int:
        done = 0
        for _ in track(range(size), desc=str(size)):
            await asyncio.sleep(0)
            done += 1
        return done

    async def main() -> list[int]:
        return await asyncio.gather(*map(work, (3, 20, 2000)))

    assert asyncio.run(main()) == [3, 20, 2000]
    task.end()
    assert {(bar.desc, bar.n) for bar in task.slots} >= {("2000", 2000)}
    assert all(bar.closed for bar in task.slots)


def test_a_tracked_iterator_may_outlive_its_task() -> None:
    with running() as first:
        held, counted = track(list(range(SMALL))), track(generator(10))
        for _ in range(3):
            next(held), next(counted)
        loop = a_generator(first)
        next(loop)
    with running() as second:
        assert [bar.n for bar in first.slots] == [2, 2, 0]
        assert next(held) == 3
        assert list(counted) == [3, 4, 5, 6, 7, 8, 9]
        assert not second.slots
    assert [bar.n for bar in first.slots] == [2, 2, 0]
    assert list(held) == list(range(4, SMALL))


def test_a_sample_at_any_time_is_between_what_was_and_what_is(
    task: Task, quick_switches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "BLOCK", 7)
    size = 30_000
    seen: list[tuple[int, float]] = []
    over, looked = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.is_set():
            for event in task.sample(0.0):
                assert isinstance(event, Advanced)
                seen.append((event.serial, event.n))
            looked.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    for make in (range, generator):
        for item in track(make(size)):
            if item % 1000 == 0:
                looked.clear()
                assert looked.wait(20)
    over.set()
    watcher.join()
    assert seen == sorted(seen)  # back with the second loop, and never else
    assert look(task)[::2] == (size, True)


def test_a_bar_that_another_thread_freezes_just_now_fails_nothing(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two bytecodes of the task that opens the next bar."""

    class Frozen(type):
        def __instancecheck__(cls, reading: object) -> bool:
            is_held = type(reading) is counting.Held
            bar.close()
            return is_held

    for _ in track(range(3)):
        pass
    bar = task.slots[0]
    monkeypatch.setattr(bars, "Held", Frozen("Held", (), {}))
    Bar()
    assert (bar.n, bar.closed) == (3, True)


def test_a_task_that_is_sampled_all_the_time_does_as_ever(task: Task, quick_switches: None) -> None:
    errors: list[BaseException] = []
    over = threading.Event()

    def watch() -> None:
        try:
            while not over.is_set():
                look(task, -1)
        except BaseException as error:
            errors.append(error)

    items = list(range(SMALL + 200))
    current_bar()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for n in range(300):
            for _ in track(range(3)):
                assert list(track(items)) == items
                for _ in track(str(n)):
                    pass
                with Bar(3) as bar:
                    bar.update(3)
                    bar.reset(9)
                    bar.n = 4
                    assert (bar.n, bar.total) == (4, 9)
    finally:
        over.set()
        watcher.join()
    assert not errors


# --- errors at the call --------------------------------------------------------------


@pytest.mark.parametrize("what", [5, 1.5, None, object(), Kept, len])
def test_what_is_no_iterable_is_said_to_be_none(what: Any) -> None:
    with pytest.raises(TypeError, match=r"^track\(\) needs an iterable") as error:
        track(what)
    assert error.value.__suppress_context__
    if what == 5:
        assert "range(5)" in str(error.value)


def test_an_error_of_the_iterables_own_is_not_covered_up() -> None:
    class Broken:
        def __iter__(self) -> Iterator[int]:
            raise TypeError("my own")

        def __repr__(self) -> str:
            raise AssertionError("not to be asked")

    class NoIterator:
        def __iter__(self) -> int:
            return 5

    with pytest.raises(TypeError, match=r"^my own$"):
        track(Broken())
    with pytest.raises(TypeError, match=r"iterator"):
        track(NoIterator())  # type: ignore[arg-type]


bad_totals = [
    (-1, ValueError),
    (-0.5, ValueError),
    (float("nan"), ValueError),
    (float("-inf"), ValueError),
    ("5", TypeError),
    ("many", TypeError),
    (b"5", TypeError),
    ([5], TypeError),
    (5j, TypeError),
    (object(), TypeError),
]


@pytest.mark.parametrize(("total", "error"), bad_totals)
def test_a_total_that_is_none_is_an_error_at_the_call(total: Any, error: type[Exception]) -> None:
    def never() -> Iterator[int]:
        raise AssertionError("not to be begun")
        yield

    for make in (lambda: track(never(), total), lambda: Bar(total)):
        with pytest.raises(error, match=r"^total must be"):
            make()
    with running() as task:
        with pytest.raises(error, match=r"^total must be"):
            track([1], total)
        assert [*task.slots] == []


# --- outside of any task -------------------------------------------------------------


@kinds
def test_outside_of_any_pool_the_iterator_is_just_that(kind: str) -> None:
    assert bars.alone is None
    assert list(track(KINDS[kind](7), desc="x", unit="y")) == list(KINDS[kind](7))
    source: Any = KINDS[kind](3)
    assert type(track(source)) is type(iter(KINDS[kind](3)))


# --- a fork in a task ----------------------------------------------------------------

FORKS = """
import os, sys, threading, warnings
from barexec import bars, counting, sampler, worker
from barexec.bars import Task, current_bar, track

class Sender:
    waits = False
    came = threading.Event()
    def send(self, data):
        self.came.set()
        return True

sampler.TICK = 0.01
worker._sampler = machine = sampler.Sampler()
bars.alone = task = Task(1)
sender = Sender()
machine.begin(task, sender)
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    for at in track(range(20)):
        pid = os.fork()
        if not pid:
            # the child is no task, and has no thread that it did not start
            clean = bars.alone is None and worker._sampler is None
            clean &= threading.active_count() == 1
            clean &= list(track([1, 2])) == [1, 2]
            os._exit(0 if clean else 1)
        assert os.waitpid(pid, 0)[1] == 0
        sender.came.clear()
        current_bar().postfix = str(at)
        assert sender.came.wait(20), "the sampler is not back"
assert not warned, str(warned[0].message)
assert [thread.name for thread in threading.enumerate()] == ["MainThread", "barexec-sampler"]
print("fine", current_bar().n)
"""

PROCESSES = """
import multiprocessing, threading, warnings
from barexec import ProgressPoolExecutor, display, track

display.INTERVAL = 2.0  # what a task has counted last may come after its result

def child(queue):
    queue.put(list(track(range(3))))

def task(n):
    warnings.simplefilter("error")
    context = multiprocessing.get_context("fork")
    got = []
    for _ in track(range(n)):
        queue = context.SimpleQueue()
        process = context.Process(target=child, args=(queue,))
        process.start()
        got += queue.get()
        process.join()
    return got, len(threading.enumerate())

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    with ProgressPoolExecutor(1, context, display="plain") as ex:
        print(ex.submit(task, 3).result())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize(
    ("program", "output", "words"),
    [(FORKS, "fine 20\n", ""), (PROCESSES, "([0, 1, 2, 0, 1, 2, 0, 1, 2], 3)\n", "3 of 3")],
    ids=["fork", "multiprocessing"],
)
def test_a_task_may_fork_while_it_is_sampled(
    program: str, output: str, words: str, tmp_path: Path
) -> None:
    # a program of its own, for pytest's watchdog is a thread too
    path = tmp_path / "program.py"
    path.write_text(program)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == (output, 0), done.stderr
    assert words in done.stderr
    assert "Warning" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_container_of_a_kind_unknown_here_does_not_change() -> None:
    """As CPython 3.15's `frozendict`, which is no dict."""
    assert counting._size({1: 2}, 7) == 1
    assert counting._size(object(), 7) == 7
