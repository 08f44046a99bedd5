"""The program in which workers go wrong: it is told which fault is next, and reports.

    python laboratory.py METHOD DISPLAY ADDRESS

One program runs many of them, one after the other, on one terminal: so each must leave it
as it was.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import faulty

from barexec import ProgressPoolExecutor, view
from barexec import display as displays

#: Seconds within which whatever a fault left behind must be gone.
PATIENCE = 30.0
#: Seconds that the slowest terminal may take for all that a fault prints.
SLOWEST = 45.0

shown: list[displays.Display] = []


class Watched(displays.Display):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shown.append(self)


class Laboratory:
    """Runs faults with executors of one start method and one way to show."""

    def __init__(self, method: str, display: str) -> None:
        self.method = method
        self.context = multiprocessing.get_context(method)
        self.display = display

    def executor(self, workers: int = 1, **options: Any) -> ProgressPoolExecutor:
        ways: dict[str, Any] = {"leave": True, "display": self.display, **options}
        return ProgressPoolExecutor(workers, self.context, **ways)

    def call(self, task: Callable[..., Any], *args: Any, **options: Any) -> list[Any]:
        """The task, and one after it by the same pool."""
        with self.executor(**options) as executor:
            first = outcome(executor.submit(task, *args))
            return [first, outcome_of(lambda: executor.submit(faulty.square, 4))]

    # --- those that are more than a call ---

    def idle(self) -> list[Any]:
        with self.executor() as executor:
            first = outcome(executor.submit(faulty.square, 4))
            os.kill(executor.submit(faulty.process_id).result(), signal.SIGKILL)
            second: object = 16
            while second == 16:  # until it is noticed
                second = outcome_of(lambda: executor.submit(faulty.square, 4))
            return [first, second]

    def many(self) -> list[Any]:
        with self.executor() as executor:
            first = executor.submit(faulty.is_killed_in_a_loop)
            others = [executor.submit(faulty.square, n) for n in range(10)]
            assert {outcome(future) for future in others} == {"BrokenProcessPool"}
            return [outcome(first), outcome_of(lambda: executor.submit(faulty.square, 4))]

    def fresh(self) -> list[Any]:
        with self.executor(2, max_tasks_per_child=1) as executor:
            first = list(executor.map(faulty.square, range(4)))
            return [first, outcome(executor.submit(faulty.square, 4))]

    def runs(self) -> dict[str, Callable[[], list[Any]]]:
        """How each fault is brought about."""

        def call(*args: Any, **options: Any) -> Callable[[], list[Any]]:
            return lambda: self.call(*args, **options)

        f = faulty
        return {
            "raises": call(f.raises),
            "raises in a loop": call(f.raises_in_a_loop),
            "raises a text of control characters": call(f.raises_controls),
            "raises a text of 50,000 characters": call(f.raises, "long\n" * 9999),
            "raises what has no text": call(f.raises_what_has_no_text),
            "raises what can't be pickled": call(f.raises_what_cannot_be_pickled),
            "raises what can't be unpickled": call(f.raises_what_cannot_be_unpickled),
            "raises a BaseException": call(f.raises_an_odd_error),
            "raises KeyboardInterrupt": call(f.interrupts),
            "sys.exit": call(f.exits),
            "recurses without end": call(f.recurses),
            "out of memory (RLIMIT_AS)": call(f.is_out_of_memory),
            "returns what can't be pickled": call(f.returns_what_cannot_be_pickled),
            "returns what can't be unpickled": call(f.returns_what_cannot_be_unpickled),
            "is given what can't be pickled": call(f.takes, threading.Lock()),
            "is given what can't be unpickled": call(f.takes, f.Stuck()),
            "os._exit": call(f.exits_at_once),
            "SIGSEGV": call(f.crashes),
            "SIGABRT": call(f.aborts),
            "SIGTERM": call(f.is_terminated),
            "SIGKILL": call(f.kill_myself),
            "SIGKILL in a loop": call(f.is_killed_in_a_loop),
            "SIGKILL while idle": self.idle,
            "SIGKILL in mid-print": call(f.is_killed_in_mid_print),
            "SIGKILL in mid-write, with the channel full": call(f.is_killed_in_mid_write),
            "SIGKILL with 50 bars that change": call(f.is_killed_with_many_bars),
            "SIGKILL while starting": call(f.square, 4, initializer=f.kill_myself),
            "SIGKILL while ten tasks wait": self.many,
            "SIGSTOP for a while": call(f.stops_for_a_while),
            "the initializer raises": call(f.square, 4, initializer=f.initializer_raises),
            "the initializer exits": call(f.square, 4, initializer=f.exits),
            "max_tasks_per_child": self.fresh,
            "forks": call(f.forks),
            "forks a process that outlives it": call(f.forks_what_outlives_it),
            "forks, and the child is killed": call(f.forks_what_goes_on_as_the_worker),
            "runs a program": call(f.runs_a_program),
            "starts a stock pool": call(f.starts_a_pool, ProcessPoolExecutor, self.method),
            "starts a pool of ours": call(f.starts_a_pool, ProgressPoolExecutor, self.method),
            "leaves a thread": call(f.leaves_a_thread),
            "leaves a tracked loop to a thread": call(f.leaves_a_loop_to_a_thread),
            "leaves bars open": call(f.leaves_bars_open),
            "goes past its total": call(f.goes_past_its_total),
            "counts nonsense": call(f.counts_nonsense),
            "changes sys.stdout and sys.stderr": call(f.changes_the_streams),
            "takes sys.stdout and sys.stderr away": call(f.takes_the_streams),
            "closes sys.stdout and sys.stderr": call(f.closes_the_streams),
            "redirects descriptors 1 and 2": call(f.redirects_descriptors),
            "closes descriptors 1 and 2": call(f.closes_descriptors, 1, 2),
            "closes descriptors 0-9": call(f.closes_descriptors, 0, 9),
            "closes the channel's descriptor": call(f.closes_the_channel),
            "gives the channel's descriptor away": call(f.gives_the_channel_away),
            "has no descriptors left": call(f.has_no_descriptors),
            "no thread can be had": call(f.square, 3, initializer=f.finds_no_thread),
            "changes its directory": call(f.changes_directory),
            "deletes its working folder": call(f.deletes_its_folder),
            "clears the environment": call(f.clears_the_environment),
            "sets signal handlers, and a timer": call(f.handles_signals),
            "blocks all signals": call(f.blocks_signals),
            "SIGPIPE is deadly": call(f.sets_a_deadly_signal),
            "leaves the session": call(f.leaves_a_session),
            "traces and profiles": call(f.traces),
            "switches the garbage collector off": call(f.collects_no_garbage),
            "makes warnings errors": call(f.warns_as_error),
            "prints 5,000 lines": call(f.prints_much),
            "prints control characters": call(f.prints_controls),
            "prints half a line": call(f.prints_half_a_line),
            "draws on its writer, beyond its rows": call(f.writes_beside),
            "the clock jumps": call(f.jumps_in_time),
        }

    # --- the order of things ---

    def work(self, orders: Any) -> None:
        """Run what is ordered, and report, until nothing more is."""
        self.call(faulty.square, 1)  # what lives as long as the program is started now
        runs = self.runs()
        while True:
            try:
                name = orders.recv_bytes().decode()
            except EOFError:
                return
            orders.send_bytes(json.dumps(self.report(runs[name])).encode())

    def report(self, run: Callable[[], list[Any]]) -> dict[str, Any]:
        before = traces()
        first, second = run()
        display = shown[-1]
        until = time.monotonic() + SLOWEST  # a terminal may be slower than what is printed
        display.finished.wait(SLOWEST)
        display.join()
        # it waits two seconds at most for the last frame, and only then gives SIGTSTP back
        while before["handlers"] != traces()["handlers"] and time.monotonic() < until:
            display.join()
        tasks = display.tasks
        every = [*tasks.finished.values(), *tasks.failed.values(), *tasks.running.values()]
        every += tasks.waiting()
        every.sort(key=lambda task: task.id)
        report = {
            "future": first,
            "next": second,
            "bars": [[task.desc, task.status.name, task.message] for task in every],
            "sum": [tasks.ended, tasks.all],
        }
        del display, tasks, every
        shown.clear()
        report["left"] = left(before)
        return report


def outcome(future: Any) -> Any:
    return outcome_of(lambda: future)


def outcome_of(submit: Callable[[], Any]) -> Any:
    """The result, or the name of the error's type."""
    try:
        result = submit().result(60)
    except BaseException as error:
        return "BrokenProcessPool" if isinstance(error, BrokenProcessPool) else type(error).__name__
    return repr(result) if isinstance(result, bytes) else result


