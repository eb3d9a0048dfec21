"""What travels over the bus, apart from typed events."""

from collections.abc import Mapping
from typing import NamedTuple

MESSAGE_ID_HEADER = "Nats-Msg-Id"
SEQUENCE_HEADER = "Nats-Sequence"
STATUS_HEADER = "Status"
DESCRIPTION_HEADER = "Description"


class OutgoingMessage(NamedTuple):
    """An encoded event on its way to the stream. `message_id` is the event's id; the stream drops a repeat by it."""

    subject: str
    message_id: str
    payload: bytes


class StoredMessage(NamedTuple):
    """An event as the stream has it, not decoded. `subject` is without the live prefix."""

    subject: str
    sequence: int
    payload: bytes
    headers: Mapping[str, str]
