"""NATS request and reply: parse, call, reply."""

from collections.abc import Sequence

from wayside_events.bus import Endpoint, request_headers
from wayside_events.contracts.governance import PROPOSE_SUBJECT, ProposeReply, ProposeRequest
from wayside_governance.service.intake import IntakeService
from wayside_service.tracing import TraceContext, traced


def endpoints(intake: IntakeService) -> Sequence[Endpoint]:
    """Return what governance answers on NATS; whoever may publish there may propose."""

    async def propose(request: ProposeRequest) -> ProposeReply:
        with traced(_trace_of(request.traceparent)):
            outcomes = await intake.propose(request.scope, request.proposed_by, request.proposals)
        return ProposeReply(outcomes=outcomes)

    return (Endpoint(PROPOSE_SUBJECT, ProposeRequest, propose),)


def _trace_of(traceparent: str | None) -> TraceContext:
    """Continue the caller's trace, from the body or the headers."""
    caller = TraceContext.parse(traceparent or request_headers.get().get("traceparent"))
    return caller.child() if caller else TraceContext.new()
