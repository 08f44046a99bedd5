"""Measuring in turns, children on a terminal of their own, and tables."""

from __future__ import annotations

import gc
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from time import perf_counter
from typing import NamedTuple


def in_turns(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call, `rounds` times in turns, the order reversed every other time."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds):
        for name in list(contenders)[:: -1 if turn % 2 else 1]:
            gc.collect()
            began = perf_counter()
            contenders[name]()
            times[name].append(perf_counter() - began)
    return times


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of what was measured in the same turn."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


#: Run by Python with a command behind it: becomes that, leader of a session with the terminal at
#: its stdin.
LEADER = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    " os.execv(sys.argv[1], sys.argv[1:])"
)


def terminal(columns: int, rows: int) -> tuple[int, int]:
    """A pty of that size: the side that we read, and the side that is a program's terminal."""
    import fcntl
    import termios

    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    return ours, theirs


class Child(NamedTuple):
    """A program that has run on a terminal of its own."""

    stdout: str
    written: int
    """Bytes that it wrote to the terminal."""
    marks: list[int]
    """Bytes that it had written when each line of its stdout came."""


def on_terminal(
    program: str, *arguments: str, columns: int = 80, rows: int = 24, **environ: str
) -> Child:
    """Run Python code with stdin and stderr on a pty of that size, read by a thread of ours."""
    ours, theirs = terminal(columns, rows)
    written = 0

    def read() -> None:
        nonlocal written
        try:
            while data := os.read(ours, 1 << 16):
                written += len(data)
        except OSError:
            return  # Linux: the last writer has closed it

    reader = threading.Thread(target=read)
    env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "BAREXEC")}
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=theirs,  # some ask there for the size
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env=env | {"TERM": "xterm-256color"} | environ,
    ) as child:
        os.close(theirs)
        reader.start()
        assert child.stdout is not None
        lines, marks = [], []
        for line in child.stdout:
            lines.append(line)
            marks.append(written)
    reader.join()
    os.close(ours)
    if child.returncode:
        raise RuntimeError(f"a benchmark's program ended with {child.returncode}")
    return Child("".join(lines), written, marks)


def table(title: str, head: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a table; the first column is words, the others are right-aligned."""
    lines = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(title)
    for line in lines:
        cells = [f"{line[0]:{widths[0]}}"]
        cells += [f"{cell:>{width}}" for cell, width in zip(line[1:], widths[1:], strict=True)]
        print("  " + "  ".join(cells))
