"""Decisions over HTTP: approve, reject, undo."""

from tests.governance.api import Api
from tests.governance.conftest import EventLog


async def test_approving_makes_the_edge(api: Api, reviewer: Api) -> None:
    suggestion = await api.suggest()
    answer = await reviewer.approve(suggestion)
    assert answer.status == 200
    edges = await reviewer.get("/v1/edges", node_id="CWE-79")
    assert [edge["id"] for edge in edges.body["items"]] == [answer.body["suggestion"]["edge_id"]]


async def test_approval_and_edge_are_announced_once(api: Api, reviewer: Api, log: EventLog) -> None:
    answer = await reviewer.approve(await api.suggest())
    suggestion = answer.body["suggestion"]
    assert await log.has(3)
    assert log.types(suggestion["id"]) == ["edges.suggestion.created", "edges.suggestion.approved"]
    assert log.types(suggestion["edge_id"]) == ["edges.edge.created"]
