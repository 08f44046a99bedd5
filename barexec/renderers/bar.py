"""The native look: one grid for all rows, in which nothing jitters.

    glyph desc  bar  n/total  percent  elapsed<remaining  rate unit/s  postfix

Every column is as wide as the widest it ever held, so it never shrinks and rows that
come later do not move those above. Where the columns do not fit, the least needed leave
first (`grid`). The status is always a glyph, and only besides that a colour. No
figure promises more than is so: counts, percent and bar are rounded down.

Never here: a stream, a clock, escape codes other than the theme's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import gt
from typing import NamedTuple

from ..state import CANCELLED, DONE, FAILED, LOST, PENDING, RUNNING, BarState, Status
from ..terminal_text import clip
from ..terminal_text import width as measured
from ..theme import Theme
from .figures import counts, duration, percent, sane, speed, until
from .grid import BAR_LEAST, BAR_MOST, GAP, UNIT_MOST, Grid, fit

#: A message with less room than this takes the rest of its row.
MESSAGE_LEAST = 20
#: Steps of a spinner each second.
SPINNER_RATE = 8
#: Lines that are kept while `render` is used without `align`.
LINES_KEPT = 256

#: The width of a text; most texts of a frame were in the one before.
width = lru_cache(maxsize=1024)(measured)


class Signs(NamedTuple):
    """The characters that a bar is drawn with."""

    spinner: str
    levels: str
    branch: str
    mark: str
    glyphs: dict[Status, str]


UNICODE = Signs(
    "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
    "▁▂▃▄▅▆▇█",
    "└ ",
    "…",
    {
        PENDING: "·",
        RUNNING: " ",
        DONE: "✓",
        FAILED: "✗",
        CANCELLED: "⊘",
        LOST: "†",
    },
)
ASCII = Signs(
    "|/-\\",
    "0123456789",
    "  ",
    "..",
    {
        PENDING: ".",
        RUNNING: " ",
        DONE: "v",
        FAILED: "x",
        CANCELLED: "c",
        LOST: "!",
    },
)


class Cells(NamedTuple):
    """What the columns of one row say."""

    desc: str
    n: str
    total: str
    percent: str
    elapsed: str
    remaining: str
    rate: str
    unit: str
    words: str


class BarRenderer:
    """The native look.

    Args:
        theme: "ascii" or "unicode": draw with these characters, whatever the terminal
            says of itself ("ascii": names and messages, too); its colours are as ever.
            A `Theme`: with that alone. None: as the terminal can.

    Raises:
        ValueError: `theme` is none of these.

    Guarantees: not thread-safe; every line fits in its columns.
    """

    fits = True
    """Its lines are never too wide, nor is there in them what no terminal should see: nobody
    need measure them again (tests/core/test_bar_renderer.py)."""

    def __init__(self, theme: Theme | str | None = None) -> None:
        if not (theme is None or isinstance(theme, Theme) or theme in ("ascii", "unicode")):
            raise ValueError(
                f'unknown theme {theme!r}: it must be "ascii", "unicode", a Theme or None'
            )
        self._wish = theme
        if not isinstance(theme, Theme):
            theme = Theme(theme == "unicode")
        self.theme = theme
        self._signs = UNICODE if theme.unicode else ASCII
        self._draw = self._draw_unicode if theme.unicode else self._draw_ascii
        self._natural = Grid()
        self._grid = Grid()
        self._cells: dict[BarState, Cells] = {}
        self._grids: dict[int, Grid] = {}
        """The grid that fits, by columns."""
        self._lines: dict[int, dict[BarState, str]] = {}
        """The lines that were made with it."""

    def with_theme(self, theme: Theme) -> BarRenderer:
        """This look on a terminal that can show what `theme` says."""
        wish = self._wish
        if isinstance(wish, str):
            theme = theme._replace(unicode=wish == "unicode")
        return BarRenderer(wish if isinstance(wish, Theme) else theme)

    def grid(self, columns: int) -> Grid:
        """The grid for so many columns."""
        if columns not in self._grids:
            self._refit(columns)
        return self._grids[columns]

    def align(self, states: Sequence[BarState], columns: int) -> None:
        """Make the columns of the grid wide enough for all these states.

        Lines of states that are the same as in the frame before are not made again.
        """
        drawn = {room: lines for room, lines in self._lines.items() if lines}
        self._lines = {
            room: {state: lines[state] for state in states if state in lines}
            for room, lines in drawn.items()
        }
        known = set[BarState]().union(*self._lines.values())
        self._cells = {state: self._grow(state) for state in states if state not in known}
        self._grids = {room: self._grids[room] for room in drawn}
        for room in {*drawn, columns}:
            self._refit(room)
        self._grid = self._grids[columns]

    def render(self, state: BarState, columns: int) -> str:
        """One line for one bar, at most so many display columns wide."""
        line = self._lines[columns].get(state) if columns in self._lines else None
        if line is None:
            cells = self._cells.get(state)
            if cells is None or columns not in self._grids:
                cells = cells or self._grow(state)
                self._refit(columns)
            self._grid, lines = self._grids[columns], self._lines[columns]
            if len(lines) >= LINES_KEPT:
                lines.clear()
            line = lines[state] = self._row(state, cells, columns)
        return line

    # --- what the columns say ---

    def name(self, state: BarState) -> str:
        """The bar's desc, indented as deep as it is nested."""
        if not state.depth:
            return state.desc
        return "  " * (state.depth - 1) + self._signs.branch + state.desc

    def _say(self, state: BarState) -> Cells:
        n, total = counts(state) if state.counted else ("", "")
        rate, unit = speed(state.rate, state.unit)
        return Cells(
            self.name(state),
            n,
            total,
            percent(state),
            duration(state.elapsed),
            until(state.remaining),
            rate,
            unit if len(unit) * 2 <= UNIT_MOST else clip(unit, UNIT_MOST, self._signs.mark),
            state.postfix,
        )

    def _grow(self, state: BarState) -> Cells:
        """Widen the columns for what the state says, and give that."""
        old, cells = self._natural, self._say(state)
        rate = unit = words = 0
        if state.whole:
            # what went wrong stands where the rate would; its room is kept from the start
            rate = max(4, len(cells.rate), old.rate)
            unit = max(len(state.unit) + 2, width(cells.unit), width(cells.words) - rate - 1)
        elif not says(state):
            words = width(cells.words) if cells.words else 0
            if cells.rate:
                rate, unit = len(cells.rate), width(cells.unit)
        need = (
            width(cells.desc),
            BAR_MOST if cells.percent else 0,
            # as much room for n as it can need before its total
            max(len(cells.n), len(cells.total)),
            len(cells.total),
            4 if cells.percent else 0,
            len(cells.elapsed),
            max(len(cells.remaining), 4 if cells.total else 0),
            rate,
            unit,
            words,
        )
        if any(map(gt, need, old)):
            self._natural = Grid(*map(max, need, old))
        return cells

    def _refit(self, columns: int) -> None:
        """Fit the grid into so many columns; lines that were made with another are gone."""
        grid = fit(self._natural, columns)
        if grid != self._grids.get(columns):
            self._grids[columns], self._lines[columns] = grid, {}

    # --- the row ---

    def _row(self, state: BarState, cells: Cells, columns: int) -> str:
        grid = self._grid
        glyph = self.glyph(state)
        styles = STYLES[state.status]
        if not grid.desc and not grid.percent:
            return self._least(state, cells, columns)
        message = says(state)
        if message:
            return self._join(self._message(glyph, message, styles, cells, columns))
        if state.whole:
            styles = styles._replace(desc="bold", numbers="")
        desc = self.fill(cells.desc, grid.desc)
        lead = [("", "  ")] if glyph == " " else [(styles.glyph, glyph), ("", " ")]
        row = [*lead, (styles.desc, desc)]
        if grid.bar:
            row += self._bar(state, cells, styles)
        numbers = ""
        if grid.n:
            numbers = f"{GAP}{cells.n:>{grid.n}}"
            if grid.total:
                numbers += f"/{cells.total:<{grid.total}}" if cells.total else _blank(grid.total)
        if grid.percent:
            numbers += f"{GAP}{cells.percent:>{grid.percent}}"
        row.append((styles.numbers, numbers))
        times = ""
        if grid.elapsed:
            times = f"{GAP}{cells.elapsed:>{grid.elapsed}}"
            if grid.remaining:
                some = cells.remaining
                times += f"<{some:<{grid.remaining}}" if some else _blank(grid.remaining)
        if not grid.speed:
            row.append(("dim", times))
        elif state.whole and cells.words:
            room = grid.speed + (len(GAP) + grid.words if grid.words else 0)
            row += [("dim", times + GAP), (_wrong(cells), self._cut(cells.words, room))]
            return self._join(row)
        else:
            rate = f"{cells.rate:>{grid.rate}} {cells.unit}" if cells.rate else ""
            pad = " " * (grid.speed - width(rate)) if grid.words else ""
            row.append(("dim", times + GAP + rate + pad))
        if grid.words and not state.whole:
            row.append(("dim", GAP + self._cut(cells.words, grid.words)))
        return self._join(row)

    def _bar(self, state: BarState, cells: Cells, styles: Styles) -> list[tuple[str, str]]:
        columns = self._grid.bar
        if state.fraction is None:
            return [("", " " * (len(GAP) + columns))]
        words = ""
        if state.whole and cells.words and not self._grid.speed:
            # there is no column for what went wrong: it takes of the bar, or all of it
            words = GAP + cells.words
            columns -= width(words)
            if columns < BAR_LEAST:
                words = GAP + self.fill(cells.words, self._grid.bar)
                return [(_wrong(cells), words)]
        done, rest = self._draw(state, columns)
        row = [("", GAP), (styles.bar, done), ("rest", rest)]
        return [*row, (_wrong(cells), words)] if words else row

    def _message(
        self, glyph: str, message: str, styles: Styles, cells: Cells, columns: int
    ) -> list[tuple[str, str]]:
        """The row of a task with a message, which stands across the columns of the bar.

        The time stays in its own column, unless the message is so long that it takes the
        rest of the row.
        """
        grid = self._grid
        across = (group for group in (grid.bar, grid.numbers, grid.percent) if group)
        room = sum(len(GAP) + group for group in across) - len(GAP)
        desc, time = grid.desc, ""
        if grid.elapsed and width(message) <= room:
            time = f"{GAP}{cells.elapsed:>{grid.elapsed}}"
        else:
            room = columns - len(GAP) - 2
            if room - desc < MESSAGE_LEAST:
                desc = min(desc, width(cells.desc), max(columns // 3, 6))
            room -= desc
        row = [(styles.glyph, glyph), ("", " "), (styles.desc, self.fill(cells.desc, desc))]
        if room > 4:
            row += [("", GAP), (styles.message, self.fill(message, room)), ("dim", time)]
        return row

    def _least(self, state: BarState, cells: Cells, columns: int) -> str:
        """What is left of a row where not even desc and percent have room."""
        style = STYLES[state.status].glyph
        glyph = self.glyph(state)
        if glyph == " ":
            levels = self._signs.levels
            level = levels[min(_steps(state, len(levels)), len(levels) - 1)]
            glyph, style = (cells.percent, "") if columns >= 4 else (level, style)
        if columns < 4:
            return self._join([(style, glyph)])
        desc = self._cut(cells.desc.strip(), columns - 5) if columns >= 8 else ""
        return self._join([(style, f"{glyph:>4} "), ("bold" if state.whole else "", desc)])

    def glyph(self, state: BarState) -> str:
        """The sign of the bar's status, one column; a blank where a running bar says it."""
        if state.status is RUNNING and state.fraction is None:
            spinner = self._signs.spinner
            return spinner[int(sane(state.elapsed) % 3600 * SPINNER_RATE) % len(spinner)]
        return self._signs.glyphs[state.status]

    def _draw_unicode(self, state: BarState, columns: int) -> tuple[str, str]:
        whole, half = divmod(_steps(state, 2 * columns), 2)
        return "━" * whole + "╾" * half, "─" * (columns - whole - half)

    def _draw_ascii(self, state: BarState, columns: int) -> tuple[str, str]:
        inner = columns - 2
        steps = _steps(state, inner)
        head = ">" if 0 < steps < inner else ""
        return "[" + "=" * (steps - len(head)) + head, "-" * (inner - steps) + "]"

    def _cut(self, text: str, columns: int) -> str:
        return clip(text, columns, self._signs.mark)

    def fill(self, text: str, columns: int) -> str:
        """The text, cut or padded to so many display columns."""
        missing = columns - width(text)
        if missing < 0:
            text = self._cut(text, columns)
            missing = columns - width(text)
        return text + " " * missing

    def _join(self, row: list[tuple[str, str]]) -> str:
        """The pieces, each in its style, without the blanks at the end."""
        while row and not row[-1][1].strip():
            row.pop()
        paint = self.theme.paint
        line = pending = current = ""
        for style, text in row:
            if style != current:
                line += paint(current, pending) if current else pending
                current, pending = style, text
            else:
                pending += text
        return line + paint(current, pending.rstrip())


class Styles(NamedTuple):
    """The styles of the parts of a row."""

    glyph: str
    desc: str
    bar: str
    numbers: str
    message: str


STYLES = {
    PENDING: Styles("dim", "dim", "dim", "dim", "dim"),
    RUNNING: Styles("bar", "", "bar", "", ""),
    DONE: Styles("done", "dim", "done", "dim", "dim"),
    FAILED: Styles("failed", "bold", "failed", "dim", "failed"),
    CANCELLED: Styles("cancelled", "dim", "dim", "dim", "dim"),
    LOST: Styles("lost", "bold", "lost", "dim", "lost"),
}


def make(theme: Theme) -> BarRenderer:
    """The native look, drawn by `theme`."""
    return BarRenderer(theme)


def says(state: BarState) -> str:
    """The words that stand in the place of the bar; empty where the bar itself does."""
    if state.whole or state.status in (RUNNING, DONE):
        return ""
    if state.status is PENDING and state.counted:
        return ""
    return state.message or ("cancelled" if state.status is CANCELLED else "")


def _steps(state: BarState, steps: int) -> int:
    """How many of so many steps are done: all of them only where nothing is left."""
    if state.total is not None and state.n >= state.total:
        return steps
    return max(0, min(steps - 1, int((state.fraction or 0.0) * steps + 1e-9)))


def _blank(columns: int) -> str:
    return " " * (columns + 1)


def _wrong(cells: Cells) -> str:
    return "failed" if "failed" in cells.words else "cancelled"
