"""How each peer shows many tasks in processes, by its own documentation's way: programs.

Each begins with `HEAD`: `tasks` are their numbers, `steps(n)` what each does, with what goes wrong
in a scenario. It shows a bar for each task under the label "task 3", or where it has but one bar,
that under the label "all".
"""

from __future__ import annotations

from typing import NamedTuple

#: How many tasks there are in each scenario.
TASKS = {"many": 20, "prints": 4, "raised": 4, "killed": 4, "resized": 4, "piped": 4}
HEAD = """
import os, signal, sys, time
SCENARIO = sys.argv[1]
tasks = range({tasks}[SCENARIO])
STEPS = 30

def steps(n):
    for step in range(STEPS):
        time.sleep(0.03)
        if SCENARIO == "prints" and step % 3 == 0:
            print(f"line {n} {step}", flush=True)
        if n == 1 and step == 15:
            if SCENARIO == "raised":
                raise ValueError("it broke")
            if SCENARIO == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
        yield step

def bare(n):
    for _ in steps(n):
        pass
    return n

def guarded(run):
    try:
        run()
        print("THE END")
    except BaseException as error:
        print(f"ERROR {type(error).__name__}: {error}")
        sys.exit(1)
""".replace("{tasks}", str(TASKS))


class Peer(NamedTuple):
    """A library, and how it shows tasks.

    Attributes:
        name: what it is called in the table.
        packages: what pip is to install; the first is the one whose version is told.
        each: whether it shows a bar for each task.
        code: the program.
        loop: imports, and an expression: an iterator over `xs` that shows a bar; "" where it has
            none.
        pool: imports, and code that runs `square` for each of `xs` on two workers; "" where it
            has none.
        measured: an expression that calls `measured` where the loop has its bar.
    """

    name: str
    packages: tuple[str, ...]
    each: bool
    code: str
    loop: str = ""
    pool: str = ""
    measured: str = "measured()"


