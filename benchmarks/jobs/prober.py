"""The process that creates one job at a time on an idle system and hears of its end. Usage: prober; told {samples}."""

import asyncio
import random
import time

import orjson

from benchmarks.jobs.creator import wanted
from benchmarks.jobs.worker import PICKUP
from benchmarks.speech import orders, say
from benchmarks.system import SCOPE
from wayside.settings import nats_settings
from wayside_events.bus import Bus, StoredMessage
from wayside_events.contracts.jobs import CREATE_SUBJECT, CreateReply, CreateRequest
from wayside_events.jobs import JobCompleted
from wayside_events.subjects import EventFilter

PAUSE_SECONDS = (0.005, 0.03)
END_SECONDS = 30


class Prober:
    """Takes samples: nanoseconds from before the request to the first line of the handler."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._started_at: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def deliver(self, message: StoredMessage) -> None:
        """Take the end of the job under way; its result says when the handler started."""
        self._started_at.set_result(orjson.loads(message.payload)["data"]["result"])

    async def sample(self) -> int:
        """Pause, create a job and wait for its end."""
        await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
        self._started_at = asyncio.get_running_loop().create_future()
        request = CreateRequest(job=wanted(PICKUP), created_by="bench")
        before = time.monotonic_ns()
        await self._bus.request(CREATE_SUBJECT, request, CreateReply)
        async with asyncio.timeout(END_SECONDS):
            return await self._started_at - before


def missed() -> None:
    """End: an event that was missed would be waited for."""
    raise ConnectionError("the subscription may have missed an event")


async def main() -> None:
    """Take samples as told until the parent closes the line."""
    async with Bus.connected(nats_settings(name="prober")) as bus:
        prober = Prober(bus)
        await bus.live(EventFilter((JobCompleted.event_type(),), SCOPE), prober.deliver, missed)
        say(started=True)
        async for order in orders():
            say(samples=[await prober.sample() for _ in range(order["samples"])])


if __name__ == "__main__":
    asyncio.run(main())
