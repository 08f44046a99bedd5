"""What the program itself prints while bars are live: whole, in order, above the bars."""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import BinaryIO

import pytest
from pty_program import PtyProgram, unseen

from barexec import program_text
from barexec.program_text import ProgramText

Start = Callable[..., PtyProgram]


LIVE = """
import logging, signal, sys, threading, time, warnings

def wait_for_bars(ex):
    \"\"\"A task that runs, and whose bar is on the screen.\"\"\"
    future = ex.submit(counted, 4)
    shown = display.live[0]
    while shown._view._screen is None:
        time.sleep(0.01)
    return future

def open_gate():
    open(os.environ["GATE"], "w").close()
"""

BODY = """
if __name__ == "__main__":
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger().addHandler(handler)
    with ProgressPoolExecutor(1{options}) as ex:
        task = wait_for_bars(ex)
{body}
        open_gate()
        task.result()
"""


def program_of(body: str, options: str = "") -> str:
    lines = "".join(f"        {line}\n" for line in body.strip("\n").splitlines())
    return LIVE + BODY.format(body=lines, options=options)


def lines_of(program: PtyProgram) -> list[str]:
    """All lines of the terminal, also those that have scrolled away."""
    screen = program.screen
    return [line.rstrip() for line in (*screen.history, *screen.rows)]


def finished(program: PtyProgram) -> list[str]:
    """The lines of a program that has come to its end, without the bars and blank rows."""
    assert program.wait() == 0, bytes(program.written)
    kept = [
        line for line in lines_of(program) if line and not re.match(r"[✓ ] ?\S+ +━|✓|  … ", line)
    ]
    assert not any("━" in line for line in kept), kept  # no torn row
    return kept


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("print('one')", ["one"]),
        ("print('one', file=sys.stderr)", ["one"]),
        ("print('one', file=sys.__stderr__)", ["one"]),
        ("logging.warning('one')", ["one"]),
        ("warnings.warn_explicit('one', UserWarning, 'f.py', 3)", ["f.py:3: UserWarning: one"]),
        ("sys.stdout.buffer.write(b'one\\n'); sys.stdout.flush()", ["one"]),
        ("sys.stdout.buffer.write(memoryview(b'one\\n')); sys.stdout.flush()", ["one"]),
        ("sys.stdout.buffer.write(b'\\xff\\n'); sys.stdout.flush()", ["\ufffd"]),
        ("print('o', end='', flush=True); print('n', end=''); print('e')", ["one"]),
        ("print('\\x1b[2J\\x1b]0;title\\x07\\x1b[31mone\\x1b[m')", ["one"]),
        (
            "print('1%', end='\\r'); print('2%', end='\\r'); print('3%'); print('one')",
            ["3%", "one"],
        ),
        ("print('a\\n\\nb')", ["a", "b"]),
        ("sys.stdout.writelines(['a\\n', 'b\\n'])", ["a", "b"]),
    ],
)
@pytest.mark.parametrize("options", ["", ", fullscreen=True"], ids=["inline", "fullscreen"])
def test_what_the_program_prints_stands_above_the_bars(
    start: Start, body: str, options: str, wanted: list[str]
) -> None:
    program = start(program_of(body, options))
    assert finished(program) == wanted
    assert b"title" not in program.written and b"\x1b[2J" not in program.written


def test_threads_and_signals_may_print_at_any_time(start: Start) -> None:
    body = """
def alarm(*_):
    print("alarm", flush=True)
    # not before: within its own print, Python's buffers raise "reentrant call", as ever
    signal.setitimer(signal.ITIMER_REAL, 0.001)
signal.signal(signal.SIGALRM, alarm)
signal.setitimer(signal.ITIMER_REAL, 0.001)
def many(name):
    for n in range(2000):
        sys.stdout.write(f"{name} {n}\\n")
threads = [threading.Thread(target=many, args=(name,)) for name in "ab"]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
signal.signal(signal.SIGALRM, lambda *_: None)  # not SIG_IGN: one may be on its way just then
"""
    lines = finished(start(program_of(body)))
    for name in "ab":
        own = [line for line in lines if line.startswith(f"{name} ")]
        assert own == [f"{name} {n}" for n in range(2000)]


