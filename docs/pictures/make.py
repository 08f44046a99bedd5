"""Makes the pictures of the documents from real runs: a program on a pseudo-terminal, a terminal
emulator that shows what it writes, and an SVG of what is then on the screen.

    python docs/pictures/make.py [NAME …]      writes docs/pictures/NAME.svg
    python docs/pictures/make.py --check …     makes those again that stand still, and compares

Nothing is drawn that was not on a screen. Times and rates differ from run to run, so `--check`
compares the pictures' words without digits.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from html import escape
from pathlib import Path
from typing import NamedTuple

from barexec.terminal_text import width
from barexec.testing import Screen

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
#: Pixels of a cell, and around the screen.
WIDE, HIGH, MARGIN = 8.4, 18, 14
#: Seconds between two looks at a moving screen, and for which the last one stands.
LOOK, LAST = 0.1, 4.0
#: The 16 colours of a terminal, dark ground.
COLOURS = {
    "black": "#21262d",
    "red": "#ff7b72",
    "green": "#56d364",
    "yellow": "#e3b341",
    "blue": "#79c0ff",
    "magenta": "#d2a8ff",
    "cyan": "#56d4dd",
    "white": "#c9d1d9",
}
PLAIN, GROUND, DIM = "#e6edf3", "#0d1117", "#8b949e"

Row = tuple[tuple[str, str], ...]


class Picture(NamedTuple):
    """A run of which there is a picture.

    Attributes:
        command: what is run; Python's own arguments.
        columns, rows: the size of the terminal.
        moving: whether all of it is shown, or only one moment.
        at: the moment, in seconds; None: when it has ended.
        seconds: after which it is stopped being looked at.
    """

    command: tuple[str, ...]
    columns: int = 80
    rows: int = 14
    moving: bool = False
    at: float | None = None
    seconds: float = 30.0


PICTURES = {
    "demo": Picture(("docs/pictures/runs.py", "sweep"), rows=13, moving=True, seconds=12),
    "inline": Picture(("docs/pictures/runs.py", "sweep"), rows=13, at=1.6),
    "fullscreen": Picture(("docs/pictures/runs.py", "places"), 80, 12, at=1.6),
    "overflow": Picture(("docs/pictures/runs.py", "overflow"), rows=10, at=2.0),
    "failure": Picture(("docs/pictures/runs.py", "failure"), rows=10),
    "printing": Picture(("docs/pictures/runs.py", "printing"), rows=12, at=1.6),
    "bar": Picture(("docs/pictures/runs.py", "look", "bar"), rows=8, at=1.6),
    "tqdm": Picture(("docs/pictures/runs.py", "look", "tqdm"), rows=8, at=1.6),
    "progressbar": Picture(("docs/pictures/runs.py", "look", "progressbar"), rows=8, at=1.6),
    "narrow": Picture(("docs/pictures/runs.py", "sweep"), 34, 13, at=1.6),
}


def record(picture: Picture) -> list[tuple[float, list[Row]]]:
    """What was on the screen, and when: moments at which it was another."""
    ours, theirs = os.openpty()
    size = struct.pack("HHHH", picture.rows, picture.columns, 0, 0)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
    unset = ("COLUMNS", "LINES", "BAREXEC", "NO_COLOR", "FORCE_COLOR")
    environ = {name: text for name, text in os.environ.items() if name not in unset}
    environ |= {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    child = subprocess.Popen(
        [sys.executable, *picture.command],
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environ,
        start_new_session=True,
    )
    os.close(theirs)
    screen = Screen(picture.columns, picture.rows, raw=True)
    moments: list[tuple[float, list[Row]]] = []
    began, open_ = time.monotonic(), True
    while open_ and time.monotonic() - began < picture.seconds:
        look = time.monotonic() + LOOK
        while open_ and (left := look - time.monotonic()) > 0:
            if select.select([ours], [], [], left)[0]:
                try:
                    some = os.read(ours, 1 << 16)
                except OSError:
                    some = b""
                open_ = bool(some)
                # the alternate screen is this one, cleared
                screen.write(some.replace(b"\x1b[?1049l", b""))
        now = [screen.runs(row) for row in range(picture.rows)]
        if not moments or moments[-1][1] != now:
            moments.append((time.monotonic() - began, now))
        if picture.at is not None and time.monotonic() - began >= picture.at:
            break
    child.kill()
    child.wait()
    os.close(ours)
    return moments


def svg(picture: Picture, moments: list[tuple[float, list[Row]]]) -> str:
    """The picture; of a moving one, each row is there as often as it was another."""
    wide = picture.columns * WIDE + 2 * MARGIN
    shown_rows = moments if picture.moving else moments[-1:]
    used = max((n + 1 for _, rows in shown_rows for n, row in enumerate(rows) if row), default=1)
    high = used * HIGH + 2 * MARGIN
    begin = next((at for at, rows in moments if any(rows)), 0.0)
    end = moments[-1][0] + LAST - begin
    body = []
    for row in range(used):
        spans: list[tuple[float, float, Row]] = []
        for n, (at, rows) in enumerate(moments):
            until = moments[n + 1][0] if n + 1 < len(moments) else end + begin
            if spans and spans[-1][2] == rows[row]:
                spans[-1] = spans[-1][0], until, rows[row]
            else:
                spans.append((at, until, rows[row]))
        if not picture.moving:
            spans = [(0, end, spans[-1][2])]
        for at, until, runs in spans:
            if runs:
                shown = _row(runs, MARGIN + (row + 0.75) * HIGH)
                if picture.moving:
                    since, length = max(0.0, at - begin), until - max(at, begin)
                    shown = (
                        f'<g visibility="hidden"><set attributeName="visibility" to="visible"'
                        f' begin="t.begin+{since:.2f}s" dur="{length:.2f}s"/>{shown}</g>'
                    )
                body.append(shown)
    clock = (
        f'<rect width="0" height="0"><animate id="t" attributeName="x" begin="0s;t.end"'
        f' dur="{end:.2f}s" from="0" to="0"/></rect>'
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}"'
            f' width="{wide:.0f}" height="{high:.0f}">',
            f'<rect width="100%" height="100%" rx="8" fill="{GROUND}"/>',
            '<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace"'
            f' font-size="14" fill="{PLAIN}" xml:space="preserve">',
            *([clock] if picture.moving else []),
            *body,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _row(runs: Row, y: float) -> str:
    parts, column = [], 0
    for style, text in runs:
        columns = width(text)
        if text.strip():
            x = MARGIN + column * WIDE
            parts.append(
                f'<text x="{x:.1f}" y="{y:.1f}" textLength="{columns * WIDE:.1f}"'
                f' lengthAdjust="spacingAndGlyphs"{_style(style)}>{escape(text)}</text>'
            )
        column += columns
    return "".join(parts)


def _style(style: str) -> str:
    words = style.split()
    said = ""
    colour = next((COLOURS[word] for word in words if word in COLOURS), None)
    if "dim" in words:
        colour = colour or DIM
    if colour:
        said += f' fill="{colour}"'
    if "bold" in words:
        said += ' font-weight="bold"'
    return said


def words(picture: str) -> list[str]:
    """What of a picture is the same in each run: its words, without digits and bars."""
    found = re.findall(r"<text[^>]*>([^<]*)</text>", picture)
    kept = {re.sub(r"[\d.:<%⠀-⣿━╾─]+", " ", text).strip() for text in found}
    return sorted(word for word in kept if len(word) > 2 and "/s" not in word)


def main(names: list[str]) -> int:
    check = "--check" in names
    wanted = [name for name in names if not name.startswith("-")] or list(PICTURES)
    wrong = []
    for name in wanted:
        picture = PICTURES[name]
        if check and picture.moving:
            continue
        made = svg(picture, record(picture))
        file = HERE / f"{name}.svg"
        if not check:
            file.write_text(made, encoding="utf-8")
            print(f"{file.relative_to(ROOT)}: {len(made) / 1000:.0f} kB")
        elif words(made) != (before := words(file.read_text(encoding="utf-8"))):
            wrong.append(f"{name}: {set(words(made)) ^ {*before}}")
    print("\n".join(wrong))
    return min(1, len(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
