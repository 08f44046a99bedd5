"""The options of the executor and of its tasks: what they do, and what they refuse.

Whatever is refused is refused at the call, before a process starts.
"""

from __future__ import annotations

import io
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import tasks
from displays_seen import Script, Shown

from barexec import (
    Bar,
    ProgressPoolExecutor,
    ProgressThreadPoolExecutor,
    fullscreen,
    paused,
    sharing,
    track,
    view,
)
from barexec import display as displays
from barexec.options import DESC_MOST
from barexec.options import name_of as _name
from barexec.state import BarState
from barexec.testing import Screen


@pytest.fixture
def no_process(children: Callable[[], set[int]]) -> Iterator[None]:
    """No process starts in the test."""
    before = children()
    yield
    assert children() == before


# --- refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "kind", "words"),
    [
        ({"max_workers": 0}, ValueError, "max_workers must be greater than 0"),
        ({"rendrer": "bar"}, TypeError, "rendrer"),
        ({"renderer": "sparkles"}, ValueError, "unknown renderer 'sparkles'"),
        ({"renderer": 7}, ValueError, "unknown renderer 7"),
        ({"renderer": None}, ValueError, "unknown renderer None"),
        ({"renderer": object()}, ValueError, "with a render method"),
        ({"leave": "all"}, ValueError, "leave must be True, False, \"failed\" or None, not 'all'"),
        ({"leave": 7}, ValueError, "leave must be"),
        ({"display": "fancy"}, ValueError, "unknown display 'fancy'"),
        ({"display": True}, ValueError, "unknown display True"),
    ],
)
@pytest.mark.usefixtures("no_process")
def test_a_wrong_option_is_refused(
    option: dict[str, Any], kind: type[Exception], words: str, shown: Shown
) -> None:
    with pytest.raises(kind, match=words):
        ProgressPoolExecutor(**option)
    assert not displays.live


@pytest.mark.parametrize(
    ("total", "kind"),
    [
        (-1, ValueError),
        (-0.5, ValueError),
        (math.nan, ValueError),
        ("9", TypeError),
        ([], TypeError),
    ],
)
@pytest.mark.usefixtures("no_process")
def test_a_wrong_total_is_refused(total: Any, kind: type[Exception], shown: Shown) -> None:
    for call in (lambda: Bar(total), lambda: track([], total)):
        with pytest.raises(kind, match="total must be"):
            call()
    with ProgressPoolExecutor(1) as executor:
        with pytest.raises(kind, match="total must be"):
            executor.options(total=total)
        for later in (executor.options(total=lambda n: -n), executor.options(total=lambda n: "x")):  # type: ignore[arg-type,return-value]
            with pytest.raises((TypeError, ValueError), match="total must be"):
                later.submit(tasks.square, 3)
            with pytest.raises((TypeError, ValueError), match="total must be"):
                later.map(tasks.square, [3])
    assert shown.outcomes == []


@pytest.mark.parametrize("iterable", [7, None, tasks.square])
def test_what_is_not_iterable_is_refused(iterable: Any) -> None:
    with pytest.raises(TypeError, match=r"track\(\) needs an iterable"):
        track(iterable)


@pytest.mark.usefixtures("no_process")
def test_an_unknown_option_of_a_task_is_refused() -> None:
    with ProgressPoolExecutor(1) as executor:
        with pytest.raises(TypeError, match="totl"):
            executor.options(totl=3)  # type: ignore[call-arg]
        with pytest.raises(TypeError):
            executor.options("name")  # type: ignore[misc]


@pytest.mark.usefixtures("no_process")
def test_a_callable_that_raises_refuses_the_call(shown: Shown) -> None:
    with ProgressPoolExecutor(1) as executor:
        for option in ({"desc": tasks.raises_at}, {"unit": tasks.raises_at}):
            options = executor.options(**option)  # type: ignore[arg-type]
            with pytest.raises(ValueError, match="item 5"):
                options.submit(tasks.square, 5)
            with pytest.raises(ValueError, match="item 5"):
                options.map(tasks.square, [5])
            with pytest.raises(TypeError):  # it is given the task's own arguments, just so
                options.submit(tasks.square, n=5, m=6)
    assert shown.outcomes == []
    assert shown.only.finished.is_set()


def test_a_callable_that_raises_in_the_midst_of_map_leaves_whole_tasks(shown: Shown) -> None:
    """As an iterable that raises does with the stock executor: what was submitted runs."""
    with ProgressPoolExecutor(1) as executor:
        with pytest.raises(ValueError, match="item 5"):
            executor.options(desc=tasks.raises_at).map(tasks.square, range(9))  # type: ignore[arg-type]
        assert executor.submit(tasks.square, 2).result() == 4
    assert shown.outcomes == [*((str(n), "DONE") for n in range(5)), ("square(2)", "DONE")]


