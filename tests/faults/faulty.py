"""The tasks that go wrong, in a module that every worker can import. They are those of the
pool's tests, and more."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from typing import Any, NoReturn

from tasks import (
    LONG,
    OneWay,
    changes_directory,
    clears_the_environment,
    closes_descriptors,
    closes_the_channel,
    closes_the_streams,
    crashes,
    exits,
    exits_at_once,
    finds_no_thread,
    forks,
    gives_the_channel_away,
    initializer_raises,
    interrupts,
    is_killed_in_a_loop,
    kill_myself,
    leaves_a_loop_to_a_thread,
    leaves_a_thread,
    process_id,
    raises,
    raises_in_a_loop,
    raises_what_cannot_be_pickled,
    raises_what_cannot_be_unpickled,
    raises_what_has_no_text,
    returns_what_cannot_be_pickled,
    sets_a_deadly_signal,
    square,
    starts_a_pool,
    takes_the_streams,
)

from barexec import Bar, Writer, current_writer, track

__all__ = [
    "LONG",
    "OneWay",
    "changes_directory",
    "clears_the_environment",
    "closes_descriptors",
    "closes_the_channel",
    "closes_the_streams",
    "crashes",
    "exits",
    "exits_at_once",
    "finds_no_thread",
    "forks",
    "gives_the_channel_away",
    "initializer_raises",
    "interrupts",
    "is_killed_in_a_loop",
    "kill_myself",
    "leaves_a_loop_to_a_thread",
    "leaves_a_thread",
    "process_id",
    "raises",
    "raises_in_a_loop",
    "raises_what_cannot_be_pickled",
    "raises_what_cannot_be_unpickled",
    "raises_what_has_no_text",
    "returns_what_cannot_be_pickled",
    "sets_a_deadly_signal",
    "square",
    "starts_a_pool",
    "takes_the_streams",
]

# --- results and errors ----------------------------------------------------------------


class Odd(BaseException):
    """No `Exception`."""


def raises_an_odd_error() -> NoReturn:
    raise Odd("odd")


def raises_controls() -> NoReturn:
    raise ValueError("\x1b[2J\x1b]0;title\x07\x9b5A\r\nnext \u202e line")


def recurses() -> None:
    recurses()


def returns_what_cannot_be_unpickled() -> object:
    return OneWay(1, 2)


class Stuck:
    """Pickles, but does not arrive."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _refuse, ()


def _refuse() -> NoReturn:
    raise ValueError("does not arrive")


def takes(_: object) -> str:
    return "done"


def is_out_of_memory() -> None:
    import resource

    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()  # noqa: PTH123, SIM115
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), resource.RLIM_INFINITY))
    try:
        for _ in track(range(1000)):
            bytearray(1 << 30)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def has_no_descriptors() -> str:
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    for _ in track(range(3)):
        time.sleep(LONG)
    return "done"


def warns_as_error() -> str:
    warnings.simplefilter("error")
    for _ in track(range(3)):
        time.sleep(LONG / 3)
    return "done"


# --- deaths ----------------------------------------------------------------------------


def aborts() -> None:
    import faulthandler
    import resource

    faulthandler.disable()  # of the test run
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.abort()


def is_terminated() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)


def _killed_soon(seconds: float = LONG) -> None:
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()


def is_killed_in_mid_print() -> None:
    _killed_soon(0.02)  # the emulator is slow
    while True:
        print("a line that is cut somewhere " * 20)


def is_killed_in_mid_write() -> None:
    _killed_soon(0.02)
    writer = current_writer()
    while True:
        writer.write("a line that is cut somewhere " * 20 + "\n")


def is_killed_with_many_bars() -> None:
    _killed_soon()
    bars = [Bar(10) for _ in range(50)]
    while True:
        for bar in bars:
            bar.postfix = str(time.monotonic()) * 20
            bar.update()


def stops_for_a_while() -> str:
    """SIGSTOP, from which only another process can wake it."""
    pid = os.getpid()
    stopped = f"open('/proc/{pid}/stat').read().rpartition(')')[2].split()[0] == 'T'"
    wait = f"import os, time\nwhile not {stopped}: time.sleep(0.01)\n"
    wake = f"time.sleep({2 * LONG}); os.kill({pid}, {signal.SIGCONT:d})"
    subprocess.Popen([sys.executable, "-S", "-c", wait + wake])
    os.kill(pid, signal.SIGSTOP)
    return "done"


# --- liberties -------------------------------------------------------------------------


def forks_what_outlives_it() -> str:
    if not os.fork():
        time.sleep(2 * LONG)
        os._exit(0)
    return "done"


def forks_what_goes_on_as_the_worker() -> str:
    """The child returns, too: it is killed by what it can't do."""
    if not os.fork():
        os.kill(os.getpid(), signal.SIGKILL)
    os.wait()
    return "done"


def runs_a_program() -> int:
    program = [sys.executable, "-S", "-c", "print('by a program')"]
    return subprocess.run(program, check=True).returncode


def changes_the_streams() -> str:
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
    sys.stderr = sys.stdout
    print("nowhere")
    return "done"


def redirects_descriptors() -> str:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)
    print("nowhere", flush=True)
    return "done"


def deletes_its_folder() -> str:
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.rmdir(folder)  # noqa: PTH106
    for _ in track(range(3)):
        time.sleep(LONG / 3)
    return "done"


def handles_signals() -> str:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1):
        signal.signal(number, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    for _ in track(range(3)):
        time.sleep(LONG / 3)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return "done"


def blocks_signals() -> str:
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
    for _ in track(range(3)):
        time.sleep(LONG / 3)
    return "done"


def leaves_a_session() -> str:
    os.setsid()
    print("from a session of its own", flush=True)
    return "done"


def traces() -> str:
    sys.settrace(lambda *_: None)
    sys.setprofile(lambda *_: None)
    return "done"


def collects_no_garbage() -> str:
    gc.disable()
    return "done"


def leaves_bars_open() -> str:
    global _left
    _left = [Bar(5), Bar(5)]
    _left[0].update(5)
    next(iter(track(range(3))))
    time.sleep(LONG)
    return "done"


_left: list[Bar] = []


def goes_past_its_total() -> str:
    bar = Bar(3)
    for _ in range(2 * 3):
        bar.update()
        time.sleep(LONG / 4)
    return "done"


def counts_nonsense() -> str:
    bar = Bar(3)
    for n in (float("nan"), float("inf"), -5, 1e308, "many", None):
        bar.n = n  # type: ignore[assignment]
        time.sleep(LONG / 6)
    bar.n = 3
    return "done"


def prints_much() -> str:
    for n in range(5_000):
        print(n, "x" * 50)
    return "done"


def prints_controls() -> str:
    print("\x1b[?1049h\x1b[2J\x1b]0;title\x07\x1b[?25l\x1bc\x9b5A\x0f\x0e", flush=True)
    os.write(1, bytes(range(256)) + b"\n")
    return "done"


def prints_half_a_line() -> str:
    print("half", end="", flush=True)
    time.sleep(LONG)
    return "done"


def writes_beside(writer: Writer) -> str:
    for n in range(20):
        writer.write(f"\r{n} of 20 \x1b[5A\x1b[2K\x1b[999;999H")
        time.sleep(LONG / 20)
    return "done"


def jumps_in_time() -> str:
    """The wall clock, and by a test's double the monotonic one of the user's code."""
    time.time = lambda: 0.0
    time.monotonic = lambda: -1e9
    for _ in track(range(3)):
        time.sleep(LONG / 3)
    return "done"
