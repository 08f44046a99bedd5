"""One decision, made once for each display: how to show, from argument, environment and stream.

    display=…, BAREXEC=…               the most that is shown: fullscreen, inline, plain or off; of
                                       both, the less
    no terminal, or TERM=dumb          plain at most: no control character into a pipe
    program | tee log                  plain, unless BAREXEC says otherwise: what tee writes to the
                                       terminal would stand in the midst of bars
    TERM=linux                         inline at most: it has but one screen
    NO_COLOR, FORCE_COLOR              colour, where bars are drawn
    COLUMNS, LINES                     the size, but no more than the terminal's own

Never here: painting; reading the environment or a stream, which are arguments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

from .cautions import caution

Mode = Literal["fullscreen", "inline", "plain", "off"]
#: What stays on the screen at the end.
Leave = Literal["failed"] | bool | None


#: The kinds of terminals that cut long lines when they get narrower, as few of today's do: xterm
#: itself, which may say "xterm" alone, as PuTTY does; the Linux console; st.
_CUTS = re.compile(r"(linux|xterm|putty.*|st(-.*)?)\Z")


class Policy(NamedTuple):
    """How to show.

    Attributes:
        mode: "fullscreen" (bars on a screen of their own), "inline" (bars below what stands
            on the terminal), "plain" (lines for a log) or "off".
        colour: True (always), False (never), or None: as the terminal can.
        unicode: whether more than ASCII can be shown.
        columns, rows: the most that the user wants of it, at least 1; None: all there is.
        reflows: whether the terminal wraps long lines anew when it gets narrower.
    """

    mode: Mode
    colour: bool | None = None
    unicode: bool = False
    columns: int | None = None
    rows: int | None = None
    reflows: bool = True


def decide(
    display: str | None, environ: Mapping[str, str], tty: bool, encoding: str | None
) -> Policy:
    """How to show on a stream.

    Args:
        display: what the program asks for; None leaves it to the environment.
        environ: the environment variables.
        tty: whether the stream is a terminal, for us alone.
        encoding: that of the stream; None is taken for ASCII.

    Raises:
        ValueError: `display` is not a known way to show.
    """
    known = get_args(Mode)
    if display not in (None, *known):
        words = ", ".join(map(repr, known))
        raise ValueError(f"unknown display {display!r}: it must be {words} or None")
    wish = environ.get("BAREXEC", "").strip().lower()
    if wish and wish not in known:
        caution(
            f"BAREXEC={environ['BAREXEC']!r} means nothing to barexec: "
            f"it must be one of {', '.join(known)}"
        )
        wish = ""
    # they are known from the most to the least
    mode = max(filter(None, (display, wish)), key=known.index, default="inline")
    kind = environ.get("TERM", "")
    if mode in ("fullscreen", "inline") and (not tty or kind == "dumb"):
        mode = "plain"
    if mode == "fullscreen" and kind == "linux":
        mode = "inline"
    colour = None
    if environ.get("NO_COLOR"):
        colour = False
    elif any(environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        colour = True
    return Policy(
        mode,  # type: ignore[arg-type]  # one of `known`
        colour,
        # the font of the Linux console has neither the bars nor the glyphs
        (encoding or "").lower().replace("_", "-").startswith("utf") and kind != "linux",
        _size(environ.get("COLUMNS")),
        _size(environ.get("LINES")),
        bool(environ.get("TMUX")) or not ("XTERM_VERSION" in environ or _CUTS.match(kind)),
    )


def _size(text: str | None) -> int | None:
    if text is not None and text.isascii() and text.isdigit():
        return int(text[:6]) or None
    return None
