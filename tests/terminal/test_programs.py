"""Whole programs on a real pseudo-terminal: what is on the screen, during and after.

Here `after` is what the program prints when its executor has closed: whatever stood on
the screen before, it must stand below the last frame, in a row of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from pty_program import PATIENCE, PtyProgram

from barexec.testing import Screen

Start = Callable[..., PtyProgram]

ONE_OF_EACH = """
if __name__ == "__main__":
    print("above", flush=True)
    with ProgressPoolExecutor(4, leave={leave!r}) as ex:
        ex.submit(counted, 3), ex.submit(broken, "disk"), ex.submit(quiet, "mail")
    print("after")
"""
TWO_BARS = """
if __name__ == "__main__":
    print("above\\n" * {above}, end="", flush=True)
    with ProgressPoolExecutor(2) as ex:
        ex.submit(counted, 3), ex.submit(counted, 7)
    print("after")
"""


def rows(screen: Screen) -> list[str]:
    """All that was ever shown, without empty rows at the end."""
    shown = [*screen.history, *screen.rows]
    while shown and not shown[-1]:
        del shown[-1]
    return shown


def blurred(lines: list[str]) -> list[str]:
    """Bars and figures that depend on the clock, as one mark each."""
    times = r" +\d+:\d\d(<\d+:\d\d)?( +[\d.]+ \w+/\w+)?"
    some = [re.sub(times, " TIME", line) for line in lines]
    return [re.sub(" +", " ", re.sub("[━╾─]+", "BAR", line)) for line in some]


def controls(written: bytes | bytearray) -> list[bytes]:
    """The control characters in it, but for line ends."""
    return re.findall(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]", written)


def shows(*texts: str) -> Callable[[Screen], bool]:
    return lambda screen: all(any(text in row for row in screen.rows) for text in texts)


def prompted(screen: Screen) -> bool:
    """Whether a shell waits for a command."""
    return screen.cursor[0] == 2 and screen.rows[screen.cursor[1]] == "$"


def suspend(shell: PtyProgram) -> None:
    """Press Ctrl-Z, and wait until the shell has the terminal. Not in the very moment in which a
    frame is written: that a write takes long is taken for a terminal that does."""
    shell.until_still()
    shell.type("\x1a")
    shell.until(lambda screen: shows("Stopped")(screen) and prompted(screen))


def filled(screen: Screen) -> bool:
    """Whether each row of a small screen shows something of ours."""
    return all(row and row not in "above" for row in screen.rows)


# --- what stays ---

LIVE = [
    "above",
    " tasks BAR 0/3 10% TIME",
    " counted(3) BAR 3/10 30% TIME",
    "S broken('disk') TIME",
    "S quiet('mail') TIME",
]
ALL = [
    "✗ tasks BAR 3/3 100% TIME 1 failed",
    "✓ counted(3) BAR 10/10 100% TIME",
    "✗ broken('disk') ValueError: no disk TIME",
    "✓ quiet('mail') TIME",
]
BAD = ["✗ tasks BAR 3/3 100% TIME 1 failed", "✗ broken('disk') ValueError: no disk TIME"]
SHORT = ["✗ tasks 100%", "✗ broke… ValueErr…"]
WANTED = {
    (True, 80, 24): ALL,
    (True, 80, 10): ALL,
    (True, 20, 3): ["✗ tasks 100%", "✓ counted(3) 100%", "✗ broke… ValueErr…", "✓ quiet('mai…"],
    (True, 1, 1): ["✗", "✓", "✗", "✓"],
    (False, 80, 24): [],
    (False, 80, 10): [],
    (False, 20, 3): [],
    (False, 1, 1): [],
    ("failed", 80, 24): BAD,
    ("failed", 80, 10): BAD,
    ("failed", 20, 3): SHORT,
    ("failed", 1, 1): ["✗"],
    (None, 80, 24): ALL,
    (None, 80, 10): ALL,
    (None, 20, 3): SHORT,
    (None, 1, 1): ["✗"],
}


def test_what_stays_on_the_screen(start: Start) -> None:
    """By `leave`, on screens of all sizes; nothing is left of the live frames."""
    programs = {
        case: start(ONE_OF_EACH.format(leave=case[0]), columns=case[1], rows=case[2])
        for case in WANTED
    }
    for (_, columns, _), program in programs.items():
        # all tasks have a row, or as many as there is room for
        program.until(shows("30%", "broken", "quiet") if columns == 80 else filled)
        program.open_gate()
    for (leave, columns, height), program in programs.items():
        assert program.wait() == 0
        shown = rows(program.screen)
        words = [list("above"), list("after")] if columns == 1 else [["above"], ["after"]]
        assert shown[: len(words[0])] == words[0], (leave, columns, height)
        assert shown[-len(words[1]) :] == words[1], (leave, columns, height)
        frame = shown[len(words[0]) : -len(words[1])]
        assert blurred(frame) == WANTED[leave, columns, height], (leave, columns, height)


def test_the_live_frame(start: Start) -> None:
    program = start(ONE_OF_EACH.format(leave=None))
    # the cursor goes to its place last
    program.until(lambda s: shows("30%", "broken", "quiet")(s) and s.cursor == (0, 5))
    shown = [re.sub("^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]", "S", row) for row in blurred(rows(program.screen))]
    assert sorted(shown) == sorted(LIVE)


def test_a_short_run_does_not_flash(start: Start) -> None:
    program = start(
        """
        view.QUIET = 1000.0  # however slow the machine is
        if __name__ == "__main__":
            with ProgressPoolExecutor(2) as ex:
                list(ex.map(abs, range(10)))
        """
    )
    assert program.wait() == 0
    assert program.written == b""


def test_a_short_run_leaves_what_it_was_told_to(start: Start) -> None:
    program = start(
        """
        view.QUIET = 1000.0
        if __name__ == "__main__":
            with ProgressPoolExecutor(1, leave=True) as ex:
                ex.submit(abs, -3)
        """
    )
    assert program.wait() == 0
    assert blurred(rows(program.screen)) == ["✓ tasks BAR 1/1 100% TIME", "✓ abs(-3) TIME"]


# --- while it runs ---


def test_resized_while_running(start: Start) -> None:
    program = start(TWO_BARS.format(above=30))
    program.until(shows("30%", "70%"))
    for columns, height in ((44, 24), (120, 24), (60, 12), (60, 30)):
        program.resize(columns, height)
        program.until(
            lambda screen: (
                len(rows(screen)) == 33
                and rows(screen)[:30] == ["above"] * 30
                and shows("30%", "70%")(screen)
                and all(len(row) < screen.size[0] for row in screen.rows)
            )
        )
        assert program.screen.cursor[0] == 0
    program.open_gate()
    assert program.wait() == 0
    shown = rows(program.screen)
    assert shown[:30] == ["above"] * 30
    assert [row.split()[0] for row in shown[30:]] == ["✓", "✓", "✓", "after"]


def test_colours_come_and_go_with_the_environment(start: Start) -> None:
    usual, never = (
        start(ONE_OF_EACH.format(leave=None)),
        start(ONE_OF_EACH.format(leave=None), NO_COLOR="1"),
    )
    for program in (usual, never):
        program.until(shows("30%", "broken", "quiet"))
        program.open_gate()
        assert program.wait() == 0
    assert blurred(rows(usual.screen)) == blurred(rows(never.screen))
    assert not re.search(rb"\x1b\[[\d;]*m", never.written)
    assert {style for style, _ in usual.screen.runs(1)} == {"", "red", "bold", "dim"}
    assert {style for style, _ in usual.screen.runs(2)} == {"", "green", "dim"}
    assert usual.screen.runs(3)[0] == ("red", "✗")


def test_two_executors_share_one_display(start: Start) -> None:
    program = start(
        """
        if __name__ == "__main__":
            with ProgressPoolExecutor(1) as one, ProgressPoolExecutor(1) as other:
                one.submit(counted, 3), other.submit(counted, 7)
            print("after")
        """
    )
    program.until(shows("tasks", "counted(3)", "counted(7)", "0/2", "50%"))
    program.open_gate()
    assert program.wait() == 0
    assert [row.split()[:2] for row in rows(program.screen)] == [
        ["✓", "tasks"],
        ["✓", "counted(3)"],
        ["✓", "counted(7)"],
        ["after"],
    ]


def test_a_bar_in_the_main_process_shares_the_display(start: Start) -> None:
    program = start(
        """
        if __name__ == "__main__":
            with ProgressPoolExecutor(1) as ex:
                ex.submit(counted, 3)
                for at in track(range(10), desc="mine"):
                    if at == 4:
                        gate()
            print("after")
        """
    )
    program.until(shows("tasks", "counted(3)", "mine", "30%", "40%"))
    program.open_gate()
    assert program.wait() == 0
    assert [row.split()[:2] for row in rows(program.screen)] == [
        ["✓", "tasks"],
        ["✓", "counted(3)"],
        ["✓", "mine"],
        ["after"],
    ]


def test_bars_one_after_the_other_without_any_executor(start: Start) -> None:
    program = start(
        """
        view.QUIET = 0.0
        def loop(desc):
            for at in track(range(10), desc=desc):
                if at == 4:
                    time.sleep(0.2)
        if __name__ == "__main__":
            loop("one")
            print("between", flush=True)
            loop("other")
            print("after")
        """
    )
    assert program.wait() == 0
    assert blurred(rows(program.screen)) == [
        "✓ one BAR 10/10 100% TIME",
        "between",
        "✓ other BAR 10/10 100% TIME",
        "after",
    ]


def test_an_executor_that_idles_writes_nothing_and_goes_on_in_its_frame(start: Start) -> None:
    program = start(
        """
        if __name__ == "__main__":
            print("above", flush=True)
            with ProgressPoolExecutor(1) as ex:
                ex.submit(time.sleep, 0.5).result()
                gate()
                ex.submit(time.sleep, 0.5)
            print("after")
        """
    )
    program.until(shows("✓ sleep"))
    program.until_still(1.0)  # the last frame of what ran
    assert program.listen(1.2) == b""
    program.open_gate()
    assert program.wait() == 0
    assert [row.split()[:2] for row in rows(program.screen)] == [
        ["above"],
        ["✓", "tasks"],
        ["✓", "sleep(0.5)"],
        ["✓", "sleep(0.5)"],
        ["after"],
    ]


def test_of_a_bar_that_stands_still_only_times_and_rates_change_once_a_second(start: Start) -> None:
    program = start(TWO_BARS.format(above=1))
    program.until(shows("30%", "70%"))
    program.until_still()
    written = program.listen(1.9)
    text = re.sub(r"\x1b\[[\d;]*[A-Za-z]|[\r\n ]", "", written.decode())
    assert re.fullmatch(r"[\d.:<]*([\d.:<]|s?/?(task|it)/?s?)*", text)
    # three rows of up to three figures, each of which changes with two seconds, or three if late
    assert len(written.split(b"\x1b[2m")) <= 1 + 3 * 3 * 3


# --- other places than a terminal ---

SUMMARY = re.compile(r"3 tasks in [\d.]+ s: 2 done, 1 failed\n")


@pytest.mark.parametrize("where", ["file", "pipe"])
def test_without_a_terminal_there_are_sentences(start: Start, tmp_path: Path, where: str) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        cat = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file)
        assert cat.stdin is not None
        with cat.stdin as pipe:
            # what a task has counted last may come after its result
            code = "display.INTERVAL = 2.0\n" + ONE_OF_EACH.format(leave=None)
            program = start(code, stderr=file if where == "file" else pipe)
        program.open_gate()
        assert program.wait() == 0
        assert cat.wait() == 0
    told = log.read_bytes()
    assert not controls(told)
    assert b"\r" not in told
    *sentences, summary = told.decode().splitlines(keepends=True)
    assert SUMMARY.fullmatch(summary)
    assert sorted(re.sub(r"[\d.]+ s", "SPAN", line) for line in sentences) == [
        "broken('disk') failed after SPAN: ValueError: no disk\n",
        "counted(3) is done after SPAN, 10 of 10\n",
        "quiet('mail') is done after SPAN\n",
    ]
    assert program.written == b"above\r\nafter\r\n"


@pytest.mark.parametrize(
    ("wish", "words"),
    [("off", 0), ("plain", 4)],
)
def test_the_user_may_have_less_than_bars(start: Start, wish: str, words: int) -> None:
    program = start(ONE_OF_EACH.format(leave=None), BAREXEC=wish)
    program.open_gate()
    assert program.wait() == 0
    assert not controls(program.written)
    shown = rows(program.screen)
    assert (shown[0], shown[-1]) == ("above", "after")
    assert len(shown) == 2 + words


def test_the_user_may_not_have_bars_in_a_pipe(start: Start, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        program = start(
            ONE_OF_EACH.format(leave=None), stderr=log, BAREXEC="inline", FORCE_COLOR="1"
        )
        program.open_gate()
        assert program.wait() == 0
    told = (tmp_path / "log").read_bytes()
    assert SUMMARY.search(told.decode())
    assert not controls(told)


def test_bars_do_not_go_where_the_output_goes(start: Start, tmp_path: Path) -> None:
    """`program.py > file`, or `| less`: the terminal has the bars, the file the output."""
    with (tmp_path / "out").open("wb") as out:
        program = start(ONE_OF_EACH.format(leave=None), stdout=out)
        program.until(shows("30%"))
        program.open_gate()
        assert program.wait() == 0
    assert (tmp_path / "out").read_bytes() == b"above\nafter\n"
    assert blurred(rows(program.screen)) == ALL


def test_a_size_in_the_environment_that_is_not_the_terminals_tears_nothing(start: Start) -> None:
    """Exported by a shell, and then the window was resized."""
    program = start(ONE_OF_EACH.format(leave=None), COLUMNS="200", LINES="100")
    program.until(shows("30%", "broken", "quiet"))
    program.open_gate()
    assert program.wait() == 0
    assert blurred(rows(program.screen)) == ["above", *ALL, "after"]


# --- kinds of terminals ---


@pytest.mark.parametrize("kind", ["xterm", "screen", "vt100", "ansi", "linux"])
def test_kinds_of_terminals_with_bars(start: Start, kind: str) -> None:
    program = start(ONE_OF_EACH.format(leave=None), TERM=kind)
    program.until(shows("30%", "broken", "quiet"))
    program.open_gate()
    assert program.wait() == 0
    assert b"$<" not in program.written
    shown = blurred(rows(program.screen))
    if kind == "linux":  # its font has little more than ASCII
        assert "".join(shown).isascii()
        assert [row[0] for row in shown] == ["a", "x", "v", "x", "v", "a"]
    else:
        assert shown == ["above", *ALL, "after"]


@pytest.mark.skipif(find_spec("blessings") is None, reason="blessed takes all for an xterm")
@pytest.mark.parametrize("kind", ["dumb", "no-such-terminal", "", None])
def test_kinds_of_terminals_with_sentences(start: Start, kind: str | None) -> None:
    program = start(
        """
        sys.modules['blessed'] = None
        view.QUIET = 0.4
        if __name__ == "__main__":
            with ProgressPoolExecutor(1) as ex:
                ex.submit(abs, -3).result()
                time.sleep(0.6)
                ex.submit(pow, 2, 3)
            print("after")
        """,
        TERM=kind,
    )
    assert program.wait() == 0
    assert not controls(program.written)
    assert [re.sub(r"[\d.]+ s", "SPAN", row) for row in rows(program.screen)] == [
        "abs(-3) is done after SPAN",
        "pow(2, 3) is done after SPAN",
        "2 tasks in SPAN: 2 done",
        "after",
    ]


# --- jobs ---


def test_after_a_stop_the_frame_is_painted_anew_below(start: Start) -> None:
    shell = start(TWO_BARS.format(above=1), shell=True)
    shell.until(prompted)
    shell.type("$PROGRAM\n")
    shell.until(shows("30%", "70%"))
    suspend(shell)
    assert b"\x1b" not in shell.listen(3), "a program that is stopped writes nothing"
    shell.type("fg\n")
    shell.until(lambda s: sum("30%" in row for row in s.rows) >= 2)
    shell.open_gate()
    shell.until(lambda s: shows("after")(s) and prompted(s))
    shown = rows(shell.screen)
    begin, stop = shown.index("above") + 1, next(n for n, r in enumerate(shown) if "Stopped" in r)
    old = sorted(row.split()[0] for row in shown[begin : begin + 3])
    assert old == ["counted(3)", "counted(7)", "tasks"]
    assert begin + 3 <= stop < len(shown) - 5
    assert [row.split()[:2] for row in shown[-5:]] == [
        ["✓", "tasks"],
        ["✓", "counted(3)"],
        ["✓", "counted(7)"],
        ["after"],
        ["$"],
    ]


def test_after_a_stop_while_nothing_runs_the_frame_is_painted_anew_below(start: Start) -> None:
    shell = start(
        """
        if __name__ == "__main__":
            with ProgressPoolExecutor(1) as ex:
                ex.submit(time.sleep, 0.5).result()
                gate()
                ex.submit(time.sleep, 0.5)
            print("after")
        """,
        shell=True,
    )
    shell.until(prompted)
    shell.type("$PROGRAM\n")
    shell.until(shows("✓ sleep"))
    shell.until_still(1.0)
    suspend(shell)
    assert b"\x1b" not in shell.listen(3), "a program that is stopped writes nothing"
    shell.type("fg\n")
    shell.until(lambda s: sum("✓ sleep" in row for row in s.rows) >= 2)
    shell.open_gate()
    shell.until(lambda s: shows("after")(s) and prompted(s))
    assert [row.split()[:2] for row in rows(shell.screen)[-5:]] == [
        ["✓", "tasks"],
        ["✓", "sleep(0.5)"],
        ["✓", "sleep(0.5)"],
        ["after"],
        ["$"],
    ]


def test_resized_while_nothing_runs(start: Start) -> None:
    program = start(
        """
        if __name__ == "__main__":
            with ProgressPoolExecutor(1) as ex:
                ex.submit(time.sleep, 0.5).result()
                gate()
            print("after")
        """
    )
    program.until(shows("✓ sleep"))
    program.until_still(1.0)
    program.resize(40, 10)
    program.until(lambda s: "✓ sleep" in "".join(s.rows) and len(max(s.rows, key=len)) <= 39)
    program.until(shows("✓ tasks", "✓ sleep"))
    program.open_gate()
    assert program.wait() == 0


def test_a_job_in_the_background_paints_nothing(start: Start) -> None:
    shell = start(TWO_BARS.format(above=1), shell=True)
    shell.until(prompted)
    shell.type("$PROGRAM\n")
    shell.until(shows("30%", "70%"))
    suspend(shell)
    shell.type("bg\n")
    shell.until(lambda s: any(row.startswith("$ bg") for row in s.rows) and prompted(s))
    assert shell.listen(3) == b""
    shell.type("fg\n")
    shell.until(lambda s: sum("30%" in row for row in s.rows) >= 2)
    shell.open_gate()
    shell.until(shows("after"))


def test_a_frozen_terminal_does_not_repeat_the_frame(start: Start) -> None:
    """Ctrl-S, and after a while Ctrl-Q."""
    program = start(TWO_BARS.format(above=1))
    program.until(shows("30%", "70%"))
    program.flow(False)
    program.listen(2.3)
    program.flow(True)
    program.until(lambda s: not any("0:00" in row for row in s.rows))
    program.open_gate()
    assert program.wait() == 0
    assert [row.split()[0] for row in rows(program.screen)] == ["above", "✓", "✓", "✓", "after"]


# --- terminals that go wrong ---

RESULTS = """
if __name__ == "__main__":
    with ProgressPoolExecutor(2) as ex:
        futures = [ex.submit(counted, 3), ex.submit(broken, "disk")]
        open(os.environ["GATE"] + "-is-near", "w").close()
    print([f.exception() or f.result() for f in futures])