def test_a_flood_waits_for_the_terminal_and_memory_stays_bounded(start: Start) -> None:
    body = """
from barexec import output, program_text
program_text.LIMIT = output.UNPRINTED = 1 << 16
before = peak()
for n in range(30_000):
    print(f"{n:06} " + "x" * 300)
grown = peak() - before
"""
    program = unseen(start(program_of(body) + "    print('grown', grown)\n", columns=120))
    assert program.wait() == 0
    numbers = re.findall(rb"(\d{6}) x", bytes(program.written))
    assert numbers == [b"%06d" % n for n in range(30_000)]
    (grown,) = re.findall(rb"grown (\d+)", bytes(program.written))
    assert int(grown) < 5_000  # kB; 9 MB were printed, and more is made of them


def test_after_a_result_comes_what_its_task_printed_and_then_the_program(start: Start) -> None:
    code = (
        LIVE
        + """
def tells(n):
    print(f"task {n}")

if __name__ == "__main__":
    with ProgressPoolExecutor(1) as ex:
        for n in range(50):
            ex.submit(tells, n).result()
            print(f"program {n}")
"""
    )
    lines = finished(start(code))
    wanted = [[f"task {n}", f"program {n}"] for n in range(50)]
    assert lines == [line for lines in wanted for line in lines]


def test_what_is_not_finished_is_seen_below_the_bars_and_stays_there(start: Start) -> None:
    code = (
        LIVE
        + """
if __name__ == "__main__":
    with ProgressPoolExecutor(1) as ex:
        task = wait_for_bars(ex)
        print("what now? ", end="", flush=True)
        task.result()
    print("this")
"""
    )
    program = start(code)
    # a task that is slow to begin is a count at first
    program.until(
        lambda screen: (
            any(row.startswith("what now?") for row in screen.rows)
            and any("counted(4)" in row for row in screen.rows)
        )
    )
    rows = [row.rstrip() for row in program.screen.rows if row.strip()]
    assert rows[-1] == "what now?" and "counted(4)" in rows[-2]
    program.gate.touch()
    assert finished(program) == ["what now? this"]


def test_input_has_the_terminal_for_itself(start: Start) -> None:
    body = """
print("before")
print("got", repr(input("name? ")))
print("and", repr(input()))
"""
    program = start(program_of(body))
    program.until(lambda screen: any(row.startswith("name?") for row in screen.rows))
    rows = [row.rstrip() for row in program.screen.rows if row.strip()]
    assert rows == ["before", "name?"]  # no bar
    program.type("bob\n")
    # until the next question has the terminal: what is typed while bars are there goes with them
    shown = ["before", "name? bob", "got 'bob'"]
    program.until(lambda screen: [row for row in screen.rows if row] == shown)
    program.type("x\n")
    assert finished(program) == ["before", "name? bob", "got 'bob'", "x", "and 'x'"]


def test_who_has_bound_input_before_asks_so_too(start: Start) -> None:
    body = """
print("got", click.prompt("name"))
print("and", click.confirm("sure"))
"""
    program = start("import click\n" + program_of(body))
    program.until(lambda screen: [row.rstrip() for row in screen.rows if row] == ["name:"])
    program.type("bob\n")
    shown = ["name: bob", "got bob", "sure [y/N]:"]
    program.until(lambda screen: [row.rstrip() for row in screen.rows if row] == shown)
    program.type("y\n")
    assert finished(program) == ["name: bob", "got bob", "sure [y/N]: y", "and True"]


