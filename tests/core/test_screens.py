"""The terminal whose screen can be read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from barexec.testing import Screen

SOME = st.sampled_from(
    [
        *("a", "bcd", "0123456789" * 3, "日本", "é", "e\u0301", "\r", "\n", "\b", "\x1b[3C"),
        *("\x1b[A", "\x1b[31m", "\x1b[m", "\x1b[2;5H", "\x1b[4h", "\x1b[4l", "\x1b[?7l"),
        *("\x1b[?7h", "\x1b[K"),
    ]
)


@given(st.lists(SOME, max_size=12), st.integers(1, 12), st.integers(1, 4))
def test_text_may_come_in_pieces_of_any_length(text: list[str], columns: int, rows: int) -> None:
    whole, pieces = Screen(columns, rows), Screen(columns, rows)
    whole.write("".join(text))
    for char in "".join(text):
        pieces.write(char)
    for screen in (whole, pieces):  # what is beneath is compared by wrapping it anew
        screen.resize(columns + 3, rows)
    assert whole.history == pieces.history
    assert whole.cursor == pieces.cursor
    assert [whole.runs(row) for row in range(rows)] == [pieces.runs(row) for row in range(rows)]


def test_a_long_text_is_wrapped_and_half_of_a_wide_character_is_blank() -> None:
    screen = Screen(6, 3)
    screen.write("日本語\rx")
    assert screen.rows == ("x 本語", "", "")
    screen.write("abcde")
    assert screen.rows == ("xabcde", "", "")
    screen.write("0123456789abcdef")
    assert screen.history == ("xabcde",)
    assert screen.rows == ("012345", "6789ab", "cdef")
    assert screen.cursor == (4, 2)


def test_lines_are_rows_put_together_where_they_were_wrapped() -> None:
    screen = Screen(6, 3)
    screen.write("0123456789\nabcdef\nx")
    assert screen.history == ("012345",)
    assert screen.rows == ("6789", "abcdef", "x")
    assert screen.lines() == ("0123456789", "abcdef", "x")
    assert screen.lines(history=False) == ("6789", "abcdef", "x")
    screen.write("\x1b[Habcdefg")
    assert screen.lines(history=False) == ("abcdefgbcdef", "x")
