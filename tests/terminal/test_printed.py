"""What tasks print while bars are live, by whatever means: every line once, whole, in order,
above the bars; and what they draw, in rows of their own."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest
from pty_program import PATIENCE, PtyProgram, unseen

Start = Callable[..., PtyProgram]
METHODS = ["fork", "spawn", "forkserver"]

BEGIN = """
import contextlib, ctypes, io, logging, multiprocessing, signal, subprocess, threading
logging.basicConfig(format="%(message)s")  # before any worker, on the stream of then
libc = ctypes.CDLL(None)

def executor(*args, **options):
    context = multiprocessing.get_context(os.environ.get("METHOD", "fork"))
    if os.environ.get("STOCK"):
        from concurrent.futures import ProcessPoolExecutor
        return ProcessPoolExecutor(*args, mp_context=context)
    return ProgressPoolExecutor(*args, mp_context=context, **options)
"""


def shown(program: PtyProgram) -> list[str]:
    """All lines of a program that has ended well, also those that have scrolled away."""
    assert program.wait() == 0, bytes(program.written[-3000:]).decode(errors="replace")
    screen = program.screen
    return [line.rstrip() for line in (*screen.history, *screen.rows)]


def printed(program: PtyProgram) -> list[str]:
    """The same, without the rows of tasks and blank ones."""
    return [line for line in shown(program) if line and not re.match(r"[✓✗†⊘⠋ ] ?\S+ +|…", line)]


# --- all ways at once ---

SOURCES = ["print", "logging", "write", "puts", "child"]
MANY = (
    BEGIN
    + """
LINES = int(os.environ["LINES_"])

def by_print(n):
    for k in range(LINES):
        print(f"print {n} {k};")

def by_logging(n):
    for k in range(LINES):
        logging.warning(f"logging {n} {k};")

def by_write(n):
    for k in range(LINES):
        os.write(1, f"write {n} {k};\\n".encode())

def by_c(n):
    for k in range(LINES):
        libc.puts(f"puts {n} {k};".encode())
        libc.fflush(None)

def by_child(n):
    loop = f'k=0; while [ $k -lt {LINES} ]; do echo "child {n} $k;"; k=$((k+1)); done'
    subprocess.run(["sh", "-c", loop], check=True)

def all_ways(n):
    ways = [by_print, by_logging, by_write, by_c, by_child]
    threads = [threading.Thread(target=way, args=(n,)) for way in ways]
    for thread in threads:
        thread.start()
    for thread in track(threads):
        thread.join()

if __name__ == "__main__":
    with executor(2) as ex:
        list(ex.map(all_ways, range(8)))
"""
)


@pytest.mark.parametrize("method", METHODS)
def test_every_line_once_whole_and_in_order(start: Start, method: str) -> None:
    lines = 2000 if method == "fork" else 300
    program = unseen(start(MANY, METHOD=method, LINES_=str(lines)))
    assert program.wait() == 0
    written = bytes(program.written)
    # a printed line begins where the rows began, or after another one, and has its own end
    whole = re.findall(rb"(?<=[\n\rJKHGA])(\w+) (\d) (\d+);\r+\n", written)
    assert len(re.findall(rb";", written)) == len(whole) == 8 * len(SOURCES) * lines
    for source in SOURCES:
        for task in range(8):
            own = [int(k) for name, n, k in whole if (name, n) == (source.encode(), b"%d" % task)]
            assert own == list(range(lines))


# --- whose it is ---


@pytest.mark.parametrize("method", METHODS)
def test_the_border_between_tasks_of_one_worker_is_exact(start: Start, method: str) -> None:
    code = """
def work(n):
    print(f"begin {n}")
    os.write(1, f"middle {n}\\n".encode())
    if n % 3 == 0:
        os.system(f"echo child {n}")
    print(f"end {n}", end="")

if __name__ == "__main__":
    with executor(1, capture="named") as ex:
        list(ex.map(work, range(400)))
"""
    program = start(BEGIN + code, METHOD=method)
    assert program.wait() == 0
    lines = [
        line
        for line in re.split(r"[\r\n]+|\x1b\[[\d;?]*[A-Za-z]", program.written.decode())
        if "│" in line
    ]
    wanted = []
    for n in range(400):
        words = ["begin", "middle", *["child"] * (n % 3 == 0), "end"]
        wanted += [f"work({n}) │ {word} {n}" for word in words]
    assert lines == wanted


def test_the_initializer_and_what_runs_between_tasks_print_without_a_name(start: Start) -> None:
    code = """
