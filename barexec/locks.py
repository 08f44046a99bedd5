"""A lock that Ctrl-C cannot leave locked.

CPython 3.14 looks for signals right after the call by which a `with` takes its lock, before
the block begins (gh-148874): a KeyboardInterrupt there leaves it locked, and all other threads
waiting for ever (tests/core/test_locks.py). Elsewhere the lock is `threading`'s own.

Never here: whose locks these are.
"""

from __future__ import annotations

import sys
import threading

if sys.version_info[:2] != (3, 14):
    from threading import RLock as RLock
else:

    class RLock(type(threading.RLock())):  # type: ignore[misc]
        """The same, taken where no signal is looked for."""

        __slots__ = ()

        def __enter__(self) -> bool:
            # by an operator: after one, and after the return of this, nothing is looked for
            return True in map(self.acquire, (True,))
