"""The article of 2012 that barexec grew from, written with barexec.

It gave each process a writer that knew its place on the screen, so that many progress bars
could run at once: a single bar, several, in parallel, and in full screen.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from time import sleep
from typing import Any

import progressbar

from barexec import ProgressPoolExecutor, Writer, track
from barexec.renderers import NAMES

#: Columns and rows: on the 2nd, the 7th and the 8th line.
PLACES = [(0, 1), (0, 6), (0, 7)]
STEPS = [0.012] * 100


def test(location: tuple[int, int], writer: Writer) -> None:
    """The function of the article: a bar of progressbar's, on a writer with a place."""
    for step in progressbar.ProgressBar(prefix=f"{location} ", fd=writer)(STEPS):
        sleep(step)


def test_tracked(location: tuple[int, int]) -> None:
    """The same with a bar of barexec's own, which any renderer can draw."""
    for step in track(STEPS, desc=str(location)):
        sleep(step)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Progress bars, each in its place.")
    parser.add_argument(
        "--renderer",
        choices=sorted(NAMES),
        help="draw bars of barexec's own in this look (default: bars of progressbar's)",
    )
    given = parser.parse_args(arguments)
    function: Callable[..., Any] = test_tracked if given.renderer else test
    look = given.renderer or "bar"

    print("Single:", flush=True)
    with ProgressPoolExecutor(1, renderer=look) as ex:
        ex.options(location=(0, 1)).submit(function, (0, 1))

    print("Several, one after the other:", flush=True)
    with ProgressPoolExecutor(1, renderer=look) as ex:
        list(ex.options(location=PLACES).map(function, PLACES))

    print("Parallel:", flush=True)
    with ProgressPoolExecutor(3, renderer=look) as ex:
        list(ex.options(location=PLACES).map(function, PLACES))

    print("Full screen:", flush=True)
    with ProgressPoolExecutor(3, renderer=look, fullscreen=True) as ex:
        list(ex.options(location=PLACES).map(function, PLACES))


if __name__ == "__main__":
    main()
