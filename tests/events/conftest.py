"""A bus on the real NATS server."""

from collections.abc import AsyncIterator

import pytest

from wayside_events.bus import Bus, BusSettings


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    async with Bus.connected(BusSettings(url=nats_url)) as bus:
        await bus.ensure_stream()
        yield bus
