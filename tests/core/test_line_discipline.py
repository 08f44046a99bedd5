"""The line discipline: rows that live, lines that are done, and nothing else.

What the libraries of progress bars write is taken from the real ones.
"""

from __future__ import annotations

import io
import re
import tracemalloc
from collections.abc import Callable

import progressbar
import pytest
from hostile import CLEAN, DROPPED, HOSTILE, MOVING, PAYLOADS, UNFINISHED
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tqdm import tqdm

from barexec.line_discipline import PIECE, TerminalText
from barexec.terminal_text import printable, width
from barexec.testing import Screen
from barexec.text_row import WIDEST, combined

SGR = re.compile("\x1b\\[[0-9;:]*m")
UP, DOWN, HIDE, SHOW = "\x1b[A", "\x1b[B", "\x1b[?25l", "\x1b[?25h"
RED, END = "\x1b[31m", "\x1b[m"

#: Streams of whatever a line discipline may meet.
pieces = st.one_of(
    st.sampled_from(HOSTILE),
    st.sampled_from(
        ["\n", "\r\n", "\r", "\t", "a", "bc", "   ", "日", "e\u0301", "🎉", UP, "\x1b"]
    ),
    st.text(max_size=5),
    st.binary(max_size=9).map(lambda some: some.decode(errors="replace")),
)
streams = st.lists(pieces, max_size=30).map("".join)


Rows = tuple[str, ...]


class Stream(io.StringIO):
    """What a task writes to: keeps what the line discipline makes of it.

    Attributes:
        lines: what has scrolled above the bars.
        seen: every set of rows that was there at a flush.
    """

    encoding = "utf-8"

    def __init__(self, height: int = 10) -> None:
        super().__init__()
        self.text = TerminalText(80, height)
        self.lines: list[str] = []
        self.seen: list[tuple[str, ...]] = []

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.lines += self.text.feed(text)
        return len(text)

    def flush(self) -> None:
        self.seen.append(self.rows)

    @property
    def rows(self) -> Rows:
        return self.text.rows

    def end(self) -> list[str]:
        self.lines += self.text.end()
        return self.lines


def fed(*texts: str, height: int = 10) -> tuple[list[str], Rows]:
    """The lines and rows of a stream that goes on."""
    text = TerminalText(80, height)
    return [line for some in texts for line in text.feed(some)], text.rows


# --- lines ---


@pytest.mark.parametrize(
    ("text", "lines", "rows"),
    [
        ("", [], ()),
        ("a", [], ("a",)),
        ("a\nb\r\nc", ["a", "b"], ("c",)),
        ("a\r\r\nb\r", ["a"], ("b",)),
        ("\ta\tb\n", ["\ta\tb"], ()),
        ("a\tb", [], ("a       b",)),
        ("a\n\n\nb\n", ["a", "", "", "b"], ()),
        ("  a  \n", ["  a  "], ()),
        (
            "👩\u200d👩\u200d👧 ❤\ufe0f e\u0301 日本\u00ad\n",
            ["👩\u200d👩\u200d👧 ❤\ufe0f e\u0301 日本\u00ad"],
            (),
        ),
        ("a\x00b\ud800c\udc80\n", ["ab\ufffdc\ufffd"], ()),
        (f"a{RED}b{END}c\n", [f"a{RED}b{END}c"], ()),
        (
            f"a{RED}b\nc\n\nd{END}\ne\n",
            [f"a{RED}b{END}", f"{RED}c{END}", "", f"{RED}d{END}", "e"],
            (),
        ),
        ("\x1b[01;31m\x1b[Kmatch\x1b[m\x1b[K!\n", [f"\x1b[1;31mmatch{END}!"], ()),
        ("a\x1b[5D\n", [], ("a",)),
        ("a\x0b\x0cb\u2028c\n", ["ab\u2028c"], ()),
    ],
    ids=ascii,
)
def test_a_line_that_was_never_drawn_over(text: str, lines: list[str], rows: Rows) -> None:
    assert fed(text) == (lines, rows)


def test_the_end_gives_what_has_no_newline() -> None:
    text = TerminalText()
    assert text.feed("\r bar\n\na\nb" + RED + "c\x1b[3") == ["", "a"]
    assert text.rows == (" bar", f"b{RED}c{END}")
    assert text.end() == [f"b{RED}c{END}"]
    assert [*text.rows] == [" bar"]
    assert text.end() == []


