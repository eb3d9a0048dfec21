"""deploy/nats/permissions.conf on a real server: each user may do its own work and nothing else."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error
from tests.eventually import eventually

from wayside_standalone.nats import NatsServer, NatsSettings, permissions_file

JOBS, GOVERNANCE, GATEWAY, RUNNER, CLIENT = USERS = ("jobs", "governance", "gateway", "runner", "client")
SERVICES = {JOBS, GOVERNANCE, GATEWAY}
EVERY_READER = SERVICES | {CLIENT}

PUBLISHERS: dict[str, set[str]] = {
    "analysis.job.queued.acme.1": {JOBS},
    "edges.edge.created.acme.1": {GOVERNANCE},
    "edges.suggestion.created.acme.1": {GOVERNANCE},
    "live.analysis.job.queued.acme.1": set(),
    "wayside.jobs.v1.register": {RUNNER},
    "wayside.jobs.v1.beat": {RUNNER},
    "wayside.jobs.v1.claim": {RUNNER, GOVERNANCE},
    "wayside.jobs.v1.report": {RUNNER, GOVERNANCE},
    "wayside.jobs.v1.create": {RUNNER, GOVERNANCE, CLIENT},
    "wayside.jobs.v1.create_many": {RUNNER, GOVERNANCE, CLIENT},
    "wayside.jobs.v1.get": {RUNNER, GOVERNANCE, CLIENT},
    "wayside.jobs.v1.await": {RUNNER, GOVERNANCE, CLIENT},
    "wayside.jobs.v1.cancel": {RUNNER, GOVERNANCE, CLIENT},
    "wayside.jobs.v1.retry": {RUNNER, GOVERNANCE, CLIENT},
    "wayside.jobs.v1.runner.r1": {JOBS},
    "wayside.jobs.wake": {JOBS},
    "wayside.governance.v1.propose": {RUNNER, CLIENT},
    "wayside.governance.wake": {GOVERNANCE},
    "$SRV.PING": {GATEWAY},
    "$SRV.STATS.jobs.1": {GATEWAY},
    "$JS.API.INFO": EVERY_READER,
    "$JS.API.STREAM.INFO.WAYSIDE_EVENTS": EVERY_READER,
    "$JS.API.STREAM.CREATE.WAYSIDE_EVENTS": SERVICES,
    "$JS.API.STREAM.UPDATE.WAYSIDE_EVENTS": SERVICES,
    "$JS.API.STREAM.DELETE.WAYSIDE_EVENTS": set(),
    "$JS.API.STREAM.PURGE.WAYSIDE_EVENTS": set(),
    "$JS.API.STREAM.MSG.DELETE.WAYSIDE_EVENTS": set(),
    "$JS.API.STREAM.CREATE.OTHER": set(),
    "$JS.API.DIRECT.GET.WAYSIDE_EVENTS": EVERY_READER,
    "$JS.API.DIRECT.GET.WAYSIDE_EVENTS.analysis.job.queued.acme.1": EVERY_READER,
    "$JS.API.DIRECT.GET.OTHER": set(),
    "$JS.API.CONSUMER.CREATE.WAYSIDE_EVENTS.reader": {CLIENT},
    "$JS.API.CONSUMER.DURABLE.CREATE.WAYSIDE_EVENTS.reader": {CLIENT},
    "$JS.API.CONSUMER.MSG.NEXT.WAYSIDE_EVENTS.reader": {CLIENT},
    "$JS.API.CONSUMER.CREATE.OTHER.reader": set(),
    "$JS.ACK.WAYSIDE_EVENTS.reader.1.1.1.1.0": {CLIENT},
    "$SYS.REQ.SERVER.PING": set(),
    "anything.else": set(),
    "_INBOX_jobs.answer": set(),
    "_INBOX_governance.answer": {JOBS},
    "_INBOX_gateway.answer": {JOBS, GOVERNANCE},
    "_INBOX_runner.answer": {JOBS, GOVERNANCE},
    "_INBOX_client.answer": {JOBS, GOVERNANCE},
}

SUBSCRIBERS: dict[str, set[str]] = {
    ">": set(),
    "analysis.job.>": set(),
    "edges.>": set(),
    "live.>": {GATEWAY, CLIENT},
    "live.analysis.job.*.acme.>": {GATEWAY, CLIENT},
    "wayside.jobs.v1.claim": {JOBS},
    "wayside.jobs.v1.runner.r1": {RUNNER, GOVERNANCE},
    "wayside.jobs.wake": {JOBS},
    "wayside.governance.v1.propose": {GOVERNANCE},
    "wayside.governance.wake": {GOVERNANCE},
    "$SRV.PING.jobs": {JOBS, GOVERNANCE},
    "$JS.API.>": set(),
    "_INBOX.>": set(),
    **{f"_INBOX_{user}.>": {user} for user in USERS},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    passwords = {f"WAYSIDE_NATS_PASSWORD_{user.upper()}": f"secret-{user}" for user in USERS}
    settings = NatsSettings(tmp_path_factory.mktemp("nats"), users=permissions_file(), environment=passwords)
    with NatsServer(settings) as server:
        yield server


@asynccontextmanager
async def connected(server: NatsServer, user: str, refused: set[str] | None = None) -> AsyncIterator[Client]:
    async def note(error: Exception) -> None:
        if refused is not None and (match := re.search(r'violation for \w+ to "(.*)"', str(error))):
            refused.add(match[1])

    prefix = f"_INBOX_{user}"
    async with await nats.connect(
        server.url, user=user, password=f"secret-{user}", inbox_prefix=prefix, error_cb=note
    ) as client:
        yield client


async def settle(client: Client) -> None:
    """Return when the server has answered all that was sent; the first PING overtakes what is still buffered."""
    await client.flush()
    await client.flush()


async def answer(message: Msg) -> None:
    await message.respond(b"answer")


async def allowed(
    server: NatsServer, user: str, subjects: set[str], attempt: Callable[[Client, str], Awaitable[object]]
) -> set[str]:
    refused: set[str] = set()
    async with connected(server, user, refused) as client:
        for subject in subjects:
            await attempt(client, subject)
        await settle(client)
    # The client writes the server's errors in lower case.
    return {subject for subject in subjects if subject.lower() not in refused}


@pytest.mark.parametrize("user", USERS)
async def test_a_user_may_publish_its_own_subjects_and_no_others(server: NatsServer, user: str) -> None:
    expected = {subject for subject, users in PUBLISHERS.items() if user in users}
    assert (
        await allowed(server, user, set(PUBLISHERS), lambda client, subject: client.publish(subject))
        == expected
    )


@pytest.mark.parametrize("user", USERS)
async def test_a_user_may_subscribe_to_its_own_subjects_and_no_others(server: NatsServer, user: str) -> None:
    expected = {subject for subject, users in SUBSCRIBERS.items() if user in users}
    assert (
        await allowed(server, user, set(SUBSCRIBERS), lambda client, subject: client.subscribe(subject))
        == expected
    )


@pytest.mark.parametrize("user,password", [(None, None), ("jobs", "wrong"), ("stranger", "secret-jobs")])
async def test_nobody_else_gets_in(server: NatsServer, user: str | None, password: str | None) -> None:
    client = Client()
    with pytest.raises(Error, match="Authorization Violation"):
        await client.connect(server.url, user=user, password=password, allow_reconnect=False)
    await client.close()


@pytest.mark.parametrize(
    "service,subject,askers",
    [
        (JOBS, "wayside.jobs.v1.get", (RUNNER, GOVERNANCE, CLIENT)),
        (GOVERNANCE, "wayside.governance.v1.propose", (RUNNER, CLIENT)),
    ],
)
async def test_a_service_can_answer_everybody_who_may_ask_it(
    server: NatsServer, service: str, subject: str, askers: tuple[str, ...]
) -> None:
    async with AsyncExitStack() as stack:
        answering = await stack.enter_async_context(connected(server, service))
        await answering.subscribe(subject, cb=answer)
        await settle(answering)
        for asker in askers:
            asking = await stack.enter_async_context(connected(server, asker))
            assert (await asking.request(subject)).data == b"answer"


async def test_a_request_cannot_make_a_service_write_where_only_another_service_may(
    server: NatsServer,
) -> None:
    refused: set[str] = set()
    async with connected(server, JOBS, refused) as jobs, connected(server, RUNNER) as runner:
        await jobs.subscribe("wayside.jobs.v1.claim", cb=answer)
        await settle(jobs)
        await runner.publish("wayside.jobs.v1.claim", reply="edges.edge.created.acme.1")
        assert await eventually(lambda: bool(refused))
    assert refused == {"edges.edge.created.acme.1"}


async def test_a_client_reads_stored_events_by_a_durable_consumer(server: NatsServer) -> None:
    async with connected(server, JOBS) as jobs, connected(server, CLIENT) as client:
        await jobs.jetstream().add_stream(name="WAYSIDE_EVENTS", subjects=["analysis.job.>"])
        await jobs.jetstream().publish("analysis.job.queued.acme.1", b"event")
        events = await client.jetstream().pull_subscribe("analysis.job.>", durable="reader")
        (message,) = await events.fetch(1)
        await message.ack_sync()
        assert (await events.consumer_info()).ack_floor.stream_seq == message.metadata.sequence.stream  # type: ignore[union-attr]