PEERS = [
    Peer(
        "barexec",
        ("barexec",),
        True,
        """
from barexec import ProgressPoolExecutor, track

def task(n):
    for _ in track(steps(n), STEPS, desc=f"task {n}"):
        pass
    return n

def run():
    with ProgressPoolExecutor(4, desc="all") as ex:
        list(ex.map(task, tasks))

if __name__ == "__main__":
    guarded(run)
""",
        "from barexec import ProgressPoolExecutor, track\ntrack(xs)",
        "from barexec import ProgressPoolExecutor\n"
        "with ProgressPoolExecutor(2) as ex:\n    list(ex.map(square, xs))",
        "ProgressPoolExecutor(1).submit(measured).result()",
    ),
    Peer(
        "barexec, no pool",
        ("barexec",),
        True,
        "",
        "from barexec import track\ntrack(xs)",
    ),
    Peer(
        "tqdm, position=",
        ("tqdm",),
        True,
        """
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import RLock
from tqdm import tqdm

def task(n):
    for _ in tqdm(steps(n), total=STEPS, desc=f"task {n}", position=n):
        pass
    return n

def run():
    lock = RLock()
    tqdm.set_lock(lock)
    with ProcessPoolExecutor(4, initializer=tqdm.set_lock, initargs=(lock,)) as ex:
        list(ex.map(task, tasks))

if __name__ == "__main__":
    guarded(run)
""",
        "from tqdm import tqdm\ntqdm(xs)",
    ),
    Peer(
        "tqdm, process_map",
        ("tqdm",),
        False,
        """
from tqdm.contrib.concurrent import process_map

def run():
    process_map(bare, tasks, max_workers=4, desc="all")

if __name__ == "__main__":
    guarded(run)
""",
        "",
        "from tqdm.contrib.concurrent import process_map\n"
        "process_map(square, xs, max_workers=2, chunksize=1)",
    ),
    Peer(
        "rich, manager",
        ("rich",),
        True,
        """
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import Manager
from rich.progress import Progress

def task(n, told, id):
    for step in steps(n):
        told[id] = step + 1
    return n

def run():
    with Progress() as progress, Manager() as manager:
        told = manager.dict()
        with ProcessPoolExecutor(4) as ex:
            ids = {n: progress.add_task(f"task {n}", total=STEPS) for n in tasks}
            futures = [ex.submit(task, n, told, ids[n]) for n in tasks]
            while not all(future.done() for future in futures):
                for id, done in told.items():
                    progress.update(id, completed=done)
                time.sleep(0.1)
            for id, done in told.items():
                progress.update(id, completed=done)
            for future in futures:
                future.result()

if __name__ == "__main__":
    guarded(run)
""",
        "from rich.progress import track\ntrack(xs)",
    ),
    Peer(
        "progressbar2",
        ("progressbar2",),
        False,
        """
from concurrent.futures import ProcessPoolExecutor, as_completed
import progressbar

def run():
    with ProcessPoolExecutor(4) as ex:
        futures = [ex.submit(bare, n) for n in tasks]
        with progressbar.ProgressBar(max_value=len(tasks), prefix="all ") as bar:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                bar.update(done)

if __name__ == "__main__":
    guarded(run)
""",
        "from progressbar import progressbar\nprogressbar(xs)",
    ),
    Peer(
        "alive-progress",
        ("alive-progress",),
        False,
        """
from concurrent.futures import ProcessPoolExecutor, as_completed
from alive_progress import alive_bar

def run():
    with ProcessPoolExecutor(4) as ex:
        futures = [ex.submit(bare, n) for n in tasks]
        with alive_bar(len(tasks), title="all") as bar:
            for future in as_completed(futures):
                future.result()
                bar()

if __name__ == "__main__":
    guarded(run)
""",
        "from alive_progress import alive_it\nalive_it(xs)",
    ),
    Peer(
        "enlighten, queues",
        ("enlighten",),
        True,
        """
from multiprocessing import Process, Queue
from queue import Empty
import enlighten

def task(n, queue):
    for step in steps(n):
        queue.put((n, step + 1))
    queue.put((n, None))

def run():
    manager, queue, waiting, running, bars = enlighten.get_manager(), Queue(), list(tasks), {}, {}
    while waiting or running:
        while waiting and len(running) < 4:
            n = waiting.pop(0)
            bars[n] = manager.counter(total=STEPS, desc=f"task {n}")
            running[n] = Process(target=task, args=(n, queue))
            running[n].start()
        try:
            n, step = queue.get(timeout=0.1)
        except Empty:
            for n, process in list(running.items()):
                if process.exitcode:
                    raise RuntimeError(f"task {n} ended with {process.exitcode}")
            continue
        if step is None:
            running.pop(n).join()
        else:
            bars[n].update()
    manager.stop()

if __name__ == "__main__":
    guarded(run)
""",
        "import enlighten\nenlighten.Counter(total=len(xs))(xs)",
    ),
    Peer(
        "mpire",
        ("mpire",),
        False,
        """
from mpire import WorkerPool

def run():
    with WorkerPool(n_jobs=4) as pool:
        pool.map(bare, tasks, progress_bar=True, progress_bar_options={"desc": "all"}, chunk_size=1)

if __name__ == "__main__":
    guarded(run)
""",
        "",
        "from mpire import WorkerPool\nwith WorkerPool(n_jobs=2) as pool:\n"
        "    pool.map(square, xs, progress_bar=True, chunk_size=1)",
    ),
    Peer(
        "atpbar",
        ("atpbar",),
        True,
        """
from concurrent.futures import ProcessPoolExecutor
from atpbar import atpbar, find_reporter, flushing, register_reporter

class Steps:
    def __init__(self, n):
        self.n = n
    def __len__(self):
        return STEPS
    def __iter__(self):
        return steps(self.n)

def task(n):
    for _ in atpbar(Steps(n), name=f"task {n}"):
        pass
    return n

def run():
    with flushing(), ProcessPoolExecutor(
        4, initializer=register_reporter, initargs=(find_reporter(),)
    ) as ex:
        list(ex.map(task, tasks))

if __name__ == "__main__":
    guarded(run)
""",
        "from atpbar import atpbar\natpbar(xs)",
    ),
    Peer(
        "p_tqdm",
        ("p_tqdm",),
        False,
        """
from p_tqdm import p_map

def run():
    p_map(bare, list(tasks), num_cpus=4, desc="all")

if __name__ == "__main__":
    guarded(run)
""",
        "",
        "from p_tqdm import p_map\np_map(square, xs, num_cpus=2)",
    ),
    Peer(
        "joblib + tqdm",
        ("joblib", "tqdm"),
        False,
        """
from joblib import Parallel, delayed
from tqdm import tqdm

def run():
    results = Parallel(4, return_as="generator")(delayed(bare)(n) for n in tasks)
    list(tqdm(results, total=len(tasks), desc="all"))

if __name__ == "__main__":
    guarded(run)
""",
        "",
        "from joblib import Parallel, delayed\nfrom tqdm import tqdm\n"
        "list(tqdm(Parallel(2, return_as='generator', batch_size=1)"
        "(delayed(square)(x) for x in xs)))",
    ),
    Peer(
        "loky + tqdm",
        ("loky", "tqdm"),
        False,
        """
from concurrent.futures import as_completed
from loky import ProcessPoolExecutor
from tqdm import tqdm

def run():
    with ProcessPoolExecutor(4) as ex:
        futures = [ex.submit(bare, n) for n in tasks]
        for future in tqdm(as_completed(futures), total=len(futures), desc="all"):
            future.result()

if __name__ == "__main__":
    guarded(run)
""",
        "",
        "from loky import ProcessPoolExecutor\nfrom tqdm import tqdm\n"
        "with ProcessPoolExecutor(2) as ex:\n    list(tqdm(ex.map(square, xs)))",
    ),
    Peer(
        "pebble + tqdm",
        ("pebble", "tqdm"),
        False,
        """
from concurrent.futures import as_completed
from pebble import ProcessPool
from tqdm import tqdm

def run():
    with ProcessPool(max_workers=4) as pool:
        futures = [pool.schedule(bare, args=(n,)) for n in tasks]
        for future in tqdm(as_completed(futures), total=len(futures), desc="all"):
            future.result()

if __name__ == "__main__":
    guarded(run)
""",
        "",
        "from pebble import ProcessPool\nfrom tqdm import tqdm\n"
        "with ProcessPool(max_workers=2) as pool:\n"
        "    list(tqdm(pool.map(square, xs).result()))",
    ),
    Peer(
        "stock executor",
        (),
        False,
        "",
        "",
        "from concurrent.futures import ProcessPoolExecutor\n"
        "with ProcessPoolExecutor(2) as ex:\n    list(ex.map(square, xs))",
    ),
]
