"""The outbox table, and how events get into it."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Final, Protocol

from wayside_service.database.connection import Connection

OUTBOX_SQL: Final = (files(__package__) / "schema.sql").read_text(encoding="utf-8")
"""The DDL of the tables `outbox` and `outbox_dead`, for a migration of the service."""

_ADD = """
    INSERT INTO outbox (entity, revision, type, subject, message_id, payload)
    SELECT entity, revision, type, subject, message_id, payload
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bytea[])
         WITH ORDINALITY AS event (entity, revision, type, subject, message_id, payload, position)
    ORDER BY position
"""


class OutboxEvent(Protocol):
    """The part of `wayside_events.envelope.Event` this needs."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def subject(self) -> str: ...  # noqa: D102
    @property
    def revision(self) -> int: ...  # noqa: D102
    @property
    def nats_subject(self) -> str: ...  # noqa: D102

    def to_json(self) -> bytes: ...  # noqa: D102


async def add_events(connection: Connection, events: Sequence[OutboxEvent]) -> None:
    """Write `events` in the caller's transaction, to be published in this order once it has committed.

    The order of an entity's events is exact if the transaction has locked the entity's row by now: an `UPDATE` of
    it, or its `INSERT`, does so. Wake the relay after the commit.
    """
    if not events:
        return
    await connection.execute(
        _ADD,
        [event.subject for event in events],
        [event.revision for event in events],
        [event.type for event in events],
        [event.nats_subject for event in events],
        [event.id for event in events],
        [event.to_json() for event in events],
    )
