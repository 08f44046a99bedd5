"""Functions that only the main script knows: those of a notebook, a shell, or `python -c`.

A worker that does not share the parent's memory looks them up in a `__main__` of its own,
where they are not, and dies of it; a forked one has them as they were when it was forked.
With cloudpickle, where it is installed, they are carried by value. Without it, the error says
what to do.

Never here: the worker, the pool.
"""

from __future__ import annotations

import pickle
from collections import ChainMap
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from multiprocessing.reduction import ForkingPickler
from sys import modules
from types import FunctionType, MethodType
from typing import Any
from weakref import WeakValueDictionary, ref

ADVICE = (
    "Workers that are not forked know nothing of {names}, defined in an interactive session:"
    " install cloudpickle (pip install 'barexec[notebook]') to have such functions carried to"
    " them, or define them in a module and import that."
)

#: Names of functions that could not be carried.
_left: list[str] = []


#: What the forked workers of a pool have from their parent, by the pool's key: the functions and
#: classes of `__main__` when their executor was made, by name.
_inherited: dict[str, WeakValueDictionary[str, Any]] = {}


def is_interactive() -> bool:
    """Whether `__main__` is no file that a worker could import."""
    return not hasattr(modules.get("__main__"), "__file__")


def note_inherited(pool: str) -> None:
    """The workers of a pool will be forked: what is there now is theirs, too, as the same objects,
    and what is carried by value would be others."""
    known = {
        name: value
        for name, value in list(vars(modules["__main__"]).items())
        # not `isinstance`, which asks the value itself
        if issubclass(type(value), (FunctionType, type)) and value.__module__ == "__main__"
    }
    _inherited[pool] = WeakValueDictionary(known)


def forget(pool: str) -> None:
    """The pool is over. A second call does nothing."""
    _inherited.pop(pool, None)


def _is_inherited(value: Any, pool: str) -> bool:
    known = _inherited.get(pool)
    if known is None or not issubclass(type(value), (FunctionType, type)):
        return False
    name = value.__qualname__
    # still by this name, in the worker as here: `pickle` insists
    return known.get(name) is value and vars(modules["__main__"]).get(name) is value


def carried(function: Callable[..., Any], pool: str) -> Any:
    """What pickles as the function by value, but by name what the pool's workers have already;
    itself, where there is no cloudpickle."""
    if _is_inherited(function, pool):
        return function
    dumps = _dumps()
    if dumps is None:
        name = getattr(function, "__qualname__", "")
        if getattr(function, "__module__", "") == "__main__" and name and name not in _left:
            _left.append(name)
        return function
    return _Carried(dumps(function, pool))


def explain(error: BaseException) -> None:
    """A pool is broken: say so where functions of an interactive session may be the cause."""
    if not _left:
        return
    names = ", ".join(f"{name}()" for name in _left[:3])
    words = ADVICE.format(names=names)
    _left.clear()
    if hasattr(error, "add_note"):
        error.add_note(words)
    else:
        error.args = (f"{error}\n{words}",)


def have_explained(future: Any, is_lost: Callable[[BaseException], bool]) -> None:
    """Where no functions can be carried, an error of a lost task that the Future gets says so
    before whoever waits for it has it."""
    if not is_interactive() or _dumps() is not None:
        return
    settle, reference = type(future).set_exception, ref(future)  # no cycle

    def set_exception(error: BaseException | None) -> None:
        itself = reference()
        if error is not None and is_lost(error):
            explain(error)
        if itself is not None:
            settle(itself, error)

    future.set_exception = set_exception


class _Carried:
    """Pickles as what was pickled."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __reduce__(self) -> tuple[Any, ...]:
        return pickle.loads, (self._data,)


@lru_cache(maxsize=1)
def _dumps() -> Callable[[object, str], bytes] | None:
    try:
        from cloudpickle import CloudPickler
    except ImportError:
        return None

    class Pickler(CloudPickler):  # type: ignore[misc]
        pool = ""

        @property
        def dispatch_table(self) -> ChainMap[type, Callable[[Any], Any]]:
            """As all that is pickled for workers: sockets, connections, and what others have
            registered; but methods by their function, which a name may not find."""
            usual = ForkingPickler(BytesIO()).dispatch_table
            methods = {MethodType: CloudPickler.dispatch_table[MethodType]}
            return ChainMap(methods, usual, CloudPickler.dispatch_table)

        def reducer_override(self, obj: Any) -> Any:
            if _is_inherited(obj, self.pool):
                return obj.__qualname__
            return super().reducer_override(obj)

    def dumps(value: object, pool: str) -> bytes:
        file = BytesIO()
        pickler = Pickler(file)
        pickler.pool = pool
        pickler.dump(value)
        return file.getvalue()

    return dumps
