"""`wayside jobs`: list, running, recent, get, create, cancel, retry, logs, watch.

What the commands do is imported when they are called: that takes a second, which other commands need not wait for.
"""

# ruff: noqa: PLC0415

from dataclasses import dataclass
from typing import Annotated

import typer

from wayside.cli.options import JobId, Limit, Scope, Selection, Talk, spread

app = typer.Typer(
    help="Jobs: list them, see what runs and what ended, get, create, cancel, retry, logs, watch.",
    no_args_is_help=True,
)

CreatedBy = Annotated[str | None, typer.Option("--created-by", help="Those of this user or service.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What may be said of a job to create."""

    queue: Annotated[str | None, typer.Option(help="The queue. Default: the one of the job type.")] = None
    priority: Annotated[int | None, typer.Option(min=0, max=9, help="9 is the most urgent. Default: 5.")] = (
        None
    )
    run_at: Annotated[
        str | None,
        typer.Option(
            help="Not before: a moment such as 2026-12-24T18:00, or a time from now such as 90s, 10m, 2h."
        ),
    ] = None
    session: Annotated[str | None, typer.Option(help="The session the job belongs to.")] = None
    related: Annotated[
        str | None, typer.Option(help="What the job is about, as type:id, for example report:7.")
    ] = None
    parent: Annotated[str | None, typer.Option(help="The job of which it is a child.")] = None
    max_attempts: Annotated[int | None, typer.Option(min=1, help="How often it is tried at most.")] = None
    timeout: Annotated[str | None, typer.Option(help="How long an attempt may take: 90s, 10m, 2h.")] = None
    ttl: Annotated[str | None, typer.Option(help="How long it is kept once it has ended: 12h, 7d.")] = None
    unique_key: Annotated[
        str | None,
        typer.Option(help="While a job of the type with this key is active, that one is returned."),
    ] = None
    idempotency_key: Annotated[
        str | None,
        typer.Option(help="The same command with the same key, within 24 hours, creates no second job."),
    ] = None


@app.command("list")
@spread
def list_jobs(  # noqa: PLR0913 - options of a command
    scope: Scope = None,
    status: Annotated[
        list[str] | None, typer.Option(help="Only these, repeatable: queued, running, …")
    ] = None,
    type: Annotated[str | None, typer.Option(help="Only this job type.")] = None,  # noqa: A002
    session: Annotated[str | None, typer.Option(help="Only this session.")] = None,
    created_by: CreatedBy = None,
    limit: Limit = 20,
    *,
    talk: Talk,
) -> None:
    """List jobs, the newest first."""
    from wayside.cli import commands

    filters = {
        "scope": scope,
        "status": status,
        "type": type,
        "session_id": session,
        "created_by": created_by,
    }
    commands.list_jobs(talk, filters, limit=limit)


@app.command("running")
@spread
def list_running(
    scope: Scope = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only your own.")] = False,
    created_by: CreatedBy = None,
    limit: Limit = 20,
    *,
    talk: Talk,
) -> None:
    """List what waits or runs in a scope, the newest first, and how many there are."""
    from wayside.cli import commands

    commands.list_running(talk, {"scope": scope, "mine": mine, "created_by": created_by}, limit=limit)


@app.command("recent")
@spread
def list_recent(
    scope: Scope = None,
    created_by: CreatedBy = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="What ended after a moment, or within the last 30m, 2h, 7d. Default: what you have not seen."
        ),
    ] = None,
    seen: Annotated[bool, typer.Option("--seen", help="Say that you have seen them.")] = False,
    limit: Limit = 20,
    *,
    talk: Talk,
) -> None:
    """List your own jobs that ended, or those of --created-by, the last first."""
    from wayside.cli import commands

    commands.list_recent(
        talk,
        {"scope": scope, "created_by": created_by, "since": commands.moment_ago(since)},
        limit=limit,
        seen=seen,
    )


@app.command("get")
@spread
def get_job(job_id: JobId, *, talk: Talk) -> None:
    """Show a job."""
    from wayside.cli import commands

    commands.show_job(talk, lambda client: client.jobs.get(job_id))


@app.command("create")
@spread
def create_job(
    job_type: Annotated[str, typer.Argument(help="The job type.")],
    scope: Annotated[str, typer.Option("--scope", "-s", envvar="WAYSIDE_SCOPE", help="The tenant.")],
    input: Annotated[  # noqa: A002 - the name it has everywhere
        str | None, typer.Option("--input", "-i", help="JSON, @file, or - for the standard input.")
    ] = None,
    *,
    wanted: Wanted,
    talk: Talk,
) -> None:
    """Create a job."""
    from wayside.cli import commands

    payload = commands.read_json(input) if input is not None else None
    options = commands.job_options(wanted)
    commands.show_job(
        talk,
        lambda client: client.jobs.create(
            job_type, scope=scope, input=payload, idempotency_key=wanted.idempotency_key, **options
        ),
    )


@app.command("cancel")
@spread
def cancel_jobs(
    selection: Selection,
    reason: Annotated[str | None, typer.Option(help="Why; everybody who sees the job sees it.")] = None,
    cascade: Annotated[bool, typer.Option(help="Also what is below the jobs.")] = True,
    *,
    talk: Talk,
) -> None:
    """Ask for a job to end, for several, or for all that match: by default those that are queued or running."""
    from wayside.cli import bulk, commands

    if (job_id := selection.only_id) is not None:
        commands.show_job(talk, lambda client: client.jobs.cancel(job_id, reason=reason, cascade=cascade))
        return
    bulk.act(talk, bulk.Order("cancel", selection, {"reason": reason, "cascade": cascade}))


@app.command("retry")
@spread
def retry_jobs(selection: Selection, *, talk: Talk) -> None:
    """Run an ended job again as a new one, several, or all that match: by default those that failed."""
    from wayside.cli import bulk, commands

    if (job_id := selection.only_id) is not None:
        commands.show_job(talk, lambda client: client.jobs.retry(job_id))
        return
    bulk.act(talk, bulk.Order("retry", selection, {}))


@app.command("logs")
@spread
def show_logs(
    job_id: JobId,
    level: Annotated[
        str | None, typer.Option(help="Only what is at least so severe: debug, info, warning or error.")
    ] = None,
    *,
    talk: Talk,
) -> None:
    """Print a job's log."""
    from wayside.cli import commands

    commands.show_logs(talk, job_id, level=level)


@app.command("watch")
@spread
def watch_job(job_id: JobId, *, talk: Talk) -> None:
    """Follow a job until it is over; exits with 0 completed, 1 failed, 2 canceled."""
    from wayside.cli import commands

    commands.watch_job(talk, job_id)
