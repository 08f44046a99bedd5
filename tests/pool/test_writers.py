"""Writers in pools of every start method: what tasks write arrives whole and in order, and
is shown in the rows of its task, whatever else happens to the task and its worker."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import pytest
import tasks
import writing
from displays_seen import Shown

from barexec import ProgressPoolExecutor, view
from barexec import display as displays
from barexec.testing import Screen

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
Captured = pytest.CaptureFixture[str]


def said(captured: Captured) -> list[str]:
    """The lines that tasks have written, each whole and with its end, in order."""
    lines = captured.readouterr().err.splitlines()
    assert all(line.endswith(">") for line in lines if line.startswith("<")), "torn"
    assert not [line for line in lines if "<" in line[1:] or ">" in line[:-1]], "torn"
    return [line for line in lines if line.startswith("<")]


def of(name: object, lines: Iterable[str]) -> list[str]:
    return [line for line in lines if line.startswith(f"<{name} ")]


# --- whole and in order ----------------------------------------------------------------


def test_lines_come_whole_and_in_order(context: BaseContext, capsys: Captured) -> None:
    names = [f"n{n}" for n in range(8)]
    with ProgressPoolExecutor(2, context) as executor:
        list(executor.map(writing.prints, names))
        list(executor.map(writing.prints, ["a", "b", "c", "d", "e"], chunksize=3))
    lines = said(capsys)
    for name in [*names, *"abcde"]:
        assert of(name, lines) == list(writing.numbered(name, 300))
    assert len(lines) == 13 * 300


def test_tasks_that_end_at_once_have_said_all(context: BaseContext, capsys: Captured) -> None:
    """Many more than are kept: each has a line longer than a record, and one without an end."""
    with ProgressPoolExecutor(2, context) as executor:
        list(executor.map(writing.says, range(700)))
    lines = said(capsys)
    wanted = {f"<{n} {'y' * 1500}>" for n in range(700)} | {f"<{n} last>" for n in range(700)}
    assert len(lines) == len(wanted)
    assert set(lines) == wanted


@pytest.mark.skipif(sys.version_info < (3, 11), reason="max_tasks_per_child")
def test_a_worker_for_each_task(method: str, context: BaseContext, capsys: Captured) -> None:
    if method == "fork":
        pytest.skip("not with fork")
    with ProgressPoolExecutor(2, context, max_tasks_per_child=1) as executor:
        list(executor.map(writing.says, range(6)))
    assert len(said(capsys)) == 12


def test_a_full_channel_slows_who_writes_and_nobody_else(
    context: BaseContext, capsys: Captured, tmp_path: Path
) -> None:
    over = tmp_path / "over"
    with ProgressPoolExecutor(2, context) as executor:
        flood = executor.submit(writing.floods_until, "flood", str(over))
        others = [executor.submit(tasks.square, n) for n in range(50)]
        assert [other.result() for other in others] == [n * n for n in range(50)]
        assert not flood.done()
        over.touch()
        count = flood.result()
    assert count >= 4000
    assert said(capsys) == list(writing.numbered("flood", count, 1000))


@posix
@pytest.mark.parametrize("how", ["kill", "exit"])
def test_of_a_worker_that_dies_all_that_it_wrote_is_there(
    context: BaseContext, capsys: Captured, how: str
) -> None:
    """In the midst of more than the channel holds."""
    with ProgressPoolExecutor(1, context) as executor:
        future = executor.submit(writing.floods_and_dies, "lost", 3000, how)
        with pytest.raises(BrokenProcessPool):
            future.result()
    lines = capsys.readouterr().err.splitlines()
    assert of("lost", lines) == list(writing.numbered("lost", 3000, 1000))
    assert lines.count("<and half a") == 1


@posix
def test_a_task_that_forks(context: BaseContext, capsys: Captured) -> None:
    with ProgressPoolExecutor(1, context) as executor:
        assert executor.submit(writing.forks).result() == 0
    text = capsys.readouterr().err
    for name in ("child", "parent"):
        # lines of two processes may meet; but each record is there, in its order
        assert len(re.findall(f"<{name} (\\d{{6}}) ", text)) == 200
    assert text.count(">") == 401


def test_threads_that_outlive_the_task(context: BaseContext, capsys: Captured) -> None:
    with ProgressPoolExecutor(1, context) as executor:
        executor.submit(writing.writes_from_threads, 1000).result()
        executor.submit(writing.prints, "next").result()
    lines = said(capsys)
    for name in "abc":
        assert of(name, lines) == list(writing.numbered(name, 1000))
    assert of("next", lines) == list(writing.numbered("next", 300))


@posix
def test_signal_handlers_that_write(context: BaseContext, capsys: Captured) -> None:
    with ProgressPoolExecutor(1, context) as executor:
        calls = executor.submit(writing.writes_on_signals, 3000).result()
    lines = said(capsys)
    assert of("main", lines) == list(writing.numbered("main", 3000, 1000))
    assert calls
    assert sorted(of("signal", lines)) == sorted(f"<signal {n + 1}>" for n in range(calls))


def test_finalizers_that_write(context: BaseContext, capsys: Captured) -> None:
    """In any thread, also in that of the sampler, with the channel full."""
    with ProgressPoolExecutor(1, context) as executor:
        executor.submit(writing.writes_from_finalizers, 1500).result()
    lines = said(capsys)
    assert [line.split()[1] for line in of("alive", lines)] == [str(n) for n in range(1500)]
    assert {line[6:-1] for line in of("dead", lines)} == {str(n) for n in range(1500)}


def test_what_is_written_at_the_workers_exit(context: BaseContext, capsys: Captured) -> None:
    with ProgressPoolExecutor(1, context) as executor:
        executor.submit(writing.writes_at_the_exit).result()
    assert said(capsys) == ["<bye 50>", "<bye 1>"]


def test_an_interrupted_task_does_not_silence_the_next(
    context: BaseContext, capsys: Captured
) -> None:
    with ProgressPoolExecutor(1, context) as executor:
        with pytest.raises(KeyboardInterrupt):
            executor.submit(writing.is_interrupted).result()
        executor.submit(writing.prints, "next", 3).result()
    assert len(said(capsys)) == 4


# --- the place -------------------------------------------------------------------------


def test_a_task_knows_where_it_is(context: BaseContext) -> None:
    with ProgressPoolExecutor(2, context) as executor:
        flows = executor.submit(writing.place)
        fixed = executor.options(location=(3, 4)).submit(writing.place)
        called = executor.options(location=lambda a, b: (a, b)).submit(writing.place, 7, 8)
        nowhere = executor.options(location=lambda *_: None).submit(writing.place, 1)
        asked = executor.options(location=(5, 6)).submit(writing.writer_of_the_task)
        after = executor.submit(writing.place)
        found = [f.result() for f in (flows, fixed, called, nowhere, asked, after)]
        assert found == [(0, 0), (3, 4), (7, 8), (0, 0), (5, 6), (0, 0)]

        places = [(0, 1), (0, 6), (0, 7)]
        some = executor.options(location=places)
        assert list(some.map(writing.place, range(3))) == places
        assert list(some.map(writing.place, range(5))) == [*places, (0, 0), (0, 0)]
        assert list(some.map(writing.place, range(2))) == places[:2]
        # a chunk is one task
        chunks = list(some.map(writing.place, range(8), chunksize=2))
        assert chunks == [place for place in [*places, (0, 0)] for _ in "ab"]
        of_items = executor.options(location=lambda n: (0, n))
        assert list(of_items.map(writing.place, range(3))) == [(0, 0), (0, 1), (0, 2)]
        assert some.submit(writing.place).result() == (0, 1)


WRONG: list[tuple[Any, type[Exception], str]] = [
    (5, TypeError, "got 5"),
    ("ab", TypeError, "got 'a'"),
    ((1,), TypeError, "got 1"),
    ((1, 2, 3), TypeError, "got 1"),
    ((1, 2.5), TypeError, r"whole numbers \(x, y\); got \(1, 2.5\)"),
    ((1, None), TypeError, "whole numbers"),
    ((1, "2"), TypeError, "whole numbers"),
    ((-1, 0), ValueError, r"counts from \(0, 0\), the top left; got \(-1, 0\)"),
    ((0, -1), ValueError, "counts from"),
    ([(0, 1), (0, -1)], ValueError, r"got \(0, -1\)"),
    ([(0, 1), None], TypeError, "got None"),
    ([(0, 1), (0, 1, 2)], TypeError, r"got \(0, 1, 2\)"),
    ({0: 1}, TypeError, "must be"),
    (iter([(0, 1)]), TypeError, "must be"),
]


@pytest.mark.parametrize(("location", "kind", "words"), WRONG)
def test_a_wrong_location_is_refused_before_a_process_starts(
    location: Any, kind: type[Exception], words: str, children: Callable[[], set[int]], shown: Shown
) -> None:
    before = children()
    with ProgressPoolExecutor(1) as executor:
        with pytest.raises(kind, match=f"location .*{words}"):
            executor.options(location=location)
        if isinstance(location, (list, dict)) or hasattr(location, "__next__"):
            location = (0, 0.5)
        later = executor.options(location=lambda _: location)
        for call in (lambda: later.submit(tasks.square, 3), lambda: later.map(tasks.square, [3])):
            with pytest.raises((TypeError, ValueError), match="location"):
                call()
        assert children() == before
    assert shown.outcomes == []


# --- on the screen ---------------------------------------------------------------------


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """What a terminal shows on which the bars are."""
    for name in ("BAREXEC", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(view, "QUIET", 0.0)
    return Screen(80, 24)


@contextmanager
def shown_on(screen: Screen) -> Iterator[None]:
    """For the body of a test: what captures its output sets stderr anew before that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", screen)
        yield
        for display in list(displays.live):
            # the emulator is slower than a terminal, and what ends the block waits 2 s for it
            assert display.finished.wait(60)
            display.join()


