"""Reading jobs: lists, filters and pages, and who may see what."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from tests.jobs.api import SCOPE, TYPE, Api, RunnerForTests, spec

from wayside_events.contracts.jobs import Job


async def listed(api: Api, **params: Any) -> list[object]:
    """The inputs of the jobs of a list; lists leave inputs out, so they travel as `origin` too."""
    answer = await api.get("/v1/jobs", **params)
    assert answer.status == 200, answer.body
    return [item["origin"] for item in answer.body["items"]]


async def make(api: Api, name: str, **fields: Any) -> Job:
    return await api.create(origin=name, **fields)


async def test_a_list_shows_the_newest_first_and_leaves_the_payloads_out(
    api: Api, runner: RunnerForTests
) -> None:
    for name in "abc":
        await make(api, name, input="large")
    items = (await api.get("/v1/jobs")).body["items"]
    assert [item["origin"] for item in items] == ["c", "b", "a"]
    assert not any("input" in item for item in items)


async def test_filters_hold_together(api: Api, runner: RunnerForTests) -> None:
    await runner.register(spec(), spec("demo.other"))
    root = await make(api, "root")
    await make(api, "child", parent_id=root.id, session_id="s")
    await make(api, "other", type="demo.other", session_id="s", related={"type": "report", "id": "7"})
    eves = await make(api.as_("eve"), "eves", session_id="t")
    await api.cancel(eves.id)
    assert await listed(api, session_id="s") == ["other", "child"]
    assert await listed(api, session_id="s", type=TYPE) == ["child"]
    assert await listed(api, type="demo.other") == ["other"]
    assert await listed(api, status="canceled") == ["eves"]
    assert await listed(api, status=["canceled", "queued"], type=TYPE) == ["eves", "child", "root"]
    assert await listed(api, parent_id=root.id) == await listed(api, root_id=root.id) == ["child"]
    assert await listed(api, related_type="report", related_id="7") == ["other"]
    assert await listed(api, related_type="report", related_id="8") == []
    assert await listed(api, created_by="eve") == ["eves"]
    assert await listed(api, created_by="eve", session_id="s") == []


async def test_a_status_named_twice_lists_its_jobs_once(api: Api, runner: RunnerForTests) -> None:
    await make(api, "a")
    assert await listed(api, status=["queued", "queued"]) == ["a"]


async def test_a_list_can_be_of_a_time(api: Api, runner: RunnerForTests) -> None:
    jobs = [await make(api, name) for name in "abc"]
    second = jobs[1].created_at
    tick = timedelta(microseconds=1)
    assert await listed(api, created_after=second.isoformat()) == ["c", "b"]
    assert await listed(api, created_before=second.isoformat()) == ["a"]
    assert await listed(
        api, created_before=(second + tick).isoformat(), created_after=second.isoformat()
    ) == ["b"]


@pytest.mark.parametrize("filters", [{}, {"type": TYPE}, {"session_id": "s"}, {"created_by": "ada"}])
async def test_pages_add_up_to_the_list_even_when_jobs_are_created_meanwhile(
    api: Api, runner: RunnerForTests, filters: dict[str, str]
) -> None:
    names = [f"{number}" for number in range(7)]
    for name in names:
        await make(api, name, session_id="s")
    found: list[object] = []
    page: dict[str, str] = {}
    while True:
        body = (await api.get("/v1/jobs", limit=3, **filters, **page)).body
        found += [item["origin"] for item in body["items"]]
        await make(api, "later", session_id="s")
        if body["next_page"] is None:
            break
        page = {"page": body["next_page"]}
    assert found == list(reversed(names))


def page_of(created_at: str) -> str:
    """A page token as somebody may make it up."""
    text = f"{created_at} 0198f000-0000-7000-8000-000000000001"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


WRONG_FILTERS: list[Any] = [
    ({"page": "nonsense"}, "?page"),
    ({"page": page_of("0001-01-01T00:00:00+23:59")}, "?page"),
    ({"limit": 0}, "?limit"),
    ({"limit": 201}, "?limit"),
    ({"status": "done"}, "?status"),
    ({"colour": "red"}, "?colour"),
    ({"parent_id": "x"}, "?parent_id"),
    ({"related_type": "report"}, "?related_id"),
    ({"created_after": "yesterday"}, "?created_after"),
    ({"session_id": "nul\0"}, "?session_id"),
]


async def test_a_filter_that_makes_no_sense_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    for params, place in WRONG_FILTERS:
        with subtests.test(place):
            answer = await api.get("/v1/jobs", **params)
            assert answer.status == 422
            assert place in answer.codes


async def test_another_scopes_job_does_not_exist(api: Api, runner: RunnerForTests) -> None:
    job = await api.create()
    stranger = api.as_("eve", scope="other")
    for method, path in (
        ("GET", f"/v1/jobs/{job.id}"),
        ("GET", f"/v1/jobs/{job.id}/logs"),
        ("POST", f"/v1/jobs/{job.id}/cancel"),
    ):
        answer = await stranger.call(method, path)
        assert (answer.status, answer.body["code"]) == (404, "not_found")
    assert await listed(stranger) == []
    assert (await stranger.get("/v1/jobs", scope=SCOPE)).status == 403


async def test_an_id_that_is_none_is_not_found_or_refused(api: Api) -> None:
    for path in ("0198f000-0000-7000-8000-000000000001", "nonsense", "seen"):
        assert (await api.get(f"/v1/jobs/{path}")).status in (404, 422)


async def test_a_token_for_all_scopes_has_to_name_one(api: Api, runner: RunnerForTests) -> None:
    await make(api, "mine")
    everywhere = api.as_("root", "admin", scope="*")
    answer = await everywhere.get("/v1/jobs")
    assert (answer.status, answer.codes) == (422, {"?scope": "missing"})
    assert await listed(everywhere, scope=SCOPE) == ["mine"]


RIGHTS = {  # who may create and who may cancel
    "viewer": (False, False),
    "reviewer": (False, False),
    "runner": (True, False),
    "operator": (True, True),
    "admin": (True, True),
}


async def test_roles_decide_who_creates_and_cancels(
    api: Api, runner: RunnerForTests, subtests: pytest.Subtests
) -> None:
    for role, rights in RIGHTS.items():
        with subtests.test(role):
            job = await api.create()
            caller = api.as_("someone", role)
            created = await caller.post("/v1/jobs", {"type": TYPE, "scope": SCOPE})
            canceled = await caller.cancel(job.id)
            assert (created.status == 201, canceled.status == 200) == rights
            assert {created.status, canceled.status} <= {200, 201, 403}
            assert (await caller.get(f"/v1/jobs/{job.id}")).status == 200


async def test_a_job_for_a_scope_without_rights_is_refused(api: Api, runner: RunnerForTests) -> None:
    answer = await api.post("/v1/jobs", {"type": TYPE, "scope": "other"})
    assert answer.status == 403


async def test_every_read_says_from_where_to_stream_on(api: Api, runner: RunnerForTests) -> None:
    job = await api.create()
    for path in (f"/v1/jobs/{job.id}", "/v1/jobs"):
        assert (await api.get(path)).headers["Wayside-Cursor"].count("-") == 1


async def test_without_a_token_nothing_is_told(api: Api) -> None:
    async with api.client.get("/v1/jobs") as response:
        assert response.status == 401
