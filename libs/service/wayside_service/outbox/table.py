"""The outbox table, and how events get into it."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Final, Protocol

from wayside_service.database.connection import Connection
from wayside_service.outbox.frame import pack, portions

OUTBOX_SQL: Final = (files(__package__) / "schema.sql").read_text(encoding="utf-8")
"""The DDL of the tables `outbox` and `outbox_dead`, for a migration of the service."""

_ADD = "INSERT INTO outbox (events, messages) SELECT * FROM unnest($1::integer[], $2::bytea[])"


class OutboxEvent(Protocol):
    """The part of `wayside_events.envelope.Event` this needs.

    The NATS subject ends in `.<entity id>`, the id in `:<revision>`.
    """

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def nats_subject(self) -> str: ...  # noqa: D102

    def to_json(self) -> bytes: ...  # noqa: D102


async def add_events(connection: Connection, events: Sequence[OutboxEvent]) -> None:
    """Write `events` in the caller's transaction, to be published in this order once it has committed.

    The order of an entity's events is exact if the transaction has locked the entity's row by now: an `UPDATE` of
    it, or its `INSERT`, does so. Call it once for all events of a transaction: it costs little more than for one.
    Wake the relay after the commit.
    """
    if events:
        await connection.execute(_ADD, *outbox_rows(events))


def outbox_rows(events: Sequence[OutboxEvent]) -> tuple[list[int], list[bytes]]:
    """Encode events as rows for a statement that writes them itself: their columns `events` and `messages`."""
    names = [f"{event.nats_subject} {event.id}" for event in events]
    payloads = [event.to_json() for event in events]
    parts = list(portions([len(payload) for payload in payloads])) if events else []
    return [part.stop - part.start for part in parts], [pack(names[part], payloads[part]) for part in parts]
