"""The creator process: makes jobs over NATS, many at once. Usage: creator <batches in flight>; told {type, count, input}."""

import asyncio
import sys
import time
from collections.abc import Iterator

from pydantic import JsonValue

from benchmarks.speech import orders, say
from benchmarks.system import SCOPE
from wayside.settings import nats_settings
from wayside_events.bus import Bus
from wayside_events.contracts.jobs import (
    CREATE_MANY_SUBJECT,
    CreateManyReply,
    CreateManyRequest,
    JobCreate,
)

REQUEST_SECONDS = 60
BATCH = 500
"""Jobs in one request; as many as PgQueuer's producer sends at once would be 1,000."""


class NotCreated(Exception):
    """The service refused a job that it should take."""


async def create(bus: Bus, job: JobCreate, *, count: int, in_flight: int) -> dict[str, int]:
    """Create `count` jobs, so many batches at the same time; returns when it began and ended, in nanoseconds."""
    sizes = iter([BATCH] * (count // BATCH) + ([count % BATCH] if count % BATCH else []))
    item = job.model_dump(mode="json", exclude_none=True)
    began = time.monotonic_ns()
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(_create_each(bus, item, sizes))
    return {"began": began, "ended": time.monotonic_ns()}


async def _create_each(bus: Bus, item: dict[str, JsonValue], sizes: Iterator[int]) -> None:
    for size in sizes:
        request = CreateManyRequest(jobs=(item,) * size, created_by="bench")
        reply = await bus.request(
            CREATE_MANY_SUBJECT, request, CreateManyReply, timeout_seconds=REQUEST_SECONDS
        )
        if not all(outcome.created for outcome in reply.outcomes):
            raise NotCreated(next(outcome for outcome in reply.outcomes if not outcome.created))


def wanted(job_type: str, job_input: JsonValue = None) -> JobCreate:
    """A job to create."""
    return JobCreate(type=job_type, scope=SCOPE, input=job_input)


async def main() -> None:
    """Create what the parent tells until it closes the line."""
    in_flight = int(sys.argv[1])
    async with Bus.connected(nats_settings(name="creator")) as bus:
        say(started=True)
        async for order in orders():
            job = wanted(order["type"], order.get("input"))
            say(created=await create(bus, job, count=order["count"], in_flight=in_flight))


if __name__ == "__main__":
    asyncio.run(main())
