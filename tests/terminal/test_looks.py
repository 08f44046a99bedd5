"""The looks of other libraries, and a renderer that fails, in programs on a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pty_program import PtyProgram

    Start = Callable[..., PtyProgram]

PROGRAM = """
renderer = {renderer}
if __name__ == "__main__":
    with ProgressPoolExecutor(2, renderer=renderer, leave=True) as ex:
        results = list(ex.map(counted, [3, 7]))
    print(results)
"""


@pytest.mark.parametrize(
    ("renderer", "running", "done"),
    [
        (
            '"tqdm"',
            r"^  counted\(3\):  30%\|.* 3/10 \[00:0",
            r"^✓ counted\(3\): 100%\|█+\| 10/10 \[",
        ),
        (
            '"progressbar"',
            r"^  counted\(3\):  30% \(3 of 10\) \|#+ +\| Elapsed Time: 0:00:0",
            r"^✓ counted\(3\): 100% \(10 of 10\) \|#+\| Elapsed",
        ),
    ],
)
def test_the_looks_of_others(start: Start, renderer: str, running: str, done: str) -> None:
    program = start(PROGRAM.format(renderer=renderer), columns=100, PYTHONUTF8="1")
    program.until(lambda screen: any(re.search(running, row) for row in screen.rows))
    program.open_gate()
    program.until(lambda screen: "[3, 7]" in screen.rows)
    assert any(re.search(done, row) for row in program.screen.rows)
    assert program.wait() == 0


def test_a_renderer_that_fails_harms_neither_the_work_nor_the_display(start: Start) -> None:
    code = """
    class Broken:
        calls = 0
        def render(self, state, columns):
            Broken.calls += 1
            if Broken.calls > 12:  # in the midst of a frame, when others are on the screen
                raise KeyError("no such colour")
            return f"━ {state.desc}"
    """ + PROGRAM.format(renderer="Broken()").replace("\n", "\n    ")
    program = start(code, columns=180, rows=30, PYTHONUTF8="1")
    program.until(lambda screen: any("3/10" in row and "━" in row for row in screen.rows))
    program.open_gate()
    program.until(lambda screen: "[3, 7]" in screen.rows)
    assert program.wait() == 0
    shown = "\n".join(program.screen.lines())
    assert shown.count("RuntimeWarning: renderer 'Broken' failed") == 1
    # no row of another frame is left
    assert [row.split()[1] for row in program.screen.rows if "━" in row] == [
        "tasks",
        "counted(3)",
        "counted(7)",
    ]
    assert "renderer 'Broken' failed (KeyError: 'no such colour')" in shown


def test_where_warnings_are_errors_ours_fails_nothing(start: Start) -> None:
    code = """
    warnings.simplefilter("error")
    class Broken:
        def render(self, state, columns):
            raise KeyError("no such colour")
    """ + PROGRAM.format(renderer="Broken()").replace("\n", "\n    ")
    program = start(code, columns=180, rows=30, PYTHONUTF8="1", BAREXEC="foo")
    program.until(lambda screen: any("3/10" in row and "━" in row for row in screen.rows))
    program.open_gate()
    program.until(lambda screen: "[3, 7]" in screen.rows)
    assert program.wait() == 0
    shown = "\n".join(program.screen.lines())
    assert "Traceback" not in shown
    assert "RuntimeWarning: BAREXEC='foo' means nothing to barexec" in shown
    assert "RuntimeWarning: renderer 'Broken' failed (KeyError: 'no such colour')" in shown
