"""The logs of jobs: what is kept, what is cut, what is read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from tests.jobs.api import Api, RunnerForTests
from tests.jobs.conftest import Connection, EventLog, StartInstance

from wayside_events.bus import Bus
from wayside_events.contracts.jobs import LOG_MESSAGE_LIMIT, Assignment, Outcome
from wayside_events.jobs import JobLogged
from wayside_jobs.domain.logs import LogBounds, context_text, cut_message

LINE: dict[str, Any] = {"time": "2026-01-01T00:00:00Z", "message": "hello"}


def lines(*messages: str, level: str = "info") -> list[dict[str, Any]]:
    return [{**LINE, "level": level, "message": message} for message in messages]


async def entries(api: Api, job_id: str, **params: Any) -> tuple[list[str], int, str | None]:
    """The messages of a page of a log, what was dropped, and where it goes on."""
    answer = await api.get(f"/v1/jobs/{job_id}/logs", **params)
    assert answer.status == 200, answer.body
    return (
        [item["message"] for item in answer.body["items"]],
        answer.body["dropped"],
        answer.body["next_page"],
    )


async def started(runner: RunnerForTests, api: Api) -> Assignment:
    await api.create()
    return await runner.claim_one()


async def stored(connection: Connection, job_id: str) -> Sequence[int]:
    """Entries and bytes of a log as it is, and as the job says."""
    row = await connection.fetchrow(
        "SELECT (SELECT count(*) FROM job_logs WHERE job_id = id), "
        "(SELECT sum(bytes) FROM job_logs WHERE job_id = id)::bigint, log_seq - log_dropped, log_bytes "
        "FROM jobs WHERE id = $1",
        job_id,
    )
    assert row is not None
    return list(row.values())


async def test_a_log_keeps_its_newest_entries_and_says_what_it_dropped(
    start_instance: StartInstance, bus: Bus, connection: Connection, log: EventLog
) -> None:
    api = await start_instance(log_entries_limit=20)
    runner = RunnerForTests(bus)
    await runner.register()
    assignment = await started(runner, api)
    for n in range(3):
        await runner.report(assignment, "log", entries=lines(*(f"{n}.{m}" for m in range(11))))
    job_id = assignment.job.id
    assert await stored(connection, job_id) == [20, 102, 20, 102]
    messages, dropped, _ = await entries(api, job_id)
    assert (messages[0], messages[-1], dropped) == ("1.2", "2.10", 13)
    assert await log.has(job_id, "queued", "started", "log", "log", "log")
    job = await api.job(job_id)
    assert (job.log_entries, job.log_dropped) == (20, 13)
    told = [event.data.dropped for event in log.of(job_id) if isinstance(event, JobLogged)]
    assert told == [0, 0, 13]


async def test_lines_that_a_runner_lost_are_counted_and_the_time_of_the_server_is_said(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    api = await start_instance(log_entries_limit=20)
    runner = RunnerForTests(bus)
    await runner.register()
    assignment = await started(runner, api)
    await runner.report(assignment, "log", entries=lines("a", "b"), dropped=40_000)
    await runner.report(assignment, "log", entries=lines(*"0123456789" * 3), dropped=10_000)
    job = await api.job(assignment.job.id)
    assert (job.log_entries, job.log_dropped) == (20, 50_012)
    assert await stored(connection, job.id) == [20, 60, 20, 60]
    first = (await api.get(f"/v1/jobs/{job.id}/logs")).body["items"][0]
    assert first["time"] == "2026-01-01T00:00:00.000000Z"
    assert job.started_at is not None
    assert datetime.fromisoformat(first["received_at"]) > job.started_at


async def test_a_log_keeps_no_more_than_its_bytes_and_its_newest_entry_at_least(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    api = await start_instance(log_bytes_limit=1_000)
    runner = RunnerForTests(bus)
    await runner.register()
    assignment = await started(runner, api)
    await runner.report(assignment, "log", entries=lines(*("x" * 98 for _ in range(11))))
    assert (await entries(api, assignment.job.id))[1] == 0
    await runner.report(assignment, "log", entries=lines("y" * 98))
    assert await stored(connection, assignment.job.id) == [10, 1_000, 10, 1_000]
    await runner.report(assignment, "log", entries=lines("z" * 5_000))
    assert (await entries(api, assignment.job.id))[:2] == (["z" * 5_000], 12)


async def test_entries_of_one_transaction_and_what_follows_them_agree_on_what_was_dropped(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    api = await start_instance(log_entries_limit=5)
    runner = RunnerForTests(bus)
    await runner.register()
    assignment = await started(runner, api)
    await runner.send(
        runner.said(assignment, "log", entries=lines("a", "b", "c", "d")),
        runner.said(assignment, "log", entries=lines("e", "f", "g")),
        runner.said(assignment, "progress", progress={"percent": 5}),
        runner.said(assignment, "complete"),
    )
    assert await stored(connection, assignment.job.id) == [5, 15, 5, 15]
    assert (await entries(api, assignment.job.id))[:2] == (["c", "d", "e", "f", "g"], 2)


async def test_an_entry_that_is_too_long_is_cut_and_says_so(api: Api, runner: RunnerForTests) -> None:
    assignment = await started(runner, api)
    entry = {**LINE, "message": "x" * 20_000, "context": {"a": "y" * 70_000}}
    assert (await runner.report(assignment, "log", entries=[entry])).outcome is Outcome.ACCEPTED
    [item] = (await api.get(f"/v1/jobs/{assignment.job.id}/logs")).body["items"]
    assert len(item["message"]) == LOG_MESSAGE_LIMIT
    assert item["message"].endswith("… (cut: 20000 characters)")
    assert item["context"] == {"cut": "70008 bytes of JSON; at most 65536 are allowed."}


async def test_a_log_is_read_by_severity_a_page_at_a_time(api: Api, runner: RunnerForTests) -> None:
    assignment = await started(runner, api)
    for level in ("debug", "info", "warning", "error"):
        await runner.report(
            assignment, "log", entries=lines(f"{level} 1", level=level) + lines(f"{level} 2", level=level)
        )
    job_id = assignment.job.id
    first, _, page = await entries(api, job_id, level="warning", limit=3)
    rest, _, end = await entries(api, job_id, level="warning", limit=3, page=page)
    assert (first, rest, end) == (["warning 1", "warning 2", "error 1"], ["error 2"], None)
    assert len((await entries(api, job_id))[0]) == 8


async def test_a_log_with_nonsense_in_the_query_is_refused(
    api: Api, runner: RunnerForTests, subtests: pytest.Subtests
) -> None:
    job = await api.create()
    for params in ({"page": "-1"}, {"page": "9" * 19}, {"level": "loud"}, {"limit": "1001"}):
        with subtests.test(str(params)):
            answer = await api.get(f"/v1/jobs/{job.id}/logs", **params)
            assert (answer.status, list(answer.codes)) == (422, [f"?{next(iter(params))}"])


async def test_the_log_of_another_scopes_job_is_not_found(api: Api, runner: RunnerForTests) -> None:
    job = await api.create()
    assert (await api.as_("bob", "admin", scope="other").get(f"/v1/jobs/{job.id}/logs")).status == 404


@pytest.mark.parametrize(("entries", "size", "is_over"), [(110, 0, False), (111, 0, True), (1, 1_101, True)])
def test_a_log_grows_a_tenth_beyond_its_bounds(entries: int, size: int, is_over: bool) -> None:
    assert LogBounds(100, 1_000).are_exceeded_by(entries, size) is is_over


def test_what_fits_is_left_as_it_is() -> None:
    assert cut_message("x" * LOG_MESSAGE_LIMIT) == "x" * LOG_MESSAGE_LIMIT
    assert context_text({"a": 1}, "/context") == '{"a":1}'
