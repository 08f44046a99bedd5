"""Beside the peers: each in an environment of its own, all in one run.

Six scenarios, each on a terminal of 80x10 and judged on an emulator of it; what an item of a loop
costs, and a trivial task.

    python -m benchmarks peers
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from barexec.testing import Screen

from ..measure import table
from .scripts import HEAD, PEERS, Peer

ROOT = Path(__file__).parents[2]
COLUMNS, ROWS = 80, 10
#: Seconds after which a program counts as one that hangs.
PATIENCE = 20.0
SCENARIOS = {
    "many": "20 tasks on 10 rows",
    "prints": "tasks print",
    "raised": "a task raises",
    "killed": "a worker is killed",
    "resized": "resized to 50 columns",
    "piped": "piped",
}
LOOP = """
import sys, time
sink = open("/dev/null", "w")
xs, rounds, times = list(range(300_000)), 5, []
def bare():
    for x in xs: pass
def shown():
    for x in {loop}: pass
for _ in range(rounds):
    began = time.perf_counter(); bare(); middle = time.perf_counter(); shown()
    times.append((time.perf_counter() - middle) - (middle - began))
print(sorted(times)[rounds // 2] / len(xs) * 1e9)
"""
POOL = """
import sys, time
sink = open("/dev/null", "w")
xs = list(range(3_000))
def square(n): return n * n
def run():
{pool}
if __name__ == "__main__":
    began = time.perf_counter()
    run()
    print((time.perf_counter() - began) / len(xs) * 1e6)
"""


class Ran(NamedTuple):
    """A program that has run on the terminal.

    Attributes:
        ended: whether it did, by itself.
        lines: all that was on the screen in the end, and what had scrolled off it.
        looks: what was on the screen, many times.
        written: the bytes.
    """

    ended: bool
    lines: list[str]
    looks: list[tuple[str, ...]]
    written: bytes


def ran(python: Path, script: Path, scenario: str) -> Ran:
    piped = scenario == "piped"
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    unset = ("COLUMNS", "LINES", "BAREXEC", "NO_COLOR", "FORCE_COLOR", "PYTHONPATH")
    environ = {k: v for k, v in os.environ.items() if k not in unset}
    reader, writer = os.pipe() if piped else (ours, theirs)
    start = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    start += "os.execv(sys.argv[1], sys.argv[1:])"
    child = subprocess.Popen(
        [python, "-c", start, python, script, scenario],
        stdin=theirs,
        stdout=writer,
        stderr=writer,
        env=environ | {"TERM": "xterm-256color", "PYTHONUTF8": "1"},
        start_new_session=True,
    )
    os.close(theirs)
    if piped:
        os.close(writer)
    screen, looks, written = Screen(COLUMNS, ROWS, raw=not piped), list[tuple[str, ...]](), b""
    began, looked, small = time.monotonic(), 0.0, False
    ended, answered = False, 0
    while time.monotonic() - began < PATIENCE:
        if select.select([reader], [], [], 0.05)[0]:
            try:
                some = os.read(reader, 1 << 16)
            except OSError:
                some = b""
            if not some:
                ended = True
                break
            written += some
            screen.write(some)
            for answer in screen.answers[answered:]:  # as a terminal does
                os.write(ours, answer.encode())
                answered += 1
        elif child.poll() is not None:
            ended = True
            break
        now = time.monotonic()
        if scenario == "resized" and not small and now - began > 0.9:
            small = True
            fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, 50, 0, 0))
            os.killpg(child.pid, signal.SIGWINCH)
            screen.resize(50, ROWS)
        if now - looked > 0.1:
            looked = now
            looks.append(screen.rows)
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break
        time.sleep(0.2)
    child.wait()
    for fd in {reader, ours}:
        os.close(fd)
    return Ran(ended, [*screen.history, *screen.rows], looks, written)


def verdict(scenario: str, peer: Peer, run: Ran) -> str:
    """ "yes", or what was wrong, in a word or two."""
    if not run.ended:
        return "hangs"
    text = "\n".join(run.lines)
    label = r"\btask \d+\b" if peer.each else r"^\W*all\b"
    if scenario in ("many", "resized"):
        torn = sum(any(_doubled(label, row) for row in look) for look in run.looks)
        if torn:
            return f"torn in {torn}/{len(run.looks)}"
        twice = _repeated(label, run.lines)
        return f"{twice} left over" if twice else "yes"
    if scenario == "prints":
        wanted = [f"line {n} {step}" for n in range(4) for step in range(0, 30, 3)]
        whole = {line.strip() for line in run.lines}
        missing = sum(line not in whole for line in wanted)
        return f"{missing}/{len(wanted)} torn" if missing else "yes"
    if scenario == "raised":
        return "yes" if "it broke" in text else "not told"
    if scenario == "killed":
        return "yes" if "ERROR" in text else "not told"
    controls = len(re.findall(rb"[\x1b\r\x08]", run.written.replace(b"\r\n", b"\n")))
    return f"{controls} controls" if controls else "yes"


def _doubled(label: str, row: str) -> bool:
    return len(re.findall(label, row)) > 1


def _repeated(label: str, lines: Sequence[str]) -> int:
    """How many rows show what another shows, too."""
    found = [match[0].strip() for line in lines if (match := re.search(label, line))]
    return len(found) - len({*found})


def environment(folder: Path, peer: Peer) -> tuple[Path, str]:
    """An environment with the peer, and the version of it that is there."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    packages = [str(ROOT) if name == "barexec" else name for name in peer.packages]
    if packages:
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True, stderr=-3)
    name = peer.packages[0] if peer.packages else ""
    code = f"from importlib.metadata import version; print(version({name!r}))"
    told = subprocess.run([python, "-c", code], capture_output=True, text=True) if name else None
    return python, told.stdout.strip() if told else ""


def measured(python: Path, folder: Path, code: str) -> float | None:
    """What a program prints last: the median of three runs."""
    script = folder / "measured.py"
    script.write_text(code)
    found = []
    for _ in range(3):
        done = subprocess.run([python, script], capture_output=True, text=True, timeout=300)
        if done.returncode:
            return None
        found.append(float(done.stdout.split()[-1]))
    return median(found)


def main() -> None:
    judged, speeds = [], []
    with tempfile.TemporaryDirectory(prefix="peers") as name:
        for at, peer in enumerate(PEERS):
            folder = Path(name) / str(at)
            python, version = environment(folder, peer)
            title = f"{peer.name} {version}".strip()
            print(f"  … {title}", file=sys.stderr, flush=True)
            if peer.code:
                script = folder / "script.py"
                script.write_text(HEAD + peer.code)
                row = [title, "each" if peer.each else "one"]
                row += [verdict(name, peer, ran(python, script, name)) for name in SCENARIOS]
                judged.append(row)
            item = task = None
            if peer.loop:
                start = "import barexec\n" if peer.name == "barexec" else ""
                item = measured(python, folder, start + LOOP.format(loop=peer.loop))
            if peer.pool:
                body = "\n".join(f"    {line}" for line in peer.pool.splitlines())
                task = measured(python, folder, POOL.format(pool=body))
            speeds.append(
                [
                    title,
                    "" if item is None else f"{item:.0f}",
                    "" if task is None else f"{task:.0f}",
                ]
            )
    table("Judged on a terminal of 80x10", ["", "bars", *SCENARIOS.values()], judged)
    print()
    table("Cost", ["", "ns an item", "µs a task"], speeds)
