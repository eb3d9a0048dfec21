"""Two instances on the same claims at once."""

import asyncio
import random
from typing import Any

from tests.governance.api import Api, proposal
from tests.governance.conftest import EventLog, StartInstance


async def test_overlapping_batches_neither_deadlock_nor_double(
    api: Api, start_instance: StartInstance, log: EventLog
) -> None:
    other = await start_instance()
    batches = []
    for run in range(12):
        numbers = random.Random(run).sample(range(150), 100)
        batches.append([proposal(number, analysis_run_id=f"run-{run}") for number in numbers])
    answers = await asyncio.gather(
        *((api, other)[index % 2].propose(*batch) for index, batch in enumerate(batches))
    )
    outcomes = [outcome for answer in answers for outcome in answer]
    created = [outcome["suggestion_id"] for outcome in outcomes if outcome["outcome"] == "created"]
    assert {outcome["outcome"] for outcome in outcomes} == {"created", "evidence_added"}
    assert len(created) == len({outcome["suggestion_id"] for outcome in outcomes})
    assert await log.has(1_200)


async def test_every_revision_is_told_once_and_in_order(
    api: Api, start_instance: StartInstance, log: EventLog
) -> None:
    other = await start_instance()
    for run in range(6):
        batch = [proposal(number, analysis_run_id=f"run-{run}") for number in range(20)]
        await asyncio.gather(api.propose(*batch[:15]), other.propose(*batch[5:]))
    assert await log.has(6 * 20)
    revisions: dict[str, list[int]] = {}
    for event in log.events:
        revisions.setdefault(event.subject, []).append(event.revision)
    assert set(map(tuple, revisions.values())) == {(1, 2, 3, 4, 5, 6)}


async def test_the_same_node_with_other_content_from_two_sides_ends_in_one_row(
    api: Api, start_instance: StartInstance
) -> None:
    other = await start_instance()
    ends: dict[str, Any] = {"from_node": {"label": "one"}, "to_node": {"kind": "weakness"}}
    back: dict[str, Any] = {"from_node": {"label": "two"}, "to_node": {"content": "text"}}
    forth = [proposal(from_node_id=f"n{n}", to_node_id=f"n{n + 1}", **ends) for n in range(100)]
    reverse = [proposal(from_node_id=f"n{n + 1}", to_node_id=f"n{n}", **back) for n in range(100)]
    await asyncio.gather(api.propose(*forth), other.propose(*reverse), api.propose(*reversed(forth)))
    node = (await api.get("/v1/nodes/n50")).body
    assert (node["kind"], node["content"]) == ("weakness", "text")


async def test_each_instance_reads_what_the_other_wrote(api: Api, start_instance: StartInstance) -> None:
    other = await start_instance()
    suggestion = await api.suggest()
    approved = (await other.as_("rita", "reviewer").approve(suggestion)).body["suggestion"]
    assert (await api.suggestion(suggestion["id"]))["edge_id"] == approved["edge_id"]
