"""The encoded events of decisions are what the models say."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from tests.governance.samples import START, evidence_of, pending

from wayside_events.catalogue import parse_event
from wayside_events.contracts.governance import Verdict
from wayside_events.identifiers import new_id
from wayside_governance.domain.suggestion import Edge
from wayside_governance.domain.verdicts import Facts, Outcome, PolicyVersion, Undone, Wanted, plan
from wayside_governance.service.announcements import announce
from wayside_service.tracing import TraceContext, traced

AT = START + timedelta(seconds=1)
SAID: dict[str, Any] = {
    "reason_code": "other",
    "note": "as in the catalogue",
    "policy": PolicyVersion(new_id(), "sure:3"),
}


def outcome_of(verdict: Verdict, **said: Any) -> Outcome:
    seen = pending(evidence_of("llm", 0.9)._replace(strength=0.25))
    facts = Facts(AT, required_approvals=2 if verdict is Verdict.ENDORSE else 1)
    return plan(seen, Wanted(seen.id, verdict, "rita", **said), facts)


def undo_of_approval() -> tuple[Outcome, Edge]:
    approved = outcome_of(Verdict.APPROVE)
    edge = approved.edge
    assert edge is not None
    facts = Facts(AT, undone=Undone(approved.decision.id, Verdict.APPROVE, edge.id))
    undone = plan(approved.after, Wanted(approved.after.id, Verdict.UNDO, "rob", reason_code="other"), facts)
    return undone._replace(retracted=edge), edge


@pytest.mark.parametrize("said", [{}, SAID], ids=["bare", "full"])
@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.UNDO])
def test_what_is_told_is_a_whole_event_of_the_catalogue(verdict: Verdict, said: dict[str, Any]) -> None:
    outcome = outcome_of(verdict, **said)
    events = announce([outcome])
    for event in events:
        model = parse_event(event.to_json())
        assert orjson.loads(model.to_json()) == orjson.loads(event.to_json())
        assert (event.id, event.nats_subject) == (model.id, model.nats_subject)
    first = parse_event(events[0].to_json())
    assert (first.subject, first.revision, first.time) == (outcome.after.id, outcome.after.revision, AT)
    assert len(events) == (2 if verdict is Verdict.APPROVE else 1)


def test_an_undo_tells_that_the_edge_is_gone() -> None:
    undone, edge = undo_of_approval()
    reopened, removed = (parse_event(event.to_json()) for event in announce([undone]))
    assert reopened.type == "edges.suggestion.reopened"
    assert (removed.subject, removed.revision) == (edge.id, edge.revision + 1)
    assert removed.data.model_dump()["reason"] == "other"


def test_the_trace_of_a_request_goes_on_in_its_events() -> None:
    trace = TraceContext.parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    assert trace is not None
    with traced(trace):
        [event] = announce([outcome_of(Verdict.EXPIRE)])
    assert parse_event(event.to_json()).traceparent == str(trace)
