"""The gateway's own messages between the events: all named `wayside.…`, their data JSON."""

from datetime import UTC, datetime
from enum import StrEnum

import orjson

from wayside_events.cursor import Cursor
from wayside_gateway.streams.frame import Frame
from wayside_gateway.streams.place import Known, Place


class ResetReason(StrEnum):
    """Why a client has to fetch state again."""

    EPOCH = "epoch"  # the stream of events was created anew
    EXPIRED = "expired"  # events after the client's cursor are no longer kept


class Farewell(StrEnum):
    """Why the gateway ends a stream that has not come to its end; the client may connect again."""

    SHUTDOWN = "shutdown"  # this gateway stops; another continues from the cursor
    MAX_AGE = "max_age"  # connections are renewed from time to time
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - come back with a new token


def snapshot(job: bytes, position: Cursor, known: Known, *, is_last: bool = False) -> Frame:
    """Return the job as it was, in the jobs service's own JSON, at `position` or a little later.

    With `is_last`, the end follows, and brings the cursor: who is cut in between gets both again.
    """
    return Frame(
        "wayside.snapshot",
        job,
        sequence=position.sequence,
        cursor=None if is_last else str(Place(position, known.revision)),
        entity_id=known.entity_id,
        revision=known.revision,
    )


def caught_up(place: Place) -> Frame:
    """Say that everything stored was sent; what follows is live."""
    return _frame("wayside.caught-up", orjson.dumps({"cursor": str(place)}), place)


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


def ended_before(place: Place, status: str, retry_ms: int | None = None) -> Frame:
    """Say the same of a job that was over at `place` already."""
    data = orjson.dumps({"status": status, "cursor": str(place)})
    return _frame("wayside.end", data, place, retry_ms)


def ping(place: Place | None = None) -> Frame:
    """Say that the connection lives; with `place`, that the client has everything up to there."""
    data = orjson.dumps({"time": datetime.now(UTC)})
    return _frame("wayside.ping", data, place)


def bye(place: Place | None, reason: Farewell) -> Frame:
    """Say that the stream ends here; with `place`, that the client has everything up to there."""
    data = orjson.dumps({"reason": reason, "cursor": str(place) if place else None})
    return _frame("wayside.bye", data, place)


def unavailable(code: str, detail: str, retry_ms: int) -> Frame:
    """Say that something needed is down for now."""
    data = orjson.dumps({"code": code, "detail": detail})
    return Frame("wayside.unavailable", data, retry_ms=retry_ms)


def _frame(name: str, data: bytes, place: Place | None, retry_ms: int | None = None) -> Frame:
    if place is None:
        return Frame(name, data, retry_ms=retry_ms)
    return Frame(name, data, sequence=place.cursor.sequence, cursor=str(place), retry_ms=retry_ms)