def seen(screen: Screen) -> list[str]:
    """All rows that were ever shown and not drawn over, without the empty ones."""
    return [row for row in (*screen.history, *screen.rows) if row]


LIBRARIES: list[tuple[Callable[..., Any], str, str, Sequence[str]]] = [
    (writing.with_tqdm, "tqdm", r"alone: 100%\|█+\| 9/9 \[.*it/s\]", []),
    (writing.with_nested_tqdm, "tqdm", r"outer: 100%\|█+\| 9/9 \[.*it/s\]", ["between"] * 27),
    (writing.with_progressbar, "progressbar", r"100% \(9 of 9\) \|#+\| Elapsed Time: .*\d", []),
    (writing.with_rich, "rich", r"enriched ━+ 100% [\d:]+", ["between"]),
    (writing.with_click, "click", r"clicked +\[#+\] +100%", ["between"]),
    (writing.with_print, "sys", r"printed 9/9", ["between"]),
]


def test_what_draws_on_a_stream_draws_in_the_rows_of_its_task(
    context: BaseContext, screen: Screen
) -> None:
    there = [case for case in LIBRARIES if find_spec(case[1])]
    futures: list[Future[Any]] = []
    with shown_on(screen), ProgressPoolExecutor(2, context, leave=True) as executor:
        assert executor.submit(writing.looks, 0).result() == (True, 79)
        futures += [executor.submit(case[0], 9) for case in there]
    assert [future.result() for future in futures] == [None] * len(there)
    shown = seen(screen)
    for _, _, bar, _ in there:
        assert len([row for row in shown if re.fullmatch(bar, row)]) == 1, (bar, shown)
    assert shown.count("between") == sum(len(lines) for *_, lines in there)
    # the whole, the task that drew nothing, and nothing more
    others = [row for row in shown if row[0] == "✓"]
    assert [row.split()[1] for row in others] == ["tasks", "looks(0)"]
    assert len(shown) == len(there) + shown.count("between") + len(others)


