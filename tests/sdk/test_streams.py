"""Event streams over a server that follows a script: every way in which a stream can end or go on."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from wayside import Client, CursorReset, NotFound, Reset, Snapshot
from wayside.client.streams import EventStream, Item, _Interrupted
from wayside_events.contracts.jobs import Job
from wayside_events.identifiers import EntityId, ScopeName
from wayside_events.jobs import (
    JobCompleted,
    JobCompletedData,
    JobMode,
    JobProgressData,
    JobProgressed,
    JobStatus,
    Progress,
)

JOB = EntityId("0198c0de-0000-7000-8000-000000000001")
ACME = ScopeName("acme")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUICK = "retry: 1\n"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def frame(name: str, data: str, cursor: str | None = None) -> str:
    return (f"id: {cursor}\n" if cursor else "") + f"event: {name}\ndata: {data}\n\n"


def progress(sequence: int, revision: int | None = None) -> str:
    data = JobProgressData(job_id=JOB, job_type="t", attempt=1, progress=Progress(current=sequence))
    event = JobProgressed.of(data, scope=ACME, revision=revision or sequence, time=NOW)
    return frame(event.type, event.to_json().decode(), f"e-{sequence}")


def completed(sequence: int) -> str:
    data = JobCompletedData(
        job_id=JOB, job_type="t", attempt=1, queue="q", mode=JobMode.QUEUED, duration_seconds=1
    )
    event = JobCompleted.of(data, scope=ACME, revision=sequence, time=NOW)
    return frame(event.type, event.to_json().decode(), f"e-{sequence}")


def snapshot(sequence: int, revision: int) -> str:
    job = Job(
        id=JOB,
        scope=ACME,
        type="t",
        status=JobStatus.RUNNING,
        revision=revision,
        mode=JobMode.QUEUED,
        queue="q",
        priority=5,
        attempt=1,
        max_attempts=1,
        progress=Progress(),
        created_by="ada",
        created_at=NOW,
        updated_at=NOW,
    )
    return frame("wayside.snapshot", job.model_dump_json(), f"e-{sequence}")


def end(sequence: int) -> str:
    return frame("wayside.end", json.dumps({"status": "completed"}), f"e-{sequence}")


@dataclass
class Script:
    """What the server answers, connection after connection; a text is a stream that then is cut."""

    answers: list[str | Answer] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)

    @property
    def resumed_from(self) -> list[str | None]:
        return [request.headers.get("Last-Event-ID") for request in self.requests]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else "event: wayside.end\ndata: {}\n\n"
        if not isinstance(answer, str):
            return await answer(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write((QUICK + "\n" + answer).encode())
        assert request.transport is not None
        request.transport.close()
        return response


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def client(script: Script) -> AsyncIterator[Client]:
    application = web.Application()
    application.router.add_get("/v1/jobs/{job_id}/events", script.answer)
    application.router.add_get("/v1/events", script.answer)
    async with TestServer(application) as server, Client(str(server.make_url("")), token="t") as client:
        yield client


async def collect(stream: EventStream) -> list[Item]:
    async with asyncio.timeout(10):
        return [item async for item in stream]


def sequences(items: list[Item]) -> list[float | None]:
    return [item.data.progress.current for item in items if isinstance(item, JobProgressed)]


async def test_a_stream_ends_when_the_gateway_says_so(client: Client, script: Script) -> None:
    script.answers = [snapshot(3, 3) + progress(4) + completed(5) + end(5)]
    stream = client.events.job(JOB)
    items = await collect(stream)
    assert [type(item) for item in items] == [Snapshot, JobProgressed, JobCompleted]
    assert (stream.cursor, len(script.requests)) == ("e-5", 1)


async def test_a_stream_that_is_cut_goes_on_after_the_last_whole_event(
    client: Client, script: Script
) -> None:
    script.answers = [
        snapshot(3, 3) + progress(4) + progress(5)[:-30],
        progress(5) + progress(6),
        progress(7) + end(7),
    ]
    assert sequences(await collect(client.events.job(JOB))) == [4, 5, 6, 7]
    assert script.resumed_from == [None, "e-4", "e-6"]


async def test_the_id_of_an_event_that_is_cut_off_is_not_resumed_from(client: Client, script: Script) -> None:
    script.answers = [progress(4).removesuffix("\n"), progress(4) + end(4)]
    assert sequences(await collect(client.events.scope("acme"))) == [4]
    assert script.resumed_from == [None, None]


async def test_a_snapshot_that_is_cut_off_comes_again(client: Client, script: Script) -> None:
    script.answers = [snapshot(3, 3).removesuffix("\n"), snapshot(3, 3) + end(3)]
    assert [type(item) for item in await collect(client.events.job(JOB))] == [Snapshot]
    assert script.resumed_from == [None, None]


async def test_a_stream_is_resumed_from_where_it_began(client: Client, script: Script) -> None:
    script.answers = ["id: e-3\n\n", progress(4) + end(4)]
    await collect(client.events.scope("acme"))
    assert script.resumed_from == [None, "e-3"]


async def test_what_was_seen_is_not_delivered_again(client: Client, script: Script) -> None:
    script.answers = [progress(4) + progress(5), progress(4) + progress(5) + progress(6) + end(6)]
    assert sequences(await collect(client.events.scope("acme"))) == [4, 5, 6]


async def test_events_that_the_snapshot_knows_already_are_left_out(client: Client, script: Script) -> None:
    script.answers = [snapshot(3, 5) + progress(4, 4) + progress(5, 5) + progress(6, 6) + end(6)]
    assert sequences(await collect(client.events.job(JOB))) == [6]


async def test_a_snapshot_on_the_way_does_not_hide_events_that_were_missed(
    client: Client, script: Script
) -> None:
    script.answers = [snapshot(3, 3) + progress(4), snapshot(9, 9) + progress(5) + progress(6) + end(6)]
    items = await collect(client.events.job(JOB))
    assert [type(item) for item in items] == [Snapshot, JobProgressed, JobProgressed, JobProgressed]


async def test_no_content_means_that_the_stream_is_over(client: Client, script: Script) -> None:
    async def nothing(request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    script.answers = [progress(4), nothing]
    assert sequences(await collect(client.events.job(JOB))) == [4]


async def test_a_gateway_that_says_good_bye_is_come_back_to(client: Client, script: Script) -> None:
    script.answers = [
        progress(4) + frame("wayside.bye", "{}", "e-8"),
        frame("wayside.unavailable", "{}"),
        progress(9) + end(9),
    ]
    assert sequences(await collect(client.events.scope("acme"))) == [4, 9]
    assert script.resumed_from == [None, "e-8", "e-8"]


async def test_a_ping_with_a_position_moves_the_cursor(client: Client, script: Script) -> None:
    script.answers = [progress(4) + frame("wayside.ping", "{}", "e-90"), progress(91) + end(91)]
    await collect(client.events.scope("acme"))
    assert script.resumed_from == [None, "e-90"]


async def test_a_stream_whose_events_are_gone_says_so(client: Client, script: Script) -> None:
    reset = frame("wayside.reset", '{"cursor": "f-70", "reason": "expired"}', "f-70")
    script.answers = [reset, reset + progress(5) + end(5)]
    with pytest.raises(CursorReset) as raised:
        await collect(client.events.scope("acme", after="e-1"))
    assert (raised.value.cursor, raised.value.reason) == ("f-70", "expired")
    items = await collect(client.events.scope("acme", after="e-1", on_reset="yield"))
    assert items[0] == Reset("f-70", "expired")


async def test_after_a_reset_a_job_has_a_new_snapshot_even_if_the_connection_breaks_in_between(
    client: Client, script: Script
) -> None:
    reset = frame("wayside.reset", '{"cursor": "f-70", "reason": "epoch"}', "f-70")
    script.answers = [progress(4), reset, snapshot(71, 9) + end(72)]
    items = await collect(client.events.job(JOB, after="e-3"))
    assert [type(item) for item in items] == [JobProgressed, Reset, Snapshot]
    assert script.resumed_from == ["e-3", "e-4", None]


async def test_a_silent_connection_is_given_up(client: Client, script: Script) -> None:
    async def silence(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write((QUICK + progress(4)).encode())
        await asyncio.sleep(30)
        return response

    script.answers = [silence, progress(5) + end(5)]
    stream = client.events.scope("acme", watchdog_seconds=0.2)
    assert sequences(await collect(stream)) == [4, 5]


async def test_a_stream_waits_for_a_gateway_that_is_not_ready(client: Client, script: Script) -> None:
    async def not_ready(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503, headers={"Retry-After": "0"})

    script.answers = [progress(4), not_ready, progress(5) + end(5)]
    assert sequences(await collect(client.events.scope("acme"))) == [4, 5]


async def test_what_cannot_be_changed_by_trying_again_is_raised(client: Client, script: Script) -> None:
    async def gone(request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {"title": "x", "status": 404, "code": "not_found", "detail": "No such job."}, status=404
        )

    script.answers = [gone]
    with pytest.raises(NotFound, match="No such job"):
        await collect(client.events.job(JOB))


async def test_an_event_of_an_unknown_type_is_passed_over(client: Client, script: Script) -> None:
    script.answers = [frame("analysis.job.admired", '{"type": "analysis.job.admired"}', "e-4") + end(4)]
    stream = client.events.scope("acme")
    assert (await collect(stream), stream.cursor) == ([], "e-4")


async def test_filters_and_the_token_are_sent(client: Client, script: Script) -> None:
    await collect(client.events.scope("acme", types=["analysis.job.*", "edges.edge.created"]))
    (request,) = script.requests
    assert dict(request.query) == {"scope": "acme", "types": "analysis.job.*,edges.edge.created"}
    assert request.headers["Authorization"] == "Bearer t"


async def test_whoever_waits_with_a_time_limit_may_ask_again(client: Client, script: Script) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(progress(1).encode())
        await asyncio.sleep(30)
        return response

    script.answers = [silent, progress(2)]
    async with client.events.scope("acme", after="e-0") as stream:
        assert sequences([await anext(stream)]) == [1]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await anext(stream)
        assert sequences([await anext(stream)]) == [2]
    assert script.resumed_from == ["e-0", "e-1"]


async def test_an_outage_of_days_ends_no_stream(client: Client, script: Script) -> None:
    script.answers = [progress(1)]
    async with client.events.scope("acme", after="e-0") as stream:
        stream._failures = 5_000
        assert sequences([await anext(stream)]) == [1]
        stream._failures = 5_000
        assert 15 <= stream._pause(_Interrupted("gone")) <= 30
