"""How jobs and events look in a terminal."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import orjson
import typer
from pydantic import JsonValue
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from wayside_events.catalogue import AnyEvent
from wayside_events.contracts import jobs as contract
from wayside_events.contracts.jobs import Job
from wayside_events.edges import (
    EdgeCreated,
    EdgeRemoved,
    SuggestionApproved,
    SuggestionCreated,
    SuggestionExpired,
    SuggestionRejected,
    SuggestionReopened,
    SuggestionUpdated,
)
from wayside_events.jobs import (
    JobCanceled,
    JobCompleted,
    JobFailed,
    JobLogged,
    JobProgressed,
    JobStatus,
    LogEntry,
    LogLevel,
)
from wayside_events.jobs import Progress as JobProgress

_STATUS_STYLES = {
    JobStatus.QUEUED: "yellow",
    JobStatus.RUNNING: "cyan",
    JobStatus.COMPLETED: "green",
    JobStatus.FAILED: "red",
    JobStatus.CANCELED: "magenta",
}
_LEVEL_STYLES = {LogLevel.DEBUG: "dim", LogLevel.INFO: "", LogLevel.WARNING: "yellow", LogLevel.ERROR: "red"}
_CLAIMS = (
    SuggestionCreated,
    SuggestionUpdated,
    SuggestionApproved,
    SuggestionRejected,
    SuggestionReopened,
    SuggestionExpired,
    EdgeCreated,
    EdgeRemoved,
)

ID_WIDTH = 36

Show = Callable[[Job | AnyEvent], None]


def jobs_table(jobs: Sequence[Job]) -> Table:
    """A list of jobs."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("id", "type", "status", "progress", "age", "took"):
        # An id that was cut off could not be copied.
        table.add_column(column, no_wrap=column != "progress", min_width=ID_WIDTH if column == "id" else None)
    for job in jobs:
        table.add_row(
            job.id,
            Text(job.type),
            status_text(job.status),
            Text(progress_text(job.progress)),
            age(job.created_at),
            seconds_text(job.duration_seconds),
        )
    return table


def job_details(job: Job) -> Table:
    """One job, field by field."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("id", job.id)
    table.add_row("type", Text(f"{job.type} ({job.mode}, queue {job.queue}, scope {job.scope})"))
    table.add_row("status", status_text(job.status))
    table.add_row("attempt", f"{job.attempt} of {job.max_attempts}")
    if progress := progress_text(job.progress):
        table.add_row("progress", Text(progress))
    if job.error:
        table.add_row("error", Text(f"{job.error.code}: {job.error.message}", style="red"))
    if job.cancel:
        said = f"{job.cancel.state} by {job.cancel.requested_by}: {job.cancel.reason or '–'}"
        table.add_row("cancel", Text(said))
    table.add_row("created", Text(f"{job.created_at.astimezone():%Y-%m-%d %H:%M:%S} by {job.created_by}"))
    if job.duration_seconds is not None:
        table.add_row("took", seconds_text(job.duration_seconds))
    for name, value in (("input", job.input), ("result", job.result)):
        if value is not None:
            table.add_row(name, json_text(value))
    return table


def event_line(event: AnyEvent) -> Text:
    """One event in one line."""
    line = Text(clock(event.time), style="dim").append(f"  {event.type:<28}", style="bold")
    return line.append(f"{event.subject}  ", style="dim").append(_gist(event))


def log_line(entry: LogEntry) -> Text:
    """One log entry."""
    line = Text(clock(entry.time), style="dim").append(
        f"  {entry.level.value:<8}", style=_LEVEL_STYLES[entry.level]
    )
    context = "  ".join(f"{name}={value}" for name, value in entry.context.items())
    return line.append(entry.message).append(f"  {context}" if context else "", style="dim")


@contextmanager
def watching(*, as_json: bool) -> Iterator[Show]:
    """Show a job live: its progress as a bar, its log above it; or everything as JSON."""
    if as_json:
        yield _echo
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=Console()) as live:
        bar = live.add_task("waiting", total=100)

        def show(item: Job | AnyEvent) -> None:
            match item:
                case contract.Job():
                    live.update(
                        bar,
                        completed=item.progress.percent or 0,
                        description=_doing(item.progress, item.status),
                    )
                case JobProgressed():
                    live.update(
                        bar, completed=item.data.progress.percent or 0, description=_doing(item.data.progress)
                    )
                case JobLogged():
                    for entry in item.data.entries:
                        live.console.print(log_line(entry))
                case JobCompleted():
                    live.update(bar, completed=100, description="completed")
                case _:
                    live.update(bar, description=item.type.rpartition(".")[2])

        yield show


def status_text(status: JobStatus) -> Text:
    """A status in its colour."""
    return Text(status.value, style=_STATUS_STYLES[status])


def progress_text(progress: JobProgress) -> str:
    """How far it is, in words."""
    parts = [] if progress.percent is None else [f"{progress.percent:.0f} %"]
    parts += [text for text in (progress.phase, progress.step) if text]
    if progress.current is not None:
        total = "" if progress.total is None else f"/{progress.total:g}"
        parts.append(f"{progress.current:g}{total} {progress.unit or ''}".rstrip())
    if progress.message:
        parts.append(progress.message)
    return " · ".join(parts)


def json_text(value: JsonValue) -> Syntax:
    """JSON in colours."""
    return Syntax(
        orjson.dumps(value, option=orjson.OPT_INDENT_2).decode(), "json", background_color="default"
    )


def clock(moment: datetime) -> str:
    """The time of day of the reader."""
    return moment.astimezone().strftime("%H:%M:%S")


def age(moment: datetime) -> str:
    """How long ago a moment was."""
    seconds = max((datetime.now(UTC) - moment).total_seconds(), 0)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"


def seconds_text(seconds: float | None) -> str:
    """A duration."""
    if seconds is None:
        return ""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest:.0f} s" if minutes else f"{rest:.1f} s"


def _doing(progress: JobProgress, status: JobStatus | None = None) -> str:
    return progress.message or progress.phase or (status.value if status else "running")


def _gist(event: AnyEvent) -> str:
    match event:
        case JobProgressed():
            return progress_text(event.data.progress)
        case JobLogged():
            return event.data.entries[-1].message.partition("\n")[0] if event.data.entries else ""
        case JobFailed():
            return f"{event.data.job_type}: {event.data.error.code}: {event.data.error.message}".partition(
                "\n"
            )[0]
        case JobCanceled():
            return f"{event.data.job_type}: by {event.data.requested_by}"
        case _ if isinstance(event, _CLAIMS):
            data = event.data
            return f"{data.from_node_id} –{data.relationship_type}→ {data.to_node_id} ({data.confidence:.2f})"
        case _:
            return str(getattr(event.data, "job_type", ""))


def _echo(item: Job | AnyEvent) -> None:
    typer.echo(item.model_dump_json(exclude_none=True))
