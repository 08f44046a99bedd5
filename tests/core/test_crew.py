"""The processes of one executor, without an executor: `barexec.crew`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import connection, get_all_start_methods, get_context
from types import FrameType
from typing import Any

import pytest

from barexec.crew import Crew, let_close

pytestmark = pytest.mark.skipif(os.name != "posix", reason="without signals, and slow to start")


def _killed(number: int) -> None:
    os.kill(os.getpid(), number)


#: A signal that has no name; not every system has one.
FIRST = getattr(signal, "SIGRTMIN", None)
UNNAMED = [] if FIRST is None else [(partial(_killed, FIRST + 1), f"signal {FIRST + 1}")]


@pytest.mark.parametrize(
    ("way", "told"),
    [
        (partial(os._exit, 0), "exit 0"),
        (partial(os._exit, 3), "exit 3"),
        (partial(_killed, getattr(signal, "SIGKILL", 9)), "SIGKILL"),
        *UNNAMED,
    ],
)
def test_how_a_process_died_is_known_at_once(way: Callable[[], object], told: str) -> None:
    crew = Crew(get_context("fork"))
    lives = crew.Process(target=signal.pause)
    lives.start()
    dies = crew.Process(target=way)
    assert crew.dead() == {}  # one has not started
    dies.start()
    assert connection.wait([dies.sentinel], 60)
    assert crew.dead() == {dies.pid: told}
    crew.kill()
    assert connection.wait([lives.sentinel], 60)
    assert set(crew.dead().items()) == {(dies.pid, told), (lives.pid, "SIGKILL")}
    crew.close()


def _says_what_ctrl_c_does(writer: Any) -> None:
    """In a process that was started by `fork`."""
    handler = signal.getsignal(signal.SIGINT)
    writer.send_bytes(b"usual" if handler is signal.default_int_handler else repr(handler).encode())


def test_ctrl_c_while_a_process_starts_is_heard_once_it_has() -> None:
    """Hooks at a fork would swallow it."""
    crew = Crew(get_context("fork"))
    reader, writer = connection.Pipe(duplex=False)
    process = crew.Process(target=_says_what_ctrl_c_does, args=(writer,))
    pressed: list[bool] = []

    def press(*args: object) -> bool:
        pressed.append(True)
        signal.raise_signal(signal.SIGINT)
        return True

    # the audit hooks of a fork come in its midst
    _on_fork.append(press)
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            process.start()
    finally:
        _on_fork.clear()
    assert pressed
    assert signal.getsignal(signal.SIGINT) is before
    assert reader.recv_bytes() == b"usual"
    process.join(60)
    assert process.exitcode == 0
    crew.close()


_on_fork: list[Callable[..., object]] = []


def _heard(event: str, args: object) -> None:
    if event == "os.fork" and _on_fork:
        _on_fork.pop()()


sys.addaudithook(_heard)


def test_an_exit_code_that_another_thread_is_just_told_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The system tells one alone, and that one had no time to say so yet."""
    crew = Crew(get_context("fork"))
    process = crew.Process(target=partial(os._exit, 3))
    process.start()
    stock = os.waitpid
    told: list[int] = []

    def waitpid(pid: int, options: int) -> tuple[int, int]:
        if len(told) < 3:
            told.append(pid)
            raise ChildProcessError  # another has just waited for it
        return stock(pid, options)

    assert connection.wait([process.sentinel], 60)
    monkeypatch.setattr(os, "waitpid", waitpid)
    monkeypatch.setattr("barexec.crew.LAST_GRACE", 60)
    assert crew.dead() == {process.pid: "exit 3"}
    crew.close()


@pytest.mark.parametrize("fresh", [True, False])
def test_an_exit_code_that_another_thread_has_read_is_no_death_where_workers_are_replaced(
    fresh: bool,
) -> None:
    crew = Crew(get_context("forkserver"), fresh)
    process = crew.Process(target=abs, args=(1,))
    process.start()
    assert connection.wait([process.sentinel], 60)
    os.read(process.sentinel, 8)  # as the stock class's thread may at the same moment
    assert connection.wait([process.sentinel], 60)
    assert crew.dead() == ({} if fresh else {process.pid: "exit 255"})
    crew.close()


def _tells_its_mask(end: connection.Connection) -> None:
    end.send(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))


