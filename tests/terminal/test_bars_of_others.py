"""Bars of tqdm and progressbar2, drawn by tasks through their writers, on a real terminal.

Every frame that the program writes is looked at. Each is one write; the program notes the
bytes of each, so that what it wrote can be shown again frame by frame.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from pty_program import PtyProgram
from two_screens import TwoScreens

Start = Callable[..., PtyProgram]

#: What programs here begin with: frames are drawn often, and counted.
FRAMES = """
from barexec import Writer
from barexec.painters.glass import Glass

display.INTERVAL = 0.01
view.QUIET = 0.0
write_bytes = Glass.write_bytes

def noted(self, some):
    with open(os.environ["GATE"] + ".frames", "a") as file:
        # the kernel's terminal puts a carriage return before each newline
        file.write(f"{len(some) + bytes(some).count(10)}\\n")
    write_bytes(self, some)

Glass.write_bytes = noted

def tqdm_bar(n, writer: Writer, steps=40, pause=0.02):
    from tqdm import tqdm
    for _ in tqdm(range(steps), desc=f"t{n:02}", file=writer, mininterval=0.01):
        time.sleep(pause)

def progressbar_bar(n, writer: Writer, steps=40, pause=0.02):
    import progressbar
    # as wide as there is room for it: it asks the terminal of its process otherwise
    bar = progressbar.ProgressBar(max_value=steps, fd=writer, prefix=f"p{n:02} ",
                                  term_width=writer.columns, poll_interval=0.01)
    for at in range(steps):
        time.sleep(pause)
        bar.update(at + 1)
    bar.finish()

def longer(n, writer: Writer):
    progressbar_bar(n, writer, steps=120)

def either(n, writer: Writer):
    (progressbar_bar if n % 2 else tqdm_bar)(n, writer)

def nested(n, writer: Writer):
    from tqdm import tqdm
    for _ in tqdm(range(5), desc=f"o{n:02}", file=writer, mininterval=0.01):
        for _ in tqdm(range(10), desc=f"i{n:02}", file=writer, mininterval=0.01, leave=False):
            time.sleep(0.01)

"""

TQDM = (
    r"{name}: +\d+%\|[█▏▎▍▌▋▊▉ ]+\| +\d+/\d+ "
    r"\[\d\d:\d\d<(\d\d:\d\d|\?), +(\?|[\d.]+)(it/s|s/it)\]"
)
PROGRESSBAR = (
    r"{name} (N/A|[ \d]+)% \( *\d+ of +\d+\) \|[# ]*\| "
    r"Elapsed Time: \d:\d\d:\d\d (ETA: +[\d:-]+|Time: +[\d:]+)"
)
BARS = re.compile(f"{TQDM.format(name='[toi]..')}|{PROGRESSBAR.format(name='p..')}")
#: What of a row tells that a bar, or a part of one, is in it.
PART = re.compile(r"\b[toip]\d\d\b|[█#|]|it/s|Elapsed")
#: Ours: the whole, a task that has drawn nothing yet, and the last line.
OURS = re.compile(r"[^ -~…] \w+.*\d:\d\d.*|  (tasks|\w+\(\d+\)) .*|  … \d.*")


def frames(program: PtyProgram) -> Iterator[TwoScreens]:
    """The screen after each frame of a program that has ended."""
    screen = TwoScreens(*program.screen.size)
    written = bytes(program.written)
    at = 0
    noted = program.gate.with_name(f"{program.gate.name}.frames").read_text()
    for size in map(int, noted.split()):
        screen.write(written[at : at + size])
        at += size
        yield screen
    assert at == len(written), "somebody else has written"


def names(rows: tuple[str, ...]) -> list[str]:
    """The names of the bars in these rows, each of which is whole and alone in its row."""
    found = []
    for row in rows:
        if PART.search(row):
            assert BARS.fullmatch(row), f"torn: {row!r}"
            found.append(row[:3])
        else:
            assert not row or OURS.fullmatch(row), f"whose is it? {row!r}"
    assert max(Counter(found).values(), default=1) == 1, f"twice: {rows}"
    return found


def test_bars_of_tqdm_and_progressbar_are_whole_in_every_frame(start: Start) -> None:
    """4 workers, 12 tasks, on a usual screen and on one too small for all."""
    code = f"""{FRAMES}
