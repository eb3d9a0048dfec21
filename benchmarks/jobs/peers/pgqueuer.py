"""PgQueuer on PostgreSQL, by the asyncpg driver and uvloop, as its own command runs it."""

import asyncpg
import uvloop
from pgqueuer import Job, PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from benchmarks.jobs.peers.tally import Tally, create_when_told, end_with_parent, play
from benchmarks.speech import say

BATCH = 250
CREATED_AT_ONCE = 1_000


async def create(address: str, count: int) -> None:
    """Create jobs a thousand at a time, its way for many."""
    connection = await asyncpg.connect(address)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()

    async def all_of_them() -> None:
        for start in range(0, count, CREATED_AT_ONCE):
            numbers = [str(number).encode() for number in range(start, min(start + CREATED_AT_ONCE, count))]
            await queries.enqueue(["noop"] * len(numbers), numbers, [0] * len(numbers))

    await create_when_told(all_of_them)


async def work(address: str, count: int) -> None:
    """Handle them."""
    queuer = PgQueuer.from_asyncpg_connection(await asyncpg.connect(address))
    tally = Tally(count)

    async def noop(job: Job) -> None:
        tally.add(int(job.payload or b"-1"))

    queuer.entrypoint("noop")(noop)
    end_with_parent()
    say(started=True)
    await queuer.run(batch_size=BATCH)


async def left(address: str, count: int) -> None:
    """Say how many jobs are still in the queue, or were not recorded as successful."""
    connection = await asyncpg.connect(address)
    waiting = await connection.fetchval("SELECT count(*) FROM pgqueuer")
    successful = "SELECT count(*) FROM pgqueuer_log WHERE status = 'successful'"
    say(left=waiting + abs(count - await connection.fetchval(successful)))


if __name__ == "__main__":
    play({"create": create, "work": work, "left": left}, uvloop.run)
