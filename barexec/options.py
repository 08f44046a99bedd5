"""What is said of a task before it runs: its name, its total, its place.

Never here: the worker, the screen, a `__repr__` of the user's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from operator import index
from typing import Any, NamedTuple, ParamSpec, SupportsIndex, TypeVar

from .bars import called, valid_total

T = TypeVar("T")
P = ParamSpec("P")

#: The most characters of a task's name: more than any screen has columns.
DESC_MOST = 1_000
#: The most of them that are made of its arguments.
NAME_LIMIT = 40


#: Column and row, from 0, of a task's place.
Location = tuple[int, int]


class Words(NamedTuple):
    """Options of one task."""

    desc: str | None = None
    bar: tuple[str | None, float | None, str] | None = None
    location: Location | None = None


class Options(NamedTuple):
    """Options of the next task(s): each a value, or a callable given the task's arguments."""

    desc: str | Callable[..., str] | None = None
    total: float | Callable[..., float | None] | None = None
    unit: str | Callable[..., str] = "it"
    location: Location | Sequence[Location] | Callable[..., Location | None] | None = None

    def of(self, args: tuple[Any, ...], kwargs: dict[str, Any], at: int = 0) -> Words:
        """The options of the task that is submitted as the one of that number, from 0."""
        if self is DEFAULTS:
            return NO_WORDS
        location: Any = self.location
        if location is not None and not callable(location) and not is_location(location):
            location = location[at] if at < len(location) else None
        values: tuple[Any, ...] = self.desc, self.total, self.unit, location
        desc, total, unit, location = (f(*args, **kwargs) if callable(f) else f for f in values)
        total = valid_total(total)
        return Words(
            None if desc is None else str(desc)[:DESC_MOST],
            None if total is None else (None, total, str(unit)),
            None if location is None else valid_location(location),
        )


def is_location(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], SupportsIndex)


def valid_location(value: object) -> Location:
    if not (isinstance(value, (tuple, list)) and len(value) == 2):
        raise TypeError(f"location must be (x, y), a column and a row; got {value!r}")
    try:
        x, y = map(index, value)
    except TypeError:
        raise TypeError(f"location must be two whole numbers (x, y); got {value!r}") from None
    if x < 0 or y < 0:
        raise ValueError(f"location (x, y) counts from (0, 0), the top left; got {value!r}")
    return x, y


NO_WORDS = Words()
DEFAULTS = Options()


def made(
    *,
    desc: str | Callable[..., str] | None = None,
    total: float | Callable[..., float | None] | None = None,
    unit: str | Callable[..., str] = "it",
    location: Location | Sequence[Location] | Callable[..., Location | None] | None = None,
) -> Options:
    """The options, as they were checked.

    Raises:
        TypeError, ValueError: `total` is not a number, or less than 0; `location` is no pair of
            whole numbers, or one of them is less than 0.
    """
    if not callable(total):
        valid_total(total)
    if location is not None and not callable(location):
        if isinstance(location, Sequence) and not is_location(location):
            location = [valid_location(one) for one in location]
        else:
            location = valid_location(location)
    return Options(desc, total, unit, location)


class TaskOptions:
    """`submit` and `map` of an executor, for tasks with options of their own."""

    def __init__(self, executor: Any, options: Options) -> None:
        self._executor = executor
        self._options = options

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As the executor's."""
        future: Future[T] = self._executor._submit(fn, args, kwargs, self._options)
        return future

    def map(self, fn: Callable[..., T], *iterables: Iterable[Any], **options: Any) -> Iterator[T]:
        """As the executor's."""
        results: Iterator[T] = self._executor._map(fn, iterables, options, self._options)
        return results


#: Bits of an integer that a task's name has at most.
BITS = 256
_SHORT = frozenset((int, float, bool, type(None)))


def name_of(
    fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], short: bool = False
) -> str:
    """What a task is called: its function, and its arguments where they are plain.

    No `__repr__` of the user's is called: it may be slow, or raise.
    """
    while isinstance(fn, partial):
        fn = fn.func
    name = called(fn)
    if short or not (args or kwargs):
        return name
    if kwargs:
        words = [_word(value) for value in args]
        words += [f"{key}={_word(value)}" for key, value in kwargs.items()]
        text = ", ".join(words)
    else:
        text = ", ".join(map(_word, args)) if len(args) > 1 else _word(args[0])
    return f"{name}({text})" if len(text) <= NAME_LIMIT else f"{name}({text[:NAME_LIMIT]}…"


def _word(value: object) -> str:
    kind = type(value)
    if kind is int:
        # the digits of a long one cost much, and of more than 4,300 there are none (ValueError)
        return repr(value) if value.bit_length() <= BITS else "…"  # type: ignore[attr-defined]
    if kind in _SHORT or (kind in (str, bytes) and len(value) <= NAME_LIMIT):  # type: ignore[arg-type]
        return repr(value)
    if kind is tuple and len(value) <= 4 and {*map(type, value)} <= _SHORT:  # type: ignore[arg-type, call-overload]
        words = [*map(_word, value)]  # type: ignore[call-overload]
        return f"({', '.join(words)}{',' * (len(words) == 1)})"
    module = kind.__module__  # of a proxy's class, it may be anything
    if type(module) is str and module.startswith("pathlib") and kind.__name__.endswith("Path"):
        return str(value.name)  # type: ignore[attr-defined]
    return "…"
