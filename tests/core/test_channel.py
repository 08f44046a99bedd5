"""The channel: whole records from many writers, never a wait, nothing left open."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import context
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import pytest

from barexec.channel import (
    ATOMIC,
    ClosedSender,
    MessageReceiver,
    MessageSender,
    PipeReceiver,
    PipeSender,
    Receiver,
    Sender,
    open_channel,
    open_message_channel,
)
from barexec.events import RECORD_LIMIT, Decoder, Event, Started, encode

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")

Opened = tuple[Any, Any]


@pytest.fixture(params=[pytest.param(open_channel, marks=posix), open_message_channel])
def opened(request: pytest.FixtureRequest) -> Iterator[Opened]:
    """A channel of each kind, in turn."""
    sender, receiver = request.param()
    yield sender, receiver
    receiver.close()


@pytest.fixture
def pipe() -> Iterator[Opened]:
    sender, receiver = open_channel()
    yield sender, receiver
    receiver.close()


def open_descriptors() -> set[str]:
    """This process's, as far as they can be listed."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        if os.name == "posix" and Path(folder).is_dir():
            listing = os.open(folder, os.O_RDONLY)
            try:
                return set(os.listdir(listing)) - {str(listing)}  # noqa: PTH208
            finally:
                os.close(listing)
    pytest.skip("no list of open descriptors")


def fork() -> int:
    """As `os.fork`, which warns of pytest's watchdog thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds: for what another process does, and has no event for."""
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)


# --- what it carries -----------------------------------------------------------------


@posix
def test_a_program_that_is_patched_loses_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by eventlet, which takes `select.poll` away."""
    sender, receiver = open_channel()
    monkeypatch.delattr(select, "poll")
    assert sender.listened_to() and sender.send(b"told")
    assert receiver.receive() == b"told"
    receiver.close()


def test_what_goes_in_comes_out(opened: Opened) -> None:
    sender, receiver = opened
    assert receiver.receive() == b""
    assert sender.send(b"one")
    assert sender.send(b"two" * 100)
    assert sender.send(b"\0" * ATOMIC)
    assert receiver.receive() == b"one" + b"two" * 100 + b"\0" * ATOMIC
    assert receiver.receive() == b""


def test_they_are_what_the_worker_and_the_display_know(opened: Opened) -> None:
    sender: Sender = opened[0]
    receiver: Receiver = opened[1]
    assert sender.ready(0)
    assert sender.waits == isinstance(sender, MessageSender)
    assert isinstance(receiver, (PipeReceiver, MessageReceiver))


def test_a_record_fits_in_one_whole_write() -> None:
    assert RECORD_LIMIT <= ATOMIC
    assert RECORD_LIMIT + 4 <= 512  # what a pipe takes on macOS; 4: the length before a message
    if hasattr(select, "PIPE_BUF"):
        assert ATOMIC + 4 <= select.PIPE_BUF


@posix
def test_a_full_channel_refuses_and_does_not_block(pipe: Opened) -> None:
    sender, receiver = pipe
    record = bytes(ATOMIC)
    sent = 0
    while sender.send(record):
        sent += 1
        assert sent < 10_000
    assert sent * ATOMIC >= 1 << 15
    assert not sender.send(record)
    assert not sender.ready(0)
    assert not sender.ready(0.001)
    got = receiver.receive()
    assert sender.ready(10)
    assert sender.send(b"later")
    while data := receiver.receive():
        got += data
    assert got == bytes(sent * ATOMIC) + b"later"


@posix
def test_a_flood_does_not_keep_the_receiver_for_ever(pipe: Opened) -> None:
    sender, receiver = pipe
    read = os.read

    def refill(fd: int, size: int) -> bytes:
        data = read(fd, size)
        while sender.send(bytes(ATOMIC)):
            pass
        return data

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "read", refill)
        while sender.send(bytes(ATOMIC)):
            pass
        assert len(receiver.receive()) <= 1 << 20


def write_many(sender: Any, name: int, count: int) -> None:
    """In a process or a thread of its own: numbered records, in batches."""
    at, many = 0, ATOMIC // len(encode(Started(name, 0, 0.5)))
    while at < count:
        batch = b"".join(encode(Started(name, at + i, 0.5)) for i in range(min(many, count - at)))
        while not sender.send(batch):
            assert sender.ready(30)
        at += many


def check_many(receiver: Any, writers: int, count: int) -> None:
    decoder = Decoder()
    events: list[Event] = []

    def hear() -> bool:
        events.extend(decoder.feed(receiver.receive()))
        return len(events) >= writers * count

    wait_for(hear)
    assert decoder.dropped == 0
    for name in range(writers):
        numbers = [e.pid for e in events if isinstance(e, Started) and e.task == name]
        assert numbers == list(range(count))


@posix
def test_many_threads_tear_nothing(pipe: Opened) -> None:
    sender, receiver = pipe
    threads = [threading.Thread(target=write_many, args=(sender, n, 3000)) for n in range(4)]
    for thread in threads:
        thread.start()
    check_many(receiver, 4, 3000)
    for thread in threads:
        thread.join()


PROGRAM = """
import multiprocessing, sys
from pathlib import Path

