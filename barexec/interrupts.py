"""What Ctrl-C does in a worker: it interrupts the task that runs, and nothing else.

A stock worker dies of it wherever it is: while it waits, with a traceback; while it sends a
result, with the lock that all the others need. Here KeyboardInterrupt is raised in the call
of the user's function alone, and once for each time that Ctrl-C is pressed, although the
worker may hear of it twice: from the terminal, and from the parent that wants to end.

A handler of the user's own is left as it is.

Never here: what a task is; the parent's part (`crew`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import connection
from opcode import opmap
from time import monotonic
from types import CodeType, FrameType, TracebackType
from typing import Any, NoReturn

#: Seconds within which a second SIGINT is taken for the same.
ONCE = 0.5
#: Seconds after a SIGINT in which the program decides whether all is over. Until then no task
#: is started: Ctrl-C reaches a worker and its parent at the same time.
DECISION = 0.1
#: Seconds after a SIGINT for which it is asked, before each task, whether all is over.
ALARM = 5.0

#: The instruction by which the stock class's loop calls tasks: the only one of its kind there
#: but for the initializer's. All else in the loop must not be interrupted.
_CALL = opmap["CALL_FUNCTION_EX"]

#: When there was a SIGINT, by the monotonic clock; 0 where there was none lately.
alarmed = 0.0

_running: Callable[[], object] = lambda: None  # noqa: E731
_called: Callable[[], partial[Any] | None] = lambda: None  # noqa: E731
_halt: Halt | None = None
_loop: CodeType | None = None
_interrupted: tuple[object, float] = None, 0.0


class Halt:
    """Says to all workers of a pool that they are to start nothing more.

    Guarantees: `set` never blocks, no process that dies harms another, and several threads may
    close it at once: each end is closed by one of them.
    """

    def __init__(self, reader: Any = None) -> None:
        self._reader: Any = reader
        self._writer: Any = None
        self._set = False
        if reader is None:
            self._reader, self._writer = connection.Pipe(duplex=False)

    def set(self) -> None:
        """From now on. A second call does nothing."""
        writer = self._writer
        if not self._set and writer is not None:
            self._set = True
            with suppress(OSError):
                # nobody ever takes it out; on Windows, who looks at one of no length does
                writer.send_bytes(b"!")

    def close(self) -> None:
        """Nobody is to be told any more."""
        # a swap is one step: closed twice, a descriptor could be another file's by then
        reader, self._reader = self._reader, None
        writer, self._writer = self._writer, None
        for end in (reader, writer):
            if end is not None:
                end.close()

    def is_set(self, patience: float = 0.0) -> bool:
        """Whether it is, or will be within so many seconds."""
        reader = self._reader
        try:
            return reader is not None and bool(reader.poll(patience))
        except OSError:  # closed by the task
            return False

    def __reduce__(self) -> tuple[Any, ...]:
        return Halt, (self._reader,)


def hold() -> None:
    """Until `arm`, SIGINT waits: a worker that is just starting knows nothing of it yet."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])


def arm(
    running: Callable[[], object], called: Callable[[], partial[Any] | None], halt: Halt | None
) -> None:
    """Let SIGINT interrupt tasks alone. To be called once by a worker, at its start.

    Args:
        running: gives the task that runs, or has arrived, or None.
        called: gives what the stock loop calls for it, or is about to call, or None.
        halt: the parent's.
    """
    from concurrent.futures import process

    global alarmed, _running, _called, _halt, _loop
    _running, _called, _halt = running, called, halt
    _loop = getattr(getattr(process, "_process_worker", None), "__code__", None)
    usual = is_usual(signal.getsignal(signal.SIGINT))
    if usual and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _interrupt)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    if halt is not None and halt.is_set():
        alarmed = monotonic()  # what the fork server forks hears no SIGINT at first


def is_usual(handler: object) -> bool:
    """Whether a handler of SIGINT is Python's own, or that of `asyncio.run`."""
    return handler is signal.default_int_handler or _runner_of(handler) is not None


