"""An approval cannot be undone once its edge is another."""

from typing import Any

from tests.governance.api import Api


async def test_undo_leaves_an_edge_alone_that_was_changed_since(
    api: Api, reviewer: Api, connection: Any
) -> None:
    approved = (await reviewer.approve(await api.suggest())).body["suggestion"]
    await connection.execute("UPDATE edges SET revision = 2, confidence = 1")
    answer = await reviewer.undo(approved)
    assert (answer.status, answer.body["code"]) == (409, "edge_changed")
    assert (await api.suggestion(approved["id"]))["status"] == "approved"
    assert len((await api.get("/v1/edges")).body["items"]) == 1


async def test_approving_what_the_graph_has_already_is_a_conflict(
    api: Api, reviewer: Api, connection: Any
) -> None:
    suggestion = await api.suggest()
    await connection.execute(
        "INSERT INTO edges SELECT gen_random_uuid(), scope, from_node_id, to_node_id, relationship_type, 1, 1, NULL,"
        " NULL, NULL, 'import', now() FROM suggestions"
    )
    answer = await reviewer.approve(suggestion)
    assert (answer.status, answer.body["code"]) == (409, "edge_exists")
    assert (await api.suggestion(suggestion["id"]))["decisions"] == []
