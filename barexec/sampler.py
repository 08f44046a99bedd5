"""The sampler of one worker: reads the counts of the tasks that run, about ten times a second,
from outside their loops, and sends what has changed.

    Task.sample ─► newest record of each bar ─► one write that fits, or waits for room
    put(text)   ─► all of it, in order       ─►

Never here: which task runs; the display.
"""

from __future__ import annotations

import os
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, sleep

from .bars import Task
from .capture import Capture
from .channel import ATOMIC, Sender
from .events import RECORD_LIMIT, Advanced, Event, Started, encode, split_text
from .locks import RLock
from .streams import Streams
from .ticker import Ticker

#: Seconds between two samples.
TICK = 0.1
#: Ticks without a task after which the sampler sleeps.
IDLE_TICKS = 20
#: Tasks shorter than a tick whose last numbers are told: so many at once, and a second.
SHORT_BURST, SHORT_RATE = 20.0, 30.0
#: Seconds that a worker waits at its exit for room in a full channel.
LAST_WORDS = 1.0
#: Records that wait for room in a full channel; beyond, the oldest are dropped.
BACKLOG = 10_000
#: Records of text that one write to the channel takes.
TEXT_AT_ONCE = ATOMIC // RECORD_LIMIT


class Sampler:
    """Tells of the tasks of one process, or of one pool.

    Guarantees: `begin` and `end` take a lock that the sampler holds for microseconds and
    never while it waits; neither ever waits for the parent. Of what a full channel
    refuses, the newest values are kept and sent later, also after the task's end. Text is
    sent whole and in order: it is in the channel when `put` returns, so that neither a
    kill nor the task's result overtakes it.
    """

    pace = TICK
    """Seconds between two looks; more where a pool has thousands of workers."""

    capture: Capture | Streams | None = None
    """What the process prints, if it is caught: somebody is to read it."""

    def __init__(self) -> None:
        self._lock = RLock()
        self.task: Task | None = None
        """The one that the process runs for a pool of processes."""
        self._others: tuple[Task, ...] = ()
        """Tasks that run in threads of this process."""
        self._sender: Sender | None = None
        self._waiting: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._text: deque[bytes] = deque()
        self._speaking = RLock()
        """Held by the thread that sends text. It takes no other lock meanwhile: a finalizer
        may write while its thread holds `_lock` (tests/core/test_writer.py)."""
        self._sending = False
        """Whether its holder is at it. Within, a finalizer or a signal handler may write, too."""
        self._spoke = 0.0
        self._idle = 0
        self._allowed = SHORT_BURST
        self._asked = 0.0
        self._ticker = Ticker(self._tick, TICK, "barexec-sampler")

    def begin(self, task: Task, sender: Sender) -> None:
        """The task starts. It is announced at once, but at most once a tick."""
        self.task = task
        self._began(task, sender)

    def enter(self, task: Task, sender: Sender) -> None:
        """The same, of a task that runs in a thread, beside others."""
        with self._lock:
            self._others = *self._others, task
        self._began(task, sender)

    def leave(self, task: Task) -> None:
        """Such a task has ended."""
        with self._lock:
            self._others = tuple([other for other in self._others if other is not task])
        self.end(task)

    def _began(self, task: Task, sender: Sender) -> None:
        self._sender = sender
        self._idle = 0
        if task.born - self._spoke >= self.pace:
            with self._lock:
                self._announce(task, task.born)
                if not sender.waits:
                    self._flush()
        sampler = self._ticker
        if sampler.parked:
            sampler.wake()
        elif not sampler.running:
            # where no thread can be had, the numbers are told as tasks begin and end
            with suppress(RuntimeError):
                sampler.start()

    def end(self, task: Task) -> None:
        """The task has ended: its last numbers follow, if any were or are to be told."""
        now = monotonic()
        short = now - task.born < TICK
        if self.task is task:
            self.task = None
        if short and not task.announced:
            # the sampler, if it looks just now, may announce it all the same: no harm is done
            if not (task.slots or task.chunk):
                return
            if not self._may_tell(now):
                task.end()
                return
        task.unfold()
        task.end()  # without the lock: objects of the user's may die
        with self._lock:
            sender = self._sender  # once: another thread may find just now that nobody listens
            if sender is None:
                return
            if not short:
                self._announce(task, now)  # (again,) with the time that it ran in all
            self._keep(task.sample(now))
            if task.announced and not sender.waits:
                self._flush()

    def put(self, task: Task, text: str, sender: Sender) -> None:
        """Send text, in the order in which it comes; wait while the channel is full."""
        self._sender = sender
        self._text.extend([encode(part) for part in split_text(task.id, text)])
        with self._speaking:
            # what is written within a write is sent by the outer one: it may be one of many
            # signals that come while it waits
            while self._text and self._sender is not None and not self._sending:
                self._send_text(sender.ready)

    def _send_text(self, wait: Callable[[float], object] | None = None) -> bool:
        """Send the text that waits; to be called with `_speaking` held, and not within itself.
        False: the channel is full, and there is no `wait` for room."""
        self._sending = True
        try:
            while self._text and self._sender is not None:
                some: list[bytes] = []
                with suppress(IndexError):  # no more; the parent may be gone just now, and all this
                    for at in range(TEXT_AT_ONCE):
                        some.append(self._text[at])
                if self._send(b"".join(some)):
                    with suppress(IndexError):
                        for _ in some:
                            self._text.popleft()
                elif wait is not None:
                    wait(TICK)
                else:
                    return False
        finally:
            self._sending = False
        return True

    def _speak(self) -> bool:
        """Send the text that waits. False: the channel is full, or another thread is at it."""
        if not self._text:
            return True
        if not self._speaking.acquire(blocking=False):
            return False
        try:
            return not self._sending and self._send_text()
        finally:
            self._speaking.release()

    def _send(self, data: bytes) -> bool:
        """False: the channel is full."""
        try:
            return self._sender is None or self._sender.send(data)
        except Exception:
            # the parent is gone, the task closed our descriptor, or somebody has taken `select`
            # apart (eventlet does): the work goes on
            self._sender = None
            self._text.clear()
            return True

    def _may_tell(self, now: float) -> bool:
        """Whether the numbers of one more very short task may be told: not of thousands."""
        share = TICK / self.pace
        more = (now - self._asked) * SHORT_RATE * share
        self._allowed = min(max(1.0, SHORT_BURST * share), self._allowed + more)
        self._asked = now
        if self._allowed < 1:
            return False
        self._allowed -= 1
        return True

    def _announce(self, task: Task, now: float) -> None:
        task.announced = True
        self._spoke = now
        self._keep([Started(task.id, os.getpid(), now - task.born, task.run)])

    def _keep(self, events: list[Event]) -> None:
        for event in events:
            slot = event.slot if isinstance(event, Advanced) else -1
            self._waiting[event.task, slot] = encode(event)
        while len(self._waiting) > BACKLOG:
            self._waiting.popitem(last=False)

    def _tick(self) -> bool:
        with self._lock:
            task, sender = self.task, self._sender
            tasks = self._others if task is None else (task, *self._others)
            now = monotonic()
            for task in tasks:
                if not task.announced:
                    self._announce(task, now)
                self._keep(task.sample(now))
            if not tasks:
                self._idle += 1
            waits = sender is not None and sender.waits
            if not waits:
                self._flush()
        for task in tasks:
            task.gone = ()
        self._watch()
        if waits:
            self._flush()
        waits = bool(self._sender and (self._waiting or self._text))
        return bool(tasks) or waits or (self._ticker.parks and self._idle < IDLE_TICKS)

    def _watch(self) -> None:
        if self.capture is not None:
            self.capture.watch(lambda: self._sender is not None and self._sender.listened_to())

    def _flush(self) -> bool:
        """Send what waits, in writes that go through whole. False: the channel is full."""
        if not self._speak():
            return False
        while self._waiting and self._sender is not None:
            with self._lock:
                batch: dict[tuple[int, int], bytes] = {}
                size = 0
                for key, record in self._waiting.items():
                    size += len(record)
                    if size > ATOMIC:
                        break
                    batch[key] = record
            if not self._send(b"".join(batch.values())):
                return False
            with self._lock:
                for key, record in batch.items():
                    if self._waiting.get(key) is record:
                        del self._waiting[key]
        return True

    def exit(self) -> None:
        """The worker exits: what still waits gets one last, bounded chance."""
        self._watch()
        until = monotonic() + LAST_WORDS
        sender = self._sender
        if sender is not None and sender.waits:
            while (self._waiting or self._text) and self._sender and monotonic() < until:
                self._ticker.kick()
                sleep(TICK / 10)
            return
        self._ticker.stop(patience=TICK)
        while self._sender is not None and not self._flush():
            left = until - monotonic()
            if left <= 0 or sender is None or not sender.ready(left):
                return
