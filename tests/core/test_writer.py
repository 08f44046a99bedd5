"""`Writer`: a text stream like any other, whose text reaches the parent whole and in order."""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import multiprocessing
import os
import pickle
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Optional

import pytest
from still import StillTicker

import barexec
from barexec import (
    Bar,
    ProgressPoolExecutor,
    Writer,
    bars,
    current_bar,
    current_writer,
    sampler,
    worker,
)
from barexec.channel import open_channel, open_message_channel
from barexec.events import Decoder, Event, Printed
from barexec.injection import to_fill
from barexec.sampler import Sampler
from barexec.worker import Call, begin
from barexec.writer import Screen

#: Seconds for what must happen; nothing here waits so long unless it has failed.
LONG = 20
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


class Line:
    """A sender that takes so many records more, and then is full until `open`."""

    waits = False

    def __init__(self, room: float = float("inf")) -> None:
        self.room = room
        self.data = b""
        self.gone = False
        self.within: Callable[[], object] | None = None
        """What happens in the midst of a send, once."""
        self.full = threading.Semaphore(0)
        """Counts who waits for room."""
        self.opened = threading.Event()

    def send(self, data: bytes) -> bool:
        if self.gone:
            raise BrokenPipeError
        within, self.within = self.within, None
        if within is not None:
            within()
        if self.room < 1:
            return False
        self.room -= 1
        self.data += data
        return True

    def ready(self, timeout: float) -> bool:
        self.full.release()
        assert self.opened.wait(LONG), "nobody made room"
        return True

    def listened_to(self) -> bool:
        return True

    def open(self) -> None:
        self.room = float("inf")
        self.opened.set()

    def told(self) -> list[Event]:
        decoder = Decoder()
        events = decoder.feed(self.data)
        assert decoder.dropped == 0
        return events

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.told() if isinstance(event, Printed))


def nothing(*_: object) -> None:
    pass


class Stage:
    """This process as a worker, in which one task runs."""

    def __init__(self) -> None:
        self.machine = Sampler()
        worker._sampler = self.machine

    def begin(self, sender: Any, id: int = 1, **options: Any) -> Callable[..., Any]:
        """A task starts; it ends when what this gives is let go of."""
        worker.senders["p"] = sender
        return begin("p", id, nothing, **options)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(sampler, "Ticker", StillTicker)
    monkeypatch.setattr(bars, "alone", None)
    for name, value in (("_sampler", None), ("senders", {}), ("screens", {})):
        monkeypatch.setattr(worker, name, value)
    yield Stage()


@pytest.fixture
def line(stage: Stage) -> Iterator[Line]:
    """The sender of a task that runs."""
    line = Line()
    life = stage.begin(line)
    yield line
    del life


# --- a stream like any other ---------------------------------------------------------


def test_it_is_a_proper_text_stream(line: Line) -> None:
    writer = current_writer()
    assert isinstance(writer, io.TextIOBase)
    assert writer.write("hällo\n") == 6
    assert writer.write("") == 0
    writer.writelines(["a", "b\n", "c"])
    print("printed", 5, sep="-", end="!", file=writer, flush=True)
    writer.flush()
    assert line.text == "hällo\nab\ncprinted-5!"
    assert (writer.encoding, writer.errors, writer.newlines) == ("utf-8", "replace", None)
    assert (writer.writable(), writer.readable(), writer.seekable()) == (True, False, False)
    assert writer.name
    for use in (writer.fileno, writer.read, writer.readline, writer.tell, writer.detach):
        with pytest.raises(io.UnsupportedOperation):
            use()


@pytest.mark.parametrize("wrong", [b"bytes", bytearray(b"x"), None, 5, ["a"]])
def test_only_text_can_be_written(line: Line, wrong: Any) -> None:
    with pytest.raises(TypeError, match=f"takes str, not {type(wrong).__name__}"):
        current_writer().write(wrong)
    with pytest.raises(TypeError):
        current_writer().writelines(["before", wrong])
    assert line.text == "before"


def test_closing_it_does_nothing(line: Line) -> None:
    with current_writer() as writer:
        writer.write("within, ")
    writer.close()
    assert not writer.closed
    writer.write("after")
    del writer
    gc.collect()
    assert current_writer().write("!") == 1
    assert line.text == "within, after!"


