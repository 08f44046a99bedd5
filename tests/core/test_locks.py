"""Locks that Ctrl-C cannot leave locked."""

from __future__ import annotations

import signal
import sys
import threading

import pytest

from barexec.locks import RLock


@pytest.mark.skipif(sys.platform == "win32", reason="there is no setitimer")
def test_ctrl_c_leaves_no_lock_locked() -> None:
    lock = RLock()

    def enter() -> None:
        while True:
            with lock, lock:
                pass

    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(300):
            with pytest.raises(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, 0.0005)
                enter()
            assert not lock._is_owned()  # type: ignore[attr-defined]
    finally:
        signal.signal(signal.SIGALRM, before)


def test_one_thread_has_it_at_a_time_and_may_take_it_again() -> None:
    lock = RLock()
    took: list[bool] = []
    with lock:
        with lock:
            pass
        other = threading.Thread(target=lambda: took.append(lock.acquire(timeout=0.01)))
        other.start()
        other.join()
    assert took == [False]
    assert not lock._is_owned()  # type: ignore[attr-defined]
