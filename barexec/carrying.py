"""Functions that only the main script knows: those of a notebook, a shell, or `python -c`.

A worker that does not share the parent's memory looks them up in a `__main__` of its own,
where they are not, and dies of it; a forked one has them as they were when it was forked.
With cloudpickle, where it is installed, they are carried by value. Without it, the error says
what to do.

Never here: the worker, the pool.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import lru_cache
from sys import modules
from typing import Any

ADVICE = (
    "Workers that are not forked know nothing of {names}, defined in an interactive session:"
    " install cloudpickle (pip install 'barexec[notebook]') to have such functions carried to"
    " them, or define them in a module and import that."
)

#: Names of functions that could not be carried.
_left: list[str] = []


def is_interactive() -> bool:
    """Whether `__main__` is no file that a worker could import."""
    return not hasattr(modules.get("__main__"), "__file__")


def carried(function: Callable[..., Any]) -> Any:
    """What pickles as the function by value; itself, where there is no cloudpickle."""
    dumps = _dumps()
    if dumps is None:
        name = getattr(function, "__qualname__", "")
        if getattr(function, "__module__", "") == "__main__" and name and name not in _left:
            _left.append(name)
        return function
    return _Carried(dumps(function))


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


class _Carried:
    """Pickles as what was pickled."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __reduce__(self) -> tuple[Any, ...]:
        return pickle.loads, (self._data,)


@lru_cache(maxsize=1)
def _dumps() -> Callable[[object], bytes] | None:
    try:
        from cloudpickle import dumps
    except ImportError:
        return None
    found: Callable[[object], bytes] = dumps
    return found
