"""The audit over HTTP, and its end made known by events."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tests.eventually import eventually
from tests.governance.api import Api, Json, settings_for
from tests.governance.conftest import EventLog

from wayside_governance.app import SCHEMA, migrations
from wayside_governance.service.sealing import Sealer
from wayside_service.database import Database


@pytest.fixture
async def database(governance_database: str, nats_url: str) -> AsyncIterator[Database]:
    database = Database(settings_for(governance_database, nats_url), schema=SCHEMA, migrations=migrations())
    await database.start()
    await database.ready()
    yield database
    await database.close()


async def verified(api: Api, **params: Any) -> Json:
    answer = await api.get("/v1/audit/verify", **params)
    assert answer.status == 200, answer
    body: Json = answer.body
    return body


async def test_everything_done_is_in_the_chain_and_can_be_found(api: Api, reviewer: Api) -> None:
    approved = (await reviewer.approve(await api.suggest(1), note="clear")).body
    rejected = (await reviewer.reject(await api.suggest(2))).body
    await api.as_("rob", "reviewer").undo(rejected["suggestion"])
    await api.call("PUT", "/v1/governance/settings", json={})
    await api.call("PUT", "/v1/relationship-types/relates_to", json={"is_functional": True})
    await api.call("DELETE", "/v1/relationship-types/relates_to")
    entries = (await reviewer.get("/v1/audit")).body["items"]
    assert [one["action"] for one in reversed(entries)] == [
        "suggestion.approve",
        "suggestion.reject",
        "suggestion.undo",
        "settings.put",
        "relationship_type.put",
        "relationship_type.delete",
    ]
    assert [one["position"] for one in entries] == [6, 5, 4, 3, 2, 1]
    details = entries[-1]["details"]
    assert details["decision_id"] == approved["decision"]["id"]
    assert details["edge_id"] == approved["suggestion"]["edge_id"]
    first = (await reviewer.get("/v1/audit", limit=4)).body
    rest = (await reviewer.get("/v1/audit", limit=4, page=first["next_page"])).body
    assert [*first["items"], *rest["items"]] == entries
    filters: list[tuple[dict[str, Any], int]] = [
        ({"actor": "rob"}, 1),
        ({"action": "settings.put"}, 1),
        ({"subject": rejected["suggestion"]["id"]}, 2),
        ({"since": entries[0]["at"]}, 1),
        ({"before": entries[0]["at"]}, 5),
    ]
    for params, count in filters:
        assert len((await reviewer.get("/v1/audit", **params)).body["items"]) == count, params
    assert (await reviewer.get("/v1/audit", page="x")).body["code"] == "invalid_page"
    assert (await api.as_("eve", "viewer", scope="globex").get("/v1/audit", scope="acme")).status == 403
    found = await verified(reviewer)
    assert (found["is_intact"], found["checked_to"], found["head"]["position"]) == (True, 6, 6)


async def test_a_chain_that_was_tampered_with_shows(api: Api, reviewer: Api, connection: Any) -> None:
    assert (await verified(api))["head"]["position"] == 0
    for number in range(6):
        await reviewer.reject(await api.suggest(number))
    head = (await verified(api))["head"]
    known = {"position": head["position"], "hash": head["hash"]}
    assert (await verified(api, after=2, **known))["has_known_head"] is True
    for statement in (
        "DELETE FROM audit",
        "UPDATE audit SET actor = 'x'",
        "TRUNCATE audit",
        "DELETE FROM audit_heads",
    ):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await connection.execute(statement)
    await connection.execute("ALTER TABLE audit DISABLE TRIGGER USER")
    await connection.execute(
        "UPDATE audit SET entry = replace(encode(entry, 'escape'), 'rita', 'mary')::bytea"
    )
    found = await verified(api, after=3)
    assert (found["is_intact"], found["broken"]["position"], found["next_after"]) == (False, 4, None)
    await connection.execute(
        "UPDATE audit SET entry = replace(encode(entry, 'escape'), 'mary', 'rita')::bytea"
    )
    assert (await verified(api, **known))["has_known_head"] is True
    await connection.execute("DELETE FROM audit WHERE position > 4")
    cut = await verified(api, **known)
    assert (cut["is_intact"], cut["broken"]["position"], cut["has_known_head"]) == (False, 5, False)
    await connection.execute(
        "UPDATE audit_heads SET position = 4, hash = (SELECT hash FROM audit WHERE position = 4)"
    )
    cut = await verified(api, **known)
    assert (cut["is_intact"], cut["has_known_head"]) == (True, False)


async def test_the_end_of_a_chain_is_made_known_once_it_moved(
    api: Api, reviewer: Api, database: Database, log: EventLog
) -> None:
    sealer = Sealer(database, lambda: None, interval_seconds=0)
    assert await sealer.seal() == 0
    suggestion = (await reviewer.reject(await api.suggest())).body["suggestion"]
    assert [await sealer.seal(), await sealer.seal()] == [1, 0]
    assert await Sealer(database, lambda: None, interval_seconds=60).seal() == 0
    await reviewer.undo(suggestion)
    assert await Sealer(database, lambda: None, interval_seconds=60).seal() == 0
    assert await sealer.seal() == 1
    await api.suggest(2)

    def sealed() -> list[Any]:
        return [event for event in log.events if event.type == "edges.audit.sealed"]

    assert await eventually(lambda: len(sealed()) == 2)
    head = (await verified(api))["head"]
    last = sealed()[-1]
    assert (last.data.position, last.data.hash, last.revision) == (2, head["hash"], 2)
    assert last.subject == head["chain_id"]
