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

#: What every program begins with. Its tasks end once the gate is open.
TASKS = '''
import os, sys, time, warnings
from barexec import Bar, ProgressPoolExecutor, display, track

display.QUIET = 0.1  # not to wait for long

def gate():
    while not os.path.exists(os.environ["GATE"]):
        time.sleep(0.01)

def counted(n):
    """A bar that stands at n of 10."""
    with Bar(total=10) as bar:
        bar.update(n)
        gate()
        bar.update(10 - n)
    return n

def quiet(name):
    """No bar, but a result."""
    gate()
    return name

def broken(name):
    gate()
    raise ValueError(f"no {name}")

'''


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., PtyProgram]]:
    """Starts a program, which begins with `TASKS`.

    It takes the program's code, variables of its environment by their names (None takes
    one away), and the arguments of `PtyProgram`; and `shell=True` for a shell instead, in
    which $PROGRAM is the program.
    """
    from pty_program import PtyProgram, environment

    running: list[PtyProgram] = []

    def start(code: str, shell: bool = False, **options: Any) -> PtyProgram:
        file, gate = (tmp_path / f"{name}{len(running)}" for name in ("program.py", "gate"))
        file.write_text(dedent(TASKS) + dedent(code), encoding="utf-8")
        variables = {name: options.pop(name) for name in list(options) if name.isupper()}
        words = {"GATE": str(gate), "PROGRAM": f"{sys.executable} {file}", "PS1": "$ ", "ENV": None}
        program = PtyProgram(
            ["/bin/sh", "-i"] if shell else file, env=environment(**words | variables), **options
        )
        program.gate = gate
        running.append(program)
        return program

    yield start
    for program in running:
        program.close()
