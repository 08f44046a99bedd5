"""The loop that joins everything in the parent: receive, apply, compose, paint.

    pools ──► submitted, done, ended     ┐                       ┌► Layout ─► Painter
    workers ══ channel ══► Decoder       ├► Tasks ── 10 Hz ──────┤
    bars outside any pool (read directly)┘                       └► Narration ─► PlainPainter

It lives from the first task until the last pool has closed. Its thread is the only one that
touches `Tasks` and the terminal; everybody else appends to a deque. Who takes part in it:
`sharing`.

Whatever goes wrong in here becomes one warning, and the work goes on without a display;
no warning where stderr itself is gone.

Never here: escape codes, the name of a terminal library, a strong reference to an
executor.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, TextIO, TypeVar

from . import policy as policies
from .bars import Task
from .endings import message, warn
from .events import Event, Printed
from .locks import RLock
from .output import Output
from .policy import Leave
from .pool import LINGER, PATIENCE, Nothing, Pool
from .program_text import Questions
from .ptys import Link
from .state import FAULTS, Status, Submission, TaskState
from .suspension import Suspension
from .task_text import TaskText
from .tasks import KEPT, Tasks, apply
from .terminal_text import printable
from .ticker import Ticker
from .view import View
from .writer import Screen

if TYPE_CHECKING:
    from .painters.glass import Glass

T = TypeVar("T")

#: Seconds between two frames.
INTERVAL = 0.1
#: Seconds between two looks at a frame that stands there while nothing runs: for Ctrl-Z, for what
#: is typed, for another size.
REST = 0.2
#: Tasks that end between two frames, from which on the next one comes after twice as long: the
#: program needs its time, and nobody reads what stands there for a tenth of a second.
FLOOD = 100
#: Seconds after which a task may have printed what the program, that writes now, has heard of.
MOMENT = 0.001


#: Held where it is decided who takes part in which display, and which has ended. A signal handler
#: may ask something (`paused`) in the midst of that.
lock = RLock()
#: The displays that have not ended: one for each stream.
live: list[Display] = []
#: The `paused()` blocks that are open: what each holds back.
pauses: list[list[Display]] = []


class Display:
    """The display of one stream.

    Args:
        policy: how to show.
        stream: where; the display is its only writer while it is live.
        renderer: how a bar looks: a name or an object.
        leave: what stays on the screen at the end.
        desc: the name of the whole.
        terminal: the user's own Terminal, whose stream it is.

    Guarantees: no method raises, and none blocks but those that wait `patiently`.
    """

    def __init__(
        self,
        policy: policies.Policy,
        stream: TextIO,
        renderer: object = "bar",
        leave: Leave = None,
        desc: str | None = None,
        terminal: object = None,
    ) -> None:
        self.stream = stream
        self.tasks = Tasks(None if leave is True else KEPT)
        if desc is not None:
            self.tasks.desc = str(desc)
        self.pools: list[Pool] = []
        self.staged: dict[int, Task] = {}
        self.submitted: dict[int, Submission] = {}
        """Those outside any pool."""
        self.ended: deque[tuple[Pool | None, int, Status | None, BaseException | None]] = deque()
        self.finished = threading.Event()
        self.reported = False
        """Whether a task has ended since the program wrote last."""
        self.exiting = False
        """The interpreter exits: what still runs is waited for no longer."""
        self.held = 0
        """The `fullscreen()` blocks that keep it, with executors or without."""
        self._ticker = Ticker(self._tick, INTERVAL, "barexec-display")
        self._round = threading.Lock()
        self._output = Output(
            stream,
            TaskText(self.tasks, placed=policy.mode != "plain"),
            self._glass().device(),
            self._write,
            *(self._is_mine, self._place, self._wake, self._spoken),
            lambda: not self._glass().ready(),
        )
        self._view = View(stream, policy, self.tasks, self._output, renderer, leave, terminal)
        self._suspension = Suspension(self._view.pause, self._view.resume)
        if policy.mode == "fullscreen":
            self._suspension.arm()
        if (screen := self.screen()).live:  # what is printed before the first frame asks for it
            columns = min(screen.columns, screen.limit or screen.columns)
            self._output.resize(max(1, columns - 1), screen.rows)
        self._backs: deque[None] = deque()
        """One entry for each `step_back` that is yet to come."""
        self._prompted = False
        """Whether the prompt of Python's shell has the terminal."""
        self._placed = 0.0
        self._drawing: int | None = None
        """The thread that is at it."""
        self._hurried = False
        """Whether it is ended by Ctrl-C: nothing more is waited for."""
        self._calm = 0
        self._resting = False
        """Whether all that it does is to look at the frame that stands there."""
        self._stuffed = False
        """Whether it takes in nothing that is printed, as the terminal takes none."""

    # --- for any thread ---

    def start(self) -> None:
        """Run, if it does not yet."""
        if self._ticker.parked or (self._resting and self._ticker.running):
            self._ticker.kick()
        elif not self._ticker.running and not self.finished.is_set():
            if not self._view.plain:
                # by this thread: what it prints from now on has its place after what tasks do
                self._output.open()
                questions.take_over()
            try:
                self._ticker.start()
            except RuntimeError as error:
                # CPython 3.12 on: no thread can be started once the interpreter is exiting
                self._fail(error)

    def kick(self, may_wait: bool = True) -> None:
        """Look now, not at the next tick."""
        if self._ticker.running:
            self._ticker.kick()
        elif not self.finished.is_set() and (may_wait or not (_held() or self._round.locked())):
            self._tick()  # it never started: this thread looks in its place

    def screen(self) -> Screen:
        """What a worker is to know of its terminal."""
        policy = self._view.policy
        if self._view.plain:
            return Screen()
        glass = self._glass()
        columns, rows = glass.size() or (policy.columns or glass.USUAL[0], glass.USUAL[1])
        return Screen(True, columns, glass.path(), policy.columns, glass.device(), rows)

    def _glass(self) -> Glass:
        from .painters.glass import Glass

        return Glass(self.stream)

    def _write(self, text: str) -> None:
        self._glass().write(text)

    def listen(self, link: Link) -> None:
        """Workers of one more pool are to be heard.

        Raises:
            OSError: no descriptor is left for that.
        """
        self._output.listen(link)

    def join(self, taken: int | None = None) -> None:
        """If it has finished, wait until its last round is over, and its thread gone.

        Args:
            taken: `_taken` of when its end began to be waited for; None: now.
        """
        if not self.finished.is_set():
            return
        taken = self._taken if taken is None else taken
        if self.patiently(lambda s: self._round.acquire(timeout=s)):
            self._round.release()
            self._ticker.join(PATIENCE)
            self._suspension.disarm()
        else:
            self._give_way(taken)

    def await_end(self, over: Callable[[float], bool] | None = None) -> None:
        """Wait `patiently`, and then for its thread, if it has finished.

        Args:
            over: as of `patiently`; None: for its last round.
        """
        taken = self._taken
        ended = self.patiently(over or self.finished.wait)
        if self.exiting and not (ended or self.finished.is_set()):
            self._give_way(taken)
        self.join(taken)

    def _give_way(self, taken: int) -> None:
        """The last frame takes longer than anybody waits. The program's last words, such as a
        traceback, must not wait for it: its thread ends with the program.

        Args:
            taken: as in `join`. A slow terminal is full whenever one looks; a frozen one, which
                would hold those words, takes nothing.
        """
        if self._taken != taken or self._glass().ready():
            self._view.close()
            self._output.close()

    def patiently(self, wait: Callable[[float], bool]) -> bool:
        """Wait for `PATIENCE` seconds; longer only while a slow terminal takes what was printed,
        as a program waits that prints it itself, or a slow machine is at it. A frozen terminal
        takes nothing, and after Ctrl-C nobody wants to wait.

        Args:
            wait: for at most so many seconds; whether it is over.
        """
        while True:
            moved = self._moved
            if wait(PATIENCE):
                return True
            left = self._output.waits or self._drawing is not None
            hurried = self._hurried or any(pool.interrupted for pool in list(self.pools))
            if hurried or not left or self._moved == moved:
                return False

    @property
    def _moved(self) -> int:
        """Grows while what is printed goes on its way."""
        return self._taken + self._output.tasks.heard

    @property
    def _taken(self) -> int:
        """Grows while terminals take what is written."""
        from .painters.glass import Glass

        return Glass.taken

    # --- for its own thread ---

    def _tick(self) -> bool:
        # a thread may hang in a frozen terminal, given up by a fork, when the next one starts
        if not self._round.acquire(timeout=PATIENCE):
            return True
        self._drawing = threading.get_ident()
        try:
            return self._step(monotonic())
        except BaseException as error:  # a renderer may raise anything
            in_main = threading.current_thread() is threading.main_thread()
            if in_main and isinstance(error, KeyboardInterrupt):
                raise
            self._fail(error)
            return False
        finally:
            self._drawing = None
            self._round.release()

    def _is_mine(self) -> bool:
        """Whether the calling thread is the one that draws."""
        return self._drawing == threading.get_ident()

    def _fail(self, error: BaseException) -> None:
        with lock:
            self._retire()
        self._suspension.over = True
        # what is still reported is heard by nobody: keep none of it
        self.submitted = Nothing()
        self.ended = deque(maxlen=0)
        # each of it, whatever another one raises; the last comes first
        with suppress(*FAULTS), ExitStack() as steps:
            steps.callback(warn, error, self.stream)
            for pool in self.pools:
                steps.callback(pool.deafen)
            steps.callback(self._output.close)
            steps.callback(self._output.give_back)
            steps.callback(self._output.stop)
            # a worker that ends now is to pass on what nobody reads
            for pool in self.pools:
                steps.callback(pool.receiver.deafen)
            steps.callback(self._view.close)

    def _retire(self) -> None:
        """No longer the display of its stream; the thread ends after this tick."""
        if self in live:
            live.remove(self)
        if not live:
            questions.give_back()
        self.finished.set()
        self._ticker.stop(0)

    def _step(self, now: float) -> bool:
        """One round. Returns whether another is needed soon."""
        if self.finished.is_set():
            return False
        # what was reported before a pool closed, or the interpreter exits, is taken in below
        exiting = self.exiting
        self._come_back()
        if self._prompted and (exiting or not questions.open):
            self._prompted = False
            self._view.step_back()
        for pool in self.pools:
            pool.recall(now)
        closing = [pool for pool in self.pools if pool.closing]
        over, heard = self._take(now)
        self._calm = 0 if heard or self.tasks.live else self._calm + 1
        closed = [pool for pool in closing if pool.live <= 0 or pool.interrupted or exiting]
        self._hurried |= any(pool.interrupted for pool in closed)
        waited_for = closed and not (exiting and self._hurried)
        if waited_for and (self._output.full or self._view.is_held_up()):
            closed = []  # what was printed must not be lost
        for pool in closed[:]:
            pool.linger -= 1
            if pool.linger > 0 and pool.used:
                closed.remove(pool)
            else:
                self.pools.remove(pool)
                if pool.link is not None:
                    self._output.remove(pool.link, now)
        last = False
        with lock:
            if not (
                self.pools
                or self.staged
                or self.held
                or self.submitted
                or self.ended
                or (self._view.aside and not exiting)
            ):
                last = True
                self._retire()
            elif not self._view.plain:
                questions.take_over()
        try:
            calm = self._resting and self._calm and not (self._output.lines or last)
            if not (calm and self._view.stands and self._view.look_after()):
                self._view.show(over, now, last)
            if self._prompted and self._glass().ready():
                # as with the stock class: else tasks would soon wait for the next line typed
                self._output.write_lines()
            if last:
                if self._output.lines:
                    self._output.give_back()  # frozen just now
                self._output.leave_rows()
        finally:
            if last:
                self._output.close()
                self._suspension.over = True
            for pool in closed:
                pool.forget()
        waiting = any(pool.closing for pool in self.pools)
        lively = self.tasks.live or waiting or self._view.behind or self._calm < LINGER
        if lively or last:
            self._resting = False
            return not last
        self._resting = self._view.stands and self._ticker.parks
        if self._resting:
            self._ticker.interval = REST
        else:
            self._view.rest()  # from here on it sleeps
        return self._resting

    def _take(self, now: float) -> tuple[list[TaskState], bool]:
        """Take in what was reported: the tasks that ended, and whether anything came.

        The order matters: a task's last record came before its end, and its submission
        before either, so the ends are taken first, the submissions last, and applied the
        other way round.
        """
        tasks, output = self.tasks, self._output
        # a task has written all its text to the channel before it ends, and the channel holds
        # no more than is received at once
        self._stuffed = output.full
        listening = self.exiting or not self._stuffed
        ended = _drain(self.ended)
        pools = list(self.pools)  # and one that begins only now may have had no task that ended
        done = [pool.take_done() for pool in pools]
        self._ticker.interval = INTERVAL * (2 if sum(map(len, done)) > FLOOD else 1)
        events: list[Event] = []
        if listening:
            for pool in pools:
                events += pool.decoder.feed(pool.receiver.receive())
        # after the channel: what a task wrote there came before its end is marked here
        said = output.collect(now) if listening else []
        for staged in list(self.staged.values()):
            events += staged.sample(now)
        fresh = _move(self.submitted)
        for pool, numbers in zip(pools, done, strict=True):
            own = _move(pool.fresh)
            fresh |= own
            pool.live += len(own) - len(numbers)
            if own:
                if not pool.used:
                    pool.used = True
                    tasks.bare = False
                    output.start()
                if pool.named:
                    output.tasks.names.update({id: self._label(words) for id, words in own.items()})
            if pool.named and pool.link is None:
                output.tasks.silent += numbers
        tasks.submit(fresh, now)
        if fresh and self._view.began is None:
            self._view.began = now
        for event in events:
            if type(event) is Printed:
                output.lines += output.tasks.read(event, now)
            else:
                apply(tasks, event, now)
        output.hear(said, now)
        output.tasks.settle(now)
        over = [task for numbers in done for task in tasks.done(numbers, now)]
        for owner, id, status, error in ended:
            if owner is not None:
                owner.live -= 1
            else:
                self.staged.pop(id, None)
            if status is None:
                tasks.withdraw(id, now)
                continue
            if owner is not None and (owner.link is None or status is Status.CANCELLED):
                output.tasks.silent.append(id)
            dead = {} if owner is None else owner.dead
            ran_in = None if owner is None or owner.link is None else output.ran_in
            if task := tasks.end(id, status, message(status, error), now, dead, ran_in):
                over.append(task)
        if listening:
            output.lines += output.tasks.last_words()
        return over, bool(ended or events or said or any(done))

    def _spoken(self, much: bool) -> None:
        """Text of workers waits."""
        if not self.finished.is_set():
            self._wake(much)
        elif self._round.acquire(blocking=False):  # else it is asked again
            try:
                self._output.pass_on(monotonic())
            finally:
                self._round.release()

    def _wake(self, much: bool) -> None:
        """Text waits to be taken: for the next frame, or at once."""
        if much and not self._stuffed:
            self.kick()
        else:
            self.start()

    def _place(self, number: int) -> None:
        """The program writes: after what tasks had printed whose results it has seen."""
        now = monotonic()
        sync, self.reported = self.reported or now - self._placed > MOMENT, False
        sync = sync or any(pool.ending for pool in list(self.pools))
        if sync:
            self._placed = now
        self._output.place(number, sync)

    def _label(self, submission: Submission) -> str:
        """What stands before each line of a task that is to be named."""
        name = submission if isinstance(submission, str) else submission[0]
        return f"{printable(name)} {'│' if self._view.policy.unicode else '|'} "

    # --- for those who want the terminal for themselves ---

    def wait_for(self, pauses: Iterable[list[Display]]) -> None:
        """It begins within these `paused()` blocks."""
        for block in pauses:
            self._view.step_aside()
            block.append(self)

    def step_aside(self) -> bool:
        """Take the bars off the screen until `step_back`. Returns whether they are."""
        if not self._round.acquire(timeout=PATIENCE):
            return False
        self._drawing = threading.get_ident()
        try:
            if not (self._view.aside or self._view.plain):
                self._take(monotonic())
            self._view.step_aside()
            return True
        except FAULTS as error:
            self._fail(error)
            return False
        finally:
            self._drawing = None
            self._round.release()

    def prompt(self) -> None:
        """Python's shell shows its prompt: the bars leave the screen until it runs something."""
        if not self._prompted:
            self._prompted = self.step_aside()

    def step_back(self) -> None:
        """The bars may be on the screen again. A thread that draws, and waits for `lock` that the
        caller has, sees to that itself."""
        self._backs.append(None)
        if self._round.acquire(timeout=PATIENCE):
            try:
                self._come_back()
            finally:
                self._round.release()
        self.kick(may_wait=False)  # a handler may have come while one just begins

    def _come_back(self) -> None:
        for _ in _drain(self._backs):
            self._view.step_back()


