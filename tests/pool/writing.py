"""Tasks that write, in a module that every worker can import."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from tasks import KILL

from barexec import Bar, Writer, current_writer

#: What a line of `numbered` looks like.
LINE = "<{name} {n:06d} {pad}>"


def numbered(name: object, count: int, pad: int = 40) -> Iterator[str]:
    for n in range(count):
        yield LINE.format(name=name, n=n, pad="." * pad)


def prints(name: object, count: int = 300, *, writer: Writer) -> int:
    for line in numbered(name, count):
        print(line, file=writer)
    return writer.write("")


def says(name: object, writer: Writer) -> str:
    """Many short tasks, each with a long line and one that is not finished."""
    writer.write(f"<{name} {'y' * 1500}>\n<{name} last>")
    return str(name)


def floods(name: object, count: int, writer: Writer) -> str:
    """More than the channel holds."""
    for line in numbered(name, count, 1000):
        writer.write(f"{line}\n")
    return f"{name}"


def floods_until(name: object, path: str, writer: Writer) -> int:
    """More than the channel holds, and on until the file is there. Gives the number of lines."""
    count = 0
    while count < 4000 or not Path(path).exists():
        writer.write(LINE.format(name=name, n=count, pad="." * 1000) + "\n")
        count += 1
    return count


def floods_and_dies(name: object, count: int, how: str, writer: Writer) -> None:
    floods(name, count, writer)
    writer.write("<and half a")
    if how == "kill":
        os.kill(os.getpid(), KILL)
        time.sleep(60)
    os._exit(7)


def place(*_: object, writer: Writer) -> tuple[int, int]:
    return writer.location


def looks(_: object, writer: Writer) -> tuple[bool, int]:
    return writer.isatty(), writer.columns


def forks(writer: Writer) -> int:
    writer.write("<parent before>\n")
    pid = os.fork()
    if not pid:
        floods("child", 200, writer)
        os._exit(0)
    floods("parent", 200, writer)
    return os.waitpid(pid, 0)[1]


def writes_from_threads(count: int, writer: Writer) -> None:
    """They go on when the task has ended."""
    begun = threading.Barrier(4)

    def write(name: str) -> None:
        begun.wait()
        for line in numbered(name, count):
            writer.write(f"{line}\n")

    for name in "abc":
        threading.Thread(target=write, args=(name,)).start()
    begun.wait()


def writes_on_signals(count: int, writer: Writer) -> int:
    calls = [0]

    def write(*_: object) -> None:
        calls[0] += 1
        writer.write(f"<signal {calls[0]}>\n")

    before = signal.signal(signal.SIGALRM, write)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for line in numbered("main", count, 1000):
            writer.write(f"{line}\n")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return calls[0]


class Cycle:
    """Only the garbage collector finds it, in any thread, at any moment."""

    def __init__(self, n: int, writer: Writer) -> None:
        self.n = n
        self.writer = writer
        self.me = self

    def __del__(self) -> None:
        self.writer.write(f"<dead {self.n}>\n")


def writes_from_finalizers(count: int, writer: Writer) -> None:
    before = gc.get_threshold()
    gc.set_threshold(3)
    try:
        with Bar(count) as bar:
            for n in range(count):
                Cycle(n, writer)
                bar.update()
                writer.write(f"<alive {n} {'.' * 1000}>\n")
                if n % 50 == 0:
                    time.sleep(0.02)  # for the sampler to come by
    finally:
        gc.set_threshold(*before)
    gc.collect()


def writes_at_the_exit(writer: Writer) -> None:
    """When the worker ends: before and after barexec's own last words."""
    for priority in (50, 1):
        Finalize(None, writer.write, args=(f"<bye {priority}>\n",), exitpriority=priority)


def is_interrupted(writer: Writer) -> None:
    writer.write("<interrupted>\n")
    raise KeyboardInterrupt


# --- with the libraries ----------------------------------------------------------------


def with_tqdm(n: int, writer: Writer) -> None:
    from tqdm import tqdm

    for _ in tqdm(range(n), desc="alone", file=writer, mininterval=0):
        pass


def with_nested_tqdm(n: int, writer: Writer) -> None:
    from tqdm import tqdm

    for _ in tqdm(range(n), desc="outer", file=writer, mininterval=0):
        for _ in tqdm(range(3), desc="inner", file=writer, mininterval=0, leave=False):
            tqdm.write("between", file=writer)


def with_progressbar(n: int, writer: Writer) -> None:
    import progressbar

    bar = progressbar.ProgressBar(max_value=n, fd=writer)
    for at in range(n):
        bar.update(at + 1, force=True)
    bar.finish()


def with_rich(n: int, writer: Writer) -> None:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(file=writer, width=writer.columns, legacy_windows=False)
    with Progress(console=console) as progress:
        task = progress.add_task("enriched", total=n)
        for _ in range(n):
            progress.advance(task)
            progress.refresh()
        console.print("[red]between[/red]")


def with_click(n: int, writer: Writer) -> None:
    import click

    stream: Any = writer
    with click.progressbar(range(n), file=stream, label="clicked", show_eta=False) as bar:
        for _ in bar:
            pass
    click.echo("between", file=writer)


def with_print(n: int, writer: Writer) -> None:
    for at in range(n):
        print(f"\rprinted {at + 1}/{n}", end="", file=writer, flush=True)
    print("\nbetween", file=writer)


# --- floods and hostile text -------------------------------------------------------------


def random_text(
    megabytes: int, until: str, how: str, errors: str, writer: Writer
) -> tuple[int, int]:
    """So much, and on until the file is there.

    Returns the characters that were written, and kB of memory that it took.
    """
    import random
    import resource

    source = random.Random(megabytes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    written = 0
    while written < megabytes << 20 or not Path(until).exists():
        text = source.randbytes(1 << 16).decode(how, errors)
        written += writer.write(text)
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return written, more // 1024 if sys.platform == "darwin" else more


def hostile(index: int, where: str, writer: Writer) -> Any:
    """A text of the corpus, in one of the places where text may come from."""
    from hostile import HOSTILE

    text = f"before{HOSTILE[index]}after"
    if where == "writer":
        writer.write(f"{text}\n")
    elif where == "split":
        for char in f"{text}\n":
            writer.write(char)
    elif where == "error":
        raise ValueError(text)
    else:
        bar = Bar(9, desc=text if where == "desc" else "d", unit=text if where == "unit" else "u")
        bar.update(3)
        if where == "postfix":
            bar.postfix = text
        elif where == "mapping":
            bar.postfix = {text: text}
        time.sleep(0.15)
    return index


def writer_of_the_task() -> tuple[int, int]:
    return current_writer().location
