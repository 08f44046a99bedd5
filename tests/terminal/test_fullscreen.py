"""Full screen on a real pseudo-terminal: however it ends, the terminal is as it was found."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from pty_program import PATIENCE, TASKS, PtyProgram, environment
from test_programs import blurred, prompted, rows, shows
from two_screens import TwoScreens, with_two_screens

Start = Callable[..., PtyProgram]

PROGRAM = """
from concurrent.futures import ProcessPoolExecutor
import signal

class Stock(ProcessPoolExecutor):
    def __init__(self, workers, fullscreen):
        super().__init__(workers)

def second_gate():
    while not os.path.exists(os.environ["GATE"] + "-two"):
        time.sleep(0.01)

if __name__ == "__main__":
    import multiprocessing
    multiprocessing.set_start_method("fork")  # without helpers, which would say what they miss
    print("above", flush=True)
    pool = Stock if os.environ.get("STOCK") else ProgressPoolExecutor
    with pool(2, fullscreen=True) as ex:
        ex.submit(counted, 3), ex.submit(counted, 7)
        {then}
    print("after")
"""
DONE = [
    "✓ tasks BAR 2/2 100% TIME",
    "✓ counted(3) BAR 10/10 100% TIME",
    "✓ counted(7) BAR 10/10 100% TIME",
]
LIVE = [" tasks BAR 0/2 50% TIME", " counted(3) BAR 3/10 30% TIME", " counted(7) BAR 7/10 70% TIME"]


def live(screen: Any) -> bool:
    """Whether both bars are on the alternate screen."""
    return screen.alternate is not None and shows("30%", "70%")(screen)


def after(seconds: int, screen: Any) -> Callable[[Any], bool]:
    """Whether the time of the whole has gone on by so many."""

    def time(screen: Any) -> int:
        minutes, seconds = re.findall(r"(\d+):(\d\d)", screen.rows[0])[0]
        return 60 * int(minutes) + int(seconds)

    begin = time(screen)
    return lambda screen: time(screen) >= begin + seconds


def told(program: PtyProgram) -> None:
    """Wait until both bars are there, and the watcher knows it: it is told once a second."""
    program.until(live)
    program.until(after(2, program.screen))


def open_second_gate(program: PtyProgram) -> None:
    """Let the program itself go on, and not its tasks."""
    program.gate.with_name(f"{program.gate.name}-two").touch()


def back(screen: Any) -> bool:
    """Whether the normal screen is there again, and the cursor is. The watcher writes the rest
    after that."""
    return screen.switches > 0 and screen.alternate is None and screen.cursor_shown


def left(screens: TwoScreens) -> list[str]:
    """What is on the normal screen, and above it, but for the traceback."""
    assert back(screens)
    shown = blurred(rows(screens.normal))
    begin = next((at for at, row in enumerate(shown) if row.startswith("Traceback")), len(shown))
    return shown[:begin]


def in_order(shown: list[str]) -> list[str]:
    """With the two bars in the order of submission; while they run, it is that of their start."""
    begin = next((at for at, row in enumerate(shown) if "counted" in row), len(shown))
    return [*shown[:begin], *sorted(shown[begin : begin + 2]), *shown[begin + 2 :]]


def modes(program: PtyProgram) -> list[Any]:
    return termios.tcgetattr(program._master)


def end_workers(program: PtyProgram) -> None:
    """End the workers that outlive a killed parent. They are in its process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(program.process.pid, signal.SIGKILL)


def await_end_of_workers(program: PtyProgram) -> None:
    """Wait until nothing is left of the process group of a program that has ended."""
    program.process.wait(PATIENCE)
    until = monotonic() + PATIENCE
    with suppress(ProcessLookupError):
        while monotonic() < until:
            with suppress(PermissionError):  # macOS, of a group of zombies
                os.killpg(program.process.pid, 0)
            sleep(0.02)  # they are nobody's children: there is nothing to wait for
        pytest.fail("its workers live on")


def stock_status(start: Start, then: str, number: int | None = None) -> int:
    """How the same program ends with the stock executor."""
    then = f'print("started", flush=True)\n        {then}'
    program = start(PROGRAM.format(then=then), STOCK="1", controlling=False)
    program.until(shows("started"))
    if number is not None:
        program.process.send_signal(number)
    program.open_gate()
    status = program.process.wait(PATIENCE)
    end_workers(program)
    program.close()
    return status