def test_what_is_written_is_text_itself(line: Line) -> None:
    """The methods of a class of the user's are not called in threads of ours."""

    class Odd(str):
        def __str__(self) -> str:
            raise AssertionError

        encode = replace = __len__ = __bool__ = __str__  # type: ignore[assignment]

    assert current_writer().write(Odd("text")) == 4
    assert line.text == "text"


@pytest.mark.parametrize(
    "text",
    ["\ud800 and \udcff", "\x00\x1b[31m\r\n", "日本語 🎉" * 1000, "x" * 100_000, "é" * 493 + "\n"],
)
def test_any_text_comes_as_it_is(line: Line, text: str) -> None:
    assert current_writer().write(text) == len(text)
    assert line.text == text


def test_a_task_has_one_writer(stage: Stage) -> None:
    life = stage.begin(Line())
    first = current_writer()
    assert current_writer() is first
    del life
    life = stage.begin(Line(), 2)
    assert current_writer() is not first
    del life


def test_logging_and_redirection_may_use_it(line: Line) -> None:
    handler = logging.StreamHandler(current_writer())
    handler.emit(logging.LogRecord("n", logging.INFO, "", 1, "logged %s", ("well",), None))
    with contextlib.redirect_stdout(current_writer()):
        print("redirected")
    assert line.text == "logged well\nredirected\n"


def test_it_knows_its_place_and_its_width(stage: Stage) -> None:
    worker.screens["p"] = Screen(True, 80)
    life = stage.begin(Line(), location=(30, 4))
    writer = current_writer()
    assert (writer.location, writer.columns, writer.isatty()) == ((30, 4), 49, True)
    del life
    life = stage.begin(Line(), 2)
    assert (current_writer().location, current_writer().columns) == ((0, 0), 79)
    del life
    life = stage.begin(Line(), 3, location=(500, 0))
    assert current_writer().columns == 1
    del life


def test_its_width_is_that_of_the_terminal_now(stage: Stage) -> None:
    pty = pytest.importorskip("pty")
    import fcntl
    import struct
    import termios

    master, slave = pty.openpty()
    screen = worker.screens["p"] = Screen(True, 80, os.ttyname(slave))
    life = stage.begin(Line())
    assert screen.size() == (79, 24)  # it does not know
    for columns in (100, 33, 1):
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 12, columns, 0, 0))
        assert current_writer().columns == max(1, columns - 1)
        assert screen.size() == (max(1, columns - 1), 12)
    worker.screens["p"] = Screen(True, 80, os.ttyname(slave), 20)
    assert current_writer().columns == 1
    os.close(master)
    os.close(slave)
    assert current_writer().columns == 79  # the terminal is gone: as it was at the beginning
    del life


def test_off_a_terminal_it_is_no_terminal(line: Line) -> None:
    assert not current_writer().isatty()


def test_outside_any_task_it_takes_everything_and_shows_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    writer = current_writer()
    assert writer.write("nobody sees it") == 14
    print("nor this", file=writer, flush=True)
    with pytest.raises(TypeError):
        writer.write(b"")  # type: ignore[arg-type]
    assert (writer.isatty(), writer.location, writer.closed) == (False, (0, 0), False)
    assert writer.columns >= 1
    assert capfd.readouterr() == ("", "")


# --- whole and in order --------------------------------------------------------------


def test_after_the_tasks_end_it_still_writes_for_that_task(stage: Stage) -> None:
    line = Line()
    life = stage.begin(line)
    writer = current_writer()
    writer.write("one ")
    del life
    life = stage.begin(line, 2)
    writer.write("two ")
    current_writer().write("three")
    del life
    writer.write("four")
    text = [(event.task, event.text) for event in line.told() if isinstance(event, Printed)]
    assert text == [(1, "one "), (1, "two "), (2, "three"), (1, "four")]


