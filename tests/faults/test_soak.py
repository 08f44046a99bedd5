"""Much work, while pools come, go and are killed: nothing lost, nothing wrong, nothing grows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pty_program import PtyProgram

SOAK = Path(__file__).with_name("soak.py")


def soak(tasks: int, long: int, patience: float, report: Path) -> None:
    numbers = ["--tasks", str(tasks), "--long", str(long), "--report", str(report)]
    with PtyProgram([sys.executable, str(SOAK), *numbers], columns=100, rows=30) as program:
        assert program.wait(patience) == 0, report.read_text(encoding="utf-8")


def test_a_little(tmp_path: Path) -> None:
    soak(25_000, 5, 100, tmp_path / "report")


@pytest.mark.slow
def test_much(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soak(1_000_000, 1_000, 1800, tmp_path / "report")
    with capsys.disabled():
        print((tmp_path / "report").read_text(encoding="utf-8"))
