"""Cancel and retry of many jobs: first how many, then, if they are meant, what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import typer
from rich.console import Console

from wayside.cli import rendering
from wayside.cli.gateway import client_for, fail, run
from wayside.client.client import Client
from wayside.client.jobs import BulkOptions
from wayside_events.contracts.jobs import BulkReply

Filter = dict[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class Order:
    """What to do with which jobs."""

    action: str
    scope: str | None
    job_ids: Sequence[str] | None
    wanted: Filter
    all_jobs: bool
    options: BulkOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How to do it."""

    dry_run: bool
    is_sure: bool
    as_json: bool


def wanted_by(**filters: str | list[str] | None) -> Filter:
    """Return the filters that were given."""
    return {name: value for name, value in filters.items() if value}


def is_about_one(job_ids: Sequence[str] | None, wanted: Filter, *, all_jobs: bool, dry_run: bool) -> bool:
    """Whether it is a plain request about one job."""
    return job_ids is not None and len(job_ids) == 1 and not (wanted or all_jobs or dry_run)


def act(url: str | None, token: str | None, order: Order, manner: Manner) -> None:
    """Do it, or only show what would be done; ends with status 1 when a job was refused."""
    if order.scope is None:
        fail("name the --scope")
    if order.job_ids and (order.wanted or order.all_jobs):
        fail("either ids or a filter")

    async def work() -> None:
        async with client_for(url, token) as client:
            if manner.dry_run or not (manner.is_sure or order.job_ids):
                found = await _send(client, order, dry_run=True)
                if manner.dry_run:
                    _show(found, as_json=manner.as_json)
                    return
                typer.confirm(f"{order.action.capitalize()} {found.matched} jobs?", abort=True, err=True)
            reply = await _send(client, order, dry_run=False)
        _show(reply, as_json=manner.as_json)
        raise typer.Exit(1 if reply.failed else 0)

    run(work())


async def _send(client: Client, order: Order, *, dry_run: bool) -> BulkReply:
    assert order.scope is not None
    everything = {"all": True} if order.all_jobs else {}
    return await client.jobs.bulk(
        order.action,
        scope=order.scope,
        job_ids=order.job_ids or None,
        dry_run=dry_run,
        **cast("BulkOptions", {**order.options, **order.wanted, **everything}),
    )


def _show(reply: BulkReply, *, as_json: bool) -> None:
    if as_json:
        typer.echo(reply.model_dump_json(exclude_none=True))
        return
    console = Console()
    if reply.dry_run:
        console.print(f"{reply.matched} jobs match; nothing was done")
        if reply.sample:
            console.print(rendering.jobs_table(reply.sample))
    elif reply.job is not None:
        console.print(f"{reply.matched} jobs match; this job works on them:")
        console.print(f"wayside jobs watch {reply.job.id}", soft_wrap=True)
    else:
        console.print(
            f"{reply.done} done, {reply.skipped} skipped, {reply.failed} failed, of {reply.matched}"
        )
        for failure in reply.failures:
            console.print(f"{failure.job_id}  {failure.detail}", soft_wrap=True, markup=False)
