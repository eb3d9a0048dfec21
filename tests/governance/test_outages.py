"""PostgreSQL or NATS away: said, and over by itself; nothing committed is ever untold."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer
from tests.conftest import PostgresForTests
from tests.eventually import eventually
from tests.governance.api import SCOPE, Api, proposal, settings_for
from tests.governance.conftest import EventLog, StartInstance

from wayside_events.bus import Bus, RequestRefused
from wayside_events.contracts.governance import PROPOSE_SUBJECT, ProposeReply, ProposeRequest
from wayside_governance.app import SCHEMA, build, migrations
from wayside_governance.service.intake import IntakeService
from wayside_service.database import Database
from wayside_standalone.nats import NatsServer


@pytest.fixture
async def own_api(own_postgres_server: PostgresForTests, nats_url: str) -> AsyncIterator[Api]:
    """An instance on a PostgreSQL server that the test may stop."""
    app = build(settings_for(own_postgres_server.dsn(), nats_url))
    own_postgres_server.execute("GRANT CREATE ON DATABASE postgres TO wayside")
    async with TestClient(TestServer(app)) as client:
        api = Api(client)
        assert await eventually(lambda: is_ready(api))
        yield api


async def is_ready(api: Api) -> bool:
    return (await readiness(api))[0] == 200


async def readiness(api: Api) -> tuple[int, dict[str, Any]]:
    async with api.client.get("/readyz") as response:
        return response.status, await response.json()


async def test_without_postgres_requests_are_refused_until_it_is_back(
    own_api: Api, own_postgres_server: PostgresForTests, bus: Bus
) -> None:
    suggestion = await own_api.suggest()
    await asyncio.to_thread(own_postgres_server.stop)
    answers = [
        await own_api.get("/v1/suggestions"),
        await own_api.reject(suggestion),
        await own_api.post("/v1/suggestions", {"scope": SCOPE, **proposal(2)}),
    ]
    assert {(answer.status, answer.body["code"]) for answer in answers} == {(503, "database_unavailable")}
    assert all("Retry-After" in answer.headers for answer in answers)
    request = ProposeRequest(scope=SCOPE, proposed_by="worker", proposals=(proposal(2),))
    with pytest.raises(RequestRefused) as refused:
        await bus.request(PROPOSE_SUBJECT, request, ProposeReply)
    assert (refused.value.problem.status, refused.value.problem.code) == (503, "database_unavailable")
    status, said = await readiness(own_api)
    assert status == 503
    assert said["checks"]["postgres"] != "ok"
    await asyncio.to_thread(own_postgres_server.start)
    assert await eventually(lambda: is_ready(own_api))
    assert (await own_api.reject(suggestion)).status == 200


async def test_without_nats_everything_goes_on_and_is_told_later(
    api: Api, reviewer: Api, nats_server: NatsServer, log: EventLog
) -> None:
    await api.suggest(1)
    assert await log.has(1)
    await asyncio.to_thread(nats_server.stop)

    async def nats_is_missed() -> bool:
        status, said = await readiness(api)
        return status == 503 and said["checks"]["nats"] != "ok" and said["checks"]["postgres"] == "ok"

    assert await eventually(nats_is_missed)
    approved = (await reviewer.approve(await api.suggest(2))).body["suggestion"]
    await asyncio.to_thread(nats_server.start)
    assert await eventually(lambda: is_ready(api))
    assert await log.has(4)
    assert log.types(approved["edge_id"]) == ["edges.edge.created"]


async def test_what_was_committed_before_a_crash_is_told_by_the_next_instance(
    governance_database: str, nats_url: str, start_instance: StartInstance, log: EventLog
) -> None:
    database = Database(settings_for(governance_database, nats_url), schema=SCHEMA, migrations=migrations())
    await database.start()
    await database.ready()
    outcomes = await IntakeService(database, wake=lambda: None).propose(SCOPE, "worker", [proposal()])
    await database.close()
    await start_instance()
    assert await log.has(1, outcomes[0].suggestion_id)


async def test_a_stream_of_lines_says_where_it_had_to_stop(
    own_api: Api, own_postgres_server: PostgresForTests
) -> None:
    async def lines() -> AsyncIterator[bytes]:
        for number in range(1_000):
            yield line(number)
        while len((await own_api.get("/v1/suggestions", limit=1)).body["items"]) < 1:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(own_postgres_server.stop)
        yield line(1_000)

    answer = await own_api.call(
        "POST", "/v1/suggestions", data=lines(), headers={"Content-Type": "application/x-ndjson"}
    )
    *taken, last = answer.body.splitlines()
    assert len(taken) == 1_000
    assert '"database_unavailable"' in last


def line(number: int) -> bytes:
    return orjson.dumps(proposal(number)) + b"\n"
