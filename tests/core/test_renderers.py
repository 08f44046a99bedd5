"""The renderers: found by name, held to their rules, and true to those they are named for."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from io import StringIO
from typing import Any

import progressbar as untyped
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tqdm import tqdm

from barexec.__main__ import main
from barexec.renderers import (
    NAMES,
    BarRenderer,
    ProgressBarRenderer,
    TqdmRenderer,
    check,
    get,
    make,
)
from barexec.state import BarState, Status
from barexec.terminal_text import clip, width
from barexec.testing import check_renderer
from barexec.theme import Theme

progressbar: Any = untyped
PLAIN = Theme(True)
COLOUR = Theme(
    True, {"done": "\x1b[32m", "failed": "\x1b[31m", "bold": "\x1b[1m", "normal": "\x1b[m"}
)
BORROWED = ["tqdm", "progressbar"]


def counted(n: float, total: float | None, **other: Any) -> BarState:
    fraction = None if total is None else min(1.0, n / total) if total else 1.0
    return BarState("run 3", n, total, fraction=fraction)._replace(**other)


RUNNING = counted(338, 820, unit="file", elapsed=12.25, rate=27.6, remaining=17.5)
FRAME = [
    BarState("all", 3, 35, "task", 12.3, 1.3, 43.0, fraction=0.125, whole=True, postfix="1 failed"),
    RUNNING,
    counted(4, 7, desc="inner", depth=1, elapsed=0.5, rate=8.0),
    counted(369, None, desc="lines", elapsed=5.5, rate=67.0, unit="line"),
    BarState("email", counted=False, elapsed=3.25),
    counted(5, 9, desc="idna", status=Status.FAILED, message="ValueError: no", elapsed=1.0),
    counted(9, 9, desc="json", status=Status.DONE, elapsed=1.0, rate=9.0),
]


def frame(renderer: Any, columns: int, states: Sequence[BarState] = FRAME) -> list[str]:
    renderer.align(states, columns)
    return [renderer.render(state, columns) for state in states]


# --- lookup ---


class Own:
    def render(self, state: BarState, columns: int) -> str:
        return clip(state.desc, columns)


def test_lookup() -> None:
    own = Own()
    assert make(own, PLAIN) is own
    assert get(own, PLAIN).render(RUNNING, 40) == "run 3"
    lines = {get(name, PLAIN).render(RUNNING, 60) for name in NAMES}
    assert len(lines) == len(NAMES) == 3
    for name, kind in {"tqdm": TqdmRenderer, "progressbar": ProgressBarRenderer}.items():
        assert type(make(name, PLAIN)) is kind
    assert type(get("bar", PLAIN)) is BarRenderer


@pytest.mark.parametrize("renderer", ["rainbow", "", None, 3, Own, TqdmRenderer, object()])
def test_an_unknown_renderer_is_refused_by_name(renderer: object) -> None:
    with pytest.raises(ValueError, match="'bar', 'tqdm', 'progressbar'") as caught:
        check(renderer)
    assert repr(renderer) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "module", "kind", "package"),
    [
        ("tqdm", "tqdm", TqdmRenderer, "tqdm"),
        ("progressbar", "progressbar", ProgressBarRenderer, "progressbar2"),
    ],
)
def test_a_library_that_is_missing_is_named_at_the_call(
    name: str, module: str, kind: Any, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    for call in (lambda: check(name), kind):
        with pytest.raises(ImportError, match=f"pip install {package}"):
            call()


def test_names_load_no_library_before_it_draws() -> None:
    program = (
        "import sys\n"
        "from barexec.renderers import BarRenderer, ProgressBarRenderer, TqdmRenderer, check\n"
        "check('tqdm'); check('progressbar')\n"
        "print({'tqdm', 'progressbar'} & set(sys.modules))\n"
        "TqdmRenderer(); ProgressBarRenderer()\n"
        "print(len({'tqdm', 'progressbar'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split("\n") == ["set()", "2", ""], done.stderr


# --- the rules ---


@pytest.mark.parametrize(
    "renderer",
    [
        *NAMES,
        BarRenderer(theme="ascii"),
        TqdmRenderer(bar_format="{desc}|{bar:-10b}|{eta} {n_fmt}", ascii=" ▖▘▝", colour="#00ff00"),
        TqdmRenderer(unit_scale=True, colour="green"),
        ProgressBarRenderer(widgets=[progressbar.GranularBar(), " ", progressbar.AbsoluteETA()]),
        Own(),
    ],
    ids=lambda renderer: renderer if isinstance(renderer, str) else type(renderer).__name__,
)
def test_renderers_keep_the_rules(renderer: object) -> None:
    check_renderer(renderer)


class Broken:
    """Keeps every rule but one."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.calls = 0

    def render(self, state: BarState, columns: int) -> Any:
        self.calls += 1
        line = state.desc[: columns // 2]
        if self.fault == "nothing":
            return None
        if self.fault == "raises":
            return f"{int(state.elapsed)}"[:columns]
        if self.fault == "two lines" and columns > 1:
            return "\n"
        if self.fault == "moves":
            return "\x1b[2K"
        if self.fault == "rings":
            return "\x07"
        if self.fault == "unended":
            return "\x1b[31m"
        if self.fault == "wide":
            return state.desc[:columns]
        if self.fault == "counts":
            return str(self.calls)[-columns:]
        if self.fault == "prints":
            print(end=".")
        if self.fault == "prints past":
            tqdm(total=1, file=sys.__stderr__).close()
        return line


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("nothing", "NoneType and no str"),
        ("raises", "(OverflowError|ValueError): .* raised by render"),
        ("two lines", "a control character"),
        ("moves", "a control character"),
        ("rings", "a control character"),
        ("unended", "a style that is not ended"),
        ("wide", "2 columns: '日'"),
        ("counts", "'.*', then '.*', given by"),
        ("prints", "wrote to a stream: '\\.\\.\\."),
        ("prints past", "wrote to a stream: '\\\\r"),
    ],
)
def test_the_check_finds_what_is_broken(fault: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_renderer(Broken(fault))


def test_the_check_finds_colour_where_there_is_none() -> None:
    class Red(Own):
        def with_theme(self, theme: Theme) -> Red:
            return self

        def render(self, state: BarState, columns: int) -> str:
            return "\x1b[31mx\x1b[m"

    with pytest.raises(AssertionError, match="a colour where there is none"):
        check_renderer(Red())


figures = st.integers(0, 10**18) | st.floats(0, allow_nan=False)


@given(
    st.sampled_from(BORROWED),
    st.builds(
        BarState,
        desc=st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20),
        n=figures,
        total=st.none() | figures,
        elapsed=st.floats(),
        rate=st.none() | st.floats(),
        remaining=st.none() | st.floats(),
        status=st.sampled_from(Status),
        whole=st.booleans(),
        fraction=st.none() | st.floats(0, 1),
        unit=st.just("it"),
        depth=st.integers(0, 64),
        counted=st.booleans(),
        postfix=st.sampled_from(["", "loss=0.1"]),
        message=st.sampled_from(["", "ValueError: no"]),
    ),
    st.integers(1, 200),
)
def test_no_line_of_another_look_is_wider_than_its_columns(
    name: str, state: BarState, columns: int
) -> None:
    renderer = MADE[name]
    for line in (renderer.render(state, columns), frame(renderer, columns, [state])[0]):
        assert width(line) <= columns
        assert line.isprintable()


