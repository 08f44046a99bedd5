"""A warning that fails nothing.

Never here: what is warned of.
"""

from __future__ import annotations

import sys
import warnings
from contextlib import suppress
from threading import Thread

#: Seconds that a thread that draws waits for one that warns.
PATIENCE = 1.0


def caution(words: str, stacklevel: int = 2) -> None:
    """Warn, as by `warnings.warn`, with a RuntimeWarning. Where that raises, as where warnings
    are errors (`python -W error`), it is told on stderr, if there is one, and the work goes on."""
    try:
        warnings.warn(words, RuntimeWarning, stacklevel=stacklevel + 1)
    except RuntimeWarning as warning:
        tell(warning)
    except (OSError, ValueError):
        return  # stderr is closed, or gone


def caution_aside(words: str) -> None:
    """The same by a thread of its own: what the thread that draws prints itself, stands in the
    midst of the frame."""
    thread = Thread(target=caution, args=(words,), name="barexec-caution", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no thread can be started
        caution(words)
    else:
        thread.join(PATIENCE)


def tell(warning: RuntimeWarning) -> None:
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(f"RuntimeWarning: {warning}", file=sys.stderr)
