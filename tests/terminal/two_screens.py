"""A terminal with two screens, which pyte has not: the normal one and the alternate one.

Never here: a program.
"""

from __future__ import annotations

import re
from typing import Any

from pty_program import PtyProgram

from barexec.testing import Screen

_SWITCH = re.compile(rb"\x1b\[\?(1049|25)([hl])")
_UNFINISHED = re.compile(rb"\x1b(\[(\?\d*)?)?$")


class TwoScreens:
    """What a program's screen can be asked, of the screen that is shown.

    Attributes:
        normal: the normal screen.
        alternate: the alternate one, where it is shown; else None.
        cursor_shown: whether the cursor is seen.
        switches: how often it went from one to the other.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.normal = Screen(columns, rows, raw=True)
        self.alternate: Screen | None = None
        self.cursor_shown = True
        self.switches = 0
        self._rest = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.alternate or self.normal, name)

    def write(self, some: bytes) -> None:
        some = self._rest + some
        begin = 0
        for switch in _SWITCH.finditer(some):
            self._shown(some[begin : switch.start()])
            begin, on = switch.end(), switch[2] == b"h"
            if switch[1] == b"25":
                self.cursor_shown = on
            else:
                self.switches += 1
                self.alternate = Screen(*self.normal.size, raw=True) if on else None
        unfinished = _UNFINISHED.search(some, begin)
        end = unfinished.start() if unfinished else len(some)
        self._rest = some[end:]
        self._shown(some[begin:end])

    def resize(self, columns: int, rows: int, *, reflow: bool = True) -> None:
        for screen in filter(None, (self.normal, self.alternate)):
            screen.resize(columns, rows, reflow=reflow)

    def _shown(self, some: bytes) -> None:
        (self.alternate or self.normal).write(some)


def with_two_screens(program: PtyProgram) -> TwoScreens:
    """Give the program's terminal two screens; all that was written until now is on them."""
    with program._news:
        screens = TwoScreens(*program.screen.size)
        screens.write(bytes(program.written))
        program.screen = screens  # type: ignore[assignment]
    return screens
