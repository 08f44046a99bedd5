"""What the terminal library is asked for, over blessings and over blessed.

`curses.setupterm` takes one kind of terminal a process: a child looks at each kind in a
fork of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks, and needs a pty")

LOOK = """
import json, os, select, sys
library, hidden, variables = sys.argv[1:4]
sys.modules[hidden] = None
from barexec.painters.library import capabilities

def look(kind, colour):
    os.environ.pop("TERM", None)
    if kind is not None:
        os.environ["TERM"] = kind
    ours, terminal = os.openpty()
    known = True
    able = capabilities(terminal, colour)
    assert library in sys.modules and sys.modules.get(hidden) is None
    asked = b""
    while select.select([ours], [], [], 0)[0]:
        asked += os.read(ours, 1000)
    seen = {"asked": asked.decode(), "able": None}
    if able is not None:
        seen["able"] = [able.up(1), able.up(3), able.right(1), able.right(12)]
        seen["able"] += [able.clear_eol, able.clear_eos, able.styles]
        seen["able"] += [able.wrap_off, able.wrap_on]
    return seen

os.environ.update(json.loads(variables))
for kind, colour in json.loads(sys.stdin.read()):
    sys.stdout.flush()
    child = os.fork()
    if not child:
        print(json.dumps(look(kind, colour)), flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print("null")
"""
KINDS = ["xterm-256color", "xterm", "screen", "tmux-256color", "linux", "vt100", "vt52", "ansi"]
STRANGE = ["dumb", "unknown", "no-such-terminal", "", None]
COLOURS = [None, True, False]
ANSI = ["\x1b[1A", "\x1b[3A", "\x1b[1C", "\x1b[12C", "\x1b[K", "\x1b[J"]
VT52 = ["\x1bA", "\x1bA" * 3, "\x1bC", "\x1bC" * 12, "\x1bK", "\x1bJ"]
COLOURED = {
    "bar": "\x1b[36m",
    "done": "\x1b[32m",
    "failed": "\x1b[31m",
    "lost": "\x1b[35m",
    "cancelled": "\x1b[33m",
}

Look = Callable[..., dict[str, Any]]


@lru_cache(maxsize=4)
def looks(library: str, variables: str = "{}") -> dict[tuple[str | None, bool | None], Any]:
    hidden = "blessed" if library == "blessings" else "blessings"
    cases = [(kind, colour) for kind in [*KINDS, *STRANGE] for colour in COLOURS]
    child = subprocess.run(
        [sys.executable, "-c", LOOK, library, hidden, variables],
        input=json.dumps(cases),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=100,
        env={k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")},
    )
    return dict(zip(cases, map(json.loads, child.stdout.splitlines()), strict=True))


@pytest.fixture(params=["blessings", "blessed"])
def library(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


@lru_cache(maxsize=32)
def known(kind: str) -> bool:
    """Whether this machine's terminfo knows the kind."""
    code = f"import curses; curses.setupterm({kind!r}, 1)"
    return not subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL).returncode


@pytest.mark.parametrize("kind", KINDS)
def test_a_known_kind_moves_and_erases(library: str, kind: str) -> None:
    if not known(kind):
        pytest.skip(f"{kind} is not in terminfo")
    able = looks(library)[kind, None]["able"]
    # blessed speaks to a vt52 as to an xterm
    old = kind == "vt52" and library == "blessings"
    assert able[:6] == (VT52 if old else ANSI)
    assert able[7:] == (["", ""] if old else ["\x1b[?7l", "\x1b[?7h"])


@pytest.mark.parametrize("kind", STRANGE)
def test_an_unknown_kind_is_not_drawn_on(library: str, kind: str | None) -> None:
    """blessed takes every such kind for an xterm; `policy` has seen to "dumb" before."""
    able = looks(library)[kind, None]["able"]
    if library == "blessings":
        assert able is None
    else:
        assert able is None or able[:6] == ANSI


@pytest.mark.parametrize("kind", ["xterm-256color", "xterm", "screen", "linux", "ansi"])
def test_colours(library: str, kind: str) -> None:
    styles = looks(library)[kind, None]["able"][6]
    assert COLOURED.items() <= styles.items()
    assert styles["normal"] == "\x1b[m"
    assert styles["bold"] == "\x1b[1m"
    assert styles["dim"] == styles["rest"] == ("" if kind == "ansi" else "\x1b[2m")


def test_a_terminal_without_colour_has_none(library: str) -> None:
    styles = looks(library)["vt100", None]["able"][6]
    assert set(styles) == {"normal", "bold", "dim", "rest"}


@pytest.mark.parametrize("kind", KINDS)
def test_colour_never_and_always(library: str, kind: str) -> None:
    if not known(kind):
        pytest.skip(f"{kind} is not in terminfo")
    assert looks(library)[kind, False]["able"][6] == {}
    assert looks(library)[kind, True]["able"][6].keys() >= COLOURED.keys() | {"normal"}


@pytest.mark.parametrize("kind", [*KINDS, *STRANGE])
def test_nothing_is_padded_and_nothing_but_sgr_is_a_style(library: str, kind: str | None) -> None:
    for colour in COLOURS:
        able = looks(library)[kind, colour]["able"]
        if able is None:
            continue
        assert not [string for string in able[:6] if "$<" in string or not string.isascii()]
        for sgr in able[6].values():
            assert sgr == "" or (sgr.startswith("\x1b[") and sgr.endswith("m") and "(" not in sgr)


@pytest.mark.parametrize("kind", [*KINDS, *STRANGE])
def test_the_terminal_is_not_asked(library: str, kind: str | None) -> None:
    """A question would wait for an answer, and one that comes late is taken for keys."""
    for colour in COLOURS:
        assert looks(library)[kind, colour]["asked"] == ""


def test_the_environment_of_the_libraries_changes_nothing(library: str) -> None:
    """What is drawn and in which colours has one place to be decided: `policy`."""
    variables = {"NO_COLOR": "1", "FORCE_COLOR": "3", "COLORTERM": "truecolor", "COLUMNS": "7"}
    changed = looks(library, json.dumps(variables))
    assert changed["xterm", None] == looks(library)["xterm", None]
