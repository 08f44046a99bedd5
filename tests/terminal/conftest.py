"""Programs with an executor, each on a pseudo-terminal of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pty_program import PtyProgram

if sys.platform == "win32":  # no pty
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., PtyProgram]]:
    """Starts a program, which begins with `TASKS`.

    It takes the program's code, variables of its environment by their names (None takes
    one away), and the arguments of `PtyProgram`; and `shell=True` for a shell instead, in
    which $PROGRAM is the program, or `interactive=True` for Python's own, after the program.
    """
    from pty_program import TASKS, PtyProgram, environment

    running: list[PtyProgram] = []

    def start(
        code: str, shell: bool = False, interactive: bool = False, **options: Any
    ) -> PtyProgram:
        file, gate = (tmp_path / f"{name}{len(running)}" for name in ("program.py", "gate"))
        file.write_text(dedent(TASKS) + dedent(code), encoding="utf-8")
        variables = {name: options.pop(name) for name in list(options) if name.isupper()}
        words = {"GATE": str(gate), "PROGRAM": f"{sys.executable} {file}", "PS1": "$ ", "ENV": None}
        command = [sys.executable, "-q", "-i", str(file)] if interactive else ["/bin/sh", "-i"]
        program = PtyProgram(
            command if shell or interactive else file,
            env=environment(**words | variables),
            **options,
        )
        program.gate = gate
        running.append(program)
        return program

    yield start
    for program in running:
        program.close()