"""
RESULT = b"[3, ValueError('no disk')]\n"


def ended(program: PtyProgram, out: Path) -> None:
    """It ends as it would with the stock executor."""
    assert program.wait() == 0
    assert out.read_bytes() == RESULT
    assert b"Fatal Python error" not in program.written
    assert program.written.count(b"Warning") <= 1


def test_a_terminal_that_is_closed_does_not_harm_the_work(start: Start, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with out.open("wb") as file:
        program = start(RESULTS, stdout=file, controlling=False)
        program.until(shows("30%"))
        program.hang_up()
        program.open_gate()
        ended(program, out)


def test_a_pipe_that_is_closed_does_not_harm_the_work(start: Start, tmp_path: Path) -> None:
    out = tmp_path / "out"
    end, pipe = os.pipe()
    with out.open("wb") as file:
        program = start(RESULTS, stdout=file, stderr=pipe)
        os.close(pipe)
        os.close(end)
        program.open_gate()
        ended(program, out)


@pytest.mark.parametrize("drawn", [True, False])
def test_a_frozen_terminal_does_not_hold_the_work(
    start: Start, tmp_path: Path, drawn: bool
) -> None:
    out = tmp_path / "out"
    with out.open("wb") as file:
        # not its controlling terminal: macOS would wait at its end until that is thawed
        program = start(RESULTS, stdout=file, controlling=False)
        if drawn:
            program.until(shows("30%"))
        program.flow(False)
        program.listen(0.5)
        program.open_gate()
        program.process.wait(PATIENCE)
        program.flow(True)
        ended(program, out)


@pytest.mark.parametrize(
    "trouble",
    [
        "sys.stderr.close()",
        "os.close(2)",
        "sys.stderr = None",
        "sys.stderr = sys.__stderr__ = None",
        "import io; sys.stderr = io.StringIO()",
        "sys.stderr = open(os.devnull, 'w'); os.close(sys.stderr.fileno())",
        "class Odd: write = flush = isatty = lambda *a: 1\nsys.stderr = Odd()",
        "class Odd: write = flush = lambda *a: 1\nsys.stderr = Odd()",
        "class Odd:\n def __getattr__(self, name): return getattr(sys.__stderr__, name)\n"
        "sys.stderr = Odd()",
    ],
)
def test_an_odd_stderr_does_not_harm_the_work(start: Start, tmp_path: Path, trouble: str) -> None:
    out = tmp_path / "out"
    code = RESULTS.replace("    with Prog", f"    exec({trouble!r})\n    with Prog")
    code = f"view.QUIET = 0.0\n{code}"
    with out.open("wb") as file:
        program = start(code, stdout=file)
        program.open_gate()
        ended(program, out)


def test_an_odd_stderr_that_is_a_terminal_gets_whole_frames(start: Start) -> None:
    """A console of an editor, which has no descriptor."""
    program = start(
        """
        class Console:
            encoding = "utf-8"
            def write(self, text): return sys.__stdout__.write(text)
            def flush(self): sys.__stdout__.flush()
            def isatty(self): return True
        if __name__ == "__main__":
            sys.stderr = Console()
            with ProgressPoolExecutor(2) as ex:
                ex.submit(counted, 3), ex.submit(broken, "disk")
        """
    )
    program.until(shows("30%", "broken"))
    program.open_gate()
    assert program.wait() == 0
    assert [row.split()[:2] for row in rows(program.screen)] == [
        ["✗", "tasks"],
        ["✓", "counted(3)"],
        ["✗", "broken('disk')"],
    ]


def test_the_terminal_is_never_asked(start: Start) -> None:
    """An answer would reach whoever reads the keyboard next, and waiting for it takes time."""
    program = start(ONE_OF_EACH.format(leave=None))
    program.until(shows("30%"))
    program.open_gate()
    assert program.wait() == 0
    assert program.screen.answers == ()
    allowed = rb"\x1b\[\d*[ACKJ]|\x1b\[[\d;]*m|\r|\n"
    assert not controls(re.sub(allowed, b"", bytes(program.written)))


def test_what_is_typed_meanwhile_does_not_stay(start: Start) -> None:
    program = start(
        """
        if __name__ == "__main__":
            with ProgressPoolExecutor(2, leave=False) as ex:
                list(ex.map(quiet, ["one", "two"]))
            print("after")
        """
    )
    program.until(lambda screen: any("quiet" in row for row in screen.rows))
    program.type("typed")
    program.until(lambda screen: any("typed" in row for row in screen.rows))
    program.gate.touch()
    assert program.wait() == 0
    assert [row for row in program.screen.rows if row] == ["after"]


@pytest.mark.parametrize("shell", ["basic", "new"])
def test_at_the_prompt_of_pythons_shell_the_terminal_is_its_own(start: Start, shell: str) -> None:
    """Bars are seen while something runs, and are gone when the next line can be typed."""
    program = start(
        """
        import threading
        view.QUIET = 0
        rounds, step = threading.Semaphore(0), display.Display._step

        def stepped(*args):
            again = step(*args)
            rounds.release()
            return again

        def frames(n):
            for _ in range(n):
                rounds.acquire()

        display.Display._step = stepped
        """,
        interactive=True,
        PYTHON_BASIC_REPL="1" if shell == "basic" else None,
    )

    def at_prompt(lines: list[str]) -> Callable[[Screen], bool]:
        return lambda screen: [row for row in screen.rows if row] == [*lines, ">>>"]

    program.until(at_prompt([]))
    lines = []
    for typed, answer in (
        ("ex = ProgressPoolExecutor(1, leave=True)", []),
        ("f = ex.submit(quiet, 'one')", []),
        ("frames(5)", []),
        ("1 + 1", ["2"]),
        ("frames(5)", []),
    ):
        program.type(f"{typed}\n")
        lines += [f">>> {typed}", *answer]
        program.until(at_prompt(lines))
    program.type("f.result()\n")
    program.until(lambda screen: any("quiet" in row for row in screen.rows[len(lines) + 1 :]))
    program.gate.touch()
    lines += [">>> f.result()", "'one'"]
    program.until(at_prompt(lines))
    program.type("ex.shutdown()\n")
    program.until(lambda screen: any("✓" in row for row in screen.rows))
    program.type("exit()\n")
    assert program.wait() == 0