# --- the seven ways to end ---


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("gate()", ["after"]),
        ("gate(); raise ValueError('mine')", []),
        ("gate(); sys.exit(3)", []),
    ],
    ids=["return", "exception", "SystemExit"],
)
def test_a_program_that_ends_by_itself(start: Start, then: str, said: list[str]) -> None:
    program = start(PROGRAM.format(then=then))
    before = modes(program)
    screens = with_two_screens(program)
    program.until(live)
    assert not screens.cursor_shown
    program.open_gate()
    status = program.wait()
    assert left(screens) == ["above", *DONE, *said]
    assert screens.switches == 2
    assert modes(program) == before
    assert status == stock_status(start, then)


def test_ctrl_c(start: Start) -> None:
    program = start(PROGRAM.format(then="gate()"))
    before = modes(program)
    screens = with_two_screens(program)
    program.until(live)
    program.type("\x03")
    status = program.wait()
    shown = rows(screens.normal)
    assert back(screens)
    assert shown[0] == "above"
    assert "⊘ tasks" in shown[1]
    assert sum("⊘ counted" in row and "interrupted" in row for row in shown) == 2
    assert modes(program) == before
    # as with the stock class, where that does not hang
    assert status == -signal.SIGINT


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_program_that_is_killed(start: Start, number: signal.Signals) -> None:
    """Its workers live on a little, and what they hold open keeps nobody from noticing."""
    program = start(PROGRAM.format(then="gate()"), controlling=False)
    before = modes(program)
    screens = with_two_screens(program)
    told(program)
    program.process.send_signal(number)
    program.until(lambda screen: back(screen) and in_order(left(screens)) == ["above", *LIVE])
    await_end_of_workers(program)
    status = program.wait()
    assert in_order(left(screens)) == ["above", *LIVE]
    assert screens.cursor_shown
    assert screens.normal.cursor == (0, 4)
    assert modes(program) == before
    assert status == stock_status(start, "gate()", number) == -number


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_that_start_in_full_screen_do_not_keep_it(start: Start, method: str) -> None:
    program = start(
        f"""
        import multiprocessing
        from barexec import worker
        worker.Orphan = lambda farewell: None  # who ends them within half a second
        if __name__ == "__main__":
            print("above", flush=True)
            context = multiprocessing.get_context({method!r})
            with ProgressPoolExecutor(1, context, fullscreen=True) as ex:
                ex.submit(counted, 3)
                time.sleep(1)
                with ProgressPoolExecutor(1, context) as late:
                    late.submit(counted, 7)
                    gate()
        """,
        controlling=False,
    )
    screens = with_two_screens(program)
    told(program)
    program.process.kill()
    program.process.wait()
    program.until(lambda screen: back(screen) and in_order(left(screens)) == ["above", *LIVE])
    os.killpg(program.process.pid, 0)  # they live
    end_workers(program)
    program.wait()
    assert in_order(left(screens)) == ["above", *LIVE]


@pytest.mark.parametrize("how", ["os._exit(7)", "os.abort()", "os.execvp('true', ['true'])"])
def test_a_program_that_is_gone_at_once(start: Start, how: str) -> None:
    then = f"second_gate(); signal.signal(signal.SIGABRT, signal.SIG_DFL); {how}"
    code = "import faulthandler; faulthandler.disable()\n" + PROGRAM.format(then=then)
    program = start(code, controlling=False)
    screens = with_two_screens(program)
    told(program)
    open_second_gate(program)
    program.until(lambda screen: back(screen) and in_order(left(screens)) == ["above", *LIVE])
    end_workers(program)
    program.wait()
    assert in_order(left(screens)) == ["above", *LIVE]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_to_the_whole_group_does_not_reach_the_watcher(
    start: Start, number: signal.Signals
) -> None:
    """As Ctrl-C, the end of the terminal's session, and `kill -9 %1` in a shell."""
    then = "second_gate(); signal.signal(signal.SIGINT, signal.SIG_DFL)"
    then += f"; os.killpg(0, {int(number)})"
    # not its controlling terminal: with the end of that one's session, macOS takes it away
    program = start(PROGRAM.format(then=then), controlling=False)
    screens = with_two_screens(program)
    told(program)
    open_second_gate(program)
    assert program.process.wait(PATIENCE) == -number
    program.until(lambda screen: back(screen) and in_order(left(screens)[:4]) == ["above", *LIVE])
    end_workers(program)
    program.wait()
    assert in_order(left(screens)[:4]) == ["above", *LIVE]


