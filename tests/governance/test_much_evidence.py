"""A claim that has been proposed very often, or with evidence that is large once it is stored."""

from typing import Any

from tests.governance.api import Api, proposal

from wayside_events.contracts.governance import ALL_EVIDENCE_LIMIT

MORE = ALL_EVIDENCE_LIMIT + 20


async def propose_often(api: Api) -> dict[str, Any]:
    """Evidence of as many runs; the strongest is the first."""
    runs = (proposal(analysis_run_id=f"run-{run}", evidence={"run": run}) for run in range(1, MORE))
    strongest = proposal(analysis_run_id="run-0", confidence=0.75, evidence={"run": 0})
    outcomes = await api.propose(strongest, *runs)
    return await api.suggestion(outcomes[0]["suggestion_id"])


async def test_the_latest_evidence_is_shown_and_the_strongest_always(api: Api) -> None:
    suggestion = await propose_often(api)
    runs = [one["analysis_run_id"] for one in suggestion["all_evidence"]]
    assert runs == [f"run-{run}" for run in range(MORE - ALL_EVIDENCE_LIMIT, MORE)]
    assert (suggestion["evidence_count"], suggestion["evidence"]) == (MORE, {"run": 0})


async def test_an_undo_counts_the_evidence_that_is_not_shown_too(api: Api, reviewer: Api) -> None:
    approved = (await reviewer.approve(await propose_often(api))).body["suggestion"]
    waiting = (await reviewer.undo(approved)).body["suggestion"]
    assert (waiting["evidence_count"], waiting["confidence"]) == (MORE, 0.75)


async def test_evidence_takes_no_more_room_than_it_came_in(api: Api, connection: Any) -> None:
    suggestion = await api.suggest(evidence={"huge": [1e308] * 100})
    assert await connection.fetchval("SELECT octet_length(payload::text) FROM evidence") < 1_000
    assert suggestion["evidence"] == {"huge": [1e308] * 100}
