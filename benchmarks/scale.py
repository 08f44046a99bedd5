"""What the display costs at 10,000 workers and 1,000,000 tasks: a simulation.

Asked: at most 10 % of a core at ten frames a second, and 300 MB.

The display, the channel, records and endings are real; workers are not: a thread writes the
records that so many would send, each at the pace that holds for their number (`remote.pace`).
They take tasks in the order in which these were submitted, as those of all engines do.
The share is the CPU time of the display's own thread; the memory is that of the program, less
what it has before the first task.
"""

from __future__ import annotations

import json

from .measure import on_terminal, table

WORKERS, TASKS, SECONDS = 10_000, 1_000_000, 40

PROGRAM = """
import json, os, resource, sys, threading, time
from barexec import display as displays
from barexec import sharing
from barexec.channel import open_memory_channel
from barexec.events import Advanced, Started, encode
from barexec.remote import pace

workers, tasks, seconds = map(int, sys.argv[1:])
spent, frames = 0.0, 0

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

class Measured(displays.Display):
    def _step(self, now):
        global spent, frames
        began = time.thread_time()
        try:
            return super()._step(now)
        finally:
            spent += time.thread_time() - began
            frames += 1

displays.Display = Measured
displays.FLOOD = tasks  # ten frames a second all the same
before = resident()
pool = sharing.join("inline", way=open_memory_channel)
ids = [pool.submitted(f"simulate({n})", 1) for n in range(tasks)]
pool._display.start()
display = pool._display
display.kick()
while pool.fresh:
    time.sleep(0.1)
full = resident() - before
spent, frames, began = 0.0, 0, time.monotonic()
ticks = seconds * 10
turn = max(1, round(pace(workers) * 10))  # each worker tells once in so many ticks
each = tasks // workers
length = ticks / each  # of a task, in ticks
last = [-1] * workers
peak = full
for tick in range(ticks + 1):
    ended, records = [], []
    for worker in range(workers):
        at = min(each, int((tick + worker % 97 / 97 * length) / length)) if tick < ticks else each
        if at != last[worker]:
            ended += [ids[n * workers + worker] for n in range(max(0, last[worker]), at)]
            last[worker] = at
        if at < each and worker % turn == tick % turn:
            id = ids[at * workers + worker]
            age = (tick % length) / 10
            records.append(encode(Started(id, 1000 + worker, age)))
            records.append(encode(Advanced(id, 0, 0, tick % 100, 100, age, False, "", "it", "")))
    for at in range(0, len(records), 50):
        while not pool.sender.send(b"".join(records[at : at + 50])):
            time.sleep(0.01)
    pool.done.extend(ended)
    if tick % 20 == 0:
        peak = max(peak, resident() - before)
    time.sleep(max(0, began + tick / 10 - time.monotonic()))
passed = time.monotonic() - began
told = {
    "share": spent / passed, "frames": frames / passed, "full": full, "peak": peak,
    "late": passed / seconds, "turn": turn / 10,
}
pool.close(wait=True)
told["done"] = display.tasks.ended
print(json.dumps(told))
"""


def main() -> None:
    sizes = [(100, 100_000), (1_000, 1_000_000), (WORKERS, TASKS)]
    rows = []
    for workers, tasks in sizes:
        child = on_terminal(PROGRAM, str(workers), str(tasks), str(SECONDS), columns=120, rows=40)
        told = json.loads(child.stdout)
        assert told["done"] == tasks
        assert told["late"] < 1.02, f"workers could not be simulated so fast: {told['late']:.2f}"
        rows.append(
            [
                f"{workers:,} workers, {tasks:,} tasks",
                f"{told['turn']:.1f} s",
                f"{told['share']:.1%}",
                f"{told['frames']:.1f}",
                f"{told['full'] / 1e6:.0f} MB",
                f"{told['peak'] / 1e6:.0f} MB",
                f"{child.written / SECONDS / 1000:.0f} kB/s",
            ]
        )
    table(
        "The display beside simulated workers (asked: 10 % of a core, 300 MB)",
        ["", "a worker tells each", "CPU", "frames/s", "all wait", "peak", "written"],
        rows,
    )
