"""What the program itself writes to the terminal while bars are live.

`print`, logging, warnings and whatever else goes by `sys.stdout` and `sys.stderr`, also by
a reference that somebody took long before, ends in the `write` of one of two binary
buffers. These are *tapped*: while the display is live, it takes what comes, in order, and
shows it above the bars. The streams themselves stay what they are.

Never here: rows, the screen; what tasks print.
"""

from __future__ import annotations

import codecs
import functools
import io
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from itertools import count
from time import monotonic, sleep
from typing import Any

from .streams import device_of, own_streams

#: Bytes that wait for the display; beyond, who writes has to wait, as on a slow terminal.
LIMIT = 1 << 20
#: Seconds between two looks of who waits.
NAP = 0.005
#: Seconds for which a display that takes nothing is waited for, though the terminal would take it.
AWHILE = 2.0


class _Tap:
    """One buffer, and its own `write`."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self.buffer: Any = stream.buffer
        self.write: Callable[[Any], Any] = self.buffer.write
        self.decoder = codecs.getincrementaldecoder(stream.encoding)("replace")
        self._stream = stream

    def leads_to(self, device: int) -> bool:
        """Whether the descriptor does, which the program may have pointed elsewhere since."""
        try:
            return not device or device_of(self._stream.fileno()) == device
        except (OSError, ValueError):  # closed
            return False


class ProgramText:
    """What this process writes to one terminal.

    Args:
        device: of the terminal (`st_rdev`); 0 where terminals have none.
        is_own: whether the calling thread is the display's, at work.
        put: called with a number for each text, which `take` is to be called with in its turn.
        notify: called when text waits; with True, when so much waits that its writer does.
        is_frozen: whether the terminal takes nothing just now.

    Guarantees: any thread may write at any time, also within a write (a signal handler);
    nothing that was written is lost or doubled, whenever `open` and `close` come between. A
    writer waits only while `LIMIT` bytes do, and never the display's thread; not for longer than
    `AWHILE` seconds where the display could go on and does not. A forked child writes straight.
    """

    def __init__(
        self,
        device: int,
        is_own: Callable[[], bool],
        put: Callable[[int], object],
        notify: Callable[[bool], object],
        is_frozen: Callable[[], bool],
    ) -> None:
        self.straight = False
        """Whether what is written goes straight to the terminal for now."""
        self._device = device
        self._is_own = is_own
        self._put = put
        self._notify = notify
        self._is_frozen = is_frozen
        self._taps: list[_Tap] = []
        self._texts: deque[tuple[_Tap, bytes]] = deque()
        self._numbers = count(1)
        self._taken = 0
        self._size = 0
        self._open = False

    def open(self) -> None:
        """From now on, it is taken. A second call does nothing."""
        if self._open:
            return
        self._open = True
        for stream in own_streams(self._device):
            with suppress(OSError, ValueError):
                stream.flush()
            self._tap(stream)

    def _tap(self, stream: io.TextIOWrapper) -> None:
        tap = _Tap(stream)

        @functools.wraps(tap.write)
        def write(some: Any, /) -> int:
            if (
                self.straight
                or (os.name == "nt" and self._is_own())  # which there writes by the stream
                or not isinstance(some, (bytes, bytearray, memoryview))
                or not tap.leads_to(self._device)
            ):
                return int(tap.write(some))
            text = bytes(some)
            size = len(text)
            self._texts.append((tap, text))
            self._size += size  # without a call in it, no other thread gets between
            self._put(next(self._numbers))
            if not self._open:
                self._give_back()  # it was closed just now
            elif self._size > LIMIT and not self._is_own():
                self._wait()
            else:
                self._notify(False)
            return size

        try:
            tap.buffer.write = write
        except AttributeError:
            return  # a buffer of the user's own that lets nobody at it: it is left alone
        self._taps.append(tap)

    def _wait(self) -> None:
        taken, since = self._taken, monotonic()
        while self._size > LIMIT and self._open and not self.straight:
            if self._taken != taken or self._is_frozen():
                taken, since = self._taken, monotonic()
            elif monotonic() - since > AWHILE:
                return  # it may wait for what the writer holds, such as the lock of a log
            self._notify(True)
            sleep(NAP)

    def take(self, number: int) -> str:
        """What was written up to the text of that number, since the last call."""
        parts = []
        with suppress(IndexError):  # given back by a forked child, or at the end
            while self._taken < number:
                tap, some = self._texts.popleft()
                self._taken += 1
                size = len(some)
                self._size -= size
                parts.append(tap.decoder.decode(some))
        return "".join(parts)

    def close(self) -> None:
        """The buffers are again as they were. A second call does nothing."""
        self._release()
        with suppress(OSError, ValueError):  # the terminal is gone, which no call of theirs is told
            self._give_back()

    def leave(self) -> None:
        """In a forked child: what waits is the parent's to show."""
        self._release()
        self._texts.clear()

    def _release(self) -> None:
        self._open = False
        for tap in self._taps:
            with suppress(AttributeError):  # somebody else has restored it
                del tap.buffer.write
        self._taps = []

    def _give_back(self) -> None:
        """What waits goes where it was to go."""
        with suppress(IndexError):
            while True:
                tap, some = self._texts.popleft()
                tap.write(some)
                tap.buffer.flush()


