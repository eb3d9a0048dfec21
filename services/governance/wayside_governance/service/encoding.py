"""Events of suggestions and edges as bytes, encoded without the models in between.

A service makes tens of thousands of them a second, and a model costs ten times what its JSON does. The models stay the
definition: tests hold these bytes against them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from wayside_events.edges import EdgesEvent
from wayside_events.envelope import Event, schema_uri
from wayside_governance.domain.suggestion import Suggestion
from wayside_service.tracing import current_traceparent


class EncodedEvent(NamedTuple):
    """An event as its bytes, with what the outbox needs to know of it."""

    id: str
    type: str
    subject: str
    revision: int
    nats_subject: str
    payload: bytes

    def to_json(self) -> bytes:
        """Return the bytes."""
        return self.payload


class Kind(NamedTuple):
    """What every event of one type has in common."""

    name: str
    schema: str

    @classmethod
    def of(cls, event_class: type[Event[Any]]) -> "Kind":
        """Return what the events of a class have in common."""
        return cls(event_class.event_type(), schema_uri(event_class.event_type()))


def common_fields(at: datetime) -> dict[str, Any]:
    """Return what all events of one moment have in common."""
    traceparent = current_traceparent()
    fields: dict[str, Any] = {} if traceparent is None else {"traceparent": traceparent}
    fields["time"] = text_of(at)
    return fields


def text_of(at: datetime) -> str:
    """Write a moment in UTC as events do."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def encode(
    kind: Kind,
    entity: tuple[str, str, int],
    common: Mapping[str, Any],
    data: Mapping[str, Any],
) -> EncodedEvent:
    """Encode the event of an entity, given by scope, id and revision."""
    scope, entity_id, revision = entity
    event_id = f"{entity_id}:{revision}"
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": EdgesEvent.SOURCE,
        "type": kind.name,
        "subject": entity_id,
        "datacontenttype": "application/json",
        "dataschema": kind.schema,
        "scope": scope,
        "revision": revision,
        **common,
        "data": data,
    }
    nats_subject = f"{kind.name}.{scope}.{entity_id}"
    return EncodedEvent(event_id, kind.name, entity_id, revision, nats_subject, orjson.dumps(envelope))


def standing_fields(after: Suggestion) -> dict[str, Any]:
    """Return what every event of a suggestion says."""
    standing = after.standing
    data: dict[str, Any] = {
        "from_node_id": after.claim.from_node_id,
        "to_node_id": after.claim.to_node_id,
        "relationship_type": after.claim.relationship_type,
        "confidence": standing.confidence,
        "suggestion_id": after.id,
        "evidence_count": standing.evidence_count,
        "status": after.status,
    }
    if standing.strength is not None:
        data["strength"] = standing.strength
    return data
