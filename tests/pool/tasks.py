"""The tasks of these tests, in a module that every worker can import."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import parent_process
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakSet

from barexec import Bar, ProgressPoolExecutor, Writer, track, worker

#: What ends a process at once: on Windows any signal does, and gives its number as the status.
KILL, KILLED = (15, "exit 15") if sys.platform == "win32" else (signal.SIGKILL, "SIGKILL")

# --- what goes well --------------------------------------------------------------------

#: Seconds of work that is longer than one tick of the sampler.
LONG = 0.15


def square(n: int) -> int:
    return n * n


def add(a: int, b: int) -> int:
    return a + b


def called(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def given(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, kwargs


def process_id(_: object = None) -> int:
    return os.getpid()


def pause(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def wait_for(path: str) -> str:
    """Until the file is there."""
    while not os.path.exists(path):  # noqa: PTH110
        time.sleep(0.01)
    return path


class Counted:
    """A callable object, such as an optimiser hands to `map`."""

    def __init__(self, power: int) -> None:
        self.power = power

    def __call__(self, n: int) -> int:
        return int(n**self.power)


class Payload:
    """Knows its living instances in this process."""

    alive: ClassVar[WeakSet[Payload]] = WeakSet()

    def __init__(self, n: int) -> None:
        self.n = n
        self.alive.add(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return Payload, (self.n,)


def echo(payload: Payload) -> Payload:
    return payload


_initialized: list[object] = []


def initialize(value: object) -> None:
    _initialized.append(value)


def initialized() -> list[object]:
    return _initialized


# --- what counts -----------------------------------------------------------------------


def numbers(n: int) -> Iterator[int]:
    yield from range(n)


def tracked_list(n: int) -> int:
    done = 0
    for _ in track(list(range(n))):
        done += 1
    time.sleep(LONG)
    return done


def tracked_range(n: int) -> int:
    done = 0
    for _ in track(range(n)):
        done += 1
    time.sleep(LONG)
    return done


def tracked_generator(n: int) -> int:
    done = 0
    for _ in track(numbers(n)):
        done += 1
    time.sleep(LONG)
    return done


def tracked_until(n: int) -> int:
    """Breaks within the item of that number: as many are done."""
    for item in track(range(n + 10)):
        if item == n:
            break
    time.sleep(LONG)
    return n


def updated(n: int) -> int:
    with Bar(n) as bar:
        for _ in range(n):
            bar.update()
    time.sleep(LONG)
    return n


def nested(n: int) -> int:
    for _ in track(range(n)):
        for _ in track(range(3)):
            pass
    time.sleep(LONG)
    return n


def short(n: int) -> int:
    for _ in track(range(n)):
        pass
    return n


def written(text: str, writer: Writer) -> int:
    return writer.write(text)


def injected(n: int, bar: Bar) -> int:
    for _ in range(n):
        bar.update()
    time.sleep(LONG)
    return n


COUNTED: tuple[Callable[[int], int], ...] = (
    tracked_list,
    tracked_range,
    tracked_generator,
    tracked_until,
    updated,
    nested,
)


# --- what goes wrong -------------------------------------------------------------------


def raises(text: str = "it broke") -> None:
    raise ValueError(text)


def raises_in_context() -> None:
    try:
        raises("first")
    except ValueError as error:
        raise KeyError("second") from error


def raises_at(n: int, at: int = 5) -> int:
    if n == at:
        raise ValueError(f"item {n}")
    return n


def raises_in_a_loop() -> None:
    for n in track(range(5)):
        raises_at(n, 3)


class NoPickle(Exception):
    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("this error does not travel")


def raises_what_cannot_be_pickled() -> None:
    raise NoPickle


class OneWay(Exception):
    """Pickles, but does not unpickle."""

    def __init__(self, one: object, two: object) -> None:
        super().__init__(one)


def raises_what_cannot_be_unpickled() -> None:
    raise OneWay(1, 2)


class Sly(Exception):
    """Its text ends any thread of the parent that asks for it."""

    def __str__(self) -> str:
        if parent_process() is None:
            raise SystemExit("no text")
        return "sly"


def raises_what_has_no_text() -> None:
    raise Sly


def returns_what_cannot_be_pickled() -> object:
    return threading.Lock()


def exits() -> None:
    sys.exit(3)


def interrupts() -> None:
    raise KeyboardInterrupt


def exits_at_once() -> None:
    os._exit(7)


def crashes() -> None:
    import faulthandler

    faulthandler.disable()  # of the test run
    if sys.platform == "win32":
        faulthandler._sigsegv()  # type: ignore[attr-defined]
    else:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(60)


def is_killed_in_a_loop(after: str | None = None) -> None:
    for n in track(range(1_000_000)):
        if n == 5:
            time.sleep(LONG) if after is None else wait_for(after)
            kill_myself()


def kill_myself() -> None:
    os.kill(os.getpid(), KILL)
    time.sleep(60)


def stands(begun: str) -> None:
    """Until it is ended; it has begun once there is that file."""
    Path(begun).touch()
    time.sleep(60)


def is_killed_after(path: str) -> None:
    wait_for(path)
    kill_myself()


def initializer_raises() -> None:
    raise ValueError("no start")


def forks() -> int:
    pid = os.fork()
    if not pid:
        for _ in track(range(3)):
            pass
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def starts_a_pool(kind: type[ProcessPoolExecutor], method: str) -> list[int]:
    from multiprocessing import get_context

    with kind(2, mp_context=get_context(method)) as executor:  # type: ignore[arg-type]
        return list(executor.map(square, range(4)))


def breaks_a_pool_of_its_own() -> None:
    with ProcessPoolExecutor(1) as executor:
        executor.submit(exits_at_once).result()


def starts_pools_of_ours(method: str) -> list[list[int]]:
    return [starts_a_pool(ProgressPoolExecutor, method) for _ in range(2)]


def leaves_a_thread() -> str:
    threading.Thread(target=time.sleep, args=(0.3,)).start()
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    return "done"


def leaves_a_loop_to_a_thread() -> str:
    """A thread goes on in a tracked loop when its task is over."""
    begun = threading.Event()

    def go_on() -> None:
        for n in track(range(5)):
            begun.set()
            time.sleep(0.05 * bool(n))

    threading.Thread(target=go_on).start()
    begun.wait()
    return "done"


def closes_the_channel() -> str:
    for sender in worker.senders.values():
        os.close(sender._fd)  # type: ignore[attr-defined]
    time.sleep(LONG)
    return "done"


def gives_the_channel_away() -> bytes:
    """The task closes our descriptor, and gets its number for a file of its own."""
    (sender,) = worker.senders.values()
    number: int = sender._fd  # type: ignore[attr-defined]
    read, write = os.pipe()
    os.dup2(write, number)  # which closes ours
    for _ in track([1, 2]):  # so that there is something to be told
        time.sleep(LONG)
    os.set_blocking(read, False)
    try:
        return os.read(read, 1000)
    except BlockingIOError:
        return b""


def closes_descriptors(first: int, last: int) -> str:
    os.closerange(first, last + 1)
    time.sleep(LONG)
    return "done"


def changes_directory() -> str:
    os.chdir("/")
    return os.getcwd()  # noqa: PTH109


def takes_the_streams() -> str:
    sys.stdout = sys.stderr = None  # type: ignore[assignment]
    return "done"


def closes_the_streams() -> str:
    sys.stdout.close()
    sys.stderr.close()
    return "done"


def clears_the_environment() -> str:
    os.environ.clear()
    return "done"


def finds_no_thread() -> int:
    """Nothing can be started in this process any more."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    threading.Thread.start = refuse  # type: ignore[method-assign]
    return square(3)


def sets_a_deadly_signal() -> str:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    time.sleep(LONG)
    return "done"
