"""How answers are printed: as a table or details for people, or as JSON."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

import typer
from pydantic import BaseModel
from rich.console import Console, RenderableType

from wayside.cli.gateway import client_for, run
from wayside.cli.options import Talk
from wayside.client.client import Client

M = TypeVar("M", bound=BaseModel)

PAGE_LIMIT = 200


def print_list(
    talk: Talk,
    ask: Callable[[Client], AsyncGenerator[M, None]],
    table: Callable[[Sequence[M], int], RenderableType],
    *,
    limit: int,
    nothing: str,
) -> None:
    """Print the first items of a list; `table` makes a table of items for a width, `nothing` says that there are none."""

    async def work() -> None:
        async with client_for(talk.url, talk.token) as client:
            show_items(await first(ask(client), limit), table, as_json=talk.as_json, nothing=nothing)

    run(work())


async def first(items: AsyncGenerator[M, None], limit: int) -> list[M]:
    """Return the first items of a list."""
    found: list[M] = []
    async with aclosing(items):
        async for item in items:
            found.append(item)
            if len(found) == limit:
                break
    return found


def show_items(
    items: Sequence[M], table: Callable[[Sequence[M], int], RenderableType], *, as_json: bool, nothing: str
) -> None:
    """Print items, or say on stderr that there are none."""
    if as_json:
        for item in items:
            typer.echo(item.model_dump_json(exclude_none=True))
    elif items:
        console = Console()
        console.print(table(items, console.width))
    else:
        typer.echo(nothing, err=True)


def print_one(
    talk: Talk, ask: Callable[[Client], Awaitable[M]], details: Callable[[M], RenderableType]
) -> None:
    """Print the one thing that the gateway answers with."""

    async def work() -> None:
        async with client_for(talk.url, talk.token) as client:
            item = await ask(client)
        if talk.as_json:
            typer.echo(item.model_dump_json(exclude_none=True))
        else:
            Console().print(details(item))

    run(work())
