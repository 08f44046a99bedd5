"""The look of progressbar2: the line that a `progressbar.ProgressBar` writes.

    run 3:  41% (338 of 820) |######        | Elapsed Time: 0:00:02 ETA:   0:00:04

Each line is made by a bar of progressbar2 that never starts: it registers with nobody,
looks at no clock and at no terminal, and writes to a sink of ours.

Never here: a stream, a clock; progressbar2 before one of these is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from ..state import BarState
from ..terminal_text import width
from ..theme import Theme
from .borrowed import BAR_LEAST, BorrowedRenderer
from .figures import FORESEEABLE

#: When every bar has begun, by the clock that its widgets are shown.
EPOCH = datetime(2000, 1, 1)
#: Steps of an animation each second.
STEPS = 10


class ProgressBarRenderer(BorrowedRenderer):
    """Draws bars as progressbar2 does.

    Args:
        widgets: widgets and texts, as in `ProgressBar(widgets=[…])`; None: progressbar2's
            own, with `ETA` in the place of `SmoothingETA`, whose figure depends on how
            often it was drawn. To a widget that learns from earlier draws (`AdaptiveETA`,
            `AdaptiveTransferSpeed`) each is the first.
        theme: what the terminal can show. An executor tells it, if it is not given.

    Raises:
        ImportError: progressbar2 is not installed.
        TypeError: something in `widgets` is neither a widget nor a text.
    """

    def __init__(self, widgets: Iterable[Any] | None = None, *, theme: Theme | None = None) -> None:
        try:
            import progressbar
        except ImportError as error:
            raise ImportError(
                "ProgressBarRenderer needs progressbar2: pip install progressbar2"
            ) from error

        super().__init__(theme or Theme())
        self._progressbar: Any = progressbar
        self._bar = _standing(progressbar)
        self._wish = None if widgets is None else list(widgets)
        for widget in self._wish or ():
            if not (isinstance(widget, str) or callable(widget)) or isinstance(widget, type):
                raise TypeError(f"{widget!r} is neither a widget of progressbar2 nor a text")
        self._new = {name: getattr(progressbar, name)() for name in _DEFAULTS}
        for widget in self._new.values():
            widget.copy = False  # none keeps anything, so every bar may have the same

    def with_theme(self, theme: Theme) -> ProgressBarRenderer:
        """This look on a terminal that can show what `theme` says."""
        return ProgressBarRenderer(self._wish, theme=theme)

    def _line(self, state: BarState, name: str, pad: int, columns: int, exact: bool) -> str:
        # as progressbar2 does with a desc of its own
        lead = f"{name}: " + " " * pad if name or pad else ""
        if self._wish is not None:
            tail = [" " + state.postfix] if state.postfix else []
            return self._made(state, state.n, [lead, *self._wish, *tail], columns)
        n: float = state.n
        if state.whole and state.fraction is not None:
            n = state.fraction * (state.total or 0)
        line = ""
        for widgets in self._forms(state):
            line = self._made(state, n, [lead, *widgets], columns)
            if exact or (width(line) <= columns and _bar(line[len(lead) :]) >= BAR_LEAST):
                break
        return line

    def _forms(self, state: BarState) -> list[list[Any]]:
        """progressbar2's own widgets, then what they are as the line gets narrower."""
        new = self._new
        words = [" " + state.postfix] if state.postfix else []
        if not state.total or state.n > state.total:
            sign, count = new["AnimatedMarker"], new["Counter"]
            bouncing = [sign, " ", new["BouncingBar"], " ", count]
            return [[*bouncing, " ", new["Timer"], *words], bouncing, [sign, " ", count]]
        count, end = self._count(), new["ETA"]
        if state.whole:
            # of its tasks so many have ended; the rest counts what the running ones did
            count = f"({state.n} of {state.total})"
            if not state.status.ended:
                end = "ETA:  " + self._remaining(state.remaining)
        percent, bar, time = new["Percentage"], new["Bar"], new["Timer"]
        told = words if state.whole else []
        return [
            [percent, " ", count, " ", bar, " ", time, " ", end, *words],
            [percent, " ", count, " ", bar, " ", end, *told],
            [percent, " ", count, " ", bar, *told],
            [percent, " ", bar, *told],
            [percent, *told],
            [percent],
        ]

    def _count(self) -> Any:
        """A new one for each line: it remembers how wide it was, for all of one total."""
        kind = self._progressbar.SimpleProgress
        widget = kind(format=f"({kind.DEFAULT_FORMAT})")
        widget.copy = False
        return widget

    def _remaining(self, remaining: float | None) -> str:
        if remaining is None or remaining > FORESEEABLE:
            return "--:--:--"
        return f"{self._progressbar.utils.format_time(timedelta(seconds=int(remaining))):>8}"

    def _made(self, state: BarState, n: float, widgets: list[Any], columns: int) -> str:
        """The line that a bar of these widgets writes."""
        progressbar = self._progressbar
        over = not state.total or state.n > state.total
        sink = _Sink()
        bar = self._bar(
            max_value=progressbar.UnknownLength if over else state.total,
            widgets=widgets,
            fd=sink,
            term_width=columns,
            is_terminal=True,
            line_breaks=False,
            max_error=False,
            enable_colors=None if self.theme.styles else False,
            custom_len=width,
            unit=state.unit,
        )
        bar.start_time = EPOCH
        bar.now = EPOCH + timedelta(seconds=min(state.elapsed, 1e9))
        bar.updates = int(state.elapsed * STEPS)
        if state.status.ended:
            bar.end_time = bar.now
        bar.update(n, force=True)
        return sink.text.strip("\r\n").rstrip(" ")


#: Widgets of progressbar2 that a line has if the user names none.
_DEFAULTS = (
    "AnimatedMarker",
    "Bar",
    "BouncingBar",
    "Counter",
    "ETA",
    "Percentage",
    "Timer",
)


def _bar(line: str) -> int:
    """The columns of the bar in a line; enough of them where it has none."""
    begin, end = line.find("|"), line.rfind("|")
    return end - begin - 1 if begin >= 0 else BAR_LEAST


class _Sink:
    """All that progressbar2 asks of a stream."""

    text = ""

    def write(self, text: str) -> int:
        self.text = text
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        return True


def _standing(progressbar: Any) -> Any:
    """progressbar2's bar, by a clock that stands."""

    class Standing(progressbar.ProgressBar):  # type: ignore[misc]
        now = EPOCH

        @property
        def last_update_time(self) -> datetime:
            return self.now

        @last_update_time.setter
        def last_update_time(self, _: object) -> None:
            """It is what it is."""

    return Standing


def make(theme: Theme) -> ProgressBarRenderer:
    """The look of progressbar2, drawn by `theme`."""
    return ProgressBarRenderer(theme=theme)
