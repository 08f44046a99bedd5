"""Where on the screen each task is: places for blocks of rows, in numbers alone.

`pin` gives the blocks that were told where to be just that place. `flow` gives the others
the rows that are left: a block stays where it is while its task runs, blank rows below it
are kept for what may still come there, and what has ended makes room.

Never here: a task, a text, how a bar looks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

#: Column and row, from 0, as the user tells them.
Location = tuple[int, int]


class Place(NamedTuple):
    """A block of rows, of the frame or of the columns of it that it may use.

    Attributes:
        row: its first row.
        height: how many rows it has, at least 1.
        column: its first column.
        columns: how many columns it has; None for all.
    """

    row: int
    height: int
    column: int = 0
    columns: int | None = None

    @property
    def rows(self) -> range:
        return range(self.row, self.row + self.height)


def pin(wanted: Mapping[Location, int], columns: int, rows: int) -> dict[Location, Place]:
    """Places for blocks that were told where to be.

    A block reaches to the right, up to one column before the next in its first row, and
    down as far as no other block is there.

    Args:
        wanted: how many rows each should have, at least 1, by where it begins.
        columns, rows: what there is.

    Returns:
        The places, from left to right. One that begins off the screen, or has no column
        before the next, is missing.
    """
    pinned: dict[Location, Place] = {}
    taken = defaultdict[int, list[Place]](list)
    ends = defaultdict[int, int](lambda: columns)
    for x, y in sorted(wanted, reverse=True):
        if 0 <= x < ends[y] and 0 <= y < rows:
            pinned[x, y] = Place(y, 1, x, ends[y] - x)
            taken[y].append(pinned[x, y])
            ends[y] = x - 1
    for x, y in sorted(pinned, key=lambda at: at[::-1]):
        place = pinned[x, y]
        for row in range(y + 1, min(y + wanted[x, y], rows)):
            if any(_meet(place, other) for other in taken[row]):
                break
            taken[row].append(place)
            pinned[x, y] = place._replace(height=row + 1 - y)
    return dict(sorted(pinned.items()))


def _meet(one: Place, other: Place) -> bool:
    """Whether no blank column would be between them in one row."""
    assert one.columns is not None  # both are pinned
    assert other.columns is not None
    return one.column <= other.column + other.columns and other.column <= one.column + one.columns


def pour(heights: Iterable[int], taken: Container[int]) -> Iterator[Place]:
    """Blocks of such heights, one below the other, around the rows that are taken."""
    row = 0
    for height in heights:
        while any(at in taken for at in range(row, row + height)):
            row += 1
        yield Place(row, height)
        row += height


def flow(
    needs: Mapping[int, int],
    running: Container[int],
    spare: Mapping[int, int],
    old: dict[int, Place],
    free: Sequence[int],
) -> dict[int, Place]:
    """Places for blocks that were told none, in the rows that are free.

    What runs does not move unless there is no other way. Fresh blocks get rows that
    nobody has, or those of what ended first. Above what runs, blank rows belong to the
    block above them: it keeps the height that it had. Below, all close up.

    Args:
        needs: how many rows each block should have, by the id of its task, the most
            important first; no more blocks than there are free rows. Where rows are too
            few, the highest are cut.
        running: the ids of those that run.
        spare: the same as `needs`, for ended tasks that have rows only if some are to
            spare: the newest first.
        old: what this returned for the frame before.
        free: the rows there are, ascending.

    Returns:
        The places by id, from the top down.
    """
    kept = _kept(running, old, frozenset(free))
    placed: dict[int, Place] | None = None
    for heights, stay in _tries(needs, kept):
        room = len(free) - sum(heights.values())
        if room < 0:
            continue
        ended: dict[int, int] = {}
        for id, need in spare.items():
            if id in old and (height := max(1, kept[id])) <= room:
                ended[id] = max(height, min(need, room))
                room -= ended[id]
        placed = _settle(heights, running, ended, old, free, stay)
        if placed is None and ended:
            placed = _settle(heights, running, {}, old, free, stay)
        if placed is not None:
            break
    assert placed is not None  # one row for each there is

    last = max((place.row for id, place in placed.items() if id in running), default=-1)
    closed = _close_up(placed, last, free)
    unseen = {id: need for id, need in spare.items() if id not in closed}
    return dict(sorted({**closed, **_fill(closed, unseen, free)}.items(), key=_by_row))


def _close_up(placed: Mapping[int, Place], last: int, free: Sequence[int]) -> dict[int, Place]:
    """These places without blank rows in between.

    Down to the row `last` nobody moves: blank rows belong to the block above them.
    """
    left = _left(free, placed)
    closed = dict[int, Place]()
    at = 0
    for id, place in sorted(placed.items(), key=_by_row):
        if place.row < last:
            place = place._replace(height=place.height + _run(left, place.rows.stop))
        elif place.row > last:
            left.update(place.rows)
            row = _fit(left, place.height, at, place.rows.stop)
            assert row is not None  # where it was, if nowhere above
            place = place._replace(row=row)
        left.difference_update(place.rows)
        closed[id] = place
        at = place.rows.stop
    return closed


def _fill(
    placed: Mapping[int, Place], spare: Mapping[int, int], free: Sequence[int]
) -> dict[int, Place]:
    """Places in the rows that are left: for the first of `spare`, the first at the bottom."""
    left = _left(free, placed)
    chosen = dict[int, int]()
    room = len(left)
    for id, need in spare.items():
        if room:
            chosen[id] = min(need, room)
            room -= chosen[id]
    filled = dict[int, Place]()
    for id, most in reversed(chosen.items()):
        for height in (most, 1):
            row = _fit(left, height, 0, free[-1] + 1)
            if row is not None:
                filled[id] = Place(row, height)
                left.difference_update(filled[id].rows)
                break
    return filled


def _kept(running: Container[int], old: dict[int, Place], free: Container[int]) -> dict[int, int]:
    """The heights that blocks had, and keep; 0 for those that may close up."""
    heights, above = dict[int, int](), False
    for id in reversed(old):
        above = above or id in running
        heights[id] = min(old[id].height, _run(free, old[id].row)) if above else 0
    return heights


def _tries(
    needs: Mapping[int, int], kept: Mapping[int, int]
) -> Iterator[tuple[dict[int, int], bool]]:
    """Heights to try, one after the other, and whether what runs is to stay in its row."""
    yield {id: max(need, kept.get(id, 0)) for id, need in needs.items()}, True
    for most in range(max(needs.values(), default=1), 0, -1):
        heights = {id: min(need, most) for id, need in needs.items()}
        yield heights, True
        yield heights, False


def _settle(
    heights: Mapping[int, int],
    running: Container[int],
    ended: Mapping[int, int],
    old: dict[int, Place],
    free: Sequence[int],
    stay: bool,
) -> dict[int, Place] | None:
    """Places for all of `heights`, and for those of `ended` whose rows nobody needs.

    Returns None if they do not fit.
    """
    left, usable = set(free), frozenset(free)
    end = free[-1] + 1 if free else 0
    placed = dict[int, Place]()

    def put(id: int, row: int | None, height: int) -> bool:
        if row is None or not height:
            return False
        placed[id] = Place(row, height)
        left.difference_update(placed[id].rows)
        return True

    at = 0
    for id, was in old.items():
        height = heights.get(id)
        if height is None:
            continue
        rows = was.rows[:height]
        if stay and not usable.issuperset(rows):
            if id in running and rows[-1] >= end:
                return None  # there are fewer rows than there were: all keep their order
            continue  # a pin is there now: it alone moves
        if not put(id, _fit(left, height, max(at, was.row) if stay else at, end), height):
            return None
        at = placed[id].rows.stop
    for id, height in ended.items():
        put(id, old[id].row, min(height, _run(left, old[id].row)))
    for id, height in heights.items():
        if id not in placed and not put(id, _fit(left, height, 0, end), height):
            return None
    return placed


def _left(free: Sequence[int], placed: Mapping[int, Place]) -> set[int]:
    """The rows that no block has."""
    return set(free).difference(*(place.rows for place in placed.values()))


def _by_row(item: tuple[int, Place]) -> int:
    return item[1].row


def _run(rows: Container[int], first: int) -> int:
    """How many rows from `first` on are among these."""
    row = first
    while row in rows:
        row += 1
    return row - first


def _fit(rows: Container[int], height: int, first: int, end: int) -> int | None:
    """The first row, from `first` on, below which there are so many rows in one piece."""
    run = 0
    for row in range(first, end):
        run = run + 1 if row in rows else 0
        if run == height:
            return row + 1 - height
    return None