def test_threads_write_each_call_whole(line: Line) -> None:
    writer = current_writer()
    start = threading.Barrier(4)

    def write(name: str) -> None:
        start.wait(LONG)
        for n in range(200):
            writer.write(f"<{name}{n}:{name * 600}>")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    pieces = line.text[1:-1].split("><")
    for name in "abcd":
        mine = [piece for piece in pieces if piece[0] == name]
        assert mine == [f"{name}{n}:{name * 600}" for n in range(200)]
    assert len(pieces) == 800


def test_a_full_channel_makes_who_writes_wait_and_nothing_is_lost(stage: Stage) -> None:
    line = Line(room=3)
    life = stage.begin(line)
    writer = current_writer()
    wanted = "".join(f"{n:05d}\n" for n in range(2000))

    def write() -> None:
        for n in range(2000):
            writer.write(f"{n:05d}\n")

    thread = threading.Thread(target=write)
    thread.start()
    assert line.full.acquire(timeout=LONG)
    so_far = line.text
    assert wanted.startswith(so_far)
    assert len(stage.machine._text) == 1  # no more is taken than can be sent
    line.open()
    thread.join(LONG)
    assert line.text == wanted
    assert not stage.machine._text
    del life


def test_the_task_and_its_numbers_do_not_wait_for_who_writes(stage: Stage) -> None:
    """A thread waits for room; the sampler ticks, the task ends and the next begins."""
    line = Line(room=0)
    life = stage.begin(line)
    writer = current_writer()
    thread = threading.Thread(target=writer.write, args=("x" * 10_000,))
    thread.start()
    assert line.full.acquire(timeout=LONG)
    assert stage.machine._tick()
    del life
    life = stage.begin(line, 2)
    del life
    line.open()
    thread.join(LONG)
    assert line.text == "x" * 10_000


def test_what_is_written_within_a_write_comes_after_it(stage: Stage) -> None:
    """By a finalizer or a signal handler: in the same thread, at any moment."""
    for room in (float("inf"), 0):
        line = Line(room)
        life = stage.begin(line)
        writer = current_writer()
        line.within = partial(writer.write, "inner" * 1000)
        if not room:
            threading.Timer(
                0, lambda line=line: (line.full.acquire(timeout=LONG), line.open())
            ).start()
        writer.write("outer" * 1000)
        assert line.text == "outer" * 1000 + "inner" * 1000
        del life


def test_a_finalizer_that_writes_with_our_lock_held_does_not_wait_for_itself(stage: Stage) -> None:
    """The garbage collector may run in the sampler's thread, with its lock held, while the
    task's own thread is in a write."""
    line = Line()
    life = stage.begin(line)
    writer = current_writer()
    within, free = threading.Event(), threading.Event()

    def hold() -> None:
        within.set()
        assert free.wait(LONG)

    line.within = hold
    outer = threading.Thread(target=writer.write, args=("outer",), daemon=True)
    outer.start()
    assert within.wait(LONG)

    def sample() -> None:
        with stage.machine._lock:
            threading.Timer(0.05, free.set).start()
            writer.write("inner")

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    sampler.join(LONG)
    outer.join(LONG)
    assert not (sampler.is_alive() or outer.is_alive()), "a deadlock"
    assert line.text == "outerinner"
    del life


@posix
def test_a_signal_handler_may_write_at_any_moment(stage: Stage) -> None:
    sender, receiver = open_channel()
    life = stage.begin(sender)
    writer = current_writer()
    count, within = [0], [0]

    def alarm(seconds: float = 0.0002) -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def write(*_: object) -> None:
        # into each other, too, but not deeper the slower the machine is
        count[0] += 1
        number = count[0]
        within[0] += 1
        if within[0] < 4:
            alarm()
        writer.write(f"[{number}]")
        within[0] -= 1
        alarm()

    taken: list[bytes] = []
    over = threading.Event()

    def take() -> None:
        while not over.is_set():
            select.select([receiver._fd], [], [], 0.01)  # type: ignore[attr-defined]
            taken.append(receiver.receive())

    reader = threading.Thread(target=take)
    reader.start()
    before = signal.signal(signal.SIGALRM, write)
    alarm()
    try:
        for _ in range(1000):
            writer.write("x" * 2000)
    finally:
        # not SIG_IGN: Python complains if one is on its way just then
        signal.signal(signal.SIGALRM, lambda *_: None)
        alarm(0)
        signal.signal(signal.SIGALRM, before)
    writer.write("end")  # and with it whatever a handler has left
    over.set()
    reader.join(LONG)
    taken.append(receiver.receive())
    receiver.close()
    decoder = Decoder()
    text = "".join(e.text for e in decoder.feed(b"".join(taken)) if isinstance(e, Printed))
    assert decoder.dropped == 0
    assert count[0] > 20
    assert all(text.count(f"[{n + 1}]") == 1 for n in range(count[0]))
    assert text.count("x") == 1000 * 2000
    del life


