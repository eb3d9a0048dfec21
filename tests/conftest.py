"""Shared fixtures: the real PostgreSQL and the real NATS, from the wheels.

- `postgres_server` (session): `.dsn(name)`; `.database(template=…)` is a context manager around a new database that
  yields its DSN; `.create_database(name, template=…)` keeps it until the session ends, for templates of your own.
- `database` (function): the DSN of a new, empty database, dropped after the test.
- `nats_url` (function): the URL of a new NATS server with JetStream and no users; nothing is left of another test.
- `nats_server` (function): the same server; `.url`, `.stop()`, `.start()`, `.restart()`, `.kill()` keep port and data.
- `own_postgres_server` (function): a PostgreSQL server for tests that stop, restart or kill it; about 0.7 s.

A test whose databases need migrations makes one template for the session and copies it, which takes about 30 ms:

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

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from wayside_standalone.nats import NatsServer, NatsSettings
from wayside_standalone.postgres import PostgresServer, PostgresSettings

ROLE = "wayside"
PASSWORD = "test"


class PostgresForTests(PostgresServer):
    """A server without fsync that hands out databases to tests."""

    def __init__(self, directory: Path) -> None:
        super().__init__(PostgresSettings(directory, PASSWORD, durable=False))
        self._numbers = count()

    def start(self) -> None:
        """Start, and create the role the first time."""
        super().start()
        self.execute(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'wayside') THEN "
            f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{PASSWORD}'; END IF; END $$"
        )

    def dsn(self, database: str = "postgres", *, user: str = ROLE, password: str | None = PASSWORD) -> str:
        """The connection string of a database, for the ordinary role."""
        return super().dsn(database, user=user, password=password)

    def admin_dsn(self, database: str = "postgres") -> str:
        """The connection string of a database, for the superuser."""
        return super().dsn(database)

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create a database as a copy of another one, which nobody may be connected to, and return its DSN."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER {ROLE} STRATEGY file_copy')
        return self.dsn(name)

    @contextmanager
    def database(self, *, template: str = "template1") -> Iterator[str]:
        """A new database for the time of the context, as its DSN; connections left open are closed by force."""
        name = f"test_{next(self._numbers)}"
        yield self.create_database(name, template=template)
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresForTests]:
    """One PostgreSQL server for the session."""
    with PostgresForTests(tmp_path_factory.mktemp("postgres") / "data") as server:
        yield server


@pytest.fixture
def own_postgres_server(tmp_path: Path) -> Iterator[PostgresForTests]:
    """A PostgreSQL server of the test's own, which it may stop and kill."""
    with PostgresForTests(tmp_path / "postgres") as server:
        yield server


@pytest.fixture
def database(postgres_server: PostgresForTests) -> Iterator[str]:
    """The DSN of a new, empty database."""
    with postgres_server.database() as dsn:
        yield dsn


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A NATS server of the test's own, with JetStream and without users."""
    with NatsServer(NatsSettings(tmp_path / "nats")) as server:
        yield server


@pytest.fixture
def nats_url(nats_server: NatsServer) -> str:
    """The URL of the test's NATS server."""
    return nats_server.url
