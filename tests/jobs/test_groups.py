"""Parents and children in the job document, and what else is looked up for it."""

from typing import Any

import orjson
from tests.jobs.api import Api, RunnerForTests, spec
from tests.jobs.conftest import Connection

from wayside_jobs.service.kinship import COUNTED_LIMIT


async def test_a_parent_shows_how_many_children_it_has_in_each_status(
    api: Api, runner: RunnerForTests
) -> None:
    parent = await api.create(priority=9)
    ids = [(await api.create(parent_id=parent.id, priority=priority)).id for priority in (8, 7, 6, 5)]
    _, done, failed, running = await runner.claim(4)
    await runner.report(done, "complete")
    await runner.report(failed, "fail", error={"code": "error", "message": "no", "retryable": False})
    await runner.report(running, "progress", progress={"percent": 50})
    shown = await api.job(parent.id)
    assert shown.children is not None
    assert shown.children.model_dump() == {
        "total": 4,
        "queued": 1,
        "running": 1,
        "completed": 1,
        "failed": 1,
        "canceled": 0,
        "percent": 62.5,
    }
    assert shown.child_count == 4
    assert [item["id"] for item in await children(api, parent.id)] == ids[::-1]
    assert [item["id"] for item in await children(api, parent.id, status="queued")] == [ids[3]]


async def children(api: Api, job_id: str, **params: Any) -> list[Any]:
    answer = await api.get(f"/v1/jobs/{job_id}/children", **params)
    assert answer.status == 200, answer.body
    items: list[Any] = answer.body["items"]
    return items


async def test_a_child_says_how_deep_it_is_and_links_to_its_parents(api: Api, runner: RunnerForTests) -> None:
    root = await api.create()
    child = await api.create(parent_id=root.id)
    grandchild = await api.job((await api.create(parent_id=child.id)).id)
    assert (root.depth, child.depth, grandchild.depth) == (0, 1, 2)
    assert grandchild.links is not None
    assert (grandchild.links.parent, grandchild.links.root) == (f"/v1/jobs/{child.id}", f"/v1/jobs/{root.id}")
    for path in (grandchild.links.self, grandchild.links.parent, grandchild.links.root):
        assert path is not None
        assert (await api.get(path)).status == 200


async def test_the_children_of_a_strangers_job_are_not_found(api: Api, runner: RunnerForTests) -> None:
    parent = await api.create()
    answer = await api.as_("eve", scope="other").get(f"/v1/jobs/{parent.id}/children")
    assert (answer.status, answer.body["code"]) == (404, "not_found")


async def test_a_retried_job_names_its_newest_retry(api: Api, runner: RunnerForTests) -> None:
    job = await api.create()
    await api.cancel(job.id)
    first = (await api.post(f"/v1/jobs/{job.id}/retry")).body["id"]
    await api.cancel(first)
    second = (await api.post(f"/v1/jobs/{job.id}/retry")).body["id"]
    shown = await api.job(job.id)
    assert shown.links is not None
    assert (shown.retried_by, shown.links.retried_by) == (second, f"/v1/jobs/{second}")
    listed = (await api.get("/v1/jobs")).body["items"]
    assert {item["id"]: item.get("retried_by") for item in listed} == {
        second: None,
        first: None,
        job.id: second,
    }


async def test_a_job_links_to_the_page_its_type_names(api: Api, runner: RunnerForTests) -> None:
    await runner.register(spec(resource_link="/reports/{related.id}"))
    job = await api.create(related={"type": "report", "id": "7/8"})
    bare = await api.create()
    shown = await api.job(job.id)
    assert shown.links is not None
    assert shown.links.resource == "/reports/7%2F8"
    listed = {item["id"]: item["links"].get("resource") for item in (await api.get("/v1/jobs")).body["items"]}
    assert listed == {job.id: "/reports/7%2F8", bare.id: None}


async def test_a_template_with_an_unknown_placeholder_is_refused_at_registration(api: Api) -> None:
    admin = api.as_("root", "admin", scope="*")
    body = {"name": "demo.link", "resource_link": "/reports/{input.x}"}
    answer = await admin.call("PUT", "/v1/job-types/demo.link", json=body)
    assert (answer.status, answer.codes) == (422, {"/resource_link": "unknown_placeholder"})


async def test_a_running_job_with_progress_has_an_estimate(api: Api, runner: RunnerForTests) -> None:
    job = await api.create()
    assignment = await runner.claim_one()
    assert (await api.job(job.id)).eta is None
    await runner.report(assignment, "progress", progress={"current": 1, "total": 4})
    shown = await api.job(job.id)
    assert shown.progress.percent == 25
    assert shown.started_at is not None
    assert shown.eta is not None
    taken = shown.updated_at - shown.started_at
    assert abs(((shown.eta - shown.started_at) - 4 * taken).total_seconds()) < 1e-3
    await runner.report(assignment, "complete")
    assert (await api.job(job.id)).eta is None


async def test_a_large_running_family_is_shown_as_it_was_last_told(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    job = await api.create()
    await runner.claim_one()
    counts = {
        "total": 9,
        "queued": 9,
        "running": 0,
        "completed": 0,
        "failed": 0,
        "canceled": 0,
        "percent": 0.0,
    }
    stored = orjson.dumps({"children": counts}).decode()
    await connection.execute("UPDATE jobs SET child_count = $1, progress = $2", COUNTED_LIMIT + 1, stored)
    shown = await api.job(job.id)
    assert shown.children is not None
    assert shown.children.model_dump() == counts