def test_a_password_is_asked_for_so_too(start: Start) -> None:
    body = """
print("got", getpass("word: "))
"""
    program = start("from getpass import getpass\n" + program_of(body))
    program.until(lambda screen: [row.rstrip() for row in screen.rows if row] == ["word:"])
    assert program.listen(0.5) == b""
    program.type("secret\n")
    assert finished(program) == ["word:", "got secret"]


@pytest.mark.skipif(find_spec("prompt_toolkit") is None, reason="prompt_toolkit is not installed")
@pytest.mark.parametrize("asked", ["prompt", "in_thread", "in_loop"])
def test_a_prompt_as_that_of_ipython_has_the_terminal_for_itself(start: Start, asked: str) -> None:
    body = f"""
print("got", {asked}("name? "))
wait_for_step()
print("on")
"""
    code = """
import asyncio
from concurrent.futures import ThreadPoolExecutor
from prompt_toolkit import PromptSession

def prompt(text):
    return PromptSession().prompt(text)

def in_thread(text):  # as the debugger of IPython
    with ThreadPoolExecutor() as threads:
        return threads.submit(prompt, text).result()

def in_loop(text):
    return asyncio.run(PromptSession().prompt_async(text))

def wait_for_step():
    while display.live[0]._view.aside:
        time.sleep(0.01)
"""
    program = start(code + program_of(body), PROMPT_TOOLKIT_NO_CPR="1")
    program.until(lambda screen: [row.rstrip() for row in screen.rows if row] == ["name?"])
    assert program.listen(0.5) == b""
    program.type("bobb\x7f")
    program.until(lambda screen: [row.rstrip() for row in screen.rows if row] == ["name? bob"])
    assert program.screen.cursor == (9, 0)
    program.type("\r")
    assert finished(program) == ["name? bob", "got bob", "on"]


def test_a_debugger_can_be_used(start: Start) -> None:
    body = """
secret = 42
breakpoint()
print("on")
"""
    program = start(program_of(body))
    program.until(lambda screen: any(row.startswith("(Pdb)") for row in screen.rows))
    program.type("p secret + 1\n")
    program.until(lambda screen: any(row.rstrip() == "43" for row in screen.rows))
    program.until(lambda screen: screen.rows[screen.cursor[1]].startswith("(Pdb)"))
    assert not any("━" in row for row in program.screen.rows)
    program.type("c\n")
    assert finished(program)[-1] == "on"


def test_paused_gives_the_terminal_away_and_may_be_nested(start: Start) -> None:
    body = """
import barexec
with barexec.paused():
    with barexec.paused():
        os.write(1, b"inner\\n")
    os.system("echo outer")
    print("and straight", flush=True)
    os.write(1, b"end\\n")
print("after")
"""
    assert finished(start(program_of(body))) == ["inner", "outer", "and straight", "end", "after"]


def test_an_empty_line_before_a_pause_is_not_lost(start: Start) -> None:
    body = """
import barexec
print("before")
print()
with barexec.paused():
    os.write(1, b"inner\\n")
"""
    program = start(program_of(body))
    assert program.wait() == 0
    assert lines_of(program)[:3] == ["before", "", "inner"]


def test_a_pool_may_end_while_it_is_paused(start: Start) -> None:
    code = (
        LIVE
        + """
import barexec
display.PATIENCE = 600  # which it must not come to need
if __name__ == "__main__":
    ex = ProgressPoolExecutor(1)
    task = wait_for_bars(ex)
    with barexec.paused():
        open_gate()
        task.result()
        ex.shutdown()
        print("at once", flush=True)
"""
    )
    assert finished(start(code)) == ["at once"]


def test_input_and_the_streams_are_as_before_afterwards(start: Start) -> None:
    code = (
        LIVE
        + """
import builtins
def state():
    return builtins.input, sys.stdout, sys.stdout.buffer, vars(sys.stdout.buffer).copy()

if __name__ == "__main__":
    before = state()
    with ProgressPoolExecutor(1) as ex:
        task = wait_for_bars(ex)
        assert state() != before
        open_gate()
        task.result()
    assert state() == before
    print("as before")
"""
    )
    assert finished(start(code)) == ["as before"]


