"""`wayside jobs`: list, get, create, cancel, logs, watch."""

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
from pydantic import JsonValue
from rich.console import Console

from wayside.cli import rendering
from wayside.cli.gateway import AsJson, Scope, Token, Url, client_for, fail, run
from wayside.client.jobs import JobFilter
from wayside.client.streams import Reset, Snapshot
from wayside_events.contracts.jobs import Job
from wayside_events.jobs import JobStatus

app = typer.Typer(help="Jobs: list, get, create, cancel, logs, watch.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(help="The job's id.")]


EXIT_STATUS = {JobStatus.COMPLETED: 0, JobStatus.FAILED: 1, JobStatus.CANCELED: 2}
"""How `watch` exits."""


@app.command("list")
def list_jobs(  # noqa: PLR0913, PLR0917 - options of a command
    scope: Scope = None,
    status: Annotated[list[JobStatus] | None, typer.Option(help="Only these, repeatable.")] = None,
    type: Annotated[str | None, typer.Option(help="Only this job type.")] = None,  # noqa: A002
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the newest first.")] = 20,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """List jobs, the newest first."""

    async def work() -> None:
        async with client_for(url, token) as client:
            wanted: JobFilter = {"limit": min(limit, 200)}
            if scope:
                wanted["scope"] = scope
            if status:
                wanted["status"] = status
            if type:
                wanted["type"] = type
            found: list[Job] = []
            async for job in client.jobs.list(**wanted):
                found.append(job)
                if len(found) == limit:
                    break
        if as_json:
            for job in found:
                typer.echo(job.model_dump_json(exclude_none=True))
        else:
            Console().print(rendering.jobs_table(found))

    run(work())


@app.command("get")
def get_job(job_id: JobId, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Show a job."""

    async def work() -> None:
        async with client_for(url, token) as client:
            _show(await client.jobs.get(job_id), as_json=as_json)

    run(work())


@app.command("create")
def create_job(
    job_type: Annotated[str, typer.Argument(help="The job type.")],
    scope: Annotated[str, typer.Option("--scope", "-s", envvar="WAYSIDE_SCOPE", help="The tenant.")],
    input: Annotated[  # noqa: A002 - the name it has everywhere
        str | None, typer.Option("--input", "-i", help="JSON, @file, or - for the standard input.")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Create a job."""
    payload = _read_json(input) if input is not None else None

    async def work() -> None:
        async with client_for(url, token) as client:
            _show(await client.jobs.create(job_type, scope=scope, input=payload), as_json=as_json)

    run(work())


@app.command("cancel")
def cancel_job(
    job_id: JobId,
    reason: Annotated[str | None, typer.Option(help="Why; everybody who sees the job sees it.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Ask for a job to end."""

    async def work() -> None:
        async with client_for(url, token) as client:
            _show(await client.jobs.cancel(job_id, reason=reason), as_json=as_json)

    run(work())


@app.command("logs")
def show_logs(job_id: JobId, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Print a job's log."""

    async def work() -> None:
        console = Console()
        async with client_for(url, token) as client:
            async for entry in client.jobs.logs(job_id):
                if as_json:
                    typer.echo(entry.model_dump_json())
                else:
                    console.print(rendering.log_line(entry), soft_wrap=True)

    run(work())


@app.command("watch")
def watch_job(job_id: JobId, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Follow a job until it is over; exits with 0 completed, 1 failed, 2 canceled."""

    async def work() -> None:
        async with client_for(url, token) as client, client.events.job(job_id) as stream:
            with rendering.watching(as_json=as_json) as show:
                async for item in stream:
                    if isinstance(item, Reset):
                        continue
                    show(item.job if isinstance(item, Snapshot) else item)
            job = await client.jobs.get(job_id)
        if not as_json:
            Console().print(rendering.job_details(job))
        raise typer.Exit(EXIT_STATUS.get(job.status, 0))

    run(work())


def _show(job: Job, *, as_json: bool) -> None:
    if as_json:
        typer.echo(job.model_dump_json(exclude_none=True))
    else:
        Console().print(rendering.job_details(job))


def _read_json(text: str) -> JsonValue:
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).expanduser().read_text()
        value: JsonValue = orjson.loads(text)
    except OSError as error:
        fail(f"--input: {error}")
    except orjson.JSONDecodeError as error:
        fail(f"--input is no JSON: {error}")
    return value
