"""Bars of tqdm that a task makes, unmodified: shown from their numbers, as our own are.

tqdm lets other front ends take its numbers by a `display` of their own. Ours stands in the
place of that of the class itself, so that it is met by code that took the class long
before; tqdm is not imported for it, but met when the user's code imports it.

A bar is adopted only if it would draw where what the task prints is caught, and if our
rows can say all that it would: not with a `bar_format`, an `initial` count or a numeric
`unit_scale`, and no subclass that draws in its own way.

Never here: what a bar looks like; the worker.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Protocol

_MODULE = "tqdm.std"


class Follower(Protocol):
    """Our bar that shows the numbers of another."""

    n: float
    total: float | None
    desc: str
    postfix: Any

    def reset(self) -> None:
        """The other one counts from 0 again, now."""

    def close(self) -> None:
        """It has ended."""


class _Nowhere:
    """Where an adopted bar draws."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def adopt_tqdm(follower: Callable[[int, str], Follower | None]) -> None:
    """Adopt bars of tqdm from now on. A second call in a process does nothing.

    Args:
        follower: gives a bar for one that would draw on that descriptor, and counts in that
            unit; None: it is left alone.
    """
    module = sys.modules.get(_MODULE)
    if module is not None and hasattr(module, "tqdm"):
        _meet(module, follower)
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder(follower))


class _Finder:
    """Waits for the import of tqdm, which others find and load. It stays where it is: a list that
    gets shorter would hide a finder from another thread, which is just going through it."""

    def __init__(self, follower: Callable[[int, str], Follower | None]) -> None:
        self._follower = follower

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != _MODULE:
            return None
        for finder in list(sys.meta_path):
            if finder is self:
                continue
            find = getattr(finder, "find_spec", None)  # an old one's own way is not for us
            spec: ModuleSpec | None = find and find(name, path, target)
            if spec is not None:
                self._wait_for(spec.loader)
                return spec
        return None

    def _wait_for(self, loader: Any) -> None:
        load = getattr(loader, "exec_module", None)
        if load is None:
            return  # one of the old kind

        def exec_module(module: ModuleType) -> None:
            load(module)
            # a loader may serve several modules, as that of a zip file does
            if module.__name__ == _MODULE:
                with suppress(AttributeError):
                    del loader.exec_module
                _meet(module, self._follower)

        try:
            loader.exec_module = exec_module
        except AttributeError:
            return  # a loader of somebody's own: its bars draw themselves


def _meet(module: ModuleType, follower: Callable[[int, str], Follower | None]) -> None:
    stock = module.tqdm.display
    if hasattr(stock, "barexec"):
        return

    @functools.wraps(stock)
    def display(bar: Any, msg: str | None = None, pos: int | None = None) -> Any:
        ours = vars(bar).get("_barexec")
        if ours is None:
            ours = _follower_of(bar, follower) if type(bar).display is display else False
            bar._barexec = ours
        if ours is False:
            return stock(bar, msg, pos)
        _tell(ours, bar, msg)
        return msg is None

    display.barexec = True  # type: ignore[attr-defined]
    module.tqdm.display = display


def _follower_of(bar: Any, follower: Callable[[int, str], Follower | None]) -> Follower | bool:
    """What shows its numbers; False where it is left alone."""
    if bar.bar_format or bar.initial or bar.unit_scale not in (True, False):
        return False
    try:
        fd = bar.fp.fileno()
    except Exception:  # of whatever it is that the user gave
        return False  # it draws into memory, or nowhere
    ours = follower(fd, bar.unit)
    if ours is None:
        return False
    bar.fp = _Nowhere()
    bar.sp = bar.fp.write
    return ours


def _tell(ours: Follower, bar: Any, msg: str | None) -> None:
    if bar.n == 0 and ours.n:
        ours.reset()
    try:
        ours.total = bar.total
    except (TypeError, ValueError):
        ours.total = None  # tqdm takes anything
    ours.n = bar.n
    ours.desc = (bar.desc or "").removesuffix(": ")
    ours.postfix = msg or bar.postfix or ""
    if bar.disable:  # so it is while it closes
        ours.close()
