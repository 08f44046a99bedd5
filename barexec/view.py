"""What the display shows: bars on a terminal, or lines in a log.

    Tasks, Output ─► Layout ────► Painter
                  └► Narration ─► PlainPainter, where no bars can be drawn

Never here: what is received, or who takes part; a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from .endings import is_gone, warn
from .output import Output
from .policy import Leave, Policy
from .state import FAULTS, TaskState
from .stops import Stops
from .streams import is_terminal
from .tasks import Tasks
from .terminal_text import clip

if TYPE_CHECKING:
    from .frame import Layout
    from .narration import Narration
    from .painters import Painter
    from .painters.glass import Glass
    from .painters.plain import PlainPainter

#: Seconds before anything is drawn, so that short runs do not flash.
QUIET = 0.3


class View:
    """What is shown of these tasks on one stream.

    Args:
        stream: where.
        policy: how to show.
        tasks: what is known of them.
        output: what is printed.
        renderer: how a bar looks: a name or an object.
        leave: what stays on the screen at the end.
        terminal: the user's own Terminal, whose stream it is.

    Attributes:
        policy: how it is shown by now: "plain" where bars cannot be drawn.
        began: when the first task was submitted.
        behind: whether the screen does not show the newest frame yet.
        stands: whether it shows one.
        aside: the `paused()` blocks for which the terminal is somebody else's.

    Guarantees: for the thread that draws; `pause` and `resume` are for any, and for signals.
    """

    def __init__(
        self,
        stream: TextIO,
        policy: Policy,
        tasks: Tasks,
        output: Output,
        renderer: object = "bar",
        leave: Leave = None,
        terminal: object = None,
    ) -> None:
        self.policy = policy
        self.began: float | None = None
        self.behind = self.stands = False
        self.aside = 0
        self._stream = stream
        self._tasks = tasks
        self._output = output
        self._renderer = renderer
        self._leave = leave
        self._terminal = terminal
        self._size: tuple[int, int] | None = None
        """The columns and rows that the last frame was made for."""
        self._told: tuple[int, int] | None = None
        """Those of the terminal that tasks see."""
        self._screen: tuple[Painter, Layout, Glass] | None = None
        self._log: tuple[PlainPainter, Narration | None] | None = None
        self._untold: list[TaskState] = []
        self._early: list[TaskState] = []
        """Tasks that ended before it was known whether bars or lines are shown."""
        self._stops = Stops()
        self._frame: tuple[str, ...] = ()
        """The last one painted."""

    @property
    def plain(self) -> bool:
        """Whether lines are shown, and no bars."""
        return self.policy.mode == "plain"

    def pause(self) -> None:
        """Give the terminal back, until `resume`."""
        screen = self._screen  # once: the display's thread may lose it at any moment
        if screen is not None:
            with suppress(OSError, ValueError):  # the terminal is gone: the next frame tells
                screen[0].pause()

    def resume(self) -> None:
        """Whatever stands there now: the next frame is drawn anew."""
        screen = self._screen
        if screen is not None:
            screen[0].resume()

    def close(self) -> None:
        """Give the terminal back for good, whatever has happened."""
        screen = self._screen
        if screen is not None:
            with suppress(OSError, ValueError):  # there is no terminal to be given back
                screen[0].give_up()

    def rest(self) -> None:
        """No frame is due from here on, which is no stop (Ctrl-Z)."""
        self._stops.forget()

    def is_held_up(self) -> bool:
        """Whether lines wait that the terminal does not take, as one that is frozen."""
        if not self._output.lines or self.plain:
            return False
        if self._screen is None:
            self._screen = self._open()
        return self._screen is not None and not self._screen[0].ready()

    def show(self, over: list[TaskState], now: float, last: bool) -> None:
        """Show what is known now.

        Args:
            over: the tasks that have ended since the last call.
            now: seconds.
            last: whether nothing will follow.

        Raises:
            OSError, ValueError: the stream is gone.
        """
        if self.aside and not last and not (self.plain and not is_terminal(self._stream)):
            self._early += over
            return
        if last:
            self._output.end()
        if not self.plain:
            if self._screen is None:
                drawn = self.began is not None and now - self.began >= QUIET
                if last and self._leave is True:
                    drawn = self.began is not None
                if not drawn and not (last and self._output.lines):
                    self._early += over
                    return
                self._screen = self._open()
            if self._screen is not None:
                self._early.clear()
                try:
                    self._paint(*self._screen, now, last)
                    return
                except FAULTS as error:
                    if is_gone(error):
                        raise
                    self._draw_no_more(error)
        over, self._early = self._early + over, []
        self._say(over, now, last)

    def look_after(self) -> bool:
        """See that the frame that `stands` goes on to, whoever stops the program or presses Enter;
        but where an editor that the program has started draws, nothing is written. Returns False
        where another is needed, for a screen of another size.

        Raises:
            OSError, ValueError: the stream is gone.
        """
        from .painters.glass import Glass

        assert self._screen is not None  # on which it stands
        painter = self._screen[0]
        stopped = self._stops.found()
        if Glass(self._stream).shows_typed():
            if painter.size() != self._size:
                return False
            if stopped:
                painter.repaint()
            self.behind = not self._put(painter.paint, self._frame)
        return True

    def step_aside(self) -> None:
        """Take the bars off the screen until `step_back`, and show all that is printed."""
        self.aside += 1
        self.stands = False
        if self.aside > 1 or self.plain:
            return
        output = self._output
        output.go_straight(True)
        if self._screen is not None:
            painter = self._screen[0]
            painter.size()
            if painter.paint((), output.lines):
                output.taken()
            painter.pause()
        else:
            output.write_lines()
        output.leave_rows()

    def step_back(self) -> None:
        """The bars may be on the screen again."""
        self.aside -= 1
        if not self.aside:
            self._output.go_straight(False)
            self.resume()

    # --- bars ---

    def _open(self) -> tuple[Painter, Layout, Glass] | None:
        from .frame import Layout
        from .painters.glass import Glass
        from .painters.terminal import open_terminal
        from .renderers import get

        opened = open_terminal(self._stream, self.policy, self._terminal)
        if opened is None:
            # the terminal cannot move its cursor
            self.policy = self.policy._replace(mode="plain")
            self._output.tasks.placed = False
            return None
        painter, theme = opened
        if self.aside:
            painter.pause()
        return painter, Layout(get(self._renderer, theme)), Glass(self._stream)

    def _paint(
        self, painter: Painter, layout: Layout, glass: Glass, now: float, last: bool
    ) -> None:
        columns, rows = self._size = painter.size()
        # what tasks take for their terminal is as high as this one, not as a frame may be
        screen = columns, (glass.size() or glass.USUAL)[1]
        if screen != self._told:
            self._told = screen
            self._output.resize(*screen)
        if last and self.began is not None and now - self.began < QUIET and not self._leave:
            frame: tuple[str, ...] = ()
        elif last:
            frame = layout.final(self._tasks, columns, rows, now, self._leave)
        else:
            # below all, what the program has not finished yet
            words = [clip(row, columns) for row in self._output.rows[: rows - 1]]
            frame = (*layout.compose(self._tasks, columns, rows - len(words), now), *words)
        if self._stops.found():
            painter.repaint()  # a shell has written to the terminal since
        taken = self._put(painter.finish if last else painter.paint, frame, self._output.lines)
        self.behind, self.stands, self._frame = not taken, bool(frame) and taken, frame
        if taken:
            self._output.taken()

    def _put(self, paint: Callable[..., bool], *what: Sequence[str]) -> bool:
        """Paint. That a slow terminal takes its time is no stop."""
        from .painters.glass import Glass

        before = Glass.blocked
        taken = paint(*what)
        self._stops.excuse(Glass.blocked - before)
        return taken

    def _draw_no_more(self, error: BaseException) -> None:
        """Bars cannot be drawn; what tasks print is shown all the same."""
        from .painters.plain import PlainPainter

        self.close()
        self._screen, self.stands = None, False
        self.policy = self.policy._replace(mode="plain")
        self._log = PlainPainter(self._stream), None
        warn(error, self._stream)

    # --- lines ---

    def _say(self, over: list[TaskState], now: float, last: bool) -> None:
        self._output.close()
        if self._log is None:
            from .narration import Narration
            from .painters.plain import PlainPainter

            self._log = PlainPainter(self._stream), Narration()
        painter, narration = self._log
        # a result may overtake the task's last numbers, which come within a tick
        over, self._untold = self._untold + (over if last else []), [] if last else over
        lines = [*self._output.lines]
        for task in over:
            # rows that a task has drawn: a log has them once they are final
            lines += filter(None, task.lines)
            if narration is not None:
                lines += narration.ended(task, self._tasks, now)
        if narration is not None:
            lines += narration.tick(self._tasks, now)
            if last:
                lines += narration.summary(self._tasks, now)
        if lines:
            painter.say(lines)
        self._output.taken()
