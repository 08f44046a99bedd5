"""How many items of an iterator are done, read from outside the loop.

`Held` reads an iterator of a built-in type that is handed out as it is; `Counted` puts a
C-speed iterator before any other, and reads that; `Frozen` is what was read at the end. A
reading never calls a user's Python code, and costs the loop nothing.

Never here: bars, tasks, threads.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from gc import get_referents
from itertools import chain, compress, count, repeat
from opcode import opmap
from operator import length_hint
from types import FrameType, GeneratorType
from typing import Any, TypeVar
from weakref import proxy

T = TypeVar("T")

#: Items between two looks at whether another thread wants to run. C code that consumes a
#: whole iterator, such as `sum`, never looks by itself; 10,000 items take about 0.1 ms.
BLOCK = 10_000

_LIST: type[Iterator[Any]] = type(iter([]))
#: Iterators over what cannot change: once exhausted, they let go of it, and show so.
_TELLING: set[type] = {type(iter(())), type(iter("")), type(iter("é")), type(iter(b""))}
_views: tuple[Any, ...] = ({}.keys(), {}.values(), {}.items())
#: Iterators of what may change its size in the loop, after which their hints may lie.
_CHANGING = {_LIST, type(iter(set())), *map(type, map(iter, _views))}
#: Iterators that are handed out as they are: in C from end to end, with a true hint. Not
#: `reversed`, deques and ranges of big integers, whose hints fail in some cases.
_HELD = _TELLING | _CHANGING | {type(iter(range(0)))}
#: Items from which on a container that may change is read from outside: what 7 ns an item
#: would add to the call of `track` for a smaller one is not worth any doubt.
SMALL = 1000


class Held:
    """An iterator of a built-in type, handed out as it is and read from outside.

    Its end is seen only at the next look. A list that was changed in between, or a dict or
    set that was changed before a `break`, leaves a doubt: the count is then that of the
    last look in the loop, or all that there were. Immutables leave none; except that a
    `break` within the last item of a range looks like its end.
    """

    __slots__ = ("_begun", "_first", "_items", "_iterator")

    def __init__(self, iterator: Any, length: int | None = None) -> None:
        self._iterator = iterator
        self._first = length_hint(iterator) if length is None else length
        self._begun = 0
        #: A list that was seen to change in the loop: its length is the count in the end.
        self._items: list[Any] | None = None

    def let_go(self) -> bool:
        """Whether the loop has ended: nobody else holds the iterator."""
        return sys.getrefcount(self._iterator) <= _ALONE

    def read(self, ended: bool) -> tuple[int, int | None]:
        """How many items are done, and of how many (None: as at the start).

        An item is done when the next one is asked for: inside the fifth, four are.
        """
        if type(self._iterator) is _LIST:
            return self._read_list()
        left = length_hint(self._iterator)
        begun, exhausted = self._first - left, False
        if left:
            self._begun = begun
        elif type(self._iterator) in _TELLING:
            exhausted = len(self._iterator.__reduce__()) < 3
        elif type(self._iterator) in _CHANGING:
            # once exhausted, it has let go of its dict or set
            held = [x for x in get_referents(self._iterator) if type(x) is not tuple]
            sizes = [_size(x, self._first) for x in held]
            exhausted = not sizes
            if sizes and sizes != [self._first]:
                begun = self._begun
        else:
            exhausted = ended
        return (begun if exhausted else max(0, begun - 1)), None

    def _read_list(self) -> tuple[int, int]:
        state = self._iterator.__reduce__()
        if len(state) == 3:
            items, self._begun = state[1][0], state[2]
            total = list.__len__(items)
            if total != self._first:
                self._items = items
            return max(0, self._begun - 1), total
        # exhausted: it has forgotten its list, which may have been changed since
        n = self._first if self._items is None else max(list.__len__(self._items), self._begun)
        return n, n


def _size(container: Any, otherwise: int) -> int:
    """Without a look at a `__len__` of the user's; that of a `frozendict` never changes."""
    for kind in (dict, set, frozenset):
        if issubclass(type(container), kind):
            return kind.__len__(container)
    return otherwise


class Frozen:
    """What was read at the loop's end."""

    __slots__ = ("_n",)

    def __init__(self, n: int) -> None:
        self._n = n

    def read(self, ended: bool) -> tuple[int, int | None]:
        return self._n, None


def _alone() -> int:
    held = Held(iter(()))
    low = 0
    # what `let_go` counts where nobody else holds it; CPython 3.14 counts one less
    return next(n for n in count(low) if sys.getrefcount(held._iterator) <= n)


