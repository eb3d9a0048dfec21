"""Decisions over HTTP: approve, reject, undo."""

import asyncio

from tests.governance.api import Api, proposal
from tests.governance.conftest import EventLog, StartInstance


async def test_approving_makes_the_edge(api: Api, reviewer: Api) -> None:
    suggestion = await api.suggest(confidence=0.75, strength=0.5)
    answer = await reviewer.approve(suggestion, note="clear", time_taken_seconds=4.5)
    assert answer.status == 200
    [edge] = (await reviewer.get("/v1/edges", node_id="CWE-79")).body["items"]
    assert edge["id"] == answer.body["suggestion"]["edge_id"]
    assert (edge["status"], edge["confidence"], edge["strength"]) == ("approved", 0.75, 0.5)
    assert (edge["suggestion_id"], edge["created_by"]) == (suggestion["id"], "rita")


async def test_approval_and_edge_are_announced_once(api: Api, reviewer: Api, log: EventLog) -> None:
    answer = await reviewer.approve(await api.suggest())
    suggestion = answer.body["suggestion"]
    assert await log.has(3)
    assert log.types(suggestion["id"]) == ["edges.suggestion.created", "edges.suggestion.approved"]
    assert log.types(suggestion["edge_id"]) == ["edges.edge.created"]


async def test_a_decision_keeps_what_was_shown(api: Api, reviewer: Api) -> None:
    suggestion = await api.suggest(confidence=0.75)
    await reviewer.approve(suggestion, reason_code="in_catalogue", note="clear", time_taken_seconds=4.5)
    [decision] = (await api.suggestion(suggestion["id"]))["decisions"]
    assert (decision["verdict"], decision["reviewed_by"]) == ("approve", "rita")
    assert (decision["confidence_shown"], decision["evidence_shown"]) == (0.75, 1)
    assert (decision["reason_code"], decision["note"]) == ("in_catalogue", "clear")
    assert decision["time_taken_seconds"] == 4.5


async def test_of_two_reviewers_on_one_card_exactly_one_wins(
    api: Api, start_instance: StartInstance, log: EventLog
) -> None:
    other = await start_instance()
    suggestion = await api.suggest()
    answers = await asyncio.gather(
        api.as_("rita", "reviewer").approve(suggestion), other.as_("rob", "reviewer").reject(suggestion)
    )
    winner, loser = sorted(answers, key=lambda answer: answer.status)
    assert (winner.status, loser.status, loser.body["code"]) == (200, 409, "stale_revision")
    assert loser.body["current"]["status"] == winner.body["suggestion"]["status"]
    assert loser.body["current"]["revision"] == 2
    assert len((await api.suggestion(suggestion["id"]))["decisions"]) == 1
    assert await log.has(3 if winner.body["suggestion"]["status"] == "approved" else 2)


async def test_a_decision_made_before_new_evidence_came_is_stale(api: Api, reviewer: Api) -> None:
    suggestion = await api.suggest()
    await api.propose(proposal(source_model="llm", confidence=0.9))
    answer = await reviewer.approve(suggestion)
    assert (answer.status, answer.body["code"]) == (409, "stale_revision")
    assert answer.body["current"]["evidence_count"] == 2


async def test_approving_twice_is_a_conflict_that_shows_the_edge(api: Api, reviewer: Api) -> None:
    approved = (await reviewer.approve(await api.suggest())).body["suggestion"]
    again = await reviewer.approve(approved)
    assert (again.status, again.body["code"]) == (409, "illegal_transition")
    assert again.body["current"]["edge_id"] == approved["edge_id"]


async def test_who_proposed_never_approves_whatever_their_role(api: Api) -> None:
    suggestion = await api.suggest()
    answer = await api.approve(suggestion)
    assert (answer.status, answer.body["code"]) == (403, "own_proposal")
    assert (await api.suggestion(suggestion["id"]))["status"] == "pending"


