"""Runs CPython's own tests of `concurrent.futures` with another class in the place of the one
that it is a subclass of, and writes down what became of each test. Started by `comparison.py`
as a program of its own.

The class takes the stock one's name in `concurrent.futures` before the tests are imported,
so that all of them use it: by `executor_type`, and by name. Tests that start a Python
program (`assert_python_ok`) get the same exchange in that program. There the stock tests
want nothing on stderr, where barexec shows progress by design: executors in such a program
show it on the stderr of the whole run instead, and whatever else is said still counts.

Each construction of an executor is written to a file, with its class: the proof that the
right one was tested. The stock class goes through here too, for comparison.

Workers that start afresh (spawn, forkserver) import the test modules with the stock class
in its place, which is all the same there: they run functions of these modules, no tests.
"""

from __future__ import annotations

import _thread
import argparse
import concurrent.futures
import faulthandler
import importlib
import json
import os
import pkgutil
import re
import signal
import sys
import time
import traceback
import unittest
import warnings
from collections.abc import Iterator
from contextlib import redirect_stderr
from functools import wraps
from pathlib import Path
from typing import Any

#: The package (one module before CPython 3.12) of the tests.
TESTS = "test.test_concurrent_futures"
#: Tests in which the stock class itself hangs now and then (up to one time in ten), and so any
#: subclass: a shutdown and a task that cannot be pickled wait for each other. Mended in CPython
#: 3.12.8 and 3.13.1 (github.com/python/cpython/issues/125451).
HANGING = re.compile(r"test_(shutdown_deadlock_pickle|processes_terminate)$")
HANGS = (3, 12) <= sys.version_info < (3, 12, 8) or sys.version_info[:3] == (3, 13, 0)


def module(name: str) -> Any:
    return importlib.import_module(name)


def stock_of(kind: type) -> type:
    """The stock class that it is, or is a subclass of."""
    return next(base for base in kind.__mro__ if base.__module__.startswith("concurrent.futures."))


def substitute(executor: str, made: Path) -> Any:
    """Put a class, "module:name", in the place of the stock one. Returns the stock one.

    The class of each executor that is made from now on is added to the file `made`.
    """
    home, name = executor.split(":")
    chosen = getattr(module(home), name)
    stock: Any = stock_of(chosen)
    construct: Any = stock.__init__

    @wraps(construct)
    def counted(self: Any, *args: Any, **kwargs: Any) -> None:
        with made.open("a") as file:
            file.write(f"{type(self).__module__}:{type(self).__qualname__}\n")
        construct(self, *args, **kwargs)

    stock.__init__ = counted
    for futures in (concurrent.futures, module(stock.__module__)):
        for taken in (stock.__name__, chosen.__name__):  # programs import it by its own
            setattr(futures, taken, chosen)
    return stock


def start_program(executor: str, made: str, stderr: str, term: str) -> None:
    """The same, in a Python program that a test has started."""
    os.environ["TERM"] = term  # the stock tests take it away
    stock = substitute(executor, Path(made))
    chosen: Any = getattr(concurrent.futures, stock.__name__)
    construct = chosen.__init__
    glass = Path(stderr).open("a", encoding="utf-8")  # noqa: SIM115  # until the exit

    @wraps(construct)
    def shown(self: Any, *args: Any, **kwargs: Any) -> None:
        with redirect_stderr(glass):
            construct(self, *args, **kwargs)

    chosen.__init__ = shown


def substitute_in_programs(executor: str, made: Path, stderr: str) -> None:
    """Let each `python -c …` that a test starts begin with `start_program`."""
    helper = module("test.support.script_helper")
    run = helper.run_python_until_end
    given = (executor, str(made), stderr, os.environ["TERM"])
    # leaves no name behind in the program's namespace; the path, since it runs isolated
    first = f"__import__('sys').path[:] = {sys.path!r}; __import__('runner').start_program{given!r}"

    @wraps(run)
    def prefixed(*args: str, **env_vars: Any) -> Any:
        if args[0].endswith(".py"):
            return run(*args, **env_vars)  # a script of the test's own, which is its `__main__`
        if args[0] != "-c":
            raise NotImplementedError(f"a test starts Python in a way unknown here: {args!r}")
        return run("-c", f"{first}\n{args[1]}", *args[2:], **env_vars)

    helper.run_python_until_end = prefixed


