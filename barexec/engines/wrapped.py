"""`wrap`: any executor of `concurrent.futures`, with bars.

Its tasks tell of themselves by a named pipe, so that workers that are processes of this
machine, however they came to be, reach the display (loky, joblib's, one of your own).
"""

from __future__ import annotations

import os
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ..channel import open_memory_channel, open_named_channel
from ..crew import ManagerThread
from ..looks import Looks
from ..shown import Around

if TYPE_CHECKING:
    from typing_extensions import Unpack


def wrap(executor: Executor, **looks: Unpack[Looks]) -> WrappedExecutor:
    """An executor with bars, which hands its tasks to one that you have: `wrap(ex)`.

    What is live depends on where the workers run:

    - in processes or threads of this machine (loky, joblib's executor, a
      `ThreadPoolExecutor`, a `ProcessPoolExecutor`): everything, as in
      `ProgressPoolExecutor`, but that what tasks print is caught only as far as it goes by
      Python's own streams, that bars of tqdm are text, and that of what a worker died is not known;
    - anywhere else (another machine; Windows, which has no named pipes): how many tasks
      there are, run and have ended, how each ended, and the row of the whole; no bars.

    The workers have to have barexec installed.

    Args:
        executor: any `concurrent.futures.Executor`. It is shut down together with this one.
        looks: `renderer`, `fullscreen`, `display`, `desc`, `leave`, `capture` and `terminal`
            as of `ProgressPoolExecutor`.

    Raises:
        TypeError: it is no executor, or has bars already; an option is unknown.
        ValueError: an option has a value that it cannot have.
    """
    return WrappedExecutor(executor, looks)


class WrappedExecutor(Around):
    """What `wrap` gives: `submit`, `map`, `options`, `shutdown`, and the wrapped executor's
    other attributes."""

    _in_chunks = True

    def __init__(self, executor: Executor, looks: Looks) -> None:
        if not (hasattr(executor, "submit") and hasattr(executor, "shutdown")):
            raise TypeError(f"wrap() takes a concurrent.futures.Executor, not {executor!r}")
        if any(kind.__module__.startswith("barexec.") for kind in type(executor).__mro__):
            raise TypeError(f"this executor has bars already, use it as it is: {executor!r}")
        super().__init__(executor)
        stock = ProcessPoolExecutor.shutdown, ThreadPoolExecutor.shutdown
        self._cancels = getattr(type(executor), "shutdown", None) in stock
        named = hasattr(os, "mkfifo")
        self._show(looks, open_named_channel if named else open_memory_channel)
        if self._shown is not None and isinstance(executor, ProcessPoolExecutor):
            self._shown.forgetful, self._shown.is_at_it = True, ManagerThread(executor)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_executor"], name)
