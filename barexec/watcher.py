"""Gives the terminal back when the program is killed: a tiny process that waits for that.

    program ── its last words, as they change ──► pipe ──► watcher
    program killed: the pipe ends ───────────────────────► watcher ── last words ──► terminal
    program ends by itself: no last words, the pipe ends ► watcher ends in silence

No code of a program runs at SIGKILL, nor at SIGTERM and SIGHUP by default. The last words
are what takes a full screen back, and what is to stand on the normal screen; the lines
printed in full screen stand between them, in a file that both processes have open.

This file is imported by the program, and run by its path as the watcher: so it imports
nothing but what every Python has loaded, or nearly.

Never here: what the words are; writing to the terminal while the program lives.
"""

from __future__ import annotations

import os
import select
import sys

TYPE_CHECKING = False  # `typing` would double the time that the watcher takes to start
if TYPE_CHECKING:
    import subprocess

_POLL = getattr(select, "poll", None)  # as `channel` has it
#: Seconds that a program waits for its watcher to end.
PATIENCE = 2.0

_MESSAGE_END = b"\0"
_PRINTED = b"\x1e"
"""Where, within the last words, the printed lines come."""

_watchers: set[Watcher] = set()
_speaking: list[Watcher] = []


class Watcher:
    """The program's end.

    Args:
        terminal: the descriptor of the terminal.
        printed: the descriptor of the file with the lines printed in full screen, if any.

    Raises:
        OSError, ValueError: no process can be started, or there is no Python to run in it.

    Guarantees: the methods raise nothing, and block not at all but for `dismiss`, at most
    `PATIENCE` seconds. A forked child's copy does nothing, and holds no descriptor.
    """

    def __init__(self, terminal: int, printed: int | None) -> None:
        import subprocess

        # the executable of a frozen program is that program
        if not sys.executable or getattr(sys, "frozen", False) or os.name == "nt":
            raise ValueError("no Python can be started here")
        self._due = b""
        """What of a message is still to be sent."""
        self._next = b""
        """The message after that one."""
        self._process: subprocess.Popen[bytes] | None = None
        read, self._pipe = os.pipe()
        _watchers.add(self)
        try:
            os.set_blocking(self._pipe, False)
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__, "" if printed is None else str(printed)],
                stdin=read,
                stdout=terminal,
                stderr=subprocess.DEVNULL,
                cwd="/",
                # neither Ctrl-C nor the end of the terminal's session is meant for it
                start_new_session=True,
                pass_fds=() if printed is None else (printed,),
            )
        except BaseException:
            self.close()
            raise
        finally:
            os.close(read)

    def tell(self, before: bytes, after: bytes) -> None:
        """The last words from now on: what comes before the printed lines, and after."""
        self._send(before + _PRINTED + after)

    def dismiss(self) -> None:
        """The program gave the terminal back by itself: the watcher ends in silence."""
        import subprocess

        self._send(b"")
        process, silent = self._process, not self._due
        self.close()
        if process is None:
            return
        if not silent:
            process.kill()  # it does not listen, and would speak up
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def leave_alone(self) -> None:
        """The program leaves the terminal to the watcher, which says the last words."""
        self.close()
        _speaking.append(self)

    def close(self) -> None:
        """End the pipe, as the program's death would. A second call does nothing."""
        _watchers.discard(self)
        pipe, self._pipe = self._pipe, -1
        if pipe >= 0:
            os.close(pipe)

    def _send(self, message: bytes) -> None:
        """Send the message, or keep it for the next time in the place of one not yet begun."""
        self._next = message + _MESSAGE_END
        while self._next or self._due:
            if not self._due:
                self._due, self._next = self._next, b""
            try:
                # not left to `write`: the program may have given SIGPIPE its default back
                if self._pipe < 0 or _is_closed(self._pipe):
                    raise BrokenPipeError("the watcher is gone")
                self._due = self._due[os.write(self._pipe, self._due) :]
            except BlockingIOError:
                return
            except OSError:
                self._due = self._next = b""

    def _in_child(self) -> None:
        self.close()
        if self._process is not None:
            self._process.returncode = 0  # the parent's child: nobody here is to wait for it
            self._process = None


def _is_closed(pipe: int) -> bool:
    if _POLL is None:
        return False
    poll = _POLL()
    poll.register(pipe, 0)
    return bool(poll.poll(0))


def _forget() -> None:
    """A forked worker keeps no writing end: it may outlive the program."""
    for watcher in list(_watchers):
        watcher._in_child()


def watch(printed: int | None) -> None:
    """Be the watcher: wait for the pipe on descriptor 0 to end, then say the last words on 1."""
    words = heard = b""
    while some := os.read(0, 1 << 16):
        *messages, heard = (heard + some).split(_MESSAGE_END)
        words = messages[-1] if messages else words
    if not words:
        return
    before, _, after = words.partition(_PRINTED)
    _say(before)
    at = 0
    while printed is not None and (some := os.pread(printed, 1 << 16, at)):
        at += len(some)
        _say(some)
    _say(after)


def _say(words: bytes) -> None:
    while words:
        try:
            words = words[os.write(1, words) :]
        except BlockingIOError:  # somebody made the terminal non-blocking
            select.select([], [1], [])


if __name__ == "__main__":
    try:
        watch(int(sys.argv[1]) if sys.argv[1] else None)
    finally:
        os._exit(0)
elif hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