def test_a_finalizer_may_write(line: Line) -> None:
    writer = current_writer()

    class Dies:
        def __init__(self) -> None:
            self.me = self  # so that only the garbage collector finds it

        def __del__(self) -> None:
            writer.write("<dead>")

    before = gc.get_threshold()
    gc.set_threshold(5)  # it runs in the midst of anything
    try:
        for n in range(300):
            Dies()
            writer.write(f"({n})")
    finally:
        gc.set_threshold(*before)
    gc.collect()
    writer.flush()
    text = line.text
    assert text.count("<dead>") == 300
    assert text.replace("<dead>", "") == "".join(f"({n})" for n in range(300))


def test_an_interrupt_in_the_midst_of_a_write_does_not_silence_the_next(stage: Stage) -> None:
    """Ctrl-C: the stock loop takes it for the task's exception, and goes on."""
    line = Line()
    life = stage.begin(line)
    writer = current_writer()

    def interrupt() -> None:
        raise KeyboardInterrupt

    line.within = interrupt
    with pytest.raises(KeyboardInterrupt):
        writer.write("one ")
    thread = threading.Thread(target=writer.write, args=("two",), daemon=True)
    thread.start()
    thread.join(LONG)
    assert not thread.is_alive()
    assert line.text == "one two"
    del life


@pytest.mark.parametrize(
    "open_one", [pytest.param(open_channel, marks=posix), open_message_channel]
)
def test_once_the_parent_is_gone_nothing_is_raised(
    stage: Stage, open_one: Callable[[], tuple[Any, Any]]
) -> None:
    sender, receiver = open_one()
    life = stage.begin(sender)
    writer = current_writer()
    writer.write("heard\n")
    receiver.deafen()
    for _ in range(100):
        assert writer.write("x" * 5000) == 5000
    assert not stage.machine._text
    del life
    receiver.close()
    life = stage.begin(sender, 2)
    assert current_writer().write("closed") == 6
    del life


def test_a_parent_that_goes_while_one_waits_lets_go(stage: Stage) -> None:
    line = Line(room=0)
    life = stage.begin(line)
    thread = threading.Thread(target=current_writer().write, args=("x" * 50_000,))
    thread.start()
    assert line.full.acquire(timeout=LONG)
    line.gone = True
    line.opened.set()
    thread.join(LONG)
    assert not thread.is_alive()
    del life


def test_a_pool_that_is_over_is_not_written_to(stage: Stage) -> None:
    line = Line()
    life = stage.begin(line)
    writer = current_writer()
    worker.senders.clear()
    assert writer.write("for nobody") == 10
    assert line.text == ""
    del life


@forks
def test_a_task_that_forks_writes_in_both(stage: Stage) -> None:
    sender, receiver = open_channel()
    life = stage.begin(sender)
    writer = current_writer()
    writer.write("before ")
    pid = os.fork()
    if not pid:
        try:
            writer.write("child ")
            assert current_writer().write("of nobody") == 9  # it is not the task
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    writer.write("parent")
    text = [e.text for e in Decoder().feed(receiver.receive()) if isinstance(e, Printed)]
    assert text == ["before ", "child ", "parent"]
    del life
    receiver.close()


# --- who gets one --------------------------------------------------------------------


def annotated(n: int, out: Writer) -> Any:
    return n, out


def optional(n: int, out: Optional[Writer] = None) -> Any:  # noqa: UP045
    return n, out


def or_none(n: int, out: Writer | None = None) -> Any:
    return n, out


def by_module(n: int, *, out: barexec.Writer) -> Any:
    return n, out


