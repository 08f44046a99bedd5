"""Executors with a fault each, which the stock tests have to find."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from barexec import ProgressPoolExecutor


class LosesResults(ProgressPoolExecutor):
    """Every second result is lost."""

    submits = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = super().submit(fn, *args, **kwargs)
        self.submits += 1
        if self.submits % 2:
            return future
        lossy: Future[Any] = Future()
        future.add_done_callback(lambda _: lossy.set_result(None))
        return lossy


class ReversesMap(ProgressPoolExecutor):
    """The results of `map` come in the wrong order."""

    def map(self, fn: Callable[..., Any], *iterables: Any, **kwargs: Any) -> Iterator[Any]:
        results: list[Any] = list(super().map(fn, *iterables, **kwargs))
        return iter(results[::-1])


class Dies(ProgressPoolExecutor):
    """The process ends."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        os._exit(0)


class LeavesThread(ProgressPoolExecutor):
    """Every test passes, and a thread is left behind."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        threading.Thread(target=threading.Event().wait, daemon=True).start()


class Complains(ProgressPoolExecutor):
    """Every test passes, and a warning is seen."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait, cancel_futures=cancel_futures)
        warnings.warn("the pool is gone", RuntimeWarning, stacklevel=2)
