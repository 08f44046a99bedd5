"""What it costs the parent to show running bars: CPU, and bytes to the terminal.

Asked: at most 2 % of a core with 8 running bars; an idle display writes nothing. Of 32
bars on 120x40, at most 1/4 of rich's bytes and 1/6 of its CPU, and 1/4 of tqdm's bytes.

All are measured while every bar runs: from a second after the start until the end, of
which each program tells by a line. Each draws ten times a second.
"""

from __future__ import annotations

import json
from statistics import median
from typing import NamedTuple

from .measure import Child, on_terminal, table

SECONDS = 10
#: Turns in which the three are compared.
ROUNDS = 3
#: Those of rich and tqdm are of one process, which updates them ten times a second; barexec's
#: tasks are real ones, in workers.
OURS = """
import json, sys, time
from barexec import ProgressPoolExecutor, track
bars, seconds, idle = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "idle"

def steps(n, end):
    for step in track(range(1000), desc=f"run {n}"):
        if time.time() > end:
            break
        time.sleep(seconds / 1000 * (1 + n % 7 / 3))

if __name__ == "__main__":
    with ProgressPoolExecutor(bars, leave=False, renderer=sys.argv[4]) as ex:
        end = time.time() + seconds + 1
        if idle:
            ex.submit(abs, 0).result()
        else:
            futures = [ex.submit(steps, n, end) for n in range(bars)]
        time.sleep(1)
        began, ran = time.perf_counter(), time.process_time()
        print(0, flush=True)
        time.sleep(seconds - 1)
        share = (time.process_time() - ran) / (time.perf_counter() - began)
        print(json.dumps(share), flush=True)
"""
RICH = """
import json, sys, threading, time
from rich.console import Console
from rich.progress import Progress, BarColumn, MofNCompleteColumn, TaskProgressColumn
from rich.progress import TextColumn, TimeElapsedColumn, TimeRemainingColumn
bars, seconds = int(sys.argv[1]), float(sys.argv[2])
columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
           TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn())
start = began = time.perf_counter()
with Progress(*columns, console=Console(file=sys.stderr), refresh_per_second=10,
              redirect_stdout=False) as progress:
    tasks = [progress.add_task(f"run {n}", total=1000) for n in range(bars)]
    while (now := time.perf_counter() - start) < seconds:
        if start == began and now >= 1:
            began, ran = time.perf_counter(), time.process_time()
            print(0, flush=True)
        for n, task in enumerate(tasks):
            progress.update(task, completed=int(1000 * now / seconds / (1 + n % 7 / 3)))
        time.sleep(0.1)
    print(json.dumps((time.process_time() - ran) / (time.perf_counter() - began)), flush=True)
"""
TQDM = """
import json, sys, time
from tqdm import tqdm
bars, seconds = int(sys.argv[1]), float(sys.argv[2])
start = began = time.perf_counter()
shown = [tqdm(total=1000, desc=f"run {n}", position=n, leave=False) for n in range(bars)]
while (now := time.perf_counter() - start) < seconds:
    if start == began and now >= 1:
        began, ran = time.perf_counter(), time.process_time()
        print(0, flush=True)
    for n, bar in enumerate(shown):
        bar.update(int(1000 * now / seconds / (1 + n % 7 / 3)) - bar.n)
    time.sleep(0.1)
print(json.dumps((time.process_time() - ran) / (time.perf_counter() - began)), flush=True)
for bar in shown:
    bar.close()
"""


class Cost(NamedTuple):
    """What one program took."""

    cpu: float
    """Share of a core."""
    written: float
    """Bytes a second."""


def cost(program: str, bars: int, kind: str, size: tuple[int, int], look: str = "bar") -> Cost:
    """Run it on a terminal of that size."""
    columns, rows = size
    child = on_terminal(program, str(bars), str(SECONDS), kind, look, columns=columns, rows=rows)
    return _cost(child)


def _cost(child: Child) -> Cost:
    share = float(json.loads(child.stdout.splitlines()[-1]))
    return Cost(share, (child.marks[-1] - child.marks[0]) / (SECONDS - 1))


def _row(title: str, cost: Cost) -> list[str]:
    return [title, f"{cost.cpu:.2%}", f"{cost.written / 1000:.2f}"]


def main() -> None:
    rows = []
    contenders = {"barexec": OURS, "rich": RICH, "tqdm": TQDM}
    for name, program in contenders.items():
        rows.append(_row(f"{name}, 8 bars, 80x24", cost(program, 8, "running", (80, 24))))
    taken: dict[str, list[Cost]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, program in contenders.items():
            taken[name].append(cost(program, 32, "running", (120, 40)))
    for name, costs in taken.items():
        middle = Cost(*(median(figures) for figures in zip(*costs, strict=True)))
        rows.append(_row(f"{name}, 32 bars, 120x40", middle))
    for look in ("tqdm", "progressbar"):
        title = f"barexec as {look}, 32 bars, 120x40"
        rows.append(_row(title, cost(OURS, 32, "running", (120, 40), look)))
    rows.append(_row("barexec, idle", cost(OURS, 8, "idle", (80, 24))))
    table(
        "Ten frames a second: the parent's share of a core, kB/s to the terminal",
        ["", "CPU", "kB/s"],
        rows,
    )
    print()
    asked = (("rich", "written", 1 / 4), ("rich", "cpu", 1 / 6), ("tqdm", "written", 1 / 4))
    table(
        f"32 bars on 120x40, ours to theirs (median of {ROUNDS} turns)",
        ["", "ratio", "asked"],
        [
            [f"{'bytes' if what == 'written' else 'CPU'} of {name}", f"{ratio:.3f}", f"{most:.3f}"]
            for name, what, most in asked
            for ratio in [_ratio(taken, name, what)]
        ],
    )


def _ratio(taken: dict[str, list[Cost]], name: str, what: str) -> float:
    at = Cost._fields.index(what)
    return median(
        ours[at] / theirs[at] for ours, theirs in zip(taken["barexec"], taken[name], strict=True)
    )
