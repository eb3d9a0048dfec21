"""`python -m wayside.worker module:worker` serves a worker that a module defines."""

import importlib
import sys

from wayside.worker.worker import Worker


def main(arguments: list[str]) -> int:
    """Import the worker and serve it until SIGTERM or SIGINT."""
    match arguments:
        case [target]:
            module, _, name = target.partition(":")
        case _:
            sys.stderr.write("usage: python -m wayside.worker module[:worker]\n")
            return 2
    sys.path.insert(0, "")
    worker = getattr(importlib.import_module(module), name or "worker", None)
    if not isinstance(worker, Worker):
        sys.stderr.write(f"{target} is no wayside.Worker\n")
        return 2
    worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
