"""`GET /v1/events` as pages of JSON, and what the gateway says of itself."""

from typing import Any

import pytest
from tests.gateway.test_continuity import manage_stream
from tests.gateway.world import GatewayHere, Story, publish

from wayside_events.bus import Bus
from wayside_events.identifiers import new_id


async def page(gateway: GatewayHere, query: str = "") -> Any:
    async with gateway.get(f"/v1/events{query}", Accept="application/json") as answer:
        assert answer.status == 200, await answer.text()
        found = await answer.json()
        assert answer.headers["Wayside-Cursor"] == found["cursor"]
        return found


async def test_a_poller_gets_every_event_once(gateway: GatewayHere, bus: Bus) -> None:
    story = Story(bus, new_id())
    found = await page(gateway)
    assert found == {"events": [], "cursor": str(await bus.position()), "more": False, "reset": None}
    await publish(bus, *(story.progressed() for _ in range(25)))
    seen: list[int] = []
    while len(seen) < 25:
        found = await page(gateway, f"?cursor={found['cursor']}&limit=10")
        seen += [event["revision"] for event in found["events"]]
        assert found["more"] == (len(seen) < 25)
    assert seen == list(range(1, 26))


async def test_who_names_json_gets_json_even_if_anything_will_do(gateway: GatewayHere) -> None:
    """As axios asks, and fetch wrappers."""
    async with gateway.get("/v1/events", Accept="application/json, text/plain, */*") as answer:
        assert answer.content_type == "application/json"


async def test_a_page_whose_events_go_while_it_is_read_says_so(
    gateway: GatewayHere, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, read = Story(bus, new_id()), gateway.live.replays.page
    start = await bus.position()
    await publish(bus, story.started(), story.progressed())

    async def page_after_purge(*arguments: Any) -> Any:
        await manage_stream(bus, "PURGE")
        return await read(*arguments)

    monkeypatch.setattr(gateway.live.replays, "page", page_after_purge)
    found = await page(gateway, f"?cursor={start}")
    assert (found["events"], found["reset"], found["cursor"]) == ([], "expired", str(await bus.position()))


async def test_a_page_skips_what_is_not_wanted(gateway: GatewayHere, bus: Bus) -> None:
    story = Story(bus, new_id())
    start = await bus.position()
    await publish(bus, story.started(), story.progressed())
    found = await page(gateway, f"?cursor={start}&types=analysis.job.failed")
    assert (found["events"], found["cursor"]) == ([], str(await bus.position()))


async def test_a_poller_is_told_when_its_cursor_is_of_another_stream(gateway: GatewayHere, bus: Bus) -> None:
    found = await page(gateway, "?cursor=1-5")
    assert (found["reset"], found["cursor"]) == ("epoch", str(await bus.position()))


async def test_the_metrics_count_streams_and_deliveries(gateway: GatewayHere, bus: Bus) -> None:
    story = Story(bus, new_id())
    async with gateway.follow() as follower:
        await follower.next()
        await story.tell(story.started())
        await follower.next()
        async with gateway.get("/metrics") as answer:
            metrics = await answer.text()
    assert "wayside_gateway_streams 1.0" in metrics
    assert "wayside_gateway_deliveries_total 1.0" in metrics


async def test_the_openapi_document_has_the_streams(gateway: GatewayHere) -> None:
    async with gateway.get("/openapi.json") as answer:
        paths = (await answer.json())["paths"]
    assert set(paths) == {"/v1/events", "/v1/jobs/{job_id}/events"}