# --- heeded ----------------------------------------------------------------------------


def events(shown: Shown) -> list[tuple[str, float, float | None, str]]:
    found = []
    for task in shown.tasks.values():
        assert task.meters[0] is not None
        event = task.meters[0].event
        found.append((event.desc or task.desc, event.n, event.total, event.unit))
    return found


def test_a_task_has_the_options_that_were_given(shown: Shown) -> None:
    with ProgressPoolExecutor(1) as executor:
        executor.options(desc="a name", total=9, unit="step").submit(tasks.injected, 2)
        executor.options(total=None, desc="none").submit(tasks.injected, 3)
        executor.options(total=math.inf, desc="no end").submit(tasks.injected, 3)
        executor.options(total=0).submit(tasks.injected, 1)
        executor.submit(tasks.injected, 4)  # options are of the next task alone
    assert events(shown) == [
        ("a name", 2, 9, "step"),
        ("none", 3, None, "it"),
        ("no end", 3, None, "it"),
        ("injected(1)", 1, 0, "it"),
        ("injected(4)", 4, None, "it"),
    ]


def test_options_may_be_made_of_the_tasks_own_arguments(shown: Shown) -> None:
    with ProgressPoolExecutor(1) as executor:
        options = executor.options(
            desc=lambda n: f"run {n}", total=lambda n: n * 2, unit=lambda n: "s" * n
        )
        options.submit(tasks.injected, n=2)
        assert list(options.map(tasks.injected, [3, 4])) == [3, 4]
    assert events(shown) == [("run 2", 2, 4, "ss"), ("run 3", 3, 6, "sss"), ("run 4", 4, 8, "ssss")]


def test_the_options_of_a_chunk_are_made_of_its_first_item(shown: Shown) -> None:
    with ProgressPoolExecutor(1) as executor:
        options = executor.options(desc="from {}".format)
        assert list(options.map(tasks.square, range(5), chunksize=2)) == [0, 1, 4, 9, 16]
    assert [desc for desc, _ in shown.outcomes] == ["from 0[0:2]", "from 2[2:4]", "from 4"]


def test_options_pass_everything_else_through(shown: Shown) -> None:
    names = dict.fromkeys(["self", "fn", "desc", "total", "unit", "bar", "options", "args"], 1)
    with ProgressPoolExecutor(1) as executor:
        options = executor.options(desc=lambda *args, **kwargs: str(len(kwargs)))
        assert options.submit(tasks.given, **names).result() == ((), names)
        assert executor.options(total=3).submit(tasks.given, 1).result() == ((1,), {})
        assert list(options.map(tasks.add, [1], [2], timeout=60, chunksize=1)) == [3]
    assert shown.outcomes[0] == ("8", "DONE")


def test_one_may_pass_a_bar_of_ones_own(shown: Shown) -> None:
    """A call that is valid with the stock executor never changes its meaning."""
    with ProgressPoolExecutor(1) as executor:
        assert executor.submit(tasks.given, bar=7).result() == ((), {"bar": 7})
        with pytest.raises(AttributeError):
            executor.submit(tasks.injected, 2, bar=7).result()
        with pytest.raises(AttributeError):
            executor.submit(tasks.injected, 2, 7).result()


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_it_can_be_switched_off(
    how: str, shown: Shown, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAREXEC", "off" if how == "environment" else "plain")
    options: dict[str, Any] = {"display": "off" if how == "argument" else "plain"}
    posix = os.name == "posix"
    before = len(os.listdir("/dev/fd")) if posix else 0  # noqa: PTH208
    with ProgressPoolExecutor(1, **options) as executor:
        # they can be counted: those of the stock class are there
        assert not posix or len(os.listdir("/dev/fd")) > before  # noqa: PTH208
        assert executor.submit(tasks.injected, 2).result() == 2
        assert executor.options(total=3, desc="x").submit(tasks.injected, 2).result() == 2
        assert list(executor.map(tasks.injected, [1, 2, 3], chunksize=2)) == [1, 2, 3]
        assert list(executor.map(tasks.short, [1, 2, 3])) == [1, 2, 3]
    assert shown.displays == []
    assert capfd.readouterr().err == ""


def test_what_the_environment_means_by_a_typing_error_is_said(
    monkeypatch: pytest.MonkeyPatch, shown: Shown
) -> None:
    monkeypatch.setenv("BAREXEC", "plane")
    with pytest.warns(RuntimeWarning, match="BAREXEC='plane' means nothing"):
        ProgressPoolExecutor(1).shutdown()


def test_the_whole_has_a_name(capfd: pytest.CaptureFixture[str], shown: Shown) -> None:
    with ProgressPoolExecutor(1, desc="squares") as executor:
        assert executor.submit(tasks.square, 2).result() == 4
    assert capfd.readouterr().err.splitlines()[-1].startswith("squares: 1 task in ")


@pytest.mark.parametrize("location", [None, (0, 6)])
def test_a_log_has_all_that_is_written(
    location: tuple[int, int] | None, capfd: pytest.CaptureFixture[str]
) -> None:
    """Off a terminal there are no rows that a bar could stay in."""
    with ProgressPoolExecutor(1) as executor:
        executor.options(location=location).submit(tasks.written, "1\n\n\r50%\r100%\n2\n3").result()
    assert capfd.readouterr().err.splitlines()[:-2] == ["1", "", "2", "3", "100%"]


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Recorder:
    """A renderer of the user's own."""

    def __init__(self) -> None:
        self.states: list[BarState] = []

    def render(self, state: BarState, columns: int) -> str:
        self.states.append(state)
        return f"<{state.desc} {state.n:g}>"[:columns]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """What puts a terminal in memory in the place of stderr."""
    monkeypatch.setenv("BAREXEC", "inline")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "10")

    def open_terminal() -> Terminal:
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        return terminal

    return open_terminal


