"""Text of tasks on a real terminal: whatever it is, only what is ours moves the cursor or
sets a mode; however much it is, memory stays bounded; and none of it is lost."""

from __future__ import annotations

import fcntl
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile import DROPPED, PAYLOADS
from pty_program import PATIENCE, PtyProgram, unseen

Start = Callable[..., PtyProgram]

#: What may be in what a program writes. SGR; moves by rows and columns, erasing; wrapping.
OURS = re.compile(rb"\x1b\[[\d;:]*m|\x1b\[\d*[ABCDGJK]|\x1b\[\?7[hl]|[\r\n\t]")
#: The same of full screen: the two screens, the cursor hidden and shown, and home.
FULL = re.compile(OURS.pattern + rb"|\x1b\[\?(1049|12|25)[hl]|\x1b\[H|\x1b\[2[23];0;0t")
PLAIN = re.compile(rb"\r\n")

HERE = Path(__file__).parent
SETUP = f"""
sys.path += {[str(HERE.parent), str(HERE.parent / "pool")]!r}
import json
import writing
from barexec import Writer, channel, output
from hostile import HOSTILE

view.QUIET = 0.0

def square(n):
    return n * n

def tell(what):
    path = os.environ["GATE"] + ".told"
    with open(path + ".new", "w") as file:
        json.dump(what, file)
    os.rename(path + ".new", path)

"""


def told(program: PtyProgram, patience: float = PATIENCE) -> Any:
    """What the program tells, once it does."""
    path = program.gate.with_name(f"{program.gate.name}.told")
    end = time.monotonic() + patience
    while True:
        ended = program.process.poll() is not None
        if path.exists():
            break
        assert not ended, bytes(program.written[-2000:])
        if time.monotonic() > end:
            program.missing("nothing is told")
        time.sleep(0.01)
    return json.loads(path.read_text())


def check_clean(written: bytes, ours: re.Pattern[bytes]) -> None:
    """Nothing but printable text is in it, and what is ours."""
    text = ours.sub(b"", written).decode()
    found = {char for char in text if char < " " or "\x7f" <= char <= "\x9f"}
    assert not found, found
    for payload in PAYLOADS:
        assert payload not in text, payload


# --- hostile text ---

EVERYWHERE = """
def everywhere(index, writer: Writer):
    text = f"before{HOSTILE[index]}after"
    writer.write(text + "\\n")
    for char in text:
        writer.write(char)
    writer.write("\\n\\n")
    bar = Bar(9, desc=text, unit=text)
    bar.postfix = text if index % 2 else {text: text}
    bar.update(3)
    time.sleep(0.11)  # longer than a tick: it is told
    raise ValueError(text)

if __name__ == "__main__":
    full = os.environ["BAREXEC"] == "fullscreen"
    with ProgressPoolExecutor(8, desc="whole" + HOSTILE[0], fullscreen=full, leave=True) as ex:
        for index, text in enumerate(HOSTILE):
            there = (0, index % 20 + 1) if index % 9 == 0 else None
            ex.options(desc=f"n{index}{text}", location=there).submit(everywhere, index)
"""


def test_no_control_sequence_of_a_task_reaches_the_terminal(start: Start) -> None:
    """Of the whole corpus, in every place where text may come from, in every mode."""
    modes = {"inline": OURS, "fullscreen": FULL, "plain": PLAIN}
    programs = {mode: unseen(start(SETUP + EVERYWHERE, BAREXEC=mode, rows=30)) for mode in modes}
    for mode, program in programs.items():
        assert program.wait() == 0
        written = bytes(program.written)
        check_clean(written, modes[mode])
        text = written.decode()
        assert text.count("beforeafter") > len(DROPPED), mode  # it is shown, in short
        for switch in ("\x1b[?1049h", "\x1b[?1049l"):
            assert text.count(switch) == (mode == "fullscreen"), mode


