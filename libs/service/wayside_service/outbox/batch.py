"""Rows of the outbox, and which of a batch are worth publishing; pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from wayside_events.bus import OutgoingMessage


@dataclass(frozen=True, slots=True)
class Row:
    """One event that waits."""

    id: int
    entity: str
    revision: int
    type: str
    subject: str
    message_id: str
    payload: bytes
    age_seconds: float

    @property
    def message(self) -> OutgoingMessage:
        """What is published."""
        return OutgoingMessage(self.subject, self.message_id, self.payload)


def without_superseded(rows: Sequence[Row], conflated_types: Collection[str]) -> list[Row]:
    """Leave out rows of `conflated_types` that the next row of the same entity, of the same type, supersedes."""
    kept: list[Row] = []
    following: dict[str, str] = {}
    for row in reversed(rows):
        if row.type not in conflated_types or following.get(row.entity) != row.type:
            kept.append(row)
        following[row.entity] = row.type
    kept.reverse()
    return kept


def without_stored(rows: Sequence[Row], stored: Mapping[str, str]) -> list[Row]:
    """Leave out rows that the stream has: `stored` is the newest message id of each subject.

    The events of a subject, all of one entity, are stored in the order of their revisions.
    """
    return [row for row in rows if row.revision > _revision(stored.get(row.subject))]


def _revision(message_id: str | None) -> int:
    return int(message_id.rpartition(":")[2]) if message_id else 0
