"""What a handler is given beside its input."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar, Unpack

from pydantic import JsonValue

from wayside.errors import HandlerStopped
from wayside.progress import JobLog, Operation, ProgressFields
from wayside.proposing import Proposer
from wayside.reporting.attempt import Attempt
from wayside_events.contracts.governance import Proposal, ProposalOutcome
from wayside_events.contracts.jobs import AssignedJob
from wayside_events.identifiers import EntityId, ScopeName
from wayside_events.jobs import LogLevel, Related

T = TypeVar("T")

_CHECK_SECONDS = 0.25


class Context(Operation):
    """One attempt at one job, for its handler.

    When the handler shall end (`stopping` says why), an async one is cancelled at its `await`; a synchronous one gets
    `HandlerStopped` at its next call of the context, once, so that it can still log while it cleans up.
    """

    def __init__(self, attempt: Attempt, proposer: Proposer) -> None:
        super().__init__(attempt)
        self._proposer = proposer

    @property
    def job(self) -> AssignedJob:
        """The job as it was assigned, with its raw input."""
        return self._attempt.job

    @property
    def job_id(self) -> EntityId:
        """The job's id; also the run id of what it proposes."""
        return self.job.id

    @property
    def scope(self) -> ScopeName:
        """The tenant the job belongs to."""
        return self.job.scope

    @property
    def input(self) -> JsonValue:
        """The input as it came, before it was parsed for the handler."""
        return self.job.input

    @property
    def attempt(self) -> int:
        """Which try this is; 1 is the first."""
        return self._attempt.granted.attempt

    @property
    def session_id(self) -> str | None:
        """The session of the product in which the job was started."""
        return self.job.session_id

    @property
    def related(self) -> Related | None:
        """What the job is about."""
        return self.job.related

    async def propose(self, proposals: Iterable[Proposal]) -> list[ProposalOutcome]:
        """Propose claims for review; returns one outcome for each, in order.

        Waits while governance cannot be reached. Proposing the same evidence again in the same job changes nothing.
        """
        return await self._proposer.propose(proposals)


class ThreadContext(Context):
    """The context of a synchronous handler, which runs in a thread of its own."""

    def __init__(self, attempt: Attempt, proposer: Proposer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(attempt, proposer)
        self._loop = loop
        self._was_told = False
        self.log = _CheckedLog(attempt, self.check)

    def check(self) -> None:
        """Raise `HandlerStopped` when the handler shall end, the first time it asks after that."""
        if self._attempt.stop_reason is not None and not self._was_told:
            self._was_told = True
            raise HandlerStopped(self._attempt.stop_reason)

    def progress(self, percent: float | None = None, **fields: Unpack[ProgressFields]) -> None:
        """Say how far it is; see `Operation.progress`."""
        self.check()
        super().progress(percent, **fields)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the worker's event loop and wait: `ctx.run(ctx.propose([...]))`."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        while not future.done():
            with contextlib.suppress(TimeoutError):
                future.exception(timeout=_CHECK_SECONDS)
            if not future.done() and self._attempt.stop_reason is not None and not self._was_told:
                future.cancel()
                self.check()
        return future.result()


class _CheckedLog(JobLog):
    def __init__(self, attempt: Attempt, check: Callable[[], None]) -> None:
        super().__init__(attempt)
        self._check = check

    def _write(self, level: LogLevel, message: str, context: dict[str, Any]) -> None:
        self._check()
        super()._write(level, message, context)
