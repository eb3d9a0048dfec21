"""What a runner says about an attempt, and what becomes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, assert_never

import orjson

from wayside_events.contracts.jobs import (
    PAYLOAD_LIMIT_BYTES,
    AcknowledgeCancelReport,
    CompleteReport,
    FailReport,
    HeartbeatReport,
    LogLine,
    LogReport,
    Outcome,
    ProgressReport,
    ReleaseReport,
    Report,
)
from wayside_events.jobs import JobError, JobStatus, Progress
from wayside_jobs.domain import verbs
from wayside_jobs.domain.errors import JobsError, ValueTooLarge
from wayside_jobs.domain.facts import LogRow, NewLines
from wayside_jobs.domain.job import Change, Job
from wayside_jobs.domain.logs import LogBounds, context_text, cut_message
from wayside_jobs.domain.values import DETAILS_LIMIT_BYTES, Json, json_text, plain_text

INTEGER_LIMIT = 2**31 - 1


class Prepared(NamedTuple):
    """A report of which all that could be refused has been checked; its JSON is encoded."""

    report: Report
    payload: Json | None = None
    metrics: Json | None = None
    lines: tuple[LogRow, ...] = ()

    @property
    def size(self) -> int:
        """About how many characters of payload it has."""
        size = len(self.payload or "") + len(self.metrics or "")
        return (
            size + sum(len(line.message) + len(line.context) for line in self.lines) if self.lines else size
        )


@dataclass(frozen=True, slots=True)
class Chance:
    """What a decision needs besides the job: the time, a random draw (0 ≤ draw < 1), the log's bounds."""

    now: datetime
    draw: float
    log_bounds: LogBounds


class Decision(NamedTuple):
    """The outcome of one report; `change` when it was accepted, `error` when it was not possible."""

    outcome: Outcome
    change: Change | None = None
    error: JobsError | None = None


def prepare(report: Report) -> Prepared:
    """Check and encode what is to be stored; raises `ValueTooLarge` or `InvalidValue`."""
    match report:
        case ProgressReport():
            _check_progress(report.progress)
            partial = report.partial
            text = None if partial is None else json_text(partial, "/partial", PAYLOAD_LIMIT_BYTES)
            return Prepared(report, text)
        case CompleteReport():
            result = json_text(report.result, "/result", PAYLOAD_LIMIT_BYTES)
            return Prepared(report, result, _metrics(report))
        case FailReport():
            _check_error(report.error)
            return Prepared(report)
        case LogReport():
            return Prepared(report, lines=_log_rows(report.entries))
        case HeartbeatReport() | ReleaseReport() | AcknowledgeCancelReport():
            return Prepared(report)
        case _:
            assert_never(report)


def decide(job: Job, prepared: Prepared, chance: Chance) -> Decision:
    """Apply one report to a job, unless it was applied before or its attempt is over."""
    report = prepared.report
    if not job.is_owned_with(report.attempt, report.token):
        return Decision(Outcome.FENCED)
    if report.seq <= job.seq:
        return Decision(Outcome.STALE)
    if job.status is not JobStatus.RUNNING:
        return Decision(Outcome.FENCED)
    try:
        return Decision(Outcome.ACCEPTED, _apply(job, prepared, chance))
    except JobsError as error:
        return Decision(Outcome.INVALID, error=error)


def _apply(job: Job, prepared: Prepared, chance: Chance) -> Change:
    report, now, seq = prepared.report, chance.now, prepared.report.seq
    match report:
        case HeartbeatReport():
            return verbs.heartbeat(job, seq=seq, now=now)
        case ProgressReport():
            return verbs.progress(job, report.progress, prepared.payload, seq=seq, now=now)
        case LogReport():
            lines = NewLines(prepared.lines, report.dropped)
            return verbs.write_log(job, lines, bounds=chance.log_bounds, seq=seq, now=now)
        case CompleteReport():
            result = prepared.payload or Json("null")
            return verbs.complete(job, result=result, metrics=prepared.metrics, seq=seq, now=now)
        case FailReport():
            return verbs.fail(job, report.error, seq=seq, draw=chance.draw, now=now)
        case ReleaseReport():
            return verbs.release(job, seq=seq, now=now)
        case AcknowledgeCancelReport():
            return verbs.acknowledge_cancel(job, seq=seq, now=now)
        case _:
            assert_never(report)


def _metrics(report: CompleteReport) -> Json | None:
    return None if report.metrics is None else json_text(report.metrics, "/metrics", DETAILS_LIMIT_BYTES)


def _check_progress(progress: Progress) -> None:
    json_text(progress.model_dump(exclude_unset=True), "/progress", DETAILS_LIMIT_BYTES)


def _check_error(error: JobError) -> None:
    json_text(error.model_dump(), "/error", DETAILS_LIMIT_BYTES)


def _log_rows(entries: Sequence[LogLine]) -> tuple[LogRow, ...]:
    rows = tuple(_log_row(entry, f"/entries/{number}") for number, entry in enumerate(entries))
    # As JSON, in which a control character takes six bytes: the event has all entries, and must fit one message.
    size = sum(len(orjson.dumps(row.message)) + len(row.context.encode()) for row in rows)
    if size > PAYLOAD_LIMIT_BYTES:
        raise ValueTooLarge("/entries", size, PAYLOAD_LIMIT_BYTES)
    return rows


def _log_row(entry: LogLine, field: str) -> LogRow:
    message = cut_message(entry.message)
    plain_text(message, f"{field}/message")
    context = context_text(entry.context, f"{field}/context")
    size = len(message.encode()) + len(context.encode())
    return LogRow(0, entry.time, entry.level, message, context, size)
