"""What the commands of the terminal do; `jobs` and `events` have their options."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import orjson
import typer
from pydantic import JsonValue
from rich.console import Console

from wayside.cli import rendering
from wayside.cli.gateway import client_for, fail, run
from wayside.client.client import Client
from wayside.client.jobs import JobFilter
from wayside.client.streams import EventStream, Reset, Snapshot
from wayside_events.contracts.jobs import Job
from wayside_events.jobs import JobStatus

EXIT_STATUS = {JobStatus.COMPLETED: 0, JobStatus.FAILED: 1, JobStatus.CANCELED: 2}
"""How `watch` exits."""

PAGE_LIMIT = 200


def list_jobs(
    url: str | None, token: str | None, wanted: Mapping[str, Any], *, limit: int, as_json: bool
) -> None:
    """Print the newest jobs."""

    async def work() -> None:
        query = cast("JobFilter", {**wanted, "limit": min(limit, PAGE_LIMIT)})
        found: list[Job] = []
        async with client_for(url, token) as client, aclosing(client.jobs.list(**query)) as jobs:
            async for job in jobs:
                found.append(job)
                if len(found) == limit:
                    break
        if as_json:
            for job in found:
                typer.echo(job.model_dump_json(exclude_none=True))
        else:
            Console().print(rendering.jobs_table(found))

    run(work())


def show_job(
    url: str | None, token: str | None, ask: Callable[[Client], Awaitable[Job]], *, as_json: bool
) -> None:
    """Print the job that the gateway answers with."""

    async def work() -> None:
        async with client_for(url, token) as client:
            job = await ask(client)
        if as_json:
            typer.echo(job.model_dump_json(exclude_none=True))
        else:
            Console().print(rendering.job_details(job))

    run(work())


def show_logs(
    url: str | None, token: str | None, job_id: str, *, level: str | None = None, as_json: bool
) -> None:
    """Print a job's log, and on stderr how much of it is gone."""

    async def work() -> None:
        console = Console()
        async with client_for(url, token) as client:
            if dropped := (await client.jobs.get(job_id)).log_dropped:
                typer.echo(f"{dropped} older lines were dropped: the log was longer than its limit", err=True)
            async for entry in client.jobs.logs(job_id, level=level):
                if as_json:
                    typer.echo(entry.model_dump_json())
                else:
                    console.print(rendering.log_line(entry), soft_wrap=True)

    run(work())


def watch_job(url: str | None, token: str | None, job_id: str, *, as_json: bool) -> None:
    """Show a job live until it is over."""

    async def work() -> None:
        async with client_for(url, token) as client, client.events.job(job_id) as stream:
            with rendering.watching(as_json=as_json) as show:
                async for item in stream:
                    if not isinstance(item, Reset):
                        show(item.job if isinstance(item, Snapshot) else item)
            job = await client.jobs.get(job_id)
        if not as_json:
            Console().print(rendering.job_details(job))
        raise typer.Exit(EXIT_STATUS.get(job.status, 0))

    run(work())


def follow_events(
    url: str | None, token: str | None, follow: Callable[[Client], EventStream], *, as_json: bool
) -> None:
    """Print events until Ctrl-C."""

    async def work() -> None:
        console = Console()
        async with client_for(url, token) as client, follow(client) as stream:
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


def read_json(text: str) -> JsonValue:
    """Read JSON from the text itself, a file, or the standard input."""
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).expanduser().read_text()
        value: JsonValue = orjson.loads(text)
    except OSError as error:
        fail(f"--input: {error}")
    except (orjson.JSONDecodeError, UnicodeDecodeError) as error:
        fail(f"--input is no JSON: {error}")
    return value
