"""What is refused at intake, and who counts as having proposed."""

from typing import Any

from tests.governance.api import Api, Json, proposal
from tests.governance.conftest import Connection
from tests.governance.samples import evidence_of, pending, review

from wayside_governance.domain.suggestion import REMEMBERED_LIMIT, SOURCES_LIMIT


def problems(outcomes: list[Json]) -> list[Any]:
    return [
        [(error["field"], error["code"]) for error in one["problem"]["errors"]]
        if one.get("problem")
        else one["outcome"]
        for one in outcomes
    ]


async def test_unknown_nodes_are_refused_where_the_scope_says_so(api: Api, connection: Connection) -> None:
    await api.call("PUT", "/v1/governance/settings", json={"unknown_nodes": "refuse"})
    known = {"from_node": {"label": "a"}, "to_node": {"kind": "weakness"}}
    assert problems(
        await api.propose(
            proposal(1),
            proposal(2, **known),
            proposal(3),
            proposal(4, from_node_id="nowhere", to_node={}),
            proposal(5, to_node={"label": "said, and refused with the rest"}, from_node_id="nowhere"),
            proposal(2, confidence=0.9),
        )
    ) == [
        [("/from_node_id", "unknown_node"), ("/to_node_id", "unknown_node")],
        "created",
        [("/to_node_id", "unknown_node")],
        [("/from_node_id", "unknown_node"), ("/to_node_id", "unknown_node")],
        [("/from_node_id", "unknown_node")],
        "evidence_added",
    ]
    assert await connection.fetchval("SELECT count(*) FROM nodes") == 2
    assert await api.as_("worker", scope="globex").propose(proposal()) != []
    await api.call("PUT", "/v1/governance/settings", json={})
    assert problems(await api.propose(proposal(3))) == ["created"]


async def test_who_proposed_what_was_answered_does_not_approve_it_later(
    api: Api, reviewer: Api, connection: Any
) -> None:
    suggestion = await api.suggest()
    rejected = (await reviewer.reject(suggestion)).body["suggestion"]
    again = api.as_("again")
    assert (
        problems(await again.propose(proposal(), proposal(), proposal(confidence=0.9))) == ["suppressed"] * 3
    )
    waiting = (await reviewer.undo(rejected)).body["suggestion"]
    assert waiting["suppressed_count"] == 3
    refused = await again.approve(waiting)
    assert (refused.status, refused.body["code"]) == (403, "own_proposal")
    assert [*await connection.fetchrow("SELECT proposed_by, times FROM suppressed_proposers")] == ["again", 3]
    assert (await reviewer.approve(waiting)).status == 200


def test_of_very_many_models_the_surest_count() -> None:
    suggestion = pending()
    for number in range(SOURCES_LIMIT + 10):
        suggestion = suggestion.add_evidence(evidence_of(f"m{number}", 0.6 + number / 1_000))
    maxima = suggestion.standing.maxima
    assert (len(maxima), min(maxima.values())) == (SOURCES_LIMIT, 0.61)
    assert suggestion.standing.evidence_count == SOURCES_LIMIT + 11


def test_the_latest_rejection_is_remembered_whatever_was_before() -> None:
    def fingerprints(start: int, count: int) -> frozenset[bytes]:
        return frozenset(number.to_bytes(32) for number in range(start, start + count))

    old, new = fingerprints(0, REMEMBERED_LIMIT), fingerprints(5_000, 10)
    rejected = pending().reject(review(), old)
    waiting = rejected.undo(rejected.updated_at, standing=rejected.standing, forget=frozenset())
    remembered = waiting.reject(review(), new).remembered
    assert len(remembered) == REMEMBERED_LIMIT
    assert new < remembered < new | old