def hello(word):
    print(word)

def work(n):
    print(f"work {n}")

if __name__ == "__main__":
    with ProgressPoolExecutor(1, initializer=hello, initargs=("hello",), capture="named") as ex:
        list(ex.map(work, range(2)))
"""
    lines = printed(start(BEGIN + code))
    assert lines == ["hello", "work(0) │ work 0", "work(1) │ work 1"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="known on Linux alone")
@pytest.mark.parametrize(
    ("command", "bars"),
    [
        ("$PROGRAM | tee log", False),
        ("$PROGRAM | cat | cat", False),
        ("$PROGRAM | cat > log", True),
        ("BAREXEC=inline $PROGRAM | tee log", True),
    ],
)
def test_where_a_pipe_leads_back_to_the_terminal_there_are_sentences(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, bars: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    code = """
def work(n):
    print(f"printed {n}")

if __name__ == "__main__":
    with executor(1, leave=True) as ex:
        list(ex.map(work, range(3)))
"""
    program = start(BEGIN + code, shell=True)
    program.type(f"{command}; exit\n")
    assert program.wait() == 0
    assert (b"work(2) is done" in program.written) is not bars
    assert ("3/3" in "\n".join(program.screen.rows)) is bars


# --- bars of others ---

#: As people post them: a bar for each process, at a position of its own.
SCRIPTS = {
    "a map over positions": """
def progresser(n):
    interval = 0.001 / (n + 2)
    text = f"#{n}, est. {interval * 300:<04.2}s"
    for _ in tqdm(range(300), desc=text, position=n):
        sleep(interval)

if __name__ == "__main__":
    with executor() as ex:
        list(ex.map(progresser, range(9)))
""",
    "a lock, and an initializer": """
def progresser(n):
    for _ in tqdm(range(100), desc=f"#{n},", position=n):
        sleep(0.001)

if __name__ == "__main__":
    freeze_support()
    tqdm.set_lock(RLock())
    with ProgressPoolExecutor(4, initializer=tqdm.set_lock, initargs=(tqdm.get_lock(),)) as ex:
        list(ex.map(progresser, range(9)))
""",
    "nested, and cleared": """
def progresser(n):
    for _ in tqdm(range(4), desc=f"#{n},", position=n):
        for _ in trange(20, desc=f"inner {n}", position=n + 1, leave=False):
            sleep(0.001)

if __name__ == "__main__":
    with executor(4) as ex:
        list(ex.map(progresser, range(8)))
""",
    "manual updates, and lines between": """
def progresser(n):
    with tqdm(total=50, desc=f"#{n},", position=n + 1) as bar:
        for k in range(50):
            bar.update()
            if k == 25:
                bar.write(f"half of {n}")
            sleep(0.001)

if __name__ == "__main__":
    with executor(3) as ex:
        list(ex.map(progresser, range(9)))
""",
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("script", SCRIPTS)
def test_each_bar_with_a_position_is_there_once(start: Start, script: str, method: str) -> None:
    code = f"""
from time import sleep
from multiprocessing import RLock, freeze_support
from tqdm import tqdm, trange
{SCRIPTS[script]}
"""
    program = start(BEGIN + code, METHOD=method)
    lines = shown(program)
    count = 8 if "nested" in script else 9
    bars = [line for line in lines if re.search(r"#\d,", line)]
    # of the last frame, each once, finished; nothing of an earlier one is left above it
    assert sorted(int(re.search(r"#(\d),", bar)[1]) for bar in bars) == list(range(count))  # type: ignore[index]
    assert all("100%" in bar for bar in bars)
    assert not any("inner" in line for line in lines)
    halves = [line for line in lines if line.startswith("half")]
    if "lines between" in script:
        assert sorted(halves) == [f"half of {n}" for n in range(9)]


LIBRARIES = {
    "tqdm": "for _ in tqdm.tqdm(range(30), desc='tqdm'): pause()",
    "tqdm.auto": "for _ in tqdm.auto.tqdm(range(30), desc='tqdm.auto'): pause()",
    "progressbar2": "for _ in progressbar.progressbar(range(30), prefix='progressbar2 '): pause()",
    "rich": "for _ in rich.progress.track(range(30), description='rich'): pause()",
    "click": """
    with click.progressbar(range(30), label="click") as bar:
        for _ in bar: pause()
