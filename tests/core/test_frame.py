"""Which task has which row: bounded, adding up, and staying where it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barexec.events import Advanced, Started
from barexec.frame import Frame, Layout
from barexec.renderers import get
from barexec.state import BarState, Status, TaskState
from barexec.tasks import Tasks, apply
from barexec.terminal_text import width
from barexec.theme import Theme

THEME = Theme(True)


class Names:
    """A renderer that shows names alone, and remembers the states of the last frame."""

    def __init__(self) -> None:
        self.states: list[BarState] = []

    def align(self, states: Sequence[BarState], columns: int) -> None:
        self.states = list(states)

    def render(self, state: BarState, columns: int) -> str:
        return "whole" if state.whole else "  " * state.depth + state.desc


def layout() -> tuple[Layout, Names]:
    names = Names()
    return Layout(names, THEME), names


class Pool:
    """Tasks with short names, which happen to be their numbers."""

    def __init__(self, **options: Any) -> None:
        self.tasks = Tasks(**options)
        self.tasks.bare = False
        self.now = 0.0

    def submit(self, *ids: int, items: int = 1) -> Pool:
        for id in ids:
            self.tasks.submit({id: (str(id), items)}, self.now)
        return self

    def start(self, *ids: int) -> Pool:
        for id in ids:
            apply(self.tasks, Started(id, 100 + id, 0.0), self.now)
        return self

    def bar(self, id: int, n: float = 1, total: float | None = 9, slot: int = 0) -> Pool:
        event = Advanced(id, slot, 1, n, total, 1.0, False, "inner" if slot else "", "it", "")
        apply(self.tasks, event, self.now)
        return self

    def pin(self, id: int, column: int, row: int) -> Pool:
        task = self._task(id)
        task.location = column, row
        if task.status is Status.RUNNING:
            self.tasks.located[id] = task
        return self

    def draw(self, id: int, *lines: str) -> Pool:
        self._task(id).written = lines
        return self

    def _task(self, id: int) -> TaskState:
        task = self.tasks.get(id)
        assert task is not None
        return task

    def end(self, *ids: int, status: Status = Status.DONE) -> Pool:
        for id in ids:
            self.now += 0.1
            self.tasks.end(id, status, "why", self.now)
        return self

    def shown(self, on: Layout, rows: int = 24, columns: int = 79) -> Frame:
        return on.compose(self.tasks, columns, rows, self.now)


def test_running_rows_stay_and_a_done_one_leaves_when_its_row_is_needed() -> None:
    on, _ = layout()
    pool = Pool().submit(*range(1, 8)).start(1, 2, 3)
    assert pool.shown(on, 6) == ("whole", "1", "2", "3", "  … 4 waiting")
    pool.end(2).start(4)
    assert pool.shown(on, 6) == ("whole", "1", "2", "3", "4", "  … 3 waiting")
    pool.end(1).start(5)
    # 2 was done first
    assert pool.shown(on, 6) == ("whole", "1", "5", "3", "4", "  … 2 waiting, 1 done")
    pool.end(3, status=Status.FAILED).start(6)
    assert pool.shown(on, 6) == ("whole", "6", "5", "3", "4", "  … 1 waiting, 2 done")
    pool.end(5).start(7)
    assert pool.shown(on, 6) == ("whole", "6", "7", "3", "4", "  … 3 done")
    pool.submit(8).start(8)
    # a failure leaves for a running task only
    assert pool.shown(on, 6) == ("whole", "6", "7", "8", "4", "  … 1 failed, 3 done")


def test_what_was_done_between_two_frames_gets_a_row_if_there_is_one() -> None:
    on, _ = layout()
    pool = Pool().submit(*range(1, 7)).start(1, 2, 3, 4).end(1, 2, 3, 4)
    assert pool.shown(on, 4) == ("whole", "3", "4", "  … 2 waiting, 2 done")
    pool.start(5)
    assert pool.shown(on, 4) == ("whole", "5", "4", "  … 1 waiting, 3 done")


def test_a_failure_takes_the_row_of_what_was_done_first() -> None:
    on, _ = layout()
    pool = Pool().submit(*range(1, 6)).start(1, 2, 3).end(1, 2)
    assert pool.shown(on, 5) == ("whole", "3", "1", "2", "  … 2 waiting")
    pool.start(4).end(4, status=Status.LOST)
    assert pool.shown(on, 5) == ("whole", "3", "4", "2", "  … 1 waiting, 1 done")


def test_what_never_ran_has_no_row_unless_everything_has() -> None:
    on, _ = layout()
    pool = Pool().submit(*range(1, 6)).start(1).end(2, 3, status=Status.CANCELLED)
    assert pool.shown(on) == ("whole", "1", "  … 2 waiting, 2 cancelled")
    pool.end(4, status=Status.LOST).end(5)
    assert pool.shown(on) == ("whole", "1", "2", "3", "4", "5")


def test_nested_bars_have_rows_and_a_gap_holds_their_place() -> None:
    on, _ = layout()
    pool = Pool().submit(1, 2, 3, 4).start(1, 2).bar(1).bar(1, slot=1)
    assert pool.shown(on) == ("whole", "1", "  inner", "2", "  … 2 waiting")
    pool.end(1)
    assert pool.shown(on) == ("whole", "1", "", "2", "  … 2 waiting")
    pool.start(3)
    assert pool.shown(on, 5) == ("whole", "3", "", "2", "  … 1 waiting, 1 done")
    pool.bar(3).bar(3, slot=1)
    assert pool.shown(on, 5) == ("whole", "3", "  inner", "2", "  … 1 waiting, 1 done")
    pool.end(2)
    pool.end(3)
    assert pool.shown(on) == ("whole", "3", "2", "1", "  … 1 waiting")


def test_nested_bars_leave_before_tasks_and_failures_do() -> None:
    on, _ = layout()
    pool = Pool().submit(1, 2, 3).start(1, 2, 3).end(3, status=Status.FAILED)
    pool.bar(1).bar(1, slot=1).bar(1, slot=2).bar(2)
    assert pool.shown(on, 6) == ("whole", "1", "  inner", "    inner", "2", "3")
    # a failure moves rather than what runs
    assert pool.shown(on, 5) == ("whole", "1", "  inner", "3", "2")
    assert pool.shown(on, 4) == ("whole", "1", "3", "2")
    assert pool.shown(on, 3) == ("whole", "1", "  … 1 failed, 1 running")


def test_a_frame_of_bare_bars_has_no_whole() -> None:
    on, _ = layout()
    pool = Pool()
    pool.tasks.bare = True
    pool.submit(1, 2, items=0).bar(1)
    assert pool.shown(on) == ("1",)
    pool.bar(2)
    assert pool.shown(on) == ("1", "2")
    assert pool.shown(on, 1) == ("1",)
    assert on.final(pool.end(1, 2).tasks, 79, 24, 1.0, None) == ("1", "2")


def test_nothing_to_show() -> None:
    on, _ = layout()
    pool = Pool()
    assert pool.shown(on) == ()
    assert on.final(pool.tasks, 79, 24, 0.0, True) == ()
    pool.submit(1)
    assert pool.shown(on, 0) == pool.shown(on, 5, 0) == ()


@pytest.mark.parametrize(
    ("leave", "rows", "shown"),
    [
        (False, 24, ()),
        (None, 24, ("whole", "1", "2", "3", "4", "5", "6")),
        (None, 7, ("whole", "1", "2", "3", "4", "5", "6")),
        (None, 6, ("whole", "2", "4", "5")),
        (None, 4, ("whole", "2", "4", "5")),
        (None, 3, ("whole", "5", "  … 2 failed, 3 done")),
        (None, 1, ("whole",)),
        ("failed", 24, ("whole", "2", "4", "5")),
        (True, 3, ("whole", "1", "2", "3", "4", "5", "6")),
    ],
)
def test_what_stays(leave: Any, rows: int, shown: Frame) -> None:
    on, _ = layout()
    pool = Pool().submit(*range(1, 7)).start(6, 5, 4, 3, 2, 1).bar(1).bar(1, slot=1)
    pool.end(6, 3).end(2, 4, 5, status=Status.FAILED).end(1)
    assert on.final(pool.tasks, 79, rows, pool.now, leave) == shown


def test_what_was_cancelled_is_said_once() -> None:
    pool = Pool().submit(*range(1, 9)).start(1, 2, 3).end(1).end(2, status=Status.FAILED)
    pool.end(3, 4, 5, 6, 7, 8, status=Status.CANCELLED)
    for columns, rows, told in [
        (79, 8, "6 c"),
        (79, 2, "6 c"),
        (40, 8, "6 c"),
        (20, 8, "6 c"),
        (12, 8, "6c"),
    ]:
        frame = Layout(get("bar", THEME), THEME).final(pool.tasks, columns, rows, pool.now, None)
        assert "\n".join(frame).count(told) == 1, (columns, rows, frame)


def test_what_is_no_longer_kept_is_counted_at_the_end() -> None:
    on, _ = layout()
    pool = Pool(kept=3).submit(*range(1, 7)).start(*range(1, 7)).end(*range(1, 7))
    assert on.final(pool.tasks, 79, 24, 9.0, True) == ("whole", "4", "5", "6", "  … 3 done")


def test_in_the_last_frame_nothing_seems_to_move() -> None:
    on, names = layout()
    pool = Pool().submit(1, 2).start(1)
    on.final(pool.tasks, 79, 24, 5.0, True)
    assert {state.status for state in names.states} == {Status.PENDING}
    assert [state.message for state in names.states[1:]] == ["still running", "still waiting"]


def test_the_last_line_gets_shorter_before_it_is_cut() -> None:
    on, _ = layout()
    pool = Pool().submit(*range(1, 40)).start(1, 2, 3)
    assert pool.shown(on, 3, 26)[-1] == "  … 2 running, 36 waiting"
    assert pool.shown(on, 3, 19)[-1] == "  … 2 run, 36 wait"
    assert pool.shown(on, 3, 15)[-1] == "2 run, 36 wait"
    assert pool.shown(on, 3, 12)[-1] == "  … 2r 36w"
    assert pool.shown(on, 3, 7)[-1] == "2r 36w"
    assert pool.shown(on, 3, 4)[-1] == "2r …"


def test_text_of_a_task_is_made_printable_for_any_renderer() -> None:
    on, names = layout()
    pool = Pool()
    pool.tasks.submit({1: ("a\x1b[31mb\nc\u202e\x07", 1)}, 0.0)
    pool.start(1)
    assert pool.shown(on)[1] == "ab c"
    plain = Layout(names, Theme())
    pool.tasks.submit({2: ("日本", 1)}, 0.0)
    pool.start(2)
    assert pool.shown(plain)[2] == "??"


def test_what_a_renderer_returns_is_clipped() -> None:
    class Wide:
        def render(self, state: BarState, columns: int) -> str:
            return "\x1b[31m日本語\x1b[2J\n" * 20

    (line,) = Layout(Wide()).compose(Pool().submit(1).tasks, 10, 1, 0.0)
    assert width(line) <= 10
    assert line.endswith("\x1b[m")
    assert "\n" not in line
    assert "\x1b[2J" not in line


class Untouchable(dict[int, Any]):
    """A dict that must not be gone through from the front."""

    def __iter__(self) -> Any:
        raise AssertionError("the cost of a frame grows with what waits or has ended")

    keys = values = items = __iter__


class Backwards(Untouchable):
    """One whose newest may be looked at: not more than a screen has rows."""

    taken = 0

    def __reversed__(self) -> Any:
        for key in dict.__reversed__(self):
            self.taken += 1
            yield key

    class _Items:
        def __init__(self, of: Backwards) -> None:
            self.of = of

        def __reversed__(self) -> Any:
            return ((key, self.of[key]) for key in reversed(self.of))

    def items(self) -> Any:
        return self._Items(self)


def test_the_cost_of_a_frame_does_not_grow_with_the_number_of_tasks() -> None:
    pool = Pool(kept=None).submit(*range(1, 5000)).start(*range(1, 2000))
    pool.end(*range(1, 1000)).end(*range(1000, 1990), status=Status.FAILED)
    pool.tasks.pending = Untouchable(pool.tasks.pending)
    pool.tasks.finished = done = Backwards(pool.tasks.finished)
    pool.tasks.failed = failed = Backwards(pool.tasks.failed)
    on = Layout(get("bar", THEME), THEME)
    for _ in range(3):
        assert len(pool.shown(on)) == 24
    assert failed.taken + done.taken <= 3 * 2 * 24


# --- pins and texts ---


def test_a_pinned_task_has_its_row_and_the_others_the_rest() -> None:
    on, _ = layout()
    pool = Pool().submit(1, 2, 3, 4).start(1, 2, 3).pin(2, 0, 4).pin(3, 0, 0)
    assert pool.shown(on) == ("3", "whole", "1", "", "2", "  … 1 waiting")
    pool.start(4)
    assert pool.shown(on) == ("3", "whole", "1", "4", "2")


def test_the_last_line_has_a_row_before_the_whole_and_pins_do() -> None:
    on, _ = layout()
    pool = Pool().submit(*range(1, 6)).start(1, 2, 3, 4)
    for id, row in ((1, 0), (2, 1), (3, 2)):
        pool.pin(id, 0, row)
    assert pool.shown(on, 5) == ("1", "2", "3", "whole", "  … 1 running, 1 waiting")
    assert pool.shown(on, 4) == ("1", "2", "3", "  … 1 running, 1 waiting")
    assert pool.shown(on, 3) == ("1", "2", "  … 2 running, 1 waiting")
    assert pool.shown(on, 2) == ("1", "  … 2 running, 1 running off the screen, 1 waiting")
    assert pool.shown(on, 1) == ("whole",)
    pool.end(4, 5)
    assert pool.shown(on, 3) == ("1", "2", "  … 1 running, 2 done")


def test_the_last_line_is_as_low_as_it_can_be() -> None:
    on, _ = layout()
    pool = Pool().submit(1, 2).start(1).pin(1, 0, 3)
    assert pool.shown(on, 5) == ("whole", "", "", "1", "  … 1 waiting")
    assert pool.shown(on, 4) == ("whole", "", "  … 1 waiting", "1")


def test_with_all_rows_pinned_and_all_to_see_there_is_no_other_row() -> None:
    on, _ = layout()
    pool = Pool().submit(1, 2, 3).start(1, 2, 3).pin(1, 0, 0).pin(2, 0, 1).pin(3, 9, 1)
    assert pool.shown(on, 2) == ("1", "2        3")
    assert pool.shown(on, 2, 9) == ("1", "  … 2 run")


def test_what_is_hidden_at_a_place_is_counted_as_what_it_is() -> None:
    on, _ = layout()
    pool = Pool().submit(1, 2, 3, items=4).start(1, 2, 3)
    for id in (1, 2, 3):
        pool.pin(id, 0, 1)
    assert pool.shown(on) == ("whole", "1", "  … 8 running")
    pool.end(2, status=Status.FAILED)
    assert pool.shown(on) == ("whole", "1", "  … 4 failed, 4 running")
    pool.end(1)
    assert pool.shown(on) == ("whole", "3", "  … 4 failed, 4 done")
    pool.pin(3, 0, 30)
    assert pool.shown(on) == ("whole", "1", "  … 4 failed, 4 running off the screen")
    assert pool.shown(on, columns=23)[-1] == "  … 4 failed, 4 running"
    assert pool.shown(on, columns=22)[-1] == "  … 4 fail, 4 run"


def test_text_has_the_row_of_the_name_or_those_below_bars() -> None:
    on, _ = layout()
    pool = Pool().submit(1, 2, 3).start(1, 2, 3).bar(2)
    pool.draw(1, "a", "b").draw(2, "c")
    assert pool.shown(on) == ("whole", "a", "b", "2", "c", "3")
    pool.draw(1, "a")
    assert pool.shown(on) == ("whole", "a", "", "2", "c", "3")
    pool.draw(1, "a", "b").end(1, status=Status.FAILED).end(2)
    assert pool.shown(on) == ("whole", "1", "a", "2", "c", "3")
    pool.end(3)
    assert on.final(pool.tasks, 79, 24, 1.0, None) == ("whole", "1", "a", "2", "c", "3")
    assert on.final(pool.tasks, 79, 5, 1.0, None) == ("whole", "1", "2", "3")
    assert on.final(pool.tasks, 79, 3, 1.0, "failed") == ("whole", "1", "a")
    assert on.final(pool.tasks, 79, 2, 1.0, "failed") == ("whole", "1")


def test_the_last_line_stays_while_the_text_above_it_comes_and_goes() -> None:
    on, _ = layout()
    pool = Pool().submit(1, 2).start(1).draw(1, "a", "b")
    assert pool.shown(on) == ("whole", "a", "b", "  … 1 waiting")
    pool.draw(1, "a")
    assert pool.shown(on) == ("whole", "a", "", "  … 1 waiting")
    pool.end(1).draw(1, "a")
    assert pool.shown(on) == ("whole", "a", "  … 1 waiting")


def test_text_of_what_is_done_gives_way_to_nested_bars() -> None:
    on, _ = layout()
    pool = Pool().submit(1, 2).start(1, 2).bar(1)
    for slot in (1, 2, 3):
        pool.bar(1, slot=slot)
    pool.draw(2, *"abcd").end(2)
    deep = ("whole", "1", "  inner", "    inner", "      inner")
    assert pool.shown(on) == (*deep, "a", "b", "c", "d")
    assert pool.shown(on, 7) == (*deep, "a")


def test_a_task_that_never_ran_has_no_place() -> None:
    on, _ = layout()
    pool = Pool().submit(1, 2, 3).start(1, 2).pin(1, 0, 3).end(1, 2, 3, status=Status.CANCELLED)
    pool._task(3).location = 0, 3
    assert pool.shown(on) == ("whole", "2", "", "1", "  … 1 cancelled")
    pool._task(3).location = 0, 5
    assert pool.shown(on) == ("whole", "2", "", "1", "  … 1 cancelled")
    assert on.final(pool.tasks, 79, 24, 1.0, None) == ("whole", "2", "3", "1")


def test_blank_text_hides_no_name() -> None:
    on, _ = layout()
    pool = Pool().submit(1, 2).start(1, 2).draw(1, "", "")
    assert pool.shown(on) == ("whole", "1", "2")
    pool.draw(1, "", "b")
    assert pool.shown(on) == ("whole", "", "b", "2")


def test_text_is_cut_and_has_no_colour_where_there_is_none() -> None:
    red = "\x1b[31m日本語\x1b[m!"
    pool = Pool().submit(1).start(1).draw(1, red)
    names = Names()
    assert pool.shown(Layout(names, THEME))[1] == "日本語!"
    assert pool.shown(Layout(names, THEME), columns=5)[1] == "日本…"
    assert pool.shown(Layout(names, Theme()))[1] == "???!"
    colours = Theme(True, {"bar": "\x1b[36m"})
    assert pool.shown(Layout(names, colours))[1] == red
    assert pool.shown(Layout(names, colours), columns=5)[1] == "\x1b[31m日本…\x1b[m"


def test_what_stands_to_the_left_ends_its_colour() -> None:
    pool = Pool().submit(1, 2).start(1, 2).draw(1, "\x1b[31mred").draw(2, "plain")
    pool.pin(1, 0, 1).pin(2, 6, 1)
    colours = Theme(True, {"bar": "\x1b[36m"})
    assert pool.shown(Layout(Names(), colours))[1] == "\x1b[31mred\x1b[m   plain"


def test_at_the_end_pins_are_where_they_were_while_all_fit() -> None:
    on, _ = layout()
    pool = Pool().submit(1, 2, 3, 4, 5).start(1, 2, 3, 4)
    pool.pin(2, 0, 1).pin(1, 0, 4).pin(4, 9, 4)
    frame = ("whole", "2", "3", "5", "1        4")
    assert on.final(pool.tasks, 79, 24, 1.0, None) == frame
    assert on.final(pool.tasks, 79, 5, 1.0, None) == frame
    assert on.final(pool.tasks, 79, 5, 1.0, True) == frame
    pool.draw(1, "a", "b")
    assert on.final(pool.tasks, 79, 5, 1.0, None) == frame
    pool.draw(1).draw(2, "a", "b")
    assert on.final(pool.tasks, 79, 5, 1.0, None) == frame
    pool.draw(2)
    # not on the screen: in the order of their places
    assert on.final(pool.tasks, 79, 4, 1.0, True) == ("whole", "2", "1", "4", "3", "5")
    assert on.final(pool.tasks, 9, 24, 1.0, None) == ("whole", "2", "1", "4", "3", "5")
    assert on.final(pool.tasks, 79, 24, 1.0, False) == ()


class Asked(Tasks):
    """Tasks that count how often they are looked up."""

    times = 0

    def get(self, id: int) -> TaskState | None:
        self.times += 1
        return super().get(id)


def test_the_cost_of_a_frame_does_not_grow_with_places_off_the_screen() -> None:
    pool = Pool()
    pool.tasks = tasks = Asked()
    tasks.bare = False
    on, _ = layout()
    for id in range(1, 200):
        pool.submit(id).start(id).pin(id, 0, 10 * id)
        pool.shown(on)
        pool.end(id)
    tasks.times = 0
    pool.shown(on)
    assert tasks.times < 2 * 24


# --- whatever happens ---

actions = st.lists(
    st.tuples(st.sampled_from(["start", "bar", "inner", *Status]), st.integers(1, 15)),
    max_size=60,
)


def happen(pool: Pool, action: object, id: int) -> None:
    if isinstance(action, Status):
        if action.ended:
            pool.end(id, status=action)
    elif action == "start":
        pool.start(id)
    elif action == "bar":
        pool.bar(id)
    else:
        pool.bar(id).bar(id, slot=1)


HIDDEN = {"f": "failed", "r": "running", "w": "waiting", "d": "done", "c": "cancelled"}
WORDS = {
    Status.FAILED: "failed",
    Status.LOST: "failed",
    Status.RUNNING: "running",
    Status.PENDING: "waiting",
    Status.DONE: "done",
    Status.CANCELLED: "cancelled",
}


@given(actions, st.lists(st.integers(1, 18), min_size=1), st.integers(30, 90))
def test_first_row_and_last_line_add_up_with_the_rows_between(
    what: list[tuple[object, int]], heights: list[int], columns: int
) -> None:
    on, names = layout()
    pool = Pool(kept=6)
    for id in range(1, 16):
        pool.submit(id, items=id)
    for at, (action, id) in enumerate(what):
        happen(pool, action, id)
        rows = heights[at % len(heights)]
        frame = pool.shown(on, rows, columns)
        assert len(frame) <= rows
        shown = [state for state in names.states if not state.whole and not state.depth]
        assert len({state.desc for state in shown}) == len(shown)
        told = Counter[str]()
        for state in shown:
            told[WORDS[state.status]] += int(state.desc)
        # the last line, if it is one of counts; a narrow one has no "…"
        for count, word in re.findall(r"(\d+) ?([a-z]+)", frame[-1]):
            told[HIDDEN[word[0]]] += int(count)
        expected = Counter[str]()
        for status, count in pool.tasks.items.items():
            expected[WORDS[status]] += count
        if rows > 1:
            assert +told == +expected
        places = [state.status for state in shown]
        if len(places) < sum(pool.tasks.counts.values()) and Status.DONE in places:
            # running ones come first, and failures before what is done
            running = pool.tasks.counts[Status.RUNNING]
            assert places.count(Status.RUNNING) == running
            assert {str(id) for id in pool.tasks.failed} <= {state.desc for state in shown}


wishes = st.dictionaries(
    st.integers(1, 15),
    st.tuples(st.sampled_from([0, 0, 0, 1, 20, 40, 78, 200]), st.integers(0, 12)),
)
texts = st.dictionaries(st.integers(1, 15), st.lists(st.just("text"), min_size=1, max_size=4))


def mark(id: int) -> str:
    """A letter for each task, that nothing else has in it."""
    return chr(ord("А") + id)


class Marks:
    """A renderer that fills all that it is given, with the letter of the task in front."""

    def render(self, state: BarState, columns: int) -> str:
        first = "" if state.whole or state.depth else mark(int(state.desc))
        return first.ljust(columns, "-")


def marked(frame: Frame) -> dict[int, tuple[int, int]]:
    """Column and row of each task, by the first of its letters."""
    found = dict[int, tuple[int, int]]()
    for row, line in enumerate(frame):
        for column, char in enumerate(line):
            if "А" <= char <= "я":
                found.setdefault(ord(char) - ord("А"), (column, row))
    return found


@given(
    actions,
    wishes,
    texts,
    st.lists(st.tuples(st.integers(30, 90), st.integers(1, 18)), min_size=1),
)
def test_pins_texts_and_all_others_are_shown_or_counted_and_never_overlap(
    what: list[tuple[object, int]],
    pins: dict[int, tuple[int, int]],
    lines: dict[int, list[str]],
    sizes: list[tuple[int, int]],
) -> None:
    on = Layout(Marks(), THEME)
    pool = Pool(kept=6)
    for id in range(1, 16):
        pool.submit(id)
    for at, (action, id) in enumerate(what):
        happen(pool, action, id)
        if id in pool.tasks.running:
            if id in pins:
                pool.pin(id, *pins[id])
            elif id in lines:
                # its lines tell who it is
                pool.draw(id, *(mark(id) for _ in lines[id]))
        columns, rows = sizes[at % len(sizes)]
        frame = pool.shown(on, rows, columns)
        assert 1 <= len(frame) <= rows
        assert all(width(line) <= columns for line in frame)
        if rows == 1:
            continue
        told = Counter[str]()
        shown = marked(frame)
        for id in shown:
            told[WORDS[pool._task(id).status]] += 1
        for line in frame:
            if re.match(r"  … |\d+ ?[a-z]", line):  # a narrow one has no "…"
                for count, word in re.findall(r"(\d+) ?([a-z]+)", line):
                    told[HIDDEN[word[0]]] += int(count)
        expected = Counter[str]()
        for status, count in pool.tasks.counts.items():
            expected[WORDS[status]] += count
        assert +told == +expected
        for id, place in shown.items():
            assert place == (pool._task(id).location or (0, place[1]))
        final = on.final(pool.tasks, columns, rows, pool.now, None)
        assert len(final) <= rows
        assert all(width(line) <= columns for line in final)


@given(actions, wishes)
def test_nothing_that_runs_moves_unless_a_pin_starts_on_its_row(
    what: list[tuple[object, int]], pins: dict[int, tuple[int, int]]
) -> None:
    on = Layout(Marks(), THEME)
    pool = Pool().submit(*range(1, 40))
    before: dict[int, int] = {}
    for action, id in what:
        if action == "inner":
            continue
        happen(pool, action, id)
        if id in pins and id in pool.tasks.running:
            pool.pin(id, *pins[id])
        frame = pool.shown(on, 40)
        after = {id: row for id, (_, row) in marked(frame).items()}
        pinned = {row for id, row in after.items() if pool._task(id).location}
        if 0 not in pinned:  # there, the whole moves too
            for id in pool.tasks.running:
                assert before.get(id) in (None, after.get(id), *pinned)
        before = {id: row for id, row in after.items() if id in pool.tasks.running}


@given(actions, st.integers(8, 18))
def test_a_running_task_never_moves_because_another_starts_or_ends(
    what: list[tuple[object, int]], rows: int
) -> None:
    on, _ = layout()
    pool = Pool().submit(*range(1, 40))
    before: dict[str, int] = {}
    for action, id in what:
        if action == "inner" or (action == "start" and len(pool.tasks.running) > rows - 3):
            continue
        happen(pool, action, id)
        if len(pool.tasks.running) > rows - 2:
            break
        lines = pool.shown(on, rows)
        after = {line: at for at, line in enumerate(lines)}
        for id in pool.tasks.running:
            assert after[str(id)] == before.get(str(id), after[str(id)])
        before = {str(id): after[str(id)] for id in pool.tasks.running}


@given(
    actions,
    st.lists(st.tuples(st.integers(1, 100), st.integers(1, 20)), min_size=1),
    st.sampled_from([None, True, False, "failed"]),
)
def test_a_frame_keeps_within_its_columns_and_rows(
    what: list[tuple[object, int]], sizes: list[tuple[int, int]], leave: Any
) -> None:
    on = Layout(get("bar", THEME), THEME)
    pool = Pool(kept=6)
    for id in range(1, 16):
        pool.submit(id)
    for at, (action, id) in enumerate(what):
        happen(pool, action, id)
        columns, rows = sizes[at % len(sizes)]
        frame = pool.shown(on, rows, columns)
        assert 1 <= len(frame) <= rows
        assert all(width(line) <= columns for line in frame)
        assert frame[0].strip()
        final = on.final(pool.tasks, columns, rows, pool.now, leave)
        assert leave is True or len(final) <= rows
        assert all(width(line) <= columns for line in final)
