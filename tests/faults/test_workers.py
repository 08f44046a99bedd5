"""Workers that go wrong: each fault of the table, over all start methods and ways to show."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from table import WORKERS, Row, died

#: The sign and, in words, what becomes of a task.
SIGNS = {"DONE": "✓", "FAILED": "✗", "LOST": "†", "CANCELLED": "⊘"}

CELLS = [
    pytest.param(name, method, display, id=f"{name}-{method}-{display}")
    for name, row in WORKERS.items()
    for method in row.methods
    for display in row.displays
]


@pytest.mark.parametrize(("name", "method", "display"), CELLS)
def test_fault(name: str, method: str, display: str, bench: Any) -> None:
    row = WORKERS[name]
    if sys.version_info < row.since:
        pytest.skip("new in CPython {}.{}".format(*row.since))
    report = bench.run(name)
    row = settled(row, report, display)
    future = repr(row.future) if isinstance(row.future, bytes) else row.future
    assert report["future"] == future, report["bars"]
    assert (report["next"] == 16) is row.alive, report["next"]
    (desc, status, message), *others = report["bars"]
    assert status == row.bar
    assert re.fullmatch(row.message or "", message), message
    assert report["sum"][0] == report["sum"][1] == len(report["bars"])
    if row.alive:
        assert [status for _, status, _ in others[-1:]] == ["DONE"]
    assert report["left"] == {}
    # what can be seen
    if display == "plain":
        said = bench.said()
        told = {"DONE": " is done", "FAILED": " failed", "LOST": r" \w+", "CANCELLED": " was "}
        assert re.search(f"{re.escape(desc)}{told[status]}", said), said[-2000:]
        return
    screens = bench.screens
    row_begin = f"{SIGNS[status]} {desc}"[:14] if row.shown is None else row.shown
    bench.program.until(
        lambda _: (
            screens.alternate is None
            and screens.cursor[0] == 0
            and any(line.startswith(row_begin) for line in lines(screens.normal))
        )
    )
    assert screens.cursor_shown


def lines(screen: Any) -> list[str]:
    """All that is on the screen, and above it."""
    return [*screen.history, *screen.rows]


def settled(row: Row, report: dict[str, Any], display: str) -> Row:
    """Where it depends on descriptors' numbers: whether the worker can do without them. And in a
    log, what a task that was never heard of has done is not known."""
    if row.future is not ...:
        known = display != "plain"
        return row if known else row._replace(message=row.message.removeprefix("never started: "))
    if report["future"] == "BrokenProcessPool":
        return row._replace(future=report["future"], bar="LOST", message=died(".*"), alive=False)
    return row._replace(future="done", bar="DONE", alive=report["next"] == 16)
