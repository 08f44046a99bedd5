"""What it costs the parent to show running bars: CPU, and bytes to the terminal.

Asked: at most 2 % of a core with 8 running bars; an idle display writes nothing.
"""

from __future__ import annotations

import json

from .measure import Child, on_terminal, table

SECONDS = 10
#: The bars' owners sleep in threads of one process, so that only the drawing costs CPU;
#: barexec's tasks are real ones, in workers.
OURS = """
import json, sys, time
from barexec import ProgressPoolExecutor, track
bars, seconds, idle = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "idle"

def steps(n):
    for _ in track(range(1000), desc=f"run {n}"):
        time.sleep(seconds / 1000 * (1 + n % 7 / 3))

def asleep(n):
    time.sleep(n)

if __name__ == "__main__":
    with ProgressPoolExecutor(bars, leave=False) as ex:
        if idle:
            ex.submit(abs, 0).result()
        else:
            futures = [ex.submit(steps, n) for n in range(bars)]
        time.sleep(1)
        began, ran = time.perf_counter(), time.process_time()
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
began, ran = time.perf_counter(), time.process_time()
with Progress(*columns, console=Console(file=sys.stderr), refresh_per_second=10) as progress:
    tasks = [progress.add_task(f"run {n}", total=1000) for n in range(bars)]
    while (now := time.perf_counter() - began) < seconds:
        for n, task in enumerate(tasks):
            progress.update(task, completed=int(1000 * now / seconds / (1 + n % 7 / 3)))
        time.sleep(0.1)
print(json.dumps((time.process_time() - ran) / (time.perf_counter() - began)))
"""
TQDM = """
import json, sys, time
from tqdm import tqdm
bars, seconds = int(sys.argv[1]), float(sys.argv[2])
began, ran = time.perf_counter(), time.process_time()
shown = [tqdm(total=1000, desc=f"run {n}", position=n, leave=False) for n in range(bars)]
while (now := time.perf_counter() - began) < seconds:
    for n, bar in enumerate(shown):
        bar.update(int(1000 * now / seconds / (1 + n % 7 / 3)) - bar.n)
    time.sleep(0.1)
for bar in shown:
    bar.close()
print(json.dumps((time.process_time() - ran) / (time.perf_counter() - began)))
"""


def _row(title: str, child: Child) -> list[str]:
    share = float(json.loads(child.stdout))
    return [title, f"{share:.2%}", f"{child.written / SECONDS / 1000:.2f}"]


def main() -> None:
    rows = []
    for bars, columns, lines in ((8, 80, 24), (32, 120, 40)):
        size = {"columns": columns, "rows": lines}
        for name, program in (("barexec", OURS), ("rich", RICH), ("tqdm", TQDM)):
            child = on_terminal(program, str(bars), str(SECONDS), "running", **size)  # type: ignore[arg-type]
            rows.append(_row(f"{name}, {bars} bars, {columns}x{lines}", child))
    rows.append(_row("barexec, idle", on_terminal(OURS, "8", str(SECONDS), "idle")))
    table(
        "Ten frames a second: the parent's share of a core, kB/s to the terminal",
        ["", "CPU", "kB/s"],
        rows,
    )
