"""`GET /v1/events`: all events of a scope, from a cursor on."""

import asyncio
import random

import pytest
from tests.gateway.conftest import Start
from tests.gateway.world import GatewayHere, Received, Story, bearer, publish

from wayside_events.bus import Bus
from wayside_events.identifiers import new_id

ACME_AND_OTHER = {"acme": ["viewer"], "other": ["viewer"]}


async def test_a_stream_without_a_cursor_begins_now(gateway: GatewayHere, bus: Bus) -> None:
    story = Story(bus, new_id())
    await story.tell(story.started())
    async with gateway.follow() as follower:
        caught_up = await follower.next()
        await story.tell(story.progressed())
        assert (caught_up.event, caught_up.id) == ("wayside.caught-up", str((await bus.position()).at(1)))
        assert (await follower.next()).json["id"] == f"{story.job_id}:2"


async def test_the_event_is_the_stored_event_untouched(gateway: GatewayHere, bus: Bus) -> None:
    story = Story(bus, new_id())
    async with gateway.follow() as follower:
        await follower.next()
        event = story.progressed(message="zwölf\nlines")
        await story.tell(event)
        received = await follower.next()
    assert received.event == "analysis.job.progress"
    assert received.data.encode() == event.to_json()
    assert received.id == str(await bus.position())


@pytest.mark.parametrize("by", ["header", "query", "both"])
async def test_a_stream_resumes_after_its_cursor(gateway: GatewayHere, bus: Bus, by: str) -> None:
    story = Story(bus, new_id())
    await story.tell(*(story.progressed(n) for n in range(5)))
    position = await bus.position()
    path = {"header": "", "query": f"?cursor={position.at(2)}", "both": f"?cursor={position.at(1)}"}[by]
    after = None if by == "query" else str(position.at(2))
    async with gateway.follow("/v1/events" + path, after=after) as follower:
        received = await follower.until("wayside.caught-up")
    assert [one.sequence for one in received] == [3, 4, 5, 5]
    assert received[0].json["id"] == f"{story.job_id}:3"


async def test_a_long_absence_is_replayed_in_order(start_gateway: Start, bus: Bus) -> None:
    story = Story(bus, new_id())
    events = [story.progressed() for _ in range(3_500)]
    await publish(bus, *events)
    start = (await bus.position()).at(0)
    async with start_gateway(history_frames=10) as gateway, gateway.follow(after=str(start)) as follower:
        received = await follower.until("wayside.caught-up")
        assert gateway.live.stats.replays == 1
    assert [one.sequence for one in received[:-1]] == list(range(1, 3_501))


async def test_only_the_wanted_types_and_jobs_are_sent(gateway: GatewayHere, bus: Bus) -> None:
    one, other = Story(bus, new_id()), Story(bus, new_id())
    path = f"/v1/events?types=analysis.job.started,analysis.*.completed&job={one.job_id}"
    async with gateway.follow(path) as follower:
        await follower.next()
        await publish(bus, other.started(), one.started(), one.progressed(), one.completed())
        assert [(await follower.next()).sequence for _ in range(2)] == [2, 4]


@pytest.mark.parametrize(
    ("query", "status", "code", "field"),
    [
        ("cursor=nonsense", 400, "invalid_cursor", "?cursor"),
        ("cursor=12-", 400, "invalid_cursor", "?cursor"),
        ("types=analysis.job.nonsense", 422, "invalid_input", "?types"),
        ("job=a.b", 422, "invalid_input", "?job"),
        ("scope=A", 422, "invalid_input", "?scope"),
        ("what=1", 422, "invalid_input", "?what"),
    ],
)
async def test_a_bad_query_is_refused(
    gateway: GatewayHere, query: str, status: int, code: str, field: str
) -> None:
    async with gateway.get(f"/v1/events?{query}") as answer:
        problem = await answer.json(content_type="application/problem+json")
    assert (answer.status, problem["code"], problem["errors"][0]["field"]) == (status, code, field)


async def test_a_bad_last_event_id_is_refused(gateway: GatewayHere) -> None:
    async with gateway.get("/v1/events", **{"Last-Event-ID": "1"}) as answer:
        problem = await answer.json()
    assert (answer.status, problem["errors"][0]["field"]) == (400, "Last-Event-ID")


