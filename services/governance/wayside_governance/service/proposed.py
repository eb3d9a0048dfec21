"""The events of proposals, encoded without the models in between.

Intake makes tens of thousands of them a second, and a model costs ten times what its JSON does. The models stay the
definition: a test holds these bytes against them.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson

from wayside_events.contracts.governance import Intake
from wayside_events.edges import (
    EdgesEvent,
    ReopenCause,
    SuggestionCreated,
    SuggestionReopened,
    SuggestionUpdated,
)
from wayside_events.envelope import Event, schema_uri
from wayside_governance.domain.intake import VISIBLE, Step
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


class _Kind(NamedTuple):
    """What every event of one type has in common."""

    name: str
    schema: str

    @classmethod
    def of(cls, event_class: type[Event[Any]]) -> "_Kind":
        return cls(event_class.event_type(), schema_uri(event_class.event_type()))


_KINDS: Final[Mapping[Intake, _Kind]] = MappingProxyType(
    {
        Intake.CREATED: _Kind.of(SuggestionCreated),
        Intake.EVIDENCE_ADDED: _Kind.of(SuggestionUpdated),
        Intake.REOPENED: _Kind.of(SuggestionReopened),
    }
)


def announce(steps: Iterable[Step], at: datetime) -> list[EncodedEvent]:
    """Tell of the proposals, received at one moment, that changed something."""
    traceparent = current_traceparent()
    common: dict[str, Any] = {} if traceparent is None else {"traceparent": traceparent}
    common["time"] = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return [_event(step, common) for step in steps if step.outcome in VISIBLE]


def _event(step: Step, common: Mapping[str, Any]) -> EncodedEvent:
    after = step.after
    kind = _KINDS[step.outcome]
    event_id = f"{after.id}:{after.revision}"
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": EdgesEvent.SOURCE,
        "type": kind.name,
        "subject": after.id,
        "datacontenttype": "application/json",
        "dataschema": kind.schema,
        "scope": after.claim.scope,
        "revision": after.revision,
        **common,
        "data": _reopening(step) if step.outcome is Intake.REOPENED else _proposal(step),
    }
    nats_subject = f"{kind.name}.{after.claim.scope}.{after.id}"
    return EncodedEvent(event_id, kind.name, after.id, after.revision, nats_subject, orjson.dumps(envelope))


def _proposal(step: Step) -> dict[str, Any]:
    evidence = step.evidence
    data = _standing(step.after)
    data["source_model"] = evidence.source_model
    data["proposed_by"] = evidence.proposed_by
    if evidence.reasoning is not None:
        data["reasoning"] = evidence.reasoning
    if evidence.analysis_run_id is not None:
        data["analysis_run_id"] = evidence.analysis_run_id
    return data


def _reopening(step: Step) -> dict[str, Any]:
    return _standing(step.after) | {
        "cause": ReopenCause.NEW_EVIDENCE,
        "reopened_by": step.evidence.proposed_by,
    }


def _standing(after: Suggestion) -> dict[str, Any]:
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
