"""Where Wayside is: from the environment, or given explicitly."""

import os
import socket
from dataclasses import dataclass, field
from secrets import token_hex

from wayside_events.bus import BusSettings

DEFAULT_NATS_URL = "nats://127.0.0.1:4222"
_RUNNER_LIMIT = 128


def nats_settings(*, name: str = "wayside-sdk") -> BusSettings:
    """Read `WAYSIDE_NATS_URL`, `WAYSIDE_NATS_USER` and `WAYSIDE_NATS_PASSWORD`."""
    return BusSettings(
        url=os.environ.get("WAYSIDE_NATS_URL", DEFAULT_NATS_URL),
        user=os.environ.get("WAYSIDE_NATS_USER"),
        password=os.environ.get("WAYSIDE_NATS_PASSWORD"),
        name=name,
    )


def nats_hint() -> str | None:
    """What to do when NATS is not where it is by default; `None` where the environment says where it is."""
    if "WAYSIDE_NATS_URL" in os.environ:
        return None
    return 'WAYSIDE_NATS_URL is not set: for a stack on this machine, eval "$(wayside env)" sets it'


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """The gateway's address and the bearer token shown to it."""

    url: str
    token: str | None = field(default=None, repr=False)


def gateway_from_environment() -> GatewaySettings | None:
    """Read `WAYSIDE_URL` and `WAYSIDE_TOKEN`; `None` without an address."""
    url = os.environ.get("WAYSIDE_URL")
    return GatewaySettings(url, os.environ.get("WAYSIDE_TOKEN")) if url else None


def new_runner_name(name: str) -> str:
    """Return a name no other process has: `name`, host, process id and a random part, as one NATS-safe token.

    It is new for every start, so that nothing sent to a former process of that name reaches this one.
    """
    raw = f"{name}-{socket.gethostname().partition('.')[0]}-{os.getpid()}-{token_hex(3)}"
    safe = "".join(char if char.isascii() and char.isalnum() else "-" for char in raw).lstrip("-")
    return safe[-_RUNNER_LIMIT:].lstrip("-")
