"""How to show: one decision, as one table.

asked        what the program asks for with `display=`; - for nothing
environment  the variables that are set; - for none; '' for an empty value
stream       whether stderr is a terminal, and its encoding
mode         what is shown
colour       always, never, or as the terminal is able
text         the characters that can be shown
size         the most columns x rows that the user wants; - for all there are
resize       whether the terminal wraps long lines anew, or cuts them
"""

from __future__ import annotations

import re
import warnings

import pytest

from barexec.policy import Policy, decide

TABLE = """
asked   environment                     stream            mode    colour  text     size    resize

# a terminal, a pipe, and terminals that cannot move their cursor
-       TERM=xterm-256color             terminal utf-8    inline  able    unicode  -       wraps
-       -                               terminal utf-8    inline  able    unicode  -       wraps
-       -                               pipe utf-8        plain   able    unicode  -       wraps
-       TERM=dumb                       terminal utf-8    plain   able    unicode  -       wraps

# the program asks, the user has the last word
inline  -                               terminal utf-8    inline  able    unicode  -       wraps
plain   -                               terminal utf-8    plain   able    unicode  -       wraps
off     -                               terminal utf-8    off     able    unicode  -       wraps
-       BAREXEC=off                     terminal utf-8    off     able    unicode  -       wraps
-       BAREXEC=plain                   terminal utf-8    plain   able    unicode  -       wraps
-       BAREXEC=inline                  terminal utf-8    inline  able    unicode  -       wraps
-       BAREXEC=''                      terminal utf-8    inline  able    unicode  -       wraps
-       BAREXEC=Plain                   terminal utf-8    plain   able    unicode  -       wraps
inline  BAREXEC=off                     terminal utf-8    off     able    unicode  -       wraps
plain   BAREXEC=off                     terminal utf-8    off     able    unicode  -       wraps
inline  BAREXEC=plain                   terminal utf-8    plain   able    unicode  -       wraps
off     BAREXEC=inline                  terminal utf-8    off     able    unicode  -       wraps
plain   BAREXEC=inline                  terminal utf-8    plain   able    unicode  -       wraps

# the full screen, where there are two
fullscreen  -                           terminal utf-8    fullscreen  able  unicode  -     wraps
-       BAREXEC=fullscreen              terminal utf-8    fullscreen  able  unicode  -     wraps
fullscreen  BAREXEC=inline              terminal utf-8    inline  able  unicode  -     wraps
inline  BAREXEC=fullscreen              terminal utf-8    inline  able    unicode  -       wraps
fullscreen  BAREXEC=off                 terminal utf-8    off     able    unicode  -       wraps
fullscreen  TERM=linux                  terminal utf-8    inline  able    ascii    -       cuts
fullscreen  TERM=dumb                   terminal utf-8    plain   able    unicode  -       wraps
fullscreen  -                           pipe utf-8        plain   able    unicode  -       wraps
-       BAREXEC=fullscreen              pipe utf-8        plain   able    unicode  -       wraps

# nothing brings a control character into a pipe, or onto a dumb terminal
inline  -                               pipe utf-8        plain   able    unicode  -       wraps
-       BAREXEC=inline                  pipe utf-8        plain   able    unicode  -       wraps
inline  TERM=dumb                       terminal utf-8    plain   able    unicode  -       wraps
-       TERM=dumb BAREXEC=inline        terminal utf-8    plain   able    unicode  -       wraps
-       FORCE_COLOR=1                   pipe utf-8        plain   always  unicode  -       wraps
-       TERM=dumb BAREXEC=off           pipe utf-8        off     able    unicode  -       wraps

# colour
-       NO_COLOR=1                      terminal utf-8    inline  never   unicode  -       wraps
-       NO_COLOR=0                      terminal utf-8    inline  never   unicode  -       wraps
-       NO_COLOR=''                     terminal utf-8    inline  able    unicode  -       wraps
-       FORCE_COLOR=1                   terminal utf-8    inline  always  unicode  -       wraps
-       FORCE_COLOR=true                terminal utf-8    inline  always  unicode  -       wraps
-       FORCE_COLOR=0                   terminal utf-8    inline  able    unicode  -       wraps
-       FORCE_COLOR=''                  terminal utf-8    inline  able    unicode  -       wraps
-       CLICOLOR_FORCE=1                terminal utf-8    inline  always  unicode  -       wraps
-       CLICOLOR_FORCE=0                terminal utf-8    inline  able    unicode  -       wraps
-       NO_COLOR=1 FORCE_COLOR=1        terminal utf-8    inline  never   unicode  -       wraps
-       NO_COLOR='' FORCE_COLOR=1       terminal utf-8    inline  always  unicode  -       wraps

# characters: of the encoding, and of the font
-       -                               terminal UTF-8    inline  able    unicode  -       wraps
-       -                               terminal utf8     inline  able    unicode  -       wraps
-       -                               terminal UTF_8    inline  able    unicode  -       wraps
-       -                               terminal ascii    inline  able    ascii    -       wraps
-       -                               terminal latin-1  inline  able    ascii    -       wraps
-       -                               terminal cp1252   inline  able    ascii    -       wraps
-       -                               terminal -        inline  able    ascii    -       wraps
-       TERM=linux                      terminal utf-8    inline  able    ascii    -       cuts

# the size
-       COLUMNS=100                     terminal utf-8    inline  able    unicode  100x-   wraps
-       LINES=30                        terminal utf-8    inline  able    unicode  -x30    wraps
-       COLUMNS=100 LINES=30            terminal utf-8    inline  able    unicode  100x30  wraps
-       COLUMNS=0 LINES=''              terminal utf-8    inline  able    unicode  -       wraps
-       COLUMNS=-5 LINES=many           terminal utf-8    inline  able    unicode  -       wraps
-       COLUMNS=1e3 LINES=२४            terminal utf-8    inline  able    unicode  -       wraps

# xterm itself cuts, and few others do; a terminal within one does not
-       XTERM_VERSION=379               terminal utf-8    inline  able    unicode  -       cuts
-       XTERM_VERSION=379 TMUX=/tmp/1   terminal utf-8    inline  able    unicode  -       wraps
-       TMUX=/tmp/1                     terminal utf-8    inline  able    unicode  -       wraps
-       TERM=xterm                      terminal utf-8    inline  able    unicode  -       cuts
-       TERM=xterm-256color             terminal utf-8    inline  able    unicode  -       wraps
-       TERM=putty-256color             terminal utf-8    inline  able    unicode  -       cuts
-       TERM=st-256color                terminal utf-8    inline  able    unicode  -       cuts
-       TERM=sterm                      terminal utf-8    inline  able    unicode  -       wraps
"""
COLOUR = {"able": None, "always": True, "never": False}
ROWS = [line for line in TABLE.strip().splitlines()[1:] if line and not line.startswith("#")]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: re.sub(" +", " ", row))
def test_decision(row: str) -> None:
    asked, *variables, stream, encoding, mode, colour, text, size, resize = row.split()
    environ = dict(variable.split("=", 1) for variable in variables if variable != "-")
    columns, _, rows = size.partition("x")
    policy = decide(
        None if asked == "-" else asked,
        {name: value.strip("'") for name, value in environ.items()},
        stream == "terminal",
        None if encoding == "-" else encoding,
    )
    assert policy == Policy(
        mode,  # type: ignore[arg-type]
        COLOUR[colour],
        text == "unicode",
        None if columns == "-" else int(columns),
        None if rows in ("", "-") else int(rows),
        resize == "wraps",
    )


@pytest.mark.parametrize("asked", ["fancy", "", "Inline", 3, True])
def test_an_unknown_display_is_an_error_that_says_which_there_are(asked: str) -> None:
    with pytest.raises(ValueError, match=r"'inline', 'plain', 'off' or None"):
        decide(asked, {}, True, "utf-8")


def test_an_unknown_wish_of_the_user_is_told_and_changes_nothing() -> None:
    with pytest.warns(RuntimeWarning, match="BAREXEC='fancy' means nothing"):
        policy = decide(None, {"BAREXEC": "fancy"}, True, "utf-8")
    assert policy == decide(None, {}, True, "utf-8")


def test_a_size_beyond_all_screens_is_bounded() -> None:
    policy = decide(None, {"COLUMNS": "9" * 5000, "LINES": "1" * 5000}, True, "utf-8")
    assert policy.columns == 999_999
    assert policy.rows == 111_111


def test_the_environment_is_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAREXEC", "off")
    monkeypatch.setenv("NO_COLOR", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decide(None, {}, True, "utf-8") == Policy("inline", unicode=True)
