"""A rejected claim is not asked again, until something about it is new."""

from typing import Any

from tests.governance.api import Api, proposal
from tests.governance.conftest import Connection, EventLog

from wayside_governance.domain.suggestion import REMEMBERED_LIMIT


async def rejected(api: Api, reviewer: Api, **fields: Any) -> dict[str, Any]:
    answer = await reviewer.reject(await api.suggest(**fields))
    assert answer.status == 200
    suggestion: dict[str, Any] = answer.body["suggestion"]
    return suggestion


async def outcome_of(api: Api, **fields: Any) -> str:
    [outcome] = await api.propose(proposal(**fields))
    return str(outcome["outcome"])


async def test_the_same_claim_on_the_same_evidence_is_suppressed_and_counted(
    api: Api, reviewer: Api, log: EventLog
) -> None:
    suggestion = await rejected(api, reviewer, analysis_run_id="run-1")
    assert await outcome_of(api, analysis_run_id="run-2") == "suppressed"
    assert await outcome_of(api, analysis_run_id="run-3", confidence=0.9, source_model="llm") == "suppressed"
    now = await api.suggestion(suggestion["id"])
    assert (now["status"], now["revision"], now["suppressed_count"]) == (
        "rejected",
        suggestion["revision"],
        2,
    )
    assert await log.has(2)


async def test_other_evidence_reopens_it_and_says_so(api: Api, reviewer: Api, log: EventLog) -> None:
    suggestion = await rejected(api, reviewer)
    assert await outcome_of(api, evidence={"shared": ["something new"]}) == "reopened"
    now = await api.suggestion(suggestion["id"])
    assert (now["status"], now["revision"], now["evidence_count"]) == ("pending", 3, 2)
    assert now.get("reviewed_by") is None
    assert await log.has(3)
    reopened = log.events[-1].data.model_dump()
    assert (log.events[-1].type, reopened["cause"]) == ("edges.suggestion.reopened", "new_evidence")


async def test_other_content_of_a_node_reopens_it(api: Api, reviewer: Api) -> None:
    await rejected(api, reviewer, from_node={"content": "as it was"})
    assert await outcome_of(api, from_node={"content": "as it was"}) == "suppressed"
    assert await outcome_of(api, from_node={"content": "as it is now"}) == "reopened"


async def test_content_that_was_put_reopens_it_too(api: Api, reviewer: Api) -> None:
    await rejected(api, reviewer)
    nodes = [{"id": "CWE-79", "content": "new"}]
    assert (await api.call("PUT", "/v1/nodes", json={"scope": api.scope, "nodes": nodes})).status == 200
    assert await outcome_of(api) == "reopened"


async def test_a_node_said_to_be_nothing_is_no_news(api: Api, reviewer: Api) -> None:
    await rejected(api, reviewer)
    assert await outcome_of(api, from_node={}) == "suppressed"


async def test_each_piece_of_evidence_it_was_rejected_on_is_remembered(api: Api, reviewer: Api) -> None:
    await api.propose(proposal(evidence={"n": 1}))
    await rejected(api, reviewer, evidence={"n": 2})
    assert await outcome_of(api, evidence={"n": 1}, analysis_run_id="run-2") == "suppressed"
    assert await outcome_of(api, evidence={"n": 2}, analysis_run_id="run-2") == "suppressed"
    assert await outcome_of(api, evidence={"n": 3}) == "reopened"


async def test_of_more_evidence_than_is_remembered_the_latest_is(
    api: Api, reviewer: Api, connection: Connection
) -> None:
    suggestion = await api.suggest(evidence={"n": "oldest"})
    await connection.execute(
        "INSERT INTO evidence (suggestion_id, digest, id, payload_hash, source_model, confidence, proposed_by, "
        "proposed_at) SELECT $1, hash, gen_random_uuid(), hash, 'cosine', 0.1, 'worker', clock_timestamp() "
        "FROM generate_series(2, $2) AS number, sha256(number::text::bytea) AS hash",
        suggestion["id"],
        REMEMBERED_LIMIT,
    )
    await rejected(api, reviewer, evidence={"n": "latest"})
    assert await connection.fetchval("SELECT cardinality(fingerprints) FROM decisions") == REMEMBERED_LIMIT
    assert await outcome_of(api, evidence={"n": "latest"}, analysis_run_id="run-2") == "suppressed"
    assert await outcome_of(api, evidence={"n": "oldest"}, analysis_run_id="run-2") == "reopened"


async def test_what_was_rejected_before_stays_remembered_after_a_second_rejection(
    api: Api, reviewer: Api
) -> None:
    suggestion = await rejected(api, reviewer, evidence={"n": 1})
    assert await outcome_of(api, evidence={"n": 2}) == "reopened"
    again = await reviewer.reject(await api.suggestion(suggestion["id"]))
    assert again.status == 200
    assert await outcome_of(api, evidence={"n": 1}, analysis_run_id="run-2") == "suppressed"


async def test_an_undone_rejection_is_forgotten(api: Api, reviewer: Api) -> None:
    suggestion = await rejected(api, reviewer)
    assert (await reviewer.undo(suggestion)).status == 200
    assert await outcome_of(api, analysis_run_id="run-2") == "evidence_added"