# --- the watcher ---

WATCHER = """
def watchers():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat, open(f"/proc/{pid}/cmdline", "rb") as command:
                parent = int(stat.read().rpartition(")")[2].split()[1])
                if parent == os.getpid() and b"watcher.py" in command.read():
                    found.append(int(pid))
        except OSError:
            continue
    return found
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_no_watcher_is_left(start: Start) -> None:
    program = start(
        WATCHER
        + PROGRAM.format(then="gate(); during = watchers()")
        + "    print('watchers', len(during), 'then', len(watchers()))\n"
        + "    try:\n        os.waitpid(-1, os.WNOHANG)\n"
        + "    except ChildProcessError:\n        print('no zombie')\n"
    )
    screens = with_two_screens(program)
    program.until(live)
    program.open_gate()
    assert program.wait() == 0
    assert left(screens)[-2:] == ["watchers 1 then 0", "no zombie"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_a_watcher_that_is_killed_does_no_harm(start: Start) -> None:
    """Also where the program gave SIGPIPE its deadly default back."""
    then = "\n        ".join(
        [
            "signal.signal(signal.SIGPIPE, signal.SIG_DFL)",
            "second_gate()",
            "os.kill(*watchers(), signal.SIGKILL)",
            "gate()",
        ]
    )
    program = start(WATCHER + PROGRAM.format(then=then))
    screens = with_two_screens(program)
    program.until(live)
    open_second_gate(program)
    program.until(after(2, program.screen))  # frames go on
    program.open_gate()
    assert program.wait() == 0
    assert left(screens) == ["above", *DONE, "after"]


@pytest.mark.parametrize("executable", ["''", "None", "'/no/such/python'"])
def test_without_a_watcher_it_works_too(start: Start, executable: str) -> None:
    program = start(f"sys.executable = {executable}\n" + PROGRAM.format(then="gate()"))
    screens = with_two_screens(program)
    program.until(live)
    program.open_gate()
    assert program.wait() == 0
    assert left(screens) == ["above", *DONE, "after"]


def test_a_frozen_terminal_is_given_back_when_it_thaws(start: Start) -> None:
    code = PROGRAM.format(then="gate()").replace('print("after")', "")
    program = start(code, controlling=False)  # for which macOS would wait at its end
    screens = with_two_screens(program)
    program.until(live)
    program.until_still()  # frozen within a write, it would be ended by its watcher
    program.flow(False)
    program.open_gate()
    assert program.process.wait(PATIENCE) == 0
    assert screens.alternate is not None
    program.flow(True)
    program.until(lambda screen: back(screen) and left(screens) == ["above", *DONE])
    program.wait()
    assert left(screens) == ["above", *DONE]


# --- one screen around several executors ---


def test_a_full_screen_around_executors(start: Start) -> None:
    program = start(
        """
        import barexec
        if __name__ == "__main__":
            print("above", flush=True)
            with barexec.fullscreen(desc="both"):
                with ProgressPoolExecutor(1) as ex:
                    ex.submit(abs, -3)
                time.sleep(0.5)
                with ProgressPoolExecutor(1) as ex:
                    ex.submit(counted, 3)
                    gate()
                for _ in track(range(3), desc="mine"):
                    time.sleep(0.1)
            print("after")
        """
    )
    screens = with_two_screens(program)
    program.until(lambda s: s.alternate is not None and shows("both", "30%")(s))
    program.open_gate()
    assert program.wait() == 0
    assert left(screens) == [
        "above",
        "✓ both BAR 2/2 100% TIME",
        "✓ abs(-3) TIME",
        "✓ counted(3) BAR 10/10 100% TIME",
        "✓ mine BAR 3/3 100% TIME",
        "after",
    ]
    assert screens.switches == 2


@pytest.mark.parametrize("body", ["pass", "ProgressPoolExecutor(1).shutdown()"])
def test_a_full_screen_that_nobody_uses_is_not_seen(start: Start, body: str) -> None:
    program = start(
        f"""
        import barexec, threading
        if __name__ == "__main__":
            with barexec.fullscreen():
                {body}
            print(threading.active_count(), signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL)
        """.replace("threading\n", "threading, signal\n")
    )
    assert program.wait() == 0
    assert bytes(program.written) == b"1 True\r\n"


def test_the_user_decides_by_the_environment(start: Start) -> None:
    program = start(
        """
        if __name__ == "__main__":
            with ProgressPoolExecutor(2) as ex:
                ex.submit(counted, 3), ex.submit(counted, 7)
        """,
        BAREXEC="fullscreen",
    )
    screens = with_two_screens(program)
    program.until(live)
    program.open_gate()
    assert program.wait() == 0
    assert left(screens) == DONE


@pytest.mark.parametrize("kind", ["linux", "vt100"])
def test_a_terminal_without_a_second_screen_keeps_what_it_shows(start: Start, kind: str) -> None:
    program = start(PROGRAM.format(then="gate()"), TERM=kind)
    program.until(shows("above", "30%", "70%"))
    program.open_gate()
    assert program.wait() == 0
    assert b"1049" not in program.written
    assert [row.split()[0] for row in rows(program.screen)] in (
        ["above", "v", "v", "v", "after"],  # no Unicode on the Linux console
        ["above", "✓", "✓", "✓", "after"],
    )


# --- a Terminal of the user's own ---

OWN = """
import importlib
if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "w")  # no buffer but its own, and blessed asks it nothing
    terminal = importlib.import_module(LIBRARY).Terminal(stream=out)
    out.write("begun ")
    with ProgressPoolExecutor(2, fullscreen=FULL, terminal=terminal) as ex:
        ex.submit(counted, 3), ex.submit(counted, 7)
    print("after")
