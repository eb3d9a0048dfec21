"""The events of decisions."""

from typing import Any

from wayside_events.edges import (
    EdgeCreated,
    EdgeCreatedData,
    EdgeRemoved,
    EdgeRemovedData,
    ReopenCause,
    SuggestionApproved,
    SuggestionApprovedData,
    SuggestionRejected,
    SuggestionRejectedData,
    SuggestionReopened,
    SuggestionReopenedData,
)
from wayside_events.envelope import Event
from wayside_governance.domain.suggestion import Decision, Edge, Suggestion
from wayside_service.tracing import current_traceparent

AnyEdgesEvent = Event[Any]
"""Any event of a suggestion or an edge."""


def approved(after: Suggestion, decision: Decision, edge: Edge) -> tuple[AnyEdgesEvent, AnyEdgesEvent]:
    """Tell that a claim was approved and that its edge exists."""
    return (
        SuggestionApproved.of(
            SuggestionApprovedData(**_standing(after), **_verdict(decision), edge_id=edge.id),
            **_envelope(after),
        ),
        EdgeCreated.of(
            EdgeCreatedData(**_edge(edge), decision_id=decision.id, created_by=edge.created_by),
            scope=edge.claim.scope,
            revision=edge.revision,
            time=edge.created_at,
            traceparent=current_traceparent(),
        ),
    )


def rejected(after: Suggestion, decision: Decision) -> tuple[AnyEdgesEvent]:
    """Tell that a claim was rejected."""
    data = SuggestionRejectedData(**_standing(after), **_verdict(decision))
    return (SuggestionRejected.of(data, **_envelope(after)),)


def undone(after: Suggestion, decision: Decision, retracted: Edge | None) -> tuple[AnyEdgesEvent, ...]:
    """Tell that a suggestion waits again, and that its edge is gone where it had one."""
    reopened = SuggestionReopened.of(
        SuggestionReopenedData(
            **_standing(after),
            cause=ReopenCause.UNDO,
            decision_id=decision.id,
            reopened_by=decision.reviewed_by,
        ),
        **_envelope(after),
    )
    if retracted is None:
        return (reopened,)
    removed = EdgeRemoved.of(
        EdgeRemovedData(
            **_edge(retracted),
            decision_id=decision.id,
            removed_by=decision.reviewed_by,
            reason=decision.reason_code,
        ),
        scope=retracted.claim.scope,
        revision=retracted.revision + 1,
        time=decision.reviewed_at,
        traceparent=current_traceparent(),
    )
    return (reopened, removed)


def _envelope(after: Suggestion) -> dict[str, Any]:
    return {
        "scope": after.claim.scope,
        "revision": after.revision,
        "time": after.updated_at,
        "traceparent": current_traceparent(),
    }


def _standing(after: Suggestion) -> dict[str, Any]:
    return {
        "suggestion_id": after.id,
        "from_node_id": after.claim.from_node_id,
        "to_node_id": after.claim.to_node_id,
        "relationship_type": after.claim.relationship_type,
        "confidence": after.standing.confidence,
        "strength": after.standing.strength,
        "evidence_count": after.standing.evidence_count,
    }


def _verdict(decision: Decision) -> dict[str, Any]:
    return {
        "decision_id": decision.id,
        "reviewed_by": decision.reviewed_by,
        "reviewed_at": decision.reviewed_at,
        "reason_code": decision.reason_code,
        "note": decision.note,
    }


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "edge_id": edge.id,
        "from_node_id": edge.claim.from_node_id,
        "to_node_id": edge.claim.to_node_id,
        "relationship_type": edge.claim.relationship_type,
        "confidence": edge.confidence,
        "strength": edge.strength,
        "suggestion_id": edge.suggestion_id,
    }
