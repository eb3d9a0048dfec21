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

from wayside.cli.listings import WIDE
from wayside.cli.times import age, clock, local, seconds_text
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
STATUS_WIDTH = 9
SHORT_PROGRESS = 11
NARROW_REST = ID_WIDTH + STATUS_WIDTH + 6 + 4 * 2
"""What the other columns of a list of jobs need: id, status and age, and the gaps between all."""

WIDE_REST = NARROW_REST + 12
"""And how long they took."""

Show = Callable[[Job | AnyEvent], None]


def jobs_table(jobs: Sequence[Job], width: int) -> Table:
    """A list of jobs, each in one line; in a narrow terminal how far they are is a percentage or a count."""
    is_wide = width >= WIDE
    said = [progress_text(job.progress) if is_wide else short_progress(job.progress) for job in jobs]
    types, progress = _widths(width - (WIDE_REST if is_wide else NARROW_REST), jobs, said, is_wide=is_wide)
    table = Table(box=None, header_style="bold", pad_edge=False)
    # An id that was cut off could not be copied.
    table.add_column("id", no_wrap=True, min_width=ID_WIDTH)
    table.add_column("type", no_wrap=True, overflow="ellipsis", max_width=types)
    table.add_column("status", no_wrap=True, min_width=STATUS_WIDTH)
    table.add_column("progress", no_wrap=True, overflow="ellipsis", max_width=progress)
    for column in ("age", "took") if is_wide else ("age",):
        table.add_column(column, no_wrap=True, justify="right")
    for job, text in zip(jobs, said, strict=True):
        took = [seconds_text(job.duration_seconds)] if is_wide else []
        table.add_row(job.id, Text(job.type), status_text(job.status), Text(text), age(job.created_at), *took)
    return table


def _widths(room: int, jobs: Sequence[Job], said: Sequence[str], *, is_wide: bool) -> tuple[int, int]:
    """How wide types and progress may be; in a wide terminal progress has what types leave, in a narrow one they it."""
    longest_type = max((len(job.type) for job in jobs), default=0)
    longest = max(map(len, said), default=0)
    if is_wide:
        types = min(longest_type, max(room // 3, room - longest))
        return types, room - types
    progress = min(max(longest, len("progress")), SHORT_PROGRESS)
    return max(room - progress, len("type")), progress


def job_details(job: Job) -> Table:
    """One job, field by field."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("id", job.id)
    table.add_row("type", Text(f"{job.type} ({job.mode}, queue {job.queue}, scope {job.scope})"))
    table.add_row("status", status_text(job.status))
    table.add_row("attempt", _attempt(job))
    for name, said in _told(job):
        if said:
            table.add_row(name, Text(said))
    if job.error:
        table.add_row("error", Text(f"{job.error.code}: {job.error.message}", style="red"))
    for name, value in (("input", job.input), ("result", job.result)):
        if value is not None:
            table.add_row(name, json_text(value))
    return table


def _attempt(job: Job) -> str:
    if job.attempt == 0:
        return f"none yet, {job.max_attempts} at most"
    return f"{job.attempt} of {job.max_attempts}"


def _told(job: Job) -> Iterator[tuple[str, str]]:
    """What has a line only where there is something to say."""
    if job.status is JobStatus.QUEUED and job.run_at is not None and job.run_at > datetime.now(UTC):
        yield "next" if job.attempt else "starts", f"not before {local(job.run_at)}"
    yield "progress", progress_text(job.progress)
    if job.children:
        counts = job.children.model_dump(exclude_defaults=True)
        yield "children", ", ".join(f"{number} {status}" for status, number in counts.items())
    if job.cancel:
        why = f": {job.cancel.reason}" if job.cancel.reason else ""
        yield "cancel", f"{job.cancel.state} by {job.cancel.requested_by}{why}"
    yield "related", f"{job.related.type} {job.related.id}" if job.related else ""
    yield "session", job.session_id or ""
    yield "parent", job.parent_id or ""
    yield "retry of", job.retry_of or ""
    yield "retried by", job.retried_by or ""
    yield "created", f"{local(job.created_at)} by {job.created_by}"
    yield "runner", job.runner or ""
    yield "took", seconds_text(job.duration_seconds)


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
    # The bar goes when the job is over: its last state, spinner and all, would stay on the screen.
    with Progress(*columns, TimeElapsedColumn(), console=Console(), transient=True) as live:
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


def short_progress(progress: JobProgress) -> str:
    """How far it is, in a few characters."""
    if progress.percent is not None:
        return f"{progress.percent:.0f} %"
    if progress.current is None:
        return progress.phase or ""
    return f"{progress.current:g}" + ("" if progress.total is None else f"/{progress.total:g}")


def json_text(value: JsonValue) -> Syntax:
    """JSON in colours."""
    return Syntax(
        orjson.dumps(value, option=orjson.OPT_INDENT_2).decode(), "json", background_color="default"
    )


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
