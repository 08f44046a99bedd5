"""What is asked of a renderer."""

from __future__ import annotations

import math
import os
import re
import reprlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

from ..renderers import Renderer, make
from ..state import BarState, Status
from ..terminal_text import SGR, width
from ..theme import Theme

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: How a style may end: all of it, or the colour alone.
_ENDS = ("\x1b[m", "\x1b[0m", "\x1b[39m")
_WIDTHS = (*range(1, 13), *range(14, 52, 2), 59, 79, 80, 119, 160, 200)


def check_renderer(renderer: object) -> None:
    """See that a renderer keeps the rules: for all that a bar can be, at 1 to 200 columns.

    Where it has `align`, it is asked with that before, and without.

    Args:
        renderer: an object as for `ProgressPoolExecutor(renderer=…)`, or one of the names.

    Raises:
        AssertionError: it does not. The message has the rule, the state and the columns.
            The rules: `render` gives a str; one line; no control sequence but SGR, and
            none that is not ended, nor any where there is no colour and it has
            `with_theme`; the line is not wider than the columns; the same for the same
            state; nothing is raised; nothing is written to stdout or stderr.
        ValueError, ImportError: it is no renderer, or its library is not installed.
    """
    colour = {name: f"\x1b[3{at}m" for at, name in enumerate(("bar", "done", "failed", "lost"))}
    themes = Theme(True, colour | {"normal": "\x1b[m"}), Theme(True), Theme()
    for theme, aligned in zip(themes, (True, False, True), strict=True):
        drawn = make(renderer, theme)
        themed = hasattr(renderer, "with_theme") or isinstance(renderer, str)
        _check(drawn, aligned, coloured=bool(theme.styles) or not themed)


def _check(renderer: Renderer, aligned: bool, coloured: bool) -> None:
    states = list(_states())
    align = getattr(renderer, "align", None) if aligned else None
    with _silence() as heard:
        for columns in _WIDTHS:
            if align is not None:
                _asked(align, states, columns)
            for state in states:
                line = _line(renderer, state, columns, coloured)
                if align is not None:
                    _same(renderer, state, columns, line)
        for state in states:
            # also without `align` nothing is left that could change its mind
            _line(renderer, state, columns, coloured)
        for state in states:
            _same(renderer, state, columns, _line(renderer, state, columns, coloured))
    assert not heard, f"the renderer wrote to a stream: {heard[0][:200]!r}"


def _asked(call: Any, *args: Any) -> Any:
    try:
        return call(*args)
    except Exception as error:
        told = f"{type(error).__name__}: {error}, raised by {_call(*args)}"
        raise AssertionError(told) from error


def _call(state: BarState | Sequence[BarState], columns: int) -> str:
    """The call, with what of the state is not as usual."""
    if not isinstance(state, BarState):
        return f"align(…, {columns})"
    usual = BarState._field_defaults
    some = {k: v for k, v in state._asdict().items() if k not in usual or v != usual[k]}
    words = (f"{k}={_shortened(v)}" for k, v in some.items())
    return f"render(BarState({', '.join(words)}), {columns})"


def _shortened(value: object) -> str:
    if isinstance(value, int) and value > 10**18:
        return f"10**{int(math.log10(value))}"
    return reprlib.repr(value) if isinstance(value, str) else str(value)


def _line(renderer: Renderer, state: BarState, columns: int, coloured: bool) -> str:
    line = _asked(renderer.render, state, columns)
    if not isinstance(line, str):
        fault = f"{type(line).__name__} and no str"
    elif _CONTROL.search(bare := SGR.sub("", line)):
        fault = f"a control character in {line!r}"
    elif bare != line and not coloured:
        fault = f"a colour where there is none: {line!r}"
    elif bare != line and SGR.findall(line)[-1] not in _ENDS:
        fault = f"a style that is not ended: {line!r}"
    elif width(bare) > columns:
        fault = f"{width(bare)} columns: {line!r}"
    else:
        return line
    raise AssertionError(f"{fault}, given by {_call(state, columns)}")


def _same(renderer: Renderer, state: BarState, columns: int, line: str) -> None:
    again = _line(renderer, state, columns, True)
    assert again == line, f"{line!r}, then {again!r}, given by {_call(state, columns)}"


def _states() -> Iterator[BarState]:
    """Bars of all kinds, each of their extremes at least once."""
    usual = BarState("task", 23, 61, "file", 12.5, 2.1, 18.0, fraction=23 / 61)
    figures: tuple[tuple[float, float | None], ...] = (
        (0, None), (5, None), (0, 0), (5, 0), (0, 61), (61, 61), (70, 61), (2.5, 7.5),
        (0.1, 1e-9), (1e-12, 3), (10**17, 10**18), (10**400, 10**401), (1e300, 1e308),
        (5, float("inf")), (float("inf"), None), (float("inf"), 61),
    )  # fmt: skip
    for n, total in figures:
        share = None if total is None else min(1.0, n / total) if total else 1.0
        if share is not None and not 0 <= share <= 1:
            share = 1.0
        yield usual._replace(n=n, total=total, fraction=share)
    odd = (0.0, 1e-12, 59.99, 1e5, 1e12, 1e300, float("inf"), float("nan"), -1.0)
    for some in odd:
        yield usual._replace(elapsed=some)
        yield usual._replace(rate=some)
        yield usual._replace(remaining=some)
        yield usual._replace(elapsed=some, rate=None, remaining=None)
    for text in ("", " ", "a {brace} 100% %s %(n)s |", "日本語のとても長い名前" * 3, "x" * 300):
        yield usual._replace(desc=text)
        yield usual._replace(unit=text)
        yield usual._replace(postfix=text)
        yield usual._replace(desc=text, unit=text, postfix=text, depth=2, total=None, fraction=None)
    for status in Status:
        for message in ("", "ValueError: bad codec name", "日本語" * 60):
            for counted in (True, False):
                yield usual._replace(status=status, message=message, counted=counted)
        yield usual._replace(status=status, n=61, fraction=1.0)
        yield usual._replace(status=status, whole=True, unit="task", postfix="3 failed")
        yield usual._replace(status=status, whole=True, n=0, total=0, fraction=None, rate=None)
    yield BarState("")
    yield usual._replace(depth=1)
    yield usual._replace(depth=63, desc="deep")


@contextmanager
def _silence() -> Iterator[list[str]]:
    """What is written meanwhile to stdout and stderr, and to their descriptors."""
    heard: list[str] = []
    python = StringIO()
    with tempfile.TemporaryFile() as file:
        kept = []
        for stream, fd in ((sys.stdout, 1), (sys.stderr, 2)):
            if stream is not None:
                stream.flush()
            try:
                kept.append((fd, os.dup(fd)))
            except OSError:
                continue  # closed
            os.dup2(file.fileno(), fd)
        try:
            with redirect_stdout(python), redirect_stderr(python):
                yield heard
        finally:
            for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
                if stream is not None:
                    stream.flush()
            for fd, copy in kept:
                os.dup2(copy, fd)
                os.close(copy)
        file.seek(0)
        written = python.getvalue() + file.read().decode(errors="replace")
        if written:
            heard.append(written)
