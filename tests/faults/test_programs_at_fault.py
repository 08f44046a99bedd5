"""Programs that go wrong: each of the table, with every start method and way to show.

Of all of them: the results are right, the terminal is as it was, nothing is left.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import termios
import threading
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from textwrap import dedent, indent
from time import monotonic, sleep
from typing import Any

import pytest
from programs import GONE, HEAD, PROGRAMS, Program
from pty_program import PtyProgram, environment
from two_screens import with_two_screens

TESTS = Path(__file__).parents[1]

#: Seconds after which a program counts as one that hangs.
PATIENCE = 60.0
#: The traceback of a fork server's worker that was ended within its first line, while it imported
#: the program (docs/reliability.md, what is not promised): a whole one goes on with a frame.
CUT = r"Process ForkServerProcess-\d+:\s+Traceback \(most recent call last\):(?!\s+File )"
#: Of one that was interrupted where Python ignores it, in the midst of that import.
IGNORED = r"Exception ignored in: <function _get_module_lock\S+ at \w+>\s+Traceback \("
#: One traceback that tells of two errors.
CHAINED = "During handling of the above exception|The above exception was the direct cause"


def cells() -> Iterator[Any]:
    for name, program in PROGRAMS.items():
        methods, displays = program.methods, program.displays
        for (m, method), (d, display) in product(enumerate(methods), enumerate(displays)):
            in_turn = m % len(displays) == d or d % len(methods) == m
            marks = [pytest.mark.slow] * (not program.crossed and not in_turn)
            yield pytest.param(name, method, display, id=f"{name}-{method}-{display}", marks=marks)


#: Seconds after which a Ctrl-C is taken for lost, and how many may be.
LOST, FEW = 20.0, 2
lost: list[str] = []


class Run:
    """One run of a program of the table."""

    def __init__(self, row: Program, method: str, display: str, folder: Path) -> None:
        self.folder = folder
        self.display = display
        self.said = b""
        self.temporary = Path(tempfile.mkdtemp(prefix="f"))  # short, for a socket of Python's
        file = folder / "program.py"
        body = indent(dedent(row.code).strip(), "    ")
        file.write_text(f"{HEAD}\nif __name__ == '__main__':\n{body}\n", encoding="utf-8")
        columns, rows = row.size
        pipe = os.pipe() if display == "plain" else None
        variables = {
            "METHOD": method,
            "DISPLAY": display,
            "FOLDER": str(folder),
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": os.pathsep.join([str(TESTS.parent), os.environ.get("PYTHONPATH", "")]),
        }
        self.program = PtyProgram(
            file,
            columns=max(1, columns),
            rows=max(1, rows),
            env=environment(**{**variables, **row.env}),
            stdout=pipe and pipe[1],
            stderr=pipe and pipe[1],
            controlling=row.controlling,
        )
        if not columns:
            self.program._set_size(0, 0)
        self._pipe = -1
        self._taker: threading.Thread | None = None
        if pipe is not None:
            os.close(pipe[1])
            self._pipe = pipe[0]
            self._taker = threading.Thread(target=self._take, daemon=True)
            self._taker.start()
        self._mark = b"FOLDER=" + os.fsencode(folder) + b"\0"
        self.modes = termios.tcgetattr(self.program._slave)
        self.screens = with_two_screens(self.program)

    # --- what is done to it ---

    def await_file(self, name: str) -> None:
        until = monotonic() + PATIENCE
        while not (self.folder / name).exists():
            if monotonic() > until or self.program.process.poll() is not None:
                self.program.missing(f"it never came to {name!r}: {self.said[-3000:]!r}")
            sleep(0.005)  # a file that is made tells nobody

    def await_frame(self) -> None:
        """What draws is imported by then; of a program that imports after it was interrupted
        Python does not keep the exit status."""
        if self.display != "plain":
            self.program.until(lambda screen: any("tasks" in row for row in screen.rows))

    def press_again_if_lost(self, key: str) -> None:
        """CPython now and then takes a SIGINT just before its main thread begins to wait, and
        then waits all the same: the stock pool in 1 of 1,051 tries on an overloaded machine. And
        two that come before it takes one are one. What was taken, and leads to no end, is no
        such loss."""
        try:
            self.program.process.wait(LOST)
        except subprocess.TimeoutExpired:
            if (self.folder / "interrupted").exists():
                return
            lost.append(key)
            assert len(lost) <= FEW, "so many are not lost by CPython"
            self.program.type(key)

    def make_file(self, name: str) -> None:
        (self.folder / name).touch()

    def hang_up(self) -> None:
        self.program.hang_up()

    def close_pipe(self) -> None:
        pipe, self._pipe = self._pipe, -1
        os.close(pipe)

    def freeze(self, seconds: float) -> None:
        self.program.flow(False)
        self.make_file("go")
        sleep(seconds)  # which is the fault
        self.program.flow(True)

    def resize_often(self) -> None:
        for at in range(40):
            self.program.resize(100 - at, 30 - at % 20)
            sleep(0.02)  # which is the fault

    def stop_and_continue(self) -> None:
        self.await_file("started")
        self.program.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.program.process.pid, os.WSTOPPED | os.WNOWAIT)
        self.program.process.send_signal(signal.SIGCONT)
        self.make_file("go")

    def kill_watcher(self) -> None:
        until = monotonic() + PATIENCE
        while not (watchers := [p for p in self.others() if "watcher.py" in _command(p)]):
            assert monotonic() < until, "there never was a watcher"
            sleep(0.005)  # it is nobody's child here: there is nothing to wait for
        os.kill(watchers[0], signal.SIGKILL)

    # --- what is left of it ---

    def others(self) -> set[int]:
        """The processes that come from it. They have its environment, whatever session they are
        in; by the number of its terminal, another test's could be meant, once it is closed."""
        pids = {int(path.name) for path in Path("/proc").glob("[0-9]*")}
        return {pid for pid in pids - {self.program.process.pid} if self._mark in _environ(pid)}

    def await_end(self) -> None:
        try:
            self.program.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.program.missing(f"it did not end: {self.said[-3000:]!r}")

    def await_nobody(self) -> None:
        until = monotonic() + PATIENCE / 4
        while left := self.others():
            assert monotonic() < until, {pid: _command(pid) for pid in left}
            sleep(0.02)  # they are nobody's children: there is nothing to wait for

    def close(self) -> None:
        for pid in self.others():  # of a run that is red
            _kill(pid)
        self.program.close()
        if self._taker is not None:
            self._taker.join(PATIENCE)
        if self._pipe >= 0:
            os.close(self._pipe)
        shutil.rmtree(self.temporary)

    def _take(self) -> None:
        while self._pipe >= 0:
            try:
                some = os.read(self._pipe, 1 << 16)
            except OSError:
                return  # closed by `close_pipe`
            if not some:
                return
            self.said += some


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _environ(pid: int) -> bytes:
    """Its environment as it began; of a zombie, none."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it has ended in the meantime


@pytest.fixture
def run(name: str, method: str, display: str, tmp_path: Path) -> Iterator[Run]:
    run = Run(PROGRAMS[name], method, display, tmp_path)
    yield run
    run.close()


@pytest.mark.parametrize(("name", "method", "display"), [*cells()])
def test_program(name: str, method: str, display: str, run: Run) -> None:
    row = PROGRAMS[name]
    row.act(run)
    run.await_end()
    run.await_nobody()
    status = run.program.wait(PATIENCE)
    if run._taker is not None:
        run._taker.join(PATIENCE)
    told = (bytes(run.program.written) + run.said).decode(errors="replace")
    assert row.status in (None, status), told[-3000:]
    assert (run.folder / "right").exists() is row.right, told[-3000:]
    assert [file for file in row.files if not (run.folder / file).exists()] == []
    assert not (run.folder / "evil").exists()
    if row.futures != GONE:  # else no code of anybody's has run
        assert list(run.temporary.iterdir()) == []
    if row.terminal == "gone":
        return
    assert termios.tcgetattr(run.program._master) == run.modes
    run.program.until(lambda screen: screen.alternate is None and screen.cursor_shown)
    seen = told if display == "plain" else "\n".join(run.screens.normal.lines())
    if row.tracebacks is not None:
        ignored = len(re.findall(f"{CUT}|{IGNORED}|{CHAINED}", seen))
        assert seen.count("Traceback (") - ignored == row.tracebacks, told[-6000:]
    for words in row.shows:
        assert re.search(words, seen), seen
