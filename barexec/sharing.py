"""Who takes part in the display of which stream: executors, `fullscreen()` blocks, and bars
outside any pool.

A process has one display for each stream, which begins with the first of them and ends after
the last. At the interpreter's exit, all show their end.

Never here: what is shown.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Literal, TextIO

from . import display as displays
from . import policy as policies
from . import worker
from .bars import Task
from .cautions import caution
from .channel import Receiver, Sender, open_channel
from .policy import Leave
from .pool import Pool, ids
from .ptys import open_link
from .state import Status
from .streams import device_of, is_terminal


def _display_of(policy: policies.Policy, stream: TextIO, *looks: Any) -> displays.Display:
    """The display of the stream; a new one, of these looks, where there is none. To be called
    with the lock held."""
    for display in displays.live:
        if _is_same(display.stream, stream):
            return display
    display = displays.Display(policy, stream, *looks)
    display.wait_for(displays.pauses)
    displays.live.append(display)
    return display


def _is_same(one: TextIO, other: TextIO) -> bool:
    """Whether what is written to either stands on the same terminal."""
    if one is other:
        return True
    try:
        fds = one.fileno(), other.fileno()
        numbers = set(map(device_of, fds))  # on Windows there is but one console
        return all(map(os.isatty, fds)) and len(numbers) == 1
    except (AttributeError, OSError, ValueError):
        return False


def _stream_of(terminal: Any) -> TextIO | None:
    """The stream of the user's own Terminal; stderr where there is none.

    Raises:
        TypeError: it is no Terminal.
    """
    if terminal is None:
        return sys.stderr
    from .painters.library import check

    check(terminal)
    stream: TextIO = terminal.stream
    with suppress(OSError, ValueError):
        stream.flush()  # the library never does; what stands there comes before the bars
    return stream


def _decide(display: str | None, stream: TextIO | None) -> policies.Policy | None:
    """How to show on a stream, now; None where nothing is to be shown."""
    encoding = getattr(stream, "encoding", None)
    tty = False
    try:
        tty = is_terminal(stream)
    except ValueError:
        stream = None  # closed
    if tty and not os.environ.get("BAREXEC"):
        from .painters.glass import comes_back

        tty = not comes_back(stream)
    policy = policies.decide(display, os.environ, tty, encoding)
    serves = worker.serves or multiprocessing.parent_process() is not None
    if stream is None or policy.mode == "off" or serves:
        return None
    return policy


def join(
    display: str | None,
    renderer: object = "bar",
    leave: Leave = None,
    desc: str | None = None,
    terminal: object = None,
    capture: bool | Literal["named"] = True,
    way: Callable[[], tuple[Sender, Receiver]] | None = None,
) -> Pool | None:
    """Let a new executor take part in the display of stderr, or of the user's own Terminal.

    Args:
        way: makes the channel of an engine's own; None: that of a pool of processes, which
            get terminals of their own, too.

    Returns None where nothing is to be shown: switched off, in a worker process, without
    a stream, or without a descriptor left for the channel.

    Raises:
        ValueError: `display` is not a known way to show.
        TypeError: `terminal` is no Terminal.
    """
    stream = _stream_of(terminal)
    policy = _decide(display, stream)
    if policy is None or stream is None:
        return None
    try:
        sender, receiver = (way or open_channel)()
    except OSError as error:
        caution(f"barexec shows no progress: no channel could be made ({error})", 3)
        return None
    for idle in list(displays.live):
        # the garbage collector may have found its last executor at a bad moment
        if all(pool.closing for pool in idle.pools):
            idle.kick()
    with displays.lock:
        shown = _display_of(policy, stream, renderer, leave, desc, terminal)
        screen = shown.screen()
        link = open_link() if capture and screen.device and way is None else None
        if link is not None:
            try:
                shown.listen(link)
            except OSError:  # no descriptor is left: what workers print is not caught
                link.close()
                link = None
        pool = Pool(shown, sender, receiver, screen, link, capture == "named")
        shown.pools.append(pool)
    return pool


def check_looks(renderer: object, leave: object) -> None:
    """Whether a display can look so.

    Raises:
        ValueError: it cannot.
        ImportError: the library that `renderer` is named for is not installed.
    """
    if renderer != "bar":
        from .renderers import check

        check(renderer)
    if leave not in (None, True, False, "failed"):
        raise ValueError(f'leave must be True, False, "failed" or None, not {leave!r}')


def fullscreen(
    *,
    renderer: object = "bar",
    leave: Leave = None,
    desc: str | None = None,
    terminal: object = None,
) -> AbstractContextManager[None]:
    """A full screen around any number of executors: `with fullscreen(): …`.

    The screen is taken with the first bar, and given back at the end of the block: then
    the normal screen is as it was, and all that was printed and the last frame are on it.

    Args:
        renderer, leave, desc, terminal: as of `ProgressPoolExecutor`; they hold for all
            executors in the block.

    A display that is already live stays as it is. Off a terminal, and on one without a
    second screen, the executors in the block show what they would show without it.

    Raises:
        TypeError: `terminal` is no Terminal.
        ValueError: an option has a value that it cannot have.
        ImportError: the library that `renderer` is named for is not installed.
    """
    check_looks(renderer, leave)
    return _held(_stream_of(terminal), renderer, leave, desc, terminal)


@contextmanager
def _held(stream: TextIO | None, *options: Any) -> Iterator[None]:
    policy = _decide("fullscreen", stream)
    if policy is None or stream is None:
        yield
        return
    with displays.lock:
        display = _display_of(policy, stream, *options)
        display.held += 1
    try:
        yield
    finally:
        with displays.lock:
            display.held -= 1
        display.kick()
        if not (display.held or display.pools or display.staged):
            display.await_end()


_stages: dict[int, Task] = {}


def stage() -> Task | None:
    """The task that bars of the calling thread, outside any pool, belong to.

    None where they are not shown: they show on a terminal only.
    """
    thread = threading.get_ident()
    task = _stages.get(thread)
    if task is not None:
        return task
    policy = _decide(None, sys.stderr)
    if policy is None or policy.mode == "plain":
        return None
    with displays.lock:
        display = _display_of(policy, sys.stderr)
        id = next(ids)

        def leave(task: Task) -> None:
            # not one that the thread has begun meanwhile
            if _stages.get(thread) is task and _stages.pop(thread, None) is not None:
                display.ended.append((None, id, Status.DONE, None))
                display.kick()
                mine = threading.get_ident() == thread  # or the garbage collector's
                if mine and not display.pools and len(display.staged) < 2:
                    display.await_end()

        task = _stages[thread] = Task(id)
        task.on_end = leave
        display.staged[id] = task
        display.submitted[id] = "", 0
    display.start()
    return task


def _close_all() -> None:
    """The interpreter exits: every display shows its end, and gives the terminal back."""
    for display in list(displays.live):
        for pool in list(display.pools):
            pool.linger, pool.closing = 0, True
        display.held = 0
        for id in list(display.staged):
            display.ended.append((None, id, Status.DONE, None))
        display.exiting = True
        display.kick()
        display.await_end()


atexit.register(_close_all)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_stages.clear)