def test_blank_lines_at_the_end_are_not_lost() -> None:
    text = TerminalText()
    assert text.feed("a\n\n\n") == ["a"]
    assert text.rows == ()
    assert text.end() == ["", ""]


def test_lines_pass_by_a_bar() -> None:
    assert fed("\r 10%", "\r100%\n", "one\n", "\ntwo\nthree") == (
        ["one", "", "two"],
        ("100%", "three"),
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_numbered_lines_are_all_there(newline: str) -> None:
    lines = [f"line {n}\tof many é" for n in range(5000)]
    text = newline.join(lines) + newline
    for size in (1, 7, 4096, len(text)):
        discipline, heard = TerminalText(), list[str]()
        for at in range(0, len(text), size):
            heard += discipline.feed(text[at : at + size])
        assert heard == lines


# --- rows ---


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("\r1%", ("1%",)),
        ("1%\r2%\r100%\n", ("100%",)),
        ("100%\r 1%\n", (" 1%%",)),
        ("100%\r\x1b[K1%\n", ("1%",)),
        ("a\bb\n", ("b",)),
        ("-\b\\\b|\b/", ("/",)),
        ("abc\x1b[2Dd\n", ("adc",)),
        ("abc\x1b[10Gd\n", ("abc      d",)),
        ("\r\x1b[3Cd\n", ("   d",)),
        ("\ra\tb\rc\td\n", ("c       d",)),
        ("abcdef\x1b[3D\x1b[1K\n", ("    ef",)),
        ("abcdef\x1b[3D\x1b[K\n", ("abc",)),
        ("abcdef\x1b[2Kx\n", ("      x",)),
        ("\r日本\rx\n", ("x 本",)),
        ("\r日本\r\x1b[3Cx\n", ("日 x",)),
        ("\rab\r日\n", ("日",)),
        ("\r日本\r\x1b[3C\x1b[K", ("日",)),
        (f"\rabc{DOWN}def\n", ("abc", "   def")),
        (f"\r\x1b[41m  \r{END}x\n", (f"x\x1b[41m {END}",)),
        ("\re\u0301x\r\x1b[Cy\n", ("éy",)),
        (f"\r{RED}ab{END}c\rx", (f"x{RED}b{END}c",)),
        (f"\r{RED}a\x1b[1mb{END}  ", (f"{RED}a\x1b[0;31;1mb{END}",)),
        ("\r\x1b[41m  \x1b[m  ", (f"\x1b[41m  {END}",)),
        ("\ra\n\n\nb", ("a", "", "", "b")),
        ("\r" + "x" * (WIDEST + 2), ("x" * WIDEST, "xx")),
        ("\r" + "日" * (WIDEST // 2 + 1), ("日" * (WIDEST // 2), "日")),
        ("\ra" + "日" * (WIDEST // 2), ("a" + "日" * (WIDEST // 2 - 1), "日")),
        ("\r👍🏽❤\ufe0f\u202e\ud800", ("👍❤\ufffd",)),
        ("\re" + "\u0301" * 500, ("é" + "\u0301" * 6,)),
    ],
    ids=ascii,
)
def test_a_line_that_was_drawn_over(text: str, rows: Rows) -> None:
    assert fed(text) == ([], rows)


@pytest.mark.parametrize(
    ("text", "lines", "rows"),
    [
        # wiped by blanks, as tqdm does it: as if it had never been
        ("\r100%\r    \r", [], ()),
        ("\r100%\r    \rhello\n\r 1%", ["hello"], (" 1%",)),
        # nested bars, the outer first
        (f"\rout\n\rin{UP}\rOUT\n\rIN{UP}", [], ("OUT", "IN")),
        (f"\rout\n\n\rin{UP}{UP}\rOUT", [], ("OUT", "", "in")),
        # the inner alone, far down
        (f"\n\n\rin{UP}{UP}\n\n\rIN{UP}{UP}", [], ("IN",)),
        (f"\n\n\rin{UP}{UP}\n\n\r  \r{UP}{UP}hello\n\n\n\rIN", ["hello"], ("IN",)),
        # no bar: a blank line
        ("\n\nhello\n", ["", "", "hello"], ()),
        ("\n\r100%\nhello\n", ["", "hello"], ("100%",)),
        # back to what has left
        ("a\nb\n\x1b[2A\x1b[JA\nB\n\x1b[2FAA", ["a", "b"], ("AA", "B")),
        (f"a\nb\n{UP}", ["a", "b"], ()),
        # several rows erased and drawn again
        ("\ra\nb\x1b[1G\x1b[2K\x1b[1A\x1b[2Kx\ny\n", [], ("x", "y")),
        ("\ra\n\rb\n\rc\x1b[2A\x1b[J", [], ("a",)),
        ("\ra\n\rb\n\rc\x1b[1J", [], ()),
        ("\ra\n\rb\n\rc\x1b[2Jx\n", ["x"], ()),
        (f"\ra\n\rb{UP}{DOWN}{DOWN}{DOWN}\rc", [], ("a", "b", "", "c")),
        # who hides the cursor draws
        (f"{HIDE}a\nb\n{SHOW}", [], ("a", "b")),
        (f"{HIDE}{'x' * 2000}\n", ["x" * 2000], ()),
        (f"{HIDE}\n\n{SHOW}a\n", ["a"], ()),
    ],
    ids=ascii,
)
def test_what_leaves_and_what_stays(text: str, lines: list[str], rows: Rows) -> None:
    assert fed(text) == (lines, rows)


def test_with_a_place_all_text_is_rows() -> None:
    text = TerminalText(80, 3, drawn=True)
    assert text.feed("one\ntwo\nthree") == []
    assert text.rows == ("one", "two", "three")
    assert text.feed("\nfour") + text.end() == ["one"]
    assert text.rows == ("two", "three", "four")


def test_the_oldest_row_leaves_where_there_are_too_many() -> None:
    text, lines = TerminalText(height=3), list[str]()
    for n in range(6):
        lines += text.feed(f"\r{RED}{n}{END}\n")
        assert len(text.rows) == min(n + 1, 3)
    assert lines == [f"{RED}{n}{END}" for n in range(3)]
    assert text.rows == tuple(f"{RED}{n}{END}" for n in (3, 4, 5))
    # a line that goes by pushes nothing out
    assert text.feed("hel") == [] and len(text.rows) == 3
    assert text.feed("lo\n") == ["hello"]
    assert len(text.rows) == 3


def test_nothing_of_a_long_line_is_lost_that_began_with_a_carriage_return() -> None:
    text = TerminalText()
    line = "".join(f"{n}," for n in range(50_000))
    lines = text.feed("\r" + line + "\n")
    assert "".join([*text.rows, *lines]) == line
    assert text.end() == []


def test_a_long_line_that_is_drawn_over_leaves_first() -> None:
    assert fed("x" * 5000 + "\ry") == (["x" * 5000], ("y",))
    assert fed("日" * 600 + "\ry") == (["日" * 600], ("y",))
    assert fed(f"{HIDE}日" + "日" * 600 + "\n") == (["日" * 601], ())
    assert fed("x" * 5000 + f"\n\r{UP}\x1b[2Ky\n") == (["x" * 5000], ("y",))


def test_a_wiped_row_that_leaves_is_no_line() -> None:
    assert fed("\ra\r \r\n\rb\n\rc", height=2) == ([], ("b", "c"))


@pytest.mark.parametrize("size", [(1, 1), (0, 0), (80, 1)])
def test_the_least_terminal(size: tuple[int, int]) -> None:
    text = TerminalText(*size)
    lines = text.feed(f"\ra\n\rb{UP}\rc\nhello\n{UP}{DOWN}\rd")
    assert sorted(lines) == ["a", "c", "hello"]
    assert text.rows == ("d",)


def test_as_on_a_real_terminal() -> None:
    """All that moves, within rows that are there: the screen of an emulator."""
    moves = st.sampled_from("ABCDEFG").flatmap(
        lambda final: st.sampled_from(["", "0", "1", "2", "5"]).map(lambda n: f"\x1b[{n}{final}")
    )
    erases = st.sampled_from([f"{END}\x1b[{n}{final}" for final in "JK" for n in ("", 0, 1)])
    words = st.sampled_from(
        ["a", "bcd", "ef gh", "12345", "  ", "日", "x日y", "é", "\t", "\r", "\b"]
    )
    colours = st.sampled_from([RED, END, "\x1b[1;44m", "\x1b[39m", "\x1b[22;49m", "\x1b[7m"])

    @settings(max_examples=400)
    @given(st.lists(moves | words | erases | st.just(f"{END}\x1b[2K") | colours, max_size=24))
    def same(parts: list[str]) -> None:
        text, screen = TerminalText(300, 6), Screen(300, 6)
        start = HIDE + "\n" * 5 + "\x1b[5A\x1b[G"
        for some in (start, *parts):
            assert text.feed(some) == []
            screen.write(some)
        # blank rows are left out at both ends
        shown = [SGR.sub("", row).rstrip() for row in text.rows]
        assert "\n".join(shown).strip("\n") == "\n".join(screen.rows).strip("\n")
        # and in the same colours
        again = Screen(300, 6)
        again.write("\n".join(text.rows))
        coloured = [_runs(again, y) for y in range(6)]
        assert [r for r in coloured if r] == [r for y in range(6) if (r := _runs(screen, y))]

    same()


def _runs(screen: Screen, y: int) -> list[tuple[str, str]]:
    return [(style, text.rstrip()) for style, text in screen.runs(y) if text.strip()]


# --- what nobody may send ---


@pytest.mark.parametrize("hostile", DROPPED, ids=lambda text: ascii(text[:20]))
def test_a_sequence_leaves_nothing_behind(hostile: str) -> None:
    assert fed(f"before{hostile}after\n") == (["beforeafter"], ())
    assert fed(f"\rbefore{hostile}after\n") == ([], ("beforeafter",))
    assert fed(*f"before{hostile}after\n") == (["beforeafter"], ())


@pytest.mark.parametrize("hostile", UNFINISHED, ids=lambda text: ascii(text[:20]))
def test_one_that_is_not_ended_leaves_nothing_either(hostile: str) -> None:
    for parts in [[f"before{hostile}"], [*f"before{hostile}"]]:
        text = TerminalText()
        assert [line for part in parts for line in text.feed(part)] == []
        assert text.rows == ("before",)
        assert text.end() == ["before"]


def test_the_corpus_is_large_enough() -> None:
    assert len({*DROPPED, *UNFINISHED}) >= 60
    assert len(HOSTILE) == len({*HOSTILE})
    assert not CLEAN.fullmatch("\x1b[2J") and not CLEAN.fullmatch("a\x9b") and CLEAN.fullmatch(RED)


def out(text: TerminalText, parts: list[str]) -> tuple[list[str], Rows, Rows]:
    lines = [line for part in parts for line in text.feed(part)]
    rows = text.rows
    return lines + text.end(), rows, text.rows


@example("\ra\n\n0\n", 1, [])
@given(streams, st.integers(1, 12), st.lists(st.integers(0, 1000), max_size=12))
def test_how_it_is_split_makes_no_difference(text: str, height: int, at: list[int]) -> None:
    cuts = sorted(share * len(text) // 1000 for share in at)
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole = out(TerminalText(80, height), [text])
    assert out(TerminalText(80, height), parts) == whole
    assert out(TerminalText(80, height), [*text]) == whole
    # as a terminal device sends it on
    assert out(TerminalText(80, height), [*text.replace("\n", "\r\n")]) == whole


@given(streams | st.binary(max_size=300).map(lambda raw: raw.decode("utf-8", "replace")))
def test_only_printable_text_and_colours_come_out(text: str) -> None:
    lines, before, after = out(TerminalText(80, 4), [text])
    for line in lines:
        assert CLEAN.fullmatch(line)
    for row in before + after:
        bare = SGR.sub("", row)
        assert printable(bare) == bare
        assert CLEAN.fullmatch(row) and "\t" not in row
        assert width(row) <= WIDEST
    assert len(before) <= 4
    for some in (*lines, *before):
        styles = SGR.findall(some)
        assert not styles or styles[-1] == END


@given(streams)
def test_no_word_of_a_control_string_is_seen(text: str) -> None:
    lines, rows, _ = out(TerminalText(), [text])
    # a string may be cut off by the next escape, and its rest stand free: not those here
    seen = "".join((*lines, *rows))
    assert not any(word in seen for word in PAYLOADS)


@given(
    st.lists(st.sampled_from([*MOVING, "a\n", "\n", "bc", "日"]), max_size=60), st.integers(1, 5)
)
def test_rows_keep_to_their_height(parts: list[str], height: int) -> None:
    text = TerminalText(80, height)
    for part in parts:
        text.feed(part)
        assert len(text.rows) <= height


# --- colours ---


@pytest.mark.parametrize(
    ("codes", "left"),
    [
        ("", ""),
        ("0;1;31", "1;31"),
        ("1;;31", "31"),
        ("01;031", "1;31"),
        ("1;2;22;3", "3"),
        ("31;32;97", "97"),
        ("38;5;196;48;2;1;2;3", "38;5;196;48;2;1;2;3"),
        ("38;2;1;2;3;39", ""),
        ("38:2::1:2:3;4:3", "38:2::1:2:3;4:3"),
        ("4:3;4:0", ""),
        ("4;24;5;25;7;27;8;28;9;29;53;55;58;5;1;59", ""),
        ("6;21;41;49", "6;21"),
        ("10;26;99999;73", ""),
        ("38", ""),
        ("38;9;1", "1"),
    ],
)
def test_colours_add_up(codes: str, left: str) -> None:
    assert combined(codes) == left


@given(st.lists(st.from_regex(r"[0-9;:]{0,40}", fullmatch=True), max_size=50))
def test_a_style_stays_short_and_means_the_same_again(codes: list[str]) -> None:
    style = ""
    for code in codes:
        style = combined(f"{style};{code}")
        assert len(style) < 300
        assert combined(style) == style


# --- floods ---


def test_a_line_without_end_leaves_in_pieces_that_look_as_wrapped() -> None:
    text = TerminalText(80)
    chunk = "0123456789" * 100_000
    tracemalloc.start()
    whole = text.feed(chunk) + [line for _ in range(9) for line in text.feed(chunk)]
    before = tracemalloc.get_traced_memory()[0]
    whole += text.end()
    tracemalloc.stop()
    assert "".join(whole) == chunk * 10
    assert {len(piece) for piece in whole[:-1]} == {PIECE // 80 * 80}
    assert before < 25_000_000  # the pieces themselves have ten


@pytest.mark.parametrize(
    "chunk",
    [
        "x" * 1_000_000,
        "\rx" * 5000,
        f"{RED}x" * 5000,
        RED * 5000,
        "\x1b[1;31",
        "1;" * 500_000,
        "\x1b]0;" + "x" * 1_000_000,
        "\x1b" + "\x00" * 1_000_000,
        "\x1b" + "(" * 1_000_000,
        "\n\r\x1b[3Ax" * 3000,
        "\x1b[B" * 3000,
        "\ra\u0301" * 5000,
        "a\u0301\u0301\x1b[D" * 3000,
        "\r\t\t\x1b[999Cx" * 2000,
        f"{HIDE}{'x' * 200}\n" * 400,
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_memory_is_bounded(chunk: str) -> None:
    text = TerminalText()
    text.feed(chunk)
    tracemalloc.start()
    text.feed(chunk)
    text.feed(chunk)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 200_000


def test_a_piece_is_cut_between_colours_and_each_has_its_own() -> None:
    text = TerminalText()
    word = "\x1b[1;38;5;196mred\x1b[m plain "
    pieces = text.feed(word * 20_000) + text.end()
    assert len(pieces) > 5
    assert SGR.sub("", "".join(pieces)) == "red plain " * 20_000
    assert all(len(piece) < PIECE * 1.5 and CLEAN.fullmatch(piece) for piece in pieces)


# --- the real ones ---

FORMAT = "{desc}: {n_fmt}/{total_fmt}"


def bar(
    stream: Stream, n: int, desc: str, position: int | None = None, leave: bool | None = True
) -> tqdm[int]:
    return tqdm(
        range(n),
        desc,
        file=stream,
        mininterval=0,
        miniters=1,
        ncols=40,
        bar_format=FORMAT,
        position=position,
        leave=leave,
    )


@pytest.mark.parametrize("leave", [True, False])
def test_tqdm(leave: bool) -> None:
    stream = Stream()
    for _ in bar(stream, 3, "one", leave=leave):
        assert len(stream.rows) == 1
    assert stream.rows == (("one: 3/3",) if leave else ())
    assert stream.end() == []


def test_tqdm_nested() -> None:
    stream = Stream()
    for i in bar(stream, 3, "outer"):
        for j in bar(stream, 4, "inner", leave=False):
            for k in bar(stream, 2, "innermost", leave=False):
                assert stream.rows == (
                    f"outer: {i}/3",
                    f"inner: {j}/4",
                    f"innermost: {k}/2",
                )
    assert stream.rows == ("outer: 3/3",)
    assert stream.end() == []


def test_tqdm_nested_that_leaves_its_bars() -> None:
    stream = Stream()
    for _ in bar(stream, 3, "outer"):
        for _ in bar(stream, 2, "inner"):
            pass
    assert stream.rows == ("inner: 2/2",) * 3 + ("outer: 3/3",)
    assert stream.end() == []


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("leave", [True, False, None])
def test_tqdm_at_a_position(position: int, leave: bool | None) -> None:
    stream = Stream()
    for i in bar(stream, 3, "bar", position=position, leave=leave):
        assert stream.rows == (f"bar: {i}/3",)
    left = leave or (leave is None and position == 0)
    for _ in range(2):
        assert stream.rows == (("bar: 3/3",) if left else ())
        assert stream.end() == []


def test_tqdm_at_a_position_and_words_after_it() -> None:
    stream = Stream()
    for n in range(3):
        for _ in bar(stream, 3, "bar", position=1, leave=True):
            pass
        stream.write(f"done {n}\n")
    assert stream.end() == ["done 0", "done 1", "done 2"]
    assert stream.rows == ("bar: 3/3",) * 3


def test_tqdm_at_four_positions() -> None:
    stream = Stream()
    bars = [bar(stream, 5, f"bar {n}", position=n, leave=True) for n in range(4)]
    assert stream.rows == tuple(f"bar {n}: 0/5" for n in range(4))
    for step in range(1, 6):
        for some in reversed(bars):
            some.update()
        assert stream.rows == tuple(f"bar {n}: {step}/5" for n in range(4))
    for some in bars:
        some.close()
    assert sorted(row for row in stream.rows if row) == [f"bar {n}: 5/5" for n in range(4)]
    assert stream.end() == []


@pytest.mark.parametrize("position", [0, 1, 2])
def test_tqdm_write(position: int) -> None:
    stream = Stream()
    for i in bar(stream, 30, "outer", position=position):
        for _ in bar(stream, 1, "inner", position=position + 1, leave=False):
            tqdm.write(f"line {i}", file=stream)
            assert stream.rows == (f"outer: {i}/30", "inner: 0/1")
    assert stream.end() == [f"line {i}" for i in range(30)]
    assert stream.rows == ("outer: 30/30",)


def test_progressbar() -> None:
    stream = Stream()
    with progressbar.ProgressBar(
        fd=stream,
        max_value=3,
        widgets=["one ", progressbar.SimpleProgress()],
        term_width=60,
        is_terminal=True,
        line_breaks=False,
    ) as some:
        for i in range(4):
            some.update(i, force=True)
            assert bare(stream.rows) == [["one", str(i), "of", "3"]]
    assert bare(stream.rows) == [["one", "3", "of", "3"]]
    assert stream.end() == []


def drive_rich(stream: Stream, during: Callable[[int], None]) -> None:
    """Two bars of rich's, drawn five times."""
    console = pytest.importorskip("rich.console").Console(
        file=stream, force_terminal=True, width=60, legacy_windows=False
    )
    rich = pytest.importorskip("rich.progress")
    columns = ["{task.description}", rich.BarColumn(), rich.MofNCompleteColumn()]
    with rich.Progress(*columns, console=console, auto_refresh=False) as progress:
        tasks = [progress.add_task(f"bar {n}", total=4) for n in range(2)]
        for i in range(5):
            for task in tasks:
                progress.update(task, completed=i)
            progress.refresh()
            during(i)
            if i == 2:
                console.print("a word", style="red")


def bare(rows: Rows) -> list[list[str]]:
    return [
        SGR.sub("", row).replace("━", "").replace("╸", "").replace("╺", "").split() for row in rows
    ]


def test_rich() -> None:
    stream = Stream()

    def check(i: int) -> None:
        shown = bare(stream.rows)
        assert shown[-2:] == [["bar", "0", f"{i}/4"], ["bar", "1", f"{i}/4"]]
        assert shown[:-2] == ([["a", "word"]] if i > 2 else [])

    drive_rich(stream, check)
    assert bare(stream.rows)[-2:] == [["bar", "0", "4/4"], ["bar", "1", "4/4"]]
    assert stream.end() == []
    assert f"{RED}a word{END}" in stream.rows


def test_as_click_draws() -> None:
    stream = Stream()
    stream.write(f"\r{HIDE}")
    for i in range(5):
        line = f"name  [{'#' * i}{'-' * (4 - i)}]"
        stream.write(f"\r{line}")
        assert stream.rows == (line,)
    stream.write(f"{SHOW}\ndone\n")
    assert stream.rows == ("name  [####]",)
    assert stream.end() == ["done"]


def test_as_git_draws() -> None:
    lines, rows = fed(
        "remote: Counting\nReceiving:  0%\rReceiving: 50%\rReceiving: 99%, done.\n", "ok\n"
    )
    assert lines == ["remote: Counting", "ok"]
    assert rows == ("Receiving: 99%, done.",)
