"""Blocks of rows: where they were told to be, or where there is room, and staying there."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from barexec.places import Place, flow, pin, pour


def at(*rows: int) -> dict[int, Place]:
    """Blocks 1, 2, … of one row each."""
    return {id: Place(row, 1) for id, row in enumerate(rows, 1)}


def test_a_pin_reaches_to_the_next_and_down_to_the_next() -> None:
    assert pin({(0, 1): 1, (40, 1): 1, (10, 3): 1}, 79, 24) == {
        (0, 1): Place(1, 1, 0, 39),
        (40, 1): Place(1, 1, 40, 39),
        (10, 3): Place(3, 1, 10, 69),
    }
    deep = pin({(0, 1): 9, (40, 1): 2, (40, 2): 1, (0, 5): 9}, 79, 8)
    assert deep[0, 1] == Place(1, 4, 0, 39)
    assert deep[40, 1].height == 1
    assert deep[0, 5] == Place(5, 3, 0, 79)


def test_a_pin_without_a_column_is_missing() -> None:
    assert pin({(79, 0): 1, (0, 24): 1, (-1, 2): 1, (2, -1): 1}, 79, 24) == {}
    assert pin({(4, 0): 1, (5, 0): 1}, 79, 24) == {(5, 0): Place(0, 1, 5, 74)}
    assert pin({(3, 0): 1, (5, 0): 1}, 79, 24)[3, 0].columns == 1


def test_pouring_goes_around_what_is_taken() -> None:
    assert list(pour([1, 2, 1], {1, 4})) == [Place(0, 1), Place(2, 2), Place(5, 1)]


def test_a_pin_moves_only_the_block_that_it_meets() -> None:
    needs = dict.fromkeys((1, 2, 3), 1)
    assert flow(needs, needs, {}, at(1, 2, 3), [1, 3, 4, 5]) == {
        1: Place(1, 1),
        3: Place(3, 1),
        2: Place(4, 1),
    }


def test_a_block_that_grows_pushes_those_below() -> None:
    assert flow({1: 2, 2: 1}, {1, 2}, {}, at(1, 2), range(1, 6)) == {1: Place(1, 2), 2: Place(3, 1)}
    # but what is done gives its row, or goes
    old = at(1, 2, 3)
    assert flow({1: 2, 3: 1}, {1, 3}, {2: 1}, old, range(1, 6)) == {
        1: Place(1, 2),
        3: Place(3, 1),
        2: Place(4, 1),
    }
    assert flow({1: 2, 3: 1}, {1, 3}, {2: 1}, old, range(1, 4)) == {1: Place(1, 2), 3: Place(3, 1)}


def test_a_block_is_in_one_piece_or_cut() -> None:
    assert flow({1: 2, 2: 1}, {1, 2}, {}, {}, [0, 2, 4, 5]) == {2: Place(0, 1), 1: Place(4, 2)}
    assert flow({1: 2, 2: 1}, {1, 2}, {}, {}, [0, 2, 4]) == {1: Place(0, 1), 2: Place(2, 1)}


def test_what_ended_makes_room_for_a_block_in_one_piece() -> None:
    assert flow({2: 2}, {2}, {1: 1}, {1: Place(1, 1)}, range(3)) == {2: Place(0, 2), 1: Place(2, 1)}
    # and has one row where there is no room for all of its own
    assert flow({}, (), {1: 2}, {}, [0, 2]) == {1: Place(0, 1)}


def test_what_ended_first_goes_first_unless_its_row_is_of_no_use() -> None:
    old = {**at(0, 1, 2), 4: Place(3, 1)}
    assert flow({4: 1, 5: 1}, {4, 5}, {1: 1, 3: 1, 2: 1}, old, range(4)).keys() == {1, 3, 4, 5}
    old = {1: Place(0, 2), 2: Place(2, 1), 3: Place(3, 1)}
    assert flow({3: 1, 4: 1, 5: 1}, {3, 4, 5}, {1: 1, 2: 1}, old, range(4)) == {
        4: Place(0, 1),
        5: Place(1, 1),
        2: Place(2, 1),
        3: Place(3, 1),
    }


def test_blank_rows_above_what_runs_are_kept_while_there_is_room() -> None:
    old = {1: Place(0, 3), 2: Place(3, 1)}
    assert flow({1: 1, 2: 1}, {1, 2}, {}, old, range(5)) == old
    fresh = flow({1: 1, 2: 1, 3: 1}, {1, 2, 3}, {}, old, range(5))
    assert fresh == {**old, 3: Place(4, 1)}
    assert flow({1: 1, 2: 1, 3: 1, 4: 1}, {1, 2, 3, 4}, {}, fresh, range(5)) == {
        1: Place(0, 1),
        4: Place(1, 2),
        2: Place(3, 1),
        3: Place(4, 1),
    }


def test_below_what_runs_all_close_up() -> None:
    old = {1: Place(0, 1), 2: Place(1, 3), 3: Place(4, 1)}
    assert flow({1: 1}, {1}, {3: 1, 2: 1}, old, range(9)) == at(0, 1, 2)


heights = st.dictionaries(st.integers(1, 12), st.integers(1, 5), max_size=12)


@st.composite
def frames(draw: st.DrawFn) -> list[tuple[dict[int, int], set[int], dict[int, int], list[int]]]:
    """What several frames ask of `flow`, one after the other."""
    some = []
    for _ in range(draw(st.integers(1, 5))):
        free = sorted(draw(st.sets(st.integers(0, 12), min_size=1)))
        wanted = draw(heights)
        spare = draw(st.sets(st.sampled_from(sorted(wanted)))) if wanted else set[int]()
        needs = {id: n for id, n in wanted.items() if id not in spare}
        needs = dict(list(needs.items())[: len(free)])
        running = draw(st.sets(st.sampled_from(sorted(needs)))) if needs else set[int]()
        some.append((needs, running, {id: wanted[id] for id in spare}, free))
    return some


def disjoint(placed: Mapping[int, Place]) -> bool:
    return all(
        one.rows.stop <= other.row or other.rows.stop <= one.row
        for one, other in combinations(placed.values(), 2)
    )


@given(frames())
def test_whatever_happens_blocks_have_rows_of_their_own(
    some: list[tuple[dict[int, int], set[int], dict[int, int], list[int]]],
) -> None:
    old: dict[int, Place] = {}
    for needs, running, spare, free in some:
        placed = flow(needs, running, spare, old, free)
        assert disjoint(placed)
        assert {row for place in placed.values() for row in place.rows} <= set(free)
        assert needs.keys() <= placed.keys() <= needs.keys() | spare.keys()
        assert all(place.height >= 1 for place in placed.values())
        taken = sum(place.height for place in placed.values())
        if all(need == 1 for need in spare.values()):
            # no row is left over while an ended task has none
            assert taken == len(free) or spare.keys() <= placed.keys()
        grown = {id: max(need, old[id].height if id in old else 0) for id, need in needs.items()}
        if all(height == 1 for height in grown.values()):
            for id in running & old.keys() & set(placed):
                assert placed[id].row == old[id].row or old[id].row not in free
        old = placed


locations = st.tuples(st.integers(-1, 45), st.integers(-1, 12))


@given(st.dictionaries(locations, st.integers(1, 6)), st.integers(1, 40), st.integers(1, 10))
def test_pins_never_meet(wanted: dict[tuple[int, int], int], columns: int, rows: int) -> None:
    pinned = pin(wanted, columns, rows)
    grid: dict[tuple[int, int], tuple[int, int]] = {}
    for where, place in pinned.items():
        assert (place.column, place.row) == where
        assert 1 <= place.height <= wanted[where]
        assert place.columns is not None
        assert place.columns >= 1
        assert place.column + place.columns <= columns
        assert place.rows.stop <= rows
        for row in place.rows:
            for column in range(place.column, place.column + place.columns):
                assert grid.setdefault((column, row), where) == where
                assert grid.get((column + 1, row), where) == where
                assert grid.get((column - 1, row), where) == where
    for x, y in wanted.keys() - pinned.keys():
        beside = (x + 1, y) in pinned
        assert beside or not (0 <= x < columns and 0 <= y < rows)
