"""Thousands of decisions by a job: killed in the middle, gone on with, taken back, canceled in the middle."""

import os
import signal
from typing import Any

import aiohttp
import pytest
from tests.e2e.cluster import Cluster
from tests.e2e.talk import Api, until
from tests.e2e.test_kills import bus_of
from tests.instances import connected

from wayside_events.catalogue import parse_event
from wayside_events.subjects import EventFilter

pytestmark = pytest.mark.timeout(120)

COUNT = 4_000
BULK = "/v1/suggestions/bulk"


async def test_a_bulk_outlives_its_instance_and_is_taken_back(doubled: Cluster, database: str) -> None:
    async with aiohttp.ClientSession() as session:
        proposer = Api(session, doubled.gateway[0].url, doubled.token("runner"))
        reviewer = Api(session, doubled.gateway[1].url, doubled.token("reviewer", "operator", subject="rita"))
        await propose(proposer)
        wanted = {"scope": "acme", "action": "approve", "filter": {"all": True}}
        preview = await reviewer.post(BULK, {**wanted, "dry_run": True})
        assert preview["matched"] == COUNT
        begun = await reviewer.post(BULK, {**wanted, "snapshot": preview["snapshot"]})
        await until(lambda: in_the_middle(reviewer, begun["id"]))
        await kill_who_works(reviewer, begun["id"])
        done = await over(reviewer, begun["id"])
        assert (done["state"], done["decided"], done["changed"]) == ("done", COUNT, 0)
        job = await reviewer.finished(done["job_id"])
        assert (job["status"], job["result"]["decided"]) == ("completed", COUNT)
        assert await edges(database) == COUNT

        undo = await reviewer.post(f"{BULK}/{begun['id']}/undo", {})
        await until(lambda: in_the_middle(reviewer, undo["id"]))
        working = await reviewer.get(f"{BULK}/{undo['id']}")
        await reviewer.post(f"/v1/jobs/{working['job_id']}/cancel", {})
        stopped = await over(reviewer, undo["id"])
        assert stopped["state"] in ("canceled", "done")
        assert await edges(database) == COUNT - stopped["decided"]
        rest = await reviewer.post(f"{BULK}/{begun['id']}/undo", {})
        last = await over(reviewer, rest["id"])
        assert await edges(database) == 0
    counts = await counted_events(doubled)
    assert counts["edges.edge.created"] == counts["edges.edge.removed"] == COUNT
    assert counts["edges.suggestion.approved"] == counts["edges.suggestion.reopened"] == COUNT
    assert stopped["state"] == "done" or stopped["decided"] + last["decided"] == COUNT


async def propose(api: Api) -> None:
    for start in range(0, COUNT, 1_000):
        proposals = [
            {
                "from_node_id": f"node-{number % 100}",
                "to_node_id": f"other-{number}",
                "relationship_type": "relates_to",
                "confidence": 0.5,
                "source_model": "tfidf",
            }
            for number in range(start, start + 1_000)
        ]
        await api.post("/v1/suggestions", {"scope": "acme", "proposals": proposals})


async def in_the_middle(api: Api, bulk_id: str) -> bool:
    bulk = await api.get(f"{BULK}/{bulk_id}")
    return bool(bulk["decided"] > 0)


async def kill_who_works(api: Api, bulk_id: str) -> None:
    """kill -9 of the instance whose worker has the job: the name of a runner has its process id."""
    bulk = await api.get(f"{BULK}/{bulk_id}")
    job = await api.get(f"/v1/jobs/{bulk['job_id']}")
    if runner := job.get("runner"):
        os.kill(int(runner.rsplit("-", 2)[1]), signal.SIGKILL)


async def over(api: Api, bulk_id: str) -> Any:
    async def is_over() -> bool:
        return bool((await api.get(f"{BULK}/{bulk_id}"))["state"] not in ("running", "preview"))

    await until(is_over)
    return await api.get(f"{BULK}/{bulk_id}")


async def edges(database: str) -> int:
    async with connected(database, "governance") as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM edges")
        return count


async def counted_events(cluster: Cluster) -> dict[str, int]:
    """How many events of each type the stream holds; each is there once."""
    seen: dict[str, set[str]] = {}
    async with bus_of(cluster, "client") as bus:
        state = await bus.state()
        async for batch in bus.replay(
            EventFilter(("edges.suggestion.*", "edges.edge.*")), after=0, upto=state.last_sequence
        ):
            for message in batch:
                event = parse_event(message.payload)
                ids = seen.setdefault(event.type, set())
                assert event.id not in ids
                ids.add(event.id)
    return {event_type: len(ids) for event_type, ids in seen.items()}
