"""The main job: a worker infers, suggestions arrive, somebody decides, and approved ones are edges."""

import aiohttp
import pytest
from tests.e2e.cluster import Cluster
from tests.e2e.talk import Api

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


async def test_what_a_worker_proposes_becomes_an_edge_when_a_reviewer_approves(doubled: Cluster) -> None:
    async with aiohttp.ClientSession() as session:
        worker = doubled.worker("tests.e2e.worker")
        worker.start()
        owner = Api(session, doubled.gateway[0].url, doubled.token("operator"))
        reviewer = Api(session, doubled.gateway[1].url, doubled.token("reviewer", subject="grace"))
        job = await owner.start_job("pairs", count=3)
        assert (await owner.finished(job["id"]))["status"] == "completed"
        pending = (await reviewer.get("/v1/suggestions?scope=acme&status=pending"))["items"]
        assert len(pending) == 3
        assert {item["analysis_run_id"] for item in pending} == {job["id"]}
        await reviewer.post(
            f"/v1/suggestions/{pending[0]['id']}/approve", {"revision": pending[0]["revision"]}
        )
        edges = (await owner.get("/v1/edges?scope=acme"))["items"]
        node = pending[0]["from_node_id"].replace(" ", "%20")
        near = await owner.get(f"/v1/graph/neighborhood/{node}?scope=acme&depth=2&include=suggested")
        worker.stop()
    assert [edge["suggestion_id"] for edge in edges] == [pending[0]["id"]]
    assert {edge["status"] for edge in near["edges"]} == {"approved", "suggested"}


async def test_fifty_jobs_survive_the_kill_of_one_instance_of_each_service(doubled: Cluster) -> None:
    async with aiohttp.ClientSession() as session:
        workers = [doubled.worker("tests.e2e.worker") for _ in range(2)]
        for worker in workers:
            worker.start()
        api = Api(session, doubled.gateway[1].url, doubled.token())
        jobs = [await api.start_job("steps", steps=10) for _ in range(50)]
        for instances in (doubled.jobs, doubled.governance, doubled.gateway):
            instances[0].kill()
        done = [await api.finished(job["id"]) for job in jobs]
        for worker in workers:
            worker.stop()
    assert {job["status"] for job in done} == {"completed"}
    # An instance may die after it gave a job away and before it said so: the job is done by its second attempt.
    assert {job["attempt"] for job in done} <= {1, 2}
