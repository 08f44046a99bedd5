"""Whatever comes out of a worker, by fault or on purpose: the display draws something true and
clean, or drops it and counts that; it never raises, and never runs it.

What the events' bytes, the line discipline and the frame promise one by one stands in their
own tests; here they are put together, as the display does.
"""

from __future__ import annotations

import ast
import random
import re
import struct
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import barexec
from barexec import events
from barexec.events import Advanced, Decoder, Event, Printed, Started, encode
from barexec.frame import Layout
from barexec.renderers import get
from barexec.state import Status
from barexec.task_text import TaskText
from barexec.tasks import Tasks, apply
from barexec.terminal_text import width
from barexec.theme import Theme

ROOT = Path(barexec.__file__).parent
#: All that a row may have in it besides printable text.
SGR = re.compile(r"\x1b\[[0-9;:]*m")
SIZES = [(0, 0), (1, 1), (20, 3), (44, 5), (80, 24)]
RENDERERS = ["bar", "tqdm", "progressbar"]

numbers = st.floats(allow_nan=True, allow_infinity=True)
words = st.text(max_size=20)


def record(kind: int, body: bytes) -> bytes:
    """A record as a worker would send it, with whatever is in it."""
    return events._HEADER.pack(events._MAGIC, kind, len(body), crc32(body)) + body


@st.composite
def advanced(draw: st.DrawFn) -> bytes:
    texts = [draw(st.binary(max_size=40)) for _ in range(3)]
    body = events._ADVANCED.pack(
        draw(st.integers(0, 4)),
        draw(st.sampled_from([0, 1, 2, 70, 65535])),
        draw(st.integers(0, 3)),
        draw(numbers),
        draw(numbers),
        draw(numbers),
        draw(st.booleans()),
        *map(len, texts),
    )
    return record(2, body + b"".join(texts))


@st.composite
def started(draw: st.DrawFn) -> bytes:
    task, pid = draw(st.integers(0, 4)), draw(st.integers(0, 2**31))
    return record(1, events._STARTED.pack(task, pid, draw(numbers), draw(st.integers(0, 2))))


@st.composite
def printed(draw: st.DrawFn) -> bytes:
    body = events._PRINTED.pack(draw(st.integers(0, 4)))
    return record(3, body + draw(st.binary(max_size=60)))


def show(sent: bytes, seed: int = 0) -> Decoder:
    """Feed it to a display's own parts, piece by piece, and look at all that is drawn."""
    chance = random.Random(seed)
    decoder, tasks, now = Decoder(), Tasks(), 100.0
    text = TaskText(tasks)
    tasks.submit({1: "one", 2: ("two", 3), 3: ("three", 1, (5, 2))}, now)
    layouts = [Layout(get(name, Theme(unicode=True, styles={}))) for name in RENDERERS]
    at = 0
    while at < len(sent):
        piece = sent[at : at + chance.randint(1, 200)]
        at += len(piece)
        now += chance.choice([0.0, 0.1, 5.0])
        for event in decoder.feed(piece):
            if isinstance(event, Printed):
                for line in text.read(event, now):
                    check(line, 10**9)
            else:
                apply(tasks, event, now)
        if chance.random() < 0.1:
            tasks.end(chance.randint(1, 3), Status.DONE, "", now)
        draw(layouts, tasks, now)
    for id in (1, 2, 3):
        tasks.end(id, Status.FAILED, "it broke", now)
    draw(layouts, tasks, now)
    return decoder


def draw(layouts: list[Layout], tasks: Tasks, now: float) -> None:
    for layout in layouts:
        for columns, rows in SIZES:
            for frame in (
                layout.compose(tasks, columns, rows, now),
                layout.final(tasks, columns, rows, now, None),
            ):
                assert len(frame) <= rows
                for row in frame:
                    check(row, columns)


def check(row: str, columns: int) -> None:
    text = SGR.sub("", row)
    assert not [char for char in text if ord(char) < 32 or 127 <= ord(char) < 160], repr(row)
    assert width(row) <= columns


@given(st.lists(advanced() | started() | printed(), max_size=12), st.integers(0, 99))
def test_records_with_anything_in_them_are_drawn(sent: list[bytes], seed: int) -> None:
    show(b"".join(sent), seed)


@given(st.lists(advanced(), min_size=1, max_size=6))
@example(
    [record(2, struct.pack(events._ADVANCED.format, 1, 0, 0, -1e87, 4e-220, 0.0, False, 0, 0, 0))]
)
@example(
    [
        record(
            2, struct.pack(events._ADVANCED.format, 1, 0, 0, 1e308, -1e308, 1e-300, False, 0, 0, 0)
        )
    ]
)
def test_no_number_is_nonsense(sent: list[bytes]) -> None:
    tasks = Tasks()
    tasks.submit({id: f"task {id}" for id in range(5)}, 0.0)
    for event in Decoder().feed(b"".join(sent)):
        assert isinstance(event, Advanced)
        apply(tasks, event._replace(desc="", unit="it", postfix=""), 1.0)
    for row in Layout(get("bar", Theme())).compose(tasks, 120, 12, 2.0):
        assert not re.search(r"nan|inf|/-|-\d+:", row), row


def stream(chance: random.Random) -> bytes:
    sent: list[Event] = []
    for _ in range(20):
        task = chance.randint(1, 3)
        sent += [
            Started(task, 9, chance.random()),
            Advanced(task, 0, 1, chance.randint(0, 9), 9, chance.random(), False, "d", "it", ""),
            Printed(task, "some text\n"),
        ]
    return b"".join(map(encode, sent))


@pytest.mark.parametrize("seed", range(25))
def test_bytes_that_were_changed_on_the_way(seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(stream(chance))
    for _ in range(chance.randint(1, 30)):
        at = chance.randrange(len(data))
        what = chance.randrange(4)
        if what == 0:
            data[at] = chance.randrange(256)
        elif what == 1:
            del data[at : at + chance.randint(1, 40)]
        elif what == 2:
            data[at:at] = chance.randbytes(chance.randint(1, 40))
        else:
            data[at:at] = data[: chance.randint(1, 100)]
    decoder = show(bytes(data), seed)
    assert decoder.dropped  # and what is dropped is counted
    # the next whole record is found
    assert decoder.feed(encode(Started(7, 1, 0.0)) * 2)[-1] == Started(7, 1, 0.0)


#: All that handles what comes from workers, in the parent.
PARENTS = [
    "display",
    "events",
    "frame",
    "line_discipline",
    "output",
    "pool",
    "pty_reader",
    "ptys",
    "state",
    "task_text",
    "tasks",
    "text_row",
]


@pytest.mark.parametrize("name", PARENTS)
def test_nothing_from_a_worker_is_unpickled(name: str) -> None:
    """What comes through our channel is bytes, and stays so."""
    tree = ast.parse((ROOT / f"{name}.py").read_text(encoding="utf-8"))
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    imported = {
        alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names
    }
    assert not (called | named | imported) & {
        "pickle",
        "Unpickler",
        "loads",
        "recv",
        "eval",
        "exec",
    }


def test_the_channel_hands_on_bytes() -> None:
    tree = ast.parse((ROOT / "channel.py").read_text(encoding="utf-8"))
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert "recv_bytes" in called
    assert not called & {"recv", "loads", "Unpickler"}
