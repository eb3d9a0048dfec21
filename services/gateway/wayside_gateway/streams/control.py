"""The gateway's own messages between the events: all named `wayside.…`, their data JSON."""

from datetime import UTC, datetime
from enum import StrEnum

import orjson

from wayside_events.cursor import Cursor
from wayside_gateway.streams.frame import Frame


class ResetReason(StrEnum):
    """Why a client has to fetch state again."""

    EPOCH = "epoch"  # the stream of events was created anew
    EXPIRED = "expired"  # events after the client's cursor are no longer kept


class Farewell(StrEnum):
    """Why the gateway ends a stream that has not come to its end; the client may connect again."""

    SHUTDOWN = "shutdown"  # this gateway stops; another continues from the cursor
    MAX_AGE = "max_age"  # connections are renewed from time to time
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - come back with a new token


def snapshot(job: bytes, position: Cursor, job_id: str, revision: int) -> Frame:
    """Return the job as it was, in the jobs service's own JSON, at `position` or a little later."""
    return Frame(
        "wayside.snapshot",
        job,
        sequence=position.sequence,
        cursor=str(position),
        entity_id=job_id,
        revision=revision,
    )


def caught_up(position: Cursor) -> Frame:
    """Say that everything stored was sent; what follows is live."""
    return _frame("wayside.caught-up", orjson.dumps({"cursor": str(position)}), position)


def reset(position: Cursor, reason: ResetReason, *, resume: bool) -> Frame:
    """Say that what the client has may be incomplete and cannot be completed by events.

    With `resume`, it may resume from here: state that it fetches now is newer than `position`. Without, what it
    needs follows, and brings its own cursor.
    """
    cursor = str(position) if resume else None
    data = orjson.dumps({"cursor": cursor, "reason": reason})
    return Frame("wayside.reset", data, sequence=position.sequence, cursor=cursor)


def end(terminal: Frame) -> Frame:
    """Say that the job is over, by its `terminal` event, and with it the stream."""
    return Frame(
        "wayside.end",
        orjson.dumps({"status": terminal.name.rpartition(".")[2], "cursor": terminal.cursor}),
        sequence=terminal.sequence,
        cursor=terminal.cursor,
    )


def ended_before(position: Cursor, status: str, retry_ms: int | None = None) -> Frame:
    """Say the same of a job that was over at `position` already."""
    data = orjson.dumps({"status": status, "cursor": str(position)})
    return Frame("wayside.end", data, sequence=position.sequence, cursor=str(position), retry_ms=retry_ms)


def ping(position: Cursor | None = None) -> Frame:
    """Say that the connection lives; with `position`, that the client has everything up to there."""
    data = orjson.dumps({"time": datetime.now(UTC)})
    if position is None:
        return Frame("wayside.ping", data)
    return _frame("wayside.ping", data, position)


def bye(position: Cursor | None, reason: Farewell) -> Frame:
    """Say that the stream ends here; with `position`, that the client has everything up to there."""
    data = orjson.dumps({"reason": reason, "cursor": str(position) if position else None})
    if position is None:
        return Frame("wayside.bye", data)
    return _frame("wayside.bye", data, position)


def unavailable(code: str, detail: str, retry_ms: int) -> Frame:
    """Say that something needed is down for now."""
    data = orjson.dumps({"code": code, "detail": detail})
    return Frame("wayside.unavailable", data, retry_ms=retry_ms)


def _frame(name: str, data: bytes, position: Cursor) -> Frame:
    return Frame(name, data, sequence=position.sequence, cursor=str(position))