MADE: dict[str, Any] = {name: make(name, PLAIN) for name in BORROWED}


# --- as the originals ---

CASES = [
    (338, 820, 12.25),
    (0, 820, 0.0),
    (1, 820, 0.25),
    (820, 820, 3725.25),
    (819, 820, 90.25),
    (2.5, 7.5, 5.25),
    (4211, None, 5.25),
    (3, 0, 5.25),
    (0, None, 0.0),
]


@pytest.mark.parametrize(("n", "total", "elapsed"), CASES)
@pytest.mark.parametrize("ascii", [False, True])
def test_a_bar_is_the_line_of_tqdm(
    n: float, total: float | None, elapsed: float, ascii: bool
) -> None:
    renderer = make("tqdm", Theme(not ascii))
    for columns in range(44, 201):
        bar: Any = tqdm(
            total=total, desc="run 3", unit="file", ncols=columns, ascii=ascii, file=StringIO()
        )
        bar._time, bar.start_t, bar.n = (lambda: elapsed), 0.0, n
        state = counted(n, total, unit="file", elapsed=elapsed)
        assert renderer.render(state, columns) == str(bar)
        bar.disable = True  # nothing is left to say


@pytest.mark.parametrize("rate", [0.0, 0.01, 27.6, 123_456.0])
def test_the_rate_is_ours_and_the_rest_of_tqdm(rate: float) -> None:
    for columns in range(44, 201):
        line = make("tqdm", PLAIN).render(RUNNING._replace(rate=rate, postfix="loss=2"), columns)
        assert line == tqdm.format_meter(
            338, 820, 12.25, columns, "run 3", unit="file", rate=rate, postfix="loss=2"
        )