def test_an_object_may_render(terminal: Callable[[], Terminal]) -> None:
    renderer, screen = Recorder(), terminal()
    with ProgressPoolExecutor(1, renderer=renderer, leave=True) as executor:
        executor.options(total=5).submit(tasks.injected, 3)
    seen = Screen(80, 24, raw=True)
    seen.write(screen.getvalue())
    assert seen.rows[1] == "<injected(3) 3>"
    final = {state.desc: state for state in renderer.states}["injected(3)"]
    assert (final.n, final.total, final.status.name) == (3, 5, "DONE")
    assert [state.n for state in renderer.states if state.whole][-1] == 1


class Broken:
    def render(self, state: BarState, columns: int) -> str:
        raise ZeroDivisionError("no art")


def test_a_renderer_that_raises_is_one_warning_and_the_work_goes_on(
    terminal: Callable[[], Terminal],
) -> None:
    terminal()
    with (
        pytest.warns(RuntimeWarning, match="renderer .*no art.* its own look") as heard,
        ProgressPoolExecutor(1, renderer=Broken(), leave=True) as executor,
    ):
        assert list(executor.map(tasks.square, range(5))) == [0, 1, 4, 9, 16]
    assert [w.category for w in heard].count(RuntimeWarning) == 1


@pytest.mark.parametrize(
    ("leave", "left"),
    [
        (True, {"tasks", "square(2)", "raises"}),
        (False, set()),
        ("failed", {"tasks", "raises"}),
        (None, {"tasks", "square(2)", "raises"}),
    ],
)
def test_what_is_left_is_what_was_asked_for(
    leave: Any, left: set[str], terminal: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "QUIET", 0.0)
    stream = terminal()
    with ProgressPoolExecutor(1, leave=leave) as executor:
        executor.submit(tasks.square, 2).result()
        assert executor.submit(tasks.raises).exception() is not None
    screen = Screen(60, 10)
    screen.write(stream.getvalue())
    shown = {word for word in ("tasks", "square(2)", "raises") if word in "\n".join(screen.rows)}
    assert shown == left


# --- one display for each stream -------------------------------------------------------


def test_executors_share_the_display_and_its_options_are_those_of_the_first(
    shown: Shown, capfd: pytest.CaptureFixture[str]
) -> None:
    with ProgressPoolExecutor(1, desc="first") as one:
        one.submit(tasks.square, 1).result()
        with ProgressPoolExecutor(1, desc="second") as two:
            two.submit(tasks.square, 2).result()
        one.submit(tasks.square, 3).result()
    assert len(shown.displays) == 1
    assert [desc for desc, _ in shown.outcomes] == ["square(1)", "square(2)", "square(3)"]
    assert capfd.readouterr().err.splitlines()[-1].startswith("first: 3 tasks in ")


def test_the_display_ends_with_the_last_executor_and_the_next_has_a_new_one(
    shown: Shown,
) -> None:
    one, two = ProgressPoolExecutor(1), ProgressPoolExecutor(1, desc="two")
    for executor in (one, two):
        assert not shown.displays[0].finished.is_set()
        executor.submit(tasks.square, 1).result()
        executor.shutdown()
    assert shown.displays[0].finished.is_set()
    with ProgressPoolExecutor(1, desc="third") as executor:
        executor.submit(tasks.square, 1).result()
    assert len(shown.displays) == 2
    assert shown.displays[1].tasks.desc == "third"


