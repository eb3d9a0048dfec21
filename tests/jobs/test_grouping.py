"""Group commit: together while it goes well, one by one when it does not; no servers."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from wayside_jobs.domain.errors import SimultaneousChange, StoreRefused
from wayside_jobs.service.grouping import BATCH_SIZE, WAITING_SIZE, Group
from wayside_service.errors import DatabaseUnavailable, Unavailable

Batches = list[list[int]]


def group_of(batches: Batches, limit: int = 100, **options: Any) -> Group[int, int]:
    """A group that doubles numbers; the one after `fails_<n>` fails whatever batch it is in."""

    failing = {name: options.pop(name) for name in list(options) if name.startswith("fails_")}

    async def serve(items: Sequence[int]) -> list[int | Exception]:
        batches.append(list(items))
        await asyncio.sleep(0)
        for item in items:
            if error := failing.get(f"fails_{item}"):
                raise error
        return [2 * item for item in items]

    return Group("test", serve, limit=limit, **options)


async def test_what_arrives_meanwhile_is_served_together_next() -> None:
    batches: Batches = []
    group = group_of(batches)
    first = asyncio.create_task(group.submit([1]))
    await asyncio.sleep(0)
    rest = await asyncio.gather(group.submit([2, 3]), group.submit([4]))
    assert [await first, *rest] == [[2], [4, 6], [8]]
    assert batches == [[1], [2, 3, 4]]


async def test_a_batch_is_no_larger_than_the_limit() -> None:
    batches: Batches = []
    assert await group_of(batches, limit=2).submit([1, 2, 3]) == [2, 4, 6]
    assert batches == [[1, 2], [3]]


async def test_the_culprit_is_refused_alone() -> None:
    refusal = StoreRefused("no")
    assert await group_of([], fails_2=refusal).submit([1, 2, 3]) == [2, refusal, 6]


async def test_a_defect_that_one_item_meets_does_not_fail_the_others() -> None:
    defect = KeyError("x")
    assert await group_of([], fails_3=defect).submit([1, 2, 3]) == [2, 4, defect]


async def test_nothing_is_tried_one_by_one_while_the_database_is_away() -> None:
    batches: Batches = []
    away = DatabaseUnavailable()
    assert await group_of(batches, fails_1=away).submit([1, 2]) == [away, away]
    assert batches == [[1, 2]]


async def test_a_collision_is_tried_again_a_few_times() -> None:
    batches: Batches = []
    collision = SimultaneousChange("x")
    assert await group_of(batches, fails_1=collision).submit([1]) == [collision]
    assert len(batches) == 4


async def test_who_leaves_does_not_stop_the_others() -> None:
    group = group_of([])
    leaving = asyncio.create_task(group.submit([1]))
    staying = asyncio.create_task(group.submit([2]))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == [4]
    await group.close()


async def test_what_was_served_apart_is_not_served_again_when_the_rest_fails() -> None:
    batches: Batches = []
    refusal = StoreRefused("no")
    group = group_of(batches, split=lambda items: [items[:2], items[2:]], fails_3=refusal)
    assert await group.submit([1, 2, 3, 4]) == [2, 4, refusal, 8]
    assert batches == [[1, 2], [3, 4], [3], [4]]


async def test_a_batch_grows_no_larger_than_a_transaction_should() -> None:
    batches: Batches = []
    group = group_of(batches, size_of=lambda _: BATCH_SIZE // 2)
    assert await group.submit([1, 2, 3]) == [2, 4, 6]
    assert batches == [[1, 2], [3]]


async def test_who_comes_when_too_much_waits_is_sent_away() -> None:
    group = group_of([], size_of=lambda _: WAITING_SIZE)
    waiting = asyncio.create_task(group.submit([1]))
    await asyncio.sleep(0)
    more = asyncio.create_task(group.submit([2]))
    with pytest.raises(Unavailable):
        await asyncio.gather(more, group.submit([3]))
    assert await waiting == [2]
    await group.close()
    assert await group.submit([4]) == [8]
