"""What one `update()` costs, in a real worker. Asked: at most 1/3 of tqdm's.

The loop around the calls costs every contender the same, and is taken off.
"""

from __future__ import annotations

import os
from statistics import median

from barexec import Bar, ProgressPoolExecutor

from .measure import in_turns, ratio, table

CALLS = 200_000
ROUNDS = 9


def run() -> dict[str, list[float]]:
    """To be run in a worker: seconds of each contender."""
    from progressbar import ProgressBar
    from rich.console import Console
    from rich.progress import Progress
    from tqdm import tqdm

    nowhere = open(os.devnull, "w")  # noqa: PTH123, SIM115

    def barexec() -> None:
        with Bar(CALLS) as bar:
            for _ in range(CALLS):
                bar.update()

    def of_tqdm() -> None:
        with tqdm(total=CALLS, file=nowhere) as bar:
            for _ in range(CALLS):
                bar.update()

    def of_rich() -> None:
        with Progress(console=Console(file=nowhere, force_terminal=True)) as progress:
            task = progress.add_task("", total=CALLS)
            for _ in range(CALLS):
                progress.update(task, advance=1)

    def of_progressbar2() -> None:
        bar = ProgressBar(max_value=CALLS, fd=nowhere, is_terminal=True, term_width=80)
        for _ in range(CALLS):
            bar.increment()

    def empty() -> None:
        for _ in range(CALLS):
            pass

    contenders = {
        "empty loop": empty,
        "barexec": barexec,
        "tqdm": of_tqdm,
        "rich": of_rich,
        "progressbar2": of_progressbar2,
    }
    times = in_turns(contenders, ROUNDS)
    nowhere.close()
    return times


def main() -> None:
    with ProgressPoolExecutor(1) as ex:
        times = ex.submit(run).result()
    empty = times.pop("empty loop")
    for name, some in times.items():
        times[name] = [time - loop for time, loop in zip(some, empty, strict=True)]
    rows = [
        [
            name,
            f"{median(times[name]) / CALLS * 1e9:.0f}",
            f"{ratio(times['barexec'], times[name]):.3f}",
        ]
        for name in times
    ]
    table(
        f"update(), {CALLS:,} times: ns a call beyond the empty loop",
        ["", "ns", "barexec / this"],
        rows,
    )
