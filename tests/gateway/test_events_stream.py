"""`GET /v1/events`: all events of a scope, from a cursor on."""

from tests.gateway.world import Gateway, Story

from wayside_events.bus import Bus
from wayside_events.identifiers import new_id


async def test_a_stream_without_a_cursor_begins_now(gateway: Gateway, bus: Bus) -> None:
    story = Story(bus, new_id())
    await story.tell(story.started())
    async with gateway.follow() as follower:
        caught_up = await follower.next()
        await story.tell(story.progressed())
        assert (caught_up.event, caught_up.id) == ("wayside.caught-up", str((await bus.position()).at(1)))
        assert (await follower.next()).json["id"] == f"{story.job_id}:2"


async def test_a_stream_resumes_after_its_cursor(gateway: Gateway, bus: Bus) -> None:
    story = Story(bus, new_id())
    await story.tell(*(story.progressed(n) for n in range(5)))
    cursor = (await bus.position()).at(2)
    async with gateway.follow(after=str(cursor)) as follower:
        received = await follower.until("wayside.caught-up")
    assert [one.sequence for one in received] == [3, 4, 5, 5]
    assert received[0].json["id"] == f"{story.job_id}:3"
