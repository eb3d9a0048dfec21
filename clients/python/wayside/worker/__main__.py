"""`python -m wayside.worker module:worker` serves a worker that a module defines."""

import importlib
import sys

from wayside.errors import WaysideError
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
    try:
        worker = getattr(importlib.import_module(module), name or "worker", None)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        sys.stderr.write(f"there is no module {error.name}\n")
        return 2
    if not isinstance(worker, Worker):
        sys.stderr.write(f"{target} is no wayside.Worker\n")
        return 2
    try:
        worker.run()
    except WaysideError as error:
        sys.stderr.write(f"wayside: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