def test_an_executor_that_was_never_used_lends_its_options_to_none_after_it(
    shown: Shown,
) -> None:
    unused = ProgressPoolExecutor(1, desc="unused")
    del unused
    with ProgressPoolExecutor(1, desc="used") as executor:
        executor.submit(tasks.square, 1).result()
    assert shown.displays[-1].tasks.desc == "used"


def test_each_stream_has_a_display(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    with ProgressPoolExecutor(1) as one:
        one.submit(tasks.square, 1).result()
        elsewhere = io.StringIO()
        monkeypatch.setattr(sys, "stderr", elsewhere)
        with ProgressPoolExecutor(1) as two:
            two.submit(tasks.square, 2).result()
    assert len(shown.displays) == 2
    assert "square(2) is done" in elsewhere.getvalue()
    assert "square(1)" not in elsewhere.getvalue()


@pytest.mark.parametrize(
    ("args", "kwargs", "name"),
    [
        ((), {}, "square"),
        ((3,), {}, "square(3)"),
        (((0, 1),), {}, "square((0, 1))"),
        ((("a", object()),), {}, "square(…)"),
        ((Path("folder/file.txt"), 2.5), {"by": None}, "square(file.txt, 2.5, by=None)"),
        ((Path("folder/file.txt").parents,), {}, "square(…)"),
        ((2**44497, (True, 2**44497)), {}, "square(…, (True, …))"),
        (((1,), ()), {}, "square((1,), ())"),
    ],
)
def test_a_task_is_called_by_its_function_and_plain_arguments(
    args: tuple[Any, ...], kwargs: dict[str, Any], name: str
) -> None:
    assert _name(tasks.square, args, kwargs) == name


class Odd:
    """As a proxy may be that knows not yet what it stands for."""

    __module__ = property(lambda self: "odd")  # type: ignore[assignment]

    def __call__(self, *args: object) -> int:
        return 9

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)


def test_a_task_is_called_something_whatever_it_is_made_of() -> None:
    assert _name(Odd(), (Odd(), 3), {}) == "Odd(…, 3)"
    with ProgressThreadPoolExecutor(1, display="plain") as executor:
        assert executor.submit(Odd(), Odd()).result() == 9


def test_a_name_without_end_is_cut(shown: Shown) -> None:
    with ProgressPoolExecutor(1) as executor:
        executor.options(desc="ä" * 100_000).submit(tasks.square, 3)
    (name,) = (name for name, _ in shown.outcomes)
    assert len(name) == DESC_MOST


