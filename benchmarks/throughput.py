"""Trivial tasks a second with a live display, beside the stock executor.

Asked: at least 0.9 × the stock executor's, through `submit` and through `map`.
"""

from __future__ import annotations

import json
from statistics import median

from .measure import on_terminal, table

TASKS = 20_000
ROUNDS = 7

PROGRAM = """
import json, operator, sys
from time import perf_counter
from concurrent.futures import ProcessPoolExecutor
from barexec import ProgressPoolExecutor

tasks, rounds = int(sys.argv[1]), int(sys.argv[2])

def submit(ex):
    for future in [ex.submit(operator.neg, n) for n in range(tasks)]:
        future.result()

def map_(ex):
    for _ in ex.map(operator.neg, range(tasks)):
        pass

def chunks(ex):
    for _ in ex.map(operator.neg, range(10 * tasks), chunksize=100):
        pass

if __name__ == "__main__":
    times = {}
    for turn in range(rounds):
        for use in (submit, map_, chunks):
            kinds = (ProcessPoolExecutor, ProgressPoolExecutor)
            for kind in reversed(kinds) if turn % 2 else kinds:
                with kind(2) as ex:
                    ex.submit(abs, 0).result()
                    began = perf_counter()
                    use(ex)
                    took = perf_counter() - began
                times.setdefault(use.__name__, {}).setdefault(kind.__name__, []).append(took)
    print(json.dumps(times))
"""


def main() -> None:
    child = on_terminal(PROGRAM, str(TASKS), str(ROUNDS))
    times = json.loads(child.stdout)
    rows = []
    for use, title in (
        ("submit", "submit"),
        ("map_", "map"),
        ("chunks", "map, 10 × as many, chunksize=100"),
    ):
        stock = times[use]["ProcessPoolExecutor"]
        ours = times[use]["ProgressPoolExecutor"]
        count = TASKS * (10 if use == "chunks" else 1)
        rows.append(
            [
                title,
                f"{count / median(stock):,.0f}",
                f"{count / median(ours):,.0f}",
                f"{median(s / o for s, o in zip(stock, ours, strict=True)):.3f}",
            ]
        )
    table(
        f"{TASKS:,} trivial tasks on 2 workers, live display: tasks a second",
        ["through", "stock", "barexec", "barexec/stock"],
        rows,
    )
