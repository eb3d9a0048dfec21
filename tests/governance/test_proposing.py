"""Proposing over HTTP: what becomes of each proposal, and what is told of it."""

import asyncio
from typing import Any

import orjson
import pytest
from tests.governance.api import SCOPE, Api, proposal
from tests.governance.conftest import EventLog

from wayside_governance.routes import lines as lines_of_bodies

LINES = {"Content-Type": "application/x-ndjson"}


def outcomes_of(outcomes: list[dict[str, Any]]) -> list[str]:
    return [outcome["outcome"] for outcome in outcomes]


async def test_a_new_claim_becomes_a_pending_suggestion(api: Api) -> None:
    suggestion = await api.suggest(1, reasoning="share: script", analysis_run_id="run-1")
    assert suggestion["status"] == "pending"
    assert suggestion["revision"] == 1
    assert suggestion["evidence"] == {"shared": ["script", "markup"]}
    assert suggestion["reasoning"] == "share: script"
    assert suggestion["proposed_by"] == "worker"
    assert len(suggestion["all_evidence"]) == 1


async def test_an_invalid_proposal_blocks_no_other(api: Api) -> None:
    outcomes = await api.propose(
        proposal(1), proposal(2, confidence=7), 5, proposal(3, reasoning="\0"), proposal(4)
    )
    assert outcomes_of(outcomes) == ["created", "invalid", "invalid", "invalid", "created"]
    assert outcomes[1]["problem"]["code"] == "invalid_proposal"
    assert outcomes[1]["problem"]["errors"][0]["field"] == "/confidence"


async def test_identical_evidence_of_the_same_run_changes_nothing(api: Api, log: EventLog) -> None:
    first = await api.propose(proposal(analysis_run_id="run-1"))
    assert outcomes_of(await api.propose(proposal(analysis_run_id="run-1"))) == ["repeated"]
    suggestion = await api.suggestion(first[0]["suggestion_id"])
    assert (suggestion["revision"], suggestion["evidence_count"]) == (1, 1)
    assert await log.has(1)


async def test_another_run_adds_evidence_but_no_confidence(api: Api, log: EventLog) -> None:
    await api.propose(proposal(confidence=0.5, analysis_run_id="run-1"))
    [outcome] = await api.propose(proposal(confidence=0.5, analysis_run_id="run-2"))
    assert outcome["outcome"] == "evidence_added"
    suggestion = await api.suggestion(outcome["suggestion_id"])
    assert (suggestion["revision"], suggestion["evidence_count"], suggestion["confidence"]) == (2, 2, 0.5)
    assert await log.has(2)
    assert log.types() == ["edges.suggestion.created", "edges.suggestion.updated"]


async def test_independent_models_combine_and_the_strongest_is_shown(api: Api) -> None:
    await api.propose(proposal(source_model="tfidf", confidence=0.5))
    [outcome] = await api.propose(
        proposal(source_model="llm", confidence=0.6, reasoning="both are injection")
    )
    suggestion = await api.suggestion(outcome["suggestion_id"])
    assert suggestion["confidence"] == pytest.approx(0.8)
    assert (suggestion["source_model"], suggestion["reasoning"]) == ("llm", "both are injection")


async def test_the_same_claim_twice_in_a_batch_is_one_suggestion(api: Api, log: EventLog) -> None:
    outcomes = await api.propose(
        proposal(source_model="a"), proposal(source_model="b"), proposal(source_model="a")
    )
    assert outcomes_of(outcomes) == ["created", "evidence_added", "repeated"]
    assert len({outcome["suggestion_id"] for outcome in outcomes}) == 1
    assert [outcome["revision"] for outcome in outcomes] == [1, 2, 2]
    assert await log.has(2)


async def test_every_event_says_what_the_row_says(api: Api, log: EventLog) -> None:
    suggestion = await api.suggest(strength=0.25, analysis_run_id="run-1")
    assert await log.has(1)
    [event] = log.events
    said = event.data.model_dump(mode="json")
    assert event.revision == suggestion["revision"]
    assert {name: said[name] for name in said.keys() & suggestion.keys()} == {
        name: suggestion[name] for name in said.keys() & suggestion.keys()
    }


async def test_a_trace_goes_on_into_the_events(api: Api, log: EventLog) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    await api.call(
        "POST",
        "/v1/suggestions",
        json={"scope": SCOPE, **proposal()},
        headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"},
    )
    assert await log.has(1)
    assert trace_id in (log.events[0].traceparent or "")


