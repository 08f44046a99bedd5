"""The runs of which the documents have pictures."""

from __future__ import annotations

import sys
import time

from barexec import ProgressPoolExecutor, track

REGIONS = {
    "alps": 220,
    "andes": 140,
    "atlas": 60,
    "himalaya": 260,
    "pyrenees": 90,
    "rockies": 180,
    "tatra": 70,
    "urals": 110,
}


def survey(region: str) -> int:
    tiles = REGIONS[region]
    for tile in track(range(tiles), desc=region, unit="tile"):
        time.sleep(0.012 + (tile % 7) / 2000)
    return tiles


def sweep(workers: int = 4) -> None:
    with ProgressPoolExecutor(workers, desc="survey", leave=True) as ex:
        list(ex.map(survey, REGIONS))


def nested(region: str) -> None:
    for _ in track(range(6), desc=region, unit="map"):
        for _ in track(range(40), desc="tiles", unit="tile"):
            time.sleep(0.01)


def places() -> None:
    with ProgressPoolExecutor(4, fullscreen=True, desc="survey") as ex:
        locations = [(0, 2), (0, 5), (0, 8)]
        list(ex.options(location=locations).map(nested, ["alps", "andes", "atlas"]))


def step(n: int) -> None:
    for _ in track(range(30 + n % 5 * 20), desc=f"tile {n}"):
        time.sleep(0.02)


def overflow() -> None:
    with ProgressPoolExecutor(4, desc="tiles") as ex:
        list(ex.map(step, range(60)))


def fragile(n: int) -> None:
    for item in track(range(30), desc=f"file {n}"):
        time.sleep(0.01)
        if n == 2 and item == 20:
            raise ValueError("line 20 has no date")
        if n == 4 and item == 25:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGKILL)


def failure() -> None:
    with ProgressPoolExecutor(1, desc="import", leave=True) as ex:
        for future in [ex.submit(fragile, n) for n in range(6)]:
            future.exception()


def speaks(n: int) -> None:
    for item in track(range(60), desc=f"crawl {n}"):
        time.sleep(0.03)
        if item % 20 == n * 5:
            print(f"crawl {n}: page {item} has moved")


def printing() -> None:
    with ProgressPoolExecutor(3, desc="crawl") as ex:
        list(ex.map(speaks, range(3)))


def look(renderer: str) -> None:
    with ProgressPoolExecutor(4, renderer=renderer, desc="survey") as ex:
        list(ex.map(survey, ["alps", "andes", "atlas", "pyrenees"]))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
