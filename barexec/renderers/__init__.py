"""What draws one bar: the `Renderer` protocol, and the lookup by name.

A renderer turns one `BarState` into one line of text. It may keep what makes its lines
agree (the widths of its columns), and nothing else. Its module is imported only once
its name is asked for, and a library that it draws with only once it is made.

    renderer="bar"                              our own look
    renderer=BarRenderer(theme="ascii")         the same, in plain ASCII
    renderer="tqdm"                             the line that tqdm would show
    renderer=TqdmRenderer(colour="green")       the same, with tqdm's own options
    renderer="progressbar"                      the line that progressbar2 would show
    renderer=ProgressBarRenderer(widgets=[…])   the same, of your own widgets
    renderer=yours                              any object with `render(state, columns)`

`barexec.testing.check_renderer` tells whether yours keeps the rules.

Never here: a stream, a clock, escape codes other than the theme's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from ..cautions import caution_aside
from ..state import FAULTS, BarState, Status
from ..theme import Theme

if TYPE_CHECKING:
    from .bar import BarRenderer
    from .progressbar import ProgressBarRenderer
    from .tqdm import TqdmRenderer

__all__ = [
    "BarRenderer",
    "BarState",
    "ProgressBarRenderer",
    "Renderer",
    "Status",
    "Theme",
    "TqdmRenderer",
]

#: The module that holds each known renderer; it has a `make(theme)`.
NAMES = {"bar": "bar", "tqdm": "tqdm", "progressbar": "progressbar"}
#: What has to be installed for it: the name to import, the name to install.
NEEDS = {"tqdm": ("tqdm", "tqdm"), "progressbar": ("progressbar", "progressbar2")}

_HOMES = {"BarRenderer": "bar", "ProgressBarRenderer": "progressbar", "TqdmRenderer": "tqdm"}


class Renderer(Protocol):
    """How a bar looks.

    Of an object that only has `render`, every row is drawn as it says. It may also have

    - `align(states, columns)`: called before the lines of a frame are rendered, with all
      the states that the frame shows, in their order.
    - `with_theme(theme)`: called once, before anything is drawn; gives the renderer that
      draws by what the terminal can show (Unicode, colours).

    What raises, or gives no str, is replaced by our own look, with one warning.
    """

    def render(self, state: BarState, columns: int) -> str:
        """One line for one bar.

        Args:
            state: the bar. Its texts are printable already.
            columns: the most display columns that the line may take; at least 1.

        Returns:
            The line; of escape sequences it has SGR only. A longer one is cut.
        """


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def check(renderer: object) -> None:
    """See that `renderer` can be looked up. Imports nothing.

    Raises:
        ValueError: it is no known name, nor an object that can render.
        ImportError: the library that it draws with is not installed.
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
    if isinstance(renderer, str) and renderer in NEEDS:
        module, package = NEEDS[renderer]
        if find_spec(module) is None:
            raise ImportError(
                f"renderer {renderer!r} needs {package}, which is not installed:"
                f" pip install {package}"
            )


def make(renderer: object, theme: Theme) -> Renderer:
    """The renderer of that name, or the object itself, drawing by `theme`.

    Raises:
        ValueError, ImportError: as `check` does.
    """
    check(renderer)
    made: Any = renderer
    if isinstance(renderer, str):
        made = import_module(f".{NAMES[renderer]}", __name__).make(theme)
    elif callable(with_theme := getattr(renderer, "with_theme", None)):
        made = with_theme(theme)
    return made  # type: ignore[no-any-return]  # `check` has seen that it renders


def get(renderer: object, theme: Theme) -> Renderer:
    """What `make` gives, safe to draw with: it never raises, whatever the renderer does.

    Raises:
        ValueError, ImportError: as `check` does.
    """
    from .bar import BarRenderer

    check(renderer)
    safe = _Safe(renderer, theme)
    return safe.inner if type(safe.inner) is BarRenderer else safe


class _Safe:
    """A renderer, and our own look from the moment on at which that one fails.

    Guarantees: not thread-safe; one warning at most.
    """

    def __init__(self, renderer: object, theme: Theme) -> None:
        self.theme = theme
        self._name = renderer if isinstance(renderer, str) else type(renderer).__name__
        self._aligned: tuple[Sequence[BarState], int] = (), 1
        self.inner: Renderer
        try:
            self.inner = make(renderer, theme)
        except FAULTS as error:
            self._replace(error)

    def align(self, states: Sequence[BarState], columns: int) -> None:
        self._aligned = states, columns
        align = getattr(self.inner, "align", None)
        if align is None:
            return
        try:
            align(states, columns)
        except FAULTS as error:
            self._replace(error)

    def render(self, state: BarState, columns: int) -> str:
        line: object
        try:
            line = self.inner.render(state, columns)
        except FAULTS as error:
            self._replace(error)
        else:
            if isinstance(line, str):
                return line
            self._replace(TypeError(f"render returned {type(line).__name__}, not str"))
        return self.inner.render(state, columns)

    def _replace(self, error: BaseException) -> None:
        from .bar import BarRenderer

        own = BarRenderer(self.theme)
        own.align(*self._aligned)
        self.inner = own
        caution_aside(
            f"renderer {self._name!r} failed ({type(error).__name__}: {error});"
            " barexec goes on with its own look"
        )
