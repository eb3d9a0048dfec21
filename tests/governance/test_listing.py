"""Lists of suggestions: filters, orders, pages."""

from typing import Any

from tests.governance.api import Api, proposal


async def listed(api: Api, **params: Any) -> list[str]:
    answer = await api.get("/v1/suggestions", **params)
    assert answer.status == 200, answer
    return [item["to_node_id"] for item in answer.body["items"]]


async def pages(api: Api, **params: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    page: dict[str, str] = {}
    while True:
        body = (await api.get("/v1/suggestions", **params, **page)).body
        items += body["items"]
        if body["next_page"] is None:
            return items
        page = {"page": body["next_page"]}


async def fill(api: Api) -> None:
    await api.propose(
        proposal(1, confidence=0.9, source_model="llm", analysis_run_id="run-1"),
        proposal(2, confidence=0.2, relationship_type="child_of"),
        proposal(3, confidence=0.5, from_node_id="CWE-1001"),
        proposal(4, confidence=0.7, analysis_run_id="run-1"),
        proposal(4, confidence=0.6, analysis_run_id="run-2", source_model="llm"),
    )


FILTERS: list[tuple[dict[str, str], set[int]]] = [
    ({}, {1001, 1002, 1003, 1004}),
    ({"status": "pending"}, {1001, 1002, 1003, 1004}),
    ({"status": "rejected"}, set()),
    ({"from_node_id": "CWE-1001"}, {1003}),
    ({"to_node_id": "CWE-1001"}, {1001}),
    ({"node_id": "CWE-1001"}, {1001, 1003}),
    ({"relationship_type": "child_of"}, {1002}),
    ({"source_model": "llm"}, {1001, 1004}),
    ({"analysis_run_id": "run-1"}, {1001, 1004}),
    ({"analysis_run_id": "run-2"}, {1004}),
    ({"min_confidence": "0.5"}, {1001, 1003, 1004}),
    ({"max_confidence": "0.5"}, {1002, 1003}),
    ({"min_confidence": "0.3", "max_confidence": "0.6", "node_id": "CWE-1001"}, {1003}),
    ({"scope": "acme", "analysis_run_id": "run-1", "relationship_type": "child_of"}, set()),
]


async def test_filters_find_what_they_say_in_every_order(api: Api) -> None:
    await fill(api)
    for order in ("confidence", "newest", "oldest"):
        found = [(filters, await numbers(api, order=order, **filters)) for filters, _ in FILTERS]
        assert found == FILTERS, order


async def numbers(api: Api, **params: str) -> set[int]:
    return {int(node.removeprefix("CWE-")) for node in await listed(api, **params)}


async def test_orders_are_as_they_are_called(api: Api) -> None:
    for number, confidence in ((1, 0.5), (2, 0.9), (3, 0.1)):
        await api.propose(proposal(number, confidence=confidence))
    assert await listed(api, order="confidence") == ["CWE-1002", "CWE-1001", "CWE-1003"]
    assert await listed(api, order="newest") == ["CWE-1003", "CWE-1002", "CWE-1001"]
    assert await listed(api, order="oldest") == ["CWE-1001", "CWE-1002", "CWE-1003"]


async def test_pages_have_everything_once_and_in_order(api: Api, reviewer: Api) -> None:
    outcomes = await api.propose(*(proposal(number, confidence=(number % 3) / 4) for number in range(23)))
    for outcome in outcomes[::4]:
        await reviewer.reject(await api.suggestion(outcome["suggestion_id"]))
    for order in ("confidence", "newest", "oldest"):
        items = await pages(api, order=order, limit=5)
        whole = (await api.get("/v1/suggestions", order=order, limit=200)).body["items"]
        assert [item["id"] for item in items] == [item["id"] for item in whole]
        assert len({item["id"] for item in items}) == 23


async def test_what_changes_between_pages_neither_hides_nor_repeats_the_rest(api: Api, reviewer: Api) -> None:
    await api.propose(*(proposal(number, confidence=0.5) for number in range(6)))
    filters = {"status": "pending", "order": "confidence", "limit": 3}
    first = (await api.get("/v1/suggestions", **filters)).body
    for item in first["items"]:
        assert (await reviewer.reject(item)).status == 200
    await api.propose(proposal(99, confidence=0.9))
    second = (await api.get("/v1/suggestions", **filters, page=first["next_page"])).body
    assert len(second["items"]) == 3
    assert not {item["id"] for item in first["items"]} & {item["id"] for item in second["items"]}
    assert second["next_page"] is None


async def test_several_statuses_can_be_asked_for(api: Api, reviewer: Api) -> None:
    for number, verb in ((1, "approve"), (2, "reject")):
        await reviewer.decide(verb, await api.suggest(number), reason_code="other")
    await api.suggest(3)
    answer = await api.call("GET", "/v1/suggestions?status=pending&status=approved")
    assert {item["status"] for item in answer.body["items"]} == {"pending", "approved"}


async def test_a_list_sums_the_evidence_up_and_leaves_it_to_the_suggestion_itself(
    api: Api, reviewer: Api
) -> None:
    suggestion = await api.suggest(reasoning="share: script", evidence={"large": "x" * 50_000})
    [item] = (await api.get("/v1/suggestions")).body["items"]
    assert (item["evidence_count"], item["reasoning"]) == (1, "share: script")
    conflict = await reviewer.approve({**suggestion, "revision": 7})
    approved = await reviewer.approve(suggestion)
    for shown in (item, conflict.body["current"], approved.body["suggestion"]):
        assert "evidence" not in shown
    assert len(suggestion["evidence"]["large"]) == 50_000


async def test_a_page_of_another_order_is_refused(api: Api) -> None:
    await api.propose(proposal(1), proposal(2))
    page = (await api.get("/v1/suggestions", order="newest", limit=1)).body["next_page"]
    answer = await api.get("/v1/suggestions", order="oldest", page=page)
    assert (answer.status, answer.body["errors"][0]["code"]) == (422, "invalid_page")


async def test_reads_say_from_where_to_stream_on(api: Api) -> None:
    assert "Wayside-Cursor" in (await api.get("/v1/suggestions")).headers
