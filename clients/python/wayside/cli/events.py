"""`wayside events`: follow what happens."""

# ruff: noqa: PLC0415

from typing import Annotated

import typer

from wayside.cli.options import AsJson, Scope, Token, Url


def follow(
    scope: Scope = None,
    type: Annotated[  # noqa: A002 - the option's name
        list[str] | None, typer.Option(help="Event types, also `analysis.job.*`; repeatable.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="A cursor to go on from, instead of now.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Follow the events of a scope until Ctrl-C."""
    from wayside.cli import commands

    commands.follow_events(
        url,
        token,
        lambda client: client.events.scope(scope, types=type or (), after=after, on_reset="yield"),
        as_json=as_json,
    )