def children() -> set[int]:
    files = Path("/proc/self/task").glob("*/children")
    return {int(pid) for file in files for pid in read(file).split()}


def read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""  # of a thread that has just ended


def traces() -> dict[str, list[str]]:
    """What a fault could leave behind."""
    descriptors = []
    for path in Path("/proc/self/fd").iterdir():
        try:
            descriptors.append(f"{path.name}: {path.readlink()}")
        except OSError:
            continue  # that of the listing
    shared = [line.split()[-1] for line in read(Path("/proc/self/maps")).splitlines()]
    return {
        "processes": [str(pid) for pid in children()],
        "threads": [thread.name for thread in threading.enumerate()],
        "descriptors": [words for words in descriptors if not words.endswith("/fd")],
        "shared memory": [name for name in shared if "/dev/shm" in name or "mp-" in name],
        "files": os.listdir(tempfile.gettempdir()),  # noqa: PTH208
        "terminal": [repr(termios.tcgetattr(0))],
        "handlers": [repr(signal.getsignal(number)) for number in signal.valid_signals()],
    }


def left(before: dict[str, list[str]]) -> dict[str, list[str]]:
    """What is there now, and was not before; given some time to go."""
    until = time.monotonic() + PATIENCE
    while True:
        now = traces()
        found = {what: sorted({*now[what]} - {*before[what]}) for what in now}
        found = {what: some for what, some in found.items() if some}
        if not found or time.monotonic() > until:
            return found
        gc.collect()
        time.sleep(0.005)  # nothing to wait for: what goes tells nobody


if __name__ == "__main__":
    method, display, address = sys.argv[1:]
    view.QUIET = 0.0  # everything is drawn
    displays.Display = Watched  # type: ignore[misc]
    connection = Client(address, "AF_UNIX")
    Laboratory(method, display).work(connection)
