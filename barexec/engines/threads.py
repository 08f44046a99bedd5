"""`ProgressThreadPoolExecutor`: a `ThreadPoolExecutor` in which every task has a bar.

Records go through memory. What a task prints by Python's own streams is told apart by the
thread that does.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.thread import BrokenThreadPool
from typing import TYPE_CHECKING, Any

from ..channel import open_memory_channel
from ..looks import Looks
from ..shown import Shown

if TYPE_CHECKING:
    from typing_extensions import Unpack


class ProgressThreadPoolExecutor(Shown, ThreadPoolExecutor):
    """A drop-in replacement for `concurrent.futures.ThreadPoolExecutor` that shows a bar for
    each task, and one for the whole.

    Args:
        max_workers, thread_name_prefix, initializer, initargs: as in the stock class.
        looks: `renderer`, `fullscreen`, `display`, `desc`, `leave`, `capture` and `terminal`
            as of `ProgressPoolExecutor`.

    After Ctrl-C in its `with` block nothing more is started; a thread cannot be interrupted,
    so what runs is waited for, as with the stock class.

    Raises:
        TypeError, ValueError: an option has a value that it cannot have.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        **looks: Unpack[Looks],
    ) -> None:
        super().__init__(max_workers, thread_name_prefix, initializer, initargs)
        self._show(looks, open_memory_channel, lost=(BrokenThreadPool,))