def test_options_of_tqdm() -> None:
    options: dict[str, Any] = {
        "bar_format": "{desc}: {bar}{n_fmt}/{total_fmt} {remaining}",
        "ascii": " ▖▘▝",
        "colour": "green",
        "unit_scale": True,
        "unit_divisor": 1024,
    }
    state = RUNNING._replace(n=3380, total=8200)
    renderer = TqdmRenderer(**options).with_theme(COLOUR)
    for columns in range(44, 201):
        assert renderer.render(state, columns) == tqdm.format_meter(
            3380, 8200, 12.25, columns, "run 3", unit="file", rate=27.6, **options
        )
    bare = TqdmRenderer(**options).with_theme(Theme())
    assert bare.render(state, 60) == tqdm.format_meter(
        3380, 8200, 12.25, 60, "run 3", rate=27.6, **options | {"ascii": True, "colour": None}
    )


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"bar_format": "{nothing}"}, KeyError),
        ({"bar_format": "{bar"}, ValueError),
        ({"color": "green"}, TypeError),
        ({"colour": "greenish"}, ValueError),
        ({"ascii": ""}, ValueError),
    ],
)
def test_an_option_of_no_use_shows_at_the_call(
    options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        TqdmRenderer(**options)


class Sink(StringIO):
    def isatty(self) -> bool:
        return True


def progressbar_line(n: float, total: float | None, elapsed: float, columns: int) -> str:
    """What a bar of progressbar2 writes that began so many seconds ago."""
    sink, known = Sink(), None
    if total:
        known = [
            progressbar.Percentage(),
            " ",
            progressbar.SimpleProgress(format="(%(value_s)s of %(max_value_s)s)"),
            " ",
            progressbar.Bar(),
            " ",
            progressbar.Timer(),
            " ",
            progressbar.ETA(),
        ]
    began = datetime.datetime(2026, 1, 1)
    now = began + datetime.timedelta(seconds=elapsed)

    class Still(progressbar.ProgressBar):  # type: ignore[misc]
        """Whose clock stands."""

        last_update_time = property(lambda self: now, lambda self, value: None)

    bar: Any = Still(
        max_value=total or progressbar.UnknownLength,
        widgets=known,
        prefix="run 3: ",
        fd=sink,
        term_width=columns,
        line_breaks=False,
        enable_colors=False,
        is_terminal=True,
        start_time=began,
    )
    bar.start()
    bar.updates = int(elapsed * 10)
    bar.update(n, force=True)
    text = sink.getvalue().rpartition("\r")[2]
    bar.finish(dirty=True)
    return text


@pytest.mark.parametrize(("n", "total", "elapsed"), CASES)
def test_a_bar_is_the_line_of_progressbar2(n: float, total: float | None, elapsed: float) -> None:
    renderer = make("progressbar", PLAIN)
    for columns in range(44, 201):
        theirs = progressbar_line(n, total, elapsed, columns)
        ours = renderer.render(counted(n, total, elapsed=elapsed), columns)
        assert ours == theirs[:columns].rstrip()


def test_widgets_of_the_users() -> None:
    widgets = ["<", progressbar.Bar("=", "[", "]"), "> ", progressbar.FileTransferSpeed()]
    renderer = ProgressBarRenderer(widgets=widgets).with_theme(PLAIN)
    line = renderer.render(counted(50, 100, elapsed=2.0), 40)
    assert line == "run 3: <[=========          ]>  25.0 B/s"


def test_what_is_no_widget_is_refused_at_the_call() -> None:
    for wrong in (3, progressbar.Bar):
        with pytest.raises(TypeError, match="neither a widget of progressbar2 nor a text"):
            ProgressBarRenderer(widgets=["ok ", wrong])


# --- among our own rows ---


@pytest.mark.parametrize("name", BORROWED)
def test_bars_of_a_frame_begin_in_one_column(name: str) -> None:
    lines = frame(make(name, PLAIN), 100)
    assert len({line.index("%") for line in lines if "%" in line}) == 1
    begin = len("  └ inner: ")
    assert lines[5].index("ValueError") == begin
    for line in (*lines[:4], lines[6]):
        assert line[begin - 1] == " "
        assert line[begin : begin + 4].strip()


@pytest.mark.parametrize("name", BORROWED)
@pytest.mark.parametrize("columns", [32, 40, 60, 79, 119])
def test_messages_and_tasks_without_a_bar_are_rows_of_ours(name: str, columns: int) -> None:
    theirs = frame(make(name, PLAIN), columns)
    ours = frame(make("bar", PLAIN), columns)
    for at in (4, 5):
        assert theirs[at] == ours[at]
    assert theirs[6].startswith("✓ json:")
    assert theirs[2].startswith("  └ inner:")
    assert "1 failed" in theirs[0]


@pytest.mark.parametrize("name", [*BORROWED, "bar"])
def test_a_time_beyond_all_use_is_no_matter(name: str) -> None:
    """As 10**15 items take that are done one each second."""
    whole = BarState("all", 1, 9, "task", 3.0, remaining=1e15, fraction=0.1, whole=True)
    far = BarState("far", 1, 10**15, "it", 3.0, 1.0, 1e15, fraction=0.0)
    assert "1/9" in frame(make(name, PLAIN), 80, [whole, far])[0].replace(" of ", "/")


@pytest.mark.parametrize("name", BORROWED)
def test_status_is_a_glyph_and_a_colour(name: str) -> None:
    lines = frame(make(name, COLOUR), 80)
    assert lines[6].startswith("\x1b[32m✓\x1b[m ")
    assert lines[5].startswith("\x1b[31m✗\x1b[m ")
    assert frame(make(name, Theme()), 80)[6].startswith("v json")


@pytest.mark.parametrize("name", BORROWED)
def test_the_whole_counts_what_ended_and_measures_what_was_done(name: str) -> None:
    line = make(name, PLAIN).render(FRAME[0], 119)
    assert re.search(r"\b3( of |/)35\b", line)
    assert re.search(r"\b1[23]%", line)  # of 12.5 %, each rounds in its own way
    assert re.search(r"0:43\b", line)
    unknown = make(name, PLAIN).render(FRAME[0]._replace(remaining=None), 119)
    assert "0:43" not in unknown
    assert re.search(r"<\?|--:--:--", unknown)


@pytest.mark.parametrize("name", BORROWED)
def test_parts_leave_instead_of_being_cut(name: str) -> None:
    if name == "tqdm" and tuple(map(int, version("tqdm").split(".")[:2])) < (4, 69):
        pytest.skip("tqdm cut its own lines up to 4.68")
    for columns in range(32, 120):
        for line in frame(make(name, PLAIN), columns):
            assert width(line) <= columns
            assert line.count("[") == line.count("]"), line
            assert not re.search(r"(Time|ETA|Elap\w*)$", line), line


def test_more_than_the_total_is_not_told_as_the_total() -> None:
    for name in BORROWED:
        line = make(name, PLAIN).render(counted(75, 61, elapsed=3.0), 80)
        assert "75" in line
        assert "61" not in line


# --- a renderer that fails ---


class Failing(Own):
    def __init__(self, after: int, what: Any = None) -> None:
        self.left = after
        self.what = what

    def align(self, states: Sequence[BarState], columns: int) -> None:
        pass

    def render(self, state: BarState, columns: int) -> str:
        self.left -= 1
        if self.left >= 0:
            return "fine"
        if isinstance(self.what, Exception):
            raise self.what
        return self.what  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (KeyError("key"), "KeyError: 'key'"),
        (None, "TypeError: render returned NoneType, not str"),
        (b"bytes", "TypeError: render returned bytes, not str"),
    ],
)
def test_a_renderer_that_fails_gives_way_to_ours_with_one_warning(what: Any, told: str) -> None:
    renderer = get(Failing(3, what), PLAIN)
    with pytest.warns(RuntimeWarning, match="'Failing' failed") as caught:
        first, second = frame(renderer, 80), frame(renderer, 80)
    assert [told in str(warning.message) for warning in caught] == [True]
    ours = frame(make("bar", PLAIN), 80)
    assert first == ["fine"] * 3 + ours[3:]
    assert second == ours