"""


@pytest.mark.parametrize("library", ["blessings", "blessed"])
@pytest.mark.parametrize("full", [True, False])
def test_a_terminal_of_the_users_own(
    start: Start, tmp_path: Path, library: str, full: bool
) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    code = f"LIBRARY = {library!r}\nFULL = {full}\n{OWN}"
    with (tmp_path / "errors").open("wb") as errors:
        program = start(code, stderr=errors)
    screens = with_two_screens(program)
    program.until(lambda s: (s.alternate is not None) == full and shows("30%", "70%")(s))
    program.open_gate()
    assert program.wait() == 0
    assert blurred(rows(screens.normal)) == ["begun", *DONE, "after"]
    assert (tmp_path / "errors").read_bytes() == b""


def test_two_streams_to_one_terminal_share_its_display(start: Start) -> None:
    if find_spec("blessings") is None:
        pytest.skip("blessings is not installed")
    program = start(
        """
        from blessings import Terminal
        if __name__ == "__main__":
            with ProgressPoolExecutor(1, terminal=Terminal(stream=sys.stdout)) as one:
                with ProgressPoolExecutor(1) as other:
                    one.submit(counted, 3), other.submit(counted, 7)
            print("after")
        """
    )
    program.until(shows("0/2", "30%", "70%"))
    program.open_gate()
    assert program.wait() == 0
    assert blurred(rows(program.screen)) == [*DONE, "after"]


# --- small, resized, stopped ---


@pytest.mark.parametrize(("columns", "height"), [(20, 3), (1, 1), (80, 2)])
def test_small_screens(start: Start, columns: int, height: int) -> None:
    program = start(PROGRAM.format(then="gate()"), columns=columns, rows=height)
    screens = with_two_screens(program)
    program.until(lambda s: s.alternate is not None and all(s.rows))
    assert screens.alternate is not None
    assert screens.alternate.history == ()
    program.open_gate()
    assert program.wait() == 0
    assert back(screens)
    shown = "".join(rows(screens.normal))
    assert shown.startswith("above")
    assert shown.endswith("after")


def test_resized(start: Start) -> None:
    program = start(PROGRAM.format(then="gate()"))
    screens = with_two_screens(program)
    program.until(live)
    for columns, height in ((44, 24), (120, 30), (30, 3), (80, 24)):
        program.resize(columns, height)
        program.until(
            lambda s: (
                len([row for row in s.rows if row]) == 3
                and all(len(row) < s.size[0] for row in s.rows)
                and shows("tasks", "30%", "70%")(s)
            )
        )
    program.open_gate()
    assert program.wait() == 0
    assert left(screens) == ["above", *DONE, "after"]


def test_keys_that_are_pressed_do_not_stay(start: Start) -> None:
    program = start(PROGRAM.format(then="gate()"))
    with_two_screens(program)
    program.until(live)
    program.type("hello\nworld\n")
    program.until(shows("hello"))
    program.until(lambda s: live(s) and not shows("hello")(s) and not shows("world")(s))
    program.open_gate()
    assert program.wait() == 0


def test_ctrl_z_and_fg(start: Start) -> None:
    shell = start(PROGRAM.format(then="gate()"), shell=True)
    screens = with_two_screens(shell)
    shell.until(prompted)
    shell.type("$PROGRAM\n")
    shell.until(live)
    for switches in (2, 4):
        shell.type("\x1a")
        shell.until(lambda s: s.cursor_shown and shows("Stopped")(s) and prompted(s))
        assert screens.switches == switches
        assert "above" in screens.normal.rows
        assert b"\x1b" not in shell.listen(0.5), "a program that is stopped writes nothing"
        shell.type("fg\n")
        shell.until(lambda s: live(s) and not s.cursor_shown)
    shell.open_gate()
    shell.until(lambda s: back(s) and shows("after")(s) and prompted(s))
    shown = blurred(rows(screens.normal))
    assert shown[-5:] == [*DONE, "after", "$"]
    assert screens.switches == 6


def stopped(start: Start) -> tuple[PtyProgram, TwoScreens]:
    """A program under a shell, stopped by Ctrl-Z; and its two screens."""
    shell = start(PROGRAM.format(then="gate()"), shell=True)
    screens = with_two_screens(shell)
    shell.until(prompted)
    shell.type("$PROGRAM\n")
    shell.until(live)
    shell.type("\x1a")
    shell.until(lambda s: s.cursor_shown and shows("Stopped")(s) and prompted(s))
    return shell, screens


def test_killed_while_it_is_stopped(start: Start) -> None:
    shell, screens = stopped(start)
    shell.type("kill -9 %1\n")
    shell.until(shows("30%", "70%"))
    assert screens.switches == 2


def test_in_the_background_it_takes_no_screen(start: Start) -> None:
    shell, screens = stopped(start)
    shell.type("bg\n")
    shell.until(lambda s: any(row.startswith("$ bg") for row in s.rows) and prompted(s))
    assert shell.listen(1.0) == b""
    shell.open_gate()
    shell.until(shows("after"))
    assert screens.switches == 2


@pytest.mark.parametrize("user", ["lambda *_: print('mine')", "signal.SIG_IGN"])
def test_an_action_of_the_users_for_sigtstp_is_left_alone(start: Start, user: str) -> None:
    code = f"""
