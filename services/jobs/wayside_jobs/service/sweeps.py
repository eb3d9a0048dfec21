"""How sweepers work: again and again, in batches, and never held up by one row that cannot be swept."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from wayside_jobs.domain.errors import SimultaneousChange
from wayside_jobs.domain.job import Change
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.service.metrics import JobsMetrics
from wayside_jobs.store import Store, Unit
from wayside_service.errors import Unavailable

BATCH_LIMIT = 200

T = TypeVar("T")

log = structlog.get_logger("wayside_jobs.sweeping")


@dataclass(frozen=True, slots=True)
class Sweep:
    """One kind of what becomes due: how such jobs are taken, what is done, and how one is put off that cannot be."""

    verb: str
    take: Callable[[Unit, int], Awaitable[Sequence[str]]]
    act: Callable[[Unit, Sequence[str]], Awaitable[Sequence[Change]]]
    put_off: Callable[[Unit, str], Awaitable[None]]


class Broom:
    """Carries sweeps out, a batch in a transaction."""

    def __init__(self, store: Store, announcer: Announcer, metrics: JobsMetrics) -> None:
        self._store = store
        self._announcer = announcer
        self._metrics = metrics

    async def sweep(self, sweep: Sweep) -> bool:
        """Take a batch and act on it; returns whether there may be more.

        When that fails its halves are tried, and theirs; what fails alone is put off, so that it blocks no other.
        """
        taken: Sequence[str] = ()
        try:
            async with self._store.transaction() as unit:
                taken = await sweep.take(unit, BATCH_LIMIT)
                changes = await sweep.act(unit, taken) if taken else ()
        except (Unavailable, SimultaneousChange):
            raise
        except Exception as error:
            if not taken:
                raise
            log.info("sweep_split", verb=sweep.verb, size=len(taken), error=repr(error))
            await self._in_halves(sweep, taken)
            return len(taken) >= BATCH_LIMIT
        self._told(sweep, changes)
        return len(taken) >= BATCH_LIMIT or len(changes) < len(taken)

    async def _in_halves(self, sweep: Sweep, job_ids: Sequence[str]) -> None:
        if len(job_ids) == 1:
            await self._alone(sweep, job_ids[0])
            return
        middle = len(job_ids) // 2
        for half in (job_ids[:middle], job_ids[middle:]):
            try:
                await self._act(sweep, half)
            except (Unavailable, SimultaneousChange):
                raise
            except Exception:  # noqa: BLE001 - whichever it is, its half is looked into
                await self._in_halves(sweep, half)

    async def _alone(self, sweep: Sweep, job_id: str) -> None:
        try:
            await self._act(sweep, [job_id])
        except (Unavailable, SimultaneousChange):
            raise
        except Exception:
            log.exception("job_put_off", verb=sweep.verb, job_id=job_id)
            async with self._store.transaction() as unit:
                await sweep.put_off(unit, job_id)

    async def _act(self, sweep: Sweep, job_ids: Sequence[str]) -> None:
        async with self._store.transaction() as unit:
            changes = await sweep.act(unit, job_ids)
        self._told(sweep, changes)

    def _told(self, sweep: Sweep, changes: Sequence[Change]) -> None:
        self._metrics.swept.labels(sweep.verb).inc(sum(change.fact is not None for change in changes))
        self._announcer.committed(changes)


async def every(seconds: float, sweep: Callable[[], Awaitable[bool]]) -> None:
    """Sweep, for ever: on at once while there is more, else after a pause."""
    while True:
        while await attempt(sweep, otherwise=False):
            pass
        await asyncio.sleep(seconds)


async def attempt(sweep: Callable[[], Awaitable[T]], *, otherwise: T) -> T:
    """Run one sweep; what fails now is tried again later."""
    try:
        return await sweep()
    except (Unavailable, SimultaneousChange) as error:
        log.info("sweep_postponed", error=str(error))
    except Exception:
        log.exception("sweep_failed")
    return otherwise
