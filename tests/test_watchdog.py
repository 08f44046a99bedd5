"""A test that hangs ends, and the run tells of it, whatever the test leaves behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import barexec

HANGS = """
import os, pathlib, signal

def test_hangs():
    if (worker := os.fork()) == 0:
        signal.pause()
    pathlib.Path("worker").write_text(str(worker))
    signal.pause()

def test_right():
    pass
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_hang_ends_the_run_though_a_forked_worker_is_left(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_hangs.py").write_text(HANGS)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nfaulthandler_timeout = 3\nfaulthandler_exit_on_timeout = true\n"
        "filterwarnings = ignore:.*use of fork:DeprecationWarning"
    )
    command = [sys.executable, "-m", "pytest", "-n", "1", "-p", "no:cacheprovider"]
    path = str(Path(barexec.__file__).parents[1])
    try:
        run = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        os.kill(int((tmp_path / "worker").read_text()), signal.SIGKILL)
    assert run.returncode == 1, run.stdout
    assert "crashed while running 'test_hangs.py::test_hangs'" in run.stdout
    assert "1 failed, 1 passed" in run.stdout
    assert "in test_hangs" in run.stderr  # where it hung
