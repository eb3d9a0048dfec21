"""What a runner says of itself: at its start, now and then, and at its end."""

import asyncio
import os
import socket

import pytest
from tests.eventually import eventually
from tests.sdk.conftest import serving
from tests.sdk.standin import StandIn

from wayside import Context, Tracker, Worker, track
from wayside.runner.runner import Runner


@pytest.fixture
def noop(worker: Worker, service: StandIn) -> Worker:
    service.beat_seconds = 0.1

    @worker.job("noop")
    async def noop(ctx: Context) -> None:
        pass

    return worker


async def test_a_worker_registers_with_where_it_is_and_what_it_claims(service: StandIn, noop: Worker) -> None:
    async with serving(noop):
        assert await eventually(lambda: bool(service.registrations))
    registration = service.registrations[0]
    assert (registration.hostname, registration.pid) == (socket.gethostname(), os.getpid())
    assert (registration.queues, registration.slots) == (("default",), 2)


async def test_a_worker_beats_until_it_says_goodbye(service: StandIn, noop: Worker) -> None:
    async with serving(noop):
        assert await eventually(lambda: len(service.beats) >= 2)
    assert [beat.stopped for beat in service.beats[-2:]] == [False, True]
    assert service.beats[-1].is_draining
    assert (service.beats[0].slots, service.beats[0].is_draining) == (2, False)


async def test_a_worker_that_is_not_known_any_more_registers_again(service: StandIn, noop: Worker) -> None:
    async with serving(noop):
        service.is_known = False
        assert await eventually(lambda: len(service.registrations) >= 2)


async def test_a_worker_ends_however_its_end_meets_its_beats(
    service: StandIn, noop: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled: list[Runner] = []

    async def deaf_once(runner: Runner, timeout_seconds: float, *, stopped: bool = False) -> bool:
        """Lose a cancellation, as `asyncio.wait_for` of Python 3.11 does when the answer comes at the same moment."""
        try:
            await asyncio.sleep(0 if stopped else 30)
        except asyncio.CancelledError:
            cancelled.append(runner)
            if len(cancelled) > 1:
                raise
        return True

    monkeypatch.setattr(Runner, "_beat", deaf_once)
    async with asyncio.timeout(5), serving(noop):
        assert await eventually(lambda: bool(service.claims))
    assert len(cancelled) >= 1


async def test_a_process_that_tracks_beats_too(service: StandIn, tracker: Tracker) -> None:
    service.beat_seconds = 0.1
    async with track("import", scope="acme", tracker=tracker):
        assert await eventually(lambda: any(beat.running == 1 for beat in service.beats))
