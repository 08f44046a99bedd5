"""The pictures of the documents are of real runs; the one with most words is as it is today."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there is no pty")


def test_a_picture_that_is_made_again_says_the_same() -> None:
    done = subprocess.run(
        [sys.executable, str(PICTURES / "make.py"), "--check", "failure"],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_check_sees_a_difference() -> None:
    sys.path.insert(0, str(PICTURES))
    try:
        from make import words
    finally:
        sys.path.pop(0)
    picture = (PICTURES / "failure.svg").read_text(encoding="utf-8")
    assert "its worker died (SIGKILL), pid" in words(picture)
    assert words(picture) != words(picture.replace("died", "slept"))


def test_each_picture_that_is_shown_is_there_and_small() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for name in re.findall(r"\]\(([^)]+\.svg)\)", page.read_text(encoding="utf-8")):
            file = page.parent / name
            assert file.exists(), f"{page} shows {name}"
            assert file.stat().st_size < 500_000
