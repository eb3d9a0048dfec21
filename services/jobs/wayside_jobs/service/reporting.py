"""Reports of runners: each validated alone, all that arrive together committed together."""

import asyncio
import secrets
from collections import Counter as Count
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import orjson
from pydantic import JsonValue, ValidationError

from wayside_events.bus import problem_of_validation
from wayside_events.contracts.jobs import REPORT, REPORTS, CompleteReport, Outcome, ReportRequest
from wayside_events.contracts.problems import Problem, pointer
from wayside_jobs.domain.documents import Document
from wayside_jobs.domain.errors import JobsError, SimultaneousChange
from wayside_jobs.domain.job import Change, Job, hash_token
from wayside_jobs.domain.logs import LogBounds
from wayside_jobs.domain.reports import INTEGER_LIMIT, Chance, Decision, Prepared, decide, prepare
from wayside_jobs.domain.values import Json
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.service.grouping import Group
from wayside_jobs.service.metrics import JobsMetrics
from wayside_jobs.service.statuses import problem_document
from wayside_jobs.store import Completion, Reported, Reports, Store
from wayside_service.errors import Unavailable

BATCH_LIMIT = 2_000
"""Reports one transaction applies at most."""

_JOB_ID_LIMIT = 50
_ERRORS_LIMIT = 2
_MESSAGE_LIMIT = 200

_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""How long to wait, again and again, for a job that somebody else has locked; then the runner has to come again."""

_ACCEPTED = Decision(Outcome.ACCEPTED)

_RANDOM = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a report, and the job after it; `None` where there is no such job."""

    decision: Decision
    job: Job | None


class Reporter:
    """Applies reports."""

    def __init__(
        self, store: Store, announcer: Announcer, metrics: JobsMetrics, *, log_bounds: LogBounds
    ) -> None:
        self._store = store
        self._announcer = announcer
        self._metrics = metrics
        self._log_bounds = log_bounds
        self.group: Group[Prepared, Applied] = Group(
            "report", self._apply_all, limit=BATCH_LIMIT, size_of=lambda prepared: prepared.size
        )

    async def report(self, request: ReportRequest) -> bytes:
        """Apply a batch and say what became of each report, in its order: `contracts.jobs.ReportReply`.

        Raises `Unavailable` when it is not known whether it was applied: it can be sent again, and what was
        applied is `stale` then.
        """
        checked = _checked(request.reports)
        valid = [item for item in checked if isinstance(item, Prepared)]
        applied = iter(await self._apply(valid))
        outcomes = [_outcome(item, next(applied)) if isinstance(item, Prepared) else item for item in checked]
        self._metrics.count_reports(
            zip(map(_kind, checked), map(itemgetter("outcome"), outcomes), strict=True)
        )
        return orjson.dumps({"outcomes": outcomes})

    async def _apply(self, prepared: Sequence[Prepared]) -> list[Applied | Exception]:
        """Apply reports together, and again those about jobs that somebody else has locked."""
        answers = await self.group.submit(prepared)
        for pause in _PAUSES:
            held = [n for n, answer in enumerate(answers) if isinstance(answer, SimultaneousChange)]
            if not held:
                break
            await asyncio.sleep(pause)
            again = await self.group.submit([prepared[n] for n in held])
            for n, answer in zip(held, again, strict=True):
                answers[n] = answer
        return answers

    async def _apply_all(self, batch: Sequence[Prepared]) -> list[Applied | Exception]:
        """Complete what is simply complete; lock, decide in order and write the rest: one transaction."""
        self._metrics.report_batch.observe(len(batch))
        async with self._store.transaction() as unit:
            reports = Reports(unit)
            completed = await reports.complete(_sole_completions(batch))
            rest = [prepared for prepared in batch if prepared.report.job_id not in completed]
            locked = await reports.lock(
                {prepared.report.job_id for prepared in rest},
                partials_of={
                    prepared.report.job_id for prepared in rest if prepared.report.kind == "progress"
                },
            )
            decided, changes = self._decide_all(rest, locked)
            written = list(completed.values())
            await unit.write(locked.jobs, changes, written=written)
        self._announcer.committed([*written, *changes])
        rest_of = iter(decided)
        return [
            Applied(_ACCEPTED, done.job) if (done := completed.get(prepared.report.job_id)) else next(rest_of)
            for prepared in batch
        ]

    def _decide_all(
        self, batch: Sequence[Prepared], locked: Reported
    ) -> tuple[list[Applied | Exception], list[Change]]:
        jobs = dict(locked.jobs)
        applied: list[Applied | Exception] = []
        changes: list[Change] = []
        for prepared in batch:
            job = jobs.get(prepared.report.job_id)
            if job is None:
                applied.append(_unseen(prepared.report.job_id in locked.held))
                continue
            decision = decide(job, prepared, Chance(locked.now, _RANDOM.random(), self._log_bounds))
            if decision.change is not None:
                job = jobs[job.id] = decision.change.job
                changes.append(decision.change)
            applied.append(Applied(decision, job))
        return applied, changes


