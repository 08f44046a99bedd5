"""The one table: every fault that pools and terminals are known for, and what comes of it.

    fault × what its Future is × what its bar says × what the terminal is like

Each row is run over every start method, on a terminal, in full screen and off a terminal,
but where `only` says otherwise, and why. `docs/reliability.md` shows it.

Never here: how a fault is brought about.
"""

from __future__ import annotations

from typing import NamedTuple

METHODS = ("fork", "spawn", "forkserver")
DISPLAYS = ("inline", "fullscreen", "plain")


class Row(NamedTuple):
    """A fault, and what comes of it.

    Attributes:
        future: its value (of a call), or the name of the error's type.
        bar: the status of the task, and a pattern of its message.
        shown: what its row begins with, where it is not the name.
        alive: whether the pool takes the next task.
        methods, displays: over which it is run.
        only: why not over all.
        since: the first CPython that has it.
    """

    future: object
    bar: str = "DONE"
    message: str = ""
    alive: bool = True
    methods: tuple[str, ...] = METHODS
    displays: tuple[str, ...] = DISPLAYS
    only: str = ""
    shown: str | None = None
    since: tuple[int, int] = (3, 10)


UNREAD = "stopped: a result could not be read: .*"


def died(how: str) -> str:
    return rf"its worker died \({how}\), pid \d+"


def _unstarted(how: str) -> str:
    return rf"never started: a worker died \({how}\), pid \d+"


def _failed(error: str, message: str) -> Row:
    return Row(error, "FAILED", message)


def _lost(message: str) -> Row:
    return Row("BrokenProcessPool", "LOST", message, alive=False)


#: A task, or its worker.
WORKERS: dict[str, Row] = {
    # errors
    "raises": _failed("ValueError", "ValueError: it broke"),
    "raises in a loop": _failed("ValueError", "ValueError: item 3"),
    "raises a text of control characters": _failed("ValueError", "ValueError: .*next.*line"),
    "raises a text of 50,000 characters": _failed("ValueError", "ValueError: (long ){99}long"),
    "raises what has no text": _failed("Sly", r"Sly: \(SystemExit in its.*"),
    "raises what can't be pickled": _failed("TypeError", ".*does not travel"),
    "raises what can't be unpickled": _lost(UNREAD),
    "raises a BaseException": _failed("Odd", "Odd: odd"),
    "raises KeyboardInterrupt": Row("KeyboardInterrupt", "CANCELLED", "interrupted"),
    "sys.exit": _failed("SystemExit", "SystemExit: 3"),
    "recurses without end": _failed("RecursionError", "RecursionError: .*"),
    "out of memory (RLIMIT_AS)": _failed("MemoryError", "MemoryError.*"),
    "returns what can't be pickled": _failed("TypeError", "TypeError: cannot pickle.*"),
    "returns what can't be unpickled": _lost(UNREAD),
    "is given what can't be pickled": _failed("TypeError", "TypeError: cannot pickle.*"),
    "is given what can't be unpickled": _lost(".*"),
    # deaths
    "os._exit": _lost(died("exit 7")),
    "SIGSEGV": _lost(died("SIGSEGV")),
    "SIGABRT": _lost(died("SIGABRT")),
    "SIGTERM": _lost(died("SIGTERM")),
    "SIGKILL": _lost(died("SIGKILL")),
    "SIGKILL in a loop": _lost(died("SIGKILL")),
    "SIGKILL while idle": Row(16, alive=False),
    "SIGKILL in mid-print": _lost(died("SIGKILL")),
    "SIGKILL in mid-write, with the channel full": _lost(died("SIGKILL")),
    "SIGKILL with 50 bars that change": _lost(died("SIGKILL")),
    "SIGKILL while starting": _lost(_unstarted("SIGKILL")),
    "SIGKILL while ten tasks wait": _lost(died("SIGKILL")),
    "SIGSTOP for a while": Row("done"),
    "the initializer raises": _lost(_unstarted("exit 0")),
    "the initializer exits": _lost(_unstarted("exit 0")),
    "max_tasks_per_child": Row(
        [0, 1, 4, 9],
        methods=("spawn", "forkserver"),
        only="CPython allows it not with fork",
        since=(3, 11),
    ),
    # liberties
    "forks": Row(0),
    "forks a process that outlives it": Row("done"),
    "forks, and the child is killed": Row("done"),
    "runs a program": Row(0),
    "starts a stock pool": Row([0, 1, 4, 9]),
    "starts a pool of ours": Row([0, 1, 4, 9]),
    "leaves a thread": Row("done"),
    "leaves a tracked loop to a thread": Row("done"),
    "leaves bars open": Row("done"),
    "goes past its total": Row("done"),
    "counts nonsense": Row("done"),
    "changes sys.stdout and sys.stderr": Row("done"),
    "takes sys.stdout and sys.stderr away": Row("done"),
    "closes sys.stdout and sys.stderr": Row("done"),
    "redirects descriptors 1 and 2": Row("done"),
    "closes descriptors 1 and 2": Row("done"),
    "closes descriptors 0-9": Row(..., ..., alive=...),  # type: ignore[arg-type]
    "closes the channel's descriptor": Row("done"),
    "gives the channel's descriptor away": Row(b""),
    "has no descriptors left": Row("done"),
    "no thread can be had": Row(9),
    "changes its directory": Row("/"),
    "deletes its working folder": Row("done"),
    "clears the environment": Row("done"),
    "sets signal handlers, and a timer": Row("done"),
    "blocks all signals": Row("done"),
    "SIGPIPE is deadly": Row("done"),
    "leaves the session": Row("done"),
    "traces and profiles": Row("done"),
    "switches the garbage collector off": Row("done"),
    "makes warnings errors": Row("done"),
    "prints 5,000 lines": Row("done"),
    "prints control characters": Row("done", shown=""),
    "prints half a line": Row("done"),
    "draws on its writer, beyond its rows": Row("done", shown=""),
    "the clock jumps": Row("done"),
}