async def test_who_proposed_part_of_the_evidence_never_approves(api: Api, reviewer: Api) -> None:
    await api.suggest()
    suggestion = await api.as_("rita").suggest(source_model="llm")
    answer = await reviewer.approve(suggestion)
    assert (answer.status, answer.body["code"]) == (403, "own_proposal")


async def test_who_repeated_a_proposal_word_for_word_proposed_it_too(api: Api, reviewer: Api) -> None:
    await api.suggest()
    suggestion = await api.as_("rita").suggest()
    assert suggestion["evidence_count"] == 2
    answer = await reviewer.approve(suggestion)
    assert (answer.status, answer.body["code"]) == (403, "own_proposal")


async def test_who_proposed_may_reject(api: Api) -> None:
    assert (await api.reject(await api.suggest())).status == 200


async def test_a_rejection_needs_a_known_reason(api: Api, reviewer: Api) -> None:
    suggestion = await api.suggest()
    for answer in (await reviewer.decide("reject", suggestion), await reviewer.reject(suggestion, "because")):
        assert (answer.status, answer.body["code"]) == (422, "unknown_reason_code")
        assert answer.body["errors"][0]["field"] == "/reason_code"
        assert "wrong_direction" in answer.body["errors"][0]["message"]


async def test_a_rejection_is_announced_with_its_reason(api: Api, reviewer: Api, log: EventLog) -> None:
    answer = await reviewer.reject(await api.suggest(), "wrong_direction", note="other way round")
    assert answer.body["suggestion"]["status"] == "rejected"
    assert await log.has(2)
    said = log.events[-1].data.model_dump()
    assert (said["reason_code"], said["note"], said["reviewed_by"]) == (
        "wrong_direction",
        "other way round",
        "rita",
    )


async def test_undoing_an_approval_retracts_the_edge(api: Api, reviewer: Api, log: EventLog) -> None:
    approved = (await reviewer.approve(await api.suggest())).body["suggestion"]
    answer = await api.as_("rob", "reviewer").undo(approved, note="hasty")
    assert (answer.status, answer.body["suggestion"]["status"]) == (200, "pending")
    assert answer.body["suggestion"].get("edge_id") is None
    assert (await api.get("/v1/edges")).body["items"] == []
    assert await log.has(5)
    assert log.types(approved["edge_id"]) == ["edges.edge.created", "edges.edge.removed"]
    assert log.types(approved["id"])[-1] == "edges.suggestion.reopened"


async def test_after_an_undo_the_claim_can_be_approved_again(api: Api, reviewer: Api) -> None:
    approved = (await reviewer.approve(await api.suggest())).body["suggestion"]
    waiting = (await reviewer.undo(approved)).body["suggestion"]
    again = (await reviewer.approve(waiting)).body["suggestion"]
    assert again["edge_id"] != approved["edge_id"]
    verdicts = [one["verdict"] for one in (await api.suggestion(approved["id"]))["decisions"]]
    assert verdicts == ["approve", "undo", "approve"]


async def test_an_undone_decision_cannot_be_undone(api: Api, reviewer: Api) -> None:
    rejected = (await reviewer.reject(await api.suggest())).body["suggestion"]
    waiting = (await reviewer.undo(rejected)).body["suggestion"]
    answer = await reviewer.undo(waiting)
    assert (answer.status, answer.body["code"]) == (409, "illegal_transition")


async def test_evidence_that_came_after_an_approval_counts_once_it_is_undone(api: Api, reviewer: Api) -> None:
    approved = (await reviewer.approve(await api.suggest(confidence=0.5))).body["suggestion"]
    [late] = await api.propose(proposal(source_model="llm", confidence=0.6))
    assert (late["outcome"], late["revision"]) == ("decided", approved["revision"])
    assert (await api.suggestion(approved["id"]))["evidence_count"] == 1
    waiting = (await reviewer.undo(approved)).body["suggestion"]
    assert (waiting["evidence_count"], waiting["confidence"]) == (2, 0.8)