""",
    "alive-progress": """
    with alive_progress.alive_bar(30, title="alive-progress") as bar:
        for _ in range(30): pause(); bar()
""",
    "enlighten": """
    manager = enlighten.get_manager()
    bar = manager.counter(total=30, desc="enlighten")
    for _ in range(30): pause(); bar.update()
    manager.stop()
""",
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_bars_of_libraries_are_rows_of_their_task(start: Start, library: str) -> None:
    """They are imported before there is any executor, and know nothing of it."""
    module = library.replace("-", "_").replace("bar2", "bar")
    module = {"rich": "rich.progress"}.get(module, module)
    pytest.importorskip(module)
    code = f"""
import {module}
def pause():
    time.sleep(0.01)

def work(n):
    print(f"begin {{n}}")
    {LIBRARIES[library]}
    print(f"end {{n}}")

if __name__ == "__main__":
    with ProgressPoolExecutor(2) as ex:
        list(ex.map(work, range(2)))
    print("THE END")
"""
    program = start(BEGIN + code)
    lines = [line for line in shown(program) if line]
    words = [line for line in lines if re.match("begin|end", line)]
    assert sorted(words) == ["begin 0", "begin 1", "end 0", "end 1"]
    bars = [line for line in lines if library in line]
    assert len(bars) == 2, lines
    assert all("100%" in bar or "30/30" in bar for bar in bars), bars
    assert lines[-1] == "THE END"
    assert lines[0] in ("begin 0", "begin 1")


# --- left alone ---


@pytest.mark.parametrize("method", METHODS)
def test_a_file_has_what_the_stock_executor_would_have_put_there(
    start: Start, method: str, tmp_path: Path
) -> None:
    code = """
def work(n):
    for k in range(20):
        print(f"print {n} {k}", flush=True)
        sys.stdout.buffer.write(b"bytes \\xff\\xfe %d %d\\x1b]0;t\\x07\\n" % (n, k))
        sys.stdout.flush()
        os.write(1, b"write %d %d\\0\\r\\n" % (n, k))
    os.system(f"echo child {n}")
    assert not os.isatty(1)

if __name__ == "__main__":
    with executor(2, leave=True) as ex:
        list(ex.map(work, range(10)))
"""
    got = {}
    for stock in (None, "1"):
        file = tmp_path / f"out-{stock}"
        with file.open("wb") as sink:
            program = start(BEGIN + code, METHOD=method, STOCK=stock, stdout=sink)
            assert program.wait() == 0
        got[stock] = file.read_bytes().split(b"\n")
        if not stock:
            assert "━" in program.written.decode()
    assert sorted(got[None]) == sorted(got["1"]) and len(got[None]) == 611
    for n in range(10):
        own = [line for line in got[None] if re.match(rb"(print|write) %d " % n, line)]
        assert own == [
            line
            for k in range(20)
            for line in (b"print %d %d" % (n, k), b"write %d %d\0\r" % (n, k))
        ]


def test_off_a_terminal_nothing_is_caught(start: Start, tmp_path: Path) -> None:
    code = """
def work(n):
    return [os.fstat(fd)[1:3] for fd in (1, 2)]

if __name__ == "__main__":
    with ProgressPoolExecutor(1) as ex:
        assert ex.submit(work, 0).result() == work(0)
"""
    with (tmp_path / "err").open("wb") as sink:
        assert start(BEGIN + code, stderr=sink).wait() == 0


@pytest.mark.parametrize("options", ["capture=False", "display='plain'", "display='off'"])
def test_the_streams_are_left_alone_where_they_are_to_be(start: Start, options: str) -> None:
    code = f"""
def work(n):
    return [os.ttyname(fd) for fd in (1, 2)]

if __name__ == "__main__":
    with ProgressPoolExecutor(1, {options}) as ex:
        assert ex.submit(work, 0).result() == work(0)
"""
    assert start(BEGIN + code).wait() == 0


def test_redirections_within_a_task_work_as_ever(start: Start) -> None:
    code = """
def work(n):
    with contextlib.redirect_stdout(io.StringIO()) as caught:
        print("caught")
    out = subprocess.run(["echo", "piped"], stdout=subprocess.PIPE, check=True).stdout
    print("shown")
    assert os.isatty(1) and sys.stdout.isatty() and sys.stdout.fileno() == 1
    return caught.getvalue(), out, tuple(os.get_terminal_size(1))

