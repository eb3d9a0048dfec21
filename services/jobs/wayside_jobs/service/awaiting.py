"""Waiting for jobs to end: requests wait here until one of their jobs is over, wherever that is committed."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import islice

import orjson
import structlog

from wayside_events.contracts.jobs import AwaitRequest
from wayside_events.identifiers import EntityId
from wayside_jobs.domain.documents import present
from wayside_jobs.domain.job import Change
from wayside_jobs.domain.values import embedded
from wayside_jobs.service.announcing import About, Announcer
from wayside_jobs.service.metrics import JobsMetrics
from wayside_jobs.store.groups import Ended, Endings
from wayside_service.errors import Unavailable

AWAITED_LIMIT = 200_000
"""Ids that may be waited for at one instance; who comes then is told to come again."""

POLL_LIMIT = 2_000
"""Ids one backstop poll looks at; the next goes on with others."""

REPLY_BYTES = 900 * 1024
"""One answer at most, which must fit a message of 1 MiB; how a single job ended is always smaller."""

_SLICE = 64
"""Results read at once: an answer may be full after few large ones."""

_ENVELOPE_BYTES = 120
"""What an answer has of one job besides result and error, or of one that is missing."""

_LINGER_SECONDS = 0.02
_LINGER_FROM = 32
"""With so many jobs still pending, more of them end in a moment, and one answer for each would be many."""

_INTEREST_SECONDS = 70.0
"""How long it is remembered that somebody waits elsewhere: somewhat longer than a request may wait."""

_RECENT_LIMIT = 10_000
"""Ends that are remembered for those who say a moment later that they wait for them."""

log = structlog.get_logger("wayside_jobs.awaiting")


class _Waiter:
    """One request that waits. `told` are those of its jobs that are said to be over."""

    def __init__(self) -> None:
        self.told: set[EntityId] = set()
        self.woken = asyncio.Event()
        self._news: set[EntityId] = set()

    def tell(self, job_id: EntityId) -> None:
        self.told.add(job_id)
        self._news.add(job_id)
        self.woken.set()

    async def wait(self, until: float) -> bool:
        """Return whether there is news before the time is over."""
        try:
            async with asyncio.timeout_at(until):
                await self.woken.wait()
        except TimeoutError:
            return False
        return bool(self._news)

    def take_news(self) -> set[EntityId]:
        news, self._news = self._news, set()
        self.woken.clear()
        return news


class _Answer:
    """What is found out about the jobs of one request, in its order."""

    def __init__(self, job_ids: Sequence[EntityId]) -> None:
        self._job_ids = job_ids
        self._ended: list[bytes] = []
        self._missing: list[EntityId] = []
        self._size = 0

    @property
    def is_worth_telling(self) -> bool:
        """Whether there is any news."""
        return bool(self._ended or self._missing)

    def miss(self, job_ids: Sequence[EntityId]) -> None:
        """There is no such job."""
        self._missing += job_ids
        self._size += _ENVELOPE_BYTES * len(job_ids)

    def add(self, ended: Ended) -> bool:
        """Take how a job ended, unless the answer would grow too large."""
        size = _ENVELOPE_BYTES + len((ended.result or "").encode()) + len((ended.error or "").encode())
        if self._ended and self._size + size > REPLY_BYTES:
            return False
        self._ended.append(_ended_job(ended))
        self._size += size
        return True

    def encode(self) -> bytes:
        """Write `contracts.jobs.AwaitReply`."""
        pending = len(self._job_ids) - len(self._ended) - len(self._missing)
        ended = [orjson.Fragment(item) for item in self._ended]
        return orjson.dumps({"ended": ended, "pending": pending, "missing": self._missing})


class AwaitDesk:
    """Where all requests of an instance wait that wait for jobs to end.

    Instances tell each other what is waited for, and then of its end; both messages may be lost, so `run()` looks
    after those who wait, and counts what nobody told.
    """

    def __init__(
        self, endings: Endings, announcer: Announcer, metrics: JobsMetrics, *, backstop_seconds: float
    ) -> None:
        self._endings = endings
        self._announcer = announcer
        self._metrics = metrics
        self._backstop_seconds = backstop_seconds
        self._waiters: dict[EntityId, set[_Waiter]] = defaultdict(set)
        self._parked: set[_Waiter] = set()
        self._elsewhere: dict[EntityId, float] = {}
        self._recent: dict[EntityId, None] = {}
        self._polled = 0
        self._is_open = True
        announcer.on_changes(self._hear_changes)
        announcer.on_told(About.AWAITED, self._hear_awaited)
        announcer.on_told(About.ENDED, self._hear_ended)

    async def wait(self, request: AwaitRequest) -> bytes:
        """Return `contracts.jobs.AwaitReply` once one of the jobs has ended or is missing, or after `wait_ms`.

        Raises `DatabaseUnavailable`, or `Unavailable` when this instance is about to end or too much is waited for.
        """
        if not self._is_open:
            raise Unavailable("This instance is shutting down.")
        job_ids = list(dict.fromkeys(request.job_ids))
        if len(self._waiters) + len(job_ids) > AWAITED_LIMIT:
            raise Unavailable("Too many jobs are waited for.")
        waiter = _Waiter()
        deadline = asyncio.get_running_loop().time() + request.wait_ms / 1000
        self._enter(waiter, job_ids)
        try:
            return await self._answer(request.scope, job_ids, waiter, deadline)
        finally:
            self._leave(waiter, job_ids)

    async def run(self) -> None:
        """Look after those who wait, for ever."""
        while True:
            await asyncio.sleep(self._backstop_seconds)
            try:
                await self.poll()
            except Unavailable as error:
                log.info("poll_postponed", error=str(error))
            except Exception:
                log.exception("poll_failed")

    async def poll(self) -> None:
        """Find jobs that have ended without a word to those who wait for them."""
        awaited = list(islice(self._waiters, self._polled, self._polled + POLL_LIMIT))
        self._polled = self._polled + POLL_LIMIT if len(awaited) == POLL_LIMIT else 0
        if not awaited:
            return
        untold = [job_id for job_id in await self._endings.inactive(awaited) if self._wake(EntityId(job_id))]
        if untold:
            self._metrics.await_backstop_hits.inc(len(untold))
            log.info("backstop_found_ends", jobs=len(untold))

    def close(self) -> None:
        """Answer everybody who waits with what is known, and take no more requests."""
        self._is_open = False
        for waiter in self._parked:
            waiter.woken.set()

    async def _answer(
        self, scope: str, job_ids: Sequence[EntityId], waiter: _Waiter, deadline: float
    ) -> bytes:
        if deadline > asyncio.get_running_loop().time():
            self._announcer.tell(About.AWAITED, job_ids)
        answer = await self._found(scope, job_ids, job_ids)
        if not answer.is_worth_telling:
            with self._metrics.awaits_parked.track_inprogress():
                answer = await self._news_of(scope, job_ids, waiter, deadline)
        return answer.encode()

    async def _news_of(
        self, scope: str, job_ids: Sequence[EntityId], waiter: _Waiter, deadline: float
    ) -> _Answer:
        """Wait for news that is worth telling, until the time is over."""
        answer = _Answer(job_ids)
        while not answer.is_worth_telling and self._is_open:
            if not await waiter.wait(deadline):
                break
            if len(job_ids) >= _LINGER_FROM:
                await asyncio.sleep(_LINGER_SECONDS)
            news = waiter.take_news()
            answer = await self._found(scope, job_ids, [job_id for job_id in job_ids if job_id in news])
            if not answer.is_worth_telling:
                waiter.told -= news
        return answer

    async def _found(self, scope: str, job_ids: Sequence[EntityId], looked_at: Sequence[EntityId]) -> _Answer:
        """Look at some of the jobs."""
        answer = _Answer(job_ids)
        states = await self._endings.states(scope, looked_at)
        answer.miss([job_id for job_id in looked_at if job_id not in states])
        ended = [job_id for job_id in looked_at if states.get(job_id)]
        for begin in range(0, len(ended), _SLICE):
            part = ended[begin : begin + _SLICE]
            results = await self._endings.results(scope, part)
            if not all(answer.add(results[job_id]) for job_id in part if job_id in results):
                break
        return answer

    def _enter(self, waiter: _Waiter, job_ids: Sequence[EntityId]) -> None:
        self._parked.add(waiter)
        for job_id in job_ids:
            self._waiters[job_id].add(waiter)

    def _leave(self, waiter: _Waiter, job_ids: Sequence[EntityId]) -> None:
        self._parked.discard(waiter)
        for job_id in job_ids:
            self._waiters[job_id].discard(waiter)
            if not self._waiters[job_id]:
                del self._waiters[job_id]

    def _wake(self, job_id: EntityId) -> bool:
        """Tell those who wait here for a job; returns whether one of them had not been told."""
        waiters = self._waiters.get(job_id, ())
        is_news = any(job_id not in waiter.told for waiter in waiters)
        for waiter in waiters:
            waiter.tell(job_id)
        return is_news

    def _hear_changes(self, changes: Sequence[Change]) -> None:
        ended = [change.job.id for change in changes if change.job.finished_at is not None]
        if not ended:
            return
        if self._waiters:
            self._hear_ended(ended)
        self._recent.update(dict.fromkeys(ended))
        for job_id in list(islice(self._recent, max(0, len(self._recent) - _RECENT_LIMIT))):
            del self._recent[job_id]
        if self._elsewhere:
            told = [job_id for job_id in ended if self._elsewhere.pop(job_id, None) is not None]
            self._announcer.tell(About.ENDED, told)

    def _hear_ended(self, job_ids: Collection[str]) -> None:
        for job_id in job_ids:
            self._wake(EntityId(job_id))

    def _hear_awaited(self, job_ids: Collection[str]) -> None:
        """Somebody waits elsewhere, perhaps for jobs that ended while the message was on its way."""
        now = time.monotonic()
        ids = [EntityId(job_id) for job_id in job_ids]
        self._announcer.tell(About.ENDED, [job_id for job_id in ids if job_id in self._recent])
        for job_id in ids:
            self._elsewhere.pop(job_id, None)
            self._elsewhere[job_id] = now + _INTEREST_SECONDS
        while self._elsewhere and (
            len(self._elsewhere) > AWAITED_LIMIT or next(iter(self._elsewhere.values())) < now
        ):
            del self._elsewhere[next(iter(self._elsewhere))]


def _ended_job(ended: Ended) -> bytes:
    return orjson.dumps(
        present(
            {
                "job_id": ended.job_id,
                "status": ended.status,
                "result": embedded(ended.result),
                "error": embedded(ended.error),
            }
        )
    )
