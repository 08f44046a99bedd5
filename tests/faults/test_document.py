"""`docs/reliability.md` shows the table as it is run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from programs import INTERRUPTS, OURS, PARENTS, TERMINALS, Program
from table import DISPLAYS, METHODS, WORKERS, Row
from unprotected import PROTECTIONS, Protection

import barexec

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- the table: from tests/faults -->", "<!-- its end -->"

TITLES: dict[str, dict[str, Program]] = {
    "Ctrl-C": INTERRUPTS,
    "The program": PARENTS,
    "The terminal": TERMINALS,
    "Ourselves": OURS,
}


def where(row: Row | Program) -> str:
    """Over which start methods and ways to show it is run, and why not over all."""
    left_out = [*(set(METHODS) - {*row.methods}), *(set(DISPLAYS) - {*row.displays})]
    if not left_out:
        return "all"
    kept = [
        ", ".join(some)
        for some, all in ((row.methods, METHODS), (row.displays, DISPLAYS))
        if some != all
    ]
    return f"{'; '.join(kept)} ({row.only})"


def of_worker(row: Row) -> tuple[str, str]:
    if row.future is ...:
        return "as of the stock executor", "done, or lost"
    future = (
        f"`{row.future}`" if isinstance(row.future, str) and row.bar != "DONE" else "its result"
    )
    bar = {"FAILED": "failed, and why", "LOST": "lost, and why", "CANCELLED": "interrupted"}
    return future, bar.get(row.bar, "done")


def table() -> str:
    """The table, as Markdown."""
    lines = []

    def add(title: str, rows: Sequence[tuple[str, ...]]) -> None:
        lines.extend([f"### {title}: {len(rows)}", "", "| fault | Future | bar | terminal | run |"])
        lines.extend(["|---|---|---|---|---|", *("| " + " | ".join(r) + " |" for r in rows), ""])

    workers = [(name, *of_worker(row), "as before", where(row)) for name, row in WORKERS.items()]
    add("Tasks and workers", workers)
    for title, programs in TITLES.items():
        rows = [
            (name, p.futures, p.bar, p.terminal, where(p) + ", in turn" * (not p.crossed))
            for name, p in programs.items()
        ]
        add(title, rows)
    return "\n".join(lines)


def test_the_document_shows_the_table(pytestconfig: pytest.Config) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    now = f"{before}{BEGIN}\n\n{table()}\n{END}{after}"
    if pytestconfig.getoption("--rewrite-screens"):
        DOCUMENT.write_text(now, encoding="utf-8")
    assert text == now or pytestconfig.getoption("--rewrite-screens")


@pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda protection: protection.row)
def test_what_protects_is_still_where_it_is_taken_out(protection: Protection) -> None:
    file = Path(barexec.__file__).parent / protection.file
    assert file.read_text(encoding="utf-8").count(protection.there) == 1


def test_there_are_as_many_rows_as_are_promised() -> None:
    count = len(WORKERS) + sum(map(len, TITLES.values()))
    assert count >= 80
    assert f"{count} faults" in DOCUMENT.read_text(encoding="utf-8")


def test_what_is_not_run_everywhere_says_why() -> None:
    rows: list[Row | Program] = [*WORKERS.values()]
    rows += [program for programs in TITLES.values() for program in programs.values()]
    assert all(bool(row.only) == (where(row) != "all") for row in rows)
