"""What every test of the pool stands on: its start method, a display that can be looked at,
and a look round afterwards. Nothing of a test may be left: no process, no thread of ours, no
descriptor."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import pytest
from displays_seen import Script, Shown

from barexec import display as displays

#: Seconds within which whatever a test left behind must be gone.
PATIENCE = 30.0


def _children() -> set[int]:
    """The processes that this one has started, and that still are."""
    listed = [*Path("/proc/self/task").glob("*/children")]  # Linux can be built without
    if listed:
        return {int(pid) for file in listed for pid in _text(file).split()}
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[1]) == os.getpid():
            found.add(int(process.name))
    return found | {child.pid for child in multiprocessing.active_children() if child.pid}


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""  # of a thread that has just ended


def _descriptors() -> set[str]:
    found = set()
    for path in Path("/dev/fd").iterdir() if os.name == "posix" else ():
        try:
            found.add(f"{path.name}: {path.readlink() if path.is_symlink() else '?'}")
        except OSError:
            continue  # it was that of the listing
    return {words for words in found if not words.endswith("/fd")}


def _threads() -> set[threading.Thread]:
    return set(threading.enumerate())


@pytest.fixture(scope="session")
def _servants() -> None:
    """Start the processes of `multiprocessing` that live as long as this one."""
    if os.name == "posix":
        resource_tracker.ensure_running()
    if "forkserver" in multiprocessing.get_all_start_methods():
        forkserver.ensure_running()


@pytest.fixture(autouse=True)
def nothing_is_left(_servants: None) -> Iterator[None]:
    """After the test no process, no thread and no descriptor is left of it."""
    children, threads, descriptors = _children(), _threads(), _descriptors()
    yield
    until = time.monotonic() + PATIENCE
    while True:
        left = [
            (_children() - children) and f"processes {_children() - children}",
            (_threads() - threads) and f"threads {_threads() - threads}",
            (_descriptors() - descriptors) and f"descriptors {_descriptors() - descriptors}",
        ]
        if not any(left):
            return
        assert time.monotonic() < until, f"left behind: {[words for words in left if words]}"
        # nothing to wait for: an executor that was dropped tells nobody that it is gone
        gc.collect()
        time.sleep(0.01)


@pytest.fixture(params=multiprocessing.get_all_start_methods())
def method(request: pytest.FixtureRequest) -> str:
    """Each start method that there is."""
    return str(request.param)


@pytest.fixture
def context(method: str) -> BaseContext:
    return multiprocessing.get_context(method)


@pytest.fixture
def children() -> Callable[[], set[int]]:
    """What tells the ids of this process's children."""
    return _children


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """What is shown, with sentences for a log: the tests' stderr is no terminal."""
    monkeypatch.setenv("BAREXEC", "plain")
    # however slow the machine is, the end is seen
    monkeypatch.setattr(displays, "PATIENCE", 20.0)
    shown = Shown()

    class Watched(displays.Display):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            shown.displays.append(self)

    monkeypatch.setattr(displays, "Display", Watched)
    return shown


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Run the body of a main program, with the start method that it finds in `method`.

    A hang ends it, and the test, with the stacks of its threads.
    """

    def run(
        text: str, method: str = "spawn", options: tuple[str, ...] = ("-W", "ignore")
    ) -> subprocess.CompletedProcess[str]:
        lines = "\n    ".join(text.strip().splitlines())
        file = tmp_path / "program.py"
        file.write_text(f"{HEAD}if __name__ == '__main__':\n    {lines}\n", encoding="utf-8")
        program = subprocess.Popen(
            [sys.executable, *options, str(file), method],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([p for p in sys.path if p])},
            cwd=tmp_path,
            start_new_session=True,
        )
        try:
            out, err = program.communicate(timeout=100)
        finally:
            with suppress(ProcessLookupError, PermissionError):  # what a hang has left
                if os.name == "posix":
                    os.killpg(program.pid, signal.SIGKILL)
                else:
                    program.kill()
            program.wait()
        assert program.returncode == 0, err
        return subprocess.CompletedProcess(program.args, 0, out, err)

    return run


HEAD = """
import faulthandler, gc, multiprocessing, os, signal, sys, threading, time
import tasks
from barexec import ProgressPoolExecutor
from barexec import display as displays, sharing
method = sys.argv[1]
context = multiprocessing.get_context(method)
def ours():
    return [t.name for t in threading.enumerate() if t.name.startswith("barexec-")]
if multiprocessing.parent_process() is None and os.name == "posix":
    # no `dump_traceback_later`: its thread makes `fork` warn
    faulthandler.register(signal.SIGALRM, chain=True)
    signal.alarm(60)
"""
