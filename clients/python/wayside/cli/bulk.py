"""Cancel and retry of many jobs: first how many, then, if they are meant, what became of them."""

from dataclasses import dataclass
from typing import cast

import typer
from rich.console import Console

from wayside.cli import rendering
from wayside.cli.gateway import client_for, fail, run
from wayside.cli.options import Selection, Talk
from wayside.client.client import Client
from wayside.client.jobs import BulkOptions
from wayside_events.contracts.jobs import BulkReply


@dataclass(frozen=True, slots=True)
class Order:
    """What to do with which jobs."""

    action: str
    selection: Selection
    options: BulkOptions


def act(talk: Talk, order: Order) -> None:
    """Do it, or only show what would be done; ends with status 1 when a job was refused."""
    selection = order.selection
    if selection.scope is None:
        fail("name the --scope")
    if selection.job_ids and (selection.filter or selection.all_jobs):
        fail("name either ids or a filter, not both")

    if not (selection.job_ids or selection.filter or selection.all_jobs):
        fail(f"say which jobs to {order.action}: their ids, a filter such as --type, or --all")

    async def work() -> None:
        async with client_for(talk.url, talk.token) as client:
            if selection.dry_run or not (selection.yes or selection.job_ids):
                found = await _send(client, order, dry_run=True)
                if selection.dry_run:
                    _show(found, as_json=talk.as_json)
                    return
                typer.confirm(f"{order.action.capitalize()} {_matches(found)}?", abort=True, err=True)
            reply = await _send(client, order, dry_run=False)
        _show(reply, as_json=talk.as_json)
        raise typer.Exit(1 if reply.failed else 0)

    run(work())


async def _send(client: Client, order: Order, *, dry_run: bool) -> BulkReply:
    selection = order.selection
    assert selection.scope is not None
    everything = {"all": True} if selection.all_jobs else {}
    return await client.jobs.bulk(
        order.action,
        scope=selection.scope,
        job_ids=selection.job_ids or None,
        dry_run=dry_run,
        **cast("BulkOptions", {**order.options, **selection.filter, **everything}),
    )


def _matches(reply: BulkReply) -> str:
    more = "more than " if reply.more else ""
    return f"{more}{reply.matched:,} {'job' if reply.matched == 1 else 'jobs'}"


def _show(reply: BulkReply, *, as_json: bool) -> None:
    if as_json:
        typer.echo(reply.model_dump_json(exclude_none=True))
        return
    console = Console()
    if reply.dry_run:
        console.print(f"{_matches(reply)} would be meant; nothing was done.", highlight=False)
        if reply.sample:
            console.print(rendering.jobs_table(reply.sample, console.width))
    elif reply.job is not None:
        console.print(f"{_matches(reply)}: a job of its own works on them. Follow it with", highlight=False)
        console.print(f"wayside jobs watch {reply.job.id}", soft_wrap=True, highlight=False)
    else:
        console.print(
            f"{reply.done} done, {reply.skipped} skipped, {reply.failed} failed, of {reply.matched}.",
            highlight=False,
        )
        for failure in reply.failures:
            console.print(f"{failure.job_id}  {failure.detail}", soft_wrap=True, markup=False)
