"""What `import barexec` costs. Asked: at most 1.15 × `import concurrent.futures.process`."""

from __future__ import annotations

import subprocess
import sys
from statistics import median

from .measure import ratio, table

ROUNDS = 25
STATEMENTS = (
    "import concurrent.futures.process",
    "import barexec",
    "from barexec import ProgressPoolExecutor, track",
    "import tqdm",
    "import rich.progress",
    "import progressbar",
)
PROGRAM = "from time import perf_counter as t; b = t(); {}; print(t() - b)"


def seconds(statement: str) -> float:
    command = [sys.executable, "-c", PROGRAM.format(statement)]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def main() -> None:
    times: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for turn in range(ROUNDS):
        for statement in reversed(STATEMENTS) if turn % 2 else STATEMENTS:
            times[statement].append(seconds(statement))
    stock = times[STATEMENTS[0]]
    table(
        "Imports, each in a new process",
        ["", "ms", "of stock"],
        [[s, f"{median(times[s]) * 1e3:.1f}", f"{ratio(times[s], stock):.2f}"] for s in times],
    )
