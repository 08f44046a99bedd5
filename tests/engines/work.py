"""What the workers of all engines run."""

from __future__ import annotations

import os
import signal
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from barexec import Bar, Writer, current_bar, track


def square(n: int) -> int:
    return n * n


def counted(n: int) -> int:
    for _ in track(range(n), unit="step"):
        pass
    return n


def fails(n: int) -> None:
    raise ValueError(f"no {n}")


def breaks() -> None:
    raise BrokenProcessPool("of its own")


def slow(n: int, seconds: float = 0.02) -> int:
    for _ in track(range(n)):
        time.sleep(seconds)
    return n


def waits(path: str) -> str:
    """A bar that stands at 3 of 10, until the file is there."""
    with Bar(10) as bar:
        bar.update(3)
        while not Path(path).exists():
            time.sleep(0.01)
        bar.update(7)
    return path


def filled(n: int, bar: Bar) -> int:
    bar.total = n
    bar.update(n)
    return n


def writes(n: int, writer: Writer) -> tuple[int, int]:
    writer.write(f"row {n}\r")
    return writer.location


def makes_its_bar(n: int) -> float:
    current_bar().total = n
    current_bar().n = n
    return current_bar().n


def prints(n: int) -> int:
    for k in range(20):
        print(f"<{n} ", end="")
        time.sleep(0.001)
        print(f"{k}>")
        print(f"({n} {k})", file=sys.stderr)
    return n


def dies_once(folder: str) -> str:
    """The worker that runs it first is killed in the midst of it, once that was seen."""
    again = Path(folder, "seen").exists()
    for step in track(range(20)):
        if step == (2 if again else 7):
            while not Path(folder, "seen again" if again else "seen").exists():
                time.sleep(0.005)
            if not again:
                os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


def dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
