"""A program on a terminal of its own: what is on the screen meanwhile, or how long it takes.

Never here: the name of a peer.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from barexec.testing import Screen

from ..measure import LEADER, terminal

COLUMNS, ROWS = 80, 10
#: The label of a row: "task 3", or "all" where that begins it.
LABEL = re.compile(r"\b(task \d+)\b|^\W*(all)\b")
#: Columns after a resize, and seconds from the first row on after which it comes.
NARROW, SOON = 50, 0.4
#: Seconds after which a program counts as one that hangs: in a scenario, and while it is measured.
PATIENCE, LONG = 20.0, 300.0

#: What a terminal is asked, and answers: where the cursor is, and what it is.
ANSWERS = {b"\x1b[6n": b"\x1b[1;1R", b"\x1b[c": b"\x1b[?62c"}

_UNSET = ("COLUMNS", "LINES", "BAREXEC", "NO_COLOR", "FORCE_COLOR", "PYTHONPATH")


class Ran(NamedTuple):
    """A program that has run on the terminal.

    Attributes:
        status: its exit status; None where it hung.
        rows: all that was on the screen in the end, and what had scrolled off it.
        lines: the same, where what is wrapped is one line.
        looks: the lines on the screen, many times.
        written: the bytes.
    """

    status: int | None
    rows: list[str]
    lines: Sequence[str]
    looks: list[tuple[str, ...]]
    written: bytes


def labels(line: str) -> list[str]:
    """The labels in a line."""
    return [match[1] or match[2] for match in LABEL.finditer(line)]


def ran(python: Path, script: Path, scenario: str) -> Ran:
    """Run the script in that scenario, and look at its screen ten times a second."""
    piped = scenario == "piped"
    ours, theirs = terminal(COLUMNS, ROWS)
    reader, writer = os.pipe() if piped else (ours, theirs)
    child = _started(python, [script, scenario], theirs, writer)
    screen, looks, written = Screen(COLUMNS, ROWS, raw=not piped), list[tuple[str, ...]](), b""
    began, looked, answered = time.monotonic(), 0.0, 0
    shown: float | None = None
    small = ended = False
    while not ended and time.monotonic() - began < PATIENCE:
        if select.select([reader], [], [], 0.05)[0]:
            some = _read(reader)
            ended = not some
            written += some
            screen.write(some)
            for answer in screen.answers[answered:]:  # as a terminal does
                os.write(ours, answer.encode())
                answered += 1
        else:
            ended = child.poll() is not None
        now = time.monotonic()
        if now - looked > 0.1:
            looked = now
            looks.append(screen.lines(history=False))
            if shown is None and any(map(labels, looks[-1])):
                shown = now
        resizes = scenario == "resized" and not small and shown is not None
        if resizes and shown is not None and now - shown > SOON:
            small = True
            fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, NARROW, 0, 0))
            os.killpg(child.pid, signal.SIGWINCH)
            screen.resize(NARROW, ROWS)
    status = child.wait() if ended else None
    for number in (signal.SIGTERM, signal.SIGKILL):  # and what it left
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break
        time.sleep(0.2)
    child.wait()
    for fd in {reader, ours}:
        os.close(fd)
    return Ran(status, [*screen.history, *screen.rows], screen.lines(), looks, written)


def told(python: Path, script: Path) -> float | None:
    """The number that the script writes to the file it is given. On a terminal, which is read.

    Returns:
        None where the script fails.
    """
    ours, theirs = terminal(80, 24)
    file = script.with_suffix(".told")
    file.unlink(missing_ok=True)
    child = _started(python, [script, file], theirs, theirs)

    def drain() -> None:
        while some := _read(ours):
            for question, answer in ANSWERS.items():
                os.write(ours, answer * some.count(question))

    reader = threading.Thread(target=drain)
    reader.start()
    try:
        child.wait(LONG)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
    status = child.wait()
    reader.join()
    os.close(ours)
    return float(file.read_text()) if status == 0 else None


def _started(
    python: Path, arguments: list[Path | str], theirs: int, writer: int
) -> subprocess.Popen[bytes]:
    """The program, with the terminal at its stdin. Both descriptors are closed here."""
    environ = {name: value for name, value in os.environ.items() if name not in _UNSET}
    child = subprocess.Popen(
        [python, "-c", LEADER, python, *arguments],
        stdin=theirs,
        stdout=writer,
        stderr=writer,
        env=environ | {"TERM": "xterm-256color", "PYTHONUTF8": "1"},
        start_new_session=True,
    )
    for fd in {theirs, writer}:
        os.close(fd)
    return child


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 1 << 16)
    except OSError:  # Linux: the last writer has closed it
        return b""