def in_quotes(n: int, out: "Writer | None") -> Any:  # noqa: UP037
    return n, out


def both(n: int, out: Writer, progress: Bar) -> Any:
    return n, out, progress


def by_name(n, writer):  # type: ignore[no-untyped-def]
    return n, writer


def by_both_names(n, bar, writer):  # type: ignore[no-untyped-def]
    return n, writer, bar


class Machine:
    def method(self, n: int, out: Writer) -> Any:
        return n, out

    def __call__(self, n: int, out: Writer) -> Any:
        return n, out


WANTS: list[Callable[..., Any]] = [
    *(annotated, optional, or_none, by_module, in_quotes, by_name),
    *(both, by_both_names, Machine().method, Machine(), partial(Machine().method)),
    partial(both),
]


def run(call: Any, *args: Any) -> Any:
    """As the stock loop calls what arrived, and lets go of it."""
    return pickle.loads(pickle.dumps(call))(*args)


@pytest.mark.parametrize("function", WANTS)
def test_who_wants_a_writer_gets_the_tasks_own(function: Callable[..., Any], stage: Stage) -> None:
    worker.senders["p"] = line = Line()
    fill = to_fill(function, (3,), {})
    life = begin("p", 1, function, fill=fill)
    n, writer, *bar = life(3)
    assert (n, writer) == (3, current_writer())
    assert bar == [current_bar()] * len(bar)
    writer.write("seen")
    assert line.text == "seen"
    del life


@pytest.mark.parametrize("function", [annotated, both, Machine().method, partial(both)])
def test_a_writer_that_the_call_brings_is_the_callers(function: Callable[..., Any]) -> None:
    assert "out" not in dict(to_fill(function, (3,), {"out": sys.stdout}))
    assert "out" not in dict(to_fill(function, (3, sys.stdout), {}))


def own_default(n, writer=5):  # type: ignore[no-untyped-def]
    return n, writer


def own_kind(n: int, writer: io.StringIO) -> Any:
    return n, writer


def own_union(n: int, out: Writer | str = "") -> Any:
    return n, out


def any_keywords(n, **kwargs):  # type: ignore[no-untyped-def]
    return n, kwargs


def positional_only(n: int, out: Writer | None = None, /) -> Any:
    return n, out


def returns(n: int) -> Writer:
    raise NotImplementedError


@pytest.mark.parametrize(
    "function",
    [own_default, own_kind, own_union, any_keywords, positional_only, returns, print, str],
)
def test_other_calls_stay_as_they_are(function: Callable[..., Any]) -> None:
    assert to_fill(function, (3,), {}) == ()


def test_under_map_all_items_of_a_chunk_have_the_same(stage: Stage) -> None:
    from concurrent.futures.process import _process_chunk

    worker.senders["p"] = Line()
    fill = to_fill(annotated, (1,), {})
    life = begin("p", 1, _process_chunk, (annotated,), fill)
    found = life([(1,), (2,)])
    assert found == [(1, current_writer()), (2, current_writer())]
    del life


def writes(n: int, out: Writer) -> Any:
    out.write(f"line {n}\n")
    return n, out.isatty(), out.location, type(out).__name__


def test_switched_off_it_is_a_null_writer(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BAREXEC", "off")
    context = multiprocessing.get_context("spawn")
    with ProgressPoolExecutor(1, context) as executor:
        wanted = [(n, False, (0, 0), "Writer") for n in range(4)]
        assert executor.submit(writes, 0).result() == wanted[0]  # type: ignore[call-arg]
        assert list(executor.map(writes, range(4), chunksize=3)) == wanted
    assert capfd.readouterr() == ("", "")


def test_a_writer_does_not_travel(line: Line) -> None:
    """It is a stream, as an open file is; the stock executor says so in the Future."""
    with pytest.raises(TypeError):
        pickle.dumps(current_writer())


def test_a_call_with_a_writer_travels(stage: Stage) -> None:
    worker.senders["p"] = line = Line()
    fill = to_fill(writes, (3,), {})
    assert run(Call(("p", 1, writes, (), fill, None, (2, 1))), 3) == (3, False, (2, 1), "Writer")
    assert line.text == "line 3\n"
