"""The services of Wayside as programs to supervise: their command line, environment and readiness."""

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from wayside_standalone.process import Command
from wayside_standalone.server import free_port

HTTP_SECONDS = 3
HTTP_OK = 200


@dataclass(frozen=True)
class ServiceSpec:
    """A service by name, and how it is run; `argv` begins with an absolute path."""

    name: str
    argv: Sequence[str | Path]
    needs_database: bool = True

    @classmethod
    def module(cls, name: str, *, needs_database: bool = True) -> "ServiceSpec":
        """The service `name`, run as `python -m wayside_<name>`; -P keeps the working folder off the module path."""
        argv = (sys.executable, "-P", "-m", f"wayside_{name}")
        return cls(name, argv, needs_database=needs_database)


JOBS = ServiceSpec.module("jobs")
GOVERNANCE = ServiceSpec.module("governance")
GATEWAY = ServiceSpec.module("gateway", needs_database=False)


class ServiceProgram:
    """One service process. It takes a free port on its first start and keeps it, so that others find it again."""

    stop_steps: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 12),)

    def __init__(
        self,
        spec: ServiceSpec,
        port_file: Path,
        environment: Callable[[], Mapping[str, str]],
        *,
        port: int = 0,
    ) -> None:
        self.name = spec.name
        self._spec = spec
        self._port_file = port_file
        self._environment = environment
        self._port = port

    @property
    def port(self) -> int:
        """The port it listens on, 0 while unknown."""
        return self._port

    @property
    def url(self) -> str:
        """Its HTTP address."""
        return f"http://127.0.0.1:{self._port}"

    def fix_port(self) -> None:
        """Decide the port now, for others that have to know it although the service has not come up."""
        self._port = self._port or free_port()

    def prepare(self) -> None:
        """Forget the port of the run before."""
        self._port_file.unlink(missing_ok=True)

    def command(self) -> Command:
        """The command line and the whole environment."""
        own = {"WAYSIDE_PORT": str(self._port), "WAYSIDE_PORT_FILE": str(self._port_file)}
        return Command(self._spec.argv, {**self._environment(), **own})

    async def ready(self, pid: int) -> bool:  # noqa: ARG002 - the port file is of this process, see prepare
        """Whether it listens and says on /readyz that all it needs is there."""
        port = read_port(self._port_file)
        if port is None:
            return False
        self._port = port
        return await answers(f"{self.url}/readyz")

    async def alive(self) -> bool:
        """Whether it answers on /healthz, once it has said where it listens."""
        port = read_port(self._port_file)
        return port is None or await answers(f"http://127.0.0.1:{port}/healthz")


def read_port(path: Path) -> int | None:
    """The port a service wrote; None as long as it has not."""
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() else None


async def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    timeout = aiohttp.ClientTimeout(total=HTTP_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            return answer.status == HTTP_OK
    except (aiohttp.ClientError, TimeoutError):
        return False