sys.path.insert(0, sys.argv[3])
from barexec.channel import open_channel, open_message_channel
from test_channel import check_many, write_many

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    sender, receiver = {"pipe": open_channel, "message": open_message_channel}[sys.argv[2]]()
    processes = [
        context.Process(target=write_many, args=(sender, n, 5000)) for n in range(3)
    ]
    for process in processes:
        process.start()
    check_many(receiver, 3, 5000)
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    receiver.close()
    print("fine")
"""


#: The message pipe is for platforms that spawn.
ways = [
    *(pytest.param("pipe", m, marks=posix) for m in multiprocessing.get_all_start_methods()),
    ("message", "spawn"),
]


@pytest.mark.parametrize(("kind", "method"), ways)
def test_many_processes_tear_nothing(kind: str, method: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, program, method, kind, Path(__file__).parent],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.stdout, done.stderr) == ("fine\n", "")


@posix
def test_a_writer_that_is_killed_in_the_midst_leaves_nothing_torn(pipe: Opened) -> None:
    sender, receiver = pipe
    decoder, events = Decoder(), 0
    for _ in range(5):
        pid = fork()
        if not pid:
            try:
                write_many(sender, 1, 10**9)
            finally:
                os._exit(1)
        before = events

        def hear(before: int = before) -> bool:
            nonlocal events
            events += len(decoder.feed(receiver.receive()))
            return events > before + 1000

        wait_for(hear)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        while data := receiver.receive():
            events += len(decoder.feed(data))
    assert sender.send(encode(Started(7, 7, 7.0)))
    assert decoder.feed(receiver.receive()) == [Started(7, 7, 7.0)]
    assert decoder.dropped == 0


# --- ends ----------------------------------------------------------------------------


def test_once_nobody_listens_a_send_says_so(opened: Opened) -> None:
    sender, receiver = opened
    sender.send(b"x")
    receiver.deafen()
    assert sender.ready(0)  # do not wait: send, and hear of it
    with pytest.raises(OSError, match=r"."):
        sender.send(b"y")
    receiver.deafen()


@posix
def test_even_where_a_broken_pipe_would_be_deadly() -> None:
    sender, receiver = open_channel()
    receiver.deafen()
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        with pytest.raises(BrokenPipeError):
            sender.send(b"x")
    finally:
        signal.signal(signal.SIGPIPE, before)
        receiver.close()


@posix
def test_forked_writers_notice_the_end_of_the_parents_listening() -> None:
    sender, receiver = open_channel()
    ask, answer = os.pipe(), os.pipe()
    pid = fork()
    if not pid:
        status = 1
        try:
            os.write(answer[1], b"1" if sender.send(b"x") else b"0")
            os.read(ask[0], 1)
            sender.send(b"y")
        except BrokenPipeError:
            status = 0
        finally:
            os._exit(status)
    assert os.read(answer[0], 1) == b"1"
    assert receiver.receive() == b"x"
    receiver.deafen()
    os.write(ask[1], b"!")
    assert os.waitpid(pid, 0)[1] == 0
    receiver.close()
    for fd in (*ask, *answer):
        os.close(fd)


def test_a_closed_channel_is_closed(opened: Opened) -> None:
    sender, receiver = opened
    sender.send(b"unread")
    receiver.close()
    receiver.close()
    assert receiver.receive() == b""
    with pytest.raises(OSError, match=r"."):
        sender.send(b"x")


def test_nothing_is_left_open() -> None:
    gc.collect()  # what other tests have left
    for make in (open_channel, open_message_channel):
        before = open_descriptors()
        sender, receiver = make()
        assert len(open_descriptors()) == len(before) + 2
        receiver.close()
        assert open_descriptors() == before
        del sender, receiver
        sender, receiver = make()
        receiver.deafen()
        assert len(open_descriptors()) == len(before) + 1
        del sender, receiver
        gc.collect()
        assert open_descriptors() == before
        sender, receiver = make()
        del receiver, sender
        gc.collect()
        assert open_descriptors() == before


@posix
def test_where_no_descriptor_is_left_it_is_an_error_of_the_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = open_descriptors()
    highest = max(map(int, before))
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, limits[1]))
        taken = []
        try:
            while True:
                taken.append(os.dup(0))
        except OSError:
            pass
        with pytest.raises(OSError, match=r"[Tt]oo many"):
            open_channel()
        for fd in taken:
            os.close(fd)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert open_descriptors() == before


@posix
def test_where_pipe_memory_is_used_up_the_usual_size_does(monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    sender, receiver = open_channel()
    assert sender.send(b"x")
    assert receiver.receive() == b"x"
    receiver.close()


# --- descriptors that the task took --------------------------------------------------


def taken_over(sender: PipeSender, path: Path) -> int:
    """The task closes what is not its own, and opens a file, which gets the number."""
    number = sender._fd
    os.close(number)
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    if fd != number:
        os.dup2(fd, number)
        os.close(fd)
    return number


@posix
def test_a_file_that_got_the_channels_number_is_not_written_to(
    pipe: Opened, tmp_path: Path
) -> None:
    sender, receiver = pipe
    number = taken_over(sender, tmp_path / "mine")
    with pytest.raises(OSError, match="closed by the task"):
        sender.send(b"x")
    receiver.close()
    os.write(number, b"still mine")  # nor was it closed
    os.close(number)
    assert (tmp_path / "mine").read_bytes() == b"still mine"


@posix
def test_a_closed_descriptor_is_an_error_and_no_more(pipe: Opened) -> None:
    sender, receiver = pipe
    os.close(sender._fd)
    for _ in range(2):
        with pytest.raises(OSError, match=r"."):
            sender.send(b"x")
    assert sender.ready(0)
    receiver.close()
    sender.close()


def test_what_another_thread_closes_meanwhile_is_no_error(pipe: Opened) -> None:
    sender, _ = pipe
    sender.close()
    assert sender.ready(0)
    assert not sender.listened_to()


def test_of_two_threads_that_send_messages_at_once_one_is_to_try_again() -> None:
    """A pipe of Windows refuses the second (CPython 3.11 on)."""
    sent: list[bytes] = []
    others: list[bool] = []

    class End:
        def send_bytes(self, data: bytes) -> None:
            if data == b"first":
                other = threading.Thread(target=lambda: others.append(sender.send(b"other")))
                other.start()
                other.join()
                assert sender.send(b"within")  # as by a finalizer
            sent.append(data)

    sender = MessageSender(End())  # type: ignore[arg-type]
    assert sender.send(b"first")
    assert others == [False]
    assert sent == [b"first", b"within"]
    assert sender.ready(0)
    assert sender.send(b"other")
    assert sent[2:] == [b"other"]


# --- travelling ----------------------------------------------------------------------


def test_a_sender_travels_only_into_a_new_process(opened: Opened) -> None:
    threads = threading.active_count()
    with pytest.raises((RuntimeError, TypeError)):
        pickle.dumps(opened[0])
    with pytest.raises((RuntimeError, TypeError)):
        ForkingPickler.dumps(opened[0])
    assert threading.active_count() <= threads


class SpawningPopen:
    """What a process that is being started looks like to what is pickled on its way."""

    def duplicate_for_child(self, fd: int) -> int:
        return os.dup(fd)

    class DupFd:
        """The descriptor as it arrives."""

        def __init__(self, fd: int) -> None:
            self.detach = lambda: fd


@contextmanager
def spawning() -> Iterator[None]:
    popen: Any = SpawningPopen()
    context.set_spawning_popen(popen)
    try:
        yield
    finally:
        context.set_spawning_popen(None)


@posix
def test_on_its_way_it_takes_its_descriptor_along(pipe: Opened) -> None:
    sender, receiver = pipe
    with spawning():
        function, arguments = sender.__reduce__()
    arrived = function(*arguments)
    assert isinstance(arrived, PipeSender)
    assert arrived._fd != sender._fd
    assert arrived.send(b"there")
    assert receiver.receive() == b"there"
    arrived.close()


@posix
def test_a_worker_that_starts_after_the_end_starts_all_the_same(pipe: Opened) -> None:
    sender, receiver = pipe
    receiver.close()
    with spawning():
        function, arguments = sender.__reduce__()
    closed = function(*arguments)
    assert isinstance(closed, ClosedSender)
    assert not closed.waits
    assert not closed.ready(0)
    with pytest.raises(OSError, match="closed"):
        closed.send(b"x")
