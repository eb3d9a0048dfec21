"""Rows of the outbox as they are read, and which of their messages are worth publishing; pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from wayside_events.bus import OutgoingMessage


@dataclass(frozen=True, slots=True)
class Row:
    """Events that one transaction wrote, and that wait."""

    id: int
    messages: Sequence[OutgoingMessage]


def messages_of(rows: Sequence[Row]) -> list[OutgoingMessage]:
    """Return the messages of all rows, in order."""
    return [message for row in rows for message in row.messages]


def without_superseded(
    messages: Sequence[OutgoingMessage], conflated_types: Collection[str]
) -> list[OutgoingMessage]:
    """Leave out messages of `conflated_types` that the next of the same entity, of the same type, supersedes.

    A subject is the type, the scope and the entity: two messages of one subject are of one type and entity.
    """
    prefixes = tuple(f"{event_type}." for event_type in conflated_types)
    if not prefixes or not any(message.subject.startswith(prefixes) for message in messages):
        return list(messages)
    kept: list[OutgoingMessage] = []
    following: dict[str, str] = {}
    for message in reversed(messages):
        subject = message.subject
        entity = subject[subject.rindex(".") :]
        if following.get(entity) != subject or not subject.startswith(prefixes):
            kept.append(message)
        following[entity] = subject
    kept.reverse()
    return kept


def without_stored(messages: Sequence[OutgoingMessage], stored: Mapping[str, str]) -> list[OutgoingMessage]:
    """Leave out messages that the stream has: `stored` is the newest message id of each subject.

    The events of a subject, all of one entity, are stored in the order of their revisions.
    """
    return [
        message
        for message in messages
        if _revision(message.message_id) > _revision(stored.get(message.subject))
    ]


def _revision(message_id: str | None) -> int:
    return int(message_id.rpartition(":")[2]) if message_id else 0
