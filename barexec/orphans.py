"""A worker whose parent has died ends, too: nobody waits for what it does.

A stock worker waits for its next task for ever, once the parent was killed. There is no
signal for that which other threads of the parent could not set off, too, and a pipe that
would end with the parent is held open by each process that a task starts. So it is asked
for, once in a while.

Never here: the task, the channel.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress

from .ticker import Ticker

#: Seconds between two looks.
PACE = 0.5
#: Looks after SIGTERM that a worker has to end by itself.
LOOKS = 4


class Orphan:
    """Ends this process when its parent is gone.

    Args:
        farewell: called before, by a thread; must not raise.

    Guarantees: takes no lock of anybody's; a thread of its own, which steps aside for forks.
    """

    def __init__(self, farewell: Callable[[], object]) -> None:
        self._farewell = farewell
        parent = multiprocessing.parent_process()
        self._parent = os.getppid() if parent is None or parent.pid is None else parent.pid
        # the fork server is what started this process; it lives as long as any worker does
        self._direct = self._parent == os.getppid()
        self._left = LOOKS
        self._ticker = Ticker(self._look, PACE, "barexec-orphan")
        if not _is_alive():
            self._parent = 0  # it has died already, and its place was taken
        with suppress(RuntimeError):  # no thread can be had: it stays, as the stock one does
            self._ticker.start()

    def _look(self) -> bool:
        if self._lives():
            return True
        if self._left == LOOKS:
            self._farewell()
            os.kill(os.getpid(), signal.SIGTERM)
        elif not self._left:
            os._exit(1)
        self._left -= 1
        return True

    def _lives(self) -> bool:
        """Whether the parent does."""
        if os.name != "posix":
            return _is_alive()
        if self._direct or not self._parent:
            return os.getppid() == self._parent
        try:
            os.kill(self._parent, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # it has become another user
            return True
        return not _is_zombie(self._parent)


def _is_zombie(process: int) -> bool:
    """Whether it has ended, and its own parent has not taken note; False where nobody tells."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:  # noqa: PTH123
            return file.read().rpartition(b")")[2].split()[0] == b"Z"
    except (OSError, IndexError):
        return False


def _is_alive() -> bool:
    """Whether the parent is, as far as `multiprocessing` knows: by a pipe, on POSIX, that tasks
    can close and others can hold open."""
    parent = multiprocessing.parent_process()
    return parent is None or parent.is_alive()
