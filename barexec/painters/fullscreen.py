"""Frames on the whole of a screen of their own: row i of a frame is row i of the screen.

The alternate screen is entered with the first frame. Lines that are printed meanwhile are
kept for the normal screen, and the last of them are seen in the rows that the frame
leaves free. On leaving, the normal screen is as it was, and all printed lines and the
last frame are on it; after a kill the watcher sees to that.

Others may write to the screen, too; keys that are pressed do. So each frame begins in the
corner, where the cursor waits, hidden; and with each one of the rows is written whole, in
turn.

Never here: a task, a clock, the name of a terminal library.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from ..policy import Policy
from ..terminal_text import clip
from ..watcher import Watcher
from .glass import Glass
from .inline import FAREWELL, InlinePainter, begun, screen_of
from .library import Capabilities
from .pen import Pen, Rows, lines_of
from .printed import Printed

#: Frames after which the watcher is told a new one, where they do not cease before.
TELLING = 10
#: Printed lines that are seen at most.
SEEN = 200
#: Seconds that `pause` waits for a frame under way.
PATIENCE = 1.0


class FullscreenPainter:
    """Shows frames in full screen.

    Args:
        glass: where.
        able: what the terminal can do; it can `enter` and `leave`.
        policy: for the size.

    Guarantees: `pause` and `resume` may be called by any thread, and by a signal handler;
    the rest is not thread-safe. A frame that is shown already writes nothing; any other
    is one write.
    """

    def __init__(self, glass: Glass, able: Capabilities, policy: Policy) -> None:
        self._glass = glass
        self._able = able
        self._policy = policy
        self._rows = Rows()
        self._frame: tuple[str, ...] = ()
        """The last one painted."""
        self._asked = screen_of(glass, policy)
        self._size = self._asked
        self._printed = Printed()
        self._seen: deque[str] = deque(maxlen=SEEN)
        self._watcher: Watcher | None = None
        self._watched = False
        self._entered = False
        """Whether the terminal shows the alternate screen."""
        self._whole = True
        """Whether the next frame is to be written whole."""
        self._paused = False
        self._painted = 0
        self._untold = 0
        """Frames that the watcher was not told."""
        self._writing = threading.Lock()

    def size(self) -> tuple[int, int]:
        self._asked = columns, rows = screen_of(self._glass, self._policy)
        return max(1, columns - 1), rows

    def paint(self, frame: tuple[str, ...], printed: Sequence[str] = ()) -> bool:
        with self._writing:
            if self._paused:
                return False
            if not self._glass.ours():
                self._whole = True
                self._keep(printed)
                return True
            screen = screen_of(self._glass, self._policy)
            if screen != self._asked or not self._glass.ready():
                return False  # resized since the frame was composed, or frozen
            self._keep(printed)
            self._frame = frame
            text = self._changed(frame, screen)
            if text:
                self._watch()
                self._glass.write(text)
                self._untold += 1
            if self._untold >= TELLING or (self._untold and not text):
                self._tell()
            return True

    def ready(self) -> bool:
        return self._watcher is not None or self._glass.ready()  # it leaves them when it can

    def repaint(self) -> None:
        self._whole = True

    def pause(self) -> None:
        # a frame that a signal handler has interrupted never ends
        with self._locked(PATIENCE) as locked:
            self._paused = True
            if locked and self._entered and self._glass.ready():
                self._glass.write(self._left() + begun(self._glass, self._able, self._size[0]))
                for piece in self._printed.pieces():
                    self._glass.write_bytes(piece)
                self._printed.clear()
                self._tell()

    def resume(self) -> None:
        self._whole = True
        self._paused = False

    def finish(self, frame: tuple[str, ...], printed: Sequence[str] = ()) -> bool:
        with self._locked(FAREWELL) as locked:
            if not locked:
                return False
            if not self._glass.ready(FAREWELL):
                return self._bequeathed(frame, printed)
            self._keep(printed)
            self._leave(frame)
            return True

    def give_up(self) -> None:
        with self._locked(FAREWELL) as locked:
            self._paused = True
            if locked and self._glass.ready(FAREWELL):
                self._leave(trimmed(self._frame))

    @contextmanager
    def _locked(self, patience: float) -> Iterator[bool]:
        locked = self._writing.acquire(timeout=patience)
        try:
            yield locked
        finally:
            if locked:
                self._writing.release()

    def _keep(self, printed: Sequence[str]) -> None:
        if printed:
            self._printed.add(self._glass.encoded(lines_of(printed)))
            self._seen += printed

    def _changed(self, frame: tuple[str, ...], screen: tuple[int, int]) -> str:
        """What turns the screen into this frame; "" where it is that already."""
        if not (frame or self._seen or self._entered):
            return ""
        columns, rows = screen
        lines = self._filled(frame[:rows], max(1, columns - 1), rows)
        text = ""
        if not self._entered:
            text = self._able.enter + self._able.hide
            self._entered = self._whole = True
        if self._whole or screen != self._size:
            text += self._able.home + self._able.clear_eos
            self._rows.forget()
        elif lines == self._rows.frame:
            return ""
        else:
            self._rows.doubt(self._painted % rows)
        self._size, self._whole = screen, False
        self._painted += 1
        pen = Pen(self._able, 0)
        self._rows.draw(lines, pen)
        return f"{text}{self._able.home}{''.join(pen.parts)}{self._able.home}"

    def _filled(self, frame: tuple[str, ...], columns: int, rows: int) -> tuple[str, ...]:
        """The frame, and at the foot of the screen what was printed last: all of its rows."""
        room = max(0, rows - len(frame) - 1)
        last = list(self._seen)[-room:] if room else []
        blank = ("",) * (rows - len(frame) - len(last))
        return (*frame, *blank, *(clip(line.expandtabs(), columns) for line in last))

    def _left(self) -> str:
        """What takes the terminal back to the normal screen."""
        self._entered = False
        self._rows.forget()
        return self._restoring()

    def _restoring(self) -> str:
        return f"\x1b[m{self._able.wrap_on}{self._able.leave}{self._able.show}"

    def _leave(self, frame: tuple[str, ...]) -> None:
        """Back to the normal screen, with all that was printed and this frame on it."""
        inline = InlinePainter(self._glass, self._able, self._policy)
        left = self._left() if self._entered else ""
        begin = begun(self._glass, self._able, self._size[0])
        try:
            for piece in self._printed.pieces():
                self._glass.write_bytes(self._glass.encoded(left + begin) + piece)
                left = begin = ""
            if left:
                self._glass.write(left)
            inline.finish(frame)
        finally:
            self._printed.close()
            if self._watcher is not None:
                self._watcher.dismiss()
                self._watcher = None

    def _bequeathed(self, frame: tuple[str, ...], printed: Sequence[str]) -> bool:
        """Leave it to the watcher to do so, once the frozen terminal thaws. Returns whether
        there is one."""
        if self._watcher is None:
            return False
        self._keep(printed)
        self._frame = frame
        self._tell()
        self._watcher.leave_alone()
        self._watcher = None
        self._printed.close()
        return True

    def _watch(self) -> None:
        """Before the screen is first taken: have somebody who gives it back after a kill."""
        if self._watched:
            return
        self._watched = True
        if self._glass.fd is not None:
            with suppress(OSError, ValueError):  # then it is not given back after a kill
                self._watcher = Watcher(self._glass.fd, self._printed.fd)
                self._tell()

    def _tell(self) -> None:
        self._untold = 0
        if self._watcher is not None:
            columns = self._size[0]
            before = self._restoring() if self._entered else ""
            before += begun(self._glass, self._able, columns)
            encoded = self._glass.encoded
            self._watcher.tell(encoded(before), encoded(lines_of(trimmed(self._frame))))


def trimmed(frame: tuple[str, ...]) -> tuple[str, ...]:
    """The frame without the empty rows at its end."""
    end = len(frame)
    while end and not frame[end - 1]:
        end -= 1
    return frame[:end]
