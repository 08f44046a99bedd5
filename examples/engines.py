"""One program on every engine: only the line that makes the executor is another.

python examples/engines.py processes | threads | interpreters | loky | dask
mpiexec -n 3 python -m mpi4py.futures examples/engines.py mpi
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any

import barexec
from barexec import track


def convert(pages: int) -> int:
    for page in track(range(pages), unit="page"):
        sleep(0.01)
        if page == 42:
            raise ValueError("page 42 is torn")
    return pages


@contextmanager
def executor(engine: str) -> Iterator[Any]:
    if engine == "processes":
        yield barexec.ProgressPoolExecutor(2)
    elif engine == "threads":
        yield barexec.ProgressThreadPoolExecutor(2)
    elif engine == "interpreters":  # CPython 3.14 on
        yield barexec.ProgressInterpreterPoolExecutor(2)
    elif engine == "loky":
        from loky import ProcessPoolExecutor

        yield barexec.wrap(ProcessPoolExecutor(2))
    elif engine == "dask":
        from distributed import Client

        with Client(n_workers=2, threads_per_worker=1, dashboard_address=":0") as client:
            yield barexec.ProgressDaskExecutor(client)
    elif engine == "mpi":
        yield barexec.ProgressMPIPoolExecutor(terminal=tty())


def tty() -> Any:
    """What a rank writes, mpiexec passes on; the terminal itself is here, if there is one."""
    try:
        from blessings import Terminal
    except ImportError:  # as on Windows
        from blessed import Terminal

    try:
        return Terminal(stream=Path("/dev/tty").open("w", encoding="utf-8"))
    except OSError:
        return None


def main(engine: str = "threads") -> None:
    with executor(engine) as ex, ex:
        futures = [ex.submit(convert, pages) for pages in (30, 40, 50, 25)]
        pages = [future.result() for future in futures if future.exception() is None]
    print(f"{sum(pages)} pages")


if __name__ == "__main__":
    main(*sys.argv[1:])
