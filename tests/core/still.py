"""A sampler for tests, which ticks only when it is told to."""

from __future__ import annotations

from collections.abc import Callable


class StillTicker:
    """A sampler that ticks by hand only."""

    parked = False
    parks = True
    running = True

    def __init__(self, tick: Callable[[], bool], interval: float, name: str) -> None:
        self.tick = tick

    def start(self) -> None:
        pass

    def stop(self, patience: float = 0) -> bool:
        return True