def _held() -> bool:
    """Whether anybody holds the lock, the calling thread included."""
    if lock._is_owned() or not lock.acquire(blocking=False):  # type: ignore[attr-defined]
        return True
    lock.release()
    return False


def _move(submissions: dict[int, Submission]) -> dict[int, Submission]:
    """What is there, taken out: others may put more in meanwhile."""
    moved = submissions.copy()
    for id in moved:
        del submissions[id]
    return moved


def _drain(messages: deque[T]) -> list[T]:
    take = messages.popleft
    return [take() for _ in range(len(messages))]


@contextmanager
def paused() -> Iterator[None]:
    """The terminal for the program alone: `with paused(): …`.

    The bars leave the screen, what is written goes straight to the terminal, and what tasks
    print waits; at the end of the block the bars come back. `input`, and a debugger with
    it, does so by itself. Blocks may be nested, and be entered by several threads. Where no
    bars are shown, nothing happens; sentences on a terminal (`display="plain"`) wait.
    """
    aside: list[Display] = []
    try:
        with lock:
            displays = list(live)
            pauses.append(aside)
        for display in displays:
            if display.step_aside():
                aside.append(display)
        yield
    finally:
        with lock:
            pauses[:] = [block for block in pauses if block is not aside]
        for display in aside:
            display.step_back()


def _prompt() -> None:
    with lock:
        displays = list(live)
    for display in displays:
        display.prompt()


questions = Questions(paused, _prompt)


def _forget() -> None:
    """A forked child shows nothing: the terminal and the channels are its parent's."""
    global lock
    lock = RLock()
    pauses.clear()
    for display in live:
        # new ones: a thread that is not copied may have held what is within the old
        display.finished, display._round = threading.Event(), threading.Lock()
        display.finished.set()
        display._output.leave()
        for pool in display.pools:
            pool.gone = threading.Event()
            pool.gone.set()
    questions.give_back()
    live.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
