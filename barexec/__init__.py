"""barexec: a ProcessPoolExecutor in which every task has a live bar.

    from barexec import ProgressPoolExecutor, track

The names below are all there is to it. They are imported when they are first used, so that
`import barexec` costs next to nothing, and a worker loads no more than it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bars import Bar, current_bar, track
    from .display import paused
    from .engines.dask import ProgressDaskExecutor
    from .engines.interpreters import ProgressInterpreterPoolExecutor
    from .engines.mpi import ProgressMPIPoolExecutor as ProgressMPIPoolExecutor
    from .engines.threads import ProgressThreadPoolExecutor
    from .engines.wrapped import wrap
    from .executor import ProgressPoolExecutor
    from .sharing import fullscreen
    from .worker import current_writer
    from .writer import Writer

# without ProgressMPIPoolExecutor, whose import needs mpi4py, and makes a process part of MPI
__all__ = [
    "Bar",
    "ProgressDaskExecutor",
    "ProgressInterpreterPoolExecutor",
    "ProgressPoolExecutor",
    "ProgressThreadPoolExecutor",
    "Writer",
    "current_bar",
    "current_writer",
    "fullscreen",
    "paused",
    "track",
    "wrap",
]

_HOMES = {
    "Bar": "bars",
    "ProgressDaskExecutor": "engines.dask",
    "ProgressInterpreterPoolExecutor": "engines.interpreters",
    "ProgressMPIPoolExecutor": "engines.mpi",
    "ProgressPoolExecutor": "executor",
    "ProgressThreadPoolExecutor": "engines.threads",
    "Writer": "writer",
    "current_bar": "bars",
    "current_writer": "worker",
    "fullscreen": "sharing",
    "paused": "display",
    "track": "bars",
    "wrap": "engines.wrapped",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    bars: Any
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("barexec")
        except PackageNotFoundError as error:
            raise AttributeError(
                "barexec is not installed, so it has no version: pip install . in its checkout"
            ) from error
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    bars = import_module(".bars", __name__)
    if bars.stage is None:
        bars.stage = _stage
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def _stage() -> Any:
    """Where bars outside any pool are shown: loaded with the first of them."""
    from .sharing import stage

    return stage()


def __dir__() -> list[str]:
    return sorted(__all__)
