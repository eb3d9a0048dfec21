"""A jobs service and a governance service without a database, on the real bus: for what only the SDK decides.

It keeps the contract (leases apart): attempts with tokens, numbered reports, parked claims, cancel by push and answer.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue, ValidationError

from wayside_events.bus import Bus, Endpoint, RequestRefused, problem_of_validation
from wayside_events.contracts import jobs as contract
from wayside_events.contracts.governance import (
    PROPOSAL,
    PROPOSE_SUBJECT,
    Intake,
    ProposalOutcome,
    ProposeReply,
    ProposeRequest,
)
from wayside_events.contracts.jobs import (
    Assignment,
    AwaitReply,
    AwaitRequest,
    BeatReply,
    BeatRequest,
    ClaimReply,
    ClaimRequest,
    CreateManyReply,
    CreateManyRequest,
    CreateOutcome,
    CreateReply,
    CreateRequest,
    EndedJob,
    Job,
    Outcome,
    RegisterReply,
    RegisterRequest,
    Report,
    ReportOutcome,
    ReportReply,
    ReportRequest,
    RunnerPush,
    WithdrawReply,
    WithdrawRequest,
    runner_subject,
)
from wayside_events.contracts.problems import Problem
from wayside_events.identifiers import EntityId, ScopeName, new_id
from wayside_events.jobs import JobError, JobMode, JobStatus, Progress

ENDED = {"complete": "completed", "fail": "failed", "release": "queued", "acknowledge_cancel": "canceled"}


@dataclass
class JobRecord:
    """What the stand-in knows of one job."""

    id: EntityId
    type: str
    input: JsonValue
    status: str = "queued"
    attempt: int = 0
    token: str = ""
    seq: int = 0
    runner: str = ""
    cancel_requested: bool = False
    timeout_seconds: float | None = None
    mode: JobMode = JobMode.QUEUED
    session_id: str | None = None
    last_error: JobError | None = None
    create: CreateRequest | None = None
    reports: list[Report] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        return [report.kind for report in self.reports]

    @property
    def ending(self) -> Any:
        return self.reports[-1] if self.reports and self.reports[-1].kind in ENDED else None

    @property
    def progress(self) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for report in self.reports:
            if report.kind == "progress":
                merged |= report.progress.model_dump(exclude_none=True)
        return merged

    @property
    def log_entries(self) -> list[contract.LogLine]:
        return [entry for report in self.reports if report.kind == "log" for entry in report.entries]

    @property
    def log_messages(self) -> list[str]:
        return [entry.message for entry in self.log_entries]


class StandIn:
    """Both services. `refuse` maps a report kind to the problem it is refused with; `unknown_types` wait to be registered."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.jobs: dict[str, JobRecord] = {}
        self.registrations: list[RegisterRequest] = []
        self.requests: list[ReportRequest] = []
        self.claims: list[ClaimRequest] = []
        self.proposals: list[ProposeRequest] = []
        self.beats: list[BeatRequest] = []
        self.taken_back: list[str] = []
        self.beat_seconds = 10.0
        self.is_known = True
        self.refuse: dict[str, Problem] = {}
        self.unknown_types: set[str] = set()
        self.governance_down = 0
        self.lease_seconds = 30.0
        self.cancel_grace_seconds = 30.0
        self._changed = asyncio.Condition()
        self._withdrawals: dict[str, int] = {}

    async def start(self) -> None:
        await self.bus.serve(
            name="wayside-jobs",
            version="1.0.0",
            problem_of=lambda error: error.problem if isinstance(error, RequestRefused) else None,
            endpoints=[
                Endpoint(contract.REGISTER_SUBJECT, RegisterRequest, self._register),
                Endpoint(contract.CLAIM_SUBJECT, ClaimRequest, self._claim),
                Endpoint(contract.WITHDRAW_SUBJECT, WithdrawRequest, self._withdraw),
                Endpoint(contract.REPORT_SUBJECT, ReportRequest, self._report),
                Endpoint(contract.CREATE_SUBJECT, CreateRequest, self._create),
                Endpoint(contract.CREATE_MANY_SUBJECT, CreateManyRequest, self._create_many),
                Endpoint(contract.BEAT_SUBJECT, BeatRequest, self._beat),
                Endpoint(contract.AWAIT_SUBJECT, AwaitRequest, self._await),
                Endpoint(PROPOSE_SUBJECT, ProposeRequest, self._propose),
            ],
        )

    async def enqueue(self, job_type: str, payload: JsonValue = None, **fields: Any) -> JobRecord:
        return await self.add(JobRecord(new_id(), job_type, payload, **fields))

    async def add(self, record: JobRecord) -> JobRecord:
        self.jobs[record.id] = record
        await self._notify()
        return record

    async def cancel(self, record: JobRecord, *, push: bool = True) -> None:
        record.cancel_requested = True
        if push:
            message = RunnerPush(job_id=record.id, attempt=record.attempt)
            await self.bus.notify(runner_subject(record.runner), message.model_dump_json().encode())

    def lose(self, record: JobRecord) -> None:
        """End the lease: the job waits for another runner, and the token is void."""
        record.status, record.token = "queued", ""

    def give(self, record: JobRecord, runner: str) -> Assignment:
        """Give a job to a runner."""
        return self._assign(record, runner)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _register(self, request: RegisterRequest) -> RegisterReply:
        self.registrations.append(request)
        self.unknown_types -= {*(spec.name for spec in request.job_types), *request.tracked_types}
        return RegisterReply(server_time=datetime.now(UTC), beat_seconds=self.beat_seconds)

    async def _beat(self, request: BeatRequest) -> BeatReply:
        self.beats.append(request)
        return BeatReply(known=self.is_known)

    async def _withdraw(self, request: WithdrawRequest) -> WithdrawReply:
        self._withdrawals[request.runner] = self._withdrawals.get(request.runner, 0) + 1
        if request.held is not None:
            held = {attempt.job_id for attempt in request.held}
            for record in self.jobs.values():
                is_unheard = record.runner == request.runner and not record.seq and record.id not in held
                if record.status == "running" and is_unheard:
                    self.taken_back.append(record.id)
                    self.lose(record)
        await self._notify()
        return WithdrawReply()

    async def _await(self, request: AwaitRequest) -> AwaitReply:
        deadline = asyncio.get_running_loop().time() + request.wait_ms / 1000
        while True:
            jobs = [self.jobs[job_id] for job_id in request.job_ids]
            ended = [job for job in jobs if job.status in ("completed", "failed", "canceled")]
            remaining = deadline - asyncio.get_running_loop().time()
            if ended or remaining <= 0:
                return AwaitReply(ended=tuple(map(_ended, ended)), pending=len(jobs) - len(ended))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(remaining), self._changed:
                    await self._changed.wait()

    async def _claim(self, request: ClaimRequest) -> ClaimReply:
        self.claims.append(request)
        deadline = asyncio.get_running_loop().time() + request.wait_ms / 1000
        withdrawals = self._withdrawals.get(request.runner, 0)
        while self._withdrawals.get(request.runner, 0) == withdrawals:
            found = [job for job in self.jobs.values() if job.status == "queued"]
            found = [job for job in found if job.type in request.job_types][: request.slots]
            remaining = deadline - asyncio.get_running_loop().time()
            if found or remaining <= 0:
                return ClaimReply(assignments=tuple(self._assign(job, request.runner) for job in found))
            try:
                async with asyncio.timeout(remaining), self._changed:
                    await self._changed.wait()
            except TimeoutError:
                continue
        return ClaimReply(assignments=())

    def _assign(self, record: JobRecord, runner: str) -> Assignment:
        record.status, record.runner, record.seq = "running", runner, 0
        record.attempt += 1
        record.token = f"token-{record.attempt}"
        return Assignment(
            job=contract.AssignedJob(
                id=record.id,
                scope=ScopeName("acme"),
                type=record.type,
                input=record.input,
                queue="default",
                priority=5,
                max_attempts=3,
                session_id=record.session_id,
                last_error=record.last_error,
                created_by="tests",
                created_at=datetime.now(UTC),
            ),
            attempt=record.attempt,
            token=record.token,
            lease_seconds=self.lease_seconds,
            timeout_seconds=record.timeout_seconds,
            cancel_grace_seconds=self.cancel_grace_seconds,
        )

    async def _report(self, request: ReportRequest) -> ReportReply:
        self.requests.append(request)
        outcomes = tuple(self._take(raw) for raw in request.reports)
        await self._notify()
        return ReportReply(outcomes=outcomes)

    def _take(self, raw: JsonValue) -> ReportOutcome:
        try:
            report = contract.REPORT.validate_python(raw)
        except ValidationError as error:
            return ReportOutcome(
                job_id=None, outcome=Outcome.INVALID, problem=problem_of_validation(error, tags=1)
            )
        record = self.jobs[report.job_id]
        outcome = self._judge(record, report)
        problem = self.refuse.get(report.kind) if outcome is Outcome.INVALID else None
        if outcome is Outcome.ACCEPTED:
            record.reports.append(report)
            record.seq = report.seq
            record.status = ENDED.get(report.kind, record.status)
        return ReportOutcome(
            job_id=record.id, outcome=outcome, cancel_requested=record.cancel_requested, problem=problem
        )

    def _judge(self, record: JobRecord, report: Report) -> Outcome:
        if report.token != record.token or report.attempt != record.attempt:
            return Outcome.FENCED
        if report.seq <= record.seq:
            return Outcome.STALE
        if report.kind in self.refuse:
            return Outcome.INVALID
        return Outcome.ACCEPTED

    async def _create(self, request: CreateRequest) -> CreateReply:
        if request.job.type in self.unknown_types:
            title = "Unknown job type"
            raise RequestRefused(Problem(title=title, status=422, code="unknown_job_type", detail=title))
        known = [job for job in self.jobs.values() if job.session_id == request.job.session_id]
        record = known[0] if known and request.job.unique_key else None
        if record is not None:
            return CreateReply(job=self.job(record), created=False)
        record = self._of_key(request.idempotency_key)
        if record is not None:
            return CreateReply(job=self.job(record), created=False)
        record = JobRecord(new_id(), request.job.type, request.job.input, mode=request.job.mode)
        record.session_id = request.job.session_id
        record.create = request
        self.jobs[record.id] = record
        if record.mode is JobMode.QUEUED:
            await self._notify()
            return CreateReply(job=self.job(record), created=True)
        assignment = self._assign(record, request.job.runner or "")
        return CreateReply(job=self.job(record), created=True, assignment=assignment)

    async def _create_many(self, request: CreateManyRequest) -> CreateManyReply:
        outcomes = []
        for index, raw in enumerate(request.jobs):
            item = contract.BATCH_ITEM.validate_python(raw)
            job = contract.JobCreate(**item.model_dump(exclude={"idempotency_key"}, exclude_none=True))
            single = CreateRequest(
                job=job, created_by=request.created_by, idempotency_key=item.idempotency_key
            )
            try:
                reply = await self._create(single)
            except RequestRefused as refused:
                outcomes.append(CreateOutcome(index=index, problem=refused.problem))
                continue
            outcomes.append(CreateOutcome(index=index, job_id=reply.job.id, created=reply.created))
        return CreateManyReply(outcomes=tuple(outcomes))

    def _of_key(self, key: str | None) -> JobRecord | None:
        created = [job for job in self.jobs.values() if job.create is not None]
        return next((job for job in created if job.create and job.create.idempotency_key == key), None)

    def job(self, record: JobRecord) -> Job:
        now = datetime.now(UTC)
        return Job(
            id=record.id,
            scope=ScopeName("acme"),
            type=record.type,
            status=JobStatus(record.status),
            revision=1,
            mode=record.mode,
            queue="default",
            priority=5,
            attempt=record.attempt,
            max_attempts=1,
            progress=Progress(),
            input=record.input,
            created_by="tests",
            created_at=now,
            updated_at=now,
        )

    async def _propose(self, request: ProposeRequest) -> ProposeReply:
        if self.governance_down:
            self.governance_down -= 1
            raise RuntimeError("down for a moment")
        self.proposals.append(request)
        for raw in request.proposals:
            PROPOSAL.validate_python(raw)
        outcome = ProposalOutcome(outcome=Intake.CREATED, suggestion_id=new_id(), revision=1)
        return ProposeReply(outcomes=(outcome,) * len(request.proposals))


def _ended(record: JobRecord) -> EndedJob:
    status = JobStatus(record.status)
    return EndedJob(
        job_id=record.id,
        status=status,
        result=record.ending.result if status is JobStatus.COMPLETED else None,
        error=record.ending.error if status is JobStatus.FAILED else None,
    )
