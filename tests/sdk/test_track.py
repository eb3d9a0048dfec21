"""Tracked operations on the real bus: the record follows the operation, and never gets in its way."""

import asyncio
import os
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from tests.eventually import eventually
from tests.sdk.standin import JobRecord, StandIn

from wayside import AlreadyTracked, JobCanceled, Tracker, TrackerSettings, Unavailable, track
from wayside.reporting.attempt import Attempt
from wayside.tracking import tracker as tracking
from wayside_events.bus import BusSettings
from wayside_events.contracts.jobs import CreateRequest
from wayside_standalone.nats import NatsServer


def only(service: StandIn) -> JobRecord:
    (record,) = service.jobs.values()
    return record


async def test_an_operation_that_ends_completes_its_job(service: StandIn, tracker: Tracker) -> None:
    async with track("import", scope="acme", input={"rows": 2}, session_id="s1", tracker=tracker) as job:
        job.progress(50, phase="load")
        job.log.info("loaded", rows=2)
        job.result = {"imported": 2}
    record = only(service)
    assert (record.status, record.id, record.input) == ("completed", job.id, {"rows": 2})
    assert (record.session_id, record.ending.result) == ("s1", {"imported": 2})
    assert (record.progress, record.log_messages) == ({"percent": 50, "phase": "load"}, ["loaded"])


async def test_an_exception_fails_the_job_and_goes_on_to_the_caller(
    service: StandIn, tracker: Tracker
) -> None:
    with pytest.raises(ValueError, match="no rows"):
        async with track("import", scope="acme", tracker=tracker):
            raise ValueError("no rows")
    error = only(service).ending.error
    assert (error.code, error.type, error.message, error.retryable) == (
        "error",
        "ValueError",
        "no rows",
        False,
    )


async def test_a_cancel_ends_the_block_with_an_exception_of_its_own(
    service: StandIn, tracker: Tracker
) -> None:
    async def operation() -> None:
        async with track("import", scope="acme", tracker=tracker):
            await service.cancel(only(service))
            await asyncio.sleep(30)

    with pytest.raises(JobCanceled):
        await operation()
    assert only(service).status == "canceled"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_task_that_somebody_else_cancels_stays_cancelled(service: StandIn, tracker: Tracker) -> None:
    async def operation() -> None:
        async with track("import", scope="acme", tracker=tracker):
            await asyncio.sleep(30)

    task = asyncio.create_task(operation())
    assert await eventually(lambda: bool(service.jobs))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await eventually(lambda: only(service).status == "failed")
    assert only(service).ending.error.code == "interrupted"


async def test_an_operation_may_have_a_time_limit(service: StandIn, tracker: Tracker) -> None:
    with pytest.raises(TimeoutError):
        async with track("import", scope="acme", timeout_seconds=0.1, tracker=tracker):
            await asyncio.sleep(30)
    assert only(service).ending.error.code == "timeout"


async def test_a_result_that_cannot_be_kept_does_not_fail_the_operation(
    service: StandIn, tracker: Tracker
) -> None:
    async with track("import", scope="acme", tracker=tracker) as job:
        job.result = object()
    record = only(service)
    assert (record.status, record.ending.result) == ("completed", None)
    assert "the result was left out" in record.log_messages[0]


async def test_a_lost_lease_leaves_the_operation_alone(service: StandIn, tracker: Tracker) -> None:
    async with track("import", scope="acme", tracker=tracker) as job:
        service.lose(only(service))
        job.progress(10)
        assert await eventually(lambda: job.stopping is not None)
        await asyncio.sleep(0)


async def test_the_same_unique_key_is_said_to_be_running(service: StandIn, tracker: Tracker) -> None:
    async with track("import", scope="acme", unique_key="u", session_id="s", tracker=tracker):
        with pytest.raises(AlreadyTracked) as raised:
            async with track("import", scope="acme", unique_key="u", session_id="s", tracker=tracker):
                pytest.fail("it ran twice")
    assert raised.value.job.id == only(service).id


@pytest.fixture
def unreachable() -> Iterator[Tracker]:
    tracker = Tracker(
        TrackerSettings(nats=BusSettings(url="nats://127.0.0.1:9"), start_seconds=0.2, exit_seconds=0.1)
    )
    yield tracker
    tracker.close()


async def test_an_operation_runs_without_wayside(unreachable: Tracker) -> None:
    async with track("import", scope="acme", tracker=unreachable) as job:
        job.progress(10)
        job.result = 1
    assert job.id is None


async def test_only_the_first_operation_waits_for_wayside_to_be_unreachable(unreachable: Tracker) -> None:
    async with track("import", scope="acme", tracker=unreachable):
        pass
    begun = time.monotonic()
    async with track("import", scope="acme", tracker=unreachable):
        pass
    assert time.monotonic() - begun < 0.1


async def test_an_operation_that_requires_its_record_does_not_run_without(unreachable: Tracker) -> None:
    with pytest.raises(Unavailable):
        async with track("import", scope="acme", required=True, tracker=unreachable):
            pytest.fail("it ran")


