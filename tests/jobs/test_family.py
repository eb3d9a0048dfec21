"""Children: created only under a parent that is active, not too deep and not too many, and counted."""

import asyncio
from typing import Any

from tests.jobs.api import SCOPE, TYPE, Answer, Api, RunnerForTests
from tests.jobs.conftest import Connection, StartInstance

from wayside_events.bus import Bus


async def try_to_create(api: Api, key: str | None = None, **fields: Any) -> Answer:
    headers = {"Idempotency-Key": key} if key else {}
    return await api.post("/v1/jobs", {"type": TYPE, "scope": SCOPE, **fields}, headers=headers)


async def child_count(connection: Connection, job_id: str) -> int:
    count: int = await connection.fetchval("SELECT child_count FROM jobs WHERE id = $1", job_id)
    return count


async def test_children_are_counted_and_repeats_are_not(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    parent = await api.create()
    for fields in ({"unique_key": "u"}, {"unique_key": "u"}, {"key": "k"}, {"key": "k"}, {}):
        assert (await try_to_create(api, parent_id=parent.id, **fields)).status in (200, 201)
    assert await child_count(connection, parent.id) == 3


async def test_children_created_at_once_are_all_counted(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    one, other = [await start_instance() for _ in range(2)]
    await RunnerForTests(bus).register()
    parents = [await one.create() for _ in range(2)]
    await asyncio.gather(
        *(api.create(parent_id=parent.id) for _ in range(10) for api in (one, other) for parent in parents)
    )
    assert [await child_count(connection, parent.id) for parent in parents] == [20, 20]


async def test_a_parent_that_has_ended_or_is_to_end_gets_no_children(
    api: Api, runner: RunnerForTests
) -> None:
    ended, ending = await api.create(), await api.create()
    await runner.report(await runner.claim_one(), "complete")
    await runner.claim_one()
    await api.cancel(ending.id)
    for parent, status in ((ended, "completed"), (ending, "running")):
        answer = await try_to_create(api, parent_id=parent.id)
        assert (answer.status, answer.body["code"], answer.codes) == (
            409,
            "parent_ended",
            {"/parent_id": "parent_ended"},
        )
        assert answer.body["current"]["status"] == status


async def test_a_repeat_is_answered_although_the_parent_has_ended_since(
    api: Api, runner: RunnerForTests
) -> None:
    parent = await api.create()
    first = await try_to_create(api, "k", parent_id=parent.id, unique_key="u")
    await api.post(f"/v1/jobs/{parent.id}/cancel", {"cascade": False})
    by_key = await try_to_create(api, "k", parent_id=parent.id, unique_key="u")
    by_unique_key = await try_to_create(api, parent_id=parent.id, unique_key="u")
    assert [first.body["id"]] * 2 == [by_key.body["id"], by_unique_key.body["id"]]


async def test_a_tree_is_bounded_in_depth_and_width(start_instance: StartInstance, bus: Bus) -> None:
    api = await start_instance(family_depth_limit=2, family_children_limit=3)
    await RunnerForTests(bus).register()
    root = await api.create()
    child = await api.create(parent_id=root.id)
    grandchild = await api.create(parent_id=child.id)
    for _ in range(2):
        await api.create(parent_id=child.id)
    deep = await try_to_create(api, parent_id=grandchild.id)
    wide = await try_to_create(api, parent_id=child.id)
    assert (deep.status, deep.codes) == (422, {"/parent_id": "depth_limit"})
    assert (wide.status, wide.codes) == (422, {"/parent_id": "children_limit"})