import signal
if __name__ == "__main__":
    users = {user}
    signal.signal(signal.SIGTSTP, users)
    with ProgressPoolExecutor(2, fullscreen=True) as ex:
        ex.submit(counted, 3), ex.submit(counted, 7)
        during = signal.getsignal(signal.SIGTSTP)
        gate()
    print(during is users, signal.getsignal(signal.SIGTSTP) is users)
"""
    program = start(code)
    screens = with_two_screens(program)
    program.until(live)
    program.open_gate()
    assert program.wait() == 0
    assert left(screens) == [*DONE, "True True"]


def test_sigtstp_is_ours_in_the_parent_and_only_for_as_long_as_the_screen(start: Start) -> None:
    code = """
import signal
def inherited(_):
    return signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL
if __name__ == "__main__":
    import multiprocessing
    fork = multiprocessing.get_context("fork")
    with ProgressPoolExecutor(2, fork, fullscreen=True) as ex:
        during = signal.getsignal(signal.SIGTSTP)
        workers = list(ex.map(inherited, range(4)))
    after = signal.getsignal(signal.SIGTSTP)
    print(during is signal.SIG_DFL, all(workers), after is signal.SIG_DFL)
"""
    program = start(code)
    assert program.wait() == 0
    assert bytes(program.written).endswith(b"False True True\r\n")


# --- what goes wrong ---


def test_a_display_that_fails_leaves_the_normal_screen(start: Start) -> None:
    code = """
