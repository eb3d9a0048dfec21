"""Shared fixtures: the real PostgreSQL and the real NATS, from the wheels.

- `postgres_server` (session): `.dsn(name)`; `.database(template=…)` is a context manager around a new database that
  yields its DSN; `.create_database(name, template=…)` keeps it until the session ends, for templates of your own.
- `database` (function): the DSN of a new, empty database, dropped after the test.
- `nats_url` (function): the URL of a NATS server with JetStream and no users; nothing is left of another test.
- `nats_server` (function): the same server; `.url`, `.stop()`, `.start()`, `.restart()`, `.kill()` keep port and data.
- `own_postgres_server` (function): a PostgreSQL server for tests that stop, restart or kill it; about 0.2 s.
- `memory` (session): a folder for files that are made and removed all the time; on a file system in memory where
  there is one with room, because copying and dropping a database on a disk costs four times as much.

A test whose databases need migrations makes one template for the session and copies it, which takes about 20 ms:

    @pytest.fixture(scope="session")
    def jobs_template(postgres_server):
        dsn = postgres_server.create_database("jobs_template")
        asyncio.run(migrate(dsn))
        return "jobs_template"

    @pytest.fixture
    def jobs_database(postgres_server, jobs_template):
        with postgres_server.database(template=jobs_template) as dsn:
            yield dsn

With pytest-xdist each worker has servers of its own. The role in a DSN is `wayside`, which owns its databases and may
create more, but is no superuser: the same as in a real stack. `postgres_server.admin_dsn(name)` is the superuser's.
All servers die with pytest, even when it is killed.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
import structlog
from tests.dealing import dealt
from tests.nats_servers import NatsServers

from wayside_standalone.errors import ServerFailed
from wayside_standalone.nats import NatsServer
from wayside_standalone.postgres import ENVIRONMENT, PostgresServer, PostgresSettings

# Drawing a traceback with all its values takes seconds.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

WORKERS = "PYTEST_XDIST_WORKER_COUNT"
ROLE = "wayside"
PASSWORD = "test"
IN_MEMORY = Path("/dev/shm")
ROOM_BYTES = 2**30


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers, begin with the tests marked `long`."""
    if WORKERS in os.environ:
        items[:] = dealt(
            items,
            long=lambda item: item.get_closest_marker("long") is not None,
            group=lambda item: item.path,
            workers=int(os.environ[WORKERS]),
        )


class Psql:
    """One psql that stays open: starting one for every statement costs as much as copying a database."""

    def __init__(self, server: "PostgresForTests") -> None:
        self._name = server.name
        self._process = subprocess.Popen(
            [server._binaries / "psql", "-qAtX", "-v", "ON_ERROR_STOP=1"],
            env={**ENVIRONMENT, **server._connection()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def execute(self, statement: str) -> None:
        """Run one statement and return when it is done; raises ServerFailed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{statement};\nSELECT 'done';\n")
        self._process.stdin.flush()
        said = []
        for line in self._process.stdout:
            if line == "done\n":
                return
            said.append(line)
        raise ServerFailed(self._name, f"refused a statement: {''.join(said).strip()}")

    def close(self) -> None:
        """End it."""
        self._process.communicate()


class PostgresForTests(PostgresServer):
    """A server without fsync that hands out databases to tests."""

    def __init__(self, directory: Path) -> None:
        super().__init__(PostgresSettings(directory, PASSWORD, durable=False))
        self._numbers = count()
        self._psql: Psql | None = None

    def start(self) -> None:
        """Start, and create the role the first time."""
        super().start()
        self.execute(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'wayside') THEN "
            f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{PASSWORD}'; END IF; END $$"
        )

    def stop(self) -> None:
        """Stop, and what has a connection before it."""
        self._close_psql()
        super().stop()

    def kill(self) -> None:
        """End at once."""
        self._close_psql()
        super().kill()

    def dsn(self, database: str = "postgres", *, user: str = ROLE, password: str | None = PASSWORD) -> str:
        """The connection string of a database, for the ordinary role."""
        return super().dsn(database, user=user, password=password)

    def admin_dsn(self, database: str = "postgres") -> str:
        """The connection string of a database, for the superuser."""
        return super().dsn(database)

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create a database as a copy of another one, which nobody may be connected to, and return its DSN."""
        self._quickly(f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER {ROLE} STRATEGY file_copy')
        return self.dsn(name)

    @contextmanager
    def database(self, *, template: str = "template1") -> Iterator[str]:
        """A new database for the time of the context, as its DSN; connections left open are closed by force."""
        name = f"test_{next(self._numbers)}"
        yield self.create_database(name, template=template)
        self._quickly(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _quickly(self, statement: str) -> None:
        self._psql = self._psql or Psql(self)
        self._psql.execute(statement)

    def _close_psql(self) -> None:
        if self._psql is not None:
            self._psql.close()
            self._psql = None


@pytest.fixture(scope="session")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory, or on disk where the machine has too little of it; gone after the session."""
    if not IN_MEMORY.is_dir() or shutil.disk_usage(IN_MEMORY).free < ROOM_BYTES:
        yield tmp_path_factory.mktemp("memory")
        return
    for left in IN_MEMORY.glob("wayside-tests-*-*"):
        if not psutil.pid_exists(int(left.name.split("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(prefix=f"wayside-tests-{os.getpid()}-", dir=IN_MEMORY) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def made_postgres(memory: Path) -> Path:
    """The data directory of a server that never ran, to be copied: making one takes a second."""
    PostgresForTests(memory / "made").prepare()
    return memory / "made"


@pytest.fixture(scope="session")
def postgres_server(memory: Path, made_postgres: Path) -> Iterator[PostgresForTests]:
    """One PostgreSQL server for the session."""
    with PostgresForTests(copy_tree(made_postgres, memory / "postgres")) as server:
        yield server


@pytest.fixture
def own_postgres_server(memory: Path, made_postgres: Path) -> Iterator[PostgresForTests]:
    """A PostgreSQL server of the test's own, which it may stop and kill."""
    with (
        TemporaryDirectory(prefix="own-", dir=memory, ignore_cleanup_errors=True) as folder,
        PostgresForTests(copy_tree(made_postgres, Path(folder) / "postgres")) as server,
    ):
        yield server


def copy_tree(source: Path, copy: Path) -> Path:
    """Copy a folder as `cp` does it, at a third of what `shutil` takes, and return the copy."""
    subprocess.run(["cp", "-a", source, copy], check=True)
    return copy


@pytest.fixture
def database(postgres_server: PostgresForTests) -> Iterator[str]:
    """The DSN of a new, empty database."""
    with postgres_server.database() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def nats_servers(memory: Path) -> Iterator[NatsServers]:
    """The NATS servers of the session."""
    servers = NatsServers(memory)
    yield servers
    servers.close()


@pytest.fixture
def nats_server(nats_servers: NatsServers) -> Iterator[NatsServer]:
    """A NATS server for the test alone, with JetStream and without users, streams and clients."""
    with nats_servers.one() as server:
        yield server


@pytest.fixture
def nats_url(nats_server: NatsServer) -> str:
    """The URL of the test's NATS server."""
    return nats_server.url