def test_lines_stand_above_the_bars(context: BaseContext, screen: Screen) -> None:
    names = [f"n{n}" for n in range(6)]
    with shown_on(screen), ProgressPoolExecutor(2, context) as executor:
        list(executor.map(writing.prints, names))
    shown = seen(screen)
    for name in names:
        assert of(name, shown) == list(writing.numbered(name, 300))
    assert [row for row in shown if row[:2] != "<n" and row[:1] != "✓"] == []
    assert [row.split()[0] for row in shown[1800:]] == ["✓"] * 7


@pytest.mark.parametrize("leave", [None, False, "failed", True])
@pytest.mark.parametrize("quiet", [0.0, 1000.0])
def test_printed_lines_stay_whatever_else_does(
    leave: Any, quiet: float, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after a run so short that no bar was shown."""
    monkeypatch.setattr(view, "QUIET", quiet)
    with shown_on(screen), ProgressPoolExecutor(1, leave=leave) as executor:
        executor.submit(writing.prints, "a", 30).result()
        executor.submit(writing.says, "b").result()
    shown = seen(screen)
    assert of("a", shown) == list(writing.numbered("a", 30))
    assert "<b last>" in shown
    assert not [row for row in shown if row.startswith("✓")] or leave is not False


def test_a_display_that_fails_says_what_was_printed(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    from barexec import frame

    def boom(*_: object) -> Any:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(frame.Layout, "compose", boom)
    monkeypatch.setattr(frame.Layout, "final", boom)
    with (
        pytest.warns(RuntimeWarning, match="a bug of ours"),
        shown_on(screen),
        ProgressPoolExecutor(1) as executor,
    ):
        assert executor.submit(writing.prints, "a", 30).result() == 0
        assert executor.submit(tasks.square, 3).result() == 9
    assert of("a", seen(screen)) == list(writing.numbered("a", 30))