PRINTED = """
import logging, tqdm, warnings
logging.basicConfig(format="%(message)s")

def first(texts):
    for text in texts:
        print(f"before{text}after")

def printing(index):
    text = f"before{HOSTILE[index]}after"
    print(text)
    print(text, file=sys.stderr)
    logging.warning(text)
    for char in text.encode("utf-8", "replace"):
        os.write(1, bytes([char]))  # so no sequence is ever whole
    os.write(2, b"\\n")
    for _ in tqdm.tqdm(range(3), desc=text, unit=text, postfix={text: text}):
        time.sleep(0.04)
    tqdm.tqdm.write(text)
    print(text, end="")
    raise ValueError(text)

if __name__ == "__main__":
    import multiprocessing
    fork = multiprocessing.get_context("fork")
    options = dict(desc="whole" + HOSTILE[0], leave=True, capture="named")
    with ProgressPoolExecutor(8, fork, first, (HOSTILE[::9],), **options) as ex:
        ex.submit(square, 1)
        while display.live[0]._view._screen is None:  # until bars are live, it prints as ever
            time.sleep(0.01)
        for index, text in enumerate(HOSTILE):
            named = ex.options(desc=f"n{index}{text}") if index % 2 else ex
            named.submit(printing, index)
            print(f"before{text}after")
            logging.warning(f"before{text}after")
            warnings.warn(f"before{text}after")
"""


@pytest.mark.parametrize("mode", ["inline", "fullscreen"])
def test_no_control_sequence_that_is_printed_reaches_the_terminal(start: Start, mode: str) -> None:
    """Nor of what is logged, or in names, by the program itself as well as by tasks."""
    program = unseen(start(SETUP + PRINTED, BAREXEC=mode, rows=30))
    assert program.wait() == 0
    written = bytes(program.written)
    check_clean(written, FULL if mode == "fullscreen" else OURS)
    text = written.decode()
    assert text.count("beforeafter") > 8 * len(DROPPED)
    for switch in ("\x1b[?1049h", "\x1b[?1049l"):
        assert text.count(switch) == (mode == "fullscreen")


# --- floods ---

RANDOM = f"""{SETUP}
channel.CAPACITY = output.UNPRINTED = 1 << 16

if __name__ == "__main__":
    with ProgressPoolExecutor(3) as ex:
        over = os.environ["GATE"] + ".over"
        floods = [ex.submit(writing.random_text, {{each}}, over, "latin-1", "replace"),
                  ex.submit(writing.random_text, {{each}}, over, "utf-8", "replace")]
        others = [ex.submit(square, n).result() for n in range(100)]
        early = not any(flood.done() for flood in floods)
        open(over, "w").close()
        written = [flood.result() for flood in floods]
        after = ex.submit(square, 7).result()
    tell([early, written, after, peak()])
"""


