"""Children of a job: created by its handler, and waited for without a slot."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import uuid4

from pydantic import JsonValue

from wayside.errors import ChildCanceled, ChildFailed, ProblemError, UnknownJobType, error_of
from wayside.options import SpawnOptions
from wayside.proposing import batches
from wayside.reporting.encoding import json_value
from wayside.runner.runner import Runner
from wayside_events.bus import BusUnavailable, RequestRefused
from wayside_events.contracts.jobs import (
    AWAIT_SUBJECT,
    CREATE_MANY_SUBJECT,
    CREATE_SUBJECT,
    AssignedJob,
    AwaitReply,
    AwaitRequest,
    CreateManyReply,
    CreateManyRequest,
    CreateOutcome,
    CreateReply,
    CreateRequest,
    EndedJob,
    JobCreate,
)
from wayside_events.contracts.problems import Problem
from wayside_events.identifiers import EntityId
from wayside_events.jobs import JobError, JobStatus

logger = logging.getLogger("wayside.runner")

AWAIT_JOBS = 1_000
AWAIT_WAIT_SECONDS = 20.0
ANSWER_SECONDS = 5.0
RETRY_SECONDS = 1.0
MANY_SECONDS = 30.0

UNKNOWN_PATIENCE_SECONDS = 15.0
"""How long a job type may be unknown; then the attempt fails, and the next one may find it known."""

UNKNOWN_FIRST_SECONDS = 0.25
UNKNOWN_MOST_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Child:
    """A job that another one created. `created` is false when it was there already.

    `is_lasting` says that it has a key: it is the same child in every attempt of its parent.
    """

    id: EntityId
    type: str
    created: bool = True
    is_lasting: bool = False


class Seat(Protocol):
    """The slot that a handler has, which it gives free while it waits for children."""

    def leave(self) -> None:
        """Give the slot free."""

    async def take_back(self) -> None:
        """Wait for a slot."""

    def insist(self) -> None:
        """Have a slot at once."""


class Patience:
    """Waits for a job type to become known: the worker that serves it may start after the one that spawns its jobs."""

    def __init__(self, parent_id: EntityId, job_type: str) -> None:
        self._parent_id = parent_id
        self._job_type = job_type
        self._pause = UNKNOWN_FIRST_SECONDS
        self._ends_at = asyncio.get_running_loop().time() + UNKNOWN_PATIENCE_SECONDS

    async def wait(self, error: ProblemError) -> None:
        """Pause before another try; raises any other error, and this one when it has taken too long."""
        if not isinstance(error, UnknownJobType):
            raise error
        if asyncio.get_running_loop().time() + self._pause > self._ends_at:
            raise UnknownJobType(_explained(error.problem, self._job_type)) from error
        logger.warning(
            "job %s spawns a child of the type %r, which no worker has registered yet; it tries again in %.1f s",
            self._parent_id,
            self._job_type,
            self._pause,
        )
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, UNKNOWN_MOST_SECONDS)


class Children:
    """The children of one job."""

    def __init__(self, runner: Runner, job: AssignedJob, seat: Seat) -> None:
        self._runner = runner
        self._job = job
        self._seat = seat

    async def spawn(
        self,
        job_type: str,
        input: JsonValue,  # noqa: A002 - the name it has everywhere
        *,
        key: str | None,
        options: SpawnOptions,
    ) -> Child:
        """Create one child, see `Context.spawn`."""
        request = CreateRequest(
            job=self._wanted(job_type, input, options),
            created_by=self._job.created_by,
            idempotency_key=self._key(key),
            traceparent=self._job.traceparent,
        )
        patience = Patience(self._job.id, job_type)
        while True:
            try:
                reply = await self._runner.ask(
                    CREATE_SUBJECT, request, CreateReply, timeout_seconds=ANSWER_SECONDS
                )
            except BusUnavailable as error:
                logger.info("a child of job %s waits: %s", self._job.id, error)
                await self._runner.wait_for_resume(RETRY_SECONDS)
            except RequestRefused as refused:
                await patience.wait(error_of(refused.problem))
            else:
                is_new = reply.created and not reply.replayed
                return Child(reply.job.id, reply.job.type, is_new, bool(key))

    async def spawn_many(
        self, job_type: str, inputs: Iterable[JsonValue], *, key: str | None, options: SpawnOptions
    ) -> list[Child]:
        """Create a child for each input, see `Context.spawn_many`."""
        items = [
            self._item(job_type, value, f"{key}-{number}" if key else None, options)
            for number, value in enumerate(inputs)
        ]
        children: list[Child] = []
        for batch in batches(items, max_bytes=self._runner.request_bytes):
            children += await self._spawn(job_type, batch)
        return [replace(child, is_lasting=True) for child in children] if key else children

    async def gather(self, children: Sequence[Child], *, return_exceptions: bool) -> list[Any]:
        """Wait for children, see `Context.gather`."""
        if not children:
            return []
        self._seat.leave()
        try:
            outcomes = await self._outcomes(children, is_patient=return_exceptions)
        except asyncio.CancelledError:
            self._seat.insist()
            raise
        except Exception:
            await self._seat.take_back()
            raise
        await self._seat.take_back()
        return [outcomes[child.id] for child in children]

    async def _spawn(self, job_type: str, items: Sequence[dict[str, JsonValue]]) -> list[Child]:
        """Send one batch, again and again where it has to be: each item has a key, so a repeat is harmless."""
        request = CreateManyRequest.model_construct(
            jobs=tuple(items), created_by=self._job.created_by, traceparent=self._job.traceparent
        )
        patience = Patience(self._job.id, job_type)
        while True:
            try:
                reply = await self._runner.ask(
                    CREATE_MANY_SUBJECT, request, CreateManyReply, timeout_seconds=MANY_SECONDS
                )
                return [_child(job_type, outcome) for outcome in reply.outcomes]
            except BusUnavailable as error:
                logger.info("%d children of job %s wait: %s", len(items), self._job.id, error)
                await self._runner.wait_for_resume(RETRY_SECONDS)
            except RequestRefused as refused:
                raise error_of(refused.problem) from refused
            except UnknownJobType as unknown:
                await patience.wait(unknown)

    def _item(
        self, job_type: str, value: JsonValue, key: str | None, options: SpawnOptions
    ) -> dict[str, JsonValue]:
        wanted = self._wanted(job_type, value, options)
        item: dict[str, JsonValue] = wanted.model_dump(mode="json", exclude_none=True)
        item["idempotency_key"] = self._key(key)
        return item

    def _key(self, key: str | None) -> str:
        return f"{self._job.id}:{key}" if key else str(uuid4())

    def _wanted(self, job_type: str, value: JsonValue, options: SpawnOptions) -> JobCreate:
        job = self._job
        inherited: dict[str, Any] = {
            "priority": job.priority,
            "session_id": job.session_id,
            "related": job.related,
        }
        return JobCreate(
            type=job_type,
            scope=job.scope,
            input=json_value(value, "input"),
            parent_id=job.id,
            **inherited | dict(options),
        )

    async def _outcomes(self, children: Sequence[Child], *, is_patient: bool) -> dict[EntityId, Any]:
        """The results of children by their ids; errors among them, where one is patient."""
        lasting = list({child.id: child for child in children}.values())
        parts = [lasting[begin : begin + AWAIT_JOBS] for begin in range(0, len(lasting), AWAIT_JOBS)]
        try:
            async with asyncio.TaskGroup() as group:
                waits = [group.create_task(self._part(part, is_patient=is_patient)) for part in parts]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return {job_id: outcome for wait in waits for job_id, outcome in wait.result().items()}

    async def _part(self, children: Sequence[Child], *, is_patient: bool) -> dict[EntityId, Any]:
        """The results of no more children than one request may name."""
        lasting = {child.id: child.is_lasting for child in children}
        outcomes: dict[EntityId, Any] = {}
        while waiting := [job_id for job_id in lasting if job_id not in outcomes]:
            reply = await self._ended(waiting)
            found: dict[EntityId, Any] = {
                job.job_id: _outcome(job, is_lasting=lasting.get(job.job_id, False)) for job in reply.ended
            }
            found |= {job_id: _missing(job_id) for job_id in reply.missing}
            failures = [outcome for outcome in found.values() if isinstance(outcome, ChildFailed)]
            if failures and not is_patient:
                raise failures[0]
            outcomes |= found
        return outcomes

    async def _ended(self, ids: Sequence[EntityId]) -> AwaitReply:
        """Ask once, and wait for the answer as long as it takes."""
        request = AwaitRequest(
            scope=self._job.scope, job_ids=tuple(ids), wait_ms=int(AWAIT_WAIT_SECONDS * 1000)
        )
        patience = AWAIT_WAIT_SECONDS + ANSWER_SECONDS
        while True:
            try:
                return await self._runner.ask(AWAIT_SUBJECT, request, AwaitReply, timeout_seconds=patience)
            except BusUnavailable as error:
                logger.info("job %s waits for its children: %s", self._job.id, error)
            except RequestRefused as refused:
                raise error_of(refused.problem) from refused
            await self._runner.wait_for_resume(RETRY_SECONDS)


def _explained(problem: Problem, job_type: str) -> Problem:
    detail = (
        f"No worker has registered the job type {job_type!r}, also not within {UNKNOWN_PATIENCE_SECONDS:g} s: is the "
        "worker that serves it running, and is that its name?"
    )
    return problem.model_copy(update={"detail": detail, "errors": ()})


def _child(job_type: str, outcome: CreateOutcome) -> Child:
    if outcome.job_id is not None:
        return Child(outcome.job_id, job_type, outcome.created and not outcome.replayed)
    problem = outcome.problem
    if problem is None or problem.status >= 500:
        raise BusUnavailable(problem.detail if problem else "a job was neither created nor refused")
    raise error_of(problem)


def _outcome(job: EndedJob, *, is_lasting: bool) -> Any:  # noqa: ANN401 - whatever the child returned
    match job.status:
        case JobStatus.COMPLETED:
            return job.result
        case JobStatus.CANCELED:
            return ChildCanceled(job.job_id, job.error, is_lasting=is_lasting)
        case _:
            return ChildFailed(job.job_id, job.error, is_lasting=is_lasting)


def _missing(job_id: EntityId) -> ChildFailed:
    return ChildFailed(job_id, JobError(code="missing", message="there is no such job any more"))
