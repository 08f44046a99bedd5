"""`ProgressInterpreterPoolExecutor`: an `InterpreterPoolExecutor` (CPython 3.14 on) in which
every task has a bar.

Interpreters of one process share its descriptors, so records go by a pipe, as from processes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.thread import BrokenThreadPool
from typing import TYPE_CHECKING, Any

from ..channel import open_memory_channel, open_shared_channel
from ..looks import Looks
from ..remote import Remote, call
from ..shown import Shown

if TYPE_CHECKING:
    from typing_extensions import Unpack

if sys.version_info >= (3, 14):
    from concurrent.futures import InterpreterPoolExecutor
else:
    from concurrent.futures import Executor as InterpreterPoolExecutor


class ProgressInterpreterPoolExecutor(Shown, InterpreterPoolExecutor):
    """A drop-in replacement for `concurrent.futures.InterpreterPoolExecutor` that shows a bar
    for each task, and one for the whole.

    Args:
        max_workers, thread_name_prefix, initializer, initargs: as in the stock class.
        looks: `renderer`, `fullscreen`, `display`, `desc`, `leave`, `capture` and `terminal`
            as of `ProgressPoolExecutor`.

    After Ctrl-C in its `with` block nothing more is started; what runs is waited for.

    Raises:
        TypeError, ValueError: an option has a value that it cannot have.
        RuntimeError: this Python has no interpreters.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        **looks: Unpack[Looks],
    ) -> None:
        if sys.version_info < (3, 14):
            version = ".".join(map(str, sys.version_info[:2]))
            raise RuntimeError(
                f"interpreters came with CPython 3.14, and this is {version}: use"
                " ProgressPoolExecutor, or ProgressThreadPoolExecutor"
            )
        super().__init__(max_workers, thread_name_prefix, initializer, initargs)
        posix = os.name == "posix"  # elsewhere tasks are counted, without bars
        way = open_shared_channel if posix else open_memory_channel
        self._show(looks, way, lost=(BrokenThreadPool,))

    def _hand_over(
        self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Future[Any]:
        if not isinstance(fn, Remote):
            return super()._hand_over(fn, args, kwargs)
        # interpreters take also functions that can't be pickled, as arguments of a call
        function, fn.function = fn.function, abs
        return super()._hand_over(call, (fn, function, *args), kwargs)