@pytest.mark.parametrize("each", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_megabytes_of_random_bytes(start: Start, each: int) -> None:
    """More by far than may wait for the terminal."""
    program = unseen(start(RANDOM.format(each=each)))
    early, written, after, peak = told(program, 2 * PATIENCE)
    assert program.wait() == 0
    check_clean(bytes(program.written), OURS)
    assert early, "other tasks wait for floods"
    assert after == 49
    for characters, growth in written:
        assert characters > each * 900_000
        assert growth < 4_000, "kB in a worker"
    assert peak < 120_000, "kB in the parent"


# --- frozen terminals ---

FROZEN = f"""{SETUP}
output.UNPRINTED = 1 << 16
channel.CAPACITY = {{room}}

def lines(name, count, writer: Writer):
    gate()
    for line in writing.numbered(name, count, 100):
        print(line, file=writer)

def line(n, writer: Writer):
    gate()
    writer.write(f"<{{{{n}}}} {{{{'y' * 1200}}}}>\\n")

def blank(count, writer: Writer):
    gate()
    for n in range(count):
        writer.write("<blank>" + "\\n" * 10_000)

if __name__ == "__main__":
    ex = ProgressPoolExecutor(3, fullscreen={{full}})
    floods = [{{floods}}]
    ex.submit(counted, 3).result()
    begun = time.monotonic()
    others = [ex.submit(square, n).result() for n in range(200)]
    others_took = time.monotonic() - begun
    time.sleep(1.0)
    late = [not flood.done() for flood in floods]
    {{then}}
    tell([late, others == [n * n for n in range(200)], others_took, peak()])
    gate_two = os.environ["GATE"] + "-two"
    while not os.path.exists(gate_two):
        time.sleep(0.01)
    ex.shutdown()
"""


def lines_of(name: str, text: str) -> list[int]:
    """The numbers of the whole lines of that name."""
    return [int(n) for n in re.findall(rf"<{name} (\d+) \.{{100}}>\r+\n", text)]


def frozen(
    start: Start, floods: str, then: str = "", full: bool = False, room: int = 1 << 16
) -> PtyProgram:
    """A program whose terminal freezes before its tasks begin to write. Its channel has
    room for so many bytes."""
    # not its controlling terminal: macOS would wait at its end until that is thawed
    code = FROZEN.format(floods=floods, then=then, full=full, room=room)
    program = start(code, controlling=False)
    program.until(lambda screen: any("30%" in row for row in screen.rows))
    program.until_still()  # frozen within a write, the display is held by that
    program.flow(False)
    program.open_gate()
    return program


def check_told(program: PtyProgram) -> None:
    late, right, took, peak = told(program)
    assert all(late), "who writes did not wait"
    assert right
    assert took < 30.0, "the other tasks waited"
    assert peak < 120_000, "kB in the parent"


def thaw(program: PtyProgram) -> str:
    program.flow(True)
    program.gate.with_name(f"{program.gate.name}-two").touch()
    assert program.wait() == 0
    return bytes(program.written).decode()


def test_on_a_frozen_terminal_who_writes_waits_and_nobody_else(start: Start) -> None:
    """Ctrl-S; and after Ctrl-Q all is there."""
    program = frozen(start, "ex.submit(lines, 'a', 6000), ex.submit(lines, 'b', 6000)")
    unseen(program)
    check_told(program)
    text = thaw(program)
    assert lines_of("a", text) == lines_of("b", text) == list(range(6000))


def test_blank_lines_count_for_what_may_wait(start: Start) -> None:
    program = frozen(start, "ex.submit(blank, 30)")
    unseen(program)
    check_told(program)
    assert thaw(program).count("<blank>") == 30


@pytest.mark.parametrize(("count", "wait"), [(50, True), (2500, False)])
def test_a_terminal_that_is_frozen_at_the_end_gets_all_when_it_thaws(
    start: Start, count: int, wait: bool
) -> None:
    """The executor is over, with less or more than may wait, and the program goes on."""
    program = frozen(start, f"ex.submit(lines, 'a', {count})", f"late = []; ex.shutdown({wait})")
    told(program)
    assert lines_of("a", thaw(program)) == list(range(count))


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="no pipe holds so much")
def test_tasks_that_end_while_their_text_waits_keep_their_lines_whole(start: Start) -> None:
    """More of them than are kept."""
    then = "[flood.result() for flood in [ex.submit(line, n) for n in range(600)]]"
    program = frozen(start, "", then, room=1 << 20)
    unseen(program)
    told(program)
    text = thaw(program)
    wanted = {f"<{n} {'y' * 1200}>" for n in range(600)}
    assert set(re.findall(r"<\d+ y+>", text)) == wanted


def test_a_program_that_ends_on_a_frozen_terminal_ends(start: Start) -> None:
    program = frozen(start, "ex.submit(lines, 'a', 50)")
    told(program)
    program.gate.with_name(f"{program.gate.name}-two").touch()
    assert program.process.wait(PATIENCE) == 0


def test_what_is_printed_in_full_screen_is_on_the_normal_one_after_a_freeze(start: Start) -> None:
    program = frozen(start, "ex.submit(lines, 'a', 50)", full=True)
    told(program)
    program.gate.with_name(f"{program.gate.name}-two").touch()
    assert program.process.wait(PATIENCE) == 0
    program.flow(True)

    def printed() -> str:
        _, back, after = bytes(program.written).decode(errors="replace").rpartition("\x1b[?1049l")
        return after if back else ""

    # the watcher, which the program leaves behind, writes them one by one
    program.until(lambda screen: lines_of("a", printed()) == list(range(50)))


def test_a_short_run_on_a_frozen_terminal(start: Start) -> None:
    """Nothing was drawn yet when the executor closes."""
    program = start(f"""{SETUP}
view.QUIET = 1000.0
def says(n, writer: Writer):
    gate()
    for line in writing.numbered("a", n, 100):
        print(line, file=writer)

if __name__ == "__main__":
    print("ready")
    with ProgressPoolExecutor(1) as ex:
        ex.submit(says, 20)
    tell(0)
    while not os.path.exists(os.environ["GATE"] + "-two"):
        time.sleep(0.01)
""")
    # with the end of its line: frozen before that, the program hangs in its own print
    program.until(lambda screen: b"ready\r\n" in program.written)
    program.flow(False)
    program.open_gate()
    told(program)
    program.flow(True)
    program.until(lambda screen: 19 in lines_of("a", program.written.decode(errors="replace")))
    program.gate.with_name(f"{program.gate.name}-two").touch()
    assert program.wait() == 0
    assert lines_of("a", bytes(program.written).decode()) == list(range(20))
