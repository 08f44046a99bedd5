"""Lines for a log: plain text, appended, without a control character.

Never here: what the lines say; a cursor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from ..terminal_text import printable
from .glass import Glass


class PlainPainter:
    """Writes lines to any text stream, all that come together in one write."""

    def __init__(self, stream: TextIO) -> None:
        self._glass = Glass(stream)

    def say(self, lines: Sequence[str]) -> None:
        """Write these lines.

        Raises:
            OSError: nobody takes them any longer.
        """
        self._glass.write("".join(f"{printable(line)}\n" for line in lines))
