"""The look of another library: its line for a bar, among rows of our own.

    ✓ name:   100%|██████| 9/9 [00:01<00:00, 61.00file/s]      its line, behind our glyph
    ✗ other   ValueError: no such codec            0:00        a message: our own row

A bar that is rendered alone, and runs, is the other library's line and nothing else. In a
frame its rows stand behind a column of glyphs, their names padded to one width. What the
other library has no words or no room for is drawn by our own look: a task without a bar,
a message, a very narrow screen, figures that it cannot reckon with.

Never here: a stream, a clock, the other library.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ..state import BarState, Status
from ..terminal_text import SGR, clip, width
from ..theme import Theme
from .bar import STYLES, BarRenderer, says
from .figures import finite

#: With fewer columns than this, every row is ours.
NARROWEST = 32
#: From so many columns on, the other library's line is taken as it is, also where it
#: cuts it: progressbar2 needs some 44.
FAIR = 44
#: The least columns of a bar before something else leaves its row.
BAR_LEAST = 6
#: Figures that every library can reckon with are 0 or between these two.
LEAST, MOST = 1e-6, 1e15
#: Lines that are kept while `render` is used without `align`.
LINES_KEPT = 256

_GUTTER = 2


class BorrowedRenderer(ABC):
    """Draws bars as another library does.

    Guarantees: not thread-safe; every line fits in its columns.
    """

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self._own = BarRenderer(theme)
        self._aligned = False
        self._lines: dict[tuple[BarState, int, int], str] = {}

    @abstractmethod
    def _line(self, state: BarState, name: str, pad: int, columns: int, exact: bool) -> str:
        """The other library's line.

        Args:
            state: the bar, whose figures it can reckon with.
            name: what it is called.
            pad: so many blanks are to be between the name and the rest.
            columns: display columns there are.
            exact: whether nothing may leave the line as it gets narrow.
        """

    def align(self, states: Sequence[BarState], columns: int) -> None:
        """Make the names of a frame equally wide."""
        self._own.align(states, columns)
        self._aligned = True
        shown = set(states)
        self._lines = {key: line for key, line in self._lines.items() if key[0] in shown}

    def render(self, state: BarState, columns: int) -> str:
        """One line for one bar, at most so many display columns wide."""
        if columns < NARROWEST or not state.counted or says(state) or not _reckonable(state):
            return self._own.render(state, columns)
        desc = self._own.grid(columns).desc if self._aligned else 0
        key = state, columns, desc
        line = self._lines.get(key)
        if line is None:
            if len(self._lines) >= LINES_KEPT:
                self._lines.clear()
            line = self._lines[key] = self._row(state, columns, desc)
        return line

    def _row(self, state: BarState, columns: int, desc: int) -> str:
        running = state.status is Status.RUNNING
        glyph = " " if running else self._own.glyph(state)
        gutter = _GUTTER if self._aligned or not running else 0
        name, pad = self._own.name(state), 0
        if desc:
            filled = self._own.fill(name, desc)
            name = filled.rstrip()
            pad = len(filled) - len(name)
        elif columns < FAIR:
            name = clip(name, max(8, columns * 3 // 10), "…" if self.theme.unicode else "..")
        line = self._line(state, name, pad, columns - gutter, not desc and columns >= FAIR)
        if not (running and self.theme.styles):
            line = SGR.sub("", line)
        if width(line) > columns - gutter:
            line = clip(line, columns - gutter, "").rstrip(" ")
        styles, paint = STYLES[state.status], self.theme.paint
        if state.whole or not running:
            style = "bold" if state.whole else styles.desc
            start = len(name) if line.startswith(name) else 0
            line = paint(style, line[:start]) + paint(styles.numbers, line[start:])
        return (paint(styles.glyph, glyph) + " " if gutter else "") + line


def _reckonable(state: BarState) -> bool:
    figures = (state.n, state.total or 0, state.elapsed, state.rate or 0)
    return all(f == 0 or (finite(f) and LEAST <= f <= MOST) for f in figures)
