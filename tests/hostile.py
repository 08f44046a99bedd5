"""Control sequences that must not reach the terminal from a task, for tests of every place
where text comes in.

    for hostile in HOSTILE:
        show(f"before{hostile}after")

Each comes with a word or two between, where it carries any, that must not be seen either:
`PAYLOADS` are words that none of it may leave on the screen.
"""

from __future__ import annotations

import re

#: No part of what a sequence carries.
PAYLOADS = ("PAYLOAD", "cGF5bG9hZA", "544e")

_STRINGS = (
    "0;PAYLOAD",  # icon name and title
    "1;PAYLOAD",
    "2;PAYLOAD",
    "4;1;rgb:ff/00/00PAYLOAD",  # the palette
    "7;file://host/PAYLOAD",  # the working folder
    "8;;http://example.org/PAYLOAD",  # a link
    "8;id=PAYLOAD;",
    "9;PAYLOAD",  # a notification
    "9;4;1;50PAYLOAD",  # the taskbar
    "10;?PAYLOAD",  # a question, which the terminal answers by typing
    "11;#000000PAYLOAD",
    "12;?PAYLOAD",
    "50;PAYLOAD",  # the font
    "52;c;cGF5bG9hZA",  # the clipboard
    "52;c;?PAYLOAD",
    "104PAYLOAD",
    "133;A;PAYLOAD",  # marks of shells
    "777;notify;PAYLOAD;PAYLOAD",
    "1337;File=inline=1:cGF5bG9hZA",  # a picture
    "1337;SetMark;PAYLOAD",
)

#: Nothing is left of these, and what stands around them stays as it is.
DROPPED: tuple[str, ...] = (
    # control strings
    *(f"\x1b]{string}\x07" for string in _STRINGS),
    *(f"\x1b]{string}\x1b\\" for string in _STRINGS),
    *(f"\x9d{string}\x9c" for string in _STRINGS[::4]),
    "\x1b]0;PAYLOAD\nPAYLOAD\x07",
    "\x1b]0;PAYLOAD\x1b]2;PAYLOAD\x07",  # one within the other
    "\x1b]\x07",
    "\x1bP+q544ePAYLOAD\x1b\\",  # a question for a capability
    "\x1bP$qmPAYLOAD\x1b\\",
    "\x1bP1$tPAYLOAD\x9c",
    "\x1bPq#0;2;0;0;0#0~~@@vv@@~~PAYLOAD$-\nPAYLOAD\x1b\\",  # sixel
    "\x1bPPAYLOAD\x07PAYLOAD\x1b\\",  # a bell does not end it
    "\x1bPtmux;\x1b\x1b]52;c;cGF5bG9hZA\x07\x1b\\",
    "\x90qPAYLOAD\x9c",
    "\x1b_PAYLOAD\x1b\\",
    "\x1b_Gf=32,a=T;cGF5bG9hZA\x1b\\",  # a picture
    "\x9fPAYLOAD\x9c",
    "\x1b^PAYLOAD\x1b\\",
    "\x9ePAYLOAD\x9c",
    "\x1bXPAYLOAD\x1b\\",
    "\x98PAYLOAD\x9c",
    "\x1bkPAYLOAD\x1b\\",  # the title, of screen and tmux
    "\x1b]0;PAYLOAD\x18",  # cancelled
    "\x1bPPAYLOAD\x1a",
    # modes
    "\x1b[?1049h",  # the alternate screen
    "\x1b[?1049l",
    "\x1b[?47h",
    "\x1b[?2004h",  # bracketed paste
    "\x1b[?1000h",  # the mouse
    "\x1b[?1002;1003;1006h",
    "\x1b[?1004h",  # focus
    "\x1b[?7l",  # wrapping
    "\x1b[?5h",  # the whole screen in reverse
    "\x1b[?6h",
    "\x1b[?3h",  # 132 columns
    "\x1b[?2026h",
    "\x1b[20h",
    "\x1b[4h",
    "\x1b[12l",
    "\x9b?1049h",
    "\x1b[!p",  # resets
    "\x1bc",
    '\x1b[61;1"p',
    "\x1b=\x1b>",
    # places
    "\x1b[H",
    "\x1b[1;1H",
    "\x1b[99;99f",
    "\x1b[5d",
    "\x1b[2;10r",  # the scroll region
    "\x1b[?69h\x1b[5;20s",
    "\x1b[s\x1b[u",
    "\x1b7\x1b8",
    "\x1bD\x1bE\x1bM",
    "\x84\x85\x8d",
    "\x1bH\x1b[3g",
    "\x1b[5S\x1b[5T",
    "\x1b[2L\x1b[2M",
    "\x1b[2@\x1b[2P\x1b[2X",
    "\x1b[5b",
    "\x0b\x0c",
    # questions, which the terminal answers by typing
    "\x05",
    "\x1bZ",
    "\x1b[c",
    "\x1b[>c",
    "\x1b[=c",
    "\x1b[5n",
    "\x1b[6n",
    "\x1b[?6n",
    "\x1b[?2026$p",
    "\x1b[18t",
    "\x1b[21t",
    "\x1b[x",
    "\x9b6n",
    # what else may be set
    "\x1b[8;10;10t",  # the size of the window
    "\x1b[2t",
    "\x1b[1 q",  # the cursor's form
    '\x1b[1"q',
    "\x1b[>4;2m",  # keys
    "\x1b[>1u",
    "\x1b[?1m",
    "\x1b[0$}",
    "\x1b[3;PAYLOADm"[:4] + "\x18",  # cancelled
    "\x1b[\x00?\x0710\x7f49h",  # with controls within
    "\x1b" + "\x00" * 300 + "[6n",
    "\x1b[" + "1;" * 300 + "H",
    "\x1b[" + "9" * 300 + "n",
    # charsets
    "\x1b(0",
    "\x1b)B",
    "\x1b*<\x1b+>",
    "\x1b-A",
    "\x1b%G\x1b%@",
    "\x0e\x0f",
    "\x1bn\x1bo\x1b|\x1b}\x1b~",
    "\x1b#8",
    "\x1b#6",
    "\x1b F\x1b G",
    "\x1b" + "(" * 300 + "0",
    "\x8e\x8f",
    # controls
    "\x00",
    "\x01\x02\x03\x04\x06\x07",
    "\x10\x11\x12\x13\x14\x15\x16\x17",
    "\x18\x19\x1a\x1c\x1d\x1e\x1f",
    "\x7f",
    "".join(map(chr, {*range(0x80, 0xA0)} - {0x90, 0x98, 0x9B, 0x9D, 0x9E, 0x9F})),
    "\x1b\x1b\x1b[0m",
)

