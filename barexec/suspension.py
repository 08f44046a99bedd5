"""Ctrl-Z in full screen: the terminal is given back before the program stops.

The one signal that barexec takes, and only where nobody else has: SIGTSTP with its default
action. A program stopped otherwise finds the screen repainted when it goes on, no more.

Never here: the terminal.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

#: None where there is no such thing as to stop.
_STOP = getattr(signal, "SIGTSTP", None)

_armed: set[Suspension] = set()


class Suspension:
    """Calls `aside` before the program stops at SIGTSTP, and `back` when it goes on.

    Args:
        aside, back: called in the main thread, at any moment; must not raise.

    Guarantees: `arm` and `disarm` may be called by any thread, and do nothing but in the
    main one. A forked child has the default action back.
    """

    def __init__(self, aside: Callable[[], None], back: Callable[[], None]) -> None:
        self._aside = aside
        self._back = back
        self.over = False
        """Whether there is nothing more to be given back."""

    def arm(self) -> None:
        """From now on. Does nothing where SIGTSTP has an action of somebody else's."""
        for suspension in list(_armed):
            if suspension.over:  # it may have ended in another thread, which could not
                suspension.disarm()
        if _STOP and _in_main() and signal.getsignal(_STOP) is signal.SIG_DFL:
            signal.signal(_STOP, self._stop)
            _armed.add(self)

    def disarm(self) -> None:
        """Give SIGTSTP its default action back, if it is still ours."""
        if self in _armed and _in_main():
            _armed.discard(self)
            # a bound method is a new object each time: equal, but not the same
            if signal.getsignal(_STOP) == self._stop:  # type: ignore[arg-type]
                signal.signal(_STOP, signal.SIG_DFL)  # type: ignore[arg-type]

    def _stop(self, number: int, frame: object) -> None:
        if not self.over:
            self._aside()
        signal.signal(number, signal.SIG_DFL)
        # to this thread, which so stops before it goes on; `os.kill` may choose another
        signal.pthread_kill(threading.get_ident(), number)
        if self.over:
            _armed.discard(self)
            return
        signal.signal(number, self._stop)
        self._back()


def _in_main() -> bool:
    return threading.current_thread() is threading.main_thread()


def _forget() -> None:
    """A forked child stops as any program does."""
    for suspension in list(_armed):
        suspension.disarm()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
