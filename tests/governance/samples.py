"""Values of the domain for tests."""

from datetime import UTC, datetime, timedelta

from wayside_events.identifiers import EntityId, ScopeName, new_id
from wayside_governance.domain.evidence import Claim, Evidence, canonical, digest_of, hash_payload
from wayside_governance.domain.suggestion import Review, Suggestion

START = datetime(2025, 1, 1, tzinfo=UTC)
CLAIM = Claim(ScopeName("acme"), "CWE-79", "CWE-80", "relates_to")


def evidence_of(
    model: str = "tfidf",
    confidence: float = 0.5,
    *,
    run: str | None = None,
    payload: dict[str, object] | None = None,
    seconds: int = 0,
) -> Evidence:
    encoded = canonical(payload)
    payload_hash = hash_payload(encoded)
    return Evidence(
        id=new_id(),
        digest=digest_of(("worker", model, run, confidence, None, None), payload_hash),
        payload_hash=payload_hash,
        source_model=model,
        analysis_run_id=run,
        confidence=confidence,
        strength=None,
        reasoning=None,
        payload=encoded,
        proposed_by="worker",
        proposed_at=START + timedelta(seconds=seconds),
    )


def pending(*more: Evidence) -> Suggestion:
    suggestion = Suggestion.propose(new_id(), CLAIM, evidence_of())
    for one in more:
        suggestion = suggestion.add_evidence(one)
    return suggestion


def review(edge_id: EntityId | None = None) -> Review:
    return Review(new_id(), "rita", START, "not_related", edge_id)
