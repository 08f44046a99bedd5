"""CPython's own tests of process pools, with our class and with the stock one, side by side.

`run` starts `runner.py` in a child for one class and one kind of stderr; `differences` says
what our class does worse in such a run. As a program it runs everything for the Python that
runs it, and prints a table: `python tests/conformance/comparison.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

STOCK = "concurrent.futures.process:ProcessPoolExecutor"
OURS = "barexec.executor:ProgressPoolExecutor"
#: The same of other engines, as far as this Python has them.
OTHERS = [
    (
        "concurrent.futures.thread:ThreadPoolExecutor",
        "barexec.engines.threads:ProgressThreadPoolExecutor",
    ),
]
if sys.version_info >= (3, 14):
    OTHERS.append(
        (
            "concurrent.futures.interpreter:InterpreterPoolExecutor",
            "barexec.engines.interpreters:ProgressInterpreterPoolExecutor",
        )
    )
#: Start methods; tests that name none run along with "spawn".
METHODS = ("fork", "forkserver", "spawn") if os.name == "posix" else ("spawn",)
DISPLAYS = ("terminal", "file") if hasattr(os, "openpty") else ("file",)
#: Seconds that a run may take; the tests for deadlocks give up after 300 s themselves.
LIMIT = 400.0
#: Seconds within which the last helper process of a run that has ended goes away.
PATIENCE = 30.0
#: Of the environment, what would change how progress is shown.
VARIABLES = ("BAREXEC", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES")

#: Warnings that are not compared. The first, a stock test provokes: it lets no thread start.
UNCOMPARED = {
    "RuntimeWarning: barexec shows no more progress (RuntimeError: can't create new thread "
    "at interpreter shutdown); the work goes on"
}
if sys.version_info[:2] == (3, 12):
    # `Thread.join` returns a little before the thread is gone, so that a fork soon after it
    # warns by chance: half the time with the stock class, 2 % with ours
    UNCOMPARED.add(
        "DeprecationWarning: This process (pid=N) is multi-threaded, use of fork() may lead to "
        "deadlocks in the child."
    )


@dataclass
class Run:
    """What became of one run.

    Attributes:
        executor: the class that was to be tested, "module:name".
        tests: for each test's id its outcome and what it left behind.
        made: how many executors of each class were made, in the run and in the programs
            that its tests started.
        said: what the run's stderr got.
        left: whether processes of the run were still there after its end.
    """

    executor: str
    tests: dict[str, dict[str, Any]]
    made: Counter[str]
    said: str
    left: bool

    def count(self, outcome: str) -> int:
        return sum(test["outcome"].startswith(outcome) for test in self.tests.values())

    @property
    def showed_bars(self) -> bool:
        """Whether a live display was on the terminal: it moved the cursor."""
        return re.search(r"\x1b\[\d*A|\x1b\[\d+;\d+H|\r\x1b\[K", self.said) is not None

    @property
    def showed_sentences(self) -> bool:
        """Whether the sentences for a log were written."""
        return re.search(r"^\d+ tasks? in [\d.]+ s: ", self.said, re.MULTILINE) is not None

    @property
    def faults(self) -> list[str]:
        """Why this run proves nothing, if so."""
        found = []
        if not self.count("passed"):
            found.append("no test passed")
        if not self.made[self.executor]:
            found.append(f"no {self.executor} was made")
        found += [
            f"{number} executors were {kind}, not {self.executor}"
            for kind, number in self.made.items()
            if kind != self.executor
        ]
        return found


def suite_is_installed() -> bool:
    """Whether this Python comes with its tests; some distributions package them apart."""
    return find_spec("test") is not None and find_spec("test.test_concurrent_futures") is not None


def run(executor: str, display: str, methods: tuple[str, ...] = METHODS, only: str = "") -> Run:
    """Run the stock tests with `executor` in the stock class's place.

    Args:
        executor: "module:name".
        display: "terminal" (stderr is a pseudo-terminal) or "file".
        methods: start methods of the tests to run.
        only: a regular expression that a test's id must contain.

    Raises:
        RuntimeError: the run did not come to its end; the text says what it said.
    """
    environ = {k: v for k, v in os.environ.items() if k not in VARIABLES}
    environ["TERM"] = "xterm-256color"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report = folder / "report.json"
        with _stderr(display, folder) as (fd, path, said):
            command = [sys.executable, "-W", "always", str(Path(__file__).with_name("runner.py"))]
            command += [executor, name, path, f"--methods={','.join(methods)}", f"--only={only}"]
            with (folder / "stdout").open("w+b") as stdout:
                child = subprocess.Popen(
                    command,
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=fd,
                    start_new_session=True,
                )
                try:
                    code = _wait(child)
                    finished = code == 0 and report.exists()
                    left = finished and not _gone(child.pid)
                finally:
                    _end(child)
        if not finished:
            told = "\n".join([*said, *(f.read_text() for f in folder.glob("stacks"))])
            raise RuntimeError(f"the run of {executor} ended with status {code}:\n{told[-9000:]}")
        return Run(
            executor,
            json.loads(report.read_text()),
            Counter((folder / "made").read_text().split()),
            "".join(said),
            left,
        )


@contextmanager
def _stderr(display: str, folder: Path) -> Iterator[tuple[int, str, list[str]]]:
    """A stderr for a run: its descriptor, its path, and what it was told, in the end."""
    said: list[str] = []
    if display == "file":
        path = folder / "stderr"
        with path.open("ab") as file:
            yield file.fileno(), str(path), said
        said.append(path.read_text(errors="replace"))
        return
    import fcntl
    import termios

    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def listen() -> None:
        with suppress(OSError):  # EIO: nobody has it open any more
            while chunk := os.read(master, 1 << 16):
                said.append(chunk.decode(errors="replace"))

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield slave, os.ttyname(slave), said
    finally:
        os.close(slave)
        thread.join()
        os.close(master)


def _wait(child: subprocess.Popen[bytes]) -> int | str:
    """Wait for a run to end. Gives its status, or words if it hangs; it has told its stacks."""
    try:
        return child.wait(LIMIT)
    except subprocess.TimeoutExpired:
        if os.name == "posix":
            child.send_signal(signal.SIGUSR1)
            time.sleep(1)  # for the signal's C handler; nothing tells when it has written
        return f"none within {LIMIT:.0f} s"


def _gone(group: int) -> bool:
    """Whether all processes of the group are gone, within `PATIENCE` seconds."""
    if os.name != "posix":
        return True
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # macOS, of a group of zombies
            pass
        time.sleep(0.02)
    return False


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a run and all that it started, whatever state it is in."""
    if os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    child.wait()


