"""Beside the peers: each in an environment of its own, all in one run.

Six scenarios, each on a terminal of 80x10 and judged on an emulator of it; what an item of a loop
costs, and a trivial task, in turns, on a terminal, too.

    python -m benchmarks peers
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from pathlib import Path
from statistics import median
from typing import NamedTuple

from ..measure import table
from .running import Ran, labels, ran, told
from .scripts import HEAD, PEERS, TASKS, Peer

ROOT = Path(__file__).parents[2]
#: Turns in which all are measured.
ROUNDS = 3
SCENARIOS = {
    "many": "20 tasks on 10 rows",
    "prints": "tasks print",
    "raised": "a task raises",
    "killed": "a worker is killed",
    "resized": "resized to 50 columns",
    "piped": "piped",
}
LOOP = """
xs, rounds = list(range(1000)) * 1000, 5
def bare():
    for x in xs: pass
def shown():
    for x in {code}: pass
def measured():
    times = []
    for _ in range(rounds):
        began = time.perf_counter(); bare(); middle = time.perf_counter(); shown()
        times.append((time.perf_counter() - middle) - (middle - began))
    return sorted(times)[rounds // 2] / len(xs) * 1e9
"""
POOL = """
xs = list(range(3_000))
def square(n): return n * n
def run():
    {code}
def measured():
    began = time.perf_counter(); run()
    return (time.perf_counter() - began) / len(xs) * 1e6
"""
TELL = """
if __name__ == "__main__":
    told = {measured}
    with open(sys.argv[1], "w") as file:
        file.write(str(told))
"""


class There(NamedTuple):
    """A peer that is installed: the Python that has it, its title, the folder of its programs."""

    peer: Peer
    python: Path
    title: str
    folder: Path


def installed(folder: Path, peer: Peer) -> There:
    """An environment of its own for the peer."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    packages = [str(ROOT) if name == "barexec" else name for name in peer.packages]
    if packages:
        subprocess.run([python, "-m", "pip", "install", "-qq", *packages], check=True)
    version = ""
    if packages:
        code = f"from importlib.metadata import version; print(version({peer.packages[0]!r}))"
        version = subprocess.run([python, "-c", code], capture_output=True, text=True).stdout
    return There(peer, python, f"{peer.name} {version}".strip(), folder)


def verdict(scenario: str, peer: Peer, run: Ran) -> str:
    """ "yes", or what was wrong, in a word or two."""
    if run.status is None:
        return "hangs"
    text = "\n".join(run.lines)
    if scenario == "raised":
        return "yes" if run.status and "it broke" in text else "not told"
    if scenario == "killed":
        return "yes" if run.status and "ERROR" in text else "not told"
    if run.status:
        return f"ends with {run.status}"
    if scenario in ("many", "resized"):
        torn = sum(any(len(labels(line)) > 1 for line in look) for look in run.looks)
        if torn > 1:  # one may have been in the midst of a frame
            return f"torn in {torn}/{len(run.looks)}"
        seen = {one for look in (*run.looks, run.lines) for line in look for one in labels(line)}
        tasks = [f"task {n}" for n in range(TASKS[scenario])] if peer.each else ["all"]
        if unseen := {*tasks} - seen:
            return f"{len(unseen)} never seen"
        shown = Counter(label for line in run.lines for label in labels(line))
        over = shown.total() - len(shown)
        return f"{over} left over" if over else "yes"
    if scenario == "prints":
        wanted = [f"line {n} {step}" for n in range(TASKS[scenario]) for step in range(0, 30, 3)]
        whole = {row.strip() for row in run.rows}
        missing = sum(line not in whole for line in wanted)
        return f"{missing}/{len(wanted)} torn" if missing else "yes"
    controls = len(re.findall(rb"[\x1b\r\x08]", run.written.replace(b"\r\n", b"\n")))
    return f"{controls} controls" if controls else "yes"


def judged(there: There) -> list[str]:
    """Its row of the first table."""
    script = there.folder / "script.py"
    script.write_text(HEAD + there.peer.code)
    cells = [verdict(name, there.peer, ran(there.python, script, name)) for name in SCENARIOS]
    return [there.title, "each" if there.peer.each else "one", *cells]


def measure(there: There, template: str, code: str, measured: str) -> float | None:
    """What a program tells that does that. Its imports come before the clock starts."""
    lines = code.splitlines()
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    body = "\n    ".join(line for line in lines if line not in imports)
    script = there.folder / "measured.py"
    program = [*imports, "import sys, time", template.format(code=body)]
    script.write_text("\n".join([*program, TELL.format(measured=measured)]))
    return told(there.python, script)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="peers") as name:
        all_there = []
        for at, peer in enumerate(PEERS):
            all_there.append(installed(Path(name) / str(at), peer))
            print(f"  … {all_there[-1].title}", file=sys.stderr, flush=True)
        items: dict[str, list[float | None]] = {there.title: [] for there in all_there}
        tasks: dict[str, list[float | None]] = {there.title: [] for there in all_there}
        for turn in range(ROUNDS):
            for there in all_there[:: -1 if turn % 2 else 1]:
                if there.peer.loop:
                    found = measure(there, LOOP, there.peer.loop, there.peer.measured)
                    items[there.title].append(found)
                if there.peer.pool:
                    tasks[there.title].append(measure(there, POOL, there.peer.pool, "measured()"))
        rows = [judged(there) for there in all_there if there.peer.code]
    table("Judged on a terminal of 80x10", ["", "bars", *SCENARIOS.values()], rows)
    print()
    table(
        f"Cost on a terminal, median of {ROUNDS} turns",
        ["", "ns an item", "µs a task"],
        [[title, _middle(items[title]), _middle(tasks[title])] for title in items],
    )


def _middle(found: list[float | None]) -> str:
    known = [figure for figure in found if figure is not None]
    return "failed" if len(known) < len(found) else f"{median(known):.0f}" if known else ""