def is_ctrl_c(kind: type[BaseException] | None, error: Any = None, *traceback: object) -> bool:
    """Whether a block that this error leaves is left for Ctrl-C: for that, `asyncio.run` cancels
    the main coroutine."""
    if kind is None or issubclass(kind, KeyboardInterrupt):
        return kind is not None
    if hides_ctrl_c(error):
        return True
    cancelled = getattr(sys.modules.get("asyncio.exceptions"), "CancelledError", ())
    if not issubclass(kind, cancelled):
        return False
    if sys.version_info < (3, 11):  # it is cancelled in the midst of its way through `asyncio.run`
        return isinstance(getattr(error, "__context__", None), KeyboardInterrupt)
    runner = _runner_of(signal.getsignal(signal.SIGINT))
    return getattr(runner, "_interrupt_count", 0) > 0


#: What a lock says that is not locked, and one that counts.
_UNLOCKED = ("release unlocked lock",), ("cannot release un-acquired lock",)


def hides_ctrl_c(error: BaseException | None) -> bool:
    """Whether this is what CPython makes of a Ctrl-C that comes just as `threading.Condition.wait`
    begins or ends, as in the start of a thread."""
    hidden = isinstance(error, RuntimeError) and error.args[:1] in _UNLOCKED
    return hidden and isinstance(error.__context__, KeyboardInterrupt)  # type: ignore[union-attr]


def _runner_of(handler: object) -> object:
    """The `asyncio.Runner` (CPython 3.11 on) that takes SIGINT by this handler; None: none does."""
    kind = getattr(sys.modules.get("asyncio.runners"), "Runner", None)
    runner = getattr(getattr(handler, "func", None), "__self__", None)
    return runner if kind is not None and isinstance(runner, kind) else None


class _Later:
    """A handler of SIGINT that keeps it for the one before."""

    def __init__(self, before: Any) -> None:
        self.before = before
        self.heard = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.heard = True


@contextmanager
def postponed() -> Iterator[None]:
    """Within, Ctrl-C raises nothing; after that, it does. For what a KeyboardInterrupt must not
    leave half done, and where CPython would drop it, as in the hooks of a fork."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not is_usual(before):
        yield
        return
    later = _Later(before)
    signal.signal(signal.SIGINT, later)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is later:
            signal.signal(signal.SIGINT, before)
        if later.heard:
            signal.raise_signal(signal.SIGINT)


def held_back(call: Callable[[], object]) -> None:
    """Call it with SIGINT blocked, as it then is in a process that starts within."""
    if not hasattr(signal, "pthread_sigmask"):
        call()
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        call()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Blocked:
    """Arrives as SIGINT blocked in the process that reads it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return signal.pthread_sigmask, (signal.SIG_BLOCK, [signal.SIGINT])


class HoldingBack(str):
    """The name of a process that is to start with SIGINT blocked, where only its parent's words
    reach it, as from a fork server: its name is what it reads first."""

    def __reduce__(self) -> tuple[Any, ...]:
        # which takes what it has no use for
        return str.format, ("{}", str.__str__(self), _Blocked())


def halted() -> bool:
    """Whether nothing more is to be started; to be asked once there was an alarm."""
    global alarmed
    past = monotonic() - alarmed
    if _halt is not None and _halt.is_set(max(0.0, DECISION - past)):
        return True
    if past > ALARM:
        alarmed = 0.0
    return False


def refuse(*args: object, **kwargs: object) -> NoReturn:
    """What runs in the place of a task that is not to be started any more."""
    from concurrent.futures import CancelledError

    raise CancelledError("interrupted before it started")


def ask_first(call: partial[Any]) -> None:
    """There was an alarm since it was asked whether this is to be called: it asks so itself."""
    task = partial(call.func, *call.args, **call.keywords)
    call.__setstate__((_unless_halted, (task,), {}, {}))  # type: ignore[attr-defined]


