"""What tests of pools see of the displays, and run as programs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from barexec import display as displays
from barexec.state import TaskState

Script = Callable[..., "subprocess.CompletedProcess[str]"]


class Shown:
    """The displays that the test brought into being, in their order."""

    def __init__(self) -> None:
        self.displays: list[displays.Display] = []

    @property
    def only(self) -> displays.Display:
        (display,) = self.displays
        return display

    @property
    def tasks(self) -> dict[int, TaskState]:
        """All tasks of the only display, by number."""
        tasks = self.only.tasks
        found = [*tasks.finished.values(), *tasks.failed.values(), *tasks.running.values()]
        return {task.id: task for task in sorted([*found, *tasks.waiting()], key=lambda t: t.id)}

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        """Name and status of each, in the order in which they were submitted."""
        return [(task.desc, task.status.name) for task in self.tasks.values()]