if __name__ == "__main__":
    with ProgressPoolExecutor(1) as ex:
        assert ex.submit(work, 0).result() == ("caught\\n", b"piped\\n", (79, 24))
"""
    assert printed(start(BEGIN + code)) == ["shown"]


def test_the_small_terminal_follows_the_size_of_the_display(start: Start) -> None:
    code = """
def work(n):
    sizes = [tuple(os.get_terminal_size(1))]
    gate()
    sizes.append(tuple(os.get_terminal_size(1)))
    print("seen")
    while os.get_terminal_size(1).columns != 59:
        time.sleep(0.01)
    return [*sizes, tuple(os.get_terminal_size(1))]

if __name__ == "__main__":
    with ProgressPoolExecutor(1) as ex:
        assert ex.submit(work, 0).result() == [(79, 24), (79, 24), (59, 12)]
"""
    program = start(BEGIN + code)
    program.until(lambda screen: "work(0)" in "".join(screen.rows))  # a frame is drawn
    program.gate.touch()
    program.until(lambda screen: "seen" in "".join(screen.rows))
    program.resize(60, 12)
    assert program.wait() == 0


# --- faults ---


@pytest.mark.parametrize("way", ["print", "writer"])
@pytest.mark.parametrize("full", [False, True])
def test_a_slow_terminal_gets_all(start: Start, full: bool, way: str) -> None:
    """Slower by far than what waits for the last frame has patience."""
    code = f"""
from barexec import Writer, display, pool
from barexec.painters import glass
display.PATIENCE = pool.PATIENCE = 1.0
glass.MUCH = glass.PIECE  # one sees that it goes on, however slowly

def work(n, writer: Writer):
    file = writer if "{way}" == "writer" else None
    for k in range(2000):
        print(f"line {{n}} {{k}} of some length so that the terminal is soon full;", file=file)

if __name__ == "__main__":
    with executor(2, fullscreen={full}) as ex:
        list(ex.map(work, range(4)))
"""
    program = unseen(start(BEGIN + code))
    program.bite = 200
    assert program.wait() == 0
    lines = re.findall(rb"line (\d) (\d+) of some[^;]+;\r*\n", bytes(program.written))
    assert len(lines) >= 4 * 2000  # in full screen, the last ones are seen there, too
    assert len(set(lines)) == 4 * 2000


@pytest.mark.parametrize("full", [False, True])
def test_after_ctrl_c_a_slow_terminal_gets_the_last_words(start: Start, full: bool) -> None:
    """Nobody waits for a last frame of thousands of rows, but for the traceback after it."""
    code = f"""
from barexec import display, pool
display.PATIENCE = pool.PATIENCE = 1.0

def work(n):
    gate()

if __name__ == "__main__":
    with executor(1, fullscreen={full}, leave=True) as ex:
        futures = [ex.submit(work, n) for n in range(8000)]
        futures[0].result()
"""
    program = unseen(start(BEGIN + code, PYTHON_COLORS="0"))
    program.until(lambda screen: b"work(0)" in program.written)
    program.bite = 50
    program.type("\x03")
    assert program.wait() == -signal.SIGINT
    written = bytes(program.written)
    traceback = re.findall(rb"(.{9})Traceback \(most recent call last\):\r+\n", written, re.DOTALL)
    # after the whole frame, which a quick machine may have drawn by then, or between two rows
    (before,) = traceback
    assert before.endswith((b"\r\n", b"\r\x1b[K"))
    assert len(re.findall(rb"\nKeyboardInterrupt\r+\n", written)) == 1


FAILURES = {
    "the display": "display.Display, '_step'",
    "the thread that reads": "pty_reader.PtyReader, '_read_all'",
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("failure", FAILURES)
def test_no_line_is_lost_when_we_fail(start: Start, failure: str, method: str) -> None:
    """A bug of ours, while much is on its way: it reaches the terminal all the same."""
    code = f"""
import warnings
from barexec import display, pty_reader
warnings.simplefilter("always")

def fail_at(count, owner, name):
    stock, calls = getattr(owner, name), [0]
    def call(*args, **options):
        calls[0] += 1
        if calls[0] == count:
            raise {"SystemExit" if failure == "the display" else "ZeroDivisionError"}("a bug")
        return stock(*args, **options)
    setattr(owner, name, call)

