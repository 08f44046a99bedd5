"""`python -m barexec demo`: the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m barexec",
        description="A ProcessPoolExecutor in which every task has a live bar.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="compress this Python's standard library, with a bar for each package",
        description="Compress the running Python's own standard library: a task for each"
        " package, a step for each file, and a table of what came out.",
    )
    demo.add_argument("--jobs", type=int, metavar="N", help="worker processes (default: all cores)")
    demo.add_argument(
        "--renderer",
        choices=("bar", "tqdm", "progressbar"),
        default="bar",
        help="how a bar looks: our own, tqdm's or progressbar2's (default: bar)",
    )
    demo.add_argument(
        "--fullscreen", action="store_true", help="use the whole screen, and give it back after"
    )
    demo.add_argument(
        "--display",
        choices=("inline", "plain", "off"),
        help="bars on a terminal, lines for a log, or nothing (default: as it fits)",
    )
    demo.add_argument(
        "--leave",
        choices=("all", "failed", "none"),
        help="what stays on the screen (default: all if it fits, else the failures)",
    )
    given = parser.parse_args(arguments)
    from .demo import run

    leave = {None: None, "all": True, "failed": "failed", "none": False}[given.leave]
    try:
        return run(given.jobs, given.display, leave, given.renderer, given.fullscreen)
    except (ValueError, ImportError) as error:
        demo.error(str(error))
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
