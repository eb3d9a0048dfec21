import asyncio

from tests.service.sample import Serve

from wayside_service.health import HEALTH, Health
from wayside_service.http import RouteTable


async def test_readiness_names_what_is_wrong_with_each_dependency() -> None:
    async def fine() -> None: ...

    async def broken() -> None:
        raise ConnectionRefusedError("no route")

    async def silent() -> None:
        await asyncio.Event().wait()

    health = Health(timeout_seconds=0.05)
    for check in (fine, broken, silent):
        health.add(check.__name__, check)
    assert await health.run() == {"fine": "ok", "broken": "no route", "silent": "no answer within 0.05 s"}


async def test_a_service_without_dependencies_is_ready(serve: Serve) -> None:
    async with serve(RouteTable()) as client:
        assert (await client.get("/healthz")).status == 200
        answer = await client.get("/readyz")
        assert (answer.status, await answer.json()) == (200, {"status": "ok", "checks": {}})


async def test_an_unready_service_lives(serve: Serve) -> None:
    async def broken() -> None:
        raise ConnectionRefusedError("no route")

    async with serve(RouteTable()) as client:
        client.app[HEALTH].add("postgres", broken)
        answer = await client.get("/readyz")
        assert (answer.status, await answer.json()) == (
            503,
            {"status": "unavailable", "checks": {"postgres": "no route"}},
        )
        assert (await client.get("/healthz")).status == 200
