"""The demonstration, where it is stopped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, as_completed
from pathlib import Path
from typing import Any

import pytest

from barexec import demo


def test_an_interrupted_demo_starts_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    all_of_them: list[Future[Any]] = []

    def interrupted(futures: Iterable[Future[Any]]) -> Iterator[Future[Any]]:
        all_of_them.extend(futures)
        yield next(as_completed(all_of_them))
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "packages", lambda _: {str(n): [Path(__file__)] for n in range(2000)})
    monkeypatch.setattr(demo, "as_completed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        demo.run(1, "off")
    assert sum(future.cancelled() for future in all_of_them) > 1000