_ALONE = _alone()


class Counted:
    """Any other iterator, behind a C-speed one whose count is read from outside."""

    __slots__ = ("_items", "_mark", "_running", "exhausted")

    def __init__(self) -> None:
        self._mark = (0, repeat(True, 0))
        self._running: Any = None
        #: A list's iterator: the list may change its size in the loop.
        self._items: Any = None
        self.exhausted = False

    def wrap(self, iterator: Iterator[T], close: Callable[[], object], whole: bool) -> Iterator[T]:
        """The iterator to hand out; `close` is called when its loop ends, however it does.

        With `whole`, the total is as many as its list has, if it is a list's.
        """
        if type(iterator) is GeneratorType:
            # not the generator itself: held from here, it would outlive a `break`
            self._running = proxy(iterator)
        elif type(iterator) is _LIST and whole:
            self._items = iterator
        blocks = Blocks(self, close, iterator)
        if type(iterator) is not GeneratorType:
            iterator = chain(iterator, blocks)
        return compress(iterator, chain.from_iterable(iter(blocks.next, None)))

    @property
    def begun(self) -> int:
        base, block = self._mark
        return base - length_hint(block)

    def read(self, ended: bool) -> tuple[int, int | None]:
        begun, total = self.begun, None
        if self._items is not None:
            state = self._items.__reduce__()
            total = list.__len__(state[1][0]) if len(state) == 3 else begun
        if self.exhausted or not begun:
            return begun, total
        if self._running is not None:
            try:
                # one bytecode in C: no other thread comes between, and none is kept alive
                waits = self._running.gi_running
            except ReferenceError:
                waits = False
            if waits and begun == self.begun:
                return begun, None  # the body is done, the next item in the making
        return begun - 1, total


class Blocks:
    """Endless selectors for `compress`, in blocks whose own hint is the count.

    Between two blocks other threads may run, also those that consume the same iterator: so
    nothing here is a generator, which would refuse the second. It dies with the loop. As
    an iterator it has no items; chained behind another, it is reached at that one's end.
    """

    __slots__ = ("_blocks", "_close", "_counted", "_iterator")

    def __init__(
        self, counted: Counted, close: Callable[[], object], iterator: Iterator[Any]
    ) -> None:
        self._counted = counted
        self._close = close
        # `chain` alone would drop it at its end, even while another thread is still in it
        self._iterator = iterator
        self._blocks: dict[int, repeat[bool]] = {}

    def next(self) -> Iterable[bool]:
        base, block = self._counted._mark
        if not length_hint(block):
            # threads that come at once get the same one, and none turns the count back
            block = self._blocks.setdefault(base, repeat(True, BLOCK))
            if self._counted._mark[0] == base:
                self._counted._mark = (base + BLOCK, block)
            self._blocks.pop(base - 9 * BLOCK, None)
        return block

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self._counted.exhausted = True
        raise StopIteration

    def __del__(self) -> None:
        if type(self._iterator) is GeneratorType and self._iterator.gi_frame is None:
            self._counted.exhausted = True
        self._close()


_GET_ITER = opmap["GET_ITER"]


def feeds_a_loop(frame: FrameType) -> bool:
    """Whether the value that `frame` waits for goes into a `for` at once.

    Only then it is sure that other threads get their turn between the items. A wrong
    answer changes no count: it costs either 7 ns an item, or a bar that stands still
    while C code consumes the iterator.
    """
    code = frame.f_code.co_code
    at = frame.f_lasti + 2
    while at < len(code) and code[at] == 0:  # the call's inline cache (CPython 3.11 on)
        at += 2
    return at < len(code) and code[at] == _GET_ITER


def may_be_held(iterable: object, iterator: Iterator[Any]) -> bool:
    if iterator is iterable:  # its owner may go on with it after the loop
        return False
    kind = type(iterator)
    return kind in _HELD and (kind not in _CHANGING or length_hint(iterator) >= SMALL)


class OfKnownTotal(Held):
    """The same, where the user said what the total is."""

    __slots__ = ()

    def read(self, ended: bool) -> tuple[int, int | None]:
        return super().read(ended)[0], None


def length_of(iterable: Any, iterator: Any) -> int | None:
    try:
        hint = length_hint(iterable, -1)
        if hint < 0:
            hint = length_hint(iterator, -1)
    except Exception:
        # the user's own __len__ or __length_hint__: the bare loop would not have asked
        return None
    return None if hint < 0 else hint
