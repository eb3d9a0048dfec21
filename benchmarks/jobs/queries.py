"""List, get and cancel over HTTP, beside a long history."""

import itertools
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import aiohttp
import asyncpg

from benchmarks.jobs.plan import Plan
from benchmarks.jobs.stored import TYPES, fill
from benchmarks.outcome import Outcome, percentile
from benchmarks.system import SCOPE, System
from benchmarks.timing import Call, timings

CLIENTS = 4
PAGE = 50
REQUEST_SECONDS = 30

SAMPLE = """
SELECT id::text AS id, session_id, related_type, related_id, created_by FROM jobs TABLESAMPLE BERNOULLI ($1)
WHERE scope = $2 AND session_id IS NOT NULL AND related_id IS NOT NULL
"""
ACTIVE = "SELECT id::text FROM jobs WHERE scope = $1 AND status IN ('queued', 'running') ORDER BY random() LIMIT $2"


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes requests, and sees that they are answered as they must be."""

    session: aiohttp.ClientSession

    async def list(self, filters: Mapping[str, str]) -> None:
        """Read a page of a list."""
        query = {"scope": SCOPE, "limit": str(PAGE), **filters}
        async with self.session.get("/v1/jobs", params=query) as answer:
            answer.raise_for_status()
            await answer.read()

    async def get(self, job_id: str) -> None:
        """Read one job."""
        async with self.session.get(f"/v1/jobs/{job_id}") as answer:
            answer.raise_for_status()
            await answer.read()

    async def cancel(self, job_id: str) -> None:
        """Cancel one job."""
        async with self.session.post(f"/v1/jobs/{job_id}/cancel", json={}) as answer:
            answer.raise_for_status()
            await answer.read()


async def measure(system: System, plan: Plan) -> Outcome:
    """Fill the table, then time requests of one kind after the other."""
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    async with aiohttp.ClientSession(
        system.service_url, headers=system.headers(), timeout=timeout
    ) as session:
        await fill(system, session, plan.stored_jobs)
        async with system.database() as database:
            known = await database.fetch(SAMPLE, min(100.0, 2e7 / plan.stored_jobs), SCOPE)
            active = await database.fetch(ACTIVE, SCOPE, plan.requests)
            stored = await database.fetchval("SELECT count(*) FROM jobs")
        caller = Caller(session)
        kinds = {
            "list": list(itertools.islice(_lists(caller, known), plan.requests)),
            "get": [_bound(caller.get, random.choice(known)["id"]) for _ in range(plan.requests)],
            "cancel": [_bound(caller.cancel, row["id"]) for row in active],
        }
        timed = {kind: await timings(calls, clients=CLIENTS) for kind, calls in kinds.items()}
    details = {f"{kind}_p50_ms": percentile(taken, 50) for kind, taken in timed.items()}
    counts = {f"{kind}_requests": len(taken) for kind, taken in timed.items()}
    return Outcome(
        {f"{kind}_p99_ms": percentile(taken, 99) for kind, taken in timed.items()},
        {"stored_jobs": stored, **details, **counts},
        [] if stored == plan.stored_jobs else [f"{stored} rows instead of {plan.stored_jobs}"],
    )


def _lists(caller: Caller, known: Sequence[asyncpg.Record]) -> Iterator[Call]:
    """What people list: everything, what runs, what failed, one type, one session, one thing, one person."""
    for row in itertools.cycle(known):
        job_type = random.choice(TYPES)
        for filters in (
            {},
            {"status": "running"},
            {"status": "failed"},
            {"type": job_type},
            {"type": job_type, "status": "failed"},
            {"session_id": row["session_id"]},
            {"related_type": row["related_type"], "related_id": row["related_id"]},
            {"created_by": row["created_by"]},
        ):
            yield _bound(caller.list, filters)


def _bound(function: Callable[..., Awaitable[None]], *arguments: object) -> Call:
    return lambda: function(*arguments)