def test_a_forked_child_writes_straight(start: Start) -> None:
    body = """
print("waits", flush=False)
pid = os.fork()
if not pid:
    print("offspring", flush=True)
    os._exit(0)
os.waitpid(pid, 0)
"""
    program = start(program_of(body))
    assert program.wait() == 0
    assert "waits" in lines_of(program)
    # it has written where the bars were
    assert bytes(program.written).count(b"offspring") == 1


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_what_goes_elsewhere_is_left_alone(start: Start, stream: str, tmp_path: Path) -> None:
    body = """
for n in range(100):
    print("out", n)
    print("err", n, file=sys.stderr)
    sys.stdout.buffer.write(b"\\xff\\x1b]0;t\\x07\\n")
"""
    file = tmp_path / "out.txt"
    with file.open("wb") as sink:
        if stream == "stdout":
            program = start(program_of(body), stdout=sink)
            lines = finished(program)
            assert lines == [f"err {n}" for n in range(100)]
            wanted = b"".join(b"out %d\n\xff\x1b]0;t\x07\n" % n for n in range(100))
            got = file.read_bytes()
            assert sorted(got.split(b"\n")) == sorted(wanted.split(b"\n"))
        else:  # no bars then
            code = (
                LIVE
                + """
if __name__ == "__main__":
    with ProgressPoolExecutor(1) as ex:
        print("out", end="\\x1b]0;t\\x07\\n", flush=True)
        os.write(2, b"err\\n")
"""
            )
            program = start(code, stderr=sink)
            assert program.wait() == 0
            assert bytes(program.written) == b"out\x1b]0;t\x07\r\n"
            assert b"err\n" in file.read_bytes()


def test_redirections_work_as_ever(start: Start) -> None:
    body = """
import contextlib, io
with contextlib.redirect_stdout(io.StringIO()) as caught:
    print("caught")
assert caught.getvalue() == "caught\\n"
print("shown")
"""
    assert finished(start(program_of(body))) == ["shown"]


def test_a_descriptor_that_leads_elsewhere_for_a_while_is_left_alone(
    start: Start, tmp_path: Path
) -> None:
    """As those recipes do that silence, or catch, whatever is printed."""
    file = tmp_path / "caught"
    body = f"""
caught = os.open({str(file)!r}, os.O_CREAT | os.O_WRONLY)
sys.stdout.flush()
saved = os.dup(1)
os.dup2(caught, 1)
print("caught")
sys.stdout.flush()
os.dup2(saved, 1)
print("shown")
"""
    assert finished(start(program_of(body))) == ["shown"]
    assert file.read_text() == "caught\n"


def test_the_cursor_moves_over_all_columns(start: Start) -> None:
    """The last one is ours: a row that fills it would leave the cursor between two rows."""
    code = """
def says(gate):
    print("a task", end="\\033[999C\\033[5D[ok]\\n", flush=True)

if __name__ == "__main__":
    with ProgressPoolExecutor(1) as ex:
        ex.submit(says, 0).result()  # before the first frame
        print("the program", end="\\033[999C\\033[5D[ok]\\n")
        ex.submit(counted, 3)
        while not (display.live[0]._view._screen): time.sleep(0.01)
        gate()
"""
    program = start(code, columns=120)
    program.until(lambda screen: any("3/10" in row for row in screen.rows))
    program.open_gate()
    assert program.wait() == 0
    found = {line.split("  ")[0]: line.find("[ok]") for line in lines_of(program)}
    assert (found["a task"], found["the program"]) == (113, 113)


