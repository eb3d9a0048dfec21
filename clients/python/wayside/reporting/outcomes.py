"""What an answer to a report means for the attempt: decided here, carried out by the reporter."""

from enum import StrEnum
from typing import assert_never

from wayside.reporting.buffer import Report
from wayside.reporting.encoding import clip
from wayside_events.contracts.jobs import Outcome, ReportOutcome
from wayside_events.contracts.problems import Problem
from wayside_events.jobs import JobError

ENDINGS = frozenset({"complete", "fail", "release", "acknowledge_cancel"})
SUBSTITUTIONS = 2
"""Endings tried after a refused one, each simpler than the last; then only the lease can end the attempt."""


class Consequence(StrEnum):
    """What to do about an answer."""

    NOTHING = "nothing"  # it was taken in
    CANCEL = "cancel"  # taken in, and a user wants the job to end
    SETTLED = "settled"  # the ending was taken in: the attempt is over
    FENCED = "fenced"  # the attempt is not ours any more
    DROPPED = "dropped"  # the report was refused; nothing depends on it
    SUBSTITUTE = "substitute"  # the ending was refused: the job would hang, so another must be said
    ABANDONED = "abandoned"  # no ending is taken in: the lease will end the attempt


def consequence_of(kind: str, outcome: ReportOutcome, *, refusals: int = 0) -> Consequence:
    """Decide on the answer to a report of `kind`; `refusals` counts the refused endings of the attempt so far."""
    is_ending = kind in ENDINGS
    match outcome.outcome:
        case Outcome.FENCED:
            return Consequence.FENCED
        case Outcome.ACCEPTED | Outcome.STALE if is_ending:
            return Consequence.SETTLED
        case Outcome.INVALID if is_ending:
            return Consequence.SUBSTITUTE if refusals < SUBSTITUTIONS else Consequence.ABANDONED
        case Outcome.ACCEPTED | Outcome.STALE | Outcome.INVALID if outcome.cancel_requested:
            return Consequence.CANCEL
        case Outcome.ACCEPTED | Outcome.STALE:
            return Consequence.NOTHING
        case Outcome.INVALID:
            return Consequence.DROPPED
        case _:
            assert_never(outcome.outcome)


def substitute_for(kind: str, problem: Problem | None, refusals: int) -> Report:
    """Return the failure to report in place of an ending that was refused."""
    reason = f"{problem.code}: {problem.detail}" if problem else "no reason given"
    error = JobError(
        code="result_refused" if kind == "complete" else "report_refused",
        message=clip(
            f"the jobs service refused the report '{kind}': {reason}", 1_000 if refusals else 10_000
        ),
        retryable=kind != "complete",
    )
    return {"kind": "fail", "error": error.model_dump(mode="json", exclude_none=True)}
