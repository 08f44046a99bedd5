"""Shows that rows of the table hold by what protects them: takes one protection out at a time,
in a copy, and runs the row, which has to fail; with all of them in, it has to hold.

    python tests/faults/unprotected.py [ROW]

Not a test of the default run: each of these rows fails as slowly as a hang is noticed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from table import WORKERS

ROOT = Path(__file__).parents[2]


class Protection(NamedTuple):
    """Where it is, and what stands there without it."""

    row: str
    cell: str
    file: str
    there: str
    without: str


PROTECTIONS = [
    Protection(
        "raises what has no text",
        "spawn-plain",
        "endings.py",
        "except BaseException as trouble:",
        "except Exception as trouble:",
    ),
    Protection(
        "raises a text of control characters",
        "spawn-inline",
        "endings.py",
        'text = " ".join(text[:LIMIT].split())',
        "text = text[:LIMIT]",
    ),
    Protection(
        "gives the channel's descriptor away",
        "fork-plain",
        "channel.py",
        "if _identity(self._fd) != self._pipe:\n            raise",
        "if False:\n            raise",
    ),
    Protection(
        "no thread can be had",
        "spawn-plain",
        "sampler.py",
        "            with suppress(RuntimeError):\n                sampler.start()",
        "            sampler.start()",
    ),
    Protection(
        "SIGKILL in a loop",
        "forkserver-plain",
        "pool.py",
        "Status.LOST if lost else Status.FAILED",
        "Status.FAILED",
    ),
    Protection(
        "a hostile record on the channel",
        "fork-inline",
        "events.py",
        "        data = self._rest + data\n",
        "        data = self._rest + data\n"
        "        __import__('pickle').loads(data[data.find(b'\\x80') :])\n",
    ),
    Protection(
        "the display's thread raises",
        "fork-inline",
        "display.py",
        "        except BaseException as error:  # a renderer may raise anything\n"
        "            in_main = threading.current_thread() is threading.main_thread()\n"
        "            if in_main and isinstance(error, KeyboardInterrupt):\n"
        "                raise\n            self._fail(error)\n            return False\n"
        "        finally:\n            self._drawing = None\n            self._round.release()\n\n"
        "    def _is_mine",
        "        finally:\n            self._drawing = None\n            self._round.release()\n\n"
        "    def _is_mine",
    ),
    Protection(
        "the thread that reads prints raises",
        "fork-inline",
        "pty_reader.py",
        "            self._error = error\n            self._notify(True)\n            return False",
        "            raise",
    ),
    Protection(
        "no channel can be made",
        "spawn-inline",
        "sharing.py",
        "    except OSError as error:\n        caution(",
        "    except ZeroDivisionError as error:\n        caution(",
    ),
    Protection(
        "sys.stderr is closed",
        "spawn-plain",
        "sharing.py",
        "    except ValueError:\n        stream = None  # closed",
        "    except ZeroDivisionError:\n        stream = None",
    ),
    Protection(
        "SIGKILL while tasks take no notice",
        "fork-fullscreen",
        "painters/fullscreen.py",
        "        if self._glass.fd is not None:\n            with suppress(OSError",
        "        if False:\n            with suppress(OSError",
    ),
    Protection(
        "SIGKILL while workers idle",
        "fork-plain",
        "orphans.py",
        "            self._ticker.start()",
        "            pass",
    ),
    Protection(
        "Ctrl-C, and tasks take no notice",
        "spawn-inline",
        "crew.py",
        '            self._each("terminate")\n',
        "            return\n",
    ),
    Protection(
        "Ctrl-C in shutdown, without a block",  # in a block, `__exit__` protects, too
        "fork-inline",
        "crew.py",
        "        if ours:\n            signal.signal(signal.SIGINT, interrupted)\n",
        "",
    ),
    Protection(
        "Ctrl-C while workers idle",
        "spawn-inline",
        "interrupts.py",
        "    if usual and threading",
        "    if False and threading",
    ),
]


def main(wanted: str | None) -> int:
    wrong = 0
    for protection in PROTECTIONS:
        if wanted in (None, protection.row):
            with_it, without = held(protection, whole=True), held(protection, whole=False)
            wrong += not (with_it and not without)
            found = "fails" if not without else "HOLDS ALL THE SAME"
            begin = "" if with_it else "FAILS EVEN WITH IT; "
            where = f"{protection.row} [{protection.cell}]"
            print(f"{begin}{where}: without its protection in {protection.file} it {found}")
    return min(wrong, 1)


def held(protection: Protection, *, whole: bool) -> bool:
    """Run its row in a copy. Returns whether that held."""
    with tempfile.TemporaryDirectory(prefix="u") as folder:
        copy = Path(folder)
        for name in ("barexec", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        file = copy / "barexec" / protection.file
        text = file.read_text(encoding="utf-8")
        if text.count(protection.there) != 1:
            sys.exit(f"{protection.row}: its protection is not in {protection.file} any more")
        if not whole:
            file.write_text(text.replace(protection.there, protection.without), encoding="utf-8")
        test = "test_workers.py::test_fault"
        if protection.row not in WORKERS:
            test = "test_programs_at_fault.py::test_program"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
                f"tests/faults/{test}[{protection.row}-{protection.cell}]",
            ],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if done.returncode not in (0, 1) and whole:
            print(done.stdout.decode(errors="replace")[-3000:])
        return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