def differences(stock: Run, ours: Run) -> list[str]:
    """What our class does worse than the stock one, or otherwise where they must be equal."""
    found = [f"{id}: run with one class only" for id in sorted({*stock.tests} ^ {*ours.tests})]
    for id in stock.tests.keys() & ours.tests.keys():
        a, b = stock.tests[id], ours.tests[id]
        if a["outcome"] != b["outcome"] and a["outcome"] != "failed":
            found.append(
                f"{id}: {a['outcome']} with the stock class, but {b['outcome']}\n{b['detail']}"
            )
        if b.get("altered") and not a.get("altered"):
            found.append(f"{id}: threads or processes are left behind")
        new = {*b.get("warnings", ())} - {*a.get("warnings", ())} - UNCOMPARED
        found += [f"{id}: {warning}" for warning in sorted(new)]
    if sum(ours.made.values()) != sum(stock.made.values()):
        found.append(f"{sum(ours.made.values())} executors made, not {sum(stock.made.values())}")
    if ours.left and not stock.left:
        found.append("processes are left behind after the run")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--only", default="")
    parser.add_argument("--times", type=int, default=1, help="how often to run ours")
    args = parser.parse_args()
    if not suite_is_installed():
        sys.exit("this Python comes without its own tests (test.test_concurrent_futures)")
    worse = 0
    print(f"Python {platform.python_version()}")
    for display in DISPLAYS:
        for method in args.methods.split(","):
            stock = run(STOCK, display, (method,), args.only)
            for _ in range(args.times):
                ours = run(OURS, display, (method,), args.only)
                parts = [f"{display:9}{method:11}"]
                for each in (stock, ours):
                    parts.append(
                        f"{each.count('passed'):4} passed {each.count('skipped'):3} skipped "
                        f"{each.count('failed'):3} failed {sum(each.made.values()):4} made"
                    )
                print(" | ".join(parts), flush=True)
                found = [*stock.faults, *ours.faults, *differences(stock, ours)]
                for line in found:
                    print(f"    {line}", flush=True)
                worse += len(found)
    return worse > 0


if __name__ == "__main__":
    sys.exit(main())
