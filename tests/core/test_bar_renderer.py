"""The native look: true figures, one grid, and no line wider than it may be."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcwidth

from barexec.renderers.bar import BarRenderer, make
from barexec.renderers.figures import counts, duration, percent, shortened, speed, until
from barexec.state import BarState, Status
from barexec.terminal_text import _NARROW, clip, printable, width
from barexec.theme import Theme

SGR = {name: f"\x1b[{code}m" for code, name in enumerate(("bar", "rest", "done", "failed"), 31)}
COLOUR = Theme(True, SGR | {"dim": "\x1b[2m", "bold": "\x1b[1m", "normal": "\x1b[m"})
PLAIN = Theme(True)


def counted(n: float, total: float | None, **other: Any) -> BarState:
    fraction = None if total is None else min(1.0, n / total) if total else 1.0
    return BarState("task", n, total, fraction=fraction)._replace(**other)


# --- figures ---


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0:00"),
        (12.99, "0:12"),
        (60, "1:00"),
        (3599.9, "59:59"),
        (3723, "1:02:03"),
        (86_399, "23:59:59"),
        (183_840, "2d 03:04"),
        (-1, "0:00"),
        (float("nan"), "0:00"),
        (float("inf"), "0:00"),
    ],
)
def test_duration(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("remaining", "shown"),
    [(None, ""), (0, "0:00"), (0.2, "0:01"), (61, "1:01"), (1e9, ""), (float("nan"), "")],
)
def test_time_to_go_is_rounded_up(remaining: float | None, shown: str) -> None:
    assert until(remaining) == shown


@pytest.mark.parametrize(
    ("rate", "unit", "shown"),
    [
        (None, "it", ("", "")),
        (0.0, "it", ("", "")),
        (11.43, "file", ("11.4", "file/s")),
        (1.0, "it", ("1.0", "it/s")),
        (0.3125, "file", ("3.2", "s/file")),
        (1 / 150, "file", ("2.5", "min/file")),
        (1 / 9000, "file", ("2.5", "h/file")),
        (1e-12, "file", ("", "")),
        (123.9, "it", ("123", "it/s")),
        (1234, "it", ("1.23k", "it/s")),
        (3_400_000, "B", ("3.40", "MB/s")),
        (340, "B", ("340", "B/s")),
        (float("inf"), "it", ("", "")),
    ],
)
def test_speed(rate: float | None, unit: str, shown: tuple[str, str]) -> None:
    assert speed(rate, unit) == shown


@pytest.mark.parametrize(
    ("n", "total", "unit", "shown"),
    [
        (3, 9, "it", ("3", "9")),
        (999_999, None, "it", ("999999", "")),
        (999_999, 1_999_999, "it", ("999k", "1.99M")),
        (12, 1_000_000, "it", ("12", "1.00M")),
        (1_234, 61_440, "B", ("1.23k", "61.4k")),
        (2.5, 10, "it", ("2.5", "10")),
        (2.96, 3, "it", ("2.9", "3")),
        (0.3, 8.2, "it", ("0.3", "8.2")),
        (0, 0, "it", ("0", "0")),
        (float("inf"), None, "it", ("?", "")),
    ],
)
def test_counts(n: float, total: float | None, unit: str, shown: tuple[str, str]) -> None:
    assert counts(counted(n, total, unit=unit)) == shown


@given(st.integers(1000, 10**33 - 1))
def test_shortened_is_rounded_down_to_three_digits(value: int) -> None:
    text = shortened(value)
    power = 10 ** (3 * (" kMGTPEZYRQ".index(text[-1])))
    whole, _, part = text[:-1].partition(".")
    assert len(whole + part) == 3
    told = int(whole + part) * power // 10 ** len(part)
    assert told <= value < told + power // 10 ** len(part)


def test_shortened_has_words_for_any_float() -> None:
    assert shortened(1e40) == "1e+40"


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_percent_is_rounded_down_and_full_only_at_the_end(n: int, total: int) -> None:
    assert percent(counted(n, total)) == f"{min(100, n * 100 // total)}%"


def test_percent_of_a_whole_with_all_parts_nearly_done_is_not_full() -> None:
    assert percent(counted(5, 9, fraction=1.0, whole=True)) == "99%"
    assert percent(counted(5, None)) == ""


# --- text ---


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\tb\nc\r\nd\x0be\x85f\u2028g\u2029h\xa0i", "a b c  d e f g h i"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07x\x1b]8;;http://a\x1b\\y\x1bPq\x1b\\z", "red xyz"),
        ("\x9b31mred\x9d0;title\x9cx", "redx"),
        ("\x1b\x1b[m[31m", "[31m"),
        ("bell\x07 nul\x00 del\x7f", "bell nul del"),
        ("\u202eabc\u202c \u2066d\u2069\u200e\u061c", "abc d"),
        ("lone \ud800", "lone \ufffd"),
        ("👩‍💻 ❤️ 👍🏽 🇩🇪", "👩💻 ❤ 👍 DE"),
        ("cafe\N{COMBINING ACUTE ACCENT}", "caf\xe9"),
        ("日本語", "日本語"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


controls = st.characters(max_codepoint=0x9F) | st.sampled_from("\x1b\x9b\x9d[]m;\u202e\u2028")
special = st.sampled_from("日한🎉👩‍💻\N{COMBINING ACUTE ACCENT}é━")
wild = st.text(st.characters() | controls | special)


@given(wild)
def test_what_is_printable_can_be_written_and_stays_as_it_is(text: str) -> None:
    shown = printable(text)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown)
    assert not re.search("[\u2028-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    assert printable(shown) == shown
    assert width(shown) == sum(max(0, wcwidth(char)) for char in shown)


def test_what_is_measured_by_counting_is_one_column_wide() -> None:
    narrow = [chr(code) for code in range(0x110000) if _NARROW.fullmatch(chr(code))]
    assert len(narrow) > 1000
    assert {wcwidth(char) for char in narrow} == {1}


@given(wild, st.integers(0, 30), st.sampled_from(["…", ".."]))
def test_clip_never_exceeds_the_columns(text: str, columns: int, mark: str) -> None:
    cut = clip(text, columns, mark)
    assert width(cut) <= columns
    assert not re.search(r"\x1b(?!\[[0-9;:]*m)", cut)
    assert clip(cut, columns, mark) == cut


@pytest.mark.parametrize(
    ("text", "columns", "cut"),
    [
        ("hello", 5, "hello"),
        ("hello", 4, "hel…"),
        ("hello", 1, "…"),
        ("hello", 0, ""),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("\x1b[31mhello\x1b[m you", 6, "\x1b[31mhello\x1b[m…"),
        ("\x1b[31mhello\x1b[m you", 4, "\x1b[31mhel…\x1b[m"),
        ("\x1b[31mhello\x1b[m", 5, "\x1b[31mhello\x1b[m"),
        ("a\x1b[2Jb\x07c", 9, "abc"),
    ],
)
def test_clip(text: str, columns: int, cut: str) -> None:
    assert clip(text, columns) == cut


# --- the grid ---

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=30).map(printable)
floats = st.floats(allow_nan=True, allow_infinity=True)
states = st.builds(
    BarState,
    desc=names,
    n=st.integers(0, 10**18) | st.floats(0, allow_nan=False),
    total=st.none() | st.integers(0, 10**18) | st.floats(0, allow_nan=False),
    unit=names,
    elapsed=floats,
    rate=st.none() | floats,
    remaining=st.none() | floats,
    status=st.sampled_from(Status),
    depth=st.integers(0, 3),
    fraction=st.none() | st.floats(0, 1),
    counted=st.booleans(),
    postfix=names,
    message=names,
    whole=st.booleans(),
)


@given(
    st.lists(states, max_size=6),
    st.integers(1, 140),
    st.sampled_from([COLOUR, PLAIN, Theme()]),
)
def test_no_line_is_wider_than_its_columns(
    rows: list[BarState], columns: int, theme: Theme
) -> None:
    renderer = make(theme)
    renderer.align(rows, columns)
    for state in rows:
        line = renderer.render(state, columns)
        assert width(line) <= columns
        assert renderer.render(state, columns) == line
        if theme is not COLOUR:
            assert "\x1b" not in line


def frame(renderer: BarRenderer, rows: list[BarState], columns: int = 79) -> list[str]:
    renderer.align(rows, columns)
    return [renderer.render(state, columns) for state in rows]


MIXED = [
    counted(23, 61, desc="whole", whole=True, elapsed=12, remaining=19, rate=1.5, unit="task"),
    counted(26, 34, desc="日本", elapsed=2, remaining=1, rate=11.4, unit="file"),
    counted(3, 1800, desc="a longer name", elapsed=100, remaining=4000, rate=0.3, unit="file"),
    counted(4, 7, desc="inner", depth=1, elapsed=0.5, rate=4.0),
    counted(9, 9, desc="done", status=Status.DONE, elapsed=1, rate=61.0, unit="file"),
]


@pytest.mark.parametrize("columns", [50, 60, 79, 119, 199])
def test_rows_share_one_grid(columns: int) -> None:
    lines = frame(make(PLAIN), MIXED, columns)
    assert len({width(line[: re.search("[━╾─]", line).start()]) for line in lines}) == 1  # type: ignore[union-attr]
    assert len({width(line[: line.index("%")]) for line in lines}) == 1
    if columns > 60:
        assert len({width(line[: line.index("/")]) for line in lines}) == 1
        assert len({width(line[: line.rindex(" ")]) for line in lines}) == 1
    times = [line.index("<") - len(line) + width(line) for line in lines if "<" in line]
    assert len(set(times)) <= 1


def test_columns_never_shrink() -> None:
    renderer = make(PLAIN)
    before = frame(renderer, MIXED)[0]
    assert frame(renderer, MIXED[:1])[0] == before
    assert frame(make(PLAIN), MIXED[:1])[0] != before


def test_a_line_is_made_anew_when_the_grid_grows() -> None:
    renderer = make(PLAIN)
    frame(renderer, MIXED[:2])
    assert frame(renderer, MIXED) == frame(make(PLAIN), MIXED)


def test_lines_of_several_widths_are_each_made_anew_when_the_grid_grows() -> None:
    one, big = counted(1, 9), counted(1, 999_999)
    renderer, other = make(PLAIN), make(PLAIN)
    for rows in ([one], [one, big]):
        renderer.align(rows, 79)
        lines = [renderer.render(row, columns) for row in rows for columns in (79, 50)]
    other.align([one, big], 79)
    assert lines == [other.render(row, columns) for row in (one, big) for columns in (79, 50)]


def test_rendering_without_aligning_grows_the_grid_as_it_goes() -> None:
    renderer = make(PLAIN)
    for state in MIXED:
        renderer.render(state, 79)
    assert [renderer.render(state, 79) for state in MIXED] == frame(make(PLAIN), MIXED)


def test_columns_leave_one_after_the_other() -> None:
    row = counted(26, 34, desc="asyncio", elapsed=2, remaining=1, rate=11.4, unit="file")
    shows = [("11.4 file/s",), ("<0:01",), ("26/34",), ("0:02",), ("━",), ("76%", "async")]
    gone = 0
    for columns in range(100, 13, -1):
        (line,) = frame(make(PLAIN), [row], columns)
        there = [all(text in line for text in texts) for texts in shows]
        assert there == sorted(there)
        assert there.count(False) >= gone
        gone = there.count(False)
    assert gone == len(shows) - 1


def test_the_bar_has_its_bounds() -> None:
    row = counted(5, 10, desc="x" * 60)
    for columns in range(1, 300):
        bar = re.search("[━╾─]+", frame(make(PLAIN), [row], columns)[0])
        assert bar is None or 8 <= len(bar[0]) <= 40


@pytest.mark.parametrize(
    ("n", "total", "unicode", "ascii"),
    [
        (0, 100, "────────", "[------]"),
        (50, 100, "━━━━────", "[==>---]"),
        (56, 100, "━━━━────", "[==>---]"),
        (57, 100, "━━━━╾───", "[==>---]"),
        (999, 1000, "━━━━━━━╾", "[====>-]"),
        (1000, 1000, "━━━━━━━━", "[======]"),
    ],
)
def test_the_bar_is_rounded_down(n: int, total: int, unicode: str, ascii: str) -> None:
    row = counted(n, total)
    assert unicode in frame(make(PLAIN), [row], 22)[0]
    assert ascii in frame(make(Theme()), [row], 22)[0]


@pytest.mark.parametrize(
    ("status", "unicode", "ascii"),
    [
        (Status.DONE, "✓", "v"),
        (Status.FAILED, "✗", "x"),
        (Status.LOST, "†", "!"),
        (Status.CANCELLED, "⊘", "c"),
        (Status.PENDING, "·", "."),
    ],
)
def test_every_status_has_its_glyph(status: Status, unicode: str, ascii: str) -> None:
    row = BarState("task", status=status, counted=False, message="why")
    assert frame(make(PLAIN), [row])[0].startswith(f"{unicode} task")
    line = frame(make(Theme()), [row])[0]
    assert line.startswith(f"{ascii} task")
    assert line.isascii()


def test_the_spinner_turns_with_the_time_of_its_row() -> None:
    rows = [BarState("task", counted=False, elapsed=tenth / 10) for tenth in range(20)]
    assert len({line[0] for line in frame(make(PLAIN), rows)}) == 10
    assert {line[0] for line in frame(make(Theme()), rows)} == set("|/-\\")


def test_an_unknown_total_has_no_bar() -> None:
    row = counted(369, None, elapsed=12, rate=30.0, unit="line")
    lines = frame(make(PLAIN), [MIXED[0], row])
    assert "369" in lines[1]
    assert "30.0 line/s" in lines[1]
    assert not re.search("[━╾─%]", lines[1])


def test_a_message_stands_where_the_bar_would_and_the_time_stays() -> None:
    failed = counted(3, 9, status=Status.FAILED, message="ValueError: x = 3", elapsed=61)
    whole, line = frame(make(PLAIN), [MIXED[0], failed])
    assert line.index("ValueError") == whole.index("━")
    assert line.endswith("  1:01")
    assert line.index("1:01") == whole.index("0:12")


def test_a_long_message_takes_the_rest_of_the_row() -> None:
    failed = counted(3, 9, status=Status.FAILED, message="ValueError: " + "x" * 100)
    _, line = frame(make(PLAIN), [MIXED[0], failed])
    assert len(line) == 79
    assert line.endswith("xx…")


@pytest.mark.parametrize("columns", range(26, 120, 3))
def test_what_went_wrong_is_told_in_the_first_row(columns: int) -> None:
    whole = MIXED[0]._replace(postfix="2 failed")
    assert "2 failed" in frame(make(PLAIN), [whole, *MIXED[1:]], columns)[0]
