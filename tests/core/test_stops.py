"""Whether a gap was a stop of the process, or only a machine with too much to do."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from barexec import stops
from barexec.frame import Layout
from barexec.painters.glass import Glass
from barexec.policy import Policy
from barexec.renderers import get
from barexec.stops import Stops
from barexec.tasks import Tasks
from barexec.theme import Theme
from barexec.view import View


class Clock:
    """Time, processor time, and what our threads have waited for a processor, set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.ran, self.waited = 100.0, 5.0, {"1": 3.0, "2": 8.0}
        monkeypatch.setattr(stops, "monotonic", lambda: self.now)
        monkeypatch.setattr(stops, "process_time", lambda: self.ran)
        monkeypatch.setattr(stops, "waited", self.waited.copy)

    def goes_on(self, seconds: float, ran: float = 0.0, waited: float = 0.0) -> None:
        self.now += seconds
        self.ran += ran
        self.waited["1"] += waited


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.mark.parametrize(
    ("gap", "ran", "waited", "stopped"),
    [
        (0.1, 0.0, 0.0, False),
        (0.5, 0.0, 0.0, False),
        (0.6, 0.0, 0.0, True),
        (600.0, 0.1, 0.2, True),
        (3.0, 2.5, 0.0, False),  # one call in C that keeps the GIL
        (1.3, 0.1, 1.1, False),  # ten programs for each processor
        (1.3, 0.1, 0.3, True),  # and Ctrl-Z there
        (30.0, 0.0, 0.0, True),
    ],
)
def test_a_gap_that_nothing_else_explains_was_a_stop(
    clock: Clock, gap: float, ran: float, waited: float, stopped: bool
) -> None:
    looks = Stops()
    assert not looks.found()
    for _ in range(20):
        clock.goes_on(0.1, 0.002, 0.01)
        assert not looks.found()
    clock.goes_on(gap, ran, waited)
    assert looks.found() is stopped
    assert not looks.found()


def test_where_nobody_counts_what_threads_have_waited_a_stop_takes_longer(clock: Clock) -> None:
    clock.waited.clear()
    looks = Stops()
    assert not looks.found()
    for gap, stopped in ((0.6, False), (1.0, False), (1.2, True)):
        clock.now += gap
        assert looks.found() is stopped


def test_a_thread_that_has_ended_takes_nothing_away(clock: Clock) -> None:
    looks = Stops()
    assert not looks.found()
    clock.goes_on(1.3, 0.1, 1.1)
    del clock.waited["2"]
    assert not looks.found()


def test_who_sleeps_was_not_stopped(clock: Clock) -> None:
    looks = Stops()
    assert not looks.found()
    looks.forget()
    clock.goes_on(100)
    assert not looks.found()


STOPPED = """
import sys
from barexec.stops import Stops
looks = Stops()
looks.found()
print("ready", flush=True)
sys.stdin.readline()
print(looks.found(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing stops a process there")
def test_a_real_stop() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdin is not None and program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        program.send_signal(signal.SIGSTOP)
        os.waitpid(program.pid, os.WUNTRACED)
        program.stdin.write("on\n")
        program.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(stops.UNCOUNTED + 0.2)
        program.send_signal(signal.SIGCONT)
        assert program.stdout.readline() == "True\n"


class SlowPainter:
    """A terminal that takes seconds for each frame, as a serial line does."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.frames = 0

    def size(self) -> tuple[int, int]:
        return 79, 23  # inline, on a screen of 80 x 24

    def paint(self, frame: tuple[str, ...], printed: object = ()) -> bool:
        self.frames += 1
        self.clock.goes_on(3.0)
        Glass.blocked += 3.0
        return True

    def repaint(self) -> None:
        pytest.fail("nobody has stopped it")


class StoppedPainter(SlowPainter):
    """A program that is stopped while it paints, before or after it writes."""

    repainted = 0

    def paint(self, frame: tuple[str, ...], printed: object = ()) -> bool:
        self.frames += 1
        self.clock.goes_on(3.0 if self.frames == 2 else 0.01)
        return True

    def repaint(self) -> None:
        self.repainted += 1


def view_on(painter: Any) -> View:
    tasks = Tasks()
    tasks.bare = False
    tasks.submit({1: "task"}, 0.0)
    output: Any = type(
        "Output", (), {"lines": [], "rows": (), "resize": lambda *size: None, "taken": bool}
    )
    view = View(io.StringIO(), Policy("inline"), tasks, output)
    view.began = 0.0
    view._screen = painter, Layout(get("bar", Theme(True))), Glass(io.StringIO())
    return view


def test_a_stop_while_a_frame_is_painted_is_found_by_the_next(clock: Clock) -> None:
    painter = StoppedPainter(clock)
    view = view_on(painter)
    for repainted in (0, 0, 1, 1):
        clock.goes_on(0.1)
        view.show([], 10.0, False)
        assert painter.repainted == repainted
    clock.goes_on(3.0)
    assert view.look_after() and view.look_after()
    assert painter.repainted == 2


def test_a_terminal_that_takes_its_time_is_no_stop(clock: Clock) -> None:
    painter = SlowPainter(clock)
    view = view_on(painter)
    for _ in range(5):
        clock.goes_on(0.1)
        view.show([], 10.0, False)
    assert painter.frames == 5 and view.stands
    for _ in range(5):
        clock.goes_on(0.1)
        assert view.look_after()
    assert painter.frames == 10
