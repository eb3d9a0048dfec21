"""A jobs table with a history: as many rows as wanted, with scopes, types, sessions and states as they are in use."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import asyncpg

from benchmarks.jobs.throughput import LEAST_SECONDS, registered
from benchmarks.jobs.worker import FAILING, NOOP, PROGRESS
from benchmarks.system import SCOPE, System
from wayside_events.bus import Bus
from wayside_events.contracts.jobs import REGISTER_SUBJECT, JobTypeSpec, RegisterReply, RegisterRequest

TYPES = tuple(f"bench.type-{number}" for number in range(20))
STATEMENT = Path(__file__).with_name("stored.sql")

IDENTITY = ("id", "scope", "type", "priority", "created_by", "session_id", "related_type", "related_id")
MOMENTS = ("created_at", "updated_at", "run_at", "started_at", "finished_at", "lease_expires_at", "due_at")
NAMED = frozenset({*IDENTITY, *MOMENTS})
"""The columns that the statement fills itself."""

COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = 'jobs' AND table_name = 'jobs' AND is_generated = 'NEVER' ORDER BY ordinal_position
"""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def fill(system: System, session: aiohttp.ClientSession, count: int) -> None:
    """Fill the table of a system with `count` jobs, and nothing else."""
    async with Bus.connected(system.bus_settings("runner")) as bus, system.database() as database:
        await _make_templates(system, session, database)
        specs = tuple(JobTypeSpec(name=name) for name in TYPES)
        await bus.request(REGISTER_SUBJECT, RegisterRequest(runner="bench", job_types=specs), RegisterReply)
        await database.execute("TRUNCATE jobs CASCADE")
        await database.execute(await _statement(database), count)
        await database.execute("DROP TABLE templates")
        await database.execute("VACUUM ANALYZE jobs")


async def _make_templates(system: System, session: aiohttp.ClientSession, database: Connection) -> None:
    """Keep one real job of every status in the table `templates`."""
    async with system.child("worker", 10, user="runner"):
        for job_type in (NOOP, FAILING, PROGRESS):
            await registered(system, job_type)
        wanted = [
            (await create(session, NOOP), "completed"),
            (await create(session, FAILING), "failed"),
            (await create(session, PROGRESS, {"seconds": 600, "pause_seconds": 1}), "running"),
        ]
        for job_id, status in wanted:
            await _reached(database, job_id, status)
        await database.execute(
            "CREATE TABLE templates AS SELECT * FROM jobs WHERE id = ANY($1)", _ids(wanted)
        )
    canceled = await create(session, NOOP)
    async with session.post(f"/v1/jobs/{canceled}/cancel", json={}) as answer:
        answer.raise_for_status()
    rest = [canceled, await create(session, NOOP)]
    await database.execute("INSERT INTO templates SELECT * FROM jobs WHERE id = ANY($1)", rest)


async def create(session: aiohttp.ClientSession, job_type: str, job_input: Any = None) -> str:  # noqa: ANN401 - JSON
    """Create a job over HTTP; returns its id."""
    body = {"type": job_type, "scope": SCOPE, "input": job_input, "session_id": "template"}
    async with session.post("/v1/jobs", json=body) as answer:
        answer.raise_for_status()
        return str((await answer.json())["id"])


def _ids(wanted: Sequence[tuple[str, str]]) -> list[str]:
    return [job_id for job_id, _ in wanted]


async def _reached(database: Connection, job_id: str, status: str) -> None:
    async with asyncio.timeout(LEAST_SECONDS):
        while await database.fetchval("SELECT status FROM jobs WHERE id = $1", job_id) != status:
            await asyncio.sleep(0.02)


async def _statement(database: Connection) -> str:
    others = [row["column_name"] for row in await database.fetch(COLUMNS) if row["column_name"] not in NAMED]
    return STATEMENT.read_text().format(
        others=", ".join(others), templates=", ".join(f"template.{name}" for name in others)
    )
