"""What a stack is made of: the two servers and the services, in stages, and what each is told of the others."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_data_path

from wayside_standalone.credentials import Credentials
from wayside_standalone.errors import PortTaken
from wayside_standalone.nats import NatsServer, NatsSettings, permissions_file
from wayside_standalone.postgres import PostgresServer, PostgresSettings
from wayside_standalone.server import is_free
from wayside_standalone.service import GATEWAY, GOVERNANCE, JOBS, ServiceProgram, ServiceSpec, read_port
from wayside_standalone.supervisor import Backoff, Pulse

DATABASE = ROLE = "wayside"
"""The database of all services, and the role that owns it."""


def default_data_dir() -> Path:
    """Where a stack keeps everything unless told otherwise."""
    return user_data_path("wayside", appauthor=False)


@dataclass(frozen=True)
class StackSettings:
    """What can be chosen.

    `gateway_port` 0 takes the port of the last run if it is free, else any. `strict` makes a service that does not
    come up an error that stops the stack; otherwise the others run on, and it is tried again and again.
    `environment` is what the services inherit. `durable=False` makes PostgreSQL faster and unsafe, for tests.
    """

    data_dir: Path = field(default_factory=default_data_dir)
    gateway_port: int = 0
    strict: bool = True
    ready_seconds: float = 60
    durable: bool = True
    backoff: Backoff = field(default_factory=Backoff)
    pulse: Pulse = field(default_factory=Pulse)
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    services: Sequence[ServiceSpec] = (JOBS, GOVERNANCE)
    gateway: ServiceSpec = GATEWAY


class Parts:
    """The programs of one stack. The servers come first, then the services, then the gateway."""

    def __init__(self, settings: StackSettings, data_dir: Path, credentials: Credentials) -> None:
        self._settings = settings
        self._credentials = credentials
        self._run_dir = data_dir / "run"
        self.postgres = PostgresServer(
            PostgresSettings(data_dir / "postgres", credentials.superuser_password, durable=settings.durable)
        )
        users = credentials.nats_environment()
        self.nats = NatsServer(NatsSettings(data_dir / "nats", users=permissions_file(), environment=users))
        self.services = [self._service(spec) for spec in settings.services]
        self.gateway = self._service(settings.gateway, port=self._gateway_port())

    @property
    def database_url(self) -> str:
        """The database of the services, password included."""
        return self.postgres.dsn(DATABASE, user=ROLE, password=self._credentials.database_password)

    def ensure_database(self) -> None:
        """Create the role and the database of the services; changes nothing when they are there. Blocking."""
        script = Path(__file__).with_name("database.sql").read_text()
        self.postgres.execute(script, {"DATABASE_PASSWORD": self._credentials.database_password})

    def _service(self, spec: ServiceSpec, *, port: int = 0) -> ServiceProgram:
        port_file = self._run_dir / f"{spec.name}.port"
        return ServiceProgram(spec, port_file, lambda: self._environment(spec), port=port)

    def _gateway_port(self) -> int:
        if wanted := self._settings.gateway_port:
            if not is_free(wanted):
                raise PortTaken(wanted)
            return wanted
        last = read_port(self._run_dir / f"{self._settings.gateway.name}.port")
        return last if last is not None and is_free(last) else 0

    def _environment(self, spec: ServiceSpec) -> dict[str, str]:
        """What a service is started with; every JWT key but ours is dropped, for a service takes exactly one."""
        inherited = self._settings.environment.items()
        environment = {name: value for name, value in inherited if not name.startswith("WAYSIDE_JWT_")}
        environment |= {
            "WAYSIDE_HOST": "127.0.0.1",
            "WAYSIDE_JWT_SECRET": self._credentials.jwt_secret,
            "WAYSIDE_NATS_URL": self.nats.url,
            "WAYSIDE_NATS_USER": spec.name,
            "WAYSIDE_NATS_PASSWORD": self._credentials.nats_passwords[spec.name],
        }
        if spec.needs_database:
            environment["WAYSIDE_DATABASE_URL"] = self.database_url
        if spec is self._settings.gateway:
            environment |= {f"WAYSIDE_{service.name.upper()}_URL": service.url for service in self.services}
        return environment
