"""`GET /v1/jobs/{id}/events`: one job as it is, what happens to it, and its end."""

import pytest
from tests.gateway.conftest import Start
from tests.gateway.upstream import Upstream
from tests.gateway.world import GatewayHere, Story, bearer

from wayside_events.bus import Bus
from wayside_events.identifiers import new_id


@pytest.fixture
def story(bus: Bus, upstream: Upstream) -> Story:
    story = Story(bus, new_id())
    upstream.has(story.job_id)
    return story


def path_of(story: Story) -> str:
    return f"/v1/jobs/{story.job_id}/events"


async def test_the_job_as_it_is_comes_first(gateway: GatewayHere, story: Story) -> None:
    async with gateway.follow(path_of(story)) as follower:
        snapshot = await follower.next()
    assert snapshot.event == "wayside.snapshot"
    assert snapshot.json == {"id": story.job_id, "scope": "acme", "status": "running", "revision": 0}


async def test_the_stream_ends_after_the_terminal_event(gateway: GatewayHere, story: Story) -> None:
    async with gateway.follow(path_of(story)) as follower:
        assert [one.event for one in await follower.take(2)] == ["wayside.snapshot", "wayside.caught-up"]
        await story.tell(story.started(), story.progressed(), story.completed())
        rest = await follower.rest()
    assert [one.event.rpartition(".")[2] for one in rest] == ["started", "progress", "completed", "end"]
    assert rest[-1].json == {"status": "completed", "cursor": rest[-2].id}


async def test_nothing_between_snapshot_and_stream_is_lost(
    gateway: GatewayHere, story: Story, upstream: Upstream
) -> None:
    await story.tell(story.started())
    async with gateway.follow(path_of(story)) as follower:
        snapshot = await follower.next()
        await follower.next()
    await story.tell(story.progressed())
    async with gateway.follow(path_of(story), after=snapshot.id) as follower:
        assert (await follower.next()).json["id"] == f"{story.job_id}:2"


async def test_stored_events_that_the_snapshot_contains_are_left_out(
    gateway: GatewayHere, story: Story, upstream: Upstream, bus: Bus
) -> None:
    upstream.position = await bus.position()
    await story.tell(story.started(), story.logged("known"), story.logged("news"))
    upstream.has(story.job_id, revision=2)
    async with gateway.follow(path_of(story)) as follower:
        received = await follower.until("wayside.caught-up")
    assert [one.json["revision"] for one in received[:-1]] == [2, 3]


async def test_live_events_that_the_snapshot_contains_are_left_out(
    gateway: GatewayHere, story: Story, upstream: Upstream
) -> None:
    upstream.has(story.job_id, revision=2)
    async with gateway.follow(path_of(story)) as follower:
        await follower.until("wayside.caught-up")
        await story.tell(story.started())
        await story.tell(story.logged("known"), story.logged("news"), story.completed())
        received = await follower.rest()
    assert [one.json["revision"] for one in received[:-1]] == [3, 4]
    assert received[-1].event == "wayside.end"


@pytest.mark.parametrize("after", ["wayside.snapshot", "wayside.caught-up", "wayside.ping", "wayside.bye"])
async def test_a_client_that_resumes_after_the_snapshot_sees_nothing_of_it_again(
    start_gateway: Start, story: Story, upstream: Upstream, after: str
) -> None:
    """Its events are committed, but the relay has not published them yet."""
    upstream.has(story.job_id, revision=2)
    async with start_gateway(ping_seconds=0.1, stream_max_age_seconds=0.5) as gateway:
        async with gateway.follow(path_of(story)) as follower:
            async for received in follower:
                if received.event == after:
                    break
        await story.tell(story.started(), story.logged("known"), story.logged("news"))
        upstream.has(story.job_id, revision=3)
        async with gateway.follow(path_of(story), after=follower.last_id) as follower:
            received_again = await follower.until("wayside.caught-up")
    assert [one.json["revision"] for one in received_again[:-1]] == [3]


async def test_a_client_that_saw_the_end_in_a_snapshot_is_told_to_stay_away(
    gateway: GatewayHere, story: Story, upstream: Upstream
) -> None:
    upstream.has(story.job_id, status="completed", revision=2)
    async with gateway.follow(path_of(story)) as follower:
        snapshot, end = await follower.rest()
    await story.tell(story.started(), story.completed())
    async with gateway.get(path_of(story), **{"Last-Event-ID": end.id}) as answer:
        assert answer.status == 204
    assert snapshot.id == "", "a client that was cut here has not seen the end"


async def test_the_end_comes_even_if_the_snapshot_knows_the_terminal_event(
    gateway: GatewayHere, story: Story, upstream: Upstream, bus: Bus
) -> None:
    position = await bus.position()
    await story.tell(story.started(), story.completed())
    upstream.has(story.job_id, status="completed", revision=3)
    async with gateway.follow(path_of(story), after=f"{position}~2") as follower:
        assert [one.event for one in await follower.rest()] == ["wayside.end"]


async def test_a_client_that_resumes_gets_every_revision(
    gateway: GatewayHere, story: Story, upstream: Upstream, bus: Bus
) -> None:
    upstream.has(story.job_id, revision=2)
    cursor = await bus.position()
    await story.tell(story.started(), story.logged("known"))
    async with gateway.follow(path_of(story), after=str(cursor)) as follower:
        received = await follower.until("wayside.caught-up")
    assert [one.json["revision"] for one in received[:-1]] == [1, 2]


