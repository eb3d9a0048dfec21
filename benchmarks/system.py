"""The system under measurement: PostgreSQL, NATS and services, each a real process on loopback."""

import asyncio
import secrets
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil

from benchmarks.child import Child, ChildFailed, essentials
from benchmarks.workspace import MARK
from wayside_events.bus import BusSettings
from wayside_events.identifiers import ScopeName
from wayside_service.auth import mint_token
from wayside_standalone.credentials import Credentials
from wayside_standalone.logs import tail
from wayside_standalone.nats import NatsServer, NatsSettings, permissions_file
from wayside_standalone.parts import DATABASE, ROLE
from wayside_standalone.postgres import PostgresServer, PostgresSettings
from wayside_standalone.process import Command, Process, spawn, stop
from wayside_standalone.service import answers, read_port

SCOPE = ScopeName("bench")
READY_SECONDS = 60
POLL_SECONDS = 0.05
DATABASE_SCRIPT = Path(sys.modules[PostgresServer.__module__].__file__ or "").with_name("database.sql")


@dataclass(frozen=True, slots=True)
class Service:
    """One running service: its process, its address and what it says."""

    process: Process
    url: str
    log: Path


@dataclass(frozen=True)
class System:
    """What the parts of the measurement need to know of the running processes."""

    workspace: Path
    folder: Path
    postgres: PostgresServer
    nats: NatsServer
    credentials: Credentials
    services: Mapping[str, Service]
    """By name. The first is the one that is measured."""

    @property
    def name(self) -> str:
        """The service that is measured."""
        return next(iter(self.services))

    @property
    def service_url(self) -> str:
        """Where the service that is measured answers."""
        return self.services[self.name].url

    @property
    def database_url(self) -> str:
        """The database of the service, password included."""
        return self.postgres.dsn(DATABASE, user=ROLE, password=self.credentials.database_password)

    def bus_settings(self, user: str) -> BusSettings:
        """How a NATS user connects."""
        return BusSettings(self.nats.url, user, self.credentials.nats_passwords[user], name="benchmark")

    def headers(self) -> dict[str, str]:
        """The headers of an HTTP request that may do everything in the scope of the measurement."""
        token = mint_token(self.credentials.jwt_secret, subject="bench", grants={SCOPE: ["admin"]})
        return {"Authorization": f"Bearer {token}"}

    def child(self, role: str, *arguments: object, user: str = "client") -> Child:
        """A process `python -m benchmarks.<service>.<role>` that reaches NATS as `user`, not started."""
        environment = {MARK: str(self.workspace), **nats_environment(self.nats, self.credentials, user)}
        argv = (sys.executable, "-m", f"benchmarks.{self.name}.{role}", *map(str, arguments))
        return Child(role, argv, environment, self.folder / f"{role}.log")

    @asynccontextmanager
    async def database(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """Open a connection to the service's own tables."""
        connection = await asyncpg.connect(self.database_url, server_settings={"search_path": self.name})
        try:
            yield connection
        finally:
            await connection.close()

    @property
    def log(self) -> Path:
        """What the service that is measured says."""
        return self.services[self.name].log

    def pids(self) -> dict[str, int]:
        """The processes of the system by name."""
        assert self.postgres.pid is not None
        assert self.nats.pid is not None
        services = {name: one.process.pid for name, one in self.services.items() if name != self.name}
        return {
            "service": self.services[self.name].process.pid,
            **services,
            "postgres": self.postgres.pid,
            "nats": self.nats.pid,
        }

    def service_memory(self) -> int:
        """The resident memory of the service in bytes."""
        return int(psutil.Process(self.services[self.name].process.pid).memory_info().rss)


@contextmanager
def servers(folder: Path, credentials: Credentials) -> Iterator[tuple[PostgresServer, NatsServer]]:
    """Start PostgreSQL and NATS with the settings of the one-machine stack: default durability."""
    postgres = PostgresServer(PostgresSettings(folder / "postgres", credentials.superuser_password))
    users = credentials.nats_environment()
    nats = NatsServer(NatsSettings(folder / "nats", users=permissions_file(), environment=users))
    with postgres, nats:
        script = DATABASE_SCRIPT.read_text()
        postgres.execute(script, {"DATABASE_PASSWORD": credentials.database_password})
        yield postgres, nats


@asynccontextmanager
async def running_system(workspace: Path, *names: str) -> AsyncIterator[System]:
    """Start everything, fresh, with the services of these names, and stop it in the end."""
    folder = workspace / secrets.token_hex(4)
    folder.mkdir()
    credentials = Credentials()
    with ExitStack() as resources:
        resources.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres, nats = resources.enter_context(servers(folder, credentials))
        shared = {
            **essentials(),
            MARK: str(workspace),
            "WAYSIDE_JWT_SECRET": credentials.jwt_secret,
            "WAYSIDE_DATABASE_URL": postgres.dsn(DATABASE, user=ROLE, password=credentials.database_password),
        }
        services: dict[str, Service] = {}
        for name in names:
            environment = {
                **shared,
                "WAYSIDE_PORT_FILE": str(folder / f"{name}.port"),
                **nats_environment(nats, credentials, name),
            }
            services[name] = await _started(name, folder, environment, resources)
        yield System(workspace, folder, postgres, nats, credentials, services)


async def _started(name: str, folder: Path, environment: Mapping[str, str], resources: ExitStack) -> Service:
    said = folder / f"{name}.log"
    with said.open("ab") as log:
        process = spawn(Command((sys.executable, "-P", "-m", f"wayside_{name}"), environment), log)
    resources.callback(stop, process, [(signal.SIGTERM, 15)])
    return Service(process, await _ready(process, folder / f"{name}.port", said), said)


def nats_environment(nats: NatsServer, credentials: Credentials, user: str) -> dict[str, str]:
    """The variables by which a process reaches NATS as that user."""
    return {
        "WAYSIDE_NATS_URL": nats.url,
        "WAYSIDE_NATS_USER": user,
        "WAYSIDE_NATS_PASSWORD": credentials.nats_passwords[user],
    }


async def _ready(service: Process, port_file: Path, log: Path) -> str:
    """Return the address of the service once it says that all it needs is there."""
    deadline = time.monotonic() + READY_SECONDS
    while service.poll() is None and time.monotonic() < deadline:
        port = read_port(port_file)
        if port is not None and await answers(f"http://127.0.0.1:{port}/readyz"):
            return f"http://127.0.0.1:{port}"
        await asyncio.sleep(POLL_SECONDS)
    raise ChildFailed(f"the service of {log.name} did not start; the end of its log:\n{tail(log)}")
