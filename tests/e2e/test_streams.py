"""A client that is cut again and again sees every event once and in order."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import aiohttp
import pytest
from tests.e2e.cluster import Cluster
from tests.e2e.talk import Api, Frame
from tests.e2e.test_kills import stored_events

from wayside_events.catalogue import PROGRESS_TYPE

pytestmark = pytest.mark.timeout(120)


async def test_a_client_cut_at_random_sees_every_event_once_in_order(doubled: Cluster) -> None:
    chance = random.Random(7)
    async with aiohttp.ClientSession() as session:
        worker = doubled.worker("tests.e2e.worker")
        worker.start()
        apis = [Api(session, gateway.url, doubled.token()) for gateway in doubled.gateway]
        job = await apis[0].start_job("steps", steps=100, pause_seconds=0.03)
        path, seen, last_id, cuts, ended = f"/v1/jobs/{job['id']}/events", list[str](), None, 0, False
        while not ended:
            cuts += 1
            patience = chance.randint(1, 15)
            async with chance.choice(apis).stream(path, last_id) as frames:
                async for frame in frames:
                    last_id = frame.id or last_id
                    if frame.event.startswith("analysis."):
                        seen.append(frame.json["id"])
                        patience -= 1
                    ended = frame.event == "wayside.end"
                    if ended or patience == 0:
                        break
        worker.stop()
    stored = [event.id for event in await stored_events(doubled, job["id"])]
    assert cuts > 5
    assert seen == stored[-len(seen) :]
    assert seen[-1] == stored[-1]


async def seen_within(frames: AsyncIterator[Frame], seconds: float) -> list[str]:
    seen = list[str]()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for frame in frames:
                seen += [frame.event] if frame.event.startswith("analysis.") else []
    return seen


async def test_the_stream_of_a_scope_shows_all_its_jobs_and_no_other_scope(doubled: Cluster) -> None:
    async with aiohttp.ClientSession() as session:
        worker = doubled.worker("tests.e2e.worker")
        worker.start()
        acme = Api(session, doubled.gateway[0].url, doubled.token())
        warm = await acme.start_job("steps", steps=1)
        await acme.finished(warm["id"])
        other = Api(session, doubled.gateway[1].url, doubled.token(scope="other"))
        async with (
            acme.stream("/v1/events?scope=acme") as mine,
            other.stream("/v1/events?scope=other") as theirs,
        ):
            jobs = [await acme.start_job("steps", steps=3, pause_seconds=0) for _ in range(5)]
            waiting = {job["id"] for job in jobs}
            async for frame in mine:
                if frame.event == "analysis.job.completed":
                    waiting.discard(frame.json["subject"])
                if not waiting:
                    break
            await acme.start_job("steps", steps=1, pause_seconds=0)
            assert await seen_within(theirs, seconds=0.5) == []
        worker.stop()


async def test_a_finished_job_streams_its_snapshot_and_ends(single: Cluster) -> None:
    async with aiohttp.ClientSession() as session:
        worker = single.worker("tests.e2e.worker")
        worker.start()
        api = Api(session, single.gateway[0].url, single.token())
        job = await api.start_job("steps", steps=1)
        await api.finished(job["id"])
        async with api.stream(f"/v1/jobs/{job['id']}/events") as frames:
            seen = [frame async for frame in frames]
        worker.stop()
    assert [frame.event for frame in seen] == ["wayside.snapshot", "wayside.end"]
    assert seen[0].json["status"] == "completed"


async def test_what_follows_a_snapshot_is_newer_and_has_no_hole(single: Cluster) -> None:
    async with aiohttp.ClientSession() as session:
        worker = single.worker("tests.e2e.worker")
        worker.start()
        api = Api(session, single.gateway[0].url, single.token())
        job = await api.start_job("steps", steps=100, pause_seconds=0.03)
        streams = [asyncio.create_task(_newly_opened(api, job["id"], opened / 10)) for opened in range(20)]
        seen = await asyncio.gather(*streams)
        worker.stop()
    stored = await stored_events(single, job["id"])
    for shown, followed in seen:
        newer = [event for event in stored if event.revision > shown]
        assert followed == [event.revision for event in newer if event.revision in followed]
        left_out = {event.type for event in newer if event.revision not in followed}
        assert left_out <= {PROGRESS_TYPE}, "only progress is superseded"
    assert sum(shown > 1 for shown, _ in seen) > len(seen) // 2


async def _newly_opened(api: Api, job_id: str, seconds: float) -> tuple[int, list[int]]:
    """Follow a job from some time on, to its end; return the revision it is shown in and those of its events."""
    await asyncio.sleep(seconds)
    async with api.stream(f"/v1/jobs/{job_id}/events") as frames:
        shown = (await anext(frames)).json["revision"]
        return shown, [
            frame.json["revision"] async for frame in frames if frame.event.startswith("analysis.")
        ]
