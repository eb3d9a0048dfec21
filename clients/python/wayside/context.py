"""What a handler is given beside its input."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, Unpack

from pydantic import JsonValue

from wayside.children import Child, Children, Seat
from wayside.errors import HandlerStopped
from wayside.options import SpawnOptions
from wayside.progress import JobLog, Operation, ProgressFields
from wayside.proposing import Proposer
from wayside.reporting.attempt import Attempt
from wayside.runner.runner import Runner
from wayside_events.contracts.governance import Proposal, ProposalOutcome
from wayside_events.contracts.jobs import AssignedJob
from wayside_events.identifiers import EntityId, ScopeName
from wayside_events.jobs import LogLevel, Related

T = TypeVar("T")

_CHECK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the handlers of one worker share. `name` is who proposes what they propose."""

    runner: Runner
    name: str
    loop: asyncio.AbstractEventLoop


class Context(Operation):
    """One attempt at one job, for its handler.

    When the handler shall end (`stopping` says why), an async one is cancelled at its `await`; a synchronous one gets
    `HandlerStopped` at its next call of the context, once, so that it can still log while it cleans up. One that does
    not end within the grace period is left alone: whatever it calls here from then on raises `HandlerStopped`.
    """

    def __init__(self, attempt: Attempt, surroundings: Surroundings, seat: Seat) -> None:
        super().__init__(attempt)
        self._surroundings = surroundings
        self._seat = seat

    @property
    def job(self) -> AssignedJob:
        """The job as it was assigned, with its raw input."""
        return self._attempt.job

    @property
    def job_id(self) -> EntityId:
        """The job's id; also the run id of what it proposes."""
        return self._attempt.granted.job_id

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
        self._attempt.refuse()
        proposer = Proposer(self._surroundings.runner, self.job, proposed_by=self._surroundings.name)
        return await proposer.propose(proposals)

    async def spawn(
        self,
        job_type: str,
        input: JsonValue = None,  # noqa: A002 - the name it has everywhere
        *,
        key: str | None = None,
        **options: Unpack[SpawnOptions],
    ) -> Child:
        """Create a child job, which inherits scope, session, related thing, priority and creator.

        With a `key` it is the same child in every attempt of this job; without, each attempt has children of its own.
        Waits while the jobs service cannot be reached, and for 15 seconds while nobody serves the type; the
        `UnknownJobType` it raises then fails the attempt, which is tried again. Raises another `ProblemError`, for
        example `Conflict` when this job is to end.
        """
        self._attempt.refuse()
        return await self._children.spawn(job_type, input, key=key, options=options)

    async def spawn_many(
        self,
        job_type: str,
        inputs: Iterable[JsonValue],
        *,
        key: str | None = None,
        **options: Unpack[SpawnOptions],
    ) -> list[Child]:
        """Create a child for each input, in order; `key` stands for `<key>-0`, `<key>-1` and so on, see `spawn`.

        Up to a thousand travel together, so this is the way to create many. Raises the `ProblemError` of the first that is
        refused; the others may be there all the same.
        """
        self._attempt.refuse()
        return await self._children.spawn_many(job_type, inputs, key=key, options=options)

    async def gather(self, children: Sequence[Child], *, return_exceptions: bool = False) -> list[Any]:
        """Wait until the children have ended, and return their results in order.

        Meanwhile this handler has no slot of its worker, so that children can run on it; before it goes on it gets one
        again. A child that has not completed raises `ChildFailed` or `ChildCanceled` as soon as that is known, and the
        others go on; with `return_exceptions` the error is its result. A cancel of this job ends the waiting.
        """
        self._attempt.refuse()
        return await self._children.gather(children, return_exceptions=return_exceptions)

    @property
    def _children(self) -> Children:
        return Children(self._surroundings.runner, self.job, self._seat)


class ThreadContext(Context):
    """The context of a synchronous handler, which runs in a thread of its own."""

    def __init__(self, attempt: Attempt, surroundings: Surroundings, seat: Seat) -> None:
        super().__init__(attempt, surroundings, seat)
        self._was_told = False

    def check(self) -> None:
        """Raise `HandlerStopped` when the handler shall end, the first time it asks after that."""
        attempt = self._attempt
        if attempt.stop_reason is not None and (attempt.is_abandoned or not self._was_told):
            self._was_told = True
            raise HandlerStopped(attempt.stop_reason)

    def progress(self, percent: float | None = None, **fields: Unpack[ProgressFields]) -> None:
        """Say how far it is; see `Operation.progress`."""
        self.check()
        super().progress(percent, **fields)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the worker's event loop and wait: `ctx.run(ctx.propose([...]))`."""
        future = asyncio.run_coroutine_threadsafe(work, self._surroundings.loop)
        while not future.done():
            with contextlib.suppress(TimeoutError):
                future.exception(timeout=_CHECK_SECONDS)
            if not future.done() and self._attempt.stop_reason is not None and not self._was_told:
                future.cancel()
                self.check()
        return future.result()

    def _new_log(self) -> JobLog:
        return _CheckedLog(self._attempt, self.check)


class _CheckedLog(JobLog):
    def __init__(self, attempt: Attempt, check: Callable[[], None]) -> None:
        super().__init__(attempt)
        self._check = check

    def _write(self, level: LogLevel, message: str, context: dict[str, Any]) -> None:
        self._check()
        super()._write(level, message, context)
