"""Text that meets a terminal: what of it is left, and how wide it is.

Beside these, tests/core/test_bar_renderer.py holds what renderers lean on.
"""

from __future__ import annotations

import re
import sys
from unicodedata import category

import pytest
from hostile import DROPPED, UNFINISHED
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcwidth

from barexec.terminal_text import clip, columns_of, is_narrow, is_sure, printable, width
from barexec.testing import Screen

RED, END = "\x1b[31m", "\x1b[m"
ACUTE = "\N{COMBINING ACUTE ACCENT}"
#: What begins a control sequence.
STARTS = "\x1b\x90\x98\x9b\x9d\x9e\x9f"
SGR = re.compile(r"\x1b\[[\d;:]*m")

# b with an acute accent has no code point of its own
pieces = st.sampled_from(
    [
        "a",
        "bc",
        " ",
        "日",
        "🎉",
        "é",
        f"b{ACUTE}",
        "━",
        RED,
        "\x1b[1;2m",
        END,
        "\x1b[0m",
        "\x1b[38;5;1m",
    ]
)
lines = st.lists(pieces, max_size=16).map("".join)


# --- printable ---


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b]0;title\x07",
        "\x1b]52;c;Zm9v\x1b\\",  # the clipboard
        "\x1b]8;;http://example.org\x1b\\",
        "\x1b]9;4;1;50\x07",  # the taskbar
        "\x1bP+q544e\x1b\\",
        "\x1b_application\x1b\\",
        "\x1b^private\x1b\\",
        "\x1bXstart of string\x1b\\",
        "\x9b2J",
        "\x9d0;title\x9c",
        "\x90q\x9c",
        "\x1b[2J",
        "\x1b[?1049h",
        "\x1b[6n",
        "\x1b[>0;1;2c",
        "\x1b[1 q",
        "\x1bc",
        "\x1b(0",
        "\x1b#8",
        "\x1b7\x1b8",
        "\x0e\x0f",
        "\x7f\x08\x08",
        "\x05",  # the answerback
        "\u202e\u2066\u200f\u061c",
        "\ufeff\u200b\u2060\u00ad",
        "\ufe0f\U000e0101",
        "\x1b",
        "\x1b[",
        "\x1b]",
        "\x1b[31",
    ],
    ids=ascii,
)
def test_a_sequence_leaves_nothing_behind(hostile: str) -> None:
    assert printable(f"before{hostile}") == "before"


def test_long_text_is_not_kept() -> None:
    import tracemalloc

    tracemalloc.start()
    for n in range(100):
        assert printable(f"{n}" + "é" * 50_000)[-1] == "é"
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 1_000_000, "bytes"


@pytest.mark.parametrize("hostile", DROPPED, ids=lambda text: ascii(text[:20]))
def test_nor_does_any_of_the_corpus(hostile: str) -> None:
    assert printable(f"before{hostile}after").replace(" ", "") == "beforeafter"


@pytest.mark.parametrize("hostile", UNFINISHED, ids=lambda text: ascii(text[:20]))
def test_nor_one_that_is_not_ended(hostile: str) -> None:
    assert printable(f"before{hostile}") == "before"


def test_an_unfinished_control_string_takes_all_that_follows() -> None:
    """As a terminal would; else its end, in text of its own, could take what is ours."""
    assert printable("a\x1b]0;title of a window") == "a"
    assert printable("a\x1b]0;one\x1b]0;two\x07b") == "ab"


@pytest.mark.parametrize("space", [chr(c) for c in range(sys.maxunicode + 1) if chr(c).isspace()])
def test_white_space_of_any_kind_is_one_space(space: str) -> None:
    assert printable(f"a{space}b") == "a b"


def test_every_character_is_shown_alike_everywhere() -> None:
    """Of each: nothing, a space, or something of known width that moves nothing."""
    every = [
        char for char in map(chr, range(sys.maxunicode + 1)) if category(char) not in ("Cn", "Co")
    ]
    every = [char for char in every if char not in STARTS]  # they would take others with them
    shown = set(printable("".join(every)))
    assert not {char for char in shown if category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert {wcwidth(char) for char in shown} == {0, 1, 2}


@given(st.text(st.characters(max_codepoint=0x9F) | st.sampled_from("日[]m;\\\x1b\x9b\x9c\u202e")))
def test_printable_text_stays_in_its_row(text: str) -> None:
    """Whatever a task is called, the screen has that name, and the cursor is behind it."""
    shown = printable(text)[:60]
    screen = Screen(150, 3)
    screen.write(f"{shown}|")
    assert screen.rows == (f"{shown}|", "", "")
    assert screen.cursor == (width(shown) + 1, 0)
    assert screen.answers == ()


# --- width ---


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("abc", 3),
        ("日本", 4),
        (f"e{ACUTE}", 1),
        (ACUTE, 0),
        ("🎉", 2),
        ("━╾─✓✗⊘†·⠋…", 10),
        (f"{RED}ab{END}", 2),
        ("\x1b[38:2::255:0:0m日\x1b[0m", 2),
    ],
)
def test_width(text: str, columns: int) -> None:
    assert width(text) == columns


