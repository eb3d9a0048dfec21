"""Taking proposals back."""

import asyncio
from typing import Any

import pytest
from tests.governance.api import SCOPE, Answer, Api, Json, proposal
from tests.governance.conftest import EventLog
from tests.governance.test_proposing_over_nats import propose

from wayside_events.bus import Bus, RequestRefused
from wayside_events.contracts.governance import WITHDRAW_SUBJECT, WithdrawAsRequest, WithdrawManyReply


async def withdraw(api: Api, suggestion: Json, **fields: Any) -> Answer:
    return await api.post(f"/v1/suggestions/{suggestion['id']}/withdraw", fields)


async def withdraw_many(api: Api, **fields: Any) -> list[Json]:
    answer = await api.post("/v1/suggestions/withdraw", {"scope": SCOPE, **fields})
    assert answer.status == 200, answer
    return [
        {"outcome": one["outcome"], "code": one.get("problem", {}).get("code")}
        for one in answer.body["outcomes"]
    ]


async def withdraw_as(bus: Bus, **fields: Any) -> WithdrawManyReply:
    request = WithdrawAsRequest.model_construct(**{"scope": SCOPE, "proposed_by": "worker", **fields})
    return await bus.request(WITHDRAW_SUBJECT, request, WithdrawManyReply)


async def test_who_proposed_takes_back_and_proposes_anew(api: Api, log: EventLog) -> None:
    suggestion = await api.suggest()
    answer = await withdraw(api, suggestion, note="a wrong run")
    assert answer.status == 200, answer
    assert (answer.body["suggestion"]["status"], answer.body["suggestion"]["revision"]) == ("withdrawn", 2)
    [decision] = (await api.suggestion(suggestion["id"]))["decisions"]
    assert (decision["verdict"], decision["reviewed_by"], decision["note"]) == (
        "withdraw",
        "worker",
        "a wrong run",
    )
    [outcome] = await api.propose(proposal())
    assert outcome["outcome"] == "reopened"
    assert await log.has(3, suggestion["id"])
    assert log.types() == [
        "edges.suggestion.created",
        "edges.suggestion.expired",
        "edges.suggestion.reopened",
    ]


async def test_nobody_else_takes_a_proposal_back(api: Api) -> None:
    suggestion = await api.suggest()
    other = api.as_("other", "runner")
    refused = await withdraw(other, suggestion)
    assert (refused.status, refused.body["code"]) == (403, "not_own_proposal")
    await other.propose(proposal())
    for one in (api, other):
        shared = await withdraw(one, suggestion)
        assert (shared.status, shared.body["code"]) == (409, "proposed_by_others")
        assert shared.body["current"]["revision"] == 2
    stranger = await withdraw(api.as_("worker", scope="globex"), suggestion)
    assert (stranger.status, stranger.body["code"]) == (404, "suggestion_not_found")
    assert (await withdraw(api.as_("worker", "viewer"), suggestion)).status == 403


async def test_only_what_waits_as_it_was_seen_is_taken_back(api: Api, reviewer: Api) -> None:
    suggestion = await api.suggest()
    assert (await withdraw(api, suggestion, revision=2)).body["code"] == "stale_revision"
    await reviewer.approve(suggestion)
    decided = await withdraw(api, suggestion)
    assert (decided.status, decided.body["code"]) == (409, "illegal_transition")


async def test_an_expected_answer_is_given_twice(api: Api) -> None:
    suggestion = await api.suggest()
    path, headers = f"/v1/suggestions/{suggestion['id']}/withdraw", {"Idempotency-Key": "once"}
    first, second = [await api.call("POST", path, json={}, headers=headers) for _ in range(2)]
    assert (first.status, second.status) == (200, 200)
    assert first.body == second.body


async def test_many_are_answered_one_by_one(api: Api, reviewer: Api) -> None:
    mine, decided = await api.suggest(1), await api.suggest(2)
    foreign = await api.as_("other", "runner").propose(proposal(3))
    await reviewer.reject(decided)
    nowhere = "01890000-0000-7000-8000-000000000000"
    ids = [mine["id"], decided["id"], foreign[0]["suggestion_id"], nowhere, mine["id"]]
    assert await withdraw_many(api, suggestion_ids=ids) == [
        {"outcome": "withdrawn", "code": None},
        {"outcome": "refused", "code": "illegal_transition"},
        {"outcome": "refused", "code": "not_own_proposal"},
        {"outcome": "refused", "code": "suggestion_not_found"},
    ]


async def test_of_a_run_is_taken_back_what_rests_on_it_alone(api: Api, bus: Bus) -> None:
    run = "run-7"
    await api.propose(*[proposal(number, analysis_run_id=run) for number in range(4)])
    await api.propose(proposal(0, analysis_run_id="run-8"))
    await api.as_("other", "runner").propose(proposal(1, analysis_run_id=run))
    reply = await withdraw_as(bus, analysis_run_id=run)
    assert reply.next_page is None
    problems = [one.problem.code if one.problem else one.outcome for one in reply.outcomes]
    assert sorted(problems) == ["proposed_by_others", "proposed_by_others", "withdrawn", "withdrawn"]
    with pytest.raises(RequestRefused, match="not both"):
        await withdraw_as(bus)


async def test_a_large_run_is_taken_back_page_by_page(api: Api, bus: Bus) -> None:
    await api.propose(*[proposal(number, analysis_run_id="large") for number in range(501)])
    first = await withdraw_as(bus, analysis_run_id="large")
    assert (len(first.outcomes), first.next_page) == (500, first.outcomes[-1].suggestion_id)
    last = await withdraw_as(bus, analysis_run_id="large", page=first.next_page)
    assert (len(last.outcomes), last.next_page) == (1, None)


async def test_a_job_takes_back_for_whom_it_ran(api: Api, bus: Bus) -> None:
    reply = await propose(bus, proposal(1), proposed_by="runner-1", on_behalf_of="ada")
    suggestion = await api.suggestion(str(reply.outcomes[0].suggestion_id))
    assert suggestion["all_evidence"][0]["on_behalf_of"] == "ada"
    for name in ("ada", "runner-1"):
        refused = await api.as_(name, "reviewer").approve(suggestion)
        assert (refused.status, refused.body["code"]) == (403, "own_proposal")
    cards = await api.as_("ada", "reviewer").post("/v1/suggestions/claims", {"scope": SCOPE})
    assert (cards.status, cards.body["items"]) == (200, [])
    assert (await withdraw(api.as_("ada", "runner"), suggestion)).status == 200


async def test_withdrawing_and_approving_at_once_gives_one_of_both(api: Api, reviewer: Api) -> None:
    suggestion = await api.suggest()
    withdrawn, approved = await asyncio.gather(withdraw(api, suggestion), reviewer.approve(suggestion))
    assert sorted((withdrawn.status, approved.status)) == [200, 409]