class CannotAlign(Own):
    def align(self, states: Sequence[BarState], columns: int) -> None:
        raise ZeroDivisionError


class CannotBegin(Own):
    def with_theme(self, theme: Theme) -> Own:
        raise ZeroDivisionError


@pytest.mark.parametrize("renderer", [CannotAlign(), CannotBegin()])
def test_so_does_one_that_fails_to_align_or_to_begin(renderer: object) -> None:
    with pytest.warns(RuntimeWarning, match="failed .ZeroDivisionError") as caught:
        made = get(renderer, PLAIN)
        lines = frame(made, 80)
    assert len(caught) == 1
    assert lines == frame(make("bar", PLAIN), 80)


def test_a_renderer_that_works_is_asked_and_warns_not() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert frame(get(Failing(99), PLAIN), 80) == ["fine"] * len(FRAME)


# --- themes of our own look ---


def test_the_theme_of_our_own_look_can_be_chosen() -> None:
    lines = {
        wish: frame(get(BarRenderer(theme=wish), PLAIN), 80) for wish in ("ascii", "unicode", None)
    }
    assert all(line.isascii() for line in lines["ascii"])
    assert lines["unicode"] == lines[None] == frame(make("bar", PLAIN), 80)
    assert frame(get(BarRenderer(theme="unicode"), Theme()), 80) == lines["unicode"]
    assert frame(get(BarRenderer(), Theme()), 80) == lines["ascii"]
    assert frame(get(BarRenderer(theme=Theme()), COLOUR), 80) == lines["ascii"]
    assert "\x1b[32m" in frame(get(BarRenderer(theme="ascii"), COLOUR), 80)[6]
    with pytest.raises(ValueError, match="unknown theme 'dark'"):
        BarRenderer(theme="dark")


# --- the command line ---


def test_the_demo_names_the_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["demo", "--help"])
    words = capsys.readouterr().out
    assert "--renderer {bar,tqdm,progressbar}" in words
    assert "--fullscreen" in words
    with pytest.raises(SystemExit, match="2"):
        main(["demo", "--renderer", "rainbow"])
    assert "rainbow" in capsys.readouterr().err


def test_what_is_missing_is_an_error_of_the_command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(SystemExit, match="2"):
        main(["demo", "--renderer", "tqdm"])
    assert "pip install tqdm" in capsys.readouterr().err
