"""The columns of the native look: how wide each is, and which leave where there is no room.

Never here: what the columns say.
"""

from __future__ import annotations

from typing import NamedTuple

#: The least and the most columns of a bar.
BAR_LEAST, BAR_MOST = 8, 40
#: Of spare room, the bar comes to so many columns before a cut desc gets any.
BAR_FAIR = 16
#: The most columns of a unit, and those of a postfix while the bar is short.
UNIT_MOST, WORDS_FAIR = 12, 16

#: What stands between two columns.
GAP = "  "


class Grid(NamedTuple):
    """The display columns of each column of the grid; 0 where it is not shown."""

    desc: int = 0
    bar: int = 0
    n: int = 0
    total: int = 0
    percent: int = 0
    elapsed: int = 4
    remaining: int = 0
    rate: int = 0
    unit: int = 0
    words: int = 0

    @property
    def numbers(self) -> int:
        return self.n + (1 + self.total if self.total else 0)

    @property
    def speed(self) -> int:
        return self.rate + 1 + self.unit if self.rate else 0

    @property
    def times(self) -> int:
        return self.elapsed + (1 + self.remaining if self.remaining else 0)

    @property
    def figures(self) -> int:
        """All that stands right of the bar, with the gaps before."""
        groups = (self.numbers, self.percent, self.times, self.speed, self.words)
        return sum(len(GAP) + group for group in groups if group)

    def without(self, *names: str) -> Grid:
        return self._replace(**dict.fromkeys(names, 0))


#: What leaves the grid as the glass gets narrower, one after the other.
_LEAVING = (
    (),
    ("rate", "unit"),
    ("words",),
    ("remaining",),
    ("n", "total"),
    ("elapsed",),
    ("bar",),
)


def fit(natural: Grid, columns: int) -> Grid:
    """The grid that has room in so many columns, of a grid that may be wider.

    Args:
        natural: what every column would take.
        columns: display columns there are.
    """
    room = columns - 2
    desc = min(natural.desc, max(8, columns * 3 // 10))
    grid = natural
    for names in _LEAVING:
        grid = grid.without(*names)
        words = min(grid.words, WORDS_FAIR)
        least = BAR_LEAST + len(GAP) if grid.bar else 0
        spare = room - desc - least - (grid.figures - grid.words + words)
        if spare >= 0:
            break
    if spare < 0:
        # nothing is left but desc and percent
        desc = room - grid.figures
        return grid._replace(desc=desc, words=0) if desc >= 3 else Grid(elapsed=0)
    bar = 0
    if grid.bar:
        bar = BAR_LEAST + min(spare, BAR_FAIR - BAR_LEAST)
        spare -= bar - BAR_LEAST
    more = min(spare, natural.desc - desc)
    desc, spare = desc + more, spare - more
    more = min(spare, grid.words - words)
    words, spare = words + more, spare - more
    if bar:
        bar = min(bar + spare, BAR_MOST)
    return grid._replace(desc=desc, bar=bar, words=words)