if __name__ == "__main__":
    with ProgressPoolExecutor(4) as ex:
        list(ex.map(either, range(12)))
"""
    programs = {height: start(code, rows=height) for height in (24, 10)}
    bars = {f"{'p' if n % 2 else 't'}{n:02}" for n in range(12)}
    for height, program in programs.items():
        assert program.wait() == 0
        seen, together, count = set[str](), 0, 0
        for screen in frames(program):
            count += 1
            found = names(screen.rows)
            seen.update(found)
            together = max(together, len(found))
        assert count >= 20, height
        assert seen == bars, height
        assert together >= 4, height
        last = [row for row in (*program.screen.history, *program.screen.rows) if row]
        if height == 24:
            assert {row[:3] for row in last[1:]} == bars
            assert all("100%" in row for row in last)


def test_nested_bars_of_tqdm_have_rows_of_their_own(start: Start) -> None:
    program = start(f"""{FRAMES}
if __name__ == "__main__":
    with ProgressPoolExecutor(2) as ex:
        list(ex.map(nested, range(4)))
""")
    assert program.wait() == 0
    below = 0
    for screen in frames(program):
        found = names(screen.rows)
        for at, name in enumerate(found):
            if name[0] == "i":
                assert found[at - 1] == f"o{name[1:]}", screen.rows
                below += 1
    assert below >= 20
    last = [row for row in program.screen.rows if row]
    assert [row[:3] for row in last] == ["✓ t", "o00", "o01", "o02", "o03"]


@pytest.mark.parametrize("fullscreen", [False, True])
def test_the_three_places_of_the_article(start: Start, fullscreen: bool) -> None:
    """On the 2nd, 7th and 8th line, on as many workers as there are."""
    places = {1: "p00", 6: "p01", 7: "p02"}
    programs = {
        workers: start(f"""{FRAMES}
if __name__ == "__main__":
    with ProgressPoolExecutor({workers}, fullscreen={fullscreen}) as ex:
        three = ex.options(location=[(0, 1), (0, 6), (0, 7)])
        list(three.map(longer, range(3)))  # so that all run at once, however late one begins
""")
        for workers in (1, 2, 4)
    }
    for workers, program in programs.items():
        assert program.wait() == 0
        seen, together = set[str](), 0
        for screen in frames(program):
            if fullscreen and screen.alternate is None:
                continue
            found = names(screen.rows)
            for name in found:
                (row,) = (at for at, row in enumerate(screen.rows) if row[:3] == name)
                assert places[row] == name, screen.rows
            seen.update(found)
            running = [row for row in screen.rows if "ETA" in row]
            together = max(together, len(running))
        assert seen == set(places.values())
        assert together == min(workers, 3)
        assert [program.screen.rows[row][:3] for row in places] == [*places.values()]


def test_two_bars_side_by_side_in_one_row(start: Start) -> None:
    program = start(
        f"""{FRAMES}
if __name__ == "__main__":
    with ProgressPoolExecutor(2) as ex:
        two = ex.options(location=[(0, 1), (60, 1)])
        list(two.map(tqdm_bar, range(2)))
""",
        columns=120,
    )
    assert program.wait() == 0
    both = 0
    for screen in frames(program):
        if OURS.fullmatch(screen.rows[1]):
            continue  # the other task waits, and so all of the row is the first one's
        left, right = screen.rows[1][:60].rstrip(), screen.rows[1][60:]
        # before its first text, a task has a row with its name, and in half of the width no more
        for half, name in ((left, "t00"), (right, "t01")):
            ours = OURS.fullmatch(half) or re.fullmatch(r"[^ -~…] tqdm_bar\(\d\)", half)
            assert not half or half[:3] == name or ours, screen.rows
        both += left[:3] == "t00" and right[:3] == "t01"
    assert both >= 5
