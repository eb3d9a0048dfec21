"""Review sessions: claiming, keeping and giving back cards."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from tests.governance.api import SCOPE, Api, Json, proposal
from tests.governance.conftest import Connection, StartInstance

CLAIMS = "/v1/suggestions/claims"


async def claim(reviewer: Api, count: int = 10, **fields: Any) -> Json:
    answer = await reviewer.post(CLAIMS, {"scope": SCOPE, "count": count, "order": "newest", **fields})
    assert answer.status == 200, answer
    body: Json = answer.body
    return body


def cards(batch: Json) -> list[str]:
    return [card["id"] for card in batch["items"]]


async def expire(connection: Connection) -> None:
    """Let the time of all leases be over."""
    await connection.execute("UPDATE review_leases SET expires_at = expires_at - interval '2 hours'")


@pytest.fixture
def otto(api: Api) -> Api:
    return api.as_("otto", "reviewer")


async def test_a_card_shows_what_is_needed_to_decide_it(api: Api, reviewer: Api) -> None:
    nodes = {"from_node": {"label": "XSS", "content": "text"}, "to_node": {"kind": "weakness"}}
    await api.propose(proposal(1, **nodes, reasoning="because"), proposal(1, source_model="llm"))
    [card] = (await claim(reviewer))["items"]
    assert (card["from_node"]["label"], card["from_node"]["content"]) == ("XSS", "text")
    assert (card["to_node"]["kind"], card["reasoning"]) == ("weakness", "because")
    assert card["evidence"] == proposal()["evidence"]
    assert [piece["source_model"] for piece in card["all_evidence"]] == ["tfidf", "llm"]
    assert (card["revision"], card["decisions"]) == (2, [])


async def test_what_one_reviewer_has_is_hidden_from_others_and_said(
    api: Api, reviewer: Api, otto: Api
) -> None:
    await api.propose(*map(proposal, range(5)))
    mine = await claim(reviewer, 3)
    theirs = await claim(otto, 10)
    assert (len(cards(mine)), mine["held_by_others"], mine["remaining"]) == (3, 0, 2)
    assert not set(cards(mine)) & set(cards(theirs))
    nothing = await claim(api.as_("nora", "reviewer"))
    assert (nothing["items"], nothing["claim_id"]) == ([], None)
    assert (nothing["held_by_others"], nothing["remaining"]) == (5, 0)


async def test_a_decision_ends_the_lease_and_its_time_is_taken(
    api: Api, reviewer: Api, otto: Api, connection: Connection
) -> None:
    await api.propose(*map(proposal, range(3)))
    one, two, three = (await claim(reviewer))["items"]
    await connection.execute("UPDATE review_leases SET leased_at = leased_at - interval '60 seconds'")
    await connection.execute("UPDATE review_claims SET touched_at = touched_at - interval '60 seconds'")
    first = (await reviewer.approve(one)).body["decision"]["time_taken_seconds"]
    second = (await reviewer.reject(two)).body["decision"]["time_taken_seconds"]
    said = (await reviewer.reject(three, time_taken_seconds=7.5)).body["decision"]["time_taken_seconds"]
    assert 60 <= first < 90
    assert 0 <= second < 30
    assert said == 7.5
    assert await connection.fetchval("SELECT count(*) FROM review_leases") == 0


async def test_somebody_else_may_decide_a_card_that_is_held_and_its_holder_is_told(
    api: Api, reviewer: Api, otto: Api
) -> None:
    await api.propose(proposal())
    [card] = (await claim(reviewer))["items"]
    answer = await otto.approve(card)
    assert (answer.status, answer.body["decision"].get("time_taken_seconds")) == (200, None)
    assert (await reviewer.reject(card)).status == 409
    assert (await claim(otto))["held_by_others"] == 0


async def test_cards_of_who_vanishes_come_back_by_time(
    api: Api, reviewer: Api, otto: Api, connection: Connection
) -> None:
    await api.propose(*map(proposal, range(3)))
    gone = await claim(reviewer)
    assert cards(await claim(otto)) == []
    await expire(connection)
    batch = await claim(otto)
    assert set(cards(batch)) == set(cards(gone))
    assert (await reviewer.get(f"{CLAIMS}/{gone['claim_id']}")).body["items"] == []


async def test_renewing_keeps_cards_even_late_but_none_that_another_was_given(
    api: Api, reviewer: Api, otto: Api, connection: Connection
) -> None:
    await api.propose(*map(proposal, range(3)))
    batch = await claim(reviewer, ttl_seconds=10)
    await expire(connection)
    [taken] = cards(await claim(otto, 1))
    kept = await reviewer.post(f"{CLAIMS}/{batch['claim_id']}/renew", {"ttl_seconds": 900})
    assert {card["suggestion_id"] for card in kept.body["cards"]} == set(cards(batch)) - {taken}
    assert all(card["expires_at"] > batch["expires_at"] for card in kept.body["cards"])


async def test_released_cards_are_offered_again_and_skipped_ones_to_others_only(
    api: Api, reviewer: Api, otto: Api
) -> None:
    await api.propose(*map(proposal, range(4)))
    batch = await claim(reviewer)
    one, two, *rest = cards(batch)
    path = f"{CLAIMS}/{batch['claim_id']}"
    skipped = await reviewer.post(f"{path}/skip", {"suggestion_ids": [one]})
    assert [card["suggestion_id"] for card in skipped.body["cards"]] == [two, *rest]
    assert len((await reviewer.post(f"{path}/release", {"suggestion_ids": [two]})).body["cards"]) == 2
    assert (await reviewer.post(f"{path}/release", {})).body["cards"] == []
    assert set(cards(await claim(reviewer))) == {two, *rest}
    assert cards(await claim(otto)) == [one]


async def test_nobody_is_offered_what_they_proposed_or_endorsed(api: Api, reviewer: Api) -> None:
    await api.propose(proposal(1))
    assert (await claim(api))["items"] == []
    await api.call(
        "PUT",
        f"/v1/relationship-types/relates_to?scope={SCOPE}",
        json={"is_functional": False, "required_approvals": 2},
    )
    [card] = (await claim(reviewer))["items"]
    assert (await reviewer.approve(card)).body["suggestion"]["status"] == "pending"
    assert (await claim(reviewer))["items"] == []
    assert len((await claim(api.as_("otto", "reviewer")))["items"]) == 1


async def test_who_proposed_again_what_was_answered_is_not_offered_it_when_it_waits_again(
    api: Api, reviewer: Api
) -> None:
    otto = api.as_("otto")
    shown = await api.suggest()
    await reviewer.reject(shown)
    await otto.propose(proposal())
    undone = await reviewer.undo(await api.suggestion(shown["id"]))
    assert undone.body["suggestion"]["status"] == "pending"
    batch = await claim(otto)
    assert (batch["items"], batch["remaining"]) == ([], 0)
    assert cards(await claim(reviewer)) == [shown["id"]]


async def test_a_claim_is_shown_again_to_who_made_it_and_to_nobody_else(
    api: Api, reviewer: Api, otto: Api
) -> None:
    await api.propose(*map(proposal, range(3)))
    batch = await claim(reviewer)
    path = f"{CLAIMS}/{batch['claim_id']}"
    assert cards((await reviewer.get(path)).body) == cards(batch)
    listed = (await reviewer.get(CLAIMS)).body["items"]
    assert [one["claim_id"] for one in listed] == [batch["claim_id"]]
    assert (await otto.get(CLAIMS)).body["items"] == []
    for answer in (await otto.get(path), await otto.post(f"{path}/release", {})):
        assert (answer.status, answer.body["code"]) == (404, "claim_not_found")
    elsewhere = api.as_("rita", "reviewer", scope="globex")
    assert (await elsewhere.get(path)).status == 404


async def test_a_claim_that_is_sent_twice_is_one_claim(api: Api, reviewer: Api) -> None:
    await api.propose(*map(proposal, range(6)))
    body = {"scope": SCOPE, "count": 2}
    options: dict[str, Any] = {"json": body, "headers": {"Idempotency-Key": "k"}}
    first, again = [await reviewer.call("POST", CLAIMS, **options) for _ in range(2)]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (again.body["claim_id"], cards(again.body)) == (first.body["claim_id"], cards(first.body))
    options["json"] = {**body, "count": 3}
    assert (await reviewer.call("POST", CLAIMS, **options)).status == 409


async def test_a_viewer_claims_nothing_and_one_reviewer_not_all(api: Api, reviewer: Api) -> None:
    body = {"scope": SCOPE, "count": 100}
    assert (await api.as_("vera", "viewer").post(CLAIMS, body)).status == 403
    assert (await reviewer.post(CLAIMS, {**body, "count": 101})).status == 422
    assert (await reviewer.post(CLAIMS, {**body, "scope": "globex"})).status == 403
    await api.propose(*map(proposal, range(501)))
    for _ in range(5):
        await claim(reviewer, 100)
    answer = await reviewer.post(CLAIMS, body)
    assert (answer.status, answer.body["code"]) == (409, "too_many_held")


async def test_filters_say_which_cards_are_wanted(api: Api, reviewer: Api) -> None:
    await api.propose(
        proposal(1, relationship_type="one", confidence=0.9, analysis_run_id="run-1"),
        proposal(2, confidence=0.8, source_model="llm"),
        proposal(3, confidence=0.2, from_node_id="CWE-1"),
    )
    for wanted, number in (
        ({"relationship_type": "one"}, 1),
        ({"analysis_run_id": "run-1"}, 1),
        ({"source_model": "llm"}, 2),
        ({"node_id": "CWE-1"}, 3),
        ({"to_node_id": "CWE-1003"}, 3),
        ({"max_confidence": 0.5}, 3),
    ):
        batch = await claim(reviewer, filter=wanted)
        assert [card["to_node_id"] for card in batch["items"]] == [f"CWE-{1000 + number}"]
        await reviewer.post(f"{CLAIMS}/{batch['claim_id']}/release", {})


async def test_reviewers_of_two_instances_never_see_the_same_card(
    api: Api, start_instance: StartInstance
) -> None:
    await api.propose(*(proposal(number, confidence=number / 400) for number in range(400)))
    other = await start_instance()
    orders = ("uncertain", "newest", "confidence", "impact")
    reviewers = [(api, other)[number % 2].as_(f"r{number}", "reviewer") for number in range(16)]
    batches = await asyncio.gather(
        *(claim(one, 25, order=orders[number % 4]) for number, one in enumerate(reviewers))
    )
    # Who lost too many races for cards got fewer; what is left is there for whoever asks next.
    batches.append(await claim(other.as_("late", "reviewer"), 25))
    seen = Counter(card for batch in batches for card in cards(batch))
    assert max(seen.values()) == 1
    assert sum(seen.values()) == 400


async def test_claiming_deciding_and_giving_back_at_once_loses_no_card_and_doubles_none(
    api: Api, start_instance: StartInstance, connection: Connection
) -> None:
    await api.propose(*map(proposal, range(120)))
    other = await start_instance()

    async def review(number: int) -> int:
        reviewer, decided = (api, other)[number % 2].as_(f"r{number}", "reviewer"), 0
        while (batch := await claim(reviewer, 7, order="uncertain"))["items"]:
            path = f"{CLAIMS}/{batch['claim_id']}"
            first, *rest = batch["items"]
            await asyncio.gather(
                reviewer.post(f"{path}/renew", {}),
                *(reviewer.approve(card) for card in rest),
                reviewer.reject(first),
            )
            decided += len(batch["items"])
        return decided

    decided = await asyncio.gather(*map(review, range(8)))
    rows = await connection.fetch("SELECT suggestion_id, count(*) FROM decisions GROUP BY 1")
    assert (sum(decided), len(rows)) == (120, 120)
    assert {row["count"] for row in rows} == {1}
    assert await connection.fetchval("SELECT count(*) FROM review_leases") == 0
