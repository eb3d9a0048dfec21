"""The worker of the demo as a process of its own, supervised like the parts of the stack."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from wayside_standalone.logs import LogFile
from wayside_standalone.process import Command
from wayside_standalone.stack import MARK, Stack
from wayside_standalone.supervisor import Supervisor


class WorkerProgram:
    """`python -m cwe_links`, connected to a stack as the NATS user `runner`."""

    name = "cwe-links"
    # The worker gives its job back on the first signal.
    stop_steps: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 12),)
    port = 0
    url = ""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def prepare(self) -> None:
        """Nothing to prepare."""

    def command(self) -> Command:
        """The command line and the whole environment."""
        user, password = self._stack.nats_user("runner")
        connection = {
            "WAYSIDE_NATS_URL": self._stack.nats_url,
            "WAYSIDE_NATS_USER": user,
            "WAYSIDE_NATS_PASSWORD": password,
        }
        return Command((sys.executable, "-P", "-m", "cwe_links"), {**os.environ, **connection})

    async def ready(self, pid: int) -> bool:  # noqa: ARG002 - a worker answers nobody
        """Running is all that can be seen from outside; the first job shows the rest."""
        return True

    async def alive(self) -> bool:
        """A worker that hangs loses its leases, and its jobs go to another one."""
        return True


@asynccontextmanager
async def supervised_worker(stack: Stack) -> AsyncIterator[Supervisor]:
    """Run the worker while the context lasts; one that ends is started again."""
    log = LogFile(stack.log_dir / f"{WorkerProgram.name}.log")
    supervisor = Supervisor(WorkerProgram(stack), log, environment={MARK: str(stack.data_dir)})
    supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.stop()