def _unless_halted(call: partial[Any], *args: Any, **kwargs: Any) -> Any:
    if halted():
        refuse()
    return call(*args, **kwargs)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global alarmed, _interrupted
    alarmed = now = monotonic()
    task = _running()
    if task is None:
        return
    if not _calls(frame):
        call = _called()
        if call is not None:  # what comes before the call may take its time
            ask_first(call)
        return
    before, at = _interrupted
    if task is not before or now - at > ONCE:
        _interrupted = task, now
        signal.default_int_handler(number, frame)


def _calls(frame: FrameType | None) -> bool:
    """Whether the stock loop is just calling what it was sent."""
    if _loop is None:
        return True
    while frame is not None:
        if frame.f_code is _loop:
            return _loop.co_code[frame.f_lasti] == _CALL
        frame = frame.f_back
    return False


#: Seconds after which a lock that nobody gives back is taken for a forgotten one. Those of the
#: stock class and of its queues are held for microseconds.
FORGOTTEN = 1.0
#: The packages whose locks those are.
_STOCK = ("concurrent", "multiprocessing", "queue", "threading")
_KINDS_THAT_COUNT = type(threading.RLock())
_LOCKS = type(threading.Lock()), _KINDS_THAT_COUNT, threading.Condition


def release_forgotten(traceback: TracebackType | None) -> bool:
    """After a KeyboardInterrupt: give back the lock that it may have left locked for ever.

    Ctrl-C can fall between a lock and the block of its `with`: `threading.Condition` enters and
    leaves its lock in Python code, and CPython 3.14 looks for signals there (gh-148874). In
    `submit`, then, the stock class's thread waits for ever (tests/core/test_interrupts.py).

    Args:
        traceback: of the KeyboardInterrupt.

    Returns:
        Whether there was one.
    """
    if traceback is None:
        return False
    caller = None
    while traceback.tb_next is not None:
        caller, traceback = traceback.tb_frame, traceback.tb_next
    frame = traceback.tb_frame
    between = threading.Condition.__enter__.__code__, threading.Condition.__exit__.__code__
    lock: Any
    if frame.f_code in between:
        lock = frame.f_locals.get("self")
    else:
        caller, lock = frame, _entered(frame, traceback.tb_lasti)
    if not isinstance(lock, _LOCKS):
        return False
    # not one of the user's own, which another thread may hold for long
    if caller is None or caller.f_globals.get("__name__", "").split(".")[0] not in _STOCK:
        return False
    if not lock.acquire(timeout=FORGOTTEN):
        with suppress(RuntimeError):  # it has an owner after all
            lock.release()
        return True
    lock.release()
    lock = getattr(lock.release, "__self__", None)  # that of a condition
    if isinstance(lock, _KINDS_THAT_COUNT):
        with suppress(RuntimeError):  # it is not ours (any more)
            lock.release()
            return True
    return False


def _entered(frame: FrameType, offset: int) -> object:
    """What the `with` was entering whose call is at this instruction of a frame; None where there
    is no such call, or it is looked for elsewhere than in a name or its attributes."""
    if sys.version_info[:2] != (3, 14):
        return None  # after such a call, others look for no signal
    import dis

    steps = [step for step in dis.get_instructions(frame.f_code) if step.offset <= offset]
    call = [(step.opname, step.argrepr) for step in steps[-2:]]
    if call != [("LOAD_SPECIAL", "__enter__"), ("CALL", "")]:
        return None
    # before it: a name, its attributes, COPY, LOAD_SPECIAL for `__exit__`, SWAP, SWAP
    del steps[-6:]
    attributes: list[str] = []
    while steps and steps[-1].opname == "LOAD_ATTR":
        attributes.insert(0, steps.pop().argval)
    if not steps or not isinstance(steps[-1].argval, str):
        return None
    found: object = {**frame.f_globals, **frame.f_locals}.get(steps[-1].argval)
    for attribute in attributes:
        found = getattr(found, attribute, None)
    return found


def _forget() -> None:
    """What a task forks is no worker: Ctrl-C ends it, as any program."""
    handler = signal.getsignal(signal.SIGINT)
    if isinstance(handler, _Later):
        signal.signal(signal.SIGINT, handler.before)
    elif handler is _interrupt:
        signal.signal(signal.SIGINT, signal.default_int_handler)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
