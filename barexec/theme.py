"""What the glass can show: the `Theme`, which painters make and renderers draw by.

Never here: a terminal library, or how a bar looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Theme(NamedTuple):
    """What the glass can show.

    Attributes:
        unicode: whether it shows more than ASCII.
        styles: SGR strings by name: "bar", "rest", "done", "failed", "lost",
            "cancelled", "dim", "bold", and "normal" which ends each of them. A name
            that is missing, or "", is no style: so are all of them without colour.
    """

    unicode: bool = False
    styles: Mapping[str, str] = {}

    def paint(self, style: str, text: str) -> str:
        """The text in a style."""
        styles = self.styles
        sgr = styles.get(style)
        return f"{sgr}{text}{styles.get('normal', '')}" if sgr and text else text
