"""What the commands of jobs and events do; `jobs` and `events` have their options."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson
import typer
from pydantic import JsonValue
from rich.console import Console

from wayside.cli import rendering
from wayside.cli.gateway import client_for, fail, run
from wayside.cli.options import Talk
from wayside.cli.printing import PAGE_LIMIT, first, print_list, print_one, show_items
from wayside.cli.times import moment_of, seconds_of
from wayside.client.client import Client
from wayside.client.jobs import JobFilter, JobOptions
from wayside.client.returning import ActiveFilter, RecentFilter
from wayside.client.streams import EventStream, Reset, Snapshot
from wayside_events.contracts.jobs import COUNT_LIMIT, Job
from wayside_events.jobs import JobStatus, Related

if TYPE_CHECKING:
    from wayside.cli.jobs import Wanted

EXIT_STATUS = {JobStatus.COMPLETED: 0, JobStatus.FAILED: 1, JobStatus.CANCELED: 2}
"""How `watch` exits."""

Filters = Mapping[str, Any]


def list_jobs(talk: Talk, wanted: Filters, *, limit: int) -> None:
    """Print the newest jobs."""
    query = cast("JobFilter", _query(wanted, limit))
    print_list(
        talk, lambda client: client.jobs.list(**query), rendering.jobs_table, limit=limit, nothing="No jobs."
    )


def list_running(talk: Talk, wanted: Filters, *, limit: int) -> None:
    """Print what waits or runs, and on stderr how much."""

    async def work() -> None:
        query = cast("ActiveFilter", _query(wanted, limit))
        async with client_for(talk.url, talk.token) as client:
            counts = await client.jobs.running_page(**query)
            jobs = await first(client.jobs.running(**query), limit)
        show_items(jobs, rendering.jobs_table, as_json=talk.as_json, nothing="Nothing waits or runs.")
        if jobs:
            said = f"{_count(counts.queued)} wait, {_count(counts.running)} run."
            typer.echo(said, err=True)

    run(work())


def list_recent(talk: Talk, wanted: Filters, *, limit: int, seen: bool) -> None:
    """Print what ended, on stderr how much of it is unseen, and say that it is seen if that is wanted."""

    async def work() -> None:
        query = cast("RecentFilter", _query(wanted, limit))
        async with client_for(talk.url, talk.token) as client:
            page = await client.jobs.recent_page(**query)
            query["since"] = page.since
            jobs = await first(client.jobs.recent_completions(**query), limit)
            if seen:
                scope = jobs[0].scope if jobs else wanted["scope"]
                if scope is None:
                    fail("name the --scope")
                await client.jobs.seen(scope=scope, upto=page.upto)
        show_items(jobs, rendering.jobs_table, as_json=talk.as_json, nothing="No job has ended since.")
        typer.echo(f"You have not seen {_count(page.unseen)} of your own.", err=True)

    run(work())


def show_job(talk: Talk, ask: Callable[[Client], Awaitable[Job]]) -> None:
    """Print the job that the gateway answers with."""
    print_one(talk, ask, rendering.job_details)


def show_logs(talk: Talk, job_id: str, *, level: str | None = None) -> None:
    """Print a job's log, and on stderr how much of it is gone."""

    async def work() -> None:
        console = Console()
        async with client_for(talk.url, talk.token) as client:
            if dropped := (await client.jobs.get(job_id)).log_dropped:
                typer.echo(f"{dropped} older lines were dropped: the log was longer than its limit", err=True)
            async for entry in client.jobs.logs(job_id, level=level):
                if talk.as_json:
                    typer.echo(entry.model_dump_json())
                else:
                    console.print(rendering.log_line(entry), soft_wrap=True)

    run(work())


def watch_job(talk: Talk, job_id: str) -> None:
    """Show a job live until it is over."""

    async def work() -> None:
        async with client_for(talk.url, talk.token) as client, client.events.job(job_id) as stream:
            with rendering.watching(as_json=talk.as_json) as show:
                async for item in stream:
                    if not isinstance(item, Reset):
                        show(item.job if isinstance(item, Snapshot) else item)
            job = await client.jobs.get(job_id)
        if not talk.as_json:
            Console().print(rendering.job_details(job))
        raise typer.Exit(EXIT_STATUS.get(job.status, 0))

    run(work())


def follow_events(talk: Talk, follow: Callable[[Client], EventStream]) -> None:
    """Print events until Ctrl-C."""

    async def work() -> None:
        console = Console()
        async with client_for(talk.url, talk.token) as client, follow(client) as stream:
            async for item in stream:
                match item:
                    case Snapshot():
                        continue
                    case Reset(cursor, reason):
                        typer.echo(f"events before {cursor} are gone ({reason})", err=True)
                    case event if talk.as_json:
                        typer.echo(event.to_json())
                    case event:
                        console.print(rendering.event_line(event), soft_wrap=True)

    run(work())


def read_json(text: str, option: str = "--input") -> JsonValue:
    """Read JSON from the text itself, a file, or the standard input."""
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).expanduser().read_text()
        value: JsonValue = orjson.loads(text)
    except OSError as error:
        fail(f"{option}: {error}")
    except (orjson.JSONDecodeError, UnicodeDecodeError) as error:
        fail(f"{option} is no JSON: {error}")
    return value


def job_options(wanted: "Wanted") -> JobOptions:
    """Return what was said of a job to create, by the names the API has for it."""
    try:
        options = {
            "queue": wanted.queue,
            "priority": wanted.priority,
            "run_at": moment_of(wanted.run_at, "--run-at") if wanted.run_at else None,
            "session_id": wanted.session,
            "related": _related(wanted.related) if wanted.related else None,
            "parent_id": wanted.parent,
            "max_attempts": wanted.max_attempts,
            "timeout_seconds": seconds_of(wanted.timeout, "--timeout") if wanted.timeout else None,
            "ttl_seconds": seconds_of(wanted.ttl, "--ttl") if wanted.ttl else None,
            "unique_key": wanted.unique_key,
        }
    except ValueError as error:
        fail(str(error))
    return cast("JobOptions", {name: value for name, value in options.items() if value is not None})


def moment_ago(text: str | None) -> datetime | None:
    """Return the moment that `--since` names."""
    try:
        return moment_of(text, "--since", past=True) if text else None
    except ValueError as error:
        fail(str(error))


def _related(text: str) -> Related:
    kind, colon, name = text.partition(":")
    if not (kind and colon and name):
        msg = f"--related: {text!r} is not of the form type:id"
        raise ValueError(msg)
    return Related(type=kind, id=name)


def _query(wanted: Filters, limit: int) -> dict[str, Any]:
    given = {name: value for name, value in wanted.items() if value is not None and value != []}
    return {**given, "limit": min(limit, PAGE_LIMIT)}


def _count(number: int) -> str:
    return f"{number:,} or more" if number >= COUNT_LIMIT else str(number)
