"""`wayside jobs`: list, get, create, cancel, logs, watch.

What the commands do is imported when they are called: that takes a second, which other commands need not wait for.
"""

# ruff: noqa: PLC0415

from typing import Annotated

import typer

from wayside.cli.options import AsJson, JobId, Scope, Token, Url

app = typer.Typer(help="Jobs: list, get, create, cancel, logs, watch.", no_args_is_help=True)


@app.command("list")
def list_jobs(  # noqa: PLR0913, PLR0917 - options of a command
    scope: Scope = None,
    status: Annotated[
        list[str] | None, typer.Option(help="Only these, repeatable: queued, running, …")
    ] = None,
    type: Annotated[str | None, typer.Option(help="Only this job type.")] = None,  # noqa: A002
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the newest first.")] = 20,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """List jobs, the newest first."""
    from wayside.cli import commands

    wanted = {"scope": scope, "status": status or None, "type": type}
    commands.list_jobs(url, token, wanted, limit=limit, as_json=as_json)


@app.command("get")
def get_job(job_id: JobId, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Show a job."""
    from wayside.cli import commands

    commands.show_job(url, token, lambda client: client.jobs.get(job_id), as_json=as_json)


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
    from wayside.cli import commands

    payload = commands.read_json(input) if input is not None else None
    commands.show_job(
        url, token, lambda client: client.jobs.create(job_type, scope=scope, input=payload), as_json=as_json
    )


@app.command("cancel")
def cancel_job(
    job_id: JobId,
    reason: Annotated[str | None, typer.Option(help="Why; everybody who sees the job sees it.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Ask for a job to end."""
    from wayside.cli import commands

    commands.show_job(url, token, lambda client: client.jobs.cancel(job_id, reason=reason), as_json=as_json)


@app.command("logs")
def show_logs(job_id: JobId, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Print a job's log."""
    from wayside.cli import commands

    commands.show_logs(url, token, job_id, as_json=as_json)


@app.command("watch")
def watch_job(job_id: JobId, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Follow a job until it is over; exits with 0 completed, 1 failed, 2 canceled."""
    from wayside.cli import commands

    commands.watch_job(url, token, job_id, as_json=as_json)