async def test_one_proposal_needs_no_list(api: Api) -> None:
    answer = await api.post("/v1/suggestions", {"scope": SCOPE, **proposal()})
    assert outcomes_of(answer.body["outcomes"]) == ["created"]


async def test_a_single_invalid_proposal_is_a_problem(api: Api) -> None:
    answer = await api.post("/v1/suggestions", {"scope": SCOPE, **proposal(to_node={"label": 5})})
    assert (answer.status, answer.body["code"]) == (422, "invalid_input")
    assert answer.body["errors"][0]["field"] == "/to_node/label"


async def test_content_of_nodes_is_kept_and_what_is_not_said_stays(api: Api) -> None:
    await api.propose(proposal(1, from_node={"label": "XSS", "content": "Improper …"}))
    await api.propose(proposal(2, from_node={"kind": "weakness"}))
    node = (await api.get("/v1/nodes/CWE-79")).body
    assert (node["label"], node["kind"], node["content"]) == ("XSS", "weakness", "Improper …")


async def test_a_stream_of_lines_is_answered_line_by_line(api: Api) -> None:
    lines = [orjson.dumps(proposal(number)) for number in range(2_500)]
    lines[7] = b"{"
    lines[1_500] = orjson.dumps(proposal(1, confidence=2))
    answer = await api.call(
        "POST", f"/v1/suggestions?scope={SCOPE}", data=b"\n".join(lines) + b"\n", headers=LINES
    )
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    outcomes = [orjson.loads(line) for line in answer.body.splitlines()]
    assert len(outcomes) == 2_500
    assert {index for index, one in enumerate(outcomes) if one["outcome"] != "created"} == {7, 1_500}
    assert outcomes[7]["problem"]["code"] == "malformed_json"


async def test_a_stream_is_stored_while_it_still_comes(api: Api) -> None:
    async def lines() -> Any:
        for number in range(1_000):
            yield orjson.dumps(proposal(number)) + b"\n"
        while not (await api.get("/v1/suggestions", limit=1)).body["items"]:
            await asyncio.sleep(0.01)
        yield orjson.dumps(proposal(1_000)) + b"\n"

    answer = await api.call("POST", "/v1/suggestions", data=lines(), headers=LINES)
    assert answer.body.count('"created"') == 1_001


async def test_a_stream_ends_where_its_answer_would_grow_without_bound(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_of_bodies, "ANSWER_LIMIT_BYTES", 50_000)
    answer = await api.call("POST", "/v1/suggestions", data=b"1\n" * 5_000, headers=LINES)
    *outcomes, last = map(orjson.loads, answer.body.splitlines())
    assert (len(outcomes), last["problem"]["code"]) == (1_000, "too_large")


async def test_a_stream_that_cannot_be_decoded_is_a_problem(api: Api) -> None:
    headers = {**LINES, "Content-Encoding": "gzip"}
    answer = await api.call("POST", "/v1/suggestions", data=b"no gzip at all", headers=headers)
    assert (answer.status, answer.body["code"]) == (400, "bad_request")


async def test_one_that_the_database_refuses_costs_few_transactions(api: Api, connection: Any) -> None:
    await connection.execute(
        "CREATE SEQUENCE attempts; CREATE FUNCTION count_attempt() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM nextval('attempts'); RETURN NULL; END $$;"
        "CREATE TRIGGER attempts BEFORE INSERT ON suggestions EXECUTE FUNCTION count_attempt();"
        "ALTER TABLE evidence ADD CONSTRAINT no_poison CHECK (reasoning IS DISTINCT FROM 'poison')"
    )
    batch = [proposal(number) for number in range(256)]
    batch[100]["reasoning"] = "poison"
    outcomes = outcomes_of(await api.propose(*batch))
    assert {index for index, outcome in enumerate(outcomes) if outcome != "created"} == {100}
    assert await connection.fetchval("SELECT last_value FROM attempts") <= 2 * 8 + 1


async def test_what_the_database_refuses_is_refused_alone(api: Api, connection: Any) -> None:
    await connection.execute(
        "ALTER TABLE evidence ADD CONSTRAINT no_poison CHECK (reasoning IS DISTINCT FROM 'poison')"
    )
    outcomes = await api.propose(proposal(1), proposal(2, reasoning="poison"), proposal(3))
    assert outcomes_of(outcomes) == ["created", "invalid", "created"]
    assert outcomes[1]["problem"]["code"] == "not_storable"
