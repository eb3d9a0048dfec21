"""Coming back: the jobs of a session, what still runs, what ended meanwhile, and what was seen of it."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from tests.eventually import eventually
from tests.jobs.api import SCOPE, TYPE, Api, RunnerForTests, spec
from tests.jobs.conftest import Connection

from wayside_events.contracts.jobs import ActivePage, RecentPage, SessionPage


def origins(body: Any) -> list[Any]:
    return [item["origin"] for item in body["items"]]


async def found(api: Api, path: str, **params: Any) -> Any:
    answer = await api.get(path, **params)
    assert answer.status == 200, answer.body
    return answer.body


async def finished(api: Api, runner: RunnerForTests, origin: str, **report: Any) -> datetime:
    """When a job ended that was created, run and ended now."""
    job = await api.create(origin=origin)
    await runner.report(await runner.claim_one(), **(report or {"kind": "complete", "result": {"n": 1}}))
    finished_at = (await api.job(job.id)).finished_at
    assert finished_at is not None
    return finished_at


async def test_a_session_shows_the_newest_active_job_whole_and_all_of_its_jobs(
    api: Api, runner: RunnerForTests
) -> None:
    await api.create(origin="waits", session_id="s 1/ü", input={"a": 1})
    last = await api.create(origin="ended", session_id="s 1/ü")
    await api.create(origin="other", session_id="t")
    await api.cancel(last.id)
    body = await found(api, f"/v1/jobs/by-session/{quote('s 1/ü', safe='')}")
    page = SessionPage.model_validate(body)
    assert origins(body) == ["ended", "waits"]
    assert page.job is not None
    assert (page.job.origin, page.job.input) == ("waits", {"a": 1})
    assert origins(await found(api, f"/v1/jobs/by-session/{quote('s 1/ü', safe='')}", status="canceled")) == [
        "ended"
    ]


async def test_a_session_in_which_nothing_runs_shows_its_newest_job(api: Api, runner: RunnerForTests) -> None:
    for name in "ab":
        await api.cancel((await api.create(origin=name, session_id="s")).id)
    assert (await found(api, "/v1/jobs/by-session/s"))["job"]["origin"] == "b"
    assert (await found(api, "/v1/jobs/by-session/nobody"))["job"] is None


async def test_running_are_the_callers_own_jobs_that_wait_or_run(api: Api, runner: RunnerForTests) -> None:
    await api.create(origin="runs", priority=9)
    await runner.claim_one()
    await api.create(origin="waits")
    await api.cancel((await api.create(origin="ended")).id)
    await api.as_("eve").create(origin="eves")
    body = await found(api, "/v1/jobs/running")
    assert (origins(body), body["counts"]) == (["waits", "runs"], {"queued": 1, "running": 1})
    body = await found(api, "/v1/jobs/running", mine="false")
    assert (origins(body), body["counts"]) == (["eves", "waits", "runs"], {"queued": 2, "running": 1})
    body = await found(api, "/v1/jobs/running", created_by="eve", limit=1)
    assert ActivePage.model_validate(body).counts.queued == 1
    assert origins(body) == ["eves"]


async def test_completions_are_those_of_the_last_day_until_something_was_seen(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    await finished(api, runner, "old")
    await connection.execute("UPDATE jobs SET finished_at = now() - interval '25 hours'")
    await finished(api, runner, "done")
    error = {"code": "error", "message": "no", "retryable": False}
    seen = await finished(api, runner, "failed", kind="fail", error=error)
    body = await found(api, "/v1/jobs/recent-completions")
    assert (origins(body), body["unseen"], body["seen_at"]) == (["failed", "done"], 2, None)
    answer = await api.post("/v1/jobs/seen", {"scope": SCOPE, "upto": seen.isoformat()})
    assert (answer.status, answer.body["unseen"]) == (200, 0)
    await finished(api, runner, "later")
    page = RecentPage.model_validate(body := await found(api, "/v1/jobs/recent-completions"))
    assert (origins(body), page.unseen, page.since, page.seen_at) == (["later"], 1, seen, seen)
    assert origins(await found(api, "/v1/jobs/recent-completions", since="2020-01-01T00:00:00Z")) == [
        "later",
        "failed",
        "done",
        "old",
    ]


async def test_completions_are_paged_and_others_can_be_asked_for(api: Api, runner: RunnerForTests) -> None:
    for name in "abc":
        await finished(api, runner, name)
    first = await found(api, "/v1/jobs/recent-completions", limit=2)
    rest = await found(api, "/v1/jobs/recent-completions", limit=2, page=first["next_page"])
    assert (origins(first), origins(rest), rest["next_page"]) == (["c", "b"], ["a"], None)
    eve = api.as_("eve")
    assert origins(await found(eve, "/v1/jobs/recent-completions")) == []
    assert origins(await found(eve, "/v1/jobs/recent-completions", created_by="ada")) == ["c", "b", "a"]


async def test_what_was_seen_stays_seen_and_nothing_is_seen_in_advance(
    api: Api, runner: RunnerForTests
) -> None:
    at = await finished(api, runner, "a")
    for upto in (at, at - timedelta(hours=1), at - timedelta(days=99)):
        answer = await api.post("/v1/jobs/seen", {"scope": SCOPE, "upto": upto.isoformat()})
        assert datetime.fromisoformat(answer.body["seen_at"]) == at
    await api.post("/v1/jobs/seen", {"scope": SCOPE, "upto": "2999-01-01T00:00:00Z"})
    await finished(api, runner, "b")
    assert origins(await found(api, "/v1/jobs/recent-completions")) == ["b"]

    async def is_all_seen() -> bool:
        return bool((await api.post("/v1/jobs/seen", {"scope": SCOPE})).body["unseen"] == 0)

    assert await eventually(is_all_seen)


async def test_an_end_that_is_committed_late_is_not_passed_over(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    job = await api.create(origin="late")
    async with connection.transaction():
        await connection.execute(
            "UPDATE jobs SET status = 'canceled', finished_at = now() WHERE id = $1", job.id
        )
        body = await found(api, "/v1/jobs/recent-completions")
        answers = [
            await api.post("/v1/jobs/seen", {"scope": SCOPE, **said}) for said in ({}, {"upto": body["upto"]})
        ]
        assert [answer.status for answer in answers] == [200, 200]
    body = await found(api, "/v1/jobs/recent-completions")
    assert (origins(body), body["unseen"]) == (["late"], 1)


async def test_marks_belong_to_their_reader_and_scope(api: Api, runner: RunnerForTests) -> None:
    await finished(api, runner, "a")
    await api.as_("eve", "viewer").post("/v1/jobs/seen", {"scope": SCOPE})
    assert (await found(api, "/v1/jobs/recent-completions"))["unseen"] == 1
    assert (await api.post("/v1/jobs/seen", {"scope": "other"})).status == 403


TEXTS: list[tuple[str, list[str]]] = [
    ("s-1", ["session"]),
    ("r-7", ["related"]),
    ("k-1", ["unique"]),
    ("eve", ["eves"]),
    ("other", ["type"]),
    ("thing", ["related", "session"]),
    ("s-", []),
    ("%", []),
]


async def test_a_text_is_looked_for_where_an_index_serves(
    api: Api, runner: RunnerForTests, subtests: pytest.Subtests
) -> None:
    await runner.register(spec(), spec("demo.other"))
    await api.create(origin="session", session_id="s-1", related={"type": "x", "id": "thing"})
    await api.create(origin="related", related={"type": "report", "id": "r-7"}, unique_key="thing")
    await api.create(origin="unique", unique_key="k-1")
    await api.as_("eve").create(origin="eves")
    last = await api.create(origin="type", type="demo.other")
    for text, expected in [*TEXTS, (last.id, ["type"]), (last.id.upper(), ["type"])]:
        with subtests.test(text):
            assert origins(await found(api, "/v1/jobs", q=text)) == expected
    assert origins(await found(api, "/v1/jobs", q="s-1", type=TYPE)) == ["session"]
    assert origins(await found(api, "/v1/jobs", q="s-1", type="demo.other")) == []
    assert origins(await found(api, "/v1/jobs", q="s-1", session_id="s-2")) == []
    first = await found(api, "/v1/jobs", q="demo", limit=3)
    rest = await found(api, "/v1/jobs", q="demo", limit=3, page=first["next_page"])
    assert origins(first) + origins(rest) == ["type", "eves", "unique", "related", "session"]
