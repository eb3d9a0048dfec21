"""deploy/nats/permissions.conf on a real server: each user may do its own work and nothing else."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error
from tests.events.test_bus_publishing import progressed
from tests.eventually import eventually

from wayside_events.bus import Bus, BusSettings, BusUnavailable, Endpoint, StoredMessage
from wayside_events.contracts.jobs import GET_SUBJECT, GetRequest
from wayside_events.identifiers import ScopeName, new_id
from wayside_events.stream import STREAM_NAME
from wayside_events.subjects import EventFilter
from wayside_standalone.nats import NatsServer, NatsSettings, permissions_file

JOBS, GOVERNANCE, GATEWAY, RUNNER, CLIENT = USERS = ("jobs", "governance", "gateway", "runner", "client")
GPU7 = "runners.gpu7"
SERVICES = {JOBS, GOVERNANCE, GATEWAY}
EVERY_READER = SERVICES | {CLIENT}

PUBLISHERS: dict[str, set[str]] = {
    "analysis.job.queued.acme.1": {JOBS},
    "edges.edge.created.acme.1": {GOVERNANCE},
    "edges.suggestion.created.acme.1": {GOVERNANCE},
    "live.analysis.job.queued.acme.1": set(),
    "wayside.jobs.v1.register": {GOVERNANCE, RUNNER},
    "wayside.jobs.v1.beat": {GOVERNANCE, RUNNER},
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
    "wayside.governance.v1.withdraw": {RUNNER, CLIENT},
    "wayside.governance.wake": {GOVERNANCE},
    "$SRV.PING": {GATEWAY},
    "$SRV.STATS.jobs.1": {GATEWAY},
    "$JS.API.INFO": EVERY_READER,
    "$JS.API.STREAM.NAMES": {CLIENT},
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
    "$JS.API.CONSUMER.INFO.WAYSIDE_EVENTS.reader": {CLIENT},
    "$JS.API.CONSUMER.DELETE.WAYSIDE_EVENTS.reader": {CLIENT},
    "$JS.API.CONSUMER.PAUSE.WAYSIDE_EVENTS.reader": set(),
    "$JS.API.CONSUMER.CREATE.OTHER.reader": set(),
    "$JS.ACK.WAYSIDE_EVENTS.reader.1.1.1.1.0": {CLIENT},
    "$JS.ACK.hub.account.WAYSIDE_EVENTS.reader.1.1.1.1.0": {CLIENT},
    "$JS.ACK.OTHER.reader.1.1.1.1.0": set(),
    "$SYS.REQ.SERVER.PING": set(),
    "anything.else": set(),
    "_INBOX_jobs.answer": set(),
    "_INBOX_governance.answer": {JOBS},
    "_INBOX_gateway.answer": {JOBS, GOVERNANCE},
    "_INBOX_runner.answer": {JOBS, GOVERNANCE},
    "_INBOX_runners.gpu7.answer": {JOBS, GOVERNANCE},
    "_INBOX_client.answer": set(),
    "_R_.another.account": {JOBS, GOVERNANCE},
}
"""Which users' messages reach the account of the services, by subject."""

SUBSCRIBERS: dict[str, set[str]] = {
    ">": set(),
    "analysis.job.>": set(),
    "edges.>": set(),
    "live.>": {GATEWAY, CLIENT},
    "live.analysis.job.*.acme.>": {GATEWAY, CLIENT},
    "wayside.jobs.v1.claim": {JOBS},
    "wayside.jobs.v1.runner.r1": {RUNNER, GPU7, GOVERNANCE},
    "wayside.jobs.wake": {JOBS},
    "wayside.governance.v1.propose": {GOVERNANCE},
    "wayside.governance.v1.withdraw": {GOVERNANCE},
    "wayside.governance.wake": {GOVERNANCE},
    "$SRV.PING.jobs": {JOBS, GOVERNANCE},
    "$JS.API.>": set(),
    "_INBOX.>": set(),
    **{f"_INBOX_{user}.>": {user} for user in USERS},
    "_INBOX_runners.gpu7.>": {GPU7},
    "_INBOX_runners.>": set(),
    "_INBOX_runners.other.>": set(),
    "_R_.>": set(),
}

SPY_AND_GPU7 = """
  { user: spy, password: secret-spy }
  {
    user: "runners.gpu7"
    password: "secret-runners.gpu7"
    permissions: {
      publish: { allow: $RUNNER_PUBLISHES }
      subscribe: { allow: ["_INBOX_runners.gpu7.>", "wayside.jobs.v1.runner.*"] }
    }
  }
"""
"""One who sees what reaches the services, and a runner of its own, as the file says how to make one."""