def test_a_terminal_that_goes_away_while_the_program_prints_ends_the_display(
    start: Start, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    body = f"""
signal.signal(signal.SIGHUP, signal.SIG_IGN)
threading.excepthook = lambda args: open({str(seen)!r}, "a").write(repr(args.exc_value))
shown = display.live[0]
open_gate()
while not shown.finished.is_set():
    try:
        print("more", flush=True)
    except OSError:
        pass
task.result()
pool = ex._pool
ex.shutdown()
open({str(seen)!r}, "a").write(f"gone {{pool.gone.is_set()}}")
os._exit(0)
"""
    program = start(program_of(body), controlling=False)
    program.until(lambda screen: "more" in screen.rows)
    program.hang_up()
    program.process.wait(60)
    assert seen.read_text() == "gone True"


def test_what_waits_is_counted_right_however_threads_take_turns(tmp_path: Path) -> None:
    numbers: deque[int] = deque()
    interval = sys.getswitchinterval()
    with (tmp_path / "out").open("w", encoding="utf-8") as stream:
        text = ProgramText(0, lambda: False, numbers.append, lambda much: None, lambda: False)
        text._open = True
        text._tap(stream)
        writers = [Thread(target=_writes, args=(stream.buffer,)) for _ in range(2)]
        sys.setswitchinterval(1e-6)
        try:
            for writer in writers:
                writer.start()
            while numbers or any(writer.is_alive() for writer in writers):
                if numbers:
                    text.take(numbers.popleft())
        finally:
            sys.setswitchinterval(interval)
        text.take(1 << 30)
        assert text._size == 0
        text.close()


def _writes(buffer: BinaryIO) -> None:
    for _ in range(20_000):
        buffer.write(b"some")


LOUD = """
while Loud.left:
    time.sleep(0.01)
"""


def test_what_is_printed_while_the_display_draws_stands_above_the_bars(start: Start) -> None:
    """As by a finalizer of the user's, which may run in any thread at any moment."""
    code = """
class Loud:
    left = 3

    def render(self, state, columns):
        if Loud.left:
            Loud.left -= 1
            print("finalized", Loud.left)
        return f"row of {state.desc}"[:columns]
"""
    program = start(code + program_of(LOUD, options=", renderer=Loud()"))
    assert program.wait() == 0
    assert finished(program)[:3] == [f"finalized {n}" for n in (2, 1, 0)]
    assert [line for line in lines_of(program) if line][3:] == ["row of tasks", "row of counted(4)"]


@pytest.mark.skipif(sys.platform == "win32", reason="no such file")
def test_a_terminal_may_have_two_names(start: Start) -> None:
    code = """
sys.stderr = open("/dev/tty", "w")

def work(n):
    print("task", n)

if __name__ == "__main__":
    with ProgressPoolExecutor(1) as ex:
        task = wait_for_bars(ex)
        print("program")
        open_gate()
        task.result()
        ex.submit(work, 1).result()
"""
    program = start(LIVE + code)
    assert program.wait() == 0
    assert [line.split()[:2] for line in lines_of(program) if line] == [
        ["program"],
        ["task", "1"],
        ["✓", "tasks"],
        ["✓", "counted(4)"],
        ["✓", "work(1)"],
    ]


def test_an_exception_is_whole(start: Start) -> None:
    body = """
open_gate()
raise RuntimeError("what went wrong")
"""
    program = start(program_of(body))
    assert program.wait() == 1
    lines = [line for line in lines_of(program) if line]
    assert lines[-1] == "RuntimeError: what went wrong"
    assert "Traceback (most recent call last):" in lines


def test_a_display_that_takes_nothing_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may wait for what the writer holds. A terminal that is frozen is."""
    monkeypatch.setattr(program_text, "LIMIT", 10)
    monkeypatch.setattr(program_text, "AWHILE", 0.0)
    naps = 0

    def is_frozen() -> bool:
        nonlocal naps
        naps += 1
        return naps < 19

    with (tmp_path / "out").open("w", encoding="utf-8") as stream:
        text = ProgramText(0, lambda: False, lambda number: None, lambda much: None, is_frozen)
        text._open = True
        text._tap(stream)
        stream.write("more than ten")
        stream.flush()
        assert naps == 19
        text.close()
    assert (tmp_path / "out").read_text() == "more than ten"