#: The same for what is not ended: it takes what follows, up to the next that is.
UNFINISHED: tuple[str, ...] = (
    "\x1b]0;PAYLOAD",
    "\x1b]52;c;cGF5bG9hZA",
    "\x9d2;PAYLOAD",
    "\x1bPqPAYLOAD",
    "\x90PAYLOAD\x07",
    "\x1b_PAYLOAD",
    "\x1b^PAYLOAD",
    "\x1bXPAYLOAD",
    "\x1b]0;" + "PAYLOAD" * 300,
    "\x1b]0;\x1b",
    "\x1b[?1049",
    "\x9b?1049",
    "\x1b[",
    "\x9b",
    "\x1b(",
    "\x1b",
    "\x1b[" + "1;" * 300,
)

#: What moves or erases: well within the task's own rows, harm anywhere else.
MOVING: tuple[str, ...] = (
    "\r",
    "\b",
    "\b" * 500,
    "\x1b[A",
    "\x1b[999A",
    "\x1b[99999999999999999999A",
    "\x1b[B",
    "\x1b[999B",
    "\x1b[C",
    "\x1b[999C",
    "\x1b[D",
    "\x1b[999D",
    "\x1b[5E",
    "\x1b[5F",
    "\x1b[G",
    "\x1b[40G",
    "\x1b[K",
    "\x1b[1K",
    "\x1b[2K",
    "\x1b[J",
    "\x1b[1J",
    "\x1b[2J",
    "\x1b[3J",
    "\x1b[H\x1b[2J\x1b[3J",
    "\x9b2J",
    "\x1b[?25l",
    "\x1b[?25h",
    "\x1b[31m",
    "\x1b[38;5;196;48;2;1;2;3m",
    "\x1b[" + "1;" * 50 + "m",
)

HOSTILE = (*DROPPED, *UNFINISHED, *MOVING)

#: All that may come out: printable characters, tabs, and colours.
CLEAN = re.compile("(?:[^\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]|\x1b\\[[0-9;:]*m)*")