@pytest.mark.parametrize("method", get_all_start_methods())
def test_a_process_that_starts_is_not_interrupted(method: str) -> None:
    """It knows nothing of it yet. Those that others start are left alone."""
    context: Any = get_context(method)
    # as an executor does: the start of its helper, where there is none yet, unblocks SIGINT
    context.Lock()
    crew = Crew(context)
    for start, held in ((crew.Process, True), (context.Process, False)):
        ours, theirs = connection.Pipe(duplex=False)
        process = start(target=_tells_its_mask, args=(theirs,))
        process.start()
        assert ours.poll(60)
        assert ours.recv() is held
        process.join()
    crew.close()


def test_how_one_died_that_was_waited_for_is_no_news() -> None:
    """The stock class waits for the end of a worker that is to be replaced, whatever its exit
    code: two looks later, the whole pool would be ended for it."""
    crew = Crew(get_context("fork"), fresh=True)
    process = crew.Process(target=partial(os._exit, 3))
    process.start()
    assert connection.wait([process.sentinel], 60)
    assert crew.dead() == {process.pid: "exit 3"}
    process.join()
    assert crew.dead() == {}
    crew.close()


def _closes_all(begun: int, ended: int) -> None:
    os.closerange(3, begun)
    os.closerange(begun + 1, ended)
    os.closerange(ended + 1, 256)
    os.write(begun, b"!")
    os.read(ended, 1)


def test_one_that_has_closed_its_descriptors_and_lives_is_not_waited_for() -> None:
    crew = Crew(get_context("fork"))
    (hear, begun), (ended, end) = os.pipe(), os.pipe()
    process = crew.Process(target=_closes_all, args=(begun, ended))
    process.start()
    assert os.read(hear, 1) == b"!"
    assert crew.dead() == {}
    os.write(end, b"!")
    process.join()
    crew.close()
    for fd in (hear, begun, ended, end):
        os.close(fd)


def test_what_ended_as_it_should_is_named_last() -> None:
    crew = Crew(get_context("fork"))
    processes = [crew.Process(target=partial(os._exit, code)) for code in (0, 1, 0)]
    for process in processes:
        process.start()
        assert connection.wait([process.sentinel], 60)
    assert list(crew.dead()) == [processes[at].pid for at in (1, 0, 2)]
    crew.close()


def test_a_ctrl_c_in_the_midst_of_another_does_not_take_its_thread_for_one_that_waits() -> None:
    """The first may have come while the stock class holds a lock, and waits for a thread to
    start; who then takes it to be waiting for its end asks for that lock, for ever."""
    crew = Crew(get_context("fork"))
    told: list[bool] = []
    twice = threading.Event()

    def interrupt(waiting: bool) -> None:
        told.append(waiting)
        if len(told) == 1:
            press = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT))
            press.start()
            assert twice.wait(60)
            press.join()
        else:
            twice.set()

    with crew.waited_for(None, interrupt):
        signal.raise_signal(signal.SIGINT)
    assert told == [False, False]
    crew.close()


def test_a_ctrl_c_in_the_midst_of_a_kill_does_not_wait_for_itself() -> None:
    crew = Crew(get_context("fork"))
    again: list[int] = []

    def profiled(frame: FrameType, event: str, arg: object) -> None:
        again.append(1)
        sys.setprofile(None)
        crew.kill()  # as a handler at every single call in it
        sys.setprofile(profiled)

    sys.setprofile(profiled)
    crew.kill()
    sys.setprofile(None)
    assert again
    crew.close()


@pytest.fixture
def wakeup() -> Iterator[Any]:
    """What wakes the stock class's thread of an executor."""
    executor: Any = ProcessPoolExecutor(1)
    found = executor._executor_manager_thread_wakeup
    if hasattr(found, "_lock"):
        pytest.skip("this CPython has a lock for it")
    let_close(executor)
    yield found
    found.close()


def test_the_stock_classs_thread_may_end_while_it_is_woken(
    wakeup: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = connection.Connection.send_bytes

    def closed(self: Any, words: bytes) -> None:
        wakeup.close()
        send(self, words)

    monkeypatch.setattr(connection.Connection, "send_bytes", closed)
    wakeup.wakeup()
    assert wakeup._closed


def test_that_it_cannot_be_woken_is_told_otherwise(wakeup: Any) -> None:
    wakeup._writer.close()
    with pytest.raises(OSError, match="closed"):
        wakeup.wakeup()
