"""The runner's side of the conversation with the jobs service: registered, reporting, reachable for a push."""

import asyncio
import contextlib
import logging
import os
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ValidationError

from wayside.errors import TRANSIENT, Stop
from wayside.reporting.attempt import Attempt, AttemptKey
from wayside.reporting.grant import Grant, grants_in
from wayside.reporting.reporter import Reporter
from wayside_events.bus import Bus, BusError, BusSettings, BusUnavailable, MalformedReply, RequestRefused
from wayside_events.contracts.jobs import (
    BEAT_SUBJECT,
    CLAIM_SUBJECT,
    REGISTER_SUBJECT,
    REPORT_SUBJECT,
    BeatBody,
    BeatReply,
    BeatRequest,
    ClaimRequest,
    JobTypeSpec,
    RegisterReply,
    RegisterRequest,
    ReportOutcome,
    ReportReply,
    RunnerPush,
    runner_subject,
)

logger = logging.getLogger("wayside.runner")

R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")

RETRY_SECONDS = 1.0
REGISTER_SECONDS = 5.0
BEAT_SECONDS = 10.0
LEAST_BEAT_SECONDS = 0.1
BEAT_TIMEOUT_SECONDS = 5.0
GOODBYE_SECONDS = 1.0
CANCEL_SECONDS = 0.5
DEFAULT_PAYLOAD_BYTES = 1024 * 1024
"""What a NATS server takes unless it is configured otherwise; known exactly once connected."""

EARLY_CANCELS = 100
TRACKED_TYPES_LIMIT = 500
"""How many types of tracked operations a registration may name."""

ENVELOPE_BYTES = 1024
"""Room in a request for what surrounds its items."""


