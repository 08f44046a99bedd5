"""`python -m benchmarks [NAME …]`: run all of them, or those that are named."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = (
    *("loop", "update", "throughput", "imports", "painting", "printing"),
    *("scale", "latency", "peers"),
)


def main() -> int:
    names = sys.argv[1:] or list(NAMES)
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    for name in names:
        import_module(f".{name}", __package__).main()
        print(flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
