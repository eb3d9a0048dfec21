"""NATS request and reply: parse, call, reply."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from wayside_events.bus import Endpoint
from wayside_events.contracts.governance import PROPOSE_SUBJECT, ProposeReply, ProposeRequest
from wayside_governance.service.intake import IntakeService
from wayside_service.tracing import TraceContext, traced


def endpoints(intake: IntakeService) -> Sequence[Endpoint]:
    """Return what governance answers on NATS; whoever may publish there may propose."""

    async def propose(request: ProposeRequest) -> ProposeReply:
        with _trace_of(request):
            outcomes = await intake.propose(request.scope, request.proposed_by, request.proposals)
        return ProposeReply(outcomes=outcomes)

    return (Endpoint(PROPOSE_SUBJECT, ProposeRequest, propose),)


def _trace_of(request: ProposeRequest) -> AbstractContextManager[None]:
    """Continue the trace the body names: producers that batch have no headers of one trace."""
    named = TraceContext.parse(request.traceparent)
    return traced(named.child()) if named else nullcontext()
