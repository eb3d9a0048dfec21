"""Reports of runners: each validated alone, all that arrive together committed together."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from wayside_events.bus import problem_of_validation
from wayside_events.contracts.jobs import REPORT, Outcome, ReportOutcome, ReportReply, ReportRequest
from wayside_events.contracts.problems import Problem, pointer
from wayside_jobs.domain.errors import JobsError
from wayside_jobs.domain.job import Change, Job
from wayside_jobs.domain.reports import Chance, Decision, Prepared, decide, prepare
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.service.grouping import Group
from wayside_jobs.service.metrics import JobsMetrics
from wayside_jobs.service.statuses import problem_document
from wayside_jobs.store import Store
from wayside_service.errors import Unavailable

BATCH_LIMIT = 2_000
"""Reports one transaction applies at most."""

_JOB_ID_LIMIT = 50
_ERRORS_LIMIT = 2
_MESSAGE_LIMIT = 200

_RANDOM = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a report, and the job after it; `None` where there is no such job."""

    decision: Decision
    job: Job | None


class Reporter:
    """Applies reports."""

    def __init__(self, store: Store, announcer: Announcer, metrics: JobsMetrics, *, log_limit: int) -> None:
        self._store = store
        self._announcer = announcer
        self._metrics = metrics
        self._log_limit = log_limit
        self.group: Group[Prepared, Applied] = Group(
            "report", self._apply_all, limit=BATCH_LIMIT, size_of=lambda prepared: prepared.size
        )

    async def report(self, request: ReportRequest) -> ReportReply:
        """Apply a batch and say what became of each report, in its order.

        Raises `Unavailable` when it is not known whether it was applied: it can be sent again, and what was
        applied is `stale` then.
        """
        checked = [_checked(raw, index) for index, raw in enumerate(request.reports)]
        valid = [item for item in checked if isinstance(item, Prepared)]
        applied = iter(await self.group.submit(valid))
        outcomes = tuple(
            _outcome(item, next(applied)) if isinstance(item, Prepared) else item for item in checked
        )
        self._count(checked, outcomes)
        return ReportReply(outcomes=outcomes)

    async def _apply_all(self, batch: Sequence[Prepared]) -> list[Applied | Exception]:
        """Lock, decide in order, write: one transaction."""
        self._metrics.report_batch.observe(len(batch))
        async with self._store.transaction() as unit:
            locked = await unit.lock(sorted({prepared.report.job_id for prepared in batch}))
            jobs = dict(locked.jobs)
            applied: list[Applied | Exception] = []
            changes: list[Change] = []
            for prepared in batch:
                job = jobs.get(prepared.report.job_id)
                if job is None:
                    applied.append(Applied(Decision(Outcome.FENCED), None))
                    continue
                decision = decide(job, prepared, Chance(locked.now, _RANDOM.random(), self._log_limit))
                if decision.change is not None:
                    job = jobs[job.id] = decision.change.job
                    changes.append(decision.change)
                applied.append(Applied(decision, job))
            await unit.write(locked.jobs, changes)
        self._announcer.committed(changes)
        return applied

    def _count(self, checked: Sequence[Prepared | ReportOutcome], outcomes: Sequence[ReportOutcome]) -> None:
        for item, outcome in zip(checked, outcomes, strict=True):
            kind = item.report.kind if isinstance(item, Prepared) else "malformed"
            self._metrics.reports.labels(kind, outcome.outcome).inc()


def _checked(raw: JsonValue, index: int) -> Prepared | ReportOutcome:
    try:
        return prepare(REPORT.validate_python(raw))
    except ValidationError as error:
        problem = problem_of_validation(error, ("reports", index), tags=1)
    except JobsError as error:
        problem = problem_document(error.within(pointer(["reports", index])))
    return _invalid(raw, problem)


def _invalid(raw: JsonValue, problem: Problem) -> ReportOutcome:
    job_id = raw.get("job_id") if isinstance(raw, dict) else None
    shown = job_id if isinstance(job_id, str) and len(job_id) <= _JOB_ID_LIMIT else None
    return ReportOutcome(job_id=shown, outcome=Outcome.INVALID, problem=_shortened(problem))


def _shortened(problem: Problem) -> Problem:
    """With a thousand wrong reports in a batch the answer must fit a message all the same."""
    errors = tuple(
        error.model_copy(update={"message": error.message[:_MESSAGE_LIMIT]})
        for error in problem.errors[:_ERRORS_LIMIT]
    )
    return problem.model_copy(update={"detail": problem.detail[:_MESSAGE_LIMIT], "errors": errors})


def _outcome(prepared: Prepared, answer: Applied | Exception) -> ReportOutcome:
    """Return the answer to one report; raises `Unavailable` when nobody knows."""
    job_id = prepared.report.job_id
    if isinstance(answer, Unavailable):
        raise answer
    if isinstance(answer, Exception):
        return ReportOutcome(job_id=job_id, outcome=Outcome.INVALID, problem=problem_document(answer))
    decision, job = answer.decision, answer.job
    is_owner = decision.outcome is not Outcome.FENCED
    return ReportOutcome(
        job_id=job_id,
        outcome=decision.outcome,
        revision=job.revision if job else None,
        cancel_requested=is_owner and job is not None and job.cancel_requested,
        problem=problem_document(decision.error) if decision.error else None,
    )
