"""Options of the test run, shared by all tests. Fixtures live beside the tests they serve.

Property tests draw the same examples in every run and keep no files: a red run is red
again. Time limits are for the tests that measure time: Hypothesis would call the first draw in a
new checkout too slow, in which it reads all modules.
"""

from __future__ import annotations

import os
import signal
import stat
import tempfile

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "barexec",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("barexec")


# a shell lets what it starts in the background ignore them, and all programs of ours with it
for name in ("SIGINT", "SIGQUIT", "SIGHUP"):
    number = getattr(signal, name, None)  # Windows has but one of them
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        usual = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
        signal.signal(number, usual)


@pytest.fixture(autouse=True)
def _warnings_of_ours_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """As all others are here: what barexec tells on stderr then is raised."""

    def tell(warning: RuntimeWarning) -> None:
        raise warning

    monkeypatch.setattr("barexec.cautions.tell", tell)


def pytest_configure(config: pytest.Config) -> None:
    """Hundreds of programs import the same modules. Where Python is told not to keep what it
    compiles, a folder of this run does: it is a third of the time of a short program."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        folder = tempfile.TemporaryDirectory(prefix="bytecode-")
        os.environ["PYTHONPYCACHEPREFIX"] = folder.name
        config.add_cleanup(folder.cleanup)


def pytest_sessionstart(session: pytest.Session) -> None:
    """A hang ends the process that runs the test, and pytest-xdist learns of it as its pipe closes.
    So no worker that was forked in the test, and is left behind, may have that pipe, too."""
    if hasattr(session.config, "workerinput") and hasattr(os, "register_at_fork"):
        pipes = [number for number in range(3, 64) if _is_pipe(number)]
        nothing = os.open(os.devnull, os.O_RDWR)

        def let_go() -> None:
            for number in pipes:
                os.dup2(nothing, number, inheritable=False)

        os.register_at_fork(after_in_child=let_go)


def _is_pipe(number: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(number).st_mode)
    except OSError:  # there is none of that number
        return False


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite-screens",
        action="store_true",
        help="write tests/screens/*.txt anew from what is composed now; look at the diff",
    )
    parser.addoption("--slow", action="store_true", help="run the tests marked slow, too")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means: most tests wait for the programs that they start, half of the time."""
    return min(2 * (os.cpu_count() or 1), 16)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--slow"):
        skip = pytest.mark.skip(reason="slow: needs --slow")
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(skip)
