"""`wayside jobs`: list, get, create, cancel, retry, logs, watch.

What the commands do is imported when they are called: that takes a second, which other commands need not wait for.
"""

# ruff: noqa: PLC0415

from typing import Annotated

import typer

from wayside.cli.options import AsJson, JobId, Scope, Token, Url

SomeJobIds = Annotated[list[str] | None, typer.Argument(help="The ids of jobs; or say by options which.")]
OfType = Annotated[str | None, typer.Option("--type", help="Only this job type.")]
OfSession = Annotated[str | None, typer.Option("--session", help="Only this session.")]
OfParent = Annotated[str | None, typer.Option("--parent", help="Only the children of this job.")]
OfCreator = Annotated[str | None, typer.Option("--created-by", help="Only those of this user or service.")]
AllJobs = Annotated[bool, typer.Option("--all", help="All jobs of the scope.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count them, and show some.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

app = typer.Typer(help="Jobs: list, get, create, cancel, retry, logs, watch.", no_args_is_help=True)


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
def cancel_jobs(  # noqa: PLR0913, PLR0917 - options of a command
    job_ids: SomeJobIds = None,
    reason: Annotated[str | None, typer.Option(help="Why; everybody who sees the job sees it.")] = None,
    cascade: Annotated[bool, typer.Option(help="Also what is below the jobs.")] = True,
    scope: Scope = None,
    status: Annotated[list[str] | None, typer.Option(help="Only these, repeatable: queued, running.")] = None,
    type: OfType = None,  # noqa: A002
    session: OfSession = None,
    parent: OfParent = None,
    created_by: OfCreator = None,
    all_jobs: AllJobs = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Ask for a job to end, for several, or for all that match."""
    from wayside.cli import bulk, commands

    wanted = bulk.wanted_by(
        status=status, type=type, session_id=session, parent_id=parent, created_by=created_by
    )
    if bulk.is_about_one(job_ids, wanted, all_jobs=all_jobs, dry_run=dry_run) and job_ids:
        job_id = job_ids[0]
        commands.show_job(
            url,
            token,
            lambda client: client.jobs.cancel(job_id, reason=reason, cascade=cascade),
            as_json=as_json,
        )
        return
    order = bulk.Order("cancel", scope, job_ids, wanted, all_jobs, {"reason": reason, "cascade": cascade})
    bulk.act(url, token, order, bulk.Manner(dry_run=dry_run, is_sure=yes, as_json=as_json))


@app.command("retry")
def retry_jobs(  # noqa: PLR0913, PLR0917 - options of a command
    job_ids: SomeJobIds = None,
    scope: Scope = None,
    status: Annotated[
        list[str] | None,
        typer.Option(help="Those that, repeatable: failed (the default), canceled, completed."),
    ] = None,
    type: OfType = None,  # noqa: A002
    session: OfSession = None,
    parent: OfParent = None,
    created_by: OfCreator = None,
    all_jobs: AllJobs = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Run an ended job again as a new one, several, or all that match."""
    from wayside.cli import bulk, commands

    wanted = bulk.wanted_by(
        status=status, type=type, session_id=session, parent_id=parent, created_by=created_by
    )
    if bulk.is_about_one(job_ids, wanted, all_jobs=all_jobs, dry_run=dry_run) and job_ids:
        job_id = job_ids[0]
        commands.show_job(url, token, lambda client: client.jobs.retry(job_id), as_json=as_json)
        return
    order = bulk.Order("retry", scope, job_ids, wanted, all_jobs, {})
    bulk.act(url, token, order, bulk.Manner(dry_run=dry_run, is_sure=yes, as_json=as_json))


@app.command("logs")
def show_logs(
    job_id: JobId,
    level: Annotated[
        str | None, typer.Option(help="Only what is at least so severe: debug, info, warning or error.")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Print a job's log."""
    from wayside.cli import commands

    commands.show_logs(url, token, job_id, level=level, as_json=as_json)


@app.command("watch")
def watch_job(job_id: JobId, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Follow a job until it is over; exits with 0 completed, 1 failed, 2 canceled."""
    from wayside.cli import commands

    commands.watch_job(url, token, job_id, as_json=as_json)