COPIED = "analysis.job.started.acme.copied"
FORGED = "edges.edge.created.acme.forged"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    passwords = {f"WAYSIDE_NATS_PASSWORD_{user.upper()}": f"secret-{user}" for user in USERS}
    folder = tmp_path_factory.mktemp("nats")
    users = with_users_of_wayside(folder / "permissions.conf", SPY_AND_GPU7)
    settings = NatsSettings(folder, users=users, environment=passwords)
    with NatsServer(settings) as server:
        yield server


def with_users_of_wayside(file: Path, more: str) -> Path:
    """Write the permissions with more users in the account of the services."""
    shipped = permissions_file().read_text()
    file.write_text(shipped.replace("    users: [\n", "    users: [\n" + more, 1))
    return file


def settings_of(server: NatsServer, user: str) -> BusSettings:
    return BusSettings(url=server.url, user=user, password=f"secret-{user}")


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    """The stream, as jobs makes and fills it."""
    async with Bus.connected(settings_of(server, JOBS)) as bus:
        await bus.ensure_stream()
        yield bus


@asynccontextmanager
async def connected(server: NatsServer, user: str, refused: set[str] | None = None) -> AsyncIterator[Client]:
    async def note(error: Exception) -> None:
        if refused is not None and (match := re.search(r'violation for .* (?:to|of) "(.*)"', str(error))):
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


@pytest.mark.parametrize("user", USERS)
async def test_a_user_reaches_the_services_by_its_own_subjects_and_no_others(
    server: NatsServer, user: str
) -> None:
    reached: set[str] = set()

    async def note(message: Msg) -> None:
        reached.add(message.subject)

    async with connected(server, "spy") as spy, connected(server, user) as client:
        await spy.subscribe(">", cb=note)
        await settle(spy)
        for subject in PUBLISHERS:
            await client.publish(subject)
        await settle(client)
        await settle(spy)
    assert reached & set(PUBLISHERS) == {subject for subject, users in PUBLISHERS.items() if user in users}


@pytest.mark.parametrize("user", [*USERS, GPU7])
async def test_a_user_may_subscribe_to_its_own_subjects_and_no_others(server: NatsServer, user: str) -> None:
    refused: set[str] = set()
    async with connected(server, user, refused) as client:
        for subject in SUBSCRIBERS:
            await client.subscribe(subject)
        await settle(client)
    # The client writes the server's errors in lower case.
    may = {subject for subject in SUBSCRIBERS if subject.lower() not in refused}
    assert may == {subject for subject, users in SUBSCRIBERS.items() if user in users}


@pytest.mark.parametrize("user,password", [(None, None), ("jobs", "wrong"), ("stranger", "secret-jobs")])
async def test_nobody_else_gets_in(server: NatsServer, user: str | None, password: str | None) -> None:
    client = Client()
    with pytest.raises(Error, match="Authorization Violation"):
        await client.connect(server.url, user=user, password=password, allow_reconnect=False)
    await client.close()


