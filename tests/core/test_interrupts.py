"""Ctrl-C in the parent, at its worst moments."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from barexec.interrupts import release_forgotten

posix = pytest.mark.skipif(sys.platform == "win32", reason="there is no setitimer")

#: Interrupts itself until the lock was left locked three times, and finds it free each time.
PROGRAM = """
import signal, sys, threading
from barexec import interrupts
interrupts.FORGOTTEN = 0.05

lock = {lock}
condition = threading.Condition(lock)
forgotten = 0
signal.signal(signal.SIGALRM, signal.default_int_handler)

def is_free():
    found = []
    def look():
        found.append(lock.acquire(timeout=0.05))
        if found[0]:
            lock.release()
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found[0]

while forgotten < 3:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        while True:
            with condition:
                pass
    except KeyboardInterrupt as error:
        left = not is_free()
        assert interrupts.release_forgotten(error.__traceback__) == left
        assert is_free()
        forgotten += left
print("free")
"""


@posix
@pytest.mark.parametrize("lock", ["threading.Lock()", "threading.RLock()"])
def test_a_lock_that_ctrl_c_left_locked_is_given_back(lock: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(lock=lock)],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stdout == "free\n", done.stderr


def test_a_lock_of_somebody_else_is_left_alone() -> None:
    condition = threading.Condition(threading.Lock())
    try:
        with condition:
            raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        assert not release_forgotten(error.__traceback__)
    assert not release_forgotten(None)
