"""What draws one bar: the `Renderer` protocol, and the lookup by name.

A renderer turns one `BarState` into one line of text. It may keep what makes its lines
agree (the widths of its columns), and nothing else. Its module is imported only once
its name is asked for.

Never here: a stream, a clock, escape codes other than the theme's own.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol

from ..state import BarState
from ..theme import Theme

#: The module that holds each known renderer; it has a `make(theme)`.
NAMES = {"bar": "bar"}


class Renderer(Protocol):
    """How a bar looks.

    A renderer may also have `align(states, columns)`: it is called before the lines of
    a frame are rendered, with all the states that the frame shows, in their order.
    """

    def render(self, state: BarState, columns: int) -> str:
        """One line for one bar.

        Args:
            state: the bar. Its texts are printable already.
            columns: the most display columns that the line may take; at least 1.

        Returns:
            The line; of escape sequences it has SGR only. A longer one is cut.
        """


def check(renderer: object) -> None:
    """See that `renderer` can be looked up.

    Raises:
        ValueError: it is no known name, nor an object that can render.
    """
    if isinstance(renderer, str):
        known = renderer in NAMES
    else:
        known = callable(getattr(renderer, "render", None)) and not isinstance(renderer, type)
    if not known:
        names = ", ".join(repr(name) for name in NAMES)
        raise ValueError(
            f"unknown renderer {renderer!r}: it must be {names} or an object with a render method"
        )


def get(renderer: object, theme: Theme) -> Renderer:
    """The renderer of that name, drawing by `theme`; an object is its own renderer.

    Raises:
        ValueError: it is no known name, nor an object that can render.
    """
    check(renderer)
    if isinstance(renderer, str):
        module = import_module(f".{NAMES[renderer]}", __name__)
        made: Renderer = module.make(theme)
        return made
    return renderer  # type: ignore[return-value]