def test_the_width_of_a_character_is_never_negative() -> None:
    assert columns_of("\x00") == columns_of("\x1b") == columns_of("\u200b") == 0


@given(st.text())
def test_what_is_narrow_is_measured_right(text: str) -> None:
    assert not is_narrow(text) or sum(map(wcwidth, text)) == len(text)


def test_all_agree_on_the_width_of_what_is_sure() -> None:
    sure = [chr(code) for code in range(sys.maxunicode + 1) if is_sure(chr(code))]
    assert len(sure) > 40_000
    assert not {category(char) for char in sure} & {"Cc", "Cf", "Mc", "Co", "Cs"}
    combining = {char for char in sure if category(char) in ("Mn", "Me")}
    assert {wcwidth(char) for char in combining} == {0}
    assert {wcwidth(char) for char in set(sure) - combining} == {1, 2}


# --- clip ---


@pytest.mark.parametrize(
    ("text", "columns", "mark", "cut"),
    [
        (f"a{ACUTE}b{ACUTE}c{ACUTE}", 3, "…", f"\xe1b{ACUTE}\u0107"),
        (f"{RED}日本語{END}", 5, "…", f"{RED}日本…{END}"),
        (f"{RED}日本語{END}", 4, "…", f"{RED}日…{END}"),
        (f"{RED}ab{END}cd", 2, "", f"{RED}ab{END}"),
        (f"ab{RED}cd{END}", 3, "…", f"ab{RED}…{END}"),
        (f"{RED}long text", 5, "…", f"{RED}long…{END}"),
        (f"{RED}fits", 5, "…", f"{RED}fits"),
        ("\x1b[1;31mlong\x1b[0m text", 3, "..", "\x1b[1;31ml..\x1b[m"),
        ("long text", 1, "..", "l"),
        ("日", 1, "..", ""),
        ("日本", 1, "…", "…"),
        ("\u202eabc\ufe0f", 3, "…", "abc"),
        ("a\tb\nc\x1b]0;t\x07", 9, "…", "a b c"),
        ("🎉\t\x1b[31m🎉\x1b[m", 9, "…", "🎉 \x1b[31m🎉\x1b[m"),
    ],
)
def test_clip(text: str, columns: int, mark: str, cut: str) -> None:
    assert clip(text, columns, mark) == cut


@given(lines, st.integers(0, 20), st.sampled_from(["…", ".."]))
def test_what_is_left_is_the_beginning_in_its_colours(line: str, columns: int, mark: str) -> None:
    cut = clip(line, columns, mark)
    if width(line) <= columns:
        assert SGR.sub("", cut) == printable(SGR.sub("", line))
        return
    marked = mark if width(mark) <= columns else ""
    assert not marked or SGR.sub("", cut).endswith(marked)
    whole, part = Screen(80, 1), Screen(80, 1)
    whole.write(line)
    part.write(cut)
    kept = SGR.sub("", cut).removesuffix(marked).rstrip(" ")
    assert part.rows[0].startswith(kept)
    assert whole.rows[0].startswith(kept)
    for all_of_it, some in zip(_styled(whole), _styled(part)[: len(kept)], strict=False):
        assert some == all_of_it


def _styled(screen: Screen) -> list[tuple[str, str]]:
    return [(style, char) for style, text in screen.runs(0) for char in text]


@given(lines, st.integers(0, 20))
def test_a_cut_line_leaves_no_style_on(line: str, columns: int) -> None:
    cut = clip(line, columns)
    if width(line) <= columns:
        return
    screen = Screen(80, 1)
    screen.write(f"{cut}|")
    assert screen.runs(0)[-1][0] == "" and screen.runs(0)[-1][1].endswith("|")
