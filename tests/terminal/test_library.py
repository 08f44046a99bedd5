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
__import__(library)  # once, not in each child
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
        seen["screen"] = [able.enter, able.leave, able.hide, able.show, able.home]
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


def test_the_cursor_is_shown_as_it_was(library: str) -> None:
    """What the database has for that in an xterm stops its blinking, too."""
    _, _, hide, show, _ = looks(library)["xterm-256color", None]["screen"]
    assert (hide, show) == ("\x1b[?25l", "\x1b[?25h")


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


# --- the second screen ---


@pytest.mark.parametrize("kind", ["xterm-256color", "xterm", "screen", "tmux-256color"])
def test_kinds_with_a_second_screen(library: str, kind: str) -> None:
    if not known(kind):
        pytest.skip(f"{kind} is not in terminfo")
    enter, leave, hide, show, home = looks(library)[kind, None]["screen"]
    assert enter.startswith("\x1b[?1049h")
    assert leave.startswith("\x1b[?1049l")
    assert "\x1b[?25l" in hide
    assert "\x1b[?25h" in show or "\x1b[34h" in show
    assert home == "\x1b[H"


@pytest.mark.parametrize("kind", ["vt100", "ansi"])
def test_kinds_without_a_second_screen(library: str, kind: str) -> None:
    assert looks(library)[kind, None]["screen"][:2] == ["", ""]


def test_the_linux_console_has_one_screen_in_terminfo() -> None:
    """blessed knows better; `policy` has seen to it before."""
    if find_spec("blessings") is None:
        pytest.skip("blessings is not installed")
    assert looks("blessings")["linux", None]["screen"][:2] == ["", ""]


@pytest.mark.parametrize("kind", KINDS)
def test_the_strings_of_the_screen_are_not_padded(library: str, kind: str) -> None:
    look = looks(library)[kind, None]
    assert look["able"] is None or not [string for string in look["screen"] if "$<" in string]


# --- a Terminal of the user's own ---

OWN = """
import importlib, io, json, os, select, sys
library, prepare, make, colour = sys.argv[1:5]
os.environ.pop("NO_COLOR", None)
os.environ["TERM"] = "xterm-256color"
ours, tty = os.openpty()
stream = os.fdopen(tty, "w")
exec(prepare)
if library:
    Terminal = importlib.import_module(library).Terminal
terminal = eval(make)
asked = b""
from barexec.painters.library import capabilities, check
while select.select([ours], [], [], 0)[0]:
    asked += os.read(ours, 1000)
if terminal is not None:
    check(terminal)
able = capabilities(tty, json.loads(colour), terminal)
stream.flush()
wrote = bool(select.select([ours], [], [], 0)[0])
print(json.dumps([able and [able.up(2), able.enter, able.styles], wrote]))
"""


def own(library: str, make: str, prepare: str = "", colour: bool | None = None) -> list[Any]:
    """What such a terminal can do: the move up, the second screen, styles. Nothing is asked."""
    found = subprocess.run(
        [sys.executable, "-c", OWN, library, prepare, make, json.dumps(colour)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    able, wrote = json.loads(found.stdout)
    assert not wrote, "nothing is written to it, no question either"
    return able  # type: ignore[no-any-return]


def test_its_capabilities_are_used(library: str) -> None:
    up, enter, styles = own(library, "Terminal(stream=stream)")
    assert up == "\x1b[2A"
    assert enter.startswith("\x1b[?1049h")
    assert COLOURED.items() <= styles.items()


def test_its_kind_is_that_of_the_user(library: str) -> None:
    up, enter, styles = own(library, "Terminal('vt100', stream=stream)")
    assert (up, enter) == ("\x1b[2A", "")
    assert set(styles) == {"normal", "bold", "dim", "rest"}


def test_a_subclass_is_one(library: str) -> None:
    make = "type('Mine', (Terminal,), {'clear_eol': '\x1b[0K'})(stream=stream)"
    assert own(library, make)[0] == "\x1b[2A"


def test_one_without_any_styling_is_not_drawn_on(library: str) -> None:
    assert own(library, "Terminal(stream=stream, force_styling=None)") is None


def test_no_color_takes_its_colours_but_not_its_moves(library: str) -> None:
    up, enter, styles = own(
        library, "Terminal(stream=stream)", "os.environ['NO_COLOR'] = '1'", colour=False
    )
    assert up == "\x1b[2A"
    assert enter.startswith("\x1b[?1049h")
    assert styles == {}


@pytest.mark.parametrize(
    ("first", "drawn"),
    [("xterm", True), ("vt100", True), ("screen", True), ("vt52", False), ("dumb", False)],
)
def test_curses_that_knows_another_kind(first: str, drawn: bool) -> None:
    """It keeps to the first; strings that only such a kind knows are not used."""
    if find_spec("blessings") is None or not known(first):
        pytest.skip("blessings is not installed, or the kind is not in terminfo")
    able = own("", "None", f"import curses; curses.setupterm({first!r}, tty)")
    assert (able is not None) == drawn
    if able is not None:
        assert able[0] == "\x1b[2A"


def test_what_curses_knows_from_us_it_knows() -> None:
    """A second display in one process, on an old terminal."""
    if find_spec("blessings") is None or not known("vt52"):
        pytest.skip("blessings is not installed, or the kind is not in terminfo")
    prepare = (
        "os.environ['TERM'] = 'vt52'\n"
        "from barexec.painters.library import capabilities\n"
        "assert capabilities(tty, None).up(2) == '\x1bA' * 2"
    )
    able = own("", "None", prepare)
    assert able is not None
    assert able[0] == "\x1bA\x1bA"


@pytest.mark.parametrize("make", ["'xterm'", "stream", "object()", "3", "Terminal"])
def test_anything_else_is_refused(library: str, make: str) -> None:
    code = OWN.replace("check(terminal)", "refused(terminal)").replace(
        "able = capabilities(tty, json.loads(colour), terminal)",
        "able = None",
    )
    refused = (
        "def refused(terminal):\n"
        "    from barexec import ProgressPoolExecutor, fullscreen\n"
        "    for call in (ProgressPoolExecutor, fullscreen):\n"
        "        try:\n"
        "            call(terminal=terminal)\n"
        "        except TypeError as error:\n"
        "            assert 'must be a blessings.Terminal or blessed.Terminal' in str(error)\n"
        "        else:\n"
        "            raise AssertionError('it was taken')\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, library, refused, make, "null"],
        check=True,
        timeout=60,
        stdout=subprocess.DEVNULL,
    )
