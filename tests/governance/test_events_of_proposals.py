"""The encoded events of proposals are what the models say."""

import pytest
from tests.governance.samples import CLAIM, START, evidence_of, pending, review

from wayside_events.catalogue import parse_event
from wayside_events.edges import (
    ReopenCause,
    SuggestionCreated,
    SuggestionProposedData,
    SuggestionReopened,
    SuggestionReopenedData,
    SuggestionUpdated,
)
from wayside_events.envelope import Event
from wayside_events.identifiers import new_id
from wayside_governance.domain.evidence import Evidence
from wayside_governance.domain.intake import Step, create, receive
from wayside_governance.service.proposed import announce
from wayside_service.tracing import TraceContext, traced

FULL = evidence_of("llm", 0.9, run="run-1", seconds=5)._replace(reasoning="both inject", strength=0.25)
BARE = evidence_of()


def data_of(step: Step) -> SuggestionProposedData:
    standing, evidence = step.after.standing, step.evidence
    return SuggestionProposedData(
        suggestion_id=step.after.id,
        from_node_id=CLAIM.from_node_id,
        to_node_id=CLAIM.to_node_id,
        relationship_type=CLAIM.relationship_type,
        confidence=standing.confidence,
        strength=standing.strength,
        evidence_count=standing.evidence_count,
        reasoning=evidence.reasoning,
        source_model=evidence.source_model,
        analysis_run_id=evidence.analysis_run_id,
        proposed_by=evidence.proposed_by,
    )


def assert_same(step: Step, expected: Event[SuggestionProposedData] | Event[SuggestionReopenedData]) -> None:
    [encoded] = announce([step], step.after.updated_at)
    assert parse_event(encoded.to_json()) == expected
    assert (encoded.id, encoded.type, encoded.subject) == (expected.id, expected.type, expected.subject)
    assert (encoded.revision, encoded.nats_subject) == (expected.revision, expected.nats_subject)


@pytest.mark.parametrize("evidence", [BARE, FULL])
def test_a_created_suggestion_is_told_as_its_model_says(evidence: Evidence) -> None:
    step = create(new_id(), CLAIM, evidence)
    expected = SuggestionCreated.of(data_of(step), scope=CLAIM.scope, revision=1, time=evidence.proposed_at)
    assert_same(step, expected)


@pytest.mark.parametrize("evidence", [BARE, FULL])
def test_an_updated_suggestion_is_told_as_its_model_says(evidence: Evidence) -> None:
    step = receive(pending(), evidence, known=set(), fingerprint=b"")
    expected = SuggestionUpdated.of(data_of(step), scope=CLAIM.scope, revision=2, time=evidence.proposed_at)
    assert_same(step, expected)


def test_a_reopened_suggestion_is_told_as_its_model_says() -> None:
    step = receive(pending().reject(review(), frozenset()), FULL, known=set(), fingerprint=b"")
    proposed = data_of(step)
    data = SuggestionReopenedData(
        **proposed.model_dump(include=set(SuggestionReopenedData.model_fields)),
        cause=ReopenCause.NEW_EVIDENCE,
        reopened_by="worker",
    )
    assert_same(step, SuggestionReopened.of(data, scope=CLAIM.scope, revision=3, time=FULL.proposed_at))


def test_the_trace_at_hand_is_told() -> None:
    step = create(new_id(), CLAIM, BARE)
    with traced(TraceContext.new()):
        [encoded] = announce([step], START)
        assert parse_event(encoded.to_json()).traceparent is not None


def test_what_changed_nothing_is_not_told() -> None:
    suggestion = pending()
    step = receive(suggestion, BARE, known={BARE.digest}, fingerprint=b"")
    assert announce([step], START) == []
