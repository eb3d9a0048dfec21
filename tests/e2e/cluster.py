"""A whole Wayside of real processes: PostgreSQL, NATS with its users, and any number of instances of each service."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from wayside_service.auth import mint_token
from wayside_standalone.credentials import Credentials
from wayside_standalone.nats import NatsServer, NatsSettings, permissions_file
from wayside_standalone.process import Command, Process, spawn, stop
from wayside_standalone.server import free_port

READY_SECONDS = 30
SERVICES = ("jobs", "governance", "gateway")


@dataclass
class Instance:
    """One process, on a port that it keeps over restarts."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as output:
            environment = {**self.environment, "WAYSIDE_PORT": str(self.port)}
            self.process = spawn(Command((sys.executable, "-P", *self.argv), environment), output)

    def kill(self) -> None:
        """kill -9: nothing of the process' own cleaning up happens."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(5)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> int:
        assert self.process is not None
        stop(self.process, [(signal.SIGTERM, 15)])
        return self.process.returncode

    async def ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline:
                try:
                    async with session.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                assert self.process is not None
                assert self.process.poll() is None, f"{self.name} ended:\n{self.log.read_text()[-4_000:]}"
                await asyncio.sleep(0.05)
        raise AssertionError(f"{self.name} did not become ready:\n{self.log.read_text()[-4_000:]}")


class Cluster:
    """The running processes, and what one needs to talk to them."""

    def __init__(
        self, folder: Path, dsn: str, nats: NatsServer, credentials: Credentials, count: int
    ) -> None:
        self.nats = nats
        self.credentials = credentials
        self._folder = folder
        self._dsn = dsn
        self._workers = 0
        self.jobs = [self._service("jobs", number) for number in range(count)]
        self.governance = [self._service("governance", number) for number in range(count)]
        self.gateway = [self._service("gateway", number) for number in range(count)]

    @property
    def services(self) -> list[Instance]:
        return [*self.jobs, *self.governance, *self.gateway]

    async def start(self) -> None:
        for instance in self.services:
            instance.start()
        await asyncio.gather(*(instance.ready() for instance in self.services))

    def stop(self) -> None:
        for instance in reversed(self.services):
            if instance.process is not None:
                instance.kill()

    def token(self, *roles: str, subject: str = "ada", scope: str = "acme") -> str:
        return mint_token(self.credentials.jwt_secret, subject=subject, grants={scope: roles or ("admin",)})

    def user(self, name: str) -> dict[str, str]:
        """The environment by which a process reaches NATS as that user."""
        return {
            "WAYSIDE_NATS_URL": self.nats.url,
            "WAYSIDE_NATS_USER": name,
            "WAYSIDE_NATS_PASSWORD": self.credentials.nats_passwords[name],
        }

    def worker(self, module: str, **environment: str) -> Instance:
        """A worker process, not started."""
        self._workers += 1
        log = self._folder / f"worker-{self._workers}.log"
        own = {
            "PYTHONPATH": str(Path.cwd()),
            "PATH": os.environ["PATH"],
            **self.user("runner"),
            **environment,
        }
        return Instance(f"worker-{self._workers}", ("-m", module), own, log, port=0)

    def _service(self, name: str, number: int) -> Instance:
        environment = {"PATH": os.environ["PATH"], "WAYSIDE_JWT_SECRET": self.credentials.jwt_secret}
        environment |= self.user(name)
        if name == "gateway":
            environment["WAYSIDE_JOBS_URL"] = ",".join(instance.url for instance in self.jobs)
            environment["WAYSIDE_GOVERNANCE_URL"] = ",".join(instance.url for instance in self.governance)
        else:
            environment["WAYSIDE_DATABASE_URL"] = self._dsn
        log = self._folder / f"{name}-{number}.log"
        return Instance(f"{name}-{number}", ("-m", f"wayside_{name}"), environment, log)


@contextmanager
def cluster(folder: Path, dsn: str, *, count: int) -> Iterator[Cluster]:
    """Start NATS with the permissions of `deploy/nats`, and prepare `count` instances of each service."""
    credentials = Credentials()
    settings = NatsSettings(
        folder / "nats", users=permissions_file(), environment=credentials.nats_environment()
    )
    with ExitStack() as resources:
        nats = resources.enter_context(NatsServer(settings))
        prepared = Cluster(folder, dsn, nats, credentials, count)
        resources.callback(prepared.stop)
        yield prepared
