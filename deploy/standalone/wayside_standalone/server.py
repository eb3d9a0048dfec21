"""What PostgreSQL and NATS have in common here: start until ready, stop, restart, kill."""

import signal
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from wayside_standalone.errors import ServerFailed
from wayside_standalone.process import Command, Process, spawn, stop

POLL_SECONDS = 0.005


class Server(ABC):
    """A server process on loopback, as a context manager or by `start` and `stop`.

    Blocking, and to be started from the main thread (see `process.spawn`). A supervisor that is asynchronous uses
    `prepare`, `command` and `is_ready` instead, and runs the process itself.
    """

    name: str
    ready_seconds: float = 60
    attempts: int = 1
    stop_steps: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 10),)

    def __init__(self, log: Path) -> None:
        self.log = log
        self._process: Process | None = None

    @property
    @abstractmethod
    def port(self) -> int:
        """The port clients connect to, 0 while unknown."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Its address, without a password."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the data directory ready for a start; blocking, idempotent, cleans up after a killed run."""

    @abstractmethod
    def command(self) -> Command:
        """The command line for the next start; the port may differ until the server was ready once."""

    @abstractmethod
    def is_ready(self, pid: int) -> bool:
        """Whether the process with that pid accepts connections; cheap, and true only for that process."""

    async def ready(self, pid: int) -> bool:
        """The same, as a supervisor asks it."""
        return self.is_ready(pid)

    async def alive(self) -> bool:
        """A server that hangs is not looked for: killing a database is no remedy."""
        return True

    @property
    def is_running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process id while there is a process."""
        return self._process.pid if self._process is not None and self.is_running else None

    def start(self) -> None:
        """Start the server and return when it accepts connections; raises ServerFailed."""
        self.prepare()
        for _ in range(self.attempts):
            if self._started():
                return
        raise ServerFailed(self.name, "did not start", self.log)

    def stop(self) -> None:
        """Shut the server down in good order."""
        if self._process is not None:
            stop(self._process, self.stop_steps)
        self._process = None

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        if self._process is not None:
            stop(self._process, ())
        self._process = None

    def restart(self) -> None:
        """Stop and start again on the same port and data."""
        self.stop()
        self.start()

    def _started(self) -> bool:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            process = self._process = spawn(self.command(), output)
        wait_until(
            lambda: process.poll() is not None or self.is_ready(process.pid), seconds=self.ready_seconds
        )
        if process.poll() is None and self.is_ready(process.pid):
            return True
        self.kill()
        return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Poll a condition until it holds or the time is over; returns whether it held."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def free_port() -> int:
    """A TCP port of the loopback interface that nobody used a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on that port of the loopback interface right now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError:
            return False
        return True
