"""Whether every lifecycle event of every job arrived exactly once, in order, and says what the row says; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

TYPES = ("analysis.job.queued", "analysis.job.started", "analysis.job.completed")
"""What a job that meets no trouble goes through, revision by revision."""

FAULTS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Received:
    """One event as a subscriber got it: when (monotonic nanoseconds), where in the stream, and what."""

    at: int
    sequence: int
    subject: str
    message_id: str
    event: dict[str, Any]

    @classmethod
    def from_line(cls, line: bytes) -> "Received":
        """Read a line that the subscriber wrote."""
        at, sequence, subject, message_id, payload = line.split(b"\t", 4)
        event = orjson.loads(payload)
        return cls(int(at), int(sequence), subject.decode(), message_id.decode(), event)

    @property
    def job_id(self) -> str:
        """The job it is about."""
        return self.subject.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Row:
    """What the database says of one job."""

    id: str
    scope: str
    type: str
    status: str
    revision: int
    attempt: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    result: Any = None

    @property
    def times(self) -> tuple[datetime | None, ...]:
        """When each of `TYPES` happened."""
        return self.created_at, self.started_at, self.finished_at


def read_received(path: Path) -> list[Received]:
    """Read what the subscriber wrote, in the order of arrival."""
    with path.open("rb") as file:
        return [Received.from_line(line) for line in file]


def lifecycle_faults(received: Sequence[Received], rows: Mapping[str, Row]) -> list[str]:
    """Say what is wrong with what a subscriber received of jobs that ran once without trouble; nothing when all is well."""
    faults = list(_order_faults(received))
    by_job = sorted(received, key=lambda one: one.job_id)  # stable: the order of arrival stays
    seen = set()
    for job_id, events in groupby(by_job, key=lambda one: one.job_id):
        seen.add(job_id)
        row = rows.get(job_id)
        faults += [f"{job_id}: no such row"] if row is None else _job_faults(list(events), row)
    faults += [f"{job_id}: no event arrived" for job_id in rows.keys() - seen]
    return faults


def shortened(faults: Sequence[str]) -> list[str]:
    """The first few faults, and how many more there are."""
    more = len(faults) - FAULTS_SHOWN
    return [*faults[:FAULTS_SHOWN], f"and {more} more"] if more > 0 else list(faults)


def _order_faults(received: Iterable[Received]) -> Iterator[str]:
    last = 0
    for one in received:
        if one.sequence <= last:
            yield f"{one.job_id}: stream sequence {one.sequence} arrived after {last}"
        last = max(last, one.sequence)


def _job_faults(events: Sequence[Received], row: Row) -> Iterator[str]:
    types = tuple(one.event["type"] for one in events)
    if types != TYPES:
        yield f"{row.id}: received {', '.join(types)}"
        return
    if (row.status, row.revision) != ("completed", len(TYPES)):
        yield f"{row.id}: the row is {row.status} at revision {row.revision}"
    for revision, (one, time) in enumerate(zip(events, row.times, strict=True), start=1):
        yield from _event_faults(one, row, revision, time)
    last = events[-1].event["data"]
    if (last["status"], last.get("result")) != (row.status, row.result):
        yield f"{row.id}: the last event says {last['status']} with {last.get('result')!r}, the row does not"


def _event_faults(one: Received, row: Row, revision: int, time: datetime | None) -> Iterator[str]:
    event, event_id = one.event, f"{row.id}:{revision}"
    if (one.message_id, event["id"], event["revision"]) != (event_id, event_id, revision):
        yield f"{event_id}: came as {one.message_id}, {event['id']} at revision {event['revision']}"
    if one.subject != f"{event['type']}.{row.scope}.{row.id}":
        yield f"{event_id}: came on {one.subject}"
    if datetime.fromisoformat(event["time"]) != time:
        yield f"{event_id}: happened at {event['time']}, in the row at {time}"
    data = event["data"]
    attempt = 0 if revision == 1 else row.attempt
    if (data["job_id"], data["job_type"], data["attempt"]) != (row.id, row.type, attempt):
        yield f"{event_id}: is about {data['job_id']}, {data['job_type']}, attempt {data['attempt']}"
