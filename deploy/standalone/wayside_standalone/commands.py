"""What the commands of the terminal do; `cli` has their options."""

import asyncio
import os
import re
import shlex
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import typer
from rich.console import Console

from wayside_service.auth import Role, mint_token
from wayside_standalone.account import user_name
from wayside_standalone.credentials import Credentials
from wayside_standalone.errors import InvalidTtl, NotRunning, StandaloneError, StillRunning, UnknownRole
from wayside_standalone.foreground import serve
from wayside_standalone.lock import holder
from wayside_standalone.parts import StackSettings, default_data_dir
from wayside_standalone.server import wait_until
from wayside_standalone.state import running_state
from wayside_standalone.supervisor import Status
from wayside_standalone.terminal import errors_shown, show_error, show_parts

NOTHING_RUNS = 3
"""The exit status of `status` when nothing runs, as the Linux Standard Base has it for services."""

STOP_SECONDS = 40
COMMAND_LIFETIME = timedelta(hours=12)
"""How long the token of one command is good for: `wayside events` runs for as long as somebody looks."""

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class TokenRequest:
    """A token as the command line asks for it; empty means the default."""

    scopes: Sequence[str]
    roles: Sequence[str]
    subject: str | None
    ttl: str


def run_stack(data_dir: Path | None, *, port: int) -> None:
    """Run a stack in the foreground; a service that does not come up is shown, and tried on."""
    with errors_shown():
        asyncio.run(serve(StackSettings(data_dir=chosen(data_dir), gateway_port=port, strict=False)))


def stop_stack(data_dir: Path | None, *, force: bool) -> None:
    """Ask the supervisor of a stack to stop, and wait until it has let go of its directory."""
    directory = chosen(data_dir)
    with errors_shown():
        pid = holder(directory)
        if pid is None:
            raise NotRunning(directory)
        # One that ends by itself at this moment is as good as stopped.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            if not wait_until(lambda: holder(directory) is None, seconds=STOP_SECONDS):
                if not force:
                    raise StillRunning(pid, STOP_SECONDS)
                os.kill(pid, signal.SIGKILL)
    typer.echo("Stopped.")


def show_status(data_dir: Path | None, *, as_json: bool) -> None:
    """Print what runs, and exit with 1 when something is not ready, 3 when nothing runs."""
    with errors_shown():
        try:
            state = running_state(chosen(data_dir))
        except NotRunning as error:
            show_error(error)
            raise typer.Exit(NOTHING_RUNS) from error
    if as_json:
        typer.echo(state.model_dump_json(indent=2))
    else:
        show_parts(Console(), state)
    if any(part.status is not Status.READY for part in state.parts):
        raise typer.Exit(1)


def print_token(data_dir: Path | None, request: TokenRequest) -> None:
    """Print a token and nothing else."""
    with errors_shown():
        secret = Credentials.load(chosen(data_dir)).jwt_secret
        roles = parse_roles(request.roles)
        grants = dict.fromkeys(request.scopes or ["*"], roles)
        subject = request.subject or user_name()
        typer.echo(mint_token(secret, subject=subject, grants=grants, lifetime=parse_ttl(request.ttl)))


def print_environment(data_dir: Path | None) -> None:
    """Print the addresses and credentials of the running stack as `export` commands."""
    directory = chosen(data_dir)
    with errors_shown():
        state = running_state(directory)
        password = Credentials.load(directory).nats_passwords["runner"]
    url, admin = running_gateway(data_dir) or ("", "")
    variables = {
        "WAYSIDE_URL": url,
        "WAYSIDE_TOKEN": admin,
        "WAYSIDE_NATS_URL": state.url("nats") or "",
        "WAYSIDE_NATS_USER": "runner",
        "WAYSIDE_NATS_PASSWORD": password,
    }
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def running_gateway(data_dir: Path | None) -> tuple[str, str] | None:
    """The address of the running stack's gateway and a token for all scopes; `None` when nothing runs."""
    directory = chosen(data_dir)
    try:
        url = running_state(directory).url("gateway")
        secret = Credentials.load(directory).jwt_secret
    except (StandaloneError, OSError):
        return None
    token = mint_token(
        secret, subject=user_name(), grants={"*": [str(Role.ADMIN)]}, lifetime=COMMAND_LIFETIME
    )
    return (url, token) if url else None


def parse_roles(names: Sequence[str]) -> list[str]:
    """The roles by name, admin when none is named."""
    for name in names:
        if name not in set(Role):
            raise UnknownRole(name, [str(role) for role in Role])
    return list(names) or [str(Role.ADMIN)]


def parse_ttl(text: str) -> timedelta:
    """Read a number and a unit."""
    match = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text)
    if match is None:
        raise InvalidTtl(text)
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def chosen(data_dir: Path | None) -> Path:
    """The data directory that was named, or the usual one."""
    return (data_dir or default_data_dir()).expanduser().absolute()
