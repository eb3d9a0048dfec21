"""How queues, workers and job types look in a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from wayside.cli.times import age, length, local, seconds_text
from wayside_events.contracts.jobs import (
    JobTypeSpec,
    QueueFigures,
    QueueSettings,
    TypeFigures,
    Window,
    Worker,
    WorkerStatus,
)

WIDE = 110
"""Columns of a terminal from which on a table has all its columns."""

_WORKER_STYLES = {
    WorkerStatus.ACTIVE: "green",
    WorkerStatus.DRAINING: "yellow",
    WorkerStatus.STOPPED: "dim",
    WorkerStatus.LOST: "red",
}


def queues_table(queues: Sequence[QueueFigures], width: int) -> Table:
    """A list of queues."""
    is_wide = width >= WIDE
    table = _table("queue", "state")
    for column in ("ready", "later", "running", "limit", "oldest"):
        table.add_column(column, justify="right", no_wrap=True)
    if is_wide:
        for column in ("pick-up p95", "ended/min", "failed"):
            table.add_column(column, justify="right", no_wrap=True)
    for queue in queues:
        cells: list[RenderableType] = [
            Text(queue.name),
            _state(queue),
            f"{queue.ready:,}",
            f"{queue.scheduled:,}",
            f"{queue.running:,}",
            _limits(queue),
            "" if queue.oldest_waiting_seconds is None else length(queue.oldest_waiting_seconds),
        ]
        table.add_row(*cells, *(_lately(queue) if is_wide else ()))
    return table


def queue_details(queue: QueueFigures) -> RenderableType:
    """One queue: what holds for it, what is in it, and how each job type in it does."""
    table = _details(queue.name, queue)
    seen = "all scopes" if queue.all_scopes else "the scopes you may see, or named"
    table.add_row(
        "jobs", f"{queue.ready:,} ready, {queue.scheduled:,} later, {queue.running:,} running ({seen})"
    )
    if queue.oldest_waiting_seconds is not None:
        table.add_row("oldest", f"waits for {length(queue.oldest_waiting_seconds)}")
    table.add_row("counted", local(queue.counted_at))
    return Group(table, "", _types_table(queue.types)) if queue.types else table


def settings_details(settings: QueueSettings) -> Table:
    """What was set of a queue."""
    return _details(settings.name, settings)


def workers_table(workers: Sequence[Worker], width: int) -> Table:
    """A list of workers."""
    is_wide = width >= WIDE
    table = _table("worker", "status")
    for column in ("jobs", "slots"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("heard", no_wrap=True)
    table.add_column("queues", overflow="fold")
    if is_wide:
        table.add_column("job types", overflow="fold")
        table.add_column("host", no_wrap=True)
        table.add_column("version", no_wrap=True)
    for worker in workers:
        status = Text(worker.status.value, style=_WORKER_STYLES[worker.status])
        cells: list[RenderableType] = [
            Text(worker.name),
            status,
            str(worker.running),
            str(worker.slots),
            age(worker.seen_at),
            Text(", ".join(worker.queues)),
        ]
        wide = (Text(", ".join(worker.job_types)), Text(worker.hostname or ""), Text(worker.version or ""))
        table.add_row(*cells, *(wide if is_wide else ()))
    return table


def job_types_table(specs: Sequence[JobTypeSpec], width: int) -> Table:
    """A list of job types."""
    table = _table("job type", "queue")
    table.add_column("attempts", justify="right", no_wrap=True)
    table.add_column("time-out", justify="right", no_wrap=True)
    if width >= WIDE:
        table.add_column("limit", justify="right", no_wrap=True)
        table.add_column("kept", justify="right", no_wrap=True)
    table.add_column("label", overflow="ellipsis", no_wrap=True)
    for spec in specs:
        cells: list[RenderableType] = [
            Text(spec.name),
            Text(spec.queue),
            str(spec.max_attempts),
            seconds_text(spec.timeout_seconds),
        ]
        wide = [_limits(spec), "" if spec.ttl_seconds is None else length(spec.ttl_seconds)]
        table.add_row(*cells, *(wide if width >= WIDE else ()), Text(spec.label or ""))
    return table


def job_type_details(spec: JobTypeSpec) -> Table:
    """One job type, field by field."""
    table = fields_table()
    table.add_row("job type", Text(spec.name))
    for name, said in (("label", spec.label), ("description", spec.description)):
        if said:
            table.add_row(name, Text(said))
    table.add_row("queue", Text(spec.queue))
    table.add_row("phases", Text(" · ".join(spec.phases) or "–"))
    table.add_row("attempts", f"{spec.max_attempts}{_backoff(spec)}")
    table.add_row("time-out", seconds_text(spec.timeout_seconds) or "none")
    table.add_row("lease", seconds_text(spec.lease_seconds))
    able = [name for name in ("cancel", "retry") if getattr(spec.capabilities, name)]
    table.add_row("users may", " and ".join(able) or "neither cancel nor retry")
    table.add_row("grace", f"{seconds_text(spec.cancel_grace_seconds)} to stop when canceled")
    table.add_row("limit", _limits(spec) or "none")
    table.add_row(
        "kept", "for ever" if spec.ttl_seconds is None else f"{length(spec.ttl_seconds)} once ended"
    )
    if spec.resource_link:
        table.add_row("link", Text(spec.resource_link))
    for name, said in (
        ("about", spec.related_type),
        ("completed", spec.completed_message),
        ("failed", spec.failed_message),
    ):
        if said:
            table.add_row(name, Text(said))
    checked = [name for name in ("input", "result") if getattr(spec, f"{name}_schema") is not None]
    table.add_row("schemas", " and ".join(checked) or "none")
    return table


def _backoff(spec: JobTypeSpec) -> str:
    if spec.max_attempts == 1:
        return ""
    first, most = spec.backoff.initial_seconds, spec.backoff.max_seconds
    return f", {seconds_text(first)} after the first, times {spec.backoff.factor:g}, at most {seconds_text(most)}"


def _types_table(types: Sequence[TypeFigures]) -> Table:
    table = _table("job type")
    for column in ("ready", "later", "running"):
        table.add_column(column, justify="right", no_wrap=True)
    shows_window = any(item.last_60_minutes for item in types)
    if shows_window:
        for column in ("done", "failed", "pick-up p95", "run p50", "run p95"):
            table.add_column(column, justify="right", no_wrap=True)
    for item in types:
        cells: list[RenderableType] = [
            Text(item.type),
            f"{item.ready:,}",
            f"{item.scheduled:,}",
            f"{item.running:,}",
        ]
        table.add_row(*cells, *(_hour(item.last_60_minutes) if shows_window else ()))
    table.caption = "done, failed and times: of the last hour" if shows_window else None
    table.caption_justify = "left"
    return table


def _hour(window: Window | None) -> tuple[str, ...]:
    if window is None:
        return ("",) * 5
    return (
        f"{window.completed:,}",
        f"{window.failed:,}",
        seconds_text(window.pickup_p95_seconds),
        seconds_text(window.run_p50_seconds),
        seconds_text(window.run_p95_seconds),
    )


def _lately(queue: QueueFigures) -> tuple[str, str, str]:
    """The worst pick-up of any type, how many end in a minute, and the share that failed, within the last hour."""
    hours = [item.last_60_minutes for item in queue.types if item.last_60_minutes is not None]
    pickups = [hour.pickup_p95_seconds for hour in hours if hour.pickup_p95_seconds is not None]
    failed, judged = sum(hour.failed for hour in hours), sum(hour.failed + hour.completed for hour in hours)
    return (
        seconds_text(max(pickups, default=None)),
        f"{sum(hour.ended_per_minute for hour in hours):.1f}" if hours else "",
        f"{failed / judged:.0%}" if judged else "",
    )


def _state(queue: QueueFigures | QueueSettings) -> Text:
    return Text("paused", style="yellow") if queue.is_paused else Text("open", style="green")


def _limits(limited: QueueFigures | QueueSettings | JobTypeSpec) -> str:
    """Such as `10`, `10, 2 a scope` or `2 a scope`."""
    total, each = limited.concurrency_limit, limited.concurrency_limit_per_scope
    parts = [str(total)] if total is not None else []
    return ", ".join([*parts, f"{each} a scope"] if each is not None else parts)


def _details(name: str, queue: QueueFigures | QueueSettings) -> Table:
    table = fields_table()
    table.add_row("queue", Text(name))
    state = _state(queue)
    if queue.is_paused and queue.paused_at is not None:
        why = f": {queue.pause_reason}" if queue.pause_reason else ""
        state.append(f" since {local(queue.paused_at)} by {queue.paused_by}{why}", style="default")
    table.add_row("state", state)
    table.add_row("limit", _limits(queue) or "none")
    return table


def fields_table() -> Table:
    """A table of one thing, field by field."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