@pytest.mark.parametrize("kind", [ProgressPoolExecutor, ProgressThreadPoolExecutor])
def test_a_stream_that_is_like_no_key_is_no_matter(
    kind: Any, terminal: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Tee(io.StringIO):
        __hash__ = None  # type: ignore[assignment]  # as of a dataclass

    terminal()
    monkeypatch.setattr(sys, "stdout", Tee())
    with kind(1) as executor:
        assert executor.submit(tasks.square, 3).result() == 9


@pytest.mark.parametrize("looks", [{"renderer": "tqmd"}, {"leave": "al"}])
def test_a_full_screen_takes_no_options_that_cannot_be(looks: Any) -> None:
    with pytest.raises(ValueError, match=r"tqmd|leave must be"):
        fullscreen(**looks)


@pytest.mark.parametrize("display", ["plain", "inline"])
def test_no_name_is_kept_of_a_task_that_has_ended(
    shown: Shown, display: str, terminal: Callable[[], Terminal], tmp_path: Path
) -> None:
    terminal()
    with ProgressPoolExecutor(1, capture="named", display=display) as executor:
        executor.submit(tasks.wait_for, str(tmp_path / "gate"))
        waits = [executor.submit(tasks.square, n) for n in range(100)]
        assert any(future.cancel() for future in waits)
        (tmp_path / "gate").touch()
        with pytest.raises(ValueError, match="it broke"):
            executor.submit(tasks.raises).result()
    assert shown.only._output.tasks.names == {}


class Emulated(io.RawIOBase):
    """What a window shows: a terminal, but no descriptor."""

    def isatty(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def write(self, some: Any) -> int:
        return len(some)


@pytest.mark.parametrize("kind", [ProgressPoolExecutor, ProgressThreadPoolExecutor])
def test_a_terminal_without_a_descriptor_is_no_matter(
    kind: Any, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BufferedWriter(Emulated()), encoding="utf-8")
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("BAREXEC", "inline")
    monkeypatch.setenv("TERM", "xterm")
    with kind(1) as executor:
        assert executor.submit(tasks.square, 3).result() == 9
    assert list(track(range(3))) == [0, 1, 2]


@pytest.mark.parametrize("options", [("-W", "always"), ("-W", "error")])
@pytest.mark.parametrize("stderr", ["sys.stderr.close()", "sys.stderr = None"])
def test_what_is_wrong_is_not_told_where_nobody_reads(
    script: Script, stderr: str, options: tuple[str, ...]
) -> None:
    done = script(
        f"""
os.environ["BAREXEC"] = "plane"
{stderr}
with ProgressPoolExecutor(1) as executor:
    print(executor.submit(abs, -9).result())
""",
        options=options,
    )
    assert (done.returncode, done.stdout) == (0, "9\n")


def test_a_pause_may_come_and_go_while_a_display_begins(
    shown: Shown, terminal: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a signal handler that asks something."""
    terminal()
    display_of = sharing._display_of

    def asked(*args: Any) -> displays.Display:
        display = display_of(*args)
        with paused():
            pass
        return display

    monkeypatch.setattr(sharing, "_display_of", asked)
    with ProgressPoolExecutor(1) as executor:
        executor.submit(tasks.square, 3).result()
        assert displays.live
    assert shown.outcomes == [("square(3)", "DONE")]


def test_a_question_may_come_while_an_executor_begins(
    shown: Shown, terminal: Callable[[], Terminal]
) -> None:
    """As of a signal handler that asks whether to end."""
    terminal()
    asked = threading.Event()

    def begins() -> None:
        with displays.lock, paused():
            displays.live[0].kick(may_wait=False)
            asked.set()

    with ProgressPoolExecutor(1) as executor:
        executor.submit(tasks.square, 3).result()
        thread = threading.Thread(target=begins, daemon=True)
        thread.start()
        assert asked.wait(60)
        thread.join()


def test_a_question_may_last_while_an_executor_begins(
    shown: Shown, terminal: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The display's thread comes to wait for that executor meanwhile."""
    terminal()
    waits = threading.Event()

    class Lock:
        def __init__(self) -> None:
            self._lock = threading.RLock()

        def __enter__(self) -> None:
            if not self._lock.acquire(blocking=False):
                waits.set()
                self._lock.acquire()

        def __exit__(self, *exc: object) -> None:
            self._lock.release()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._lock, name)

    def begins() -> None:
        with ExitStack() as question:
            question.enter_context(paused())
            with displays.lock:
                displays.live[0].kick(may_wait=False)
                assert waits.wait(60)
                monkeypatch.setattr(displays, "PATIENCE", 0.01)
                question.close()

    monkeypatch.setattr(displays, "lock", Lock())
    with ProgressPoolExecutor(1) as executor:
        executor.submit(tasks.square, 3).result()
        thread = threading.Thread(target=begins, daemon=True)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
        assert waits.is_set()
    assert not displays.live
    assert shown.outcomes == [("square(3)", "DONE")]


def test_a_display_that_begins_in_a_pause_waits_for_its_end(
    shown: Shown, terminal: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = terminal()
    monkeypatch.setattr(view, "QUIET", 0.0)
    rounds = threading.Semaphore(0)
    step = displays.Display._step

    def stepped(self: displays.Display, now: float) -> bool:
        try:
            return step(self, now)
        finally:
            rounds.release()

    monkeypatch.setattr(displays.Display, "_step", stepped)
    with paused():
        executor = ProgressPoolExecutor(1, leave=True)
        executor.submit(tasks.square, 3).result()
        for _ in range(3):
            assert rounds.acquire(timeout=60)
        assert screen.getvalue() == ""
    executor.shutdown()
    assert "square(3)" in screen.getvalue()


def test_any_name_of_the_whole_is_a_text(shown: Shown, tmp_path: Path) -> None:
    name: Any = tmp_path
    with ProgressPoolExecutor(1, desc=name) as executor:
        executor.submit(tasks.square, 3).result()
    assert shown.only.tasks.desc == str(tmp_path)


def test_a_log_goes_on_in_a_pause(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no terminal that anybody could want for himself."""
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    said = threading.Event()
    write = log.write

    def heard(text: str) -> int:
        size = write(text)
        said.set()
        return size

    monkeypatch.setattr(log, "write", heard)
    monkeypatch.setattr(view, "QUIET", 0.0)
    with ProgressPoolExecutor(1) as executor, paused():
        executor.submit(tasks.raises).exception()
        assert said.wait(60)
        assert "raises" in log.getvalue()
