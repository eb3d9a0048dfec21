"""The orders in which cards are given to reviewers."""

import random
from typing import Any

from tests.governance.api import Api, Json, proposal
from tests.governance.conftest import Connection
from tests.governance.test_review_sessions import CLAIMS, claim

from wayside_events.contracts.governance import ReviewOrder
from wayside_governance.domain.reviews import Candidate, bands, drawn_by_chance, mixed


def confidences(batch: Json) -> list[float]:
    return [card["confidence"] for card in batch["items"] if not card["by_chance"]]


async def propose(api: Api, *confidences: float, **fields: Any) -> None:
    await api.propose(*(proposal(round(one * 1_000), confidence=one, **fields) for one in confidences))


async def test_the_surest_come_first_or_the_youngest(api: Api, reviewer: Api) -> None:
    for confidence in (0.4, 0.9, 0.6):
        await propose(api, confidence)
    batch = await claim(reviewer, order="confidence")
    assert confidences(batch) == [0.9, 0.6, 0.4]
    await reviewer.post(f"{CLAIMS}/{batch['claim_id']}/release", {})
    assert confidences(await claim(reviewer, order="newest")) == [0.6, 0.9, 0.4]


async def test_the_uncertain_are_nearest_to_a_half_where_nobody_judged(api: Api, reviewer: Api) -> None:
    await propose(api, 0.05, 0.2, 0.42, 0.5, 0.55, 0.8, 0.95)
    batch = await claim(reviewer, 7, order="uncertain")
    ordered = sorted(confidences(batch), key=lambda one: round(abs(one - 0.5), 9))
    assert confidences(batch) == ordered


async def test_the_uncertain_are_nearest_to_the_boundary_that_people_drew(
    api: Api, reviewer: Api, connection: Connection
) -> None:
    await connection.execute(
        "INSERT INTO judgements SELECT gen_random_uuid(), '', 'acme', 'relates_to', n / 100.0, n > 80, now(), 1 "
        "FROM generate_series(1, 100) AS n"
    )
    await propose(api, 0.1, 0.4, 0.5, 0.7, 0.95)
    await propose(api, 0.51, relationship_type="unjudged")
    batch = await claim(reviewer, order="uncertain")
    expected = [0.51, 0.7, 0.95, 0.5, 0.4, 0.1]
    assert confidences(batch) == [one for one in expected if one in confidences(batch)]
    assert len(batch["items"]) == 6


async def test_impact_is_how_many_edges_the_nodes_have(api: Api, reviewer: Api) -> None:
    for number in range(3):
        edge = await api.suggest(number, from_node_id="hub", to_node_id=f"n{number}")
        await reviewer.approve(edge)
    await api.propose(
        proposal(7, confidence=0.9),
        proposal(8, to_node_id="hub", confidence=0.3),
        proposal(9, from_node_id="n0", confidence=0.5),
    )
    assert confidences(await claim(reviewer, order="impact")) == [0.3, 0.5, 0.9]


async def test_one_in_ten_uncertain_cards_is_drawn_from_anywhere(api: Api, reviewer: Api) -> None:
    await propose(api, *(number / 1_000 for number in range(1, 1_000)))
    items = [(card["by_chance"], card["confidence"]) for card in (await claim(reviewer, 100))["items"]]
    assert not any(by_chance for by_chance, _ in items)
    batch = await claim(api.as_("otto", "reviewer"), 100, order="uncertain")
    drawn = [card["confidence"] for card in batch["items"] if card["by_chance"]]
    assert 8 <= len(drawn) <= 10
    assert max(abs(one - 0.5) for one in drawn) > max(abs(one - 0.5) for one in confidences(batch))


def test_a_single_card_is_drawn_one_time_in_ten() -> None:
    dice = random.Random(1)
    drawn = [drawn_by_chance(ReviewOrder.UNCERTAIN, 1, dice) for _ in range(1_000)]
    assert 70 <= sum(drawn) <= 130
    assert drawn_by_chance(ReviewOrder.UNCERTAIN, 100, dice) == 10
    assert drawn_by_chance(ReviewOrder.NEWEST, 100, dice) == 0


def test_the_place_of_a_drawn_card_says_nothing_and_no_card_is_there_twice() -> None:
    places = set()
    for seed in range(200):
        found = mixed(["x", "x"], map(str, range(100)), random.Random(seed))
        assert len(found) == 101
        places.add(found.index(Candidate("x", is_random=True)))
    assert places == set(range(11))
    assert [card.id for card in mixed(["5"], ["5", "6"], random.Random(0))].count("5") == 1


def test_a_type_that_is_asked_for_has_a_band_of_its_own() -> None:
    assert bands({"a": 0.8, "b": 0.3}, None) == (["a", "b"], [0.8, 0.3])
    assert bands({"a": 0.8}, "a") == (["a"], [0.8])
    assert bands({"a": 0.8}, "c") == (["c"], [0.5])
