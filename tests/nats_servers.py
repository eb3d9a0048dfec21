"""NATS servers for tests: one serves test after test as long as nothing tells it from a new one.

Starting one costs 40 ms of CPU and twice that of waiting. After each test all streams are deleted, which is all a
server without users remembers; one that then has a client left, or was stopped or killed meanwhile, is not used again.
"""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from wayside_standalone.nats import NatsServer, NatsSettings
from wayside_standalone.server import wait_until


class NatsForTests(NatsServer):
    """A server that says who is connected."""

    def __init__(self, directory: Path) -> None:
        super().__init__(NatsSettings(directory))
        self._monitoring = ""

    def is_ready(self, pid: int) -> bool:
        """Whether it is ready; then it is known where it is asked for its clients."""
        if not super().is_ready(pid):
            return False
        ports = orjson.loads((self._ports_directory / f"nats-server_{pid}.ports").read_bytes())
        self._monitoring = urlsplit(ports["monitoring"][0]).netloc
        return True

    def emptied(self) -> bool:
        """Delete all streams; whether nobody is connected and nothing is left then."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                for name in ask(connection, "$JS.API.STREAM.NAMES")["streams"] or ():
                    ask(connection, f"$JS.API.STREAM.DELETE.{name}")
                left = ask(connection, "$JS.API.STREAM.NAMES")["streams"]
            return not left and wait_until(lambda: self._clients() == 0, seconds=0.5)
        except OSError:
            return False

    def remove(self) -> None:
        """End it and remove its files."""
        self.kill()
        shutil.rmtree(self._settings.directory)

    def _clients(self) -> int:
        connection = HTTPConnection(self._monitoring, timeout=5)
        connection.request("GET", "/connz?limit=1")
        clients: int = orjson.loads(connection.getresponse().read())["total"]
        connection.close()
        return clients

    def _configuration(self) -> str:
        return super()._configuration() + 'http: "127.0.0.1:-1"\n'


class NatsServers:
    """Hands out servers that are as new."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = 0
        self._kept: NatsForTests | None = None

    @contextmanager
    def one(self) -> Iterator[NatsForTests]:
        """A server without streams and clients, for the time of the context."""
        server, self._kept = self._kept or self._new(), None
        pid = server.pid
        yield server
        if server.pid == pid and server.emptied():
            self._kept = server
        else:
            server.remove()

    def close(self) -> None:
        """End the server that is kept."""
        if self._kept is not None:
            self._kept.remove()

    def _new(self) -> NatsForTests:
        self._started += 1
        server = NatsForTests(self._folder / f"nats-{self._started}")
        server.start()
        return server


def ask(connection: socket.socket, subject: str) -> Any:
    """Send a request without a body in the protocol of NATS clients, and return the answer."""
    stream = connection.makefile("rwb")
    stream.write(b"CONNECT {}\r\nSUB _INBOX.tests 1\r\nPUB %s _INBOX.tests 0\r\n\r\n" % subject.encode())
    stream.flush()
    for line in stream:
        if line.startswith(b"MSG "):
            return orjson.loads(stream.read(int(line.split()[-1])))
    raise ConnectionError("NATS hung up")