async def test_a_token_of_several_scopes_has_to_name_one(gateway: GatewayHere) -> None:
    async with gateway.http.get(gateway.url + "/v1/events", headers=bearer(ACME_AND_OTHER)) as answer:
        assert (answer.status, (await answer.json())["errors"][0]["field"]) == (422, "?scope")


async def test_another_scope_is_403(gateway: GatewayHere) -> None:
    async with gateway.get("/v1/events?scope=other") as answer:
        assert answer.status == 403


async def test_events_of_one_scope_never_reach_the_other(gateway: GatewayHere, bus: Bus) -> None:
    mine, theirs = Story(bus, new_id()), Story(bus, new_id(), "other")
    await publish(bus, theirs.started(), mine.started())
    start = str((await bus.position()).at(0))
    path = f"/v1/events?scope=acme&job={mine.job_id},{theirs.job_id}"
    async with gateway.follow(path, after=start) as follower, gateway.follow(after=start) as everything:
        await publish(bus, theirs.progressed(), mine.progressed(), theirs.completed(), mine.completed())
        for one in (follower, everything):
            received = [await one.next() for _ in range(4)]
            assert {got.json["scope"] for got in received if got.event != "wayside.caught-up"} == {"acme"}
            assert [got.sequence for got in received if got.event != "wayside.caught-up"] == [2, 4, 6]


async def test_a_client_cut_at_random_sees_every_event_once_and_in_order(
    start_gateway: Start, bus: Bus
) -> None:
    """Several clients, several wants, cut all the time while events are published."""
    stories = [Story(bus, new_id()) for _ in range(3)]
    count = 600

    async def publish_times(times: int) -> None:
        for _ in range(times):
            await publish(bus, *(story.progressed() for story in stories for _ in range(4)))
            await asyncio.sleep(0)

    async def watch(gateway: GatewayHere, path: str, expected: int, chance: random.Random) -> list[Received]:
        seen: list[Received] = []
        cursor = str((await bus.position()).at(0))
        while len(seen) < expected:
            async with gateway.follow(path, after=cursor) as follower:
                for _ in range(chance.randint(1, 60)):
                    received = await follower.next()
                    if not received.event.startswith("wayside."):
                        seen.append(received)
                    if len(seen) == expected:
                        break
                cursor = follower.last_id
        return seen

    # More than the gateway remembers, so that the first thing everybody needs is a replay.
    await publish_times(10)
    async with start_gateway(history_frames=40, feed_linger_seconds=0) as gateway:
        chances = [random.Random(number) for number in range(6)]
        watching = [watch(gateway, "/v1/events", count, chance) for chance in chances[:3]]
        job = f"/v1/events?job={stories[0].job_id}"
        watching += [watch(gateway, job, count // 3, chance) for chance in chances[3:]]
        publishing = asyncio.create_task(publish_times(count // 12 - 10))
        everybody = await asyncio.gather(*watching)
        await publishing
        assert gateway.live.stats.replays > 0
    for seen in everybody:
        sequences = [one.sequence for one in seen]
        assert sequences == sorted(set(sequences))
    assert [one.sequence for one in everybody[0]] == list(range(1, count + 1))
    assert {one.json["subject"] for one in everybody[-1]} == {stories[0].job_id}


@pytest.mark.parametrize("behind", [50, 500])
async def test_clients_that_come_back_together_share_their_reads(
    start_gateway: Start, bus: Bus, behind: int
) -> None:
    """As after the restart of a gateway: those a little behind from its memory, the others page by page."""
    story = Story(bus, new_id())
    await story.tell(*(story.progressed() for _ in range(600)))
    position = await bus.position()

    async def resume(gateway: GatewayHere, number: int) -> list[int]:
        after = position.at(600 - behind - number % 3)
        async with gateway.follow(after=str(after)) as follower:
            return [one.sequence - after.sequence for one in (await follower.until("wayside.caught-up"))[:-1]]

    async with start_gateway(history_frames=100) as gateway:
        seen = await asyncio.gather(*(resume(gateway, number) for number in range(40)))
        assert gateway.live.stats.reads < 10
    assert all(one == list(range(1, behind + number % 3 + 1)) for number, one in enumerate(seen))