from barexec.frame import Layout
compose = Layout.compose
def fails(*args):
    if os.path.exists(os.environ["GATE"]):
        raise RuntimeError("no frame")
    return compose(*args)
if __name__ == "__main__":
    Layout.compose = fails
    with ProgressPoolExecutor(1, fullscreen=True) as ex:
        result = ex.submit(counted, 3)
        result.result()
        time.sleep(0.5)
    print("result", result.result())
"""
    program = start(code)
    screens = with_two_screens(program)
    program.until(lambda s: s.alternate is not None and shows("30%")(s))
    program.open_gate()
    assert program.wait() == 0
    shown = rows(screens.normal)
    assert back(screens)
    assert blurred(shown[:2]) == [" tasks BAR 0/1 30% TIME", " counted(3) BAR 3/10 30% TIME"]
    assert "no frame" in "".join(shown)
    assert shown[-1] == "result 3"


# --- the second judge ---


@pytest.fixture
def tmux() -> Iterator[Callable[..., str]]:
    """Runs a command of tmux, whose server is ours alone."""
    command = shutil.which("tmux")
    if command is None:
        pytest.skip("tmux is not installed")
    # a socket's path is short
    folder = tempfile.TemporaryDirectory(dir="/tmp")

    def run(*words: str) -> str:
        line = [command, "-S", f"{folder.name}/tmux", "-u", "-f", "/dev/null", *words]
        return subprocess.run(
            line, check=True, capture_output=True, text=True, env=environment(PS1="$ ", ENV=None)
        ).stdout

    yield run
    with suppress(subprocess.CalledProcessError):
        run("kill-server")
    folder.cleanup()


@pytest.mark.parametrize("signal_name", [None, "TERM", "KILL"])
def test_tmux_shows_the_same(
    tmux: Callable[..., str], tmp_path: Path, signal_name: str | None
) -> None:
    program, gate = tmp_path / "program.py", tmp_path / "gate"
    then = f'open({str(gate)!r} + "-pid", "w").write(str(os.getpid())); gate()'
    program.write_text(TASKS + PROGRAM.format(then=then), encoding="utf-8")
    command = f"echo earlier; GATE={gate} {sys.executable} {program}; echo status $?; cat"
    tmux("new-session", "-d", "-x", "80", "-y", "24", command)

    def seen(true: Callable[[list[str]], object]) -> list[str]:
        end = monotonic() + PATIENCE
        while True:
            shown = [row.rstrip() for row in tmux("capture-pane", "-p").splitlines()]
            if true(shown):
                return shown
            assert monotonic() < end, "\n".join(shown)
            sleep(0.05)

    def flags() -> str:
        return tmux("display", "-p", "#{alternate_on}#{cursor_flag}").strip()

    def runs(shown: list[str]) -> bool:
        """For two seconds at least."""
        time = re.search(r"(\d+):(\d\d)", shown[0])
        return (
            time is not None and (int(time[1]), int(time[2])) >= (0, 2) and "70%" in "".join(shown)
        )

    shown = seen(runs)
    assert flags() == "10"
    assert sum(bool(row) for row in shown) == 3
    if signal_name is None:
        gate.touch()
    else:
        pid = int((tmp_path / "gate-pid").read_text())
        os.kill(pid, getattr(signal, f"SIG{signal_name}"))
    # the shell goes on at once: what it says may come before the watcher, and be gone with it
    wanted = DONE if signal_name is None else LIVE

    def is_back(shown: list[str]) -> bool:
        frame = blurred([row for row in shown if "tasks" in row or "counted" in row])
        return shown[:2] == ["earlier", "above"] and in_order(frame) == wanted

    seen(is_back)
    gate.touch()  # for workers that outlived it
    assert flags() == "01"
