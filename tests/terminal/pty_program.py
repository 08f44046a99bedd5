"""A program on a real pseudo-terminal, whose screen can be read and awaited.

    with PtyProgram(path, columns=80, rows=24) as program:
        program.until(lambda screen: "done" in screen.rows[0])
        assert program.wait() == 0

A thread takes what the program writes, so that it never waits for us. Nothing here waits
for ever: what does not come in time is an `AssertionError` with the screen, what was
written, and the stacks of all threads of the program.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import IO, Any, NoReturn

from barexec.testing import Screen

#: Seconds until something that does not come counts as missing. Never waited for in a
#: run that is green.
PATIENCE = 60.0

#: What decides how things are shown, and must not leak in from where the tests run.
_OURS = (
    *("BAREXEC", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES"),
    *("TMUX", "STY", "XTERM_VERSION", "VTE_VERSION", "TERM_PROGRAM", "COLORTERM"),
    *("PYTHONWARNINGS", "PYTHONIOENCODING", "PYTHONUNBUFFERED", "PYTHONSTARTUP"),
)
#: What every program begins with. Its tasks end once the gate is open.
TASKS = '''
import os, sys, time, warnings
from barexec import Bar, ProgressPoolExecutor, display, track, view

view.QUIET = 0.1  # not to wait for long

def peak():
    """The most memory that it ever had, in kB; 0 where no file tells."""
    # not `ru_maxrss`, which the process inherits from the one that started it
    try:
        with open("/proc/self/status") as status:
            return int(status.read().partition("VmHWM:")[2].split()[0])
    except OSError:
        return 0

def gate():
    while not os.path.exists(os.environ["GATE"]):
        time.sleep(0.01)

def counted(n):
    """A bar that stands at n of 10."""
    with Bar(total=10) as bar:
        bar.update(n)
        gate()
        bar.update(10 - n)
    return n

def quiet(name):
    """No bar, but a result."""
    gate()
    return name

def broken(name):
    gate()
    raise ValueError(f"no {name}")

'''

_ON_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
_EXEC = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"


def environment(**more: str | None) -> dict[str, str]:
    """The environment of a program: that of the tests, but a usual terminal in UTF-8.

    Args:
        more: further variables; None takes one away.
    """
    env = {name: value for name, value in os.environ.items() if name not in _OURS}
    usual = {"TERM": "xterm-256color", "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8"}
    for name, value in (usual | more).items():
        env.pop(name, None)
        if value is not None:
            env[name] = value
    return env


class PtyProgram:
    """A program whose standard streams are a pseudo-terminal of its own.

    Args:
        program: a Python file, or a command as a list.
        columns, rows: the size of the terminal.
        env: the whole environment; by default `environment()`.
        stdout, stderr: where that goes instead of the terminal.
        controlling: whether it is the controlling terminal, so that keys make signals,
            and closing it hangs up.

    Attributes:
        screen: what is seen.
        written: all that was written to the terminal until now.
        gate: the file that tasks of the program wait for, if any do.
        bite: bytes that are read at a time; a terminal of few is slow, 1 ms for each.
    """

    bite = 1 << 16

    gate: Path

    def __init__(
        self,
        program: Path | list[str],
        *,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
        controlling: bool = True,
    ) -> None:
        self.screen = Screen(columns, rows, raw=True)
        self.written = bytearray()
        self._news = threading.Condition()
        self._over = self._hung = False
        self._master, self._slave = os.openpty()
        self._wake = os.pipe()
        self._set_size(columns, rows)
        command = program
        if isinstance(command, Path):
            command = [sys.executable, "-X", "faulthandler", str(command)]
        start = f"{_ON_TERMINAL}; {_EXEC}" if controlling else _EXEC
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", start, *command],
            stdin=self._slave,
            stdout=self._slave if stdout is None else stdout,
            stderr=self._slave if stderr is None else stderr,
            env=dict(environment() if env is None else env),
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="pty-reader", daemon=True)
        self._reader.start()

    def until(self, true: Callable[[Any], object], patience: float = PATIENCE) -> None:
        """Wait until something is true of the screen."""
        end = monotonic() + patience
        with self._news:
            while not true(self.screen):
                left = end - monotonic()
                if self._over or left <= 0 or not self._news.wait(left):
                    break
            else:
                return
        self.missing("it never was on the screen")

    def listen(self, seconds: float) -> bytes:
        """What is written from now on, for so long."""
        begin, end = len(self.written), monotonic() + seconds
        with self._news:
            while (left := end - monotonic()) > 0 and not self._over:
                self._news.wait(left)
            return bytes(self.written[begin:])

    def until_still(self, seconds: float = 0.03) -> None:
        """Wait until nothing was written for so long: then no write is half done, and by default
        that of a display which draws each 0.1 s is not about to begin."""
        with self._news:
            still = False
            while not still and not self._over:
                size, end = len(self.written), monotonic() + seconds
                while size == len(self.written) and not still and not self._over:
                    self._news.wait(max(0.0, end - monotonic()))
                    still = size == len(self.written) and monotonic() >= end

    def open_gate(self) -> None:
        """Let the tasks go on that wait for it."""
        self.gate.touch()

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def resize(self, columns: int, rows: int, *, reflow: bool = True) -> None:
        """Give the terminal another size; the program gets its SIGWINCH."""
        with self._news:
            self.screen.resize(columns, rows, reflow=reflow)
            self._set_size(columns, rows)

    def flow(self, on: bool) -> None:
        """Freeze the terminal, as Ctrl-S does, or thaw it."""
        termios.tcflow(self._slave, termios.TCOON if on else termios.TCOOFF)

    def hang_up(self) -> None:
        """Close the terminal: who writes to it gets EIO."""
        self._hung = True
        os.write(self._wake[1], b"x")
        self._reader.join(PATIENCE)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1

    def wait(self, patience: float = PATIENCE) -> int:
        """Wait until the program has ended and all that it wrote is on the screen."""
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.missing(f"the program did not end within {patience} s")
        self._settle()
        return status

    def close(self) -> None:
        """End the program, if it runs, and close the terminal."""
        if self.process.poll() is None:
            _kill_group(self.process.pid, signal.SIGKILL)
            self.process.wait(PATIENCE)
        self._settle()
        for fd in (self._master, *self._wake):
            if fd >= 0:
                os.close(fd)
        self._master, self._wake = -1, (-1, -1)

    def __enter__(self) -> PtyProgram:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _set_size(self, columns: int, rows: int) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def _settle(self) -> None:
        """Let the reader take what is left; it ends when nobody holds the other side."""
        if self._slave >= 0:
            os.close(self._slave)
            self._slave = -1
        # a process that outlived the program may hold it open; and to show much takes its time
        self.until_still(1.0)
        if not self._over:
            os.write(self._wake[1], b"x")
        self._reader.join(PATIENCE)

    def _read(self) -> None:
        while True:
            ready = select.select([self._master, self._wake[0]], [], [])[0]
            try:
                takes = self._master in ready and not self._hung
                some = os.read(self._master, self.bite) if takes else b""
            except OSError:  # EIO: the other side is closed
                some = b""
            with self._news:
                self.written += some
                self.screen.write(some)
                self._over = not some
                self._news.notify_all()
            if not some:
                return
            if self.bite < PtyProgram.bite:
                time.sleep(0.001)

    def missing(self, what: str) -> NoReturn:
        """Fail with all that is known of the program, which ends."""
        seen = "\n".join(self.screen.rows)
        told = f"{what}\n--- screen\n{seen}\n--- processes\n{_processes(self.process.pid)}"
        if self._slave >= 0:
            self.flow(True)  # the stacks are to be seen
        if self.process.poll() is None:
            _kill_group(self.process.pid, signal.SIGABRT)  # faulthandler tells the stacks
            self.listen(1.0)
        raise AssertionError(f"{told}\n--- written\n{_shown(self.written)}")


class Unseen:
    """A screen that nobody looks at: the emulator is slower than some programs."""

    rows = ()

    def write(self, some: bytes) -> None:
        pass


def unseen(program: PtyProgram) -> PtyProgram:
    """The program, of which only what it writes is kept from now on."""
    with program._news:
        program.screen = Unseen()  # type: ignore[assignment]
    return program


def _processes(session: int) -> str:
    """The processes of a session: what they run, and what each of their threads does."""
    told = ""
    for folder in sorted(Path("/proc").glob("[0-9]*")):
        try:
            if os.getsid(int(folder.name)) == session:
                words = (
                    (folder / "cmdline")
                    .read_bytes()
                    .replace(b"\0", b" ")[-60:]
                    .decode(errors="replace")
                )
                told += f"{folder.name} {words}\n"
                for task in (folder / "task").iterdir():
                    state = (task / "stat").read_text().rpartition(")")[2].split()[0]
                    told += f"    {state} {(task / 'wchan').read_text()}\n"
        except OSError:  # it has ended in the meantime
            continue
    return told


def _shown(some: bytes | bytearray) -> str:
    return bytes(some[-6000:]).decode(errors="replace").replace("\x1b", "\N{SYMBOL FOR ESCAPE}")


def _kill_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):  # macOS says so of a group of zombies
        return  # it has ended in the meantime
