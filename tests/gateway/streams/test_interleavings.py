"""The hub under every order of live events, holes, replays, stalls, cuts and resumes that hypothesis can think of."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.gateway.streams.model import JOB, PROGRESS, SCOPE, Client, Stored, World

from wayside_events.catalogue import TERMINAL_TYPES
from wayside_gateway.streams.feed import frame_of
from wayside_gateway.streams.wanted import Wanted

JOBS = ("a", "b", "c")
LOG, COMPLETED = "analysis.job.log", "analysis.job.completed"

Step = tuple[Any, ...]

wanted = st.sampled_from(
    [
        Wanted(),
        Wanted(entities=frozenset({"a"})),
        Wanted(entities=frozenset({"a", "b"})),
        Wanted(types=(LOG,)),
        Wanted(types=("analysis.job.*",)),
    ]
)
client_number = st.integers(0, 3)
ordinary = st.one_of(
    st.tuples(
        st.just("publish"),
        st.sampled_from([PROGRESS, PROGRESS, LOG]),
        st.sampled_from([SCOPE, SCOPE, "other"]),
        st.sampled_from(JOBS),
    ),
    st.tuples(st.just("arrive")),
    st.tuples(st.just("lose")),
    st.tuples(st.just("join"), wanted, st.integers(0, 10)),
    st.tuples(st.just("stall"), client_number),
    st.tuples(st.just("read"), client_number),
    st.tuples(st.just("cut"), client_number),
    st.tuples(st.just("resume"), client_number),
    st.tuples(st.just("ping")),
    st.tuples(st.just("wait"), st.integers(1, 6)),
)


async def play(world: World, steps: Sequence[Step]) -> None:
    await world.feed.start()
    for step in steps:
        await act(world, *step)
    await world.settle()


async def act(world: World, verb: str, *arguments: Any) -> None:
    stream = world.stream
    match verb, arguments:
        case "join", (wanted_events, back):
            start = stream.position.at(max(stream.first - 1, stream.position.sequence - back))
            world.join(wanted_events, start)
        case "wait", (count,):
            for _ in range(count):
                await asyncio.sleep(0)
        case "ping", ():
            world.ping()
        case (("stall" | "read" | "cut" | "resume"), (number,)) if number < len(world.clients):
            await act_on_client(world, verb, world.clients[number])
        case (("publish" | "arrive" | "lose" | "purge" | "recreate"), _):
            getattr(stream, verb)(*arguments)


async def act_on_client(world: World, verb: str, client: Client) -> None:
    match verb:
        case "stall":
            client.pipe.is_stalled = True
        case "read":
            client.pipe.read()
        case "cut":
            await world.cut(client)
        case "resume" if client.is_disconnected:
            world.connect(client)


def run(scenario: Callable[[World], Coroutine[Any, Any, None]], **options: int) -> None:
    async def main() -> None:
        errors: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        world = World(**options)
        try:
            await scenario(world)
        finally:
            await world.close()
        assert errors == []

    asyncio.run(main())


def expected_of(client: Client, events: Sequence[Stored]) -> list[Stored]:
    return [
        one
        for one in events
        if one.scope == SCOPE
        and one.sequence > max(client.start.sequence, client.known)
        and client.wanted.matches(frame_of(one, "1"))
    ]


def assert_exact(client: Client, events: Sequence[Stored]) -> None:
    """Once and in order; nothing is missing but progress that newer progress of its job supersedes."""
    got = [cursor.sequence for cursor in client.got]
    expected = expected_of(client, events)
    assert got == sorted(set(got))
    assert set(got) <= {one.sequence for one in expected}
    newest = {one.subject: one.sequence for one in expected}
    missing = [one for one in expected if one.sequence not in got]
    assert all(one.is_progress and one.sequence < newest[one.subject] for one in missing), missing


thorough = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@thorough
@given(st.lists(ordinary, max_size=60))
def test_every_client_sees_every_event_once_and_in_order(steps: list[Step]) -> None:
    async def scenario(world: World) -> None:
        await play(world, steps)
        for client in world.clients:
            assert_exact(client, world.stream.events)
            assert client.resets == []

    run(scenario)


@thorough
@given(st.lists(ordinary, max_size=40), st.integers(1, 4))
def test_a_hole_nobody_reported_is_found_by_the_next_event_of_its_job(steps: list[Step], count: int) -> None:
    async def scenario(world: World) -> None:
        await play(world, steps)
        for _ in range(count):
            world.stream.publish(LOG, SCOPE, "a")
        world.stream.lose_unnoticed(count)
        world.stream.publish(LOG, SCOPE, "a")
        await world.settle()
        for client in world.clients:
            assert_exact(client, world.stream.events)

    run(scenario)


@thorough
@given(
    st.lists(ordinary, max_size=30), st.sampled_from(["purge", "recreate"]), st.lists(ordinary, max_size=30)
)
def test_a_client_is_told_when_events_are_gone(before: list[Step], what: str, after: list[Step]) -> None:
    async def scenario(world: World) -> None:
        await play(world, before)
        await act(world, what)
        for client in world.clients:
            await world.cut(client)
        await play_on(world, after)
        for client in world.clients:
            told_or_complete(client, world)

    run(scenario)


async def play_on(world: World, steps: Sequence[Step]) -> None:
    for step in steps:
        await act(world, *step)
    await world.settle()


def told_or_complete(client: Client, world: World) -> None:
    """After its last reset a client has everything; without one, it had lost nothing."""
    position = world.stream.position
    start = client.resets[-1] if client.resets else client.start
    since = Client(client.wanted, start if start.epoch == position.epoch else position.at(0))
    since.got = [one for one in client.got if one.epoch == start.epoch and one.sequence > start.sequence]
    if start.epoch == position.epoch:
        assert_exact(since, world.stream.ever)
    else:
        assert expected_of(since, world.stream.ever) == []


@thorough
@given(st.lists(ordinary, max_size=40), st.integers(0, 5))
def test_the_stream_of_a_job_ends_with_its_end(steps: list[Step], back: int) -> None:
    job = Wanted(entities=frozenset({"a"}), until=TERMINAL_TYPES)

    async def scenario(world: World) -> None:
        await play(world, steps)
        early = world.join(job, world.stream.position.at(max(0, world.stream.last - back)))
        world.stream.publish(COMPLETED, SCOPE, "a")
        world.stream.publish(PROGRESS, SCOPE, "a")
        await world.settle()
        assert early.names[-2:] == [COMPLETED, "wayside.end"]
        assert early.names.count("wayside.end") == 1

    run(scenario)


@thorough
@given(st.lists(ordinary, max_size=20), st.integers(0, 4), st.integers(1, 8), st.lists(ordinary, max_size=40))
def test_a_client_with_a_snapshot_gets_what_came_after_it(
    before: list[Step], back: int, known: int, after: list[Step]
) -> None:
    async def scenario(world: World) -> None:
        await play(world, before)
        start = world.stream.position.at(max(0, world.stream.last - back))
        world.join(Wanted(entities=frozenset({JOB})), start, start.sequence + known)
        await play_on(world, after)
        for client in world.clients:
            assert_exact(client, world.stream.events)

    run(scenario)


@thorough
@given(st.lists(ordinary, max_size=60))
def test_nothing_is_left_of_clients_that_are_gone(steps: list[Step]) -> None:
    async def scenario(world: World) -> None:
        await play(world, steps)
        for client in world.clients:
            await world.cut(client)
        assert world.topic.is_idle
        assert not world.topic._wide
        assert not world.topic._by_entity
        assert len(world.connections) == 0

    run(scenario)
