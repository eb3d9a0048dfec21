"""The connection to the real server: what ends it, what does not, and what the user may do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.events.test_bus_requests import Ask, echo
from tests.eventually import eventually

from wayside_events.bus import AccessDenied, Bus, BusSettings, BusUnavailable, Endpoint
from wayside_events.subjects import EventFilter
from wayside_standalone.nats import NatsServer, NatsSettings, permissions_file

USERS = ("jobs", "governance", "gateway", "runner", "client")


@pytest.fixture
def guarded_server(tmp_path: Path) -> Iterator[NatsServer]:
    passwords = {f"WAYSIDE_NATS_PASSWORD_{user.upper()}": f"secret{user}" for user in USERS}
    settings = NatsSettings(tmp_path / "nats", users=permissions_file(), environment=passwords)
    with NatsServer(settings) as server:
        yield server


@pytest.fixture
async def runner(guarded_server: NatsServer) -> AsyncIterator[Bus]:
    settings = BusSettings(guarded_server.url, user="runner", password="secretrunner")
    async with Bus.connected(settings) as bus:
        yield bus


async def test_an_error_for_which_the_server_hangs_up_is_followed_by_a_reconnect(bus: Bus) -> None:
    resumed: list[bool] = []
    bus.on_resume(lambda: resumed.append(True))
    transport = bus._connection.client._transport
    assert transport is not None
    transport.write(b"NONSENSE\r\n")
    assert await eventually(lambda: bool(resumed))
    assert (await bus.state()).last_sequence == 0


async def test_a_subscription_that_is_not_allowed_is_refused(runner: Bus) -> None:
    with pytest.raises(AccessDenied, match=r"wayside\.jobs\.wake"):
        await runner.listen("wayside.jobs.wake", lambda _: None)
    with pytest.raises(AccessDenied, match=r"live\."):
        await runner.live(EventFilter(), lambda _: None, lambda: None)
    with pytest.raises(AccessDenied, match=r"wayside\.jobs\.v1\.claim"):
        await runner.serve(
            name="jobs", version="1.0.0", endpoints=[Endpoint("wayside.jobs.v1.claim", Ask, echo)]
        )


async def test_a_password_in_the_address_is_not_repeated() -> None:
    bus = Bus(BusSettings("nats://ada:secret@127.0.0.1:1,nats://127.0.0.1:2"))
    with pytest.raises(BusUnavailable) as unavailable:
        await bus.state()
    assert "secret" not in str(unavailable.value)


async def test_a_flush_that_is_cancelled_does_not_make_the_bus_deaf(bus: Bus) -> None:
    client = bus._connection.client
    for _ in range(20):
        flushing = asyncio.create_task(client.flush())
        await asyncio.sleep(0)
        flushing.cancel()
        await asyncio.wait([flushing])
    assert (await bus.position()).sequence == 0


async def test_a_read_loop_that_ends_is_followed_by_a_new_connection(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = bus._connection.client
    resumed = asyncio.Event()
    bus.on_resume(resumed.set)
    monkeypatch.setattr(client._ps, "parse", broken)
    async with asyncio.timeout(10):
        with contextlib.suppress(BusUnavailable):
            await bus.position()
        monkeypatch.undo()
        await resumed.wait()
        assert (await bus.position()).sequence == 0


async def broken(_data: bytes) -> None:
    raise RuntimeError("a defect of the parser")
