"""Text as a terminal shows it: what of it can be printed, and how wide it is.

`printable` leaves only what every terminal shows alike: no control character, no escape
sequence, and none of those invisible characters that join or change their neighbours,
whose width is a different one in every terminal. `width` and `clip` count in display
columns; SGR sequences count zero.

Never here: the real terminal.
"""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category, normalize

#: Control characters within a sequence, which terminals pass over.
JUNK = "\x00-\x09\x0b\x0c\x0e-\x17\x19\x1c-\x1f\x7f"
#: What a control string carries, up to what ends it: a bell ends only OSC.
OSC_PAYLOAD = "[^\x07\x18\x1a\x1b\x9c]*"
STRING_PAYLOAD = "[^\x18\x1a\x1b\x9c]*"
#: Control sequences, control strings (OSC, DCS, …, also unfinished) and other escapes.
_ESCAPE = re.compile(
    rf"""
    (?: \x1b[{JUNK}]*\[ | \x9b ) [{JUNK}\x20-?]* [@-~]?
    | (?: \x1b[{JUNK}]*\] | \x9d ) {OSC_PAYLOAD}
    | (?: \x1b[{JUNK}]*[PX^_k] | [\x90\x98\x9e\x9f] ) {STRING_PAYLOAD}
    | \x1b [{JUNK}\x20-/]* [0-~]?
    """,
    re.VERBOSE,
)
SGR = re.compile(r"\x1b\[[0-9;:]*m")
#: Nothing but SGR and characters that are surely one column wide: measured by counting.
_NARROW = re.compile(
    "[ -~\xa1-\xac\xae-\u02ff\u0370-\u0373\u0384-\u0386\u0400-\u0482\u2010-\u2027"
    "\u2190-\u2307\u2500-\u259f\u2713\u2717\u2800-\u28ff]*"
)
#: Characters on whose width all terminals agree: these, accents, more of Greek and Cyrillic,
#: and Chinese, Japanese and Korean. They differ in emoji, and in signs of Indic scripts.
_SURE = re.compile(
    f"(?:{_NARROW.pattern[:-1]}|[\u0300-\u0377\u037a-\u037f\u0384-\u0482\u048a-\u052f"
    "\u3001-\u3029\u3041-\u3096\u309b-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
    "\uff01-\uff60])*"
)
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))


#: Text of more characters than this is not kept: a thousand of them would take much memory.
_KEPT = 1024


def printable(text: str) -> str:
    """What of `text` every terminal shows alike, on one line.

    Escape sequences vanish. White space and separators of any kind become a space,
    halves of surrogate pairs a replacement character, flags their two letters. Other
    control and format characters, variation selectors and skin tones vanish.
    """
    if text.isascii() and text.isprintable():
        return text
    return _printable(text) if len(text) <= _KEPT else _printable.__wrapped__(text)


@lru_cache(maxsize=1024)
def _printable(text: str) -> str:
    return normalize("NFC", "".join(map(shown, _ESCAPE.sub("", text))))


@lru_cache(maxsize=4096)
def shown(char: str) -> str:
    """What of one character `printable` leaves, apart from escape sequences."""
    if " " <= char <= "~":
        return char
    if char.isspace():
        return " "
    kind, code = category(char), ord(char)
    if kind == "Cs":
        return "\ufffd"
    if kind in ("Cc", "Cf") or code in _SKIN_TONES or any(code in some for some in _SELECTORS):
        return ""
    if code in _FLAG_LETTERS:
        return chr(ord("A") + code - _FLAG_LETTERS[0])
    return char


@lru_cache(maxsize=4096)
def columns_of(char: str) -> int:
    """The display columns of one character: 0, 1 or 2."""
    from wcwidth import wcwidth

    return max(0, wcwidth(char))


def is_narrow(text: str) -> bool:
    """Whether each character of `text` surely takes one column (False: perhaps not)."""
    return _NARROW.fullmatch(text) is not None


def is_sure(text: str) -> bool:
    """Whether all terminals agree on the width of each character of `text`."""
    return _SURE.fullmatch(text) is not None


def width(text: str) -> int:
    """The display columns that `text` takes, of which SGR takes none."""
    if "\x1b" in text:
        text = SGR.sub("", text)
    if is_narrow(text):
        return len(text)
    return sum(map(columns_of, text))


def clip(text: str, columns: int, mark: str = "…") -> str:
    """The text, cut to at most so many display columns.

    Args:
        text: one line. What is not `printable` is taken out of it, except SGR.
        columns: display columns, at least 0.
        mark: how a cut line ends, where it fits.

    Returns:
        The line; if it was cut within a style, the style is ended by ESC[m.
    """
    bare = SGR.sub("", text) if "\x1b" in text else text
    if is_narrow(bare):
        if len(bare) <= columns:
            return text
    else:
        text = _only_sgr(text)
        if width(text) <= columns:
            return text
    if columns <= 0:
        return ""
    room = columns - width(mark)
    if room < 0:
        room, mark = columns, ""
    kept: list[str] = []
    styled = False
    at = 0
    while at < len(text):
        sgr = SGR.match(text, at) if text[at] == "\x1b" else None
        if sgr:
            kept.append(sgr[0])
            styled = sgr[0] not in ("\x1b[m", "\x1b[0m")
            at = sgr.end()
            continue
        room -= columns_of(text[at])
        if room < 0:
            break
        kept.append(text[at])
        at += 1
    return "".join(kept) + mark + ("\x1b[m" if styled else "")


def _only_sgr(text: str) -> str:
    """What of the line is printable, and SGR."""
    parts = []
    at = 0
    for sgr in SGR.finditer(text):
        parts += [printable(text[at : sgr.start()]), sgr[0]]
        at = sgr.end()
    return "".join(parts) + printable(text[at:])
