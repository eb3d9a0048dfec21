"""NATS request and reply: parse, call, reply."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from wayside_events.bus import Endpoint
from wayside_events.contracts.governance import (
    PROPOSE_SUBJECT,
    WITHDRAW_SUBJECT,
    ProposalOutcome,
    ProposeReply,
    ProposeRequest,
    WithdrawAsRequest,
    WithdrawManyReply,
)
from wayside_events.contracts.problems import FieldError, Problem, summary
from wayside_governance.service.intake import IntakeService
from wayside_governance.service.withdrawing import WithdrawalService
from wayside_service.errors import InvalidInput
from wayside_service.tracing import TraceContext, traced

PROBLEMS_BYTES = 256 * 1024
"""How much of a reply may say what is wrong: a message holds 1 MiB, and outcomes without problems need 100 KiB of it."""

_BRIEF_DETAIL = 100


def endpoints(intake: IntakeService, withdrawals: WithdrawalService) -> Sequence[Endpoint]:
    """Return what governance answers on NATS; whoever may publish there may propose and withdraw."""

    async def propose(request: ProposeRequest) -> ProposeReply:
        _check_storable("/proposed_by", request.proposed_by)
        _check_storable("/on_behalf_of", request.on_behalf_of)
        with _trace_of(request):
            outcomes = await intake.propose(
                request.scope,
                request.proposed_by,
                request.proposals,
                on_behalf_of=request.on_behalf_of,
            )
        return ProposeReply(outcomes=tuple(_fitting(outcomes)))

    async def withdraw(request: WithdrawAsRequest) -> WithdrawManyReply:
        for field in ("proposed_by", "analysis_run_id", "note"):
            _check_storable(f"/{field}", getattr(request, field))
        answer = await withdrawals.withdraw_many(request.proposed_by, request)
        return WithdrawManyReply.model_validate_json(answer.body)

    return (
        Endpoint(PROPOSE_SUBJECT, ProposeRequest, propose),
        Endpoint(WITHDRAW_SUBJECT, WithdrawAsRequest, withdraw),
    )


def _check_storable(field: str, text: str | None) -> None:
    if "\0" in (text or ""):
        message = "A NUL character is not allowed"
        errors = [FieldError(field=field, code="null_character", message=message)]
        raise InvalidInput(summary(errors), errors=errors)


def _fitting(outcomes: Sequence[ProposalOutcome]) -> Iterator[ProposalOutcome]:
    """Yield the outcomes; once the problems before took all their room, a problem is brief.

    What was stored must be answered: a reply that is too large would hide the outcomes of the valid proposals too.
    """
    room = PROBLEMS_BYTES
    for outcome in outcomes:
        if outcome.problem is None:
            yield outcome
            continue
        room -= len(outcome.problem.model_dump_json())
        yield outcome if room >= 0 else outcome.model_copy(update={"problem": _brief(outcome.problem)})


def _brief(problem: Problem) -> Problem:
    return problem.model_copy(update={"errors": (), "detail": problem.detail[:_BRIEF_DETAIL]})


def _trace_of(request: ProposeRequest) -> AbstractContextManager[None]:
    """Continue the trace the body names: producers that batch have no headers of one trace."""
    named = TraceContext.parse(request.traceparent)
    return traced(named.child()) if named else nullcontext()
