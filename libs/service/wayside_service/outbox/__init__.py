"""The transactional outbox: events are written with the change they tell of, and relayed to the stream."""

from wayside_service.outbox.publisher import Publisher
from wayside_service.outbox.relay import Relay, outbox_resource
from wayside_service.outbox.table import OUTBOX_SQL, OutboxEvent, add_events, outbox_rows

__all__ = ["OUTBOX_SQL", "OutboxEvent", "Publisher", "Relay", "add_events", "outbox_resource", "outbox_rows"]
