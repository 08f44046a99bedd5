"""From the loop to the screen: how old a number is when it is seen, on every engine.

Asked: a median of at most 250 ms, over loopback. A tick of the worker's sampler and one of the
display lie between, 0.1 s each: half of both is 100 ms.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from statistics import median, quantiles

from barexec.testing import Screen

from .measure import LEADER, table, terminal

STEPS = 25
PROGRAM = """
import random, sys, time
from contextlib import nullcontext
import barexec
from barexec import Bar

def steps(n, path):
    chance = random.Random(n)
    with Bar(n) as bar, open(path, "w") as file:
        time.sleep(1)
        for _ in range(n):
            bar.update()
            file.write(f"{time.time()}\\n")
            file.flush()
            time.sleep(0.25 + chance.random() / 10)

if __name__ == "__main__":
    engine, n, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    client = nullcontext()
    if engine == "dask":
        from distributed import Client
        client = Client(n_workers=1, threads_per_worker=1, dashboard_address=":0")
    with client:
        if engine == "processes":
            ex = barexec.ProgressPoolExecutor(1)
        elif engine == "threads":
            ex = barexec.ProgressThreadPoolExecutor(1)
        elif engine == "interpreters":
            ex = barexec.ProgressInterpreterPoolExecutor(1)
        elif engine == "loky":
            from loky import ProcessPoolExecutor
            ex = barexec.wrap(ProcessPoolExecutor(1))
        elif engine == "dask":
            ex = barexec.ProgressDaskExecutor(client)
        elif engine == "mpi":
            from blessings import Terminal
            ex = barexec.ProgressMPIPoolExecutor(terminal=Terminal(stream=open("/dev/tty", "w")))
        with ex:
            ex.submit(steps, n, path).result()
"""


def ages(engine: str) -> list[float]:
    """The age of each number, in seconds, when it, or a later one, was first on the screen."""
    with tempfile.TemporaryDirectory() as name:
        program, told = Path(name) / "program.py", Path(name) / "told"
        program.write_text(PROGRAM)
        command = [sys.executable, str(program)]
        if engine == "mpi":
            mpiexec = [str(Path(sys.executable).with_name("mpiexec")), "--allow-run-as-root"]
            ranks = [*mpiexec, "--oversubscribe", "-n", "2", sys.executable, "-m", "mpi4py.futures"]
            command = [*ranks, str(program)]
        ours, theirs = terminal(80, 24)
        child = subprocess.Popen(
            [sys.executable, "-c", LEADER, *command, engine, str(STEPS), str(told)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env=os.environ | {"TERM": "xterm-256color", "PYTHONPATH": os.getcwd()},  # noqa: PTH109
        )
        os.close(theirs)
        screen, seen = Screen(80, 24, raw=True), dict[int, float]()
        while child.poll() is None:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    screen.write(os.read(ours, 1 << 16))
                except OSError:
                    break
                now = time.time()
                for found in re.finditer(rf"steps.* (\d+)/{STEPS}\b", "\n".join(screen.rows)):
                    # one that was overtaken is seen, too
                    for number in range(1, int(found[1]) + 1):
                        seen.setdefault(number, now)
        child.wait()
        os.close(ours)
        if child.returncode:
            raise RuntimeError(f"{engine} ended with {child.returncode}: {screen.rows}")
        times = [float(line) for line in told.read_text().split()]
        # the last one may be drawn at the task's end
        return [seen[k + 1] - times[k] for k in range(STEPS - 1)]


def main() -> None:
    engines = ["processes", "threads"]
    engines += ["interpreters"] if sys.version_info >= (3, 14) else []
    engines += [
        engine
        for engine, module in (("loky", "loky"), ("dask", "distributed"), ("mpi", "mpi4py"))
        if find_spec(module)
    ]
    rows = []
    for engine in engines:
        some = ages(engine)
        *_, most = quantiles(some, n=20)
        rows.append([engine, f"{median(some) * 1000:.0f}", f"{most * 1000:.0f}"])
    table(
        "From the loop to the screen, ms (asked: a median of 250)",
        ["", "median", "95 %"],
        rows,
    )
