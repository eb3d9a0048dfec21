"""The commands `up`, `down`, `status` and `token`, for the `wayside` command to attach."""

import asyncio
import os
import re
import signal
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from wayside_service.auth import Role, mint_token
from wayside_standalone.account import user_name
from wayside_standalone.credentials import Credentials
from wayside_standalone.errors import NotRunning, StandaloneError
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
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Where everything is kept. Default: the user's data folder.", envvar="WAYSIDE_DATA_DIR"
    ),
]


class StillRunning(StandaloneError):
    """A stack did not stop in time."""

    def __init__(self, pid: int) -> None:
        super().__init__(
            f"process {pid} has not stopped within {STOP_SECONDS} s; end it with: wayside down --force"
        )


class InvalidTtl(StandaloneError):
    """A time to live cannot be read."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is not a length of time such as 30m, 12h or 7d")


def register(app: typer.Typer) -> None:
    """Attach the commands to an application."""
    for command in (up, down, status, token):
        app.command()(command)


def up(
    data_dir: DataDir = None,
    port: Annotated[int, typer.Option(help="The gateway's port; 0 takes that of the last time, or any.")] = 0,
) -> None:
    """Run PostgreSQL, NATS and the services on this machine until Ctrl-C."""
    with errors_shown():
        asyncio.run(serve(StackSettings(data_dir=chosen(data_dir), gateway_port=port, strict=False)))


def down(
    data_dir: DataDir = None,
    force: Annotated[bool, typer.Option("--force", help="Kill it when it does not stop in time.")] = False,
) -> None:
    """Stop the stack of a data directory."""
    directory = chosen(data_dir)
    with errors_shown():
        pid = holder(directory)
        if pid is None:
            raise NotRunning(directory)
        stop_process(pid, directory, force=force)
    typer.echo("Stopped.")


def status(
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show what runs; exits with 0 when all is ready, 1 when something is not, 3 when nothing runs."""
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


def token(
    data_dir: DataDir = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="A scope, repeatable. Default: all of them.")
    ] = None,
    role: Annotated[list[Role] | None, typer.Option(help="A role, repeatable. Default: admin.")] = None,
    subject: Annotated[str | None, typer.Option(help="Who it is for. Default: the user's name.")] = None,
    ttl: Annotated[str, typer.Option(help="How long it is valid: 30m, 12h, 7d.")] = "12h",
) -> None:
    """Print a token that the stack of a data directory accepts."""
    with errors_shown():
        credentials = Credentials.load(chosen(data_dir))
        roles = [str(one) for one in role or [Role.ADMIN]]
        minted = mint_token(
            credentials.jwt_secret,
            subject=subject or user_name(),
            grants=dict.fromkeys(scope or ["*"], roles),
            lifetime=parse_ttl(ttl),
        )
        typer.echo(minted)


def stop_process(pid: int, data_dir: Path, *, force: bool) -> None:
    """Ask a stack's supervisor to stop, and wait until it has let go of its directory."""
    os.kill(pid, signal.SIGTERM)
    if wait_until(lambda: holder(data_dir) is None, seconds=STOP_SECONDS):
        return
    if not force:
        raise StillRunning(pid)
    os.kill(pid, signal.SIGKILL)


def parse_ttl(text: str) -> timedelta:
    """Read a number and a unit."""
    match = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text)
    if match is None:
        raise InvalidTtl(text)
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def chosen(data_dir: Path | None) -> Path:
    """The data directory that was named, or the usual one."""
    return (data_dir or default_data_dir()).expanduser().absolute()
