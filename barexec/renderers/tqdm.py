"""The look of tqdm: the line that `tqdm.format_meter` makes of the same figures.

    run 3:  41%|████▏     | 338/820 [00:02<00:04, 123.45file/s]

The first row, for the whole, is no bar that tqdm knows: of its tasks so many have ended,
while its percent, bar and remaining time count what the running ones have done.

Never here: a stream, a clock; tqdm before one of these is made.
"""

from __future__ import annotations

import re
from typing import Any

from ..state import BarState
from ..terminal_text import width
from ..theme import Theme
from .borrowed import BAR_LEAST, BorrowedRenderer

#: The names of colours that tqdm knows.
COLOURS = ("BLACK", "RED", "GREEN", "YELLOW", "BLUE", "MAGENTA", "CYAN", "WHITE")
_HEX = re.compile("#[0-9a-fA-F]{6}")
_TIMES = "{elapsed}<{remaining}"
#: tqdm's own line in its parts, which may be told otherwise one by one.
_WHOLE = "{l_bar}{bar}| {n_fmt}/{total_fmt} [" + _TIMES + ", {rate_fmt}{postfix}]"
#: What a line is as it gets narrower, with a total and without.
_SHORTER = (
    "{l_bar}{bar}| {n_fmt}/{total_fmt} [" + _TIMES + "{postfix}]",
    "{l_bar}{bar}| {n_fmt}/{total_fmt}{postfix}",
    "{l_bar}{bar}|{postfix}",
    "{desc}: {percentage:3.0f}%{postfix}",
    "{desc}: {percentage:3.0f}%",
)
_SHORTER_UNKNOWN = ("{n_fmt}{unit} [{elapsed}]", "{n_fmt}{unit}")


class TqdmRenderer(BorrowedRenderer):
    """Draws bars as tqdm does.

    Args:
        bar_format, ascii, colour, unit_scale, unit_divisor: as in tqdm itself. Where the
            terminal shows ASCII or no colour alone, that goes before them.
        theme: what the terminal can show. An executor tells it, if it is not given.

    Raises:
        ImportError: tqdm is not installed.
        ValueError, KeyError, …: what tqdm raises for an option that it can't use.
    """

    def __init__(
        self,
        *,
        bar_format: str | None = None,
        ascii: bool | str | None = None,
        colour: str | None = None,
        unit_scale: bool | float = False,
        unit_divisor: int = 1000,
        theme: Theme | None = None,
    ) -> None:
        try:
            from tqdm import tqdm
        except ImportError as error:
            raise ImportError("TqdmRenderer needs tqdm: pip install tqdm") from error

        super().__init__(theme or Theme())
        self._tqdm: Any = tqdm
        self._wish: dict[str, Any] = {
            "bar_format": bar_format,
            "ascii": ascii,
            "colour": colour,
            "unit_scale": unit_scale,
            "unit_divisor": unit_divisor,
        }
        self._options = dict(self._wish)
        plain = ascii is True or (isinstance(ascii, str) and ascii.isascii())
        if not self.theme.unicode and not plain:
            self._options["ascii"] = True
        if ascii == "":
            raise ValueError("ascii has no character to draw with")
        if colour and colour.upper() not in COLOURS and not _HEX.fullmatch(colour):
            raise ValueError(
                f"unknown colour {colour!r}: it must be #rrggbb or {', '.join(COLOURS)}"
            )
        # an option that is of no use shows now, not in the first frame
        tqdm.format_meter(1, 2, 1.0, ncols=80, **self._options)

    def with_theme(self, theme: Theme) -> TqdmRenderer:
        """This look on a terminal that can show what `theme` says."""
        return TqdmRenderer(**self._wish, theme=theme)

    def _line(self, state: BarState, name: str, pad: int, columns: int, exact: bool) -> str:
        some = dict(self._options)
        n: float = state.n
        if state.whole:
            n, told = self._whole(state)
            some.update(told)
            some["bar_format"] = some["bar_format"] or _WHOLE
        own_format = self._wish["bar_format"]

        def line(ncols: int | None) -> str:
            made: str = self._tqdm.format_meter(
                n, state.total, state.elapsed, ncols, name, unit=state.unit, rate=state.rate, **some
            )
            return made

        some["postfix"] = state.postfix
        room = columns - pad
        made = line(room)
        known = bool(state.total) and n < (state.total or 0) + 0.5
        if not (exact or own_format or (made.endswith("]") and (not known or _roomy(made, name)))):
            # its bar is short, or it is cut: parts of it leave instead
            lead = "{desc}: " if name and not known else ""
            if not state.whole:
                some["postfix"] = ""
            for shorter in _SHORTER if known else _SHORTER_UNKNOWN:
                some["bar_format"] = lead + shorter
                natural = width(line(None)) - (10 - BAR_LEAST if "{bar}" in shorter else 0)
                if natural <= room:
                    break
            made = line(room)
        if pad and made.startswith(f"{name}: "):
            at = len(name) + 2
            made = made[:at] + " " * pad + made[at:]
        return made

    def _whole(self, state: BarState) -> tuple[float, dict[str, Any]]:
        """What tqdm is to take for n, and what it is to say otherwise than by that."""
        n = state.n if state.fraction is None else state.fraction * (state.total or 0)
        count: Any = state.n
        if self._options["unit_scale"]:
            count = self._tqdm.format_sizeof(state.n, divisor=self._options["unit_divisor"])
        remaining = "?"
        if state.remaining is not None:
            remaining = self._tqdm.format_interval(state.remaining)
        elif state.status.ended:
            remaining = "00:00"
        return n, {"n_fmt": str(count), "remaining": remaining}


def _roomy(line: str, name: str) -> bool:
    """Whether the bar of tqdm's usual line is of some length."""
    begin = line.find("%|", len(name)) + 2
    return line.find("| ", begin) - begin >= BAR_LEAST


def make(theme: Theme) -> TqdmRenderer:
    """The look of tqdm, drawn by `theme`."""
    return TqdmRenderer(theme=theme)
