"""Many jobs by one request: each judged alone, over HTTP and NATS."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from tests.jobs.api import SCOPE, TYPE, Api, RunnerForTests, spec
from tests.jobs.conftest import Connection, EventLog

from wayside_events.bus import Bus
from wayside_events.contracts.jobs import (
    CREATE_MANY_SUBJECT,
    CreateManyReply,
    CreateManyRequest,
    CreateOutcome,
)
from wayside_events.identifiers import EntityId
from wayside_jobs.domain.creation import Origin
from wayside_jobs.domain.errors import SimultaneousChange
from wayside_jobs.service.batching import BatchCreator, Orderer
from wayside_jobs.service.creating import Creator, Wanted
from wayside_jobs.service.creations import Created
from wayside_service.errors import Unavailable

UNKNOWN = "0198f000-0000-7000-8000-000000000001"


def item(**fields: Any) -> dict[str, Any]:
    return {"type": TYPE, "scope": SCOPE, **fields}


async def create(api: Api, *jobs: Any, **options: Any) -> tuple[CreateOutcome, ...]:
    answer = await api.post("/v1/jobs/batch", {"jobs": jobs}, **options)
    assert answer.status == 200, answer.body
    outcomes = CreateManyReply.model_validate(answer.body).outcomes
    assert [outcome.index for outcome in outcomes] == list(range(len(jobs)))
    return outcomes


async def test_the_jobs_of_a_batch_are_jobs_like_others(
    api: Api, runner: RunnerForTests, log: EventLog
) -> None:
    outcomes = await create(api, *[item(input={"n": n}, priority=n) for n in range(5)])
    assert all(outcome.created for outcome in outcomes)
    jobs = [await api.job(outcome.job_id or "") for outcome in outcomes]
    assert [job.input for job in jobs] == [{"n": n} for n in range(5)]
    assert {job.created_by for job in jobs} == {"ada"}
    assert [given.job.priority for given in await runner.claim(5)] == [4, 3, 2, 1, 0]
    assert await log.has(jobs[0].id, "queued", "started")


@pytest.mark.parametrize(
    ("wrong", "code", "place"),
    [
        ("not an object", "invalid_input", ""),
        ({"scope": SCOPE}, "invalid_input", "/type"),
        (item(inputt=1), "invalid_input", "/inputt"),
        (item(parent_id="nonsense"), "invalid_input", "/parent_id"),
        (item(type="never.heard.of"), "unknown_job_type", "/type"),
        (item(input="x" * 300_000), "too_large", "/input"),
        (item(parent_id=UNKNOWN), "unknown_parent", "/parent_id"),
        (item(scope="other"), "scope_forbidden", "/scope"),
        (item(unique_period_seconds=5), "invalid_input", "/unique_period_seconds"),
        (item(mode="tracked", runner="web-1"), "invalid_input", "/mode"),
    ],
)
async def test_one_bad_job_does_not_block_its_batch(
    api: Api, runner: RunnerForTests, wrong: Any, code: str, place: str
) -> None:
    first, refused, last = await create(api, item(), wrong, item())
    assert (first.created, refused.created, last.created) == (True, False, True)
    assert refused.problem is not None
    assert (refused.problem.code, refused.problem.errors[0].field) == (code, f"/jobs/1{place}")


async def test_a_batch_over_nats_is_created_for_somebody(api: Api, runner: RunnerForTests, bus: Bus) -> None:
    wrong = {"input": "\0", "unique_key": "a\0b", "idempotency_key": "a\0b"}
    jobs = (item(), *[item(**{name: value}) for name, value in wrong.items()])
    body = CreateManyRequest(created_by="bob", jobs=jobs)
    good, *bad = (await bus.request(CREATE_MANY_SUBJECT, body, CreateManyReply)).outcomes
    assert (await api.job(good.job_id or "")).created_by == "bob"
    places = [outcome.problem.errors[0].field for outcome in bad if outcome.problem]
    assert places == [f"/jobs/{n}/{name}" for n, name in enumerate(wrong, start=1)]


async def test_a_batch_that_is_sent_again_creates_nothing_new(api: Api, runner: RunnerForTests) -> None:
    headers = {"Idempotency-Key": "once"}
    jobs = [item(input=n) for n in range(3)]
    first = await create(api, *jobs, headers=headers)
    again = await create(api, *jobs[:2], item(input="another"), headers=headers)
    assert [outcome.job_id for outcome in again[:2]] == [outcome.job_id for outcome in first[:2]]
    assert [outcome.replayed for outcome in again] == [True, True, False]
    assert again[2].problem is not None
    assert again[2].problem.code == "idempotency_key_reused"


async def test_a_job_of_a_batch_has_the_key_it_would_have_alone(api: Api, runner: RunnerForTests) -> None:
    alone = await api.post("/v1/jobs", item(), headers={"Idempotency-Key": "mine"})
    [outcome] = await create(api, item(idempotency_key="mine"))
    assert (outcome.job_id, outcome.created, outcome.replayed) == (alone.body["id"], True, True)


async def test_rivals_in_one_batch_are_one_job(api: Api, runner: RunnerForTests) -> None:
    outcomes = await create(api, *[item(unique_key="k")] * 3)
    assert [outcome.created for outcome in outcomes] == [True, False, False]
    assert len({outcome.job_id for outcome in outcomes}) == 1


async def test_rivals_delay_nobody_as_all_of_a_batch_is_one_transaction(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    outcomes = await create(api, *[item(unique_key="k"), item()] * 50)
    assert [outcome.created for outcome in outcomes] == [True, True, *[False, True] * 49]
    assert {outcome.job_id for outcome in outcomes[2::2]} == {outcomes[0].job_id}
    assert await connection.fetchval("SELECT count(DISTINCT xmin::text) FROM jobs") == 1


async def test_the_same_request_twice_in_a_batch_is_one_and_another_with_its_key_is_refused(
    api: Api, runner: RunnerForTests
) -> None:
    same = [item(idempotency_key="k", unique_key="u")] * 3
    outcomes = await create(api, *same, item(idempotency_key="k", priority=1), item(unique_key="u"))
    assert [(each.created, each.replayed) for each in outcomes[:3]] == [(True, False), *[(True, True)] * 2]
    assert outcomes[3].problem is not None
    assert outcomes[3].problem.code == "idempotency_key_reused"
    assert {each.job_id for each in (*outcomes[1:3], outcomes[4])} == {outcomes[0].job_id}


async def test_what_is_refused_once_is_refused_twice(api: Api, runner: RunnerForTests) -> None:
    parent = await api.create()
    await api.cancel(parent.id)
    for answer in await create(api, *[item(idempotency_key="k", parent_id=parent.id)] * 2):
        assert answer.problem is not None
        assert answer.problem.code == "parent_ended"


async def test_a_thousand_wrong_jobs_are_answered_all_the_same(api: Api, runner: RunnerForTests) -> None:
    wrong = {"type": "!" * 100, "scope": "?" * 50} | {f"unknown_{n}": 1 for n in range(20)}
    outcomes = await create(api, *[wrong] * 999, item())
    assert [outcome.created for outcome in outcomes] == [False] * 999 + [True]


@pytest.mark.parametrize("number", [0, 1_001])
async def test_a_batch_has_one_job_at_least_and_a_thousand_at_most(api: Api, number: int) -> None:
    answer = await api.post("/v1/jobs/batch", {"jobs": [item()] * number})
    assert (answer.status, list(answer.codes)) == (422, ["/jobs"])


async def test_a_viewer_creates_none(api: Api, runner: RunnerForTests) -> None:
    [outcome] = await create(api.as_("eve", "viewer"), item())
    assert outcome.problem is not None
    assert outcome.problem.code == "scope_forbidden"


async def test_a_key_is_unique_for_its_period_also_when_the_job_has_ended(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    wanted = {"unique_key": "nightly", "unique_period_seconds": 3_600}
    job = await api.create(**wanted)
    await runner.report(await runner.claim_one(), "complete")
    again = await api.post("/v1/jobs", item(**wanted))
    assert (again.status, again.body["id"], again.body["status"]) == (200, job.id, "completed")
    await connection.execute("UPDATE jobs SET created_at = created_at - interval '1 hour'")
    assert (await api.create(**wanted)).id != job.id


async def test_without_a_period_a_key_is_free_when_its_job_has_ended(
    api: Api, runner: RunnerForTests
) -> None:
    await runner.register(spec())
    job = await api.create(unique_key="k")
    await runner.report(await runner.claim_one(), "complete")
    assert (await api.create(unique_key="k")).id != job.id


class Passing(Creator):
    """Answers as it is told."""

    def __init__(self, answers: Sequence[Created | Exception]) -> None:
        self._told = answers

    async def create_all(self, wanted: Sequence[Wanted]) -> list[Created | Exception]:
        return list(self._told)


async def test_one_that_cannot_be_written_now_does_not_hide_what_became_of_the_others() -> None:
    creator = Passing([Created(job_id=EntityId(UNKNOWN), is_new=True), SimultaneousChange("not now")])
    orderer = Orderer(origin=Origin(created_by="ada"), idempotency_key="k", may_create=lambda _scope: True)
    made, passing = orjson.loads(await BatchCreator(creator).create([item(), item()], orderer))["outcomes"]
    assert (made["created"], passing["problem"]["status"], passing["problem"]["code"]) == (
        True,
        503,
        "simultaneous_change",
    )
    with pytest.raises(Unavailable):
        await BatchCreator(Passing([Unavailable(), Unavailable()])).create([item(), item()], orderer)