async def test_what_wayside_would_not_take_does_not_stop_the_operation(
    service: StandIn, tracker: Tracker
) -> None:
    async with track("import", scope="No Scope", input=object(), tracker=tracker) as job:
        job.progress(10)
    assert (job.id, service.jobs) == (None, {})


async def test_a_record_is_made_after_all_when_wayside_comes_back(
    service: StandIn, nats_server: NatsServer
) -> None:
    nats_server.stop()
    tracker = Tracker(TrackerSettings(nats=BusSettings(url=nats_server.url), start_seconds=0.1))
    async with track("import", scope="acme", tracker=tracker) as job:
        job.result = 7
    assert not job.is_tracked
    nats_server.start()
    assert await eventually(lambda: bool(service.jobs) and only(service).status == "completed")
    assert only(service).ending.result == 7
    await asyncio.to_thread(tracker.close)


async def test_an_exception_while_a_cancel_is_heeded_is_the_end_of_a_canceled_operation(
    service: StandIn, tracker: Tracker
) -> None:
    async def operation() -> None:
        async with track("import", scope="acme", tracker=tracker):
            await service.cancel(only(service))
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                raise ValueError("stopped half-way") from None

    with pytest.raises(ValueError, match="stopped half-way"):
        await operation()
    assert only(service).status == "canceled"
    assert "stopped half-way" in only(service).log_messages[0]
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_metrics_that_are_none_do_not_trip_the_operation(service: StandIn, tracker: Tracker) -> None:
    async with track("import", scope="acme", tracker=tracker) as job:
        job.metrics = 5  # type: ignore[assignment]
    assert only(service).status == "completed"
    assert "metrics were left out" in only(service).log_messages[0]


async def test_a_coroutine_that_is_closed_says_that_its_operation_was_interrupted(
    service: StandIn, tracker: Tracker
) -> None:
    async def operation() -> None:
        async with track("import", scope="acme", tracker=tracker):
            await asyncio.sleep(30)

    work = operation()
    task = asyncio.create_task(work)
    assert await eventually(lambda: bool(service.jobs))
    await asyncio.sleep(0.05)
    work.close()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await eventually(lambda: only(service).status == "failed")
    assert only(service).ending.error.code == "interrupted"


async def test_an_operation_that_did_not_get_its_record_in_time_leaves_none_open(
    service: StandIn, tracker: Tracker
) -> None:
    attempts: list[Attempt] = []
    begin = tracker.begin

    def late(attempt: Attempt, request: CreateRequest) -> Future[None]:
        attempts.append(attempt)
        begin(attempt, request)
        return Future()

    tracker.begin = late  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        async with track("import", scope="acme", required=True, tracker=tracker):
            pytest.fail("it ran")
    assert await eventually(lambda: bool(service.jobs) and only(service).status == "failed")


async def test_a_forked_process_tracks_by_a_connection_of_its_own(service: StandIn, tracker: Tracker) -> None:
    async def operation() -> None:
        async with track("import", scope="acme", required=True, tracker=tracker):
            pass

    await operation()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            asyncio.run(operation())
        finally:
            os._exit(0)
    await asyncio.to_thread(os.waitpid, pid, 0)
    assert [job.status for job in service.jobs.values()] == ["completed", "completed"]


async def test_not_more_records_wait_than_memory_can_bear(
    unreachable: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "WAITING_LIMIT", 2)
    for _ in range(2):
        async with track("import", scope="acme", tracker=unreachable):
            pass
    assert await eventually(lambda: unreachable._waiting == 2)
    with pytest.raises(Unavailable, match="2 operations wait"):
        async with track("import", scope="acme", required=True, tracker=unreachable):
            pytest.fail("it ran")


async def test_a_process_stays_known_for_every_job_type_it_has_made_known(
    service: StandIn, tracker: Tracker
) -> None:
    async def operation(name: str) -> None:
        async with track(name, scope="acme", required=True, tracker=tracker):
            pass

    service.unknown_types = {"import", "export", "index"}
    await operation("import")
    await asyncio.gather(operation("export"), operation("index"))
    last = service.registrations[-1]
    assert (set(last.tracked_types), last.job_types) == ({"import", "export", "index"}, ())
    assert last.slots == 2


async def test_operations_that_begin_together_make_their_type_known_once(
    service: StandIn, tracker: Tracker
) -> None:
    async def operation() -> None:
        async with track("import", scope="acme", required=True, tracker=tracker):
            pass

    service.unknown_types = {"import"}
    await asyncio.gather(*(operation() for _ in range(20)))
    assert len([said for said in service.registrations if said.tracked_types]) == 1


async def test_a_process_is_listed_with_the_types_it_tracks_that_others_have_made_known(
    service: StandIn, tracker: Tracker
) -> None:
    for _ in range(2):
        async with track("import", scope="acme", tracker=tracker):
            pass
    assert await eventually(lambda: service.registrations[-1].tracked_types == ("import",))
    assert len(service.registrations) == 2
