"""Laboratories: programs in which faults are brought about, one for each start method and
way to show, kept for all faults; a new one where a fault took it along."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / name) for name in ("terminal", "pool")]

if not Path("/proc/self/fd").is_dir():  # what is left of a fault is looked for there
    collect_ignore_glob = ["test_*.py"]
else:
    from pty_program import PtyProgram, environment
    from two_screens import TwoScreens, with_two_screens

#: Seconds after which a fault counts as a hang.
HANG = 90.0


class Bench:
    """One laboratory, seen from outside."""

    def __init__(self, method: str, display: str, folder: Path) -> None:
        self._read = 0
        self.errors = folder / "stderr"
        # short, for sockets of Python's
        self.folder = Path(tempfile.mkdtemp(prefix="b", dir="/tmp"))
        address = tempfile.mktemp(prefix="faults-", dir="/tmp")
        off = self.errors.open("wb") if display == "plain" else None
        paths = [str(TESTS / name) for name in ("faults", "pool")] + [p for p in sys.path if p]
        with Listener(address, "AF_UNIX") as listener:
            self.program = PtyProgram(
                [
                    *(sys.executable, "-X", "faulthandler"),
                    *(str(TESTS / "faults" / "laboratory.py"), method, display, address),
                ],
                columns=100,
                rows=30,
                env=environment(PYTHONPATH=os.pathsep.join(paths), TMPDIR=str(self.folder)),
                stdout=off,
                stderr=off,
            )
            self.screens: TwoScreens = with_two_screens(self.program)
            self._connection: Connection = listener.accept()  # type: ignore[assignment]
        if off is not None:
            off.close()

    def run(self, fault: str) -> dict[str, Any]:
        """Bring it about. Gives what the laboratory reports."""
        with self.program._news:
            for rows in (normal := self.screens.normal._terminal).scrolled, normal.buffer:
                rows.clear()  # what was seen of others
        self._connection.send_bytes(fault.encode())
        if not self._connection.poll(HANG):
            self.program.missing(f"it hung: {fault}")
        report: dict[str, Any] = json.loads(self._connection.recv_bytes())
        return report

    def said(self) -> str:
        """What it wrote to stderr since it was asked last, where that is no terminal."""
        text = self.errors.read_bytes()
        begin, self._read = self._read, len(text)
        return text[begin:].decode(errors="replace")

    def close(self) -> None:
        self._connection.close()
        self.program.close()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="session")
def _benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Bench]]:
    benches: dict[tuple[str, str], Bench] = {}
    yield benches
    for bench in benches.values():
        bench.close()


@pytest.fixture
def bench(
    _benches: dict[tuple[str, str], Bench],
    method: str,
    display: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Bench]:
    key = method, display
    if key not in _benches:
        _benches[key] = Bench(method, display, tmp_path_factory.mktemp("-".join(key)))
    yield _benches[key]
    if request.node.stash.get(FAILED, False):  # whatever it left harms no other
        _benches.pop(key).close()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report
