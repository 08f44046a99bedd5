"""What the documents show is so: every Python block in them runs, as a script of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        (f"{page.relative_to(ROOT)}-{at}", block)
        for page in pages
        if page.exists()
        for at, block in enumerate(_BLOCK.findall(page.read_text(encoding="utf-8")), 1)
    ]


def run(script: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name != "BAREXEC"}
    environ["PYTHONUTF8"] = "1"  # on Windows, what is piped would be in another encoding
    return subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=folder,
        env=environ,
        capture_output=True,
        encoding="utf-8",
        timeout=100,
    )


@pytest.mark.parametrize(("name", "code"), blocks(), ids=lambda value: value.split("\n")[0])
def test_block_runs(name: str, code: str, tmp_path: Path) -> None:
    if find_spec("blessings") is None:  # as on Windows: the same by another name
        code = code.replace("from blessings import", "from blessed import")
    script = tmp_path / "block.py"
    script.write_text(code, encoding="utf-8")
    ended = run(script, tmp_path)
    assert ended.returncode == 0, f"{name}:\n{ended.stderr}"


#: For each example: what its output has, how often, and what its log has.
EXAMPLES = {
    "article.py": ("", 1, "full screen: 3 tasks in"),
    "engines.py": ("95 pages", 1, "4 tasks in"),
    "sweep.py": ("λ", 10, "sweep: 10 tasks in"),
}


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_example_runs(example: Path, tmp_path: Path) -> None:
    ended = run(example, tmp_path)
    assert ended.returncode == 0, ended.stderr
    word, times, said = EXAMPLES[example.name]
    assert ended.stdout.count(word) == times
    assert said in ended.stderr


def test_readme_has_its_five_lines() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "with ProgressPoolExecutor() as ex:" in _BLOCK.findall(readme)[0]
