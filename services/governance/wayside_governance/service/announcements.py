"""The events of decisions."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from wayside_events.contracts.governance import Verdict
from wayside_events.edges import (
    EdgeCreated,
    EdgeRemoved,
    ReopenCause,
    SuggestionApproved,
    SuggestionEndorsed,
    SuggestionExpired,
    SuggestionRejected,
    SuggestionReopened,
)
from wayside_governance.domain.suggestion import Decision, Edge
from wayside_governance.domain.verdicts import Outcome
from wayside_governance.service.encoding import (
    EncodedEvent,
    Kind,
    common_fields,
    encode,
    standing_fields,
    text_of,
)

_KINDS: Final[Mapping[Verdict, Kind]] = MappingProxyType(
    {
        Verdict.APPROVE: Kind.of(SuggestionApproved),
        Verdict.ENDORSE: Kind.of(SuggestionEndorsed),
        Verdict.REJECT: Kind.of(SuggestionRejected),
        Verdict.SUPERSEDE: Kind.of(SuggestionExpired),
        Verdict.EXPIRE: Kind.of(SuggestionExpired),
        Verdict.WITHDRAW: Kind.of(SuggestionExpired),
        Verdict.UNDO: Kind.of(SuggestionReopened),
    }
)
_CREATED: Final = Kind.of(EdgeCreated)
_REMOVED: Final = Kind.of(EdgeRemoved)


def announce(outcomes: Iterable[Outcome]) -> list[EncodedEvent]:
    """Tell of the outcomes of one batch: what became of each suggestion, then of its edge."""
    moments: dict[datetime, _Moment] = {}
    events: list[EncodedEvent] = []
    for outcome in outcomes:
        at = outcome.decision.recorded_at
        if at not in moments:
            moments[at] = _Moment(at, text_of(at), common_fields(at))
        events += _events(outcome, moments[at])
    return events


class _Moment(NamedTuple):
    """What all that is recorded at one time says of it, written once."""

    at: datetime
    text: str
    common: str

    def text_of(self, time: datetime) -> str:
        return self.text if time is self.at else text_of(time)


def _events(outcome: Outcome, moment: _Moment) -> Iterator[EncodedEvent]:
    after, decision, common = outcome.after, outcome.decision, moment.common
    entity = (after.claim.scope, after.id, after.revision)
    yield encode(_KINDS[decision.verdict], entity, common, standing_fields(after) | _said(outcome, moment))
    if (edge := outcome.edge) is not None:
        data = _edge(edge) | {"decision_id": decision.id, "created_by": edge.created_by}
        yield encode(_CREATED, (edge.claim.scope, edge.id, edge.revision), common, data)
    if (edge := outcome.retracted) is not None:
        data = _edge(edge) | {"decision_id": decision.id, "removed_by": decision.reviewed_by}
        if decision.reason_code is not None:
            data["reason"] = decision.reason_code
        yield encode(_REMOVED, (edge.claim.scope, edge.id, edge.revision + 1), common, data)


def _said(outcome: Outcome, moment: _Moment) -> dict[str, Any]:
    decision = outcome.decision
    if decision.verdict is Verdict.UNDO:
        return {"cause": ReopenCause.UNDO, "decision_id": decision.id, "reopened_by": decision.reviewed_by}
    data = _verdict(decision, moment)
    if outcome.edge is not None:
        data["edge_id"] = outcome.edge.id
    if decision.verdict is Verdict.ENDORSE:
        data["endorsed_by"] = outcome.after.endorsed_by
    return data


def _verdict(decision: Decision, moment: _Moment) -> dict[str, Any]:
    data: dict[str, Any] = {
        "decision_id": decision.id,
        "reviewed_by": decision.reviewed_by,
        "reviewed_at": moment.text_of(decision.reviewed_at),
    }
    if decision.reason_code is not None:
        data["reason_code"] = decision.reason_code
    if decision.note is not None:
        data["note"] = decision.note
    if decision.policy_version is not None:
        data["policy_version"] = decision.policy_version
    return data


def _edge(edge: Edge) -> dict[str, Any]:
    claim = edge.claim
    data: dict[str, Any] = {
        "edge_id": edge.id,
        "from_node_id": claim.from_node_id,
        "to_node_id": claim.to_node_id,
        "relationship_type": claim.relationship_type,
        "confidence": edge.confidence,
    }
    if edge.strength is not None:
        data["strength"] = edge.strength
    if edge.suggestion_id is not None:
        data["suggestion_id"] = edge.suggestion_id
    return data
