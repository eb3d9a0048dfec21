"""Retries, cancels of trees, and bulk actions: by the client and by the command, against the real services."""

import asyncio
import json
from collections.abc import Sequence

import pytest
from tests.e2e.cluster import Cluster
from tests.eventually import eventually
from tests.sdk.conftest import serving
from tests.sdk.test_services import created_once_known, nats_of
from typer.testing import CliRunner, Result

from wayside import Client, Conflict, Context, InvalidRequest, Worker
from wayside.cli.app import new_app
from wayside_events.contracts.jobs import BulkOutcome, Job
from wayside_events.jobs import JobStatus

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def session(services: Cluster, client: Client, request: pytest.FixtureRequest) -> str:
    """A session of the test's own, and the type `idle`, whose jobs wait."""
    worker = Worker(nats=nats_of(services), queues=["served"])

    @worker.job("idle")
    async def idle(_ctx: Context) -> None:
        return None

    async with serving(worker):
        await created_once_known(client, "idle")
    return str(request.node.name)[:100]


async def wayside(services: Cluster, *arguments: str) -> Result:
    """Run the command in a thread of this process: a new one takes a second to start."""
    environment = {
        "WAYSIDE_URL": services.gateway[0].url,
        "WAYSIDE_TOKEN": services.token(),
        "COLUMNS": "200",
    }
    return await asyncio.to_thread(CliRunner().invoke, new_app(), arguments, env=environment)


async def waiting(client: Client, session: str, count: int) -> Sequence[Job]:
    return [
        await client.jobs.create("idle", scope="acme", session_id=session, queue="nobody")
        for _ in range(count)
    ]


async def test_a_tree_is_canceled_and_a_job_of_it_retried(client: Client, session: str) -> None:
    [parent] = await waiting(client, session, 1)
    child = await client.jobs.create("idle", scope="acme", queue="nobody", parent_id=parent.id)
    with pytest.raises(Conflict):
        await client.jobs.retry(child.id)
    await client.jobs.cancel(parent.id)

    async def is_canceled() -> bool:
        return (await client.jobs.get(child.id)).status is JobStatus.CANCELED

    assert await eventually(is_canceled)
    retried = await client.jobs.retry(child.id)
    assert (retried.retry_of, retried.status) == (child.id, JobStatus.QUEUED)
    assert (await client.jobs.retry(child.id)).id == retried.id
    await client.jobs.cancel(retried.id, cascade=False)


async def test_many_jobs_are_counted_canceled_and_retried(client: Client, session: str) -> None:
    jobs = await waiting(client, session, 3)
    found = await client.jobs.bulk("cancel", scope="acme", session_id=session, dry_run=True)
    assert (found.matched, found.dry_run, len(found.sample)) == (3, True, 3)
    done = await client.jobs.bulk("cancel", scope="acme", session_id=session)
    assert {item.outcome for item in done.items} == {BulkOutcome.DONE}
    named = await client.jobs.bulk("retry", scope="acme", job_ids=[jobs[0].id, jobs[1].id])
    assert (named.matched, named.done) == (2, 2)
    rest = await client.jobs.bulk("cancel", scope="acme", session_id=session, status="queued")
    assert rest.done == 2
    with pytest.raises(InvalidRequest):
        await client.jobs.bulk("cancel", scope="acme")


async def test_the_command_shows_what_it_would_do_and_does_it(
    services: Cluster, client: Client, session: str
) -> None:
    jobs = await waiting(client, session, 2)
    which = ("-s", "acme", "--session", session)
    would = await wayside(services, "jobs", "cancel", *which, "--dry-run")
    assert (would.exit_code, "2 jobs would be meant" in would.output, jobs[0].id in would.output) == (
        0,
        True,
        True,
    )
    unsure = await wayside(services, "jobs", "cancel", *which)
    assert (unsure.exit_code, (await client.jobs.get(jobs[0].id)).status) == (1, JobStatus.QUEUED)
    done = await wayside(services, "jobs", "cancel", *which, "--yes", "--json")
    assert (done.exit_code, json.loads(done.stdout)["done"]) == (0, 2)
    retried = await wayside(services, "jobs", "retry", jobs[0].id, "--json")
    assert json.loads(retried.stdout)["retry_of"] == jobs[0].id
    again = await wayside(
        services, "jobs", "cancel", "-s", "acme", jobs[1].id, json.loads(retried.stdout)["id"]
    )
    assert "1 done, 1 skipped, 0 failed, of 2." in again.output


async def test_the_command_does_not_guess_what_is_meant(services: Cluster) -> None:
    for arguments, said in (
        (("jobs", "cancel", "--all"), "--scope"),
        (("jobs", "cancel", "-s", "acme"), "or --all"),
        (("jobs", "retry", "-s", "acme", "an-id", "--all"), "either ids or a filter"),
    ):
        refused = await wayside(services, *arguments)
        assert (refused.exit_code, said in refused.stderr) == (1, True), refused.output