def wait_for_threads(count: int, *dangling: object) -> None:
    """What CPython does at each test's end; but 3.10 gives threads no time to end, and later ones
    a second, which is little for a machine with much to do."""
    until = time.monotonic() + 10.0
    while _thread._count() > count:
        if time.monotonic() > until:
            module("test.support").environment_altered = True
            break
        time.sleep(0.01)


def cases(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from cases(test)
        else:
            yield test


def load(stock: type, methods: list[str], only: str) -> Iterator[unittest.TestCase]:
    """The tests of such pools, and those that are for no executor in particular.

    Args:
        methods: start methods; tests that name none are taken along with "spawn".
        only: a regular expression that is searched for in each test's id.
    """
    package = module(TESTS)
    parts = [package]
    if hasattr(package, "__path__"):
        names = [m.name for m in pkgutil.iter_modules(package.__path__)]
        parts = [module(f"{TESTS}.{name}") for name in names if name.startswith("test_")]
    for part in parts:
        for case in cases(unittest.defaultTestLoader.loadTestsFromModule(part)):
            kind = getattr(case, "executor_type", stock)
            chosen = stock_of(kind) is stock and getattr(case, "ctx", "spawn") in methods
            hanging = HANGS and HANGING.search(case.id())
            if chosen and not hanging and re.search(only, case.id()):
                yield case


class Record(unittest.TestResult):
    """What became of each test, as plain values."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, dict[str, Any]] = {}
        self._support = module("test.support")
        self._support.verbose = False
        self._began = 0.0
        self._warned: set[str] = set()
        warnings.showwarning = self._warn  # type: ignore[assignment]

    def _warn(self, message: Any, category: type[Warning], *where: Any) -> None:
        # numbers (processes, threads, addresses) differ from run to run
        self._warned.add(f"{category.__name__}: {re.sub('0x[0-9a-f]+|[0-9]+', 'N', str(message))}")

    def _tell(self, test: Any, outcome: str, detail: str = "") -> None:
        id = getattr(test, "test_case", test).id()  # what a subtest says, its test says
        told = self.told.setdefault(id, {"outcome": outcome, "detail": ""})
        if told["outcome"] == "passed" or outcome == "failed":
            told["outcome"] = outcome
        told["detail"] += detail

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._support.environment_altered = False
        self._warned.clear()
        self._began = time.monotonic()

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        self.told[test.id()].update(
            seconds=round(time.monotonic() - self._began, 2),
            altered=bool(self._support.environment_altered),
            warnings=sorted(self._warned),
        )

    def addSuccess(self, test: unittest.TestCase) -> None:
        self._tell(test, "passed")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self._tell(test, f"skipped: {reason}")

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        self._tell(test, "failed", "".join(traceback.format_exception(*err)))

    addError = addFailure

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        if err is not None:
            self.addFailure(test, err)

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:
        self._tell(test, "failed as expected")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self._tell(test, "passed unexpectedly")


def main() -> None:
    parser = argparse.ArgumentParser(description="Run CPython's tests with another class.")
    parser.add_argument("executor", help="module:name of the class")
    parser.add_argument("folder", type=Path, help="where the report is written")
    parser.add_argument("stderr", help="path of this program's stderr: a terminal, or a file")
    parser.add_argument("--methods", default="fork,forkserver,spawn", help="start methods")
    parser.add_argument("--only", default="", help="regular expression that an id must contain")
    args = parser.parse_args()

    made = args.folder / "made"
    made.touch()
    stock = substitute(args.executor, made)
    substitute_in_programs(args.executor, made, args.stderr)
    module("test.support.threading_helper").threading_cleanup = wait_for_threads
    record = Record()
    with (args.folder / "stacks").open("w") as stacks:
        if hasattr(faulthandler, "register"):
            # for a run that hangs; not a timer, whose thread is one that CPython 3.12 on warns
            # of at each fork
            faulthandler.register(signal.SIGUSR1, stacks)
        unittest.TestSuite(load(stock, args.methods.split(","), args.only)).run(record)
    (args.folder / "report.json").write_text(json.dumps(record.told))


if __name__ == "__main__":
    main()
