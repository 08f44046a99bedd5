"""`python -m barexec demo`: real work on real input that every machine has.

It compresses the running Python's own standard library: a task for each package or
folder, a step for each file, and a table at the end of what came out.
"""

from __future__ import annotations

import bz2
import sysconfig
from collections.abc import Iterable
from concurrent.futures import as_completed
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from . import ProgressPoolExecutor, track

#: Folders that hold no source of the standard library.
_SKIPPED = {"__pycache__", "site-packages", "dist-packages", "lib-dynload"}
#: Rows of the table.
SHOWN = 10


class Result(NamedTuple):
    """What became of one package."""

    name: str
    files: int
    size: int
    """Bytes before."""
    packed: int
    """Bytes after."""


def packages(library: Path) -> dict[str, list[Path]]:
    """The files of each package or folder in `library`, those with most bytes first.

    Modules that lie in the folder itself are one more, "modules".
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(library.rglob("*.py")):
        within = path.relative_to(library).parts
        if _SKIPPED.isdisjoint(within) and (len(within) == 1 or within[0].isidentifier()):
            found.setdefault(within[0] if len(within) > 1 else "modules", []).append(path)
    sizes = {name: sum(path.stat().st_size for path in paths) for name, paths in found.items()}
    # the longest task first, so that none is left alone at the end
    return {name: found[name] for name in sorted(found, key=lambda name: -sizes[name])}


def compress(name: str, paths: list[Path]) -> Result:
    """Compress the files as one stream, which goes nowhere."""
    compressor = _compressor()
    size = packed = 0
    for path in track(paths, unit="file"):
        data = path.read_bytes()
        size += len(data)
        packed += len(compressor.compress(data))
    packed += len(compressor.flush())
    return Result(name, len(paths), size, packed)


def _compressor() -> Any:
    try:
        import lzma
    except ImportError:  # a Python that was built without it
        return bz2.BZ2Compressor()
    return lzma.LZMACompressor(preset=6)


def run(
    jobs: int | None,
    display: str | None = None,
    leave: Any = None,
    renderer: str = "bar",
    fullscreen: bool = False,
) -> int:
    """Run the demonstration. Returns the exit status."""
    library = Path(sysconfig.get_paths()["stdlib"])
    found = packages(library)
    if not found:
        print(f"The demo compresses the standard library, but {library} holds no source of it.")
        return 1
    began = monotonic()
    options: dict[str, Any] = {"display": display, "leave": leave, "renderer": renderer}
    if fullscreen:
        options["fullscreen"] = True
    with ProgressPoolExecutor(jobs, desc="stdlib", **options) as ex:
        futures = [
            ex.options(desc=name).submit(compress, name, paths) for name, paths in found.items()
        ]
        try:
            results = [future.result() for future in as_completed(futures)]
        except KeyboardInterrupt:
            # not `shutdown(cancel_futures=True)`: the one at the block's end would take it back
            for future in futures:
                future.cancel()
            raise
    print(*table(results, monotonic() - began), sep="\n")
    return 0


def table(results: Iterable[Result], seconds: float) -> list[str]:
    """What was done, in lines of at most 60 columns."""
    results = sorted(results, key=lambda result: -result.size)
    total = Result(
        "all",
        sum(result.files for result in results),
        sum(result.size for result in results),
        sum(result.packed for result in results),
    )
    rows = results[:SHOWN]
    rest = results[SHOWN:]
    if rest:
        rows.append(
            Result(
                f"{len(rest)} more",
                sum(result.files for result in rest),
                sum(result.size for result in rest),
                sum(result.packed for result in rest),
            )
        )
    columns = max(len(row.name) for row in [*rows, total])
    lines = [f"{'package':{columns}}  {'files':>6}  {'size':>8}  {'packed':>8}  {'ratio':>5}"]
    for row in [*rows, total]:
        lines.append(
            f"{row.name:{columns}}  {row.files:6,}  {_megabytes(row.size):>8}"
            f"  {_megabytes(row.packed):>8}  {row.packed / max(1, row.size):5.0%}"
        )
    lines.append(
        f"Compressed {len(results)} packages in {seconds:.1f} s,"
        f" {_megabytes(total.size / max(seconds, 1e-9))}/s."
    )
    return lines


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.2f} MB"
