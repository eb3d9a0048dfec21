"""Races on purpose: two instances do to one job, at the same moment, what excludes each other; again and again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from tests.conftest import PostgresForTests
from tests.jobs.api import Answer
from tests.jobs.machine_world import Service, World, service

from wayside_events.contracts.jobs import Assignment, Outcome
from wayside_events.jobs import JobStatus
from wayside_standalone.nats import NatsServer, NatsSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUNDS = 4
PAIRS = 8
"""Pairs of one round race at once, so that they meet in groups too."""

Act = Callable[[], Awaitable[Any]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    postgres_server: PostgresForTests, jobs_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """One service for all races: each has a scope and job types of its own."""
    with (
        postgres_server.database(template=jobs_template) as dsn,
        NatsServer(NatsSettings(tmp_path_factory.mktemp("nats"))) as nats,
    ):
        async with service(dsn, nats.url) as started:
            yield started


@pytest_asyncio.fixture(loop_scope="module")
async def world(running: Service) -> World:
    return await World.new(running)


async def race(*acts: Act) -> list[Any]:
    """Do it all at the same moment."""
    barrier = asyncio.Barrier(len(acts))

    async def run(act: Act) -> Any:
        await barrier.wait()
        return await act()

    return await asyncio.gather(*map(run, acts))


async def races(world: World, pair: Callable[[int], Awaitable[tuple[Act, Act]]]) -> list[list[Any]]:
    """Race many pairs, first the one ahead and then the other; in the end everything agrees."""
    answers: list[list[Any]] = []
    for number in range(ROUNDS):
        pairs = await asyncio.gather(*(pair(number) for _ in range(PAIRS)))
        ordered = [each if number % 2 else each[::-1] for each in pairs]
        raced = await race(*(act for each in ordered for act in each))
        found = [raced[start : start + 2] for start in range(0, len(raced), 2)]
        answers += [each if number % 2 else each[::-1] for each in found]
        await world.observe()
    return answers


async def created(world: World, **fields: Any) -> str:
    answer = await world.create(0, type=world.types[0], **fields)
    job_id: str = answer.body["id"]
    return job_id


async def claimed(world: World, **fields: Any) -> Assignment:
    """A running job, from a queue of its own."""
    queue = f"queue-{next(world.service.numbers)}"
    job_id = await created(world, queue=queue, **fields)
    assert await world.claim(0, "runner-1", 1, queue) == 1
    return world.assignments[job_id, 1]


def said(assignment: Assignment, kind: str, **fields: Any) -> dict[str, Any]:
    names = {"job_id": assignment.job.id, "attempt": assignment.attempt, "token": assignment.token}
    return {"kind": kind, "seq": 9, **names, **fields}


async def ended(world: World, **fields: Any) -> str:
    assignment = await claimed(world, max_attempts=1, **fields)
    error = {"code": "broken", "message": "no"}
    assert await world.report(0, said(assignment, "fail", error=error)) is Outcome.ACCEPTED
    return assignment.job.id


async def test_a_job_is_either_claimed_and_asked_to_end_or_canceled_unclaimed(world: World) -> None:
    async def pair(_number: int) -> tuple[Act, Act]:
        queue = f"queue-{next(world.service.numbers)}"
        job_id = await created(world, queue=queue)
        return (lambda: world.claim(0, "runner-1", 1, queue)), (lambda: world.cancel(1, job_id))

    answers = await races(world, pair)
    for claims, cancel in answers:
        assert cancel.body["status"] == ("running" if claims else "canceled")
        assert ((cancel.body["id"], 1) in world.assignments) == bool(claims)


async def completes(world: World, timer: str, attempts: int) -> list[list[Any]]:
    async def pair(number: int) -> tuple[Act, Act]:
        assignment = await claimed(world, max_attempts=attempts)
        await world.move(timer, assignment.job.id)
        report = said(assignment, "complete", result=number)
        return (lambda: world.report(0, report)), (lambda: world.sweep(timer, (1,)))

    return await races(world, pair)


@pytest.mark.parametrize("timer", ["lease", "timeout"])
@pytest.mark.parametrize("attempts", [1, 2])
async def test_an_attempt_is_either_complete_or_over(world: World, timer: str, attempts: int) -> None:
    """`observe` has checked that each completion that was accepted is the only end of its attempt."""
    outcomes = [outcome for outcome, _ in await completes(world, timer, attempts)]
    assert set(outcomes) <= {Outcome.ACCEPTED, Outcome.FENCED}
    over = [row for row in world.rows.values() if row["status"] != JobStatus.COMPLETED]
    assert len(over) == outcomes.count(Outcome.FENCED)
    assert {row["status"] for row in over} <= {"failed" if attempts == 1 else "queued"}


async def test_a_grace_period_ends_with_a_word_of_the_runner_or_without(world: World) -> None:
    async def pair(_number: int) -> tuple[Act, Act]:
        assignment = await claimed(world)
        await world.cancel(0, assignment.job.id)
        await world.move("grace", assignment.job.id)
        report = said(assignment, "acknowledge_cancel")
        return (lambda: world.report(0, report)), (lambda: world.sweep("grace", (1,)))

    outcomes = [outcome for outcome, _ in await races(world, pair)]
    assert set(outcomes) <= {Outcome.ACCEPTED, Outcome.FENCED}
    states = [row["cancel_state"] for row in world.rows.values()]
    assert states.count("acknowledged") == outcomes.count(Outcome.ACCEPTED)
    assert states.count("forced") == outcomes.count(Outcome.FENCED)


@pytest.mark.parametrize("one, other", [("complete", "fail"), ("complete", "complete"), ("release", "fail")])
async def test_of_two_ends_of_an_attempt_one_counts(world: World, one: str, other: str) -> None:
    async def pair(_number: int) -> tuple[Act, Act]:
        assignment = await claimed(world, max_attempts=1)
        details: dict[str, Any] = {
            "complete": {"result": None},
            "fail": {"error": {"code": "broken", "message": "no"}},
        }
        first, second = (said(assignment, kind, **details.get(kind, {})) for kind in (one, other))
        return (lambda: world.report(0, first)), (lambda: world.report(1, second))

    assert {answers.count(Outcome.ACCEPTED) for answers in await races(world, pair)} == {1}


async def test_of_two_retries_one_makes_a_job_and_the_other_finds_it(world: World) -> None:
    async def pair(_number: int) -> tuple[Act, Act]:
        job_id = await ended(world)
        return (lambda: world.retry(0, job_id)), (lambda: world.retry(1, job_id))

    for answers in await races(world, pair):
        assert sorted(answer.status for answer in answers) == [200, 201]
        assert len({answer.body["id"] for answer in answers}) == 1


@pytest.mark.parametrize("is_running", [False, True])
async def test_of_two_cancels_one_counts(world: World, is_running: bool) -> None:
    async def pair(_number: int) -> tuple[Act, Act]:
        job_id = (await claimed(world)).job.id if is_running else await created(world)
        return (lambda: world.cancel(0, job_id)), (lambda: world.cancel(1, job_id))

    for answers in await races(world, pair):
        assert sorted(answer.status for answer in answers) == [200, 200 if is_running else 409]
    told = "cancel_requested" if is_running else "canceled"
    for history in world.histories.values():
        assert [event.type.rpartition(".")[2] for event in history.events].count(told) == 1


async def test_jobs_with_one_unique_key_are_one_job(world: World) -> None:
    numbers = iter(range(ROUNDS * PAIRS))

    async def pair(_number: int) -> tuple[Act, Act]:
        wanted = {"type": world.types[0], "unique_key": f"key {next(numbers)}"}
        return (lambda: world.create(0, **wanted)), (lambda: world.create(1, **wanted))

    check_one_made(await races(world, pair), [200, 201])


async def test_requests_with_one_idempotency_key_are_one_request(world: World) -> None:
    numbers = iter(range(ROUNDS * PAIRS))

    async def pair(_number: int) -> tuple[Act, Act]:
        wanted: dict[str, Any] = {"type": world.types[0], "key": f"key {next(numbers)}"}
        return (lambda: world.create(0, **wanted)), (lambda: world.create(1, **wanted))

    check_one_made(await races(world, pair), [201, 201])


def check_one_made(answers: list[list[Answer]], statuses: list[int]) -> None:
    for each in answers:
        assert sorted(answer.status for answer in each) == statuses
        assert len({answer.body["id"] for answer in each}) == 1


async def test_of_two_requests_with_one_key_and_two_bodies_one_is_refused(world: World) -> None:
    numbers = iter(range(ROUNDS * PAIRS))

    async def pair(_number: int) -> tuple[Act, Act]:
        wanted: dict[str, Any] = {"type": world.types[0], "key": f"key {next(numbers)}"}
        return (lambda: world.create(0, **wanted)), (lambda: world.create(1, **wanted, priority=9))

    for answers in await races(world, pair):
        assert sorted(answer.status for answer in answers) == [201, 409]


@pytest.mark.parametrize("is_running", [False, True])
async def test_a_child_is_refused_or_canceled_with_its_parent(world: World, is_running: bool) -> None:
    """`observe` waits for the cascade, and then nobody below a canceled job has not been asked."""

    async def pair(_number: int) -> tuple[Act, Act]:
        parent_id = (await claimed(world)).job.id if is_running else await created(world)
        await created(world, parent_id=parent_id)
        child = {"type": world.types[0], "parent_id": parent_id}
        return (lambda: world.create(0, **child)), (lambda: world.cancel(1, parent_id))

    for child, cancel in await races(world, pair):
        assert (cancel.status, child.status in (201, 409)) == (200, True)
        assert child.status == 409 or world.rows[child.body["id"]]["status"] == JobStatus.CANCELED


async def test_a_child_is_retried_inside_its_parent_or_canceled_with_it(world: World) -> None:
    async def pair(_number: int) -> tuple[Act, Act]:
        parent_id = (await claimed(world)).job.id
        child_id = await ended(world, parent_id=parent_id)
        return (lambda: world.retry(0, child_id)), (lambda: world.cancel(1, parent_id))

    for retry, cancel in await races(world, pair):
        assert (retry.status, cancel.status) == (201, 200)
        row = world.rows[retry.body["id"]]
        assert (row["parent_id"] is None) == (row["status"] == JobStatus.QUEUED)


async def test_an_attempt_is_claimed_by_one_of_many(world: World) -> None:
    """`claim` has checked that no attempt was given twice."""
    for number in range(ROUNDS):
        jobs = [await created(world) for _ in range(PAIRS)]
        claims = [lambda at=at: world.claim(at % 3, f"runner-{at}", 3) for at in range(6)]
        given = await race(*claims)
        while sum(given) < len(jobs):
            given.append(await world.claim(number % 2, "runner-1", 9))
            assert given[-1]
        assert sum(given) == len(jobs)
        await world.observe()
