"""An hour's worth of work in some minutes: many pools come and go, beside one that stays,
on one display; tasks fail, print, fork and close descriptors; whole pools are killed.

    python tests/faults/soak.py [--tasks 1000000] [--long 1000] [--seed 1] [--report FILE]

Ends with 0 where every result is right, every count exact, and neither memory, objects,
descriptors nor threads grow. On a terminal it shows all bars.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import signal
import statistics
import sys
import threading
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from barexec import ProgressPoolExecutor, track
from barexec import display as displays
from barexec.state import Status

METHODS = ["fork", "fork", "fork", "spawn", "forkserver"]
#: Tasks of one pool at most; of the pool beside, that wait at once.
BATCH, BESIDE = 20_000, 20
#: How many pools of all are killed, at a random moment.
KILLED = 0.25
#: Bytes by which the memory in use may differ between the second and the last quarter.
SLACK = 6 << 20
#: Pools after which memory has found its height: it is judged where there were as many.
SETTLED = 20
#: Objects that the garbage collector knows, by which they may be more than after the first pool.
OBJECTS = 5_000

#: Seconds for which the display's thread may have a file open, where it looks for stopped workers.
MOMENT = 1.0


def short(n: int) -> int:
    """A task of microseconds, in which now and then something goes wrong."""
    oddity = ODDITIES.get(n % 1000)
    if oddity is not None:
        oddity(n)
    return n * n


def _raise(n: int) -> None:
    raise ValueError(f"no {n}")


def _fork(n: int) -> None:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)


def _close(n: int) -> None:
    with suppress(OSError):  # by the one before, in the same worker
        os.close(1)


def _print(n: int) -> None:
    print(f"{n}: \x1b[31mred\x1b[2J\x07", file=sys.stderr)


def _track(n: int) -> None:
    for _ in track(range(1000)):
        pass


ODDITIES: dict[int, Callable[[int], None]] = {
    **dict.fromkeys(range(10), _raise),
    **dict.fromkeys(range(10, 20), _track),
    20: _print,
    21: _close,
    22: _fork,
}


def long(n: int) -> int:
    """A task of a third of a second, that counts."""
    for _ in track(range(30)):
        time.sleep(0.01)
    return -n


class Trace(NamedTuple):
    """What there is after a pool."""

    resident: int
    """Bytes of memory in use."""
    objects: int
    """Those that the garbage collector knows."""
    descriptors: int
    threads: int


class Soak:
    """The work, and what came of it."""

    def __init__(self, tasks: int, long_ones: int, seed: int) -> None:
        self.random = Random(seed)
        self.numbers = iter(range(tasks))
        self.again: deque[int] = deque()
        self.long_numbers = iter(range(long_ones))
        self.long_again: deque[int] = deque()
        self.beside: ProgressPoolExecutor | None = None
        self.running: dict[Future[int], int] = {}
        self.came: Counter[str] = Counter()
        self.right: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.pools = self.killed = 0
        self.traces: list[Trace] = []

    def run(self) -> None:
        with ProgressPoolExecutor(1, multiprocessing.get_context("spawn"), desc="soak") as anchor:
            anchor.submit(long, 0).result()  # its display lives as long as all of this
            self.came["DONE"] += 1
            while batch := [*_taken(self.again, self.numbers, BATCH)]:
                self.feed_beside()
                self.drain(batch)
                self.trace()
            while self.feed_beside():
                next(iter(self.running)).exception()
            if self.beside is not None:
                self.beside.shutdown()

    def drain(self, batch: list[int]) -> None:
        """One pool."""
        self.pools += 1
        doomed = self.random.random() < KILLED
        context = multiprocessing.get_context(self.random.choice(METHODS))
        futures: dict[int, Future[int]] = {}
        with ProgressPoolExecutor(2, context) as executor:
            worker = executor.submit(os.getpid).result()
            self.came["DONE"] += 1
            moment = self.random.randrange(len(batch)) if doomed else -1
            for at, n in enumerate(batch):
                try:
                    futures[n] = executor.submit(short, n)
                except BrokenProcessPool:
                    self.again.append(n)
                    continue
                if at == moment:
                    self.killed += 1
                    os.kill(worker, signal.SIGKILL)
        for n, future in futures.items():
            self.judge("short", n, future)

    def feed_beside(self) -> int:
        """Keep the pool beside at work. Returns how many tasks it has."""
        for future in [future for future in self.running if future.done()]:
            self.judge("long", self.running.pop(future), future)
        if self.beside is None:
            self.beside = ProgressPoolExecutor(1, multiprocessing.get_context("forkserver"))
            self.worker = self.beside.submit(os.getpid).result()
            self.came["DONE"] += 1
        elif self.running and self.random.random() < 0.01:
            self.killed += 1
            os.kill(self.worker, signal.SIGKILL)
            self.beside.shutdown()
            self.beside = None
            return self.feed_beside()
        for n in _taken(self.long_again, self.long_numbers, BESIDE - len(self.running)):
            self.running[self.beside.submit(long, n)] = n
        return len(self.running)

    def judge(self, kind: str, n: int, future: Future[int]) -> None:
        error = future.exception()
        if isinstance(error, BrokenProcessPool):
            self.came["LOST"] += 1
            (self.again if kind == "short" else self.long_again).append(n)
            return
        if kind == "short" and n % 1000 < 10:
            right = repr(error) == f"ValueError('no {n}')"
        else:
            right = error is None and future.result() == (n * n if kind == "short" else -n)
        self.came["DONE" if error is None else "FAILED"] += 1
        self.right[kind] += right
        if not right:
            self.wrong.append(f"{kind} {n}: {future!r}")

    def trace(self) -> None:
        gc.collect()
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        before = self.traces[-1].descriptors if self.traces else sys.maxsize
        until = time.monotonic() + MOMENT
        while (descriptors := _descriptors()) > before and time.monotonic() < until:
            time.sleep(0.01)
        objects = len(gc.get_objects())
        self.traces.append(Trace(resident, objects, descriptors, threading.active_count()))


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def _taken(again: deque[int], fresh: Iterator[int], most: int) -> Iterator[int]:
    while again and most > 0:
        most -= 1
        yield again.popleft()
    yield from islice(fresh, max(0, most))


def grown(traces: list[Trace]) -> dict[str, int]:
    """By how much each trace grew until the last quarter, where that is more than its slack; else
    0. Memory, which fragments, from the second quarter; all else from the first pool."""
    quarter = max(1, len(traces) // 4)
    before = traces[0]._replace(resident=_usual(traces[quarter : 2 * quarter] or traces).resident)
    settled = len(traces) >= SETTLED
    slack = Trace(SLACK if settled else sys.maxsize, OBJECTS, 0, 0)
    growth = zip(Trace._fields, _usual(traces[-quarter:]), before, slack, strict=True)
    return {name: now - then if now - then > most else 0 for name, now, then, most in growth}


def _usual(traces: list[Trace]) -> Trace:
    return Trace(*(int(statistics.median(values)) for values in zip(*traces, strict=True)))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--long", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path)
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore", "This process", DeprecationWarning)  # it forks beside threads
    shown: list[displays.Display] = []

    class Watched(displays.Display):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            shown.append(self)

    displays.Display = Watched  # type: ignore[misc]
    began = time.monotonic()
    soak = Soak(chosen.tasks, chosen.long, chosen.seed)
    soak.run()
    (display,) = shown
    counted = {s.name: display.tasks.counts[s] for s in Status if display.tasks.counts[s]}
    report: dict[str, Any] = {
        "seconds": round(time.monotonic() - began),
        "pools": soak.pools,
        "killed": soak.killed,
        "right": soak.right,
        "wrong": soak.wrong[:20],
        "came of tasks": soak.came,
        "counted": counted,
        "grown": grown(soak.traces),
        "resident MB": [trace.resident >> 20 for trace in soak.traces][
            :: len(soak.traces) // 9 or 1
        ],
        "objects": [trace.objects for trace in soak.traces][:: len(soak.traces) // 9 or 1],
    }
    text = json.dumps(report, indent=1)
    print(text)
    if chosen.report is not None:
        chosen.report.write_text(text, encoding="utf-8")
    whole = soak.right == {"short": chosen.tasks, "long": chosen.long}
    return 0 if whole and counted == soak.came and not any(report["grown"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
