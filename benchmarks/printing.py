"""What a `print` in a task costs, beside one to a terminal under the stock executor.

Asked: at most 2 × as much. The terminal is a pty that a thread of ours reads as fast as it
can; a real one is slower, and so makes both alike.
"""

from __future__ import annotations

import json
from statistics import median

from .measure import on_terminal, ratio, table

ROUNDS = 7

PROGRAM = """
import json, multiprocessing, sys, time
from concurrent.futures import ProcessPoolExecutor
from barexec import ProgressPoolExecutor

def prints(lines):
    began = time.perf_counter()
    for k in range(lines):
        print(f"line {k} of what a task has to say", file=sys.stderr)
    return (time.perf_counter() - began) / lines

if __name__ == "__main__":
    rounds, lines = int(sys.argv[1]), int(sys.argv[2])
    fork = multiprocessing.get_context("fork")
    times = {}
    for turn in range(rounds):
        kinds = (ProcessPoolExecutor, ProgressPoolExecutor)
        for kind in reversed(kinds) if turn % 2 else kinds:
            with kind(1, fork) as ex:
                ex.submit(prints, 10).result()
                time.sleep(0.5)  # until the bars are there
                times.setdefault(kind.__name__, []).append(ex.submit(prints, lines).result())
    print(json.dumps(times))
"""


def main() -> None:
    rows = []
    for lines in (100, 1_000, 10_000, 100_000):
        times = json.loads(on_terminal(PROGRAM, str(ROUNDS), str(lines)).stdout)
        stock, ours = times["ProcessPoolExecutor"], times["ProgressPoolExecutor"]
        rows.append(
            [
                f"{lines:,}",
                f"{median(stock) * 1e6:.2f}",
                f"{median(ours) * 1e6:.2f}",
                f"{ratio(ours, stock):.2f}",
            ]
        )
    table(
        f"print of a line of 35 to 40 characters in a task, us (medians of {ROUNDS})",
        ["lines at once", "stock", "barexec", "barexec/stock"],
        rows,
    )