@pytest.mark.parametrize(
    "service,subject,askers",
    [
        (JOBS, "wayside.jobs.v1.get", (RUNNER, GPU7, GOVERNANCE, CLIENT)),
        (GOVERNANCE, "wayside.governance.v1.propose", (RUNNER, GPU7, CLIENT)),
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


@pytest.mark.parametrize(
    "question,body",
    [
        ("$JS.API.STREAM.INFO.WAYSIDE_EVENTS", b""),
        ("$JS.API.DIRECT.GET.WAYSIDE_EVENTS", f'{{"last_by_subj":"{COPIED}"}}'.encode()),
        ("$JS.API.CONSUMER.MSG.NEXT.WAYSIDE_EVENTS.forger", b"1"),
        ("$JS.API.CONSUMER.INFO.WAYSIDE_EVENTS.forger", b""),
    ],
)
async def test_a_client_cannot_have_an_answer_of_jetstream_stored_as_an_event(
    server: NatsServer, bus: Bus, question: str, body: bytes
) -> None:
    async with connected(server, JOBS) as jobs, connected(server, CLIENT) as client:
        await client.jetstream().pull_subscribe(COPIED, durable="forger", stream=STREAM_NAME)
        # Without an id, by which the stream would drop a copy.
        for payload in (b"one", b"two"):
            await jobs.jetstream().publish(COPIED, payload)
        before = await bus.position()
        inbox = client.new_inbox()
        answers = await client.subscribe(inbox)
        for reply in (FORGED, inbox):
            await client.publish(question, body, reply=reply)
        await answers.next_msg()
    assert await bus.position() == before


async def test_a_client_cannot_aim_a_push_consumer_at_an_event(server: NatsServer, bus: Bus) -> None:
    config = {"name": "push", "deliver_subject": FORGED, "ack_policy": "none"}
    async with connected(server, CLIENT) as client:
        question = {"stream_name": STREAM_NAME, "config": config}
        reply = await client.request(
            f"$JS.API.CONSUMER.CREATE.{STREAM_NAME}.push", json.dumps(question).encode()
        )
    assert "forms a cycle" in json.loads(reply.data)["error"]["description"]


@pytest.mark.parametrize("durable", [None, "reader"])
async def test_a_client_reads_stored_events_and_then_waits_for_new_ones(
    server: NatsServer, bus: Bus, durable: str | None
) -> None:
    start, job = await bus.position(), new_id()
    await bus.publish(progressed(job, 1))
    async with (
        Bus.connected(settings_of(server, CLIENT)) as client,
        aclosing(client.events(after=start, durable=durable)) as events,
    ):
        assert (await anext(events)).id == f"{job}:1"
        await bus.publish(progressed(job, 2))
        assert (await anext(events)).id == f"{job}:2"


async def test_a_client_reads_live_events_and_replays_them(server: NatsServer, bus: Bus) -> None:
    live: list[StoredMessage] = []
    start = await bus.position()
    async with Bus.connected(settings_of(server, CLIENT)) as client:
        subscription = await client.live(EventFilter(), live.append, lambda: None)
        end = await bus.publish(progressed(new_id(), 1))
        assert await eventually(lambda: bool(live))
        replay = client.replay(EventFilter(), after=start.sequence, upto=end.sequence)
        stored = [message async for batch in replay for message in batch]
        await subscription.close()
    assert [(m.subject, m.sequence, m.payload) for m in live] == [
        (m.subject, m.sequence, m.payload) for m in stored
    ]


async def test_an_acknowledgement_of_a_client_is_confirmed(server: NatsServer, bus: Bus) -> None:
    await bus.publish(progressed(new_id(), 1))
    async with connected(server, CLIENT) as client:
        events = await client.jetstream().pull_subscribe(
            "analysis.job.>", durable="confirmed", stream=STREAM_NAME
        )
        (message,) = await events.fetch(1)
        await message.ack_sync()
        info = await events.consumer_info()
    assert info.ack_floor
    assert info.ack_floor.stream_seq == message.metadata.sequence.stream


async def test_the_bus_answers_a_client_over_the_accounts(server: NatsServer, bus: Bus) -> None:
    async def answer(question: GetRequest) -> GetRequest:
        return question

    await bus.serve(name="jobs", version="1.0.0", endpoints=[Endpoint(GET_SUBJECT, GetRequest, answer)])
    question = GetRequest(scope=ScopeName("acme"), job_id=new_id())
    async with Bus.connected(settings_of(server, CLIENT)) as client:
        assert await client.request(GET_SUBJECT, question, GetRequest) == question


@pytest.mark.parametrize("user", [RUNNER, GPU7])
async def test_a_service_learns_that_a_runner_is_gone_before_its_answer(
    server: NatsServer, bus: Bus, user: str
) -> None:
    taken, answerable = asyncio.Event(), asyncio.Event()
    returned: list[GetRequest] = []

    async def answer_late(question: GetRequest) -> GetRequest:
        taken.set()
        await answerable.wait()
        return question

    async def take_back(reply: GetRequest) -> None:
        returned.append(reply)

    endpoint = Endpoint(GET_SUBJECT, GetRequest, answer_late, undelivered=take_back)
    await bus.serve(name="jobs", version="1.0.0", endpoints=[endpoint])
    question = GetRequest(scope=ScopeName("acme"), job_id=new_id())
    async with connected(server, user) as runner:
        await runner.publish(GET_SUBJECT, question.model_dump_json().encode(), reply=runner.new_inbox())
        await taken.wait()
    answerable.set()
    assert await eventually(lambda: returned == [question])


async def test_nobody_names_a_reply_subject_where_answers_to_another_account_are_taken(
    server: NatsServer,
) -> None:
    refused: set[str] = set()
    async with connected(server, RUNNER, refused) as runner:
        await runner.publish("wayside.jobs.v1.claim", reply="_R_.another.account")
        await settle(runner)
    assert refused == {"_r_.another.account"}


async def test_what_a_client_may_not_ask_is_answered_by_nobody(server: NatsServer) -> None:
    async with Bus.connected(settings_of(server, CLIENT)) as client:
        with pytest.raises(BusUnavailable, match="nobody serves"):
            await client.exchange("wayside.jobs.v1.claim", b"{}", bytes, timeout_seconds=5)
