"""`ProgressPoolExecutor`: a `ProcessPoolExecutor` in which every task has a bar.

    submit(fn, …) ─► Call(fn) ─► stock call queue ─► worker: begin() ─► fn(…)
         │                                                    │ sampler
         │ number, name                                       ▼
         └────────────────► display ◄═════ channel ═══════ numbers
    Future done ─► callback ─┘

One call lives thus: its number and name go to the display, then the stock executor takes
the call with a `worker.Call` in the place of the function; the worker turns that back into
the function; the Future's own callback says how it ended. Results never pass through us.

Never here: private attributes of the base class, but the thread that its `shutdown` joins, and what
says that it is broken; a reference from the display back to the executor, which would keep one
alive that its user dropped.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from .carrying import is_interactive, note_inherited
from .crew import BROKEN_BETWEEN_SUBMITS, Crew, ManagerThread, joined, let_close, roster_of
from .injection import candidates, to_fill
from .interrupts import is_ctrl_c, release_forgotten
from .looks import Looks, join
from .options import DEFAULTS, NO_WORDS, Location, Options, TaskOptions, made, name_of
from .policy import Leave
from .pool import Pool, taken
from .worker import Call, Chunk, Initargs, is_one

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

    from .renderers import Renderer

T = TypeVar("T")
P = ParamSpec("P")
Method = TypeVar("Method", bound=Callable[..., Any])


def _signed_as(stock: Callable[..., Any]) -> Callable[[Method], Method]:
    """Give a method the signature and the words of the stock one of the running Python."""

    def sign(method: Method) -> Method:
        update_wrapper(method, stock, assigned=("__doc__", "__annotations__"), updated=())
        return method

    return sign


class _Mapped:
    """The function given to `map`, on its way through the stock `map` to our `submit`.

    The stock `map` submits `partial(its own function, this)` for each chunk.
    """

    def __init__(self, function: Callable[..., Any], options: Options) -> None:
        self.function = function
        self.options = options
        self.at = 0
        """How many items were submitted."""
        self.chunks = 0
        self.plain = options is DEFAULTS and not candidates(function)
        """Whether every chunk is submitted just as it is."""

    # where a subclass has a `submit` of its own, which hands on something else

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial, (self.function,)


class ProgressPoolExecutor(ProcessPoolExecutor):
    """A drop-in replacement for `concurrent.futures.ProcessPoolExecutor` that shows a bar
    for each task, and one for the whole, on stderr.

    Args:
        max_workers, mp_context, initializer, initargs, max_tasks_per_child: as in the
            stock class of the running Python.
        renderer: how a bar looks: "bar" (our own), "tqdm" or "progressbar" (as those
            libraries draw), or a `barexec.renderers.Renderer`: an object with a method
            `render(state, columns) -> str`.
        fullscreen: the same as `display="fullscreen"`, where `display` is None.
        display: "fullscreen" (bars on a screen of their own), "inline" (bars below what
            stands on the terminal), "plain" (lines for a log) or "off" (the stock
            executor); None: what the environment variable BAREXEC says, else "inline". It is
            the most that is shown: BAREXEC may say less, and where stderr is no terminal there
            are no bars.
        desc: the name of the whole.
        leave: what stays on the screen at the end: True (everything), False (nothing),
            "failed" (the whole and what failed), None (everything if it fits on the
            screen, else as "failed").
        capture: what tasks print to the terminal scrolls above the bars, and what they draw
            there becomes rows of theirs (True); also with the task's name before each line
            ("named"); False leaves their streams alone.
        on_interrupt: what Ctrl-C in a `with` block of it does (and in its `shutdown`): "stop"
            interrupts the tasks that run, cancels all others and ends the workers, within a
            second; "finish" does what the stock class does: tasks that run are interrupted, those
            that wait are run.
        terminal: a `blessings.Terminal` or `blessed.Terminal` on whose stream it is all
            shown, with what that terminal can do; None for stderr.

    Executors that are alive at the same time share one display; the options of the first
    hold for it.

    Raises:
        ValueError: an option has a value that it cannot have.
        ImportError: the library that `renderer` is named for is not installed.
        TypeError: `terminal` is no Terminal.
        TypeError, ValueError: what the stock class raises.

    Guarantees: results, exceptions, their order and tracebacks, and the shutdown are those
    of the stock class, whatever happens to the display, but for Ctrl-C (`on_interrupt`).
    Thread-safe as the stock class is. `shutdown(wait=True)` waits at most 2 s longer, for the
    last frame, or for as long as a slow terminal still takes what was printed. The workers end
    with the program, even if that is killed.
    """

    if sys.version_info < (3, 12, 1):  # later CPython has its lock for it
        _broken = BROKEN_BETWEEN_SUBMITS

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: BaseContext | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        max_tasks_per_child: int | None = None,
        renderer: str | Renderer = "bar",
        fullscreen: bool = False,
        display: str | None = None,
        desc: str | None = None,
        leave: Leave = None,
        capture: bool | Literal["named"] = True,
        on_interrupt: Literal["stop", "finish"] = "stop",
        terminal: object = None,
    ) -> None:
        if on_interrupt not in ("stop", "finish"):
            raise ValueError(f'on_interrupt must be "stop" or "finish", not {on_interrupt!r}')
        self._pool: Pool | None = None
        self._crew: Crew | None = None
        later = {} if max_tasks_per_child is None else {"max_tasks_per_child": max_tasks_per_child}
        looks: Looks = {
            "renderer": renderer,
            "fullscreen": fullscreen,
            "display": display,
            "desc": desc,
            "leave": leave,
            "capture": capture,
            "terminal": terminal,
        }
        pool = join(looks)
        carrier: Any = initargs
        if pool is not None:
            if initializer is None:
                initializer, initargs = bool, ()  # does nothing, in C
            roster = roster_of(mp_context, bool(later), stops=on_interrupt == "stop")
            mp_context = roster  # type: ignore[assignment]
            self._crew = roster if isinstance(roster, Crew) else None
            halt = None if self._crew is None else self._crew.halt
            attached = pool.key, pool.sender, pool.screen, pool.link, capture, halt
            carrier = Initargs(initargs, *attached)
        elif is_one() and display != "off":  # whose own workers would not end with it
            if initializer is None:
                initializer, initargs = bool, ()
            carrier = Initargs(initargs)
        try:
            super().__init__(max_workers, mp_context, initializer, carrier, **later)
        except BaseException:
            if pool is not None:
                pool.close(wait=False)
            raise
        self._pool = pool
        if pool is not None:
            let_close(self)
            pool.forgetful = True
            pool.is_at_it = ManagerThread(self)
            pool.end_workers, pool.find_dead = roster.kill, roster.dead
            weakref.finalize(self, pool.abandon).atexit = False
            if roster.get_start_method() == "fork" and is_interactive():
                note_inherited(pool.key)

    @_signed_as(ProcessPoolExecutor.submit)
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        pool = self._pool
        if pool is None or type(fn) is partial or candidates(fn):
            return self._submit(fn, args, kwargs, DEFAULTS)
        # the usual call, without a detour: it is this method that tasks a second hang on
        call: Call | None = None
        future: Future[T] | None = None
        id = pool.submitted(name_of(fn, args, kwargs), 1)
        try:  # from here on it is known, and Ctrl-C may come
            call = Call((pool.key, id, fn))
            future = super().submit(call, *args, **kwargs)
            pool.accepted(id, future)
        except BaseException as error:
            pool.refused(id, error, future or taken(self, call, error, pool.is_at_it))
            raise
        return future

    @_signed_as(ProcessPoolExecutor.map)
    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        **later: Any,
    ) -> Iterator[T]:
        later |= {"timeout": timeout, "chunksize": chunksize}
        return self._map(fn, iterables, later, DEFAULTS)

    def options(
        self,
        *,
        desc: str | Callable[..., str] | None = None,
        total: float | Callable[..., float | None] | None = None,
        unit: str | Callable[..., str] = "it",
        location: Location | Sequence[Location] | Callable[..., Location | None] | None = None,
    ) -> PoolOptions:
        """Tasks with options of their own: `ex.options(desc="run 1").submit(f, 1)`. The executor
        itself stays as it is, and what this returns may be kept, and used again.

        Args:
            desc: the task's name.
            total: how much there is to do, >= 0: the task has a bar from its start, which
                it gets as `current_bar()` or as a parameter.
            unit: what that bar counts.
            location: where the task is shown: (x, y), the zero-based column and row from
                the top left of the display. For `map` also a sequence of them, for one task
                after the other. Tasks without one flow into the free rows.

        Each is a value, or a callable that is given the task's own arguments; where `map` has a
        `chunksize`, those of the first call in the chunk.

        Raises:
            TypeError, ValueError: `total` is not a number, or less than 0; `location` is no
                pair of whole numbers, or one of them is less than 0.
        """
        chosen = made(desc=desc, total=total, unit=unit, location=location)
        return PoolOptions(self, chosen)

    @_signed_as(ProcessPoolExecutor.shutdown)
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        crew = self._crew
        if self._pool is None or not wait:
            self._shutdown(wait, cancel_futures)
            return
        thread = getattr(self, "_executor_manager_thread", None)
        if crew is None:
            with joined(thread):
                self._shutdown(wait, cancel_futures)
            return
        stopping = crew.stopping
        with crew.waited_for(thread, self._interrupt):
            self._shutdown(wait, cancel_futures)
        crew.close()
        if crew.stopping and not stopping:
            raise KeyboardInterrupt

    def _shutdown(self, wait: bool, cancel_futures: bool) -> None:
        over = False
        if self._pool is not None:
            self._pool.is_at_it()  # the stock class soon forgets it
        try:
            super().shutdown(wait, cancel_futures=cancel_futures)
            over = wait
            if wait and self._pool is not None and not self._pool.is_at_it():
                self._pool.give_up()
        finally:
            if self._pool is not None:
                self._pool.close(over)  # one that was interrupted waits for nothing more

    def _interrupt(self, waiting: bool) -> None:
        """Ctrl-C in the midst of `shutdown`, which waits for the tasks by now, or not yet."""
        if self._pool is not None and self._crew is not None:
            self._pool.interrupted = True
            self._crew.stop()
            if waiting:
                super().shutdown(wait=False, cancel_futures=True)

    @_signed_as(ProcessPoolExecutor.__exit__)
    def __exit__(self, kind: type[BaseException] | None, *error: Any) -> bool | None:
        pressed = False
        try:
            pressed = is_ctrl_c(kind, *error)
            if not pressed or self._crew is None:
                return super().__exit__(kind, *error)
            release_forgotten(error[1])
            self._stop()
        except KeyboardInterrupt:  # only now, or again
            if self._crew is None:
                raise
            if not pressed:
                if not self._crew.stopping:  # else `shutdown` says that all is over
                    self._stop()
                raise
            self._stop()
        return False

    def _stop(self) -> None:
        """Ctrl-C: interrupt the tasks that run, cancel all others, and wait for the end."""
        if self._crew is None or self._pool is None:
            return
        self._pool.interrupted = True
        try:
            self._crew.stop()
        except KeyboardInterrupt:  # pressed again, in the midst of that
            self._crew.kill()
        # interrupted while it was starting a thread, the stock class can't wait for that
        with suppress(RuntimeError):
            self.shutdown(wait=True, cancel_futures=True)

    def _map(
        self,
        fn: Callable[..., T],
        iterables: tuple[Iterable[Any], ...],
        later: dict[str, Any],
        options: Options,
    ) -> Iterator[T]:
        if self._pool is not None or candidates(fn):
            fn = _Mapped(fn, options)
        return super().map(fn, *iterables, **later)

    def _submit(
        self,
        fn: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: Options,
    ) -> Future[T]:
        pool = self._pool
        mapped = None
        if type(fn) is partial and len(fn.args) == len(args) == 1 and not (kwargs or fn.keywords):
            mapped = fn.args[0]  # a `submit` of the user's own may have bound more to it
        if type(mapped) is _Mapped:
            return self._submit_chunk(fn, mapped, args)  # type: ignore[arg-type]
        fill = to_fill(fn, args, kwargs)
        if pool is None and not fill:
            return super().submit(fn, *args, **kwargs)
        words = options.of(args, kwargs)
        what = fn, (), fill, words.bar, words.location
        if pool is None:
            return super().submit(Call(("", 0, *what)), *args, **kwargs)
        desc = name_of(fn, args, kwargs) if words.desc is None else words.desc
        return self._enter(pool, (desc, 1, words.location), what, args, kwargs)

    def _submit_chunk(
        self, fn: partial[Any], mapped: _Mapped, args: tuple[Any, ...]
    ) -> Future[Any]:
        pool = self._pool
        function, (items,) = mapped.function, args
        first, count, at = items[0], len(items), mapped.at
        mapped.at = at + count
        words, fresh = NO_WORDS, False
        what: tuple[Any, ...] = (fn.func, (function,))
        if not mapped.plain:
            fill = to_fill(function, first, {})
            words = mapped.options.of(first, {}, mapped.chunks)
            mapped.chunks += 1
            what += fill, words.bar, words.location
            fresh = words.bar is not None or any(kind == "Bar" for _, kind in fill)
        if count > 1 or fresh:
            args = (Chunk(items, fresh),)
        if pool is None:
            return super().submit(Call(("", 0, *what)), *args)
        desc = words.desc
        if desc is None:
            desc = name_of(function, first, {}, short=count > 1)
        if count > 1:
            desc = f"{desc}[{at}:{mapped.at}]"
        return self._enter(pool, (desc, count, words.location), what, args, {})

    def _enter(
        self,
        pool: Pool,
        submission: tuple[str, int, Location | None],
        what: tuple[Any, ...],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Future[Any]:
        call: Call | None = None
        future: Future[Any] | None = None
        id = pool.submitted(*submission)
        try:
            call = Call((pool.key, id, *what))
            future = super().submit(call, *args, **kwargs)
            pool.accepted(id, future)
        except BaseException as error:
            pool.refused(id, error, future or taken(self, call, error, pool.is_at_it))
            raise
        return future


class PoolOptions(TaskOptions):
    """`submit` and `map` of such an executor, for tasks with options of their own."""

    @_signed_as(ProcessPoolExecutor.submit)
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return super().submit(fn, *args, **kwargs)

    @_signed_as(ProcessPoolExecutor.map)
    def map(self, fn: Callable[..., T], *iterables: Iterable[Any], **later: Any) -> Iterator[T]:
        return super().map(fn, *iterables, **later)
