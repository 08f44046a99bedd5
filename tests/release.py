"""Is it fit to be published? Builds sdist and wheel, looks into both, installs the wheel in an
environment of its own, and runs the tests there with the source tree absent.

    tox -e release        or, with the group `release` installed: python tests/release.py [FOLDER]

What is built stays in FOLDER, where one is given.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: What the tests need besides the package.
BESIDE = ("tests", "docs", "examples", "README.md", "run.py", "pyproject.toml", "tox.ini")


def call(*command: object, cwd: Path = ROOT) -> None:
    words = [str(word) for word in command]
    print("$", *words, flush=True)
    environ = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(words, cwd=cwd, env=environ, check=True)


def look_into(sdist: Path, wheel: Path) -> None:
    """The wheel is the package and nothing else; the sdist has what its tests need."""
    names = zipfile.ZipFile(wheel).namelist()
    strays = [n for n in names if not n.startswith("barexec/") and ".dist-info/" not in n]
    assert not strays, f"the wheel has what is not ours: {strays}"
    ours = {p.relative_to(ROOT).as_posix() for p in (ROOT / "barexec").rglob("*.py")}
    missing = ours - {*names}
    assert not missing, f"the wheel lacks {missing}"
    assert "barexec/py.typed" in names, "the wheel has no py.typed"
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    for needed in ("LICENSE", "ARCHITECTURE.md", "tests/conftest.py", *BESIDE):
        there = needed in inside or any(name.startswith(f"{needed}/") for name in inside)
        assert there, f"the sdist lacks {needed}"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="release") as name:
        folder = Path(name)
        dist = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else folder / "dist"
        call(sys.executable, "-m", "build", "--outdir", dist)
        (sdist,), (wheel,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
        call(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel)
        call(sys.executable, "-m", "check_wheel_contents", wheel)
        look_into(sdist, wheel)
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        call(python, "-m", "pip", "install", "-q", "--upgrade", "pip>=25.1")
        call(python, "-m", "pip", "install", "-q", "--group", f"{ROOT / 'pyproject.toml'}:test")
        call(python, "-m", "pip", "install", "-q", wheel)
        away = folder / "away"
        for beside in BESIDE:
            if (ROOT / beside).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / beside, away / beside, ignore=ignored)
            else:
                shutil.copy(ROOT / beside, away / beside)
        call(python, "-m", "pytest", "-q", "-n", "auto", cwd=away)


if __name__ == "__main__":
    main()