async def test_a_resumed_stream_needs_no_snapshot(gateway: GatewayHere, story: Story, bus: Bus) -> None:
    cursor = str(await bus.position())
    await story.tell(story.started())
    async with gateway.follow(path_of(story), after=cursor) as follower:
        assert (await follower.next()).event == "analysis.job.started"


async def test_a_job_that_is_over_ends_at_once(
    gateway: GatewayHere, story: Story, upstream: Upstream
) -> None:
    await story.tell(story.started(), story.completed())
    upstream.has(story.job_id, status="completed")
    async with gateway.follow(path_of(story)) as follower:
        assert [one.event for one in await follower.rest()] == ["wayside.snapshot", "wayside.end"]


async def test_a_client_that_saw_the_end_is_told_to_stay_away(
    gateway: GatewayHere, story: Story, upstream: Upstream
) -> None:
    async with gateway.follow(path_of(story)) as follower:
        await follower.take(2)
        await story.tell(story.started(), story.completed())
        await follower.rest()
    upstream.has(story.job_id, status="completed")
    async with gateway.get(path_of(story), **{"Last-Event-ID": follower.last_id}) as answer:
        assert answer.status == 204


async def test_a_client_that_was_cut_before_the_end_gets_the_rest(
    gateway: GatewayHere, story: Story, upstream: Upstream
) -> None:
    async with gateway.follow(path_of(story)) as follower:
        await follower.take(2)
        await story.tell(story.started())
        started = await follower.next()
    await story.tell(story.completed())
    upstream.has(story.job_id, status="completed")
    async with gateway.follow(path_of(story), after=started.id) as follower:
        assert [one.event for one in await follower.rest()] == ["analysis.job.completed", "wayside.end"]


async def test_a_job_that_is_over_before_its_last_event_is_stored_ends_at_once_too(
    gateway: GatewayHere, story: Story, upstream: Upstream
) -> None:
    upstream.has(story.job_id, status="completed")
    async with gateway.follow(path_of(story)) as follower:
        assert [one.event for one in await follower.rest()] == ["wayside.snapshot", "wayside.end"]


async def test_a_client_that_resumes_waits_for_the_terminal_event(
    gateway: GatewayHere, story: Story, upstream: Upstream, bus: Bus
) -> None:
    upstream.has(story.job_id, status="completed")
    async with gateway.follow(path_of(story), after=str(await bus.position())) as follower:
        assert (await follower.next()).event == "wayside.caught-up"
        await story.tell(story.completed())
        assert [one.event for one in await follower.rest()] == ["analysis.job.completed", "wayside.end"]


async def test_a_terminal_event_that_is_gone_is_not_waited_for_long(
    start_gateway: Start, story: Story, upstream: Upstream, bus: Bus
) -> None:
    upstream.has(story.job_id, status="failed")
    after = str(await bus.position())
    async with (
        start_gateway(end_grace_seconds=0.1) as gateway,
        gateway.follow(path_of(story), after=after) as follower,
    ):
        received = await follower.rest()
    assert received[-1].event == "wayside.end"
    assert follower.retry is not None
    assert follower.retry > 3_600_000


async def test_what_the_service_refuses_is_refused_before_the_stream(
    gateway: GatewayHere, upstream: Upstream
) -> None:
    async with gateway.get(f"/v1/jobs/{new_id()}/events") as answer:
        assert (answer.status, await answer.json()) == (404, {"code": "not_found"})


async def test_a_job_of_another_scope_does_not_exist(
    gateway: GatewayHere, bus: Bus, upstream: Upstream
) -> None:
    job_id = new_id()
    upstream.has(job_id, scope="other")
    async with gateway.get(f"/v1/jobs/{job_id}/events") as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "not_found")


async def test_without_the_jobs_service_the_client_is_asked_to_come_back(
    gateway: GatewayHere, story: Story, upstream: Upstream
) -> None:
    await upstream.stop()
    async with gateway.follow(path_of(story)) as follower:
        (only,) = await follower.rest()
    assert (only.event, only.json["code"]) == ("wayside.unavailable", "upstream_unavailable")
    assert follower.retry is not None


async def test_without_the_jobs_service_a_client_of_json_gets_an_error(
    gateway: GatewayHere, story: Story, upstream: Upstream
) -> None:
    await upstream.stop()
    async with gateway.get(path_of(story), Accept="application/json") as answer:
        assert (answer.status, (await answer.json())["code"]) == (503, "upstream_unavailable")
        assert "Retry-After" in answer.headers


async def test_no_token_is_401(gateway: GatewayHere, story: Story) -> None:
    async with gateway.http.get(gateway.url + path_of(story)) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, "unauthorized")


async def test_the_service_sees_the_callers_token(
    gateway: GatewayHere, story: Story, upstream: Upstream
) -> None:
    headers = bearer(subject="grace")
    async with gateway.follow(path_of(story), headers=headers) as follower:
        await follower.next()
    assert upstream.requests[-1].headers["Authorization"] == headers["Authorization"]
