"""Ctrl-C at some moments of a program; at all, by `tox -e moments`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import moments
import pytest


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_ctrl_c_at_some_moments(tmp_path: Path, method: str) -> None:
    try:
        moments.build(tmp_path)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no C compiler, or no header of Python's")
    command = [sys.executable, moments.__file__, "--method", method, "--step", "67"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 with a fault" in done.stdout
