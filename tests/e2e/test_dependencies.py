"""PostgreSQL or NATS away: it is said, nothing is half-written, and it ends by itself when they are back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.e2e.cluster import Cluster, cluster
from tests.e2e.talk import Api, until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def running(tmp_path: Path, own_postgres_server: Any) -> AsyncIterator[Cluster]:
    dsn = own_postgres_server.create_database("wayside")
    with cluster(tmp_path, dsn, count=1) as started:
        await started.start()
        yield started


async def readiness(session: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    async with session.get(f"{url}/readyz") as answer:
        return answer.status, await answer.json()


async def test_postgres_away_is_named_and_refused_with_retry_after(
    running: Cluster, own_postgres_server: Any
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
        await asyncio.to_thread(own_postgres_server.start)

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
        await asyncio.to_thread(running.nats.start)

        async def back() -> bool:
            return (await readiness(session, running.gateway[0].url))[0] == 200

        await until(back)
