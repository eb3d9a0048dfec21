"""Who runs jobs: registered, heard of, stopped or lost; over NATS and HTTP."""

from typing import Any

import pytest
from tests.jobs.api import TYPE, Api, RunnerForTests, spec
from tests.jobs.conftest import Connection, StartInstance

from wayside_events.bus import Bus, RequestRefused
from wayside_events.contracts import jobs as contracts
from wayside_events.contracts.jobs import WorkerStatus


async def register(bus: Bus, name: str = "runner-1", **fields: Any) -> contracts.RegisterReply:
    body = contracts.RegisterRequest(runner=name, job_types=(spec(),), queues=("default",), **fields)
    return await bus.request(contracts.REGISTER_SUBJECT, body, contracts.RegisterReply)


async def beat(bus: Bus, name: str = "runner-1", **fields: Any) -> bool:
    body = contracts.BeatRequest(runner=name, **fields)
    return (await bus.request(contracts.BEAT_SUBJECT, body, contracts.BeatReply)).known


async def workers(api: Api, **params: Any) -> list[contracts.Worker]:
    answer = await api.get("/v1/workers", **params)
    assert answer.status == 200, answer.body
    return list(contracts.WorkerPage.model_validate(answer.body).items)


async def test_a_worker_is_shown_with_what_it_said_of_itself(api: Api, bus: Bus) -> None:
    await register(bus, version="1.2", hostname="box-1", pid=42, slots=8)
    assert await beat(bus, running=3, slots=6, abandoned=1)
    [worker] = await workers(api.as_("root", "viewer", scope="*"))
    assert worker.status is WorkerStatus.ACTIVE
    assert (worker.version, worker.hostname, worker.pid) == ("1.2", "box-1", 42)
    assert (worker.queues, worker.job_types) == (("default",), (TYPE,))
    assert (worker.slots, worker.busy, worker.abandoned, worker.running) == (6, 3, 1, 0)
    [same] = await workers(api)
    assert same.status is WorkerStatus.ACTIVE
    assert {same.version, same.hostname, same.pid, same.busy, same.abandoned} == {None}


async def test_a_worker_drains_stops_and_stays_stopped_until_it_registers_again(api: Api, bus: Bus) -> None:
    await register(bus)
    seen = []
    said: list[dict[str, Any]] = [{"is_draining": True}, {"stopped": True}, {}]
    for fields in said:
        await beat(bus, **fields)
        seen.append((await workers(api))[0].status)
    await register(bus)
    seen.append((await workers(api))[0].status)
    assert [status.value for status in seen] == ["draining", "stopped", "stopped", "active"]


async def test_a_worker_that_falls_silent_is_lost_and_its_jobs_are_shown_until_their_leases_end(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    job = await api.create(max_attempts=1)
    await runner.claim_one()
    await connection.execute("UPDATE runners SET seen_at = now() - interval '31 seconds'")
    [lost] = await workers(api, status="lost")
    assert (lost.status, lost.running, lost.job_ids) == (WorkerStatus.LOST, 1, (job.id,))
    await connection.execute("UPDATE jobs SET lease_expires_at = now(), due_at = now()")
    await runner.claim(1, wait_ms=300)
    assert (await api.job(job.id)).status == "failed"
    assert (await workers(api, status="lost"))[0].running == 0


async def test_a_worker_that_nobody_knows_is_told_to_register(api: Api, bus: Bus) -> None:
    assert not await beat(bus, "stranger")


async def test_of_a_workers_jobs_only_those_are_shown_that_the_caller_may_see(
    api: Api, runner: RunnerForTests
) -> None:
    other = api.as_("bob", scope="other")
    theirs, mine = [await caller.create() for caller in (other, api)]
    await runner.claim(2)
    assert (await workers(api))[0].job_ids == (mine.id,)
    [seen] = await workers(api.as_("root", "viewer", scope="*"))
    assert (seen.running, set(seen.job_ids)) == (2, {mine.id, theirs.id})


async def test_workers_are_listed_by_name_a_page_at_a_time_and_by_what_they_serve(api: Api, bus: Bus) -> None:
    for name in ("b", "a", "c"):
        await register(bus, name)
    await bus.request(
        contracts.REGISTER_SUBJECT,
        contracts.RegisterRequest(runner="d", queues=("slow",)),
        contracts.RegisterReply,
    )
    page = (await api.get("/v1/workers", limit=2)).body
    rest = (await api.get("/v1/workers", limit=2, page=page["next_page"])).body
    assert [item["name"] for item in (*page["items"], *rest["items"])] == ["a", "b", "c", "d"]
    assert rest["next_page"] is None
    assert [worker.name for worker in await workers(api, queue="slow")] == ["d"]
    assert [worker.name for worker in await workers(api, job_type=TYPE)] == ["a", "b", "c"]


async def test_a_list_of_workers_with_nonsense_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    for params in ({"page": "no name"}, {"status": "tired"}, {"queue": "Ä"}, {"limit": "0"}, {"x": "1"}):
        with subtests.test(str(params)):
            answer = await api.get("/v1/workers", **params)
            assert (answer.status, list(answer.codes)) == (422, [f"?{next(iter(params))}"])


async def test_over_http_a_worker_registers_and_beats_if_it_may_run_jobs_of_all_scopes(
    start_instance: StartInstance,
) -> None:
    api = await start_instance()
    body = {"runner": "web-1", "job_types": [{"name": TYPE}]}
    assert (await api.as_("w", "runner").post("/v1/workers", body)).status == 403
    everywhere = api.as_("w", "runner", scope="*")
    assert (await everywhere.post("/v1/workers/web-1/beat", {})).body == {"known": False}
    assert (await everywhere.post("/v1/workers", body)).body["beat_seconds"] == 10
    assert (await everywhere.post("/v1/workers/web-1/beat", {"running": 1})).body == {"known": True}
    assert [worker.name for worker in await workers(api)] == ["web-1"]
    assert (await everywhere.post("/v1/workers/a.b/beat", {})).status == 422


async def test_a_process_that_tracks_operations_is_listed_with_their_types_and_describes_none(
    api: Api, bus: Bus, runner: RunnerForTests
) -> None:
    await runner.register(spec("demo.known", max_attempts=7))
    await register(bus, "app-1", tracked_types=("demo.known", "demo.new"))
    [tracking, _] = await workers(api)
    assert (tracking.name, tracking.job_types) == ("app-1", (TYPE, "demo.known", "demo.new"))
    attempts = {name: (await api.get(f"/v1/job-types/{name}")).body for name in tracking.job_types[1:]}
    assert {name: body["max_attempts"] for name, body in attempts.items()} == {"demo.known": 7, "demo.new": 1}


async def test_a_process_tracks_no_work_of_the_service_itself(api: Api, bus: Bus) -> None:
    with pytest.raises(RequestRefused) as refused:
        await register(bus, tracked_types=("demo.a", "wayside.jobs.bulk"))
    assert refused.value.problem.errors[0].field == "/tracked_types/1"