def _sole_completions(batch: Sequence[Prepared]) -> list[Completion]:
    """The completions of jobs about which the batch says nothing else, and which are thus in no order to it."""
    said = Count(prepared.report.job_id for prepared in batch)
    return [
        Completion(
            report.job_id,
            report.attempt,
            hash_token(report.token),
            report.seq,
            prepared.metrics,
            prepared.payload or Json("null"),
        )
        for prepared in batch
        if isinstance(report := prepared.report, CompleteReport)
        and said[report.job_id] == 1
        and report.attempt <= INTEGER_LIMIT
    ]


def _unseen(is_held: bool) -> Applied | Exception:
    if is_held:
        return SimultaneousChange("Somebody else is changing the job.")
    return Applied(Decision(Outcome.FENCED), None)


def _kind(item: Prepared | Document) -> str:
    return item.report.kind if isinstance(item, Prepared) else "malformed"


def _checked(raws: Sequence[JsonValue]) -> list[Prepared | Document]:
    """Check all at once; where that fails each alone."""
    try:
        return [prepare(report) for report in REPORTS.validate_python(raws)]
    except (ValidationError, JobsError):
        return [_checked_alone(raw, index) for index, raw in enumerate(raws)]


def _checked_alone(raw: JsonValue, index: int) -> Prepared | Document:
    try:
        return prepare(REPORT.validate_python(raw))
    except ValidationError as error:
        problem = problem_of_validation(error, ("reports", index), tags=1)
    except JobsError as error:
        problem = problem_document(error.within(pointer(["reports", index])))
    return _invalid(raw, problem)


def _invalid(raw: JsonValue, problem: Problem) -> Document:
    job_id = raw.get("job_id") if isinstance(raw, dict) else None
    shown = job_id if isinstance(job_id, str) and len(job_id) <= _JOB_ID_LIMIT else None
    return _refusal(shown, _shortened(problem))


def _refusal(job_id: str | None, problem: Problem) -> Document:
    told = orjson.Fragment(problem.model_dump_json(exclude_none=True))
    return {"job_id": job_id, "outcome": Outcome.INVALID, "problem": told}


def _shortened(problem: Problem) -> Problem:
    """With a thousand wrong reports in a batch the answer must fit a message all the same."""
    errors = tuple(
        error.model_copy(update={"message": error.message[:_MESSAGE_LIMIT]})
        for error in problem.errors[:_ERRORS_LIMIT]
    )
    return problem.model_copy(update={"detail": problem.detail[:_MESSAGE_LIMIT], "errors": errors})


def _outcome(prepared: Prepared, answer: Applied | Exception) -> Document:
    """Write `contracts.jobs.ReportOutcome`; raises `Unavailable` when nobody knows."""
    job_id = prepared.report.job_id
    if isinstance(answer, SimultaneousChange):
        raise Unavailable(str(answer)) from answer
    if isinstance(answer, Unavailable):
        raise answer
    if isinstance(answer, Exception):
        return _refusal(job_id, problem_document(answer))
    decision, job = answer.decision, answer.job
    if decision.error is not None:
        told = _refusal(job_id, problem_document(decision.error))
    else:
        told = {"job_id": job_id, "outcome": decision.outcome}
    if job is not None:
        told["revision"] = job.revision
        if job.cancel_requested and decision.outcome is not Outcome.FENCED:
            told["cancel_requested"] = True
    return told
