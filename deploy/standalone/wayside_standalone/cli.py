"""The commands `up`, `down`, `status`, `env` and `token`, for the `wayside` command to attach.

Each imports what it does only when it is called: that takes a second, which other commands need not wait for.
"""

# ruff: noqa: PLC0415

import os
from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Where everything is kept. Default: the user's data folder.", envvar="WAYSIDE_DATA_DIR"
    ),
]


def register(app: typer.Typer) -> None:
    """Attach the commands to an application."""
    for command in (up, down, status, env, token):
        app.command()(command)


def gateway() -> tuple[str, str] | None:
    """Where the stack of the usual data directory answers, and a token for it; for commands that were told neither."""
    from wayside_standalone.commands import running_gateway

    data_dir = os.environ.get("WAYSIDE_DATA_DIR")
    return running_gateway(Path(data_dir) if data_dir else None)


def up(
    data_dir: DataDir = None,
    port: Annotated[
        int,
        typer.Option(min=0, max=65_535, help="The gateway's port; 0 takes that of the last time, or any."),
    ] = 0,
) -> None:
    """Run PostgreSQL, NATS and the services on this machine until Ctrl-C."""
    from wayside_standalone.commands import run_stack

    run_stack(data_dir, port=port)


def down(
    data_dir: DataDir = None,
    force: Annotated[bool, typer.Option("--force", help="Kill it when it does not stop in time.")] = False,
) -> None:
    """Stop the stack of a data directory."""
    from wayside_standalone.commands import stop_stack

    stop_stack(data_dir, force=force)


def status(
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show what runs; exits with 0 when all is ready, 1 when something is not, 3 when nothing runs."""
    from wayside_standalone.commands import show_status

    show_status(data_dir, as_json=as_json)


def env(data_dir: DataDir = None) -> None:
    """Print what workers and clients of the running stack need, as shell commands: eval "$(wayside env)"."""
    from wayside_standalone.commands import print_environment

    print_environment(data_dir)


def token(
    data_dir: DataDir = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="A scope, repeatable. Default: all of them.")
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(help="viewer, operator, reviewer, runner or admin; repeatable. Default: admin."),
    ] = None,
    subject: Annotated[str | None, typer.Option(help="Who it is for. Default: the user's name.")] = None,
    ttl: Annotated[str, typer.Option(help="How long it is valid: 30m, 12h, 7d.")] = "12h",
) -> None:
    """Print a token that the stack of a data directory accepts."""
    from wayside_standalone.commands import TokenRequest, print_token

    print_token(data_dir, TokenRequest(scope or (), role or (), subject, ttl))
