"""Ctrl-C at every moment of a program: SIGINT at each call, line and return of its main thread.

    python tests/faults/moments.py [--method fork] [--first 1] [--step 1]

A trace function in C raises it, so that Python acts on it where it looks for signals, and nowhere
else; the compiler is the one that made this Python. About 2,500 programs, from the first line of a
block with two endless tasks until their end is waited for: some ten minutes. Ends with 0 where each
has ended, with no process left, no row of a task that still runs, and the Ctrl-C was not lost.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

#: Seconds after which a program was not ended by the Ctrl-C: its tasks take longer.
PATIENCE = 15.0
#: Programs at a time, and how many are begun before it is looked whether one was the last.
AT_ONCE, BATCH = 2, 20

MODULE = r"""
#include <Python.h>
#include <frameobject.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static long moment, passed;
static pid_t owner;
static char file[4096];

/* The frames at that moment, the innermost first. */
static void tell(PyFrameObject *frame, int what)
{
    FILE *out = fopen(file, "w");
    const char *kind = what == PyTrace_LINE ? "line" : what == PyTrace_CALL ? "call" : "return";
    fprintf(out, "%s", kind);
    Py_INCREF(frame);
    while (frame) {
        PyCodeObject *code = PyFrame_GetCode(frame);
        fprintf(out, " | %s:%d %s", PyUnicode_AsUTF8(code->co_filename),
                PyFrame_GetLineNumber(frame), PyUnicode_AsUTF8(code->co_name));
        Py_DECREF(code);
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = back;
    }
    fclose(out);
}

static int trace(PyObject *self, PyFrameObject *frame, int what, PyObject *arg)
{
    int counts = what == PyTrace_LINE || what == PyTrace_CALL || what == PyTrace_RETURN;
    if (counts && getpid() == owner && ++passed == moment) {
        tell(frame, what);
        raise(SIGINT);
    }
    return 0;
}

static PyObject *begin(PyObject *self, PyObject *args)
{
    const char *name;
    if (!PyArg_ParseTuple(args, "ls", &moment, &name))
        return NULL;
    snprintf(file, sizeof file, "%s", name);
    owner = getpid();
    PyEval_SetTrace(trace, NULL);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {{"begin", begin, METH_VARARGS, ""}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "moments_c", NULL, -1, functions};

PyMODINIT_FUNC PyInit_moments_c(void)
{
    return PyModule_Create(&module);
}
"""

PROGRAM = """
import multiprocessing, sys, time
import moments_c
from barexec import ProgressPoolExecutor, track

def endless(n):
    for _ in track(range(250)):
        time.sleep(0.1)

if __name__ == "__main__":
    moment, place, method = sys.argv[1:]
    context = multiprocessing.get_context(method)
    with ProgressPoolExecutor(2, context, display="plain") as executor:
        moments_c.begin(int(moment), place)
        for n in range(2):
            executor.submit(endless, n)
"""


class Outcome(NamedTuple):
    """What came of one program."""

    moment: int
    place: str
    """Where it was interrupted; "" where it had ended before."""
    faults: list[str]

    @property
    def waits(self) -> bool:
        """Whether it waited for the end of its tasks, as it would go on to do."""
        return not self.place or " _join" in self.place

    @property
    def beyond_us(self) -> bool:
        """Whether Python looked for it next in the call of `__exit__`, or in the block."""
        kind, _, frames = self.place.partition(" | ")
        innermost = frames.partition(" | ")[0]
        return "program.py" in innermost or (kind == "call" and innermost.endswith("__exit__"))


def build(folder: Path) -> None:
    """Make what all programs need.

    Raises:
        OSError: there is no compiler.
        subprocess.CalledProcessError: it fails, as where Python's own headers are missing.
    """
    (folder / "moments_c.c").write_text(MODULE, encoding="utf-8")
    (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    compiler = (sysconfig.get_config_var("CC") or "cc").split()
    include = sysconfig.get_path("include")
    command = [*compiler, "-shared", "-fPIC", f"-I{include}", "moments_c.c", "-o", "moments_c.so"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def interrupt(folder: Path, moment: int, method: str) -> Outcome:
    """Run one program, and interrupt it then."""
    place, mark = folder / str(moment), f"MOMENT={folder}/{moment}"
    program = subprocess.Popen(
        [sys.executable, folder / "program.py", str(moment), place, method],
        env={**os.environ, "MOMENT": str(place)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    faults = []
    try:
        said, _ = program.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        faults.append("did not end")
    left = [pid for pid in _processes(mark) if pid != program.pid]
    if left and not faults:
        faults.append(f"left {len(left)} processes")
    for pid in [program.pid, *left]:
        if program.poll() is None or pid != program.pid:
            os.kill(pid, signal.SIGKILL)
    if "did not end" in faults:
        said, _ = program.communicate()
    faults += [words for words in ("still running", "still waiting") if words in said]
    if program.returncode == 0:
        faults.append("was not interrupted")
    if "Exception ignored" in said:  # in an import, or a callback: CPython has dropped it
        faults.clear()
    where = place.read_text(encoding="utf-8") if place.exists() else ""
    return Outcome(moment, where, faults)


def _processes(mark: str) -> Iterator[int]:
    """Those that have it in their environment."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.fsencode(mark) + b"\0" in (path / "environ").read_bytes():
                yield int(path.name)
        except OSError:
            continue  # it has ended


def outcomes(folder: Path, method: str, first: int, step: int) -> Iterator[Outcome]:
    """Of all moments, from one on, until the end is waited for."""
    moments = count(first, step)
    with ThreadPoolExecutor(AT_ONCE) as executor:
        while True:
            batch = islice(moments, BATCH)
            for outcome in executor.map(lambda moment: interrupt(folder, moment, method), batch):
                if outcome.waits:
                    return
                yield outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--method", default="fork")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--step", type=int, default=1)
    options = parser.parse_args()
    tried = bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder)
        for outcome in outcomes(folder, options.method, options.first, options.step):
            tried += 1
            if outcome.faults and not outcome.beyond_us:
                bad += 1
                print(f"{outcome.moment}: {', '.join(outcome.faults)}\n    {outcome.place}")
    print(f"{tried} moments, {bad} with a fault")
    return bad > 0 or not tried


if __name__ == "__main__":
    sys.exit(main())