#: What asks for a line, where its module is loaded: `input`, which others have bound before.
ASKING = (
    ("builtins", "input"),
    ("getpass", "getpass"),
    ("getpass", "_raw_input"),
    ("click.termui", "visible_prompt_func"),
    ("click.termui", "hidden_prompt_func"),
)


class Questions:
    """`input`, and the prompt of Python's own shell or of IPython's, while bars are live: the
    terminal is theirs meanwhile.

    So it is with a debugger, which asks for its commands by either.

    Args:
        paused: what a question is asked in.
        prompted: called when a shell is about to show its prompt.
    """

    def __init__(
        self,
        paused: Callable[[], AbstractContextManager[object]],
        prompted: Callable[[], object],
    ) -> None:
        self._paused = paused
        self._prompted = prompted
        self._taken: list[tuple[Any, str, Any, Any]] = []
        """Of whom which attribute; what it was, and ours."""
        self._open = 0
        """Prompts of prompt_toolkit that are shown."""

    def take_over(self) -> None:
        """From now on. A second call takes over what was loaded since."""
        for module, name in ASKING:
            asking = sys.modules.get(module)
            if callable(stock := getattr(asking, name, None)) and not self._has(asking, name):
                self._put(asking, name, stock, self._asked(stock))
        for name in ("ps1", "ps2"):
            prompt = getattr(sys, name, None)
            if isinstance(prompt, str) and not self._has(sys, name):
                self._put(sys, name, prompt, _Prompt(prompt).announced(self._prompted))
        # by which IPython, and others, show theirs
        toolkit = sys.modules.get("prompt_toolkit.application.application")
        application = getattr(toolkit, "Application", None)
        if application is not None and not self._has(application, "run_async"):
            stock = application.run_async
            self._put(application, "run_async", stock, self._announced(stock))

    def _has(self, owner: Any, name: str) -> bool:
        return any(owner is taken and name == of for taken, of, *_ in self._taken)

    def _put(self, owner: Any, name: str, stock: Any, ours: Any) -> None:
        self._taken.append((owner, name, stock, ours))
        setattr(owner, name, ours)

    def _asked(self, stock: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(stock)
        def ask(*args: Any, **kwargs: Any) -> Any:
            with self._paused():
                return stock(*args, **kwargs)

        return ask

    def _announced(self, stock: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(stock)
        async def run(*args: Any, **kwargs: Any) -> Any:
            self._prompted()
            self._open += 1
            try:
                return await stock(*args, **kwargs)
            finally:
                self._open -= 1

        return run

    @property
    def open(self) -> bool:
        """Whether a shell waits for a line to be typed: Python's own, or what shows its prompt by
        prompt_toolkit, as IPython does."""
        return self._open > 0 or _is_prompting()

    def give_back(self) -> None:
        """All is what it was, unless somebody else has put another there."""
        while self._taken:
            owner, name, stock, ours = self._taken.pop()
            if getattr(owner, name, None) is ours:
                setattr(owner, name, stock)


class _Prompt(str):
    """A prompt of the shell, which asks for its text whenever it shows it."""

    def announced(self, prompted: Callable[[], object]) -> _Prompt:
        self._stock = str.__str__(self)
        self._prompted = prompted
        return self

    def __str__(self) -> str:
        self._prompted()
        return self._stock


def _is_prompting() -> bool:
    """Whether Python's own shell waits for a line to be typed: the main thread runs nothing then,
    or, from CPython 3.13 on, the shell itself."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None:
        file = frame.f_code.co_filename
        if "_pyrepl" in file:
            return True
        if file.startswith("<") or frame.f_back is None:
            return False  # what was typed; a file
        frame = frame.f_back
    return True
