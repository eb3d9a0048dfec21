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
    """What every event of one type has in common: its name, and the members of the envelope that follow the id."""

    name: str
    members: str

    @classmethod
    def of(cls, event_class: type[Event[Any]]) -> "Kind":
        """Return what the events of a class have in common."""
        name = event_class.event_type()
        members = {"source": EdgesEvent.SOURCE, "type": name}
        return cls(name, _members(members | {"dataschema": schema_uri(name)}))


def common_fields(at: datetime) -> str:
    """Return what the envelopes of all events of one moment have in common."""
    traceparent = current_traceparent()
    fields = {} if traceparent is None else {"traceparent": traceparent}
    return _members(fields | {"time": text_of(at)})


def _members(fields: Mapping[str, str]) -> str:
    return orjson.dumps(fields).decode()[1:-1]


def text_of(at: datetime) -> str:
    """Write a moment in UTC as events do."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def encode(kind: Kind, entity: tuple[str, str, int], common: str, data: Mapping[str, Any]) -> EncodedEvent:
    """Encode the event of an entity, given by scope, id and revision: tokens, which JSON need not escape."""
    scope, entity_id, revision = entity
    event_id = f"{entity_id}:{revision}"
    envelope = (
        f'{{"specversion":"1.0","id":"{event_id}",{kind.members},"subject":"{entity_id}",'
        f'"datacontenttype":"application/json","scope":"{scope}","revision":{revision},{common},"data":'
    )
    payload = envelope.encode() + orjson.dumps(data) + b"}"
    return EncodedEvent(event_id, kind.name, entity_id, revision, f"{kind.name}.{scope}.{entity_id}", payload)


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
