"""`wayside events`: follow what happens."""

# ruff: noqa: PLC0415

from typing import Annotated

import typer

from wayside.cli.options import Scope, Talk, spread


@spread
def follow(
    scope: Scope = None,
    type: Annotated[  # noqa: A002 - the option's name
        list[str] | None, typer.Option(help="Event types, also `analysis.job.*`; repeatable.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="A cursor to go on from, instead of now.")] = None,
    *,
    talk: Talk,
) -> None:
    """Follow the events of a scope until Ctrl-C."""
    from wayside.cli import commands

    commands.follow_events(
        talk,
        lambda client: client.events.scope(scope, types=type or (), after=after, on_reset="yield"),
    )
