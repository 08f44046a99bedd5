"""For tests, of barexec and of programs that use it: a screen that can be read, and what
is asked of a renderer, and of an engine's way.

    screen = Screen(80, 24)
    screen.write("\\x1b[32mdone\\x1b[m, all of it\\n")
    assert screen.rows[0] == "done, all of it"
    assert screen.runs(0) == (("green", "done"), ("", ", all of it"))

    check_renderer(MyRenderer())    # an AssertionError says what it does wrong, and where
    check_way(open_channel, lambda function, *args: executor.submit(function, *args).result())

Never here: being imported by the rest of barexec.
"""

from .renderers import check_renderer
from .screens import Screen
from .ways import check_way

__all__ = ["Screen", "check_renderer", "check_way"]
