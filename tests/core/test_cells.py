"""Lines as cells: what stands in each column, and what is written where two lines differ."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barexec.painters.cells import GAP, Cells, cells, differences, rows_of
from barexec.terminal_text import columns_of, printable, width

RED, BOLD, END = "\x1b[31m", "\x1b[1m", "\x1b[m"
ACUTE = "\N{COMBINING ACUTE ACCENT}"


@pytest.mark.parametrize(
    ("line", "chars", "styles"),
    [
        ("", [], []),
        ("ab", ["a", "b"], ["", ""]),
        (f"a{RED}b{END}c", ["a", "b", "c"], ["", RED, ""]),
        (f"{RED}a\x1b[0mb", ["a", "b"], [RED, ""]),
        (f"{RED}a{BOLD}b{END}c", ["a", "b", "c"], [RED, RED + BOLD, ""]),
        (f"{RED}a\x1b[0;1mb", ["a", "b"], [RED, "\x1b[0;1m"]),
        ("日x", ["日", "", "x"], ["", "", ""]),
        (f"{RED}日{END}本", ["日", "", "本", ""], [RED, RED, "", ""]),
        (f"x{ACUTE}y", [f"x{ACUTE}", "y"], ["", ""]),
        (f"日{ACUTE}y", [f"日{ACUTE}", "", "y"], ["", "", ""]),
        (f"日{ACUTE}{ACUTE}", [f"日{ACUTE}{ACUTE}", ""], ["", ""]),
        (f"{RED}x{END}{ACUTE}", [f"x{ACUTE}"], [RED]),
        (f"{ACUTE}x", ["x"], [""]),
        ("é ", ["é"], [""]),
        (f"a  {RED}{END}  ", ["a"], [""]),
        (f"a {RED} {END}", ["a", " ", " "], ["", "", RED]),
    ],
    ids=repr,
)
def test_a_line_has_one_cell_for_each_column(
    line: str, chars: list[str], styles: list[str]
) -> None:
    """Blanks at the end are the same as nothing, unless they have a style."""
    assert cells(line) == Cells(chars, styles)


@pytest.mark.parametrize(
    "line", ["plain ━━╾─ ✓ café", f"b{ACUTE}", "日本語 カナ 한국어", "Привет Ωλ"]
)
def test_of_most_text_the_columns_are_sure(line: str) -> None:
    assert cells(line).sure and cells(f"{RED}{line}{END}").sure


@pytest.mark.parametrize("line", ["हिन्दी", "🎉 party", "👩💻", "שלום", "a\u3099"])
def test_of_some_scripts_and_of_emoji_they_are_not(line: str) -> None:
    assert not cells(line).sure
    assert not cells(f"{RED}plain{END} {BOLD}{line}{END} plain").sure


@pytest.mark.parametrize(
    ("line", "columns", "rows"),
    [
        ("", 5, 1),
        ("12345", 5, 1),
        ("123456", 5, 2),
        ("1234567890", 5, 2),
        (f"{RED}123456{END}", 5, 2),
        ("日本語", 6, 1),
        ("日本語", 5, 2),
        # a wide character goes whole to the next row
        ("日本語中", 5, 2),
        ("日本語中文", 5, 3),
        ("1日本語中", 5, 2),
        ("日本語", 3, 3),
        ("日本", 1, 4),
    ],
)
def test_rows_that_a_line_takes_where_it_is_wrapped(line: str, columns: int, rows: int) -> None:
    assert rows_of(cells(line), columns) == rows


@pytest.mark.parametrize(
    ("old", "new", "written"),
    [
        ("same", "same", []),
        ("", "new", [(0, 3)]),
        ("old", "", []),
        ("longer", "long", []),
        ("short", "shorter", [(5, 7)]),
        ("12%", "13%", [(1, 2)]),
        # to move costs more than to write what is between
        (f"a{'-' * GAP}a", f"b{'-' * GAP}b", [(0, GAP + 2)]),
        (f"a-{'-' * GAP}a", f"b-{'-' * GAP}b", [(0, 1), (GAP + 2, GAP + 3)]),
        ("plain", f"{RED}plain{END}", [(0, 5)]),
        (f"{RED}plain{END}", "plain", [(0, 5)]),
        # never half a wide character
        ("日本", "日木", [(2, 4)]),
        ("日本", "日ab", [(2, 4)]),
        ("abcd", "日cd", [(0, 2)]),
        ("a日b", "日ab", [(0, 3)]),
        ("日日日", "a日日", [(0, 5)]),
        (f"日{RED}本{END}", "日本", [(2, 4)]),
        (f"x{ACUTE}y", "xy", [(0, 1)]),
    ],
    ids=repr,
)
def test_what_differs_is_written(old: str, new: str, written: list[tuple[int, int]]) -> None:
    assert list(differences(cells(old), cells(new))) == written


def glyphs(line: str) -> list[tuple[str, int]]:
    """The characters of a line, and how wide each is."""
    return [(char, columns_of(char)) for char in re.sub(r"\x1b\[[\d;]*m", "", line)]


# few characters, so that lines have much in common
texts = st.text("ab -日한🎉é" + ACUTE, max_size=12)
styled = st.tuples(st.sampled_from(["", RED, BOLD]), texts).map(
    lambda piece: f"{piece[0]}{piece[1]}{END}" if piece[0] else piece[1]
)
lines = st.lists(styled, max_size=4).map("".join)


@given(lines)
def test_cells_keep_all_that_is_seen(line: str) -> None:
    some = cells(line)
    assert len(some.chars) == len(some.styles)
    seen = re.sub(r"\x1b\[[\d;]*m", "", line).lstrip(ACUTE)
    assert "".join(some.chars).rstrip(" ") == seen.rstrip(" ")
    assert len(some.chars) <= width(line)
    for at, char in enumerate(some.chars):
        wide = sum(map(columns_of, char)) == 2
        assert (some.chars[at + 1 : at + 2] == [""]) == wide


@given(st.text(max_size=30).map(printable))
def test_any_printable_text_has_cells(text: str) -> None:
    assert len(cells(text + "|").chars) == width(text) + 1


@given(lines, lines)
def test_writing_the_differences_turns_one_line_into_the_other(before: str, after: str) -> None:
    old, new = cells(before), cells(after)
    glass = {at: (char, old.styles[at]) for at, char in enumerate(old.chars)}
    end = -1
    for begin, stop in differences(old, new):
        assert end < begin < stop <= len(new.chars), "from left to right, and apart"
        for edge in (begin, stop):  # no wide character is cut, neither of the two lines
            assert new.chars[edge : edge + 1] != [""]
        for at in range(begin, stop):
            if glass.get(at, " ")[0] == "" and at == begin:
                raise AssertionError("the left half of an old wide character stays")
            glass[at] = new.chars[at], new.styles[at]
        end = stop
        if glass.get(end, " ")[0] == "":
            assert end >= len(new.chars), "the right half of an old wide character stays"
    blank = " ", ""
    shown = [glass.get(at, blank) for at in range(len(new.chars))]
    assert shown == list(zip(new.chars, new.styles, strict=True))


@given(lines, lines)
def test_not_much_more_than_the_differences_is_written(before: str, after: str) -> None:
    old, new = cells(before), cells(after)
    blank = len(new.chars) - len(old.chars)
    was = Cells(old.chars + [" "] * blank, old.styles + [""] * blank)
    differ = {
        at
        for at, char in enumerate(new.chars)
        if (char, new.styles[at]) != (was.chars[at], was.styles[at])
    }
    written = {at for span in differences(old, new) for at in range(*span)}
    assert differ <= written
    for begin, end in differences(old, new):
        assert begin in differ or begin + 1 in differ
        changes = sorted(differ & set(range(begin, end)))
        assert all(b - a <= GAP + 1 for a, b in pairwise(changes))
