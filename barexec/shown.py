"""`Shown`: what the executors of all engines share, but for the pool of processes.

    submit(fn, …) ─► Remote(fn) ─► the engine ─► enter, fn(…), leave
         │ number, name                              │ sampler
         ▼                                           ▼
      display ◄══════════════ channel ═══════════ numbers
         ▲
    Future done ─► callback

Never here: a thread, a process, a library.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from . import remote
from .channel import Receiver
from .injection import to_fill
from .interrupts import is_ctrl_c, release_forgotten
from .looks import Looks, join
from .options import DEFAULTS, Location, Options, TaskOptions, made, name_of
from .pool import Pool, taken
from .remote import Remote, Route, Travelling, call_each

T = TypeVar("T")


class Mapped:
    """The function given to `map`, on its way through the engine's `map` to our `submit`."""

    def __init__(self, function: Callable[..., Any], options: Options, chunks: bool) -> None:
        self.function = function
        self.options = options
        self.chunks = chunks
        """Whether it is called with a tuple of the arguments of several calls."""
        self.at = 0
        """How many items were submitted."""
        self.tasks = 0
        """How many tasks."""

    @property
    def bare(self) -> Callable[..., Any]:
        """What is called for one task."""
        return partial(call_each, self.function) if self.chunks else self.function

    # where a subclass has a `submit` of its own, which hands on something else

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.bare(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial, (self.bare,)


class Shown(Executor):
    """An executor with bars, over one whose class comes after it among the bases.

    Guarantees: results, errors, their order and the shutdown are those of the engine's own
    executor, whatever happens to the display. Thread-safe as that is.
    """

    _shown: Pool | None = None
    _route: Route | None = None
    _in_chunks = False
    """Whether `map` heeds its `chunksize`."""

    def _show(
        self,
        looks: Looks,
        way: Callable[[], tuple[Travelling, Receiver]],
        *,
        lost: tuple[type[BaseException], ...] = (BrokenExecutor,),
        late: int = 0,
    ) -> None:
        """Take part in the display, if there is one.

        Args:
            looks: how.
            way: makes the channel.
            lost: what tasks end with whose worker died.
            late: ticks for which records may come after the last result.
        """
        pool = join(looks, way)
        if pool is None:
            return
        pool.lost = lost
        pool.late = late
        pool.on_forget = partial(remote.close, pool.key)
        capture = bool(looks.get("capture", True))
        sender: Any = pool.sender
        self._route = Route(pool.key, sender, pool.screen, capture)
        self._shown = pool
        weakref.finalize(self, pool.abandon).atexit = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """As of the engine's own executor, with a bar."""
        return self._submit(fn, args, kwargs, DEFAULTS)

    def map(self, fn: Callable[..., T], *iterables: Iterable[Any], **options: Any) -> Iterator[T]:
        """As of the engine's own executor, with a bar for each item."""
        return self._map(fn, iterables, options, DEFAULTS)

    def options(
        self,
        *,
        desc: str | Callable[..., str] | None = None,
        total: float | Callable[..., float | None] | None = None,
        unit: str | Callable[..., str] = "it",
        location: Location | Sequence[Location] | Callable[..., Location | None] | None = None,
    ) -> TaskOptions:
        """Tasks with options of their own: `ex.options(desc="run 1").submit(f, 1)`.

        Args:
            desc, total, unit, location: as of `ProgressPoolExecutor.options`.
        """
        return TaskOptions(self, made(desc=desc, total=total, unit=unit, location=location))

    def shutdown(self, wait: bool = True, **options: Any) -> None:
        """As of the engine's own executor; with `wait`, until the last frame is drawn."""
        over = False
        try:
            super().shutdown(wait, **options)
            over = wait
        finally:
            self._leave(over)

    def _leave(self, wait: bool) -> None:
        if self._shown is not None:
            self._shown.close(wait)

    def __exit__(self, kind: type[BaseException] | None, *error: Any) -> bool | None:
        """As of the engine's own executor; after Ctrl-C, nothing more is started."""
        if is_ctrl_c(kind, *error) and self._shown is not None:
            release_forgotten(error[1])
            self._shown.interrupted = True
            self.shutdown(wait=True, cancel_futures=True)
            return False
        return super().__exit__(kind, *error)

    def _map(
        self,
        fn: Callable[..., T],
        iterables: tuple[Iterable[Any], ...],
        later: dict[str, Any],
        options: Options,
    ) -> Iterator[T]:
        size = later.pop("chunksize", 1)
        if self._in_chunks and size < 1:
            raise ValueError("chunksize must be >= 1.")  # the stock class's words
        if not self._in_chunks or size == 1:
            each: Any = Mapped(fn, options, False)
            return super().map(each, *iterables, **later)
        items = zip(*iterables, strict=False)
        chunks = iter(lambda: tuple(islice(items, size)), ())
        function: Any = Mapped(fn, options, True)
        return _each(super().map(function, chunks, **later))

    def _submit(
        self,
        fn: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: Options,
    ) -> Future[T]:
        mapped = fn if isinstance(fn, Mapped) else None
        first, count, nth = args, 1, 0
        if mapped is not None:
            fn, options, nth = mapped.function, mapped.options, mapped.tasks
            if mapped.chunks:
                (chunk,) = args
                first, count = chunk[0], len(chunk)
        pool, route = self._shown, self._route
        fill = to_fill(fn, first, kwargs)
        words = options.of(first, kwargs, nth)
        desc = words.desc
        if desc is None:
            desc = name_of(fn, first, kwargs, short=count > 1)
        if mapped is not None:
            if mapped.chunks:
                desc = f"{desc}[{mapped.at}:{mapped.at + count}]"
                fn = mapped.bare
            mapped.tasks, mapped.at = mapped.tasks + 1, mapped.at + count
        if pool is None or route is None:
            if fill:
                fn = Remote(None, 0, fn, fill)
            return self._hand_over(fn, args, kwargs)
        task: Remote | None = None
        future: Future[T] | None = None
        id = pool.submitted(desc, count, words.location)
        try:
            task = Remote(route, id, fn, fill, words.bar, words.location)
            future = self._hand_over(task, args, kwargs)
            pool.accepted(id, future)
        except BaseException as error:
            pool.refused(id, error, future or taken(self, task, error, pool.is_at_it))
            raise
        return future

    def _hand_over(
        self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Future[Any]:
        """To the engine."""
        return super().submit(fn, *args, **kwargs)


class Around(Shown):
    """An executor with bars that hands its tasks to another one."""

    _cancels = False
    """Whether the other one takes `cancel_futures`."""

    def __init__(self, executor: Any) -> None:
        self._executor = executor
        self._handed: weakref.WeakSet[Future[Any]] = weakref.WeakSet()

    def shutdown(self, wait: bool = True, **options: Any) -> None:
        """Shut down the other executor; with `wait`, until the last frame is drawn.

        Args:
            wait: whether to wait for what runs.
            options: `cancel_futures`: whether to cancel what does not run yet. Others are the
                other executor's own.
        """
        if not self._cancels and options.pop("cancel_futures", False):
            for future in _listed(self._handed):
                future.cancel()
        over = False
        if self._shown is not None:
            self._shown.is_at_it()  # the other one soon forgets its thread
        try:
            self._executor.shutdown(wait, **options)
            over = wait
        finally:
            self._leave(over)

    def _hand_over(
        self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Future[Any]:
        future: Future[Any] = self._executor.submit(fn, *args, **kwargs)
        self._handed.add(future)
        return future


def _listed(futures: weakref.WeakSet[Future[Any]]) -> list[Future[Any]]:
    while True:
        with suppress(RuntimeError):  # another thread submits one meanwhile
            return list(futures)


def _each(chunks: Iterator[Iterable[T]]) -> Iterator[T]:
    """The results of them all. As the stock class's, it can be closed."""
    for chunk in chunks:
        yield from chunk
