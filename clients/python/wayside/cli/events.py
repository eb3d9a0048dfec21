"""`wayside events`: follow what happens."""

from typing import Annotated

import typer
from rich.console import Console

from wayside.cli import rendering
from wayside.cli.gateway import AsJson, Scope, Token, Url, client_for, run
from wayside.client.streams import Reset, Snapshot


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

    async def work() -> None:
        console = Console()
        async with (
            client_for(url, token) as client,
            client.events.scope(scope, types=type or (), after=after, on_reset="yield") as stream,
        ):
            async for item in stream:
                match item:
                    case Snapshot():
                        continue
                    case Reset(cursor, reason):
                        typer.echo(f"events before {cursor} are gone ({reason})", err=True)
                    case event if as_json:
                        typer.echo(event.to_json())
                    case event:
                        console.print(rendering.event_line(event), soft_wrap=True)

    run(work())