def work(n):
    for k in range(3000):
        print(f"line {{n}} {{k}} of some length so that the terminal is soon full;")

if __name__ == "__main__":
    fail_at(3, {FAILURES[failure]})
    with executor(2) as ex:
        list(ex.map(work, range(4)))
"""
    program = unseen(start(BEGIN + code, METHOD=method))
    assert program.wait() == 0
    written = bytes(program.written)
    assert written.count(b"barexec shows no more progress") == 1
    found = re.findall(
        rb"line (\d) (\d+) of some length so that the terminal is soon full;", written
    )
    assert written.count(b";") == 4 * 3000 + 1  # of the warning
    # nothing tells the workers apart any more: one may write within the line of another
    assert len(set(found)) == len(found) > 4 * 3000 * 0.9


@pytest.mark.parametrize("method", METHODS)
def test_what_a_worker_printed_before_it_was_killed_is_shown(start: Start, method: str) -> None:
    code = """
from concurrent.futures.process import BrokenProcessPool

def work(n):
    for k in range(1000):
        print(f"line {k}")
    print("half a line", end="", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    with executor(1) as ex:
        try:
            ex.submit(work, 0).result()
        except BrokenProcessPool:
            print("broken")
"""
    lines = printed(start(BEGIN + code, METHOD=method))
    assert lines[:1000] == [f"line {k}" for k in range(1000)]
    # that the line will have no end is known once the process is gone: about then
    assert sorted(lines[1000:]) == ["broken", "half a line"]


def test_no_line_is_lost_when_the_parent_is_killed(start: Start) -> None:
    code = """
from barexec import worker
worker.Orphan = lambda farewell: None  # who ends it within half a second (tests/faults)

def work(n):
    print("begin", os.getpid())
    gate()
    for k in range(20_000):  # more than any pty holds
        print(f"line {k}")
    os.rename(os.environ["GATE"], os.environ["GATE"] + ".done")

if __name__ == "__main__":
    with executor(1) as ex:
        ex.submit(work, 0)
        gate()
"""
    program = start(BEGIN + code, METHOD="spawn", controlling=False)
    begun = re.compile(r"begin (\d+)$")
    program.until(lambda screen: any(map(begun.match, screen.rows)))
    (worker,) = (int(row[1]) for row in map(begun.match, program.screen.rows) if row)
    program.process.kill()
    program.process.wait()
    unseen(program).gate.touch()
    done = program.gate.with_name(program.gate.name + ".done")
    end = monotonic() + PATIENCE
    lines: list[bytes] = []
    try:
        while len(lines) < 20_000 or not done.exists():
            assert monotonic() < end, (len(lines), done.exists())
            program.listen(0.05)
            lines = re.findall(rb"line (\d+)\r*\n", bytes(program.written))
    finally:
        os.kill(worker, signal.SIGKILL)  # it waits for more, for ever: the stock class's own
    program.wait()
    # where the way changes, lines of that moment may change their order
    assert sorted(int(k) for k in lines) == list(range(20_000))
    assert sum(int(a) > int(b) for a, b in pairwise(lines)) <= 2


def test_no_terminal_is_left_for_a_worker(start: Start) -> None:
    """Then Python's own streams are caught, and the rest is as with the stock executor."""
    code = """
def no_pty():
    raise OSError(28, "No space left on device")

def work(n):
    print(f"print {n}")
    sys.stderr.write(f"stderr {n}\\n")
    logging.warning(f"logging {n}")
    sys.stdout.buffer.write(b"bytes %d\\n" % n)
    sys.stdout.flush()
    print("no newline", end="")
    assert sys.stdout.isatty() and sys.stdout.fileno() == 1

if __name__ == "__main__":
    os.openpty = no_pty
    with ProgressPoolExecutor(1, capture="named") as ex:
        list(ex.map(work, range(2)))
"""
    lines = [line for line in printed(start(BEGIN + code)) if "│" in line]
    for n in range(2):
        own = [line[10:] for line in lines if line.startswith(f"work({n}) │ ")]
        words = [f"print {n}", f"stderr {n}", f"bytes {n}", "no newline"]
        assert own in (words, [*words[:2], f"logging {n}", *words[2:]])


@pytest.mark.parametrize(
    "flood",
    [
        "print('x' * 78 + '\\n' * 1, end='')",
        "os.write(1, b'y' * 65536)",
        "os.write(1, b'\\0' * 65536)",
        "os.write(1, b'\\xff\\xfe' * 32768)",
        "os.write(1, b'\\r' + b'z' * 70)",
    ],
    ids=["lines", "no newline", "NUL", "invalid", "drawn"],
)
def test_a_flood_holds_up_nobody_else(start: Start, flood: str) -> None:
    assert grown_by(start, flood, 2) < 60_000  # kB


@pytest.mark.slow
def test_a_long_flood_leaves_no_gaps_in_the_heap(start: Start) -> None:
    assert grown_by(start, "os.write(1, b'\\xff\\xfe' * 32768)", 20) < 100_000  # kB


def grown_by(start: Start, flood: str, seconds: float) -> int:
    """By how many kB the program has grown at most, while one task does this, and others end."""
    code = f"""
def flood(n):
    while not os.path.exists(os.environ["GATE"]):
        {flood}

def short(n):
    return n

if __name__ == "__main__":
    with ProgressPoolExecutor(2) as ex:
        ex.submit(short, 0).result()
        before = peak()
        flooding = ex.submit(flood, 0)
        began, n = time.monotonic(), 0
        while n < 20 or time.monotonic() - began < {seconds}:
            assert ex.submit(short, n).result() == n
            n += 1
        open(os.environ["GATE"], "w").close()
        flooding.result()
    print("grown", peak() - before)
"""
    program = unseen(start(BEGIN + code))
    assert program.wait() == 0
    (grown,) = re.findall(rb"grown (\d+)", bytes(program.written))
    return int(grown)


@pytest.mark.slow
def test_a_line_of_50_mb_arrives(start: Start) -> None:
    code = """
def work(n):
    print("x" * 50_000_000)

if __name__ == "__main__":
    with ProgressPoolExecutor(1) as ex:
        ex.submit(work, 0).result()
"""
    program = unseen(start(BEGIN + code))
    assert program.wait(300) == 0
    runs = re.findall(rb"x{100,}", bytes(program.written))  # shorter: the row, while it grows
    assert sum(map(len, runs)) == 50_000_000


def test_who_is_left_behind_by_a_task_is_heard(start: Start) -> None:
    code = """
def work(n):
    script = 'while [ ! -e "$GATE" ]; do sleep 0.05; done; echo late; sleep 0.2; echo later'
    subprocess.Popen(["sh", "-c", script])
    pid = os.fork()
    if not pid:
        print("forked", flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
    child = multiprocessing.get_context("fork").Process(target=print, args=("process",))
    child.start()
    child.join()

if __name__ == "__main__":
    with ProgressPoolExecutor(1) as ex:
        ex.submit(work, 0).result()
    print("THE END")
    open(os.environ["GATE"], "w").close()
    while not os.path.exists(os.environ["GATE"] + ".heard"):  # as a program that goes on
        time.sleep(0.01)
"""
    program = start(BEGIN + code)
    program.until(lambda screen: "later" in screen.rows)
    program.gate.with_name(f"{program.gate.name}.heard").touch()
    lines = printed(program)
    assert lines == ["forked", "process", "THE END", "late", "later"]


def test_workers_that_live_for_one_task_each_are_heard(start: Start) -> None:
    code = """
def work(n):
    print(f"line {n}")

if __name__ == "__main__":
    with ProgressPoolExecutor(2, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as ex:
        list(ex.map(work, range(8)))
"""
    if sys.version_info < (3, 11):
        pytest.skip("max_tasks_per_child is new in 3.11")
    assert sorted(printed(start(BEGIN + code))) == [f"line {n}" for n in range(8)]


def test_nothing_is_left_of_a_closed_terminal_but_the_work(start: Start) -> None:
    code = """
signal.signal(signal.SIGHUP, signal.SIG_IGN)

def work(n):
    print("begin", flush=True)
    gate()
    for k in range(10_000):
        with contextlib.suppress(OSError):  # as with the stock executor: nobody is there
            print(k)
    return n

if __name__ == "__main__":
    with ProgressPoolExecutor(1) as ex:
        future = ex.submit(work, 7)
        assert future.result() == 7
    open(os.environ["GATE"] + ".done", "w").close()
    os._exit(0)
"""
    program = start(BEGIN + code)
    program.until(lambda screen: "begin" in "".join(screen.rows))
    program.hang_up()
    program.gate.touch()
    assert program.process.wait(60) == 0
    assert program.gate.with_name(program.gate.name + ".done").exists()
