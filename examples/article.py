"""The article of 2012 that barexec grew from, written with barexec.

It gave each process a writer that knew its place on the screen, so that many progress bars
could run at once: a single bar, several, in parallel, and in full screen.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from time import sleep
from typing import Any

import progressbar

from barexec import ProgressPoolExecutor, Writer, track
from barexec.renderers import NAMES

#: Columns and rows, from 0: on the 2nd, the 7th and the 8th line.
PLACES = [(0, 1), (0, 6), (0, 7)]
STEPS = [0.012] * 100


def test(location: tuple[int, int], writer: Writer) -> None:
    """The function of the article: a bar of progressbar's, on a writer with a place."""
    for seconds in progressbar.ProgressBar(fd=writer, term_width=writer.columns)(STEPS):
        sleep(seconds)


def tracked(location: tuple[int, int]) -> None:
    """The same with a bar of barexec's own, which has any look."""
    for seconds in track(STEPS):
        sleep(seconds)


def show(test: Callable[..., None], pool: Callable[..., ProgressPoolExecutor]) -> None:
    """The four parts of the article."""
    with pool(1, desc="single") as ex:
        ex.options(desc=str, location=(0, 1)).submit(test, (0, 1)).result()

    with pool(1, desc="several") as ex:
        list(ex.options(desc=str, location=PLACES).map(test, PLACES))

    with pool(3, desc="parallel") as ex:
        list(ex.options(desc=str, location=PLACES).map(test, PLACES))

    with pool(3, desc="full screen", fullscreen=True) as ex:
        list(ex.options(desc=str, location=PLACES).map(test, PLACES))


def main() -> None:
    parser = argparse.ArgumentParser(description="Progress bars, each in its place.")
    parser.add_argument(
        "--renderer",
        choices=sorted(NAMES),
        help="bars of barexec's own in this look (default: bars of progressbar's)",
    )
    look: Any = parser.parse_args().renderer
    if look is None:
        show(test, ProgressPoolExecutor)
    else:
        show(tracked, partial(ProgressPoolExecutor, renderer=look))


if __name__ == "__main__":
    main()
