"""One fully filled event of every type; `python -m tests.events.samples` writes the golden files of new types."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from wayside_events import edges, jobs
from wayside_events.envelope import Data, Event
from wayside_events.identifiers import EntityId, parse_scope

GOLDEN = Path(__file__).parent / "golden"
ACME = parse_scope("acme")
TIME = datetime(2026, 3, 4, 5, 6, 7, 890123, UTC)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

JOB = EntityId("01987654-0000-7000-8000-000000000001")
ROOT = EntityId("01987654-0000-7000-8000-000000000002")
PARENT = EntityId("01987654-0000-7000-8000-000000000003")
SUGGESTION = EntityId("01987654-0000-7000-8000-000000000004")
EDGE = EntityId("01987654-0000-7000-8000-000000000005")
CHAIN = EntityId("01987654-0000-7000-8000-000000000008")
DECISION = EntityId("01987654-0000-7000-8000-000000000006")
POLICY = EntityId("01987654-0000-7000-8000-000000000007")

JOB_FACTS: dict[str, Any] = {
    "job_id": JOB,
    "job_type": "cwe_links",
    "attempt": 2,
    "session_id": "session-7",
    "root_id": ROOT,
}
LIFECYCLE: dict[str, Any] = JOB_FACTS | {
    "queue": "default",
    "mode": jobs.JobMode.QUEUED,
    "parent_id": PARENT,
    "related": jobs.Related(type="report", id="r-1"),
    "created_by": "ada",
}
CLAIM: dict[str, Any] = {
    "from_node_id": "CWE-79",
    "to_node_id": "CWE-74",
    "relationship_type": "ChildOf",
    "confidence": 0.75,
    "strength": 0.5,
}
SUGGESTED: dict[str, Any] = CLAIM | {"suggestion_id": SUGGESTION, "evidence_count": 2}
PROPOSED: dict[str, Any] = SUGGESTED | {
    "reasoning": "share: script, page",
    "source_model": "tfidf-1",
    "analysis_run_id": JOB,
    "proposed_by": "worker-1",
}
DECIDED: dict[str, Any] = SUGGESTED | {
    "decision_id": DECISION,
    "reviewed_by": "grace",
    "reviewed_at": TIME,
    "reason_code": "correct",
    "note": "as in the catalogue",
    "policy_version": "policy-1:3",
}
EDGE_FACTS: dict[str, Any] = CLAIM | {"edge_id": EDGE, "suggestion_id": SUGGESTION, "decision_id": DECISION}
ERROR = jobs.JobError(
    code="error", message="no such file", type="FileNotFoundError", retryable=True, details={"path": "a.csv"}
)
ENTRY = jobs.LogEntry(seq=3, time=TIME, level=jobs.LogLevel.INFO, message="loaded", context={"rows": 12})
PROGRESS = jobs.Progress(
    percent=42.5, phase="compare", step="block 3", current=425, total=1000, unit="rows", message="comparing"
)


def event(kind: type[Event[Any]], data: Data, revision: int) -> Event[Any]:
    return kind.of(data, scope=ACME, revision=revision, time=TIME, traceparent=TRACEPARENT)


SAMPLES: tuple[Event[Any], ...] = (
    event(
        jobs.JobQueued,
        jobs.JobQueuedData(
            **LIFECYCLE,
            reason=jobs.QueuedReason.FAILED,
            priority=5,
            max_attempts=3,
            run_at=TIME,
            retry_of=ROOT,
            error=ERROR,
        ),
        1,
    ),
    event(jobs.JobStarted, jobs.JobStartedData(**LIFECYCLE, runner="worker-1"), 2),
    event(jobs.JobProgressed, jobs.JobProgressData(**JOB_FACTS, progress=PROGRESS, partial={"found": 3}), 3),
    event(jobs.JobLogged, jobs.JobLogData(**JOB_FACTS, entries=(ENTRY,), dropped=1), 4),
    event(
        jobs.JobCancelRequested,
        jobs.JobCancelRequestedData(**LIFECYCLE, requested_by="ada", reason="too slow", deadline=TIME),
        5,
    ),
    event(
        jobs.JobCompleted,
        jobs.JobCompletedData(
            **LIFECYCLE, result={"links": 12, "none": None}, metrics={"rows": 938}, duration_seconds=1.25
        ),
        6,
    ),
    event(jobs.JobFailed, jobs.JobFailedData(**LIFECYCLE, error=ERROR, duration_seconds=1.25), 6),
    event(
        jobs.JobCanceled,
        jobs.JobCanceledData(
            **LIFECYCLE, requested_by="ada", reason="too slow", forced=True, duration_seconds=1.25
        ),
        6,
    ),
    event(jobs.JobExpired, jobs.JobExpiredData(**LIFECYCLE, status=jobs.JobStatus.COMPLETED), 7),
    event(edges.SuggestionCreated, edges.SuggestionProposedData(**PROPOSED), 1),
    event(edges.SuggestionUpdated, edges.SuggestionProposedData(**PROPOSED), 2),
    event(edges.SuggestionApproved, edges.SuggestionApprovedData(**DECIDED, edge_id=EDGE), 3),
    event(edges.SuggestionEndorsed, edges.SuggestionEndorsedData(**DECIDED, endorsed_by=("grace",)), 3),
    event(edges.SuggestionRejected, edges.SuggestionRejectedData(**DECIDED), 3),
    event(
        edges.SuggestionReopened,
        edges.SuggestionReopenedData(
            **SUGGESTED, cause=edges.ReopenCause.UNDO, decision_id=DECISION, reopened_by="grace"
        ),
        4,
    ),
    event(
        edges.SuggestionExpired,
        edges.SuggestionExpiredData(**SUGGESTED, status=edges.SuggestionStatus.SUPERSEDED),
        5,
    ),
    event(
        edges.EdgeCreated,
        edges.EdgeCreatedData(**EDGE_FACTS, created_by="grace", properties={"view": "1000"}),
        1,
    ),
    event(edges.AuditSealed, edges.AuditSealedData(chain_id=CHAIN, position=17, hash="0a1b" * 16), 3),
    event(edges.EdgeRemoved, edges.EdgeRemovedData(**EDGE_FACTS, removed_by="grace", reason="undone"), 2),
    event(
        edges.PolicySuspended,
        edges.PolicySuspendedData(
            policy_id=POLICY,
            name="sure",
            version=3,
            cause="low_agreement",
            detail="People agreed with 10 of 20 held out: at most 0.70 is likely, 0.90 was promised.",
            checked=20,
            agreed=10,
            promised=0.9,
        ),
        7,
    ),
)


def golden_path(event_type: str) -> Path:
    return GOLDEN / f"{event_type}.json"


def write_missing() -> None:
    for sample in SAMPLES:
        path = golden_path(sample.type)
        if not path.exists():
            options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
            path.write_bytes(orjson.dumps(orjson.loads(sample.to_json()), option=options))


if __name__ == "__main__":
    write_missing()
