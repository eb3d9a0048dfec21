"""The creator process: makes jobs over NATS, many in flight. Usage: creator <in flight>; told {type, count, input}."""

import asyncio
import sys
import time
from collections.abc import Iterator

from pydantic import BaseModel, JsonValue

from benchmarks.jobs.speech import orders, say
from benchmarks.jobs.system import SCOPE
from wayside.settings import nats_settings
from wayside_events.bus import Bus
from wayside_events.contracts.jobs import CREATE_SUBJECT, CreateRequest, JobCreate

REQUEST_SECONDS = 60


class Accepted(BaseModel):
    """What the creator reads of the answer."""

    created: bool


async def create(bus: Bus, job: JobCreate, *, count: int, in_flight: int) -> dict[str, int]:
    """Create `count` jobs, so many at the same time; returns when it began and ended, in nanoseconds."""
    request = CreateRequest(job=job, created_by="bench")
    tickets = iter(range(count))
    began = time.monotonic_ns()
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(_create_each(bus, request, tickets))
    return {"began": began, "ended": time.monotonic_ns()}


async def _create_each(bus: Bus, request: CreateRequest, tickets: Iterator[int]) -> None:
    for _ in tickets:
        await bus.request(CREATE_SUBJECT, request, Accepted, timeout_seconds=REQUEST_SECONDS)


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