class Runner:
    """One runner on one NATS connection; it belongs to the event loop it was opened on.

    Connects, registers and subscribes in the background and for as long as it takes; `started` is set when the jobs
    service knows it. After every reconnect it registers again.
    """

    def __init__(
        self,
        name: str,
        settings: BusSettings,
        *,
        queues: Sequence[str] = (),
        job_types: Sequence[JobTypeSpec] = (),
        slots: int = 1,
        version: str | None = None,
    ) -> None:
        self.name = name
        self.bus = Bus(settings)
        self.started = asyncio.Event()
        self.resumed = asyncio.Event()
        self.state: Callable[[], BeatBody] = lambda: BeatBody(running=len(self._attempts), slots=slots)
        """How this runner is, asked for each of its beats."""
        self._registration = RegisterRequest(
            runner=name,
            version=version,
            hostname=socket.gethostname()[:255],
            pid=os.getpid(),
            slots=slots,
            queues=tuple(queues),
            job_types=tuple(job_types),
        )
        self._registering = asyncio.Lock()
        self._beat_seconds = BEAT_SECONDS
        self._beat_now = asyncio.Event()
        self._payload_bytes = DEFAULT_PAYLOAD_BYTES
        self._attempts: dict[AttemptKey, Attempt] = {}
        # A push may overtake the answer to the claim; one that is forgotten comes again with the next report.
        self._early_cancels: deque[AttemptKey] = deque(maxlen=EARLY_CANCELS)
        self._tasks: set[asyncio.Task[None]] = set()
        self.reporter = Reporter(self._report, max_bytes=lambda: self.request_bytes)

    async def __aenter__(self) -> Self:
        self.bus.start()
        self.bus.on_resume(self._on_resume)
        _ = self.start_task(self.reporter.run(), name="reporter")
        self.startup = self.start_task(self._start(), name="register")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._say_goodbye()
        # Once may not be enough: asyncio.wait_for, inside nats-py, loses a cancellation up to Python 3.11.
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=CANCEL_SECONDS)
        await self.bus.close()

    @property
    def request_bytes(self) -> int:
        """How many bytes the items of one request may have."""
        with contextlib.suppress(BusUnavailable):
            self._payload_bytes = self.bus.max_payload
        return self._payload_bytes - ENVELOPE_BYTES

    def add(self, attempt: Attempt) -> None:
        """Report for an attempt, and let pushes reach it, until its ending is known."""
        key = attempt.granted.key
        self._attempts[key] = attempt
        self.reporter.add(attempt)
        if self._early_cancels and key in self._early_cancels:
            attempt.stop(Stop.CANCEL)

    def is_known_to_track(self, job_type: str) -> bool:
        """Whether the jobs service was told that this runner tracks operations of a type."""
        return job_type in self._registration.tracked_types

    @property
    def registration(self) -> RegisterRequest:
        """What this runner said of itself last."""
        return self._registration

    async def announce(
        self, job_type: str, *, timeout_seconds: float, since: RegisterRequest | None = None
    ) -> None:
        """Say that this runner tracks operations of a type, beside those it said before; raises as `ask` does.

        Not again, if somebody has said so since the registration `since`, by default the last.
        """
        since = since or self._registration
        await self._until_started(timeout_seconds)
        async with self._registering:
            if self._registration is not since and self.is_known_to_track(job_type):
                return
            others = [known for known in self._registration.tracked_types if known != job_type]
            tracked_types = (*others, job_type)[-TRACKED_TYPES_LIMIT:]
            body = self._registration.model_copy(update={"tracked_types": tracked_types})
            await self.ask(REGISTER_SUBJECT, body, RegisterReply, timeout_seconds=timeout_seconds)
            self._registration = body

    async def _until_started(self, timeout_seconds: float) -> None:
        try:
            async with asyncio.timeout(timeout_seconds):
                await self.started.wait()
        except TimeoutError:
            msg = "the jobs service does not know this runner yet"
            raise BusUnavailable(msg) from None

    def beat(self) -> None:
        """Say at once how this runner is, because that has changed in a way that others wait for."""
        self._beat_now.set()

    @property
    def attempt_keys(self) -> list[AttemptKey]:
        """The attempts that are reported for; may be asked for in any thread."""
        return list(self._attempts)

    def remove(self, attempt: Attempt) -> None:
        """Let no push reach an attempt any more."""
        self._attempts.pop(attempt.key, None)

    async def ask(self, subject: str, body: BaseModel, reply_type: type[R], *, timeout_seconds: float) -> R:
        """Send a request; raises `BusUnavailable` when trying again later makes sense, else another `BusError`."""
        return await self._retriable(
            self.bus.request(subject, body, reply_type, timeout_seconds=timeout_seconds)
        )

    async def claim(self, request: ClaimRequest, *, timeout_seconds: float) -> list[Grant]:
        """Ask for work; raises as `ask` does."""
        body = request.model_dump_json(exclude_none=True).encode()
        return await self._retriable(
            self.bus.exchange(CLAIM_SUBJECT, body, grants_in, timeout_seconds=timeout_seconds)
        )

    async def _retriable(self, asking: Awaitable[T]) -> T:
        """Tell refusals that pass from those that are a verdict."""
        try:
            return await asking
        except RequestRefused as refused:
            if refused.problem.status >= 500 or refused.problem.status in TRANSIENT:
                raise BusUnavailable(str(refused)) from refused
            raise

    async def wait_for_resume(self, seconds: float) -> None:
        """Pause before another try; a connection that comes back ends the pause."""
        self.resumed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.resumed.wait()

    def start_task(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run something until the runner closes."""
        task = asyncio.create_task(work, name=f"{self.name}-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            expected = isinstance(error, BusError)
            logger.error("%s: %s", task.get_name(), error, exc_info=None if expected else error)

    async def _start(self) -> None:
        await self.bus.ready()
        await self.bus.listen(runner_subject(self.name), self._on_push)
        await self._register()
        self.started.set()
        _ = self.start_task(self._keep_beating(), name="beat")

    async def _register(self) -> None:
        """Announce the runner; raises `RequestRefused` when what it announces is not accepted."""
        while True:
            try:
                async with self._registering:
                    reply = await self.ask(
                        REGISTER_SUBJECT, self._registration, RegisterReply, timeout_seconds=REGISTER_SECONDS
                    )
            except BusUnavailable as error:
                logger.info("runner %s waits for the jobs service: %s", self.name, error)
                await self.wait_for_resume(RETRY_SECONDS)
            else:
                self._beat_seconds = max(reply.beat_seconds, LEAST_BEAT_SECONDS)
                return

    async def _keep_beating(self) -> None:
        """Say now and then that this runner lives, and register again where that is not known any more."""
        while True:
            self._beat_now.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._beat_seconds):
                    await self._beat_now.wait()
            try:
                if not await self._beat(BEAT_TIMEOUT_SECONDS):
                    await self._register()
            except BusError as error:
                logger.debug("runner %s could not say that it lives: %s", self.name, error)

    async def _beat(self, timeout_seconds: float, *, stopped: bool = False) -> bool:
        state = self.state().model_dump() | {"stopped": stopped}
        body = BeatRequest(runner=self.name, **state)
        return (await self.ask(BEAT_SUBJECT, body, BeatReply, timeout_seconds=timeout_seconds)).known

    async def _say_goodbye(self) -> None:
        if self.started.is_set():
            with contextlib.suppress(BusError):
                await self._beat(GOODBYE_SECONDS, stopped=True)

    def _on_resume(self) -> None:
        self.resumed.set()
        self.reporter.hurry()
        if self.started.is_set():
            _ = self.start_task(self._register(), name="register")

    def _on_push(self, payload: bytes) -> None:
        try:
            push = RunnerPush.model_validate_json(payload)
        except ValidationError:
            logger.warning("runner %s was pushed something it does not understand", self.name)
            return
        key = (push.job_id, push.attempt)
        if attempt := self._attempts.get(key):
            attempt.stop(Stop.CANCEL)
        else:
            self._early_cancels.append(key)

    def report_body(self, reports: Sequence[bytes]) -> bytes:
        """Return the `ReportRequest` for reports that are JSON already."""
        return b'{"runner":"%b","reports":[%b]}' % (self.name.encode(), b",".join(reports))

    async def _report(self, reports: Sequence[bytes], timeout_seconds: float) -> Sequence[ReportOutcome]:
        """Send reports as they are: each was encoded once, for its size."""
        body = self.report_body(reports)
        reply = await self._retriable(
            self.bus.exchange(
                REPORT_SUBJECT, body, ReportReply.model_validate_json, timeout_seconds=timeout_seconds
            )
        )
        if len(reply.outcomes) != len(reports):
            msg = f"{len(reports)} reports were answered with {len(reply.outcomes)} outcomes"
            raise MalformedReply(msg)
        return reply.outcomes
