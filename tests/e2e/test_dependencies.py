"""PostgreSQL or NATS away: it is said, nothing is half-written, and it ends by itself when they are back."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
import pytest
from tests.conftest import PostgresForTests
from tests.e2e.cluster import Cluster, cluster
from tests.e2e.raw import Answer, Sender
from tests.e2e.talk import Api, until
from tests.e2e.test_kills import stored_events

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True)
class Stack:
    """A cluster and the PostgreSQL server that is its own."""

    cluster: Cluster
    postgres: PostgresForTests


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for all outages: each test ends when it has recovered.

    Tests start servers in the main thread, for a server dies with the thread that started it.
    """
    folder = tmp_path_factory.mktemp("stack")
    with PostgresForTests(folder / "postgres") as postgres:
        dsn = postgres.create_database("wayside")
        with cluster(folder, dsn, count=1) as started:
            asyncio.run(started.start())
            yield Stack(started, postgres)


@pytest.fixture
async def running(stack: Stack) -> Cluster:
    await asyncio.gather(*(instance.ready() for instance in stack.cluster.services))
    root = Sender(stack.cluster.gateway[0].url, stack.cluster.token(scope="*"))
    body = b'{"name": "late"}'
    await root.request("PUT", "/v1/job-types/late", body, **{"Content-Type": "application/json"})
    return stack.cluster


@pytest.fixture
def own_postgres_server(stack: Stack) -> PostgresForTests:
    return stack.postgres


async def readiness(session: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    async with session.get(f"{url}/readyz") as answer:
        return answer.status, await answer.json()


async def test_postgres_away_is_named_and_refused_with_retry_after(
    running: Cluster, own_postgres_server: PostgresForTests
) -> None:
    async with aiohttp.ClientSession() as session:
        api = Api(session, running.gateway[0].url, running.token())
        await asyncio.to_thread(own_postgres_server.stop)

        async def named() -> bool:
            status, body = await readiness(session, running.jobs[0].url)
            return status == 503 and body["checks"]["postgres"] != "ok" and body["checks"]["nats"] == "ok"

        await until(named)
        async with session.get(f"{api.url}/v1/jobs?scope=acme", headers=api.headers) as answer:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert (await answer.json())["code"] == "database_unavailable"
        own_postgres_server.start()

        async def back() -> bool:
            return (await api.call("GET", "/v1/jobs?scope=acme"))[0] == 200

        await until(back)


async def test_nats_away_is_named_and_jobs_can_still_be_read(running: Cluster) -> None:
    async with aiohttp.ClientSession() as session:
        api = Api(session, running.gateway[0].url, running.token())
        await asyncio.to_thread(running.nats.stop)

        async def named() -> bool:
            status, body = await readiness(session, running.jobs[0].url)
            return status == 503 and body["checks"]["nats"] != "ok" and body["checks"]["postgres"] == "ok"

        await until(named)
        assert (await api.get("/v1/jobs?scope=acme"))["items"] == []
        running.nats.start()

        async def back() -> bool:
            return (await readiness(session, running.gateway[0].url))[0] == 200

        await until(back)


def postponed(answer: Answer) -> str:
    """The code of a refusal that says when to try again."""
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    return str(answer.problem["code"])


async def test_what_is_refused_while_postgres_is_away_is_not_written_later(
    running: Cluster, own_postgres_server: PostgresForTests
) -> None:
    sender = Sender(running.gateway[0].url, running.token(scope="patient"))
    claim = {"from_node_id": "a", "to_node_id": "b", "relationship_type": "r", "confidence": 0.5}
    wanted = {
        "/v1/jobs": {"type": "late", "scope": "patient"},
        "/v1/suggestions": {"scope": "patient", "source_model": "m", **claim},
    }
    await asyncio.to_thread(own_postgres_server.stop)
    for path, body in wanted.items():
        assert postponed(await sender.post(path, body)) == "database_unavailable"
        assert postponed(await sender.get(path)) == "database_unavailable"
    own_postgres_server.start()
    for path, body in wanted.items():
        assert (await until(partial(answered, sender, path)))["items"] == []
        assert (await sender.post(path, body)).status in (200, 201)


async def answered(sender: Sender, path: str) -> Any:
    answer = await sender.get(path)
    return answer.json if answer.status == 200 else None


async def test_while_nats_is_away_events_are_refused_and_jobs_are_taken(running: Cluster) -> None:
    sender = Sender(running.gateway[0].url, running.token(scope="quiet"))
    await asyncio.to_thread(running.nats.stop)
    page = await sender.get("/v1/events", Accept="application/json")
    assert postponed(page) == "bus_unavailable"
    stream = await sender.get("/v1/events", Accept="text/event-stream")
    assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream")
    assert b"event: wayside.unavailable" in stream.body
    created = await sender.post("/v1/jobs", {"type": "late", "scope": "quiet"})
    assert created.status == 201
    running.nats.start()

    subject = created.json["id"]

    async def published() -> Any:
        return [event.type for event in await stored_events(running, subject)]

    assert await until(published) == ["analysis.job.queued"]


async def test_a_service_away_is_named_by_the_gateway_and_refused_with_retry_after(running: Cluster) -> None:
    sender = Sender(running.gateway[0].url, running.token())
    async with aiohttp.ClientSession() as session:
        running.governance[0].kill()
        status, body = await readiness(session, sender.url)
        assert status == 503
        assert [name for name, check in body["checks"].items() if check != "ok"] == ["governance"]
        assert postponed(await sender.get("/v1/suggestions")) == "upstream_unavailable"
        assert (await sender.get("/v1/jobs")).status == 200
        running.governance[0].start()
        await until(partial(answered, sender, "/v1/suggestions"))
