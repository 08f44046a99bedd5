"""A warning that fails nothing.

Never here: what is warned of.
"""

from __future__ import annotations

import sys
import warnings


def caution(words: str, stacklevel: int = 2) -> None:
    """Warn, as by `warnings.warn`, with a RuntimeWarning. Where that raises, as where warnings
    are errors (`python -W error`), it is told on stderr, and the work goes on."""
    try:
        warnings.warn(words, RuntimeWarning, stacklevel=stacklevel + 1)
    except RuntimeWarning as warning:
        tell(warning)


def tell(warning: RuntimeWarning) -> None:
    print(f"RuntimeWarning: {warning}", file=sys.stderr)
